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
    let index = py::to_json(raw);
    check(raw, &index, more).map_err(|(path, problem)| {
        let message = format!("Could not parse index config: at path {path}: {problem}");
        fail(Code::PropertyInvalid, message)
    })?;
    let columns = index.get("columns").and_then(Data::as_array).map(Vec::as_slice).unwrap_or_default();
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

/// Checks the types of an index's keys, in the words of dbt's schema: what is wrong, and at which path.
fn check(raw: &Value, index: &Data, more: &[&str]) -> Result<(), (String, String)> {
    let wrong = |path: &str, value: &Data, expected: &str| {
        Err((format!("[{path}]"), format!("{} is not of type '{expected}'", py::to_repr(&py::from_json(value)))))
    };
    let Data::Object(keys) = index else {
        return Err(("[]".to_owned(), format!("{} is not of type 'object'", py::to_repr(raw))));
    };
    match keys.get("columns") {
        None => return Err(("[]".to_owned(), "'columns' is a required property".to_owned())),
        Some(Data::Array(columns)) => {
            if let Some((place, column)) = columns.iter().enumerate().find(|(_, column)| !column.is_string()) {
                return wrong(&format!("'columns'][{place}"), column, "string");
            }
        }
        Some(other) => return wrong("'columns'", other, "array"),
    }
    match keys.get("unique") {
        None | Some(Data::Null | Data::Bool(_)) => {}
        Some(other) => return wrong("'unique'", other, "boolean"),
    }
    for key in more {
        match keys.get(*key) {
            None | Some(Data::Null | Data::String(_)) => {}
            Some(other) => return wrong(&format!("'{key}'"), other, "string"),
        }
    }
    let is_known = |key: &str| matches!(key, "columns" | "unique") || more.contains(&key);
    match keys.keys().find(|key| !is_known(key)) {
        Some(key) => Err(("[]".to_owned(), format!("Additional properties are not allowed ('{key}' was unexpected)"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(index: Data, expected: &str) {
        let error = parse(&py::from_json(&index), &["type"]).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn keys_of_the_wrong_type_are_refused() {
        refused(json!("a"), "at path []: 'a' is not of type 'object'");
        refused(json!({"unique": true}), "at path []: 'columns' is a required property");
        refused(json!({"columns": "a, b"}), "at path ['columns']: 'a, b' is not of type 'array'");
        refused(json!({"columns": ["a", 1]}), "at path ['columns'][1]: 1 is not of type 'string'");
        refused(json!({"columns": ["a"], "unique": "yes"}), "at path ['unique']: 'yes' is not of type 'boolean'");
        refused(json!({"columns": ["a"], "type": 3}), "at path ['type']: 3 is not of type 'string'");
        refused(json!({"columns": ["a"], "typ": "hash"}), "not allowed ('typ' was unexpected)");
        assert!(parse(&py::from_json(&json!({"columns": ["a"], "unique": null, "type": "hash"})), &["type"]).is_ok());
    }
}
