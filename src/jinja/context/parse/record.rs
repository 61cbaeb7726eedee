//! `ref`, `source`, `metric`, `function` and `config` while parsing: they write down what they are told.

use std::fmt;
use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data};

use super::Inner;
use crate::diagnostic::Code;
use crate::jinja::context::arguments::{read_names, read_ref, read_source};
use crate::jinja::context::failure::fail;
use crate::jinja::py::{self, CallArgs, PyDict};
use crate::manifest::merge_calls;
use crate::sql::RelationKind;

pub(super) fn reference(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_ref(args)?;
    inner.facts().refs.push(call);
    Ok(inner.this())
}

pub(super) fn source(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_source(args)?;
    inner.facts().sources.push(call);
    Ok(inner.this())
}

pub(super) fn metric(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = read_names("metric", args)?;
    let name = names.last().cloned().unwrap_or_default();
    inner.facts().metrics.push(names);
    Ok(Value::from(name))
}

pub(super) fn function(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = read_names("function", args)?;
    inner.facts().functions.push(names);
    Ok(inner.this_relation(Some(RelationKind::Function)).into_value())
}

/// `config` while parsing: calls record, questions are answered with nothing.
pub(super) struct ParseConfig {
    pub(super) inner: Arc<Inner>,
}

impl fmt::Debug for ParseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}

impl ParseConfig {
    pub(super) fn record(&self, args: &[Value]) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        let options: Map<String, Data> = match (&args.positional[..], &args.keyword[..]) {
            ([options], []) => match py::to_json(options) {
                Data::Object(map) => map,
                _ => return Err(fail(Code::WrongArguments, "Invalid inline model config")),
            },
            ([], keyword) if !keyword.is_empty() => {
                keyword.iter().map(|(name, value)| (name.clone(), py::to_json(value))).collect()
            }
            _ => return Err(fail(Code::WrongArguments, "Invalid inline model config")),
        };
        let options = with_hook_names(options)?;
        merge_calls(&mut self.inner.facts().config, options);
        Ok(Value::from(""))
    }
}

/// `pre_hook` and `post_hook` are published with a hyphen.
fn with_hook_names(mut options: Map<String, Data>) -> Result<Map<String, Data>, Error> {
    for (old, new) in [("pre_hook", "pre-hook"), ("post_hook", "post-hook")] {
        let Some(value) = options.shift_remove(old) else { continue };
        if options.contains_key(new) {
            let message = format!("Invalid config, has conflicting keys \"{old}\" and \"{new}\"");
            return Err(fail(Code::WrongArguments, message));
        }
        options.insert(new.to_string(), value);
    }
    Ok(options)
}

impl Object for ParseConfig {
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.record(args)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" | "require" | "meta_get" | "meta_require" => Ok(Value::from("")),
            "persist_relation_docs" | "persist_column_docs" => Ok(Value::from(false)),
            "set" => {
                let [name, value] = CallArgs::split(args).bind("set", ["name", "value"], 2)?;
                let pair = (name.unwrap_or_default(), value.unwrap_or_default());
                self.record(&[PyDict::from_pairs([pair]).into_value()])
            }
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}
