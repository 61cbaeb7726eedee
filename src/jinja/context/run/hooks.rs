//! A node's own hooks, and what the project's hooks at the end see of a run.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Data;

use super::Inner;
use crate::jinja::functions::none;
use crate::jinja::objects::table_parts::tuple;
use crate::jinja::py::{self, PyDict, PyList};
use crate::manifest::ResourceType;

/// What `on-run-end` hooks see besides.
#[derive(Clone, Debug, Default)]
pub struct HookResults {
    /// `results`: one map a node, as `run_results.json` publishes it, with the node's map under `node`.
    pub results: Vec<Data>,
    /// `schemas`.
    pub schemas: Vec<String>,
    /// `database_schemas`.
    pub database_schemas: Vec<(Option<String>, String)>,
}

pub(super) fn hook_names(hook: &HookResults) -> Vec<(&'static str, Value)> {
    let results = hook.results.iter().map(|result| record_value(py::from_json(result))).collect();
    let pair = |(database, schema): &(Option<String>, String)| {
        let database = database.as_deref().map_or_else(none, Value::from);
        tuple(vec![database, Value::from(schema.as_str())])
    };
    vec![
        ("results", PyList::value(results)),
        ("schemas", PyList::value(hook.schemas.iter().map(|schema| Value::from(schema.as_str())).collect())),
        ("database_schemas", PyList::value(hook.database_schemas.iter().map(pair).collect())),
    ]
}

pub(super) fn hooks(inner: &Inner, key: &str) -> Value {
    let Some(node) = inner.node() else { return PyList::value(Vec::new()) };
    if inner.extras.batch.as_ref().is_some_and(|batch| !batch.runs_hooks(key)) {
        return PyList::value(Vec::new());
    }
    if matches!(node.resource_type, ResourceType::Source | ResourceType::Test | ResourceType::UnitTest) {
        return PyList::value(Vec::new());
    }
    let hooks = node.config.get(key).and_then(Data::as_array);
    let hook = |hook: &Data| {
        let (sql, is_inside) = match hook {
            Data::Object(map) => {
                let sql = map.get("sql").and_then(Data::as_str).unwrap_or_default();
                (sql, map.get("transaction").and_then(Data::as_bool).unwrap_or(true))
            }
            other => (other.as_str().unwrap_or_default(), true),
        };
        PyDict::from_strings([("sql", Value::from(sql)), ("transaction", Value::from(is_inside))]).into_value()
    };
    PyList::value(hooks.into_iter().flatten().map(hook).collect())
}

/// A mapping that also answers `to_dict()`, like dbt's results.
#[derive(Debug)]
struct Record(Value);

fn record_value(map: Value) -> Value {
    Value::from_object(Record(map))
}

impl Object for Record {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.0.get_item(key).ok().filter(|value| !value.is_undefined())?;
        Some(if key.as_str() == Some("node") { record_value(found) } else { found })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(py::iterate(&self.0).unwrap_or_default())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method == "to_dict" { Ok(self.0.clone()) } else { self.0.call_method(state, method, args) }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&py::to_str(&self.0))
    }
}
