//! An index of a model's config, as `adapter.parse_index` gives it to macros.

use minijinja::{Error, Value};
use serde_json::Value as Data;

use super::adapter::one;
use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{callable, md5_hex, none};
use crate::jinja::py::{self, PyDict, PyList};

/// Reads an index: its columns, whether it is unique, `more` keys of the adapter, and `render` for its name.
pub(super) fn parse(raw: &Value, more: &[&'static str]) -> Result<Value, Error> {
    if raw.is_none() || raw.is_undefined() {
        return Ok(none());
    }
    let Data::Object(index) = py::to_json(raw) else {
        let message = format!("The index config must be a mapping, got: {}", py::to_repr(raw));
        return Err(fail(Code::PropertyInvalid, message));
    };
    let Some(columns) = index.get("columns").and_then(Data::as_array) else {
        return Err(fail(Code::PropertyInvalid, "Could not parse index config: 'columns' is a required property"));
    };
    let names: Vec<String> = columns.iter().filter_map(Data::as_str).map(str::to_string).collect();
    let is_unique = Value::from(index.get("unique").and_then(Data::as_bool).unwrap_or(false));
    let own: Vec<(&'static str, Value)> =
        more.iter().map(|key| (*key, index.get(*key).map_or_else(none, py::from_json))).collect();
    let for_name: Vec<String> =
        [&is_unique].into_iter().chain(own.iter().map(|(_, value)| value)).map(py::to_str).collect();
    let columns = names.join("_");
    let render = callable("render", move |_, args| {
        let relation = py::to_str(&one("render", "relation", args)?);
        // The moment keeps names of one index apart between runs.
        let moment = jiff::Timestamp::now().to_string();
        Ok(Value::from(md5_hex(&[columns.as_str(), &relation, &for_name.join("_"), &moment].join("_"))))
    });
    let names = PyList::value(names.into_iter().map(Value::from).collect());
    let parts = [("columns", names), ("unique", is_unique), ("render", render)];
    Ok(PyDict::from_strings(parts.into_iter().chain(own)).into_value())
}
