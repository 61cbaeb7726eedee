//! `config` while running: answers questions about the node's settled configuration.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Data;

use super::Inner;
use crate::diagnostic::Code;
use crate::jinja::call_value;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{given, missing_config_message, none, text_of};
use crate::jinja::py::{self, CallArgs, PyDict};
use crate::manifest::ResourceType;

/// The columns that a snapshot adds to those of its query.
const SNAPSHOT_COLUMNS: [&str; 5] =
    ["dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"];

/// `config` while running: answers questions.
pub(super) struct ConfigValue {
    pub(super) inner: Arc<Inner>,
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}

impl ConfigValue {
    fn value(&self, key: &str) -> Option<&Data> {
        let values = &self.inner.node()?.config.values;
        let key = match key {
            "pre_hook" => "pre-hook",
            "post_hook" => "post-hook",
            other => other,
        };
        values.get(key)
    }

    fn lookup(&self, key: &str, is_meta: bool) -> Option<Value> {
        if let Some(value) = self.inner.extras.batch.as_ref().and_then(|batch| batch.config(key)) {
            return Some(value);
        }
        if key == "snapshot_table_column_names" && !is_meta {
            return self.snapshot_column_names();
        }
        let found = if is_meta { self.value("meta").and_then(|meta| meta.get(key)) } else { self.value(key) };
        found.map(py::from_json)
    }

    /// The names of the columns that a snapshot adds: configured ones, or the usual ones.
    fn snapshot_column_names(&self) -> Option<Value> {
        let configured = self.value("snapshot_meta_column_names").and_then(Data::as_object);
        self.inner.node().filter(|node| node.resource_type == ResourceType::Snapshot)?;
        let name = |key: &'static str| {
            let own = configured.and_then(|names| names.get(key)).and_then(Data::as_str);
            (key, Value::from(own.filter(|name| !name.is_empty()).unwrap_or(key)))
        };
        Some(PyDict::from_strings(SNAPSHOT_COLUMNS.map(name)).into_value())
    }

    fn get(&self, state: &mut State<'_, '_>, args: &[Value], is_meta: bool) -> Result<Value, Error> {
        let [name, default, validator] = CallArgs::split(args).bind("get", ["name", "default", "validator"], 1)?;
        let has_default = given(default.clone()).is_some();
        let found = self.lookup(&text_of(name).unwrap_or_default(), is_meta);
        let value = found.or(default).unwrap_or_else(none);
        if let Some(validator) = given(validator).filter(|_| has_default) {
            call_value(state, &validator, std::slice::from_ref(&value))?;
        }
        Ok(value)
    }

    fn require(&self, state: &mut State<'_, '_>, args: &[Value], is_meta: bool) -> Result<Value, Error> {
        let [name, validator] = CallArgs::split(args).bind("require", ["name", "validator"], 1)?;
        let name = text_of(name).unwrap_or_default();
        let Some(value) = self.lookup(&name, is_meta) else {
            let id = self.inner.node_id().unwrap_or_default();
            return Err(fail(Code::PropertyInvalid, missing_config_message(id, &name)));
        };
        if let Some(validator) = given(validator) {
            call_value(state, &validator, std::slice::from_ref(&value))?;
        }
        Ok(value)
    }

    fn persists(&self, part: &str) -> Result<Value, Error> {
        match self.value("persist_docs") {
            None | Some(Data::Null) => Ok(Value::from(false)),
            Some(Data::Object(map)) => Ok(map.get(part).map_or_else(|| Value::from(false), py::from_json)),
            Some(other) => {
                let kind = py::text::type_name(&py::from_json(other));
                let message =
                    format!("Invalid value provided for 'persist_docs'. Expected dict but received <class '{kind}'>");
                Err(fail(Code::PropertyInvalid, message))
            }
        }
    }
}

impl Object for ConfigValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        // Macros pass `config` where dbt takes the node with it.
        if key == "model" { Some(self.inner.model()) } else { self.lookup(key, false) }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys =
            self.inner.node().map(|node| node.config.values.keys().map(|key| Value::from(key.as_str())).collect());
        Enumerator::Values(keys.unwrap_or_default())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Ok(Value::from(""))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => self.get(state, args, false),
            "meta_get" => self.get(state, args, true),
            "require" => self.require(state, args, false),
            "meta_require" => self.require(state, args, true),
            "set" => Ok(Value::from("")),
            "persist_relation_docs" => self.persists("relation"),
            "persist_column_docs" => self.persists("columns"),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}
