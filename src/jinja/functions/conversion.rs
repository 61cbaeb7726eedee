//! Conversions: JSON, YAML, sets, zips, hashes, differences.

use std::collections::HashMap;

use md5::{Digest, Md5};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::{callable, none, yaml_text};
use crate::jinja::py::dumps::JsonStyle;
use crate::jinja::py::{self, CallArgs, PyDict, PyList, PySet};
use crate::jinja::{type_error, value_error};

/// Adds the functions that depend on nothing but their arguments.
pub(crate) fn register(names: &mut HashMap<&'static str, Value>) {
    names.insert("fromjson", callable("fromjson", |_, args| from_json(args)));
    names.insert("tojson", callable("tojson", |_, args| to_json(args)));
    names.insert("fromyaml", callable("fromyaml", |_, args| from_yaml(args)));
    names.insert("toyaml", callable("toyaml", |_, args| to_yaml(args)));
    names.insert("set", callable("set", |_, args| set(args)));
    names.insert("set_strict", callable("set_strict", |_, args| set_strict(args)));
    names.insert("zip", callable("zip", |_, args| zip(args)));
    names.insert("zip_strict", callable("zip_strict", |_, args| zip_strict(args)));
    names.insert("local_md5", callable("local_md5", |_, args| local_md5(args)));
    names.insert("diff_of_two_dicts", callable("diff_of_two_dicts", |_, args| diff_of_two_dicts(args)));
}

fn bind<const N: usize>(
    name: &str,
    params: [&str; N],
    required: usize,
    args: &[Value],
) -> Result<[Option<Value>; N], Error> {
    CallArgs::split(args).bind(name, params, required)
}

fn from_json(args: &[Value]) -> Result<Value, Error> {
    let [text, default] = bind("fromjson", ["string", "default"], 1, args)?;
    let text = text.unwrap_or_default();
    let Some(text) = text.as_str() else {
        return Err(type_error("the JSON object must be str, bytes or bytearray"));
    };
    Ok(match serde_json::from_str(text) {
        Ok(data) => py::from_json(&data),
        Err(_) => default.unwrap_or_else(none),
    })
}

fn to_json(args: &[Value]) -> Result<Value, Error> {
    let [value, default, sort_keys] = bind("tojson", ["value", "default", "sort_keys"], 1, args)?;
    let _ = default;
    let sort_keys = sort_keys.is_some_and(|flag| flag.is_true());
    let style = JsonStyle { sort_keys, ..JsonStyle::default() };
    py::dumps::dumps(&value.unwrap_or_default(), style).map(Value::from)
}

/// `json.dumps` with Python's default separators and ASCII escapes.
pub(crate) fn dumps(data: &serde_json::Value) -> String {
    // Plain data can always be written.
    py::dumps::dumps(&py::from_json(data), JsonStyle::default()).unwrap_or_default()
}

fn from_yaml(args: &[Value]) -> Result<Value, Error> {
    let [text, default] = bind("fromyaml", ["value", "default"], 1, args)?;
    let text = text.unwrap_or_default();
    let parsed = text.as_str().and_then(|text| crate::project::yaml::parse_argument(text).ok());
    Ok(parsed.map_or_else(|| default.unwrap_or_else(none), |data| py::from_json(&data)))
}

fn to_yaml(args: &[Value]) -> Result<Value, Error> {
    let [value, default, sort_keys] = bind("toyaml", ["value", "default", "sort_keys"], 1, args)?;
    let value = value.unwrap_or_default();
    if !py::is_data(&value) {
        return Ok(default.unwrap_or_else(none));
    }
    let mut data = py::to_marked_json(&value);
    if sort_keys.is_some_and(|flag| flag.is_true()) {
        data.sort_all_objects();
    }
    Ok(Value::from(yaml_text::write(&data)))
}

fn set(args: &[Value]) -> Result<Value, Error> {
    let [value, default] = bind("set", ["value", "default"], 1, args)?;
    Ok(match py::iterate(&value.unwrap_or_default()) {
        Ok(items) => PySet::new(items).into_value(),
        Err(_) => default.unwrap_or_else(none),
    })
}

fn set_strict(args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("set_strict", ["value"], 1, args)?;
    Ok(PySet::new(py::iterate(&value.unwrap_or_default())?).into_value())
}

fn zip(args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    let default = args.keyword("default").cloned();
    match zipped(&args.positional) {
        Ok(value) => Ok(value),
        Err(_) => Ok(default.unwrap_or_else(none)),
    }
}

fn zip_strict(args: &[Value]) -> Result<Value, Error> {
    zipped(&CallArgs::split(args).positional)
}

fn zipped(columns: &[Value]) -> Result<Value, Error> {
    let columns: Vec<Vec<Value>> = columns.iter().map(py::iterate).collect::<Result<_, _>>()?;
    let len = columns.iter().map(Vec::len).min().unwrap_or(0);
    let rows = (0..len).map(|ix| {
        let row: Vec<Value> = columns.iter().map(|column| column[ix].clone()).collect();
        Value::from(Tuple::from(row))
    });
    Ok(PyList::value(rows.collect()))
}

/// The MD5 of a text in hex.
pub(crate) fn md5_hex(text: &str) -> String {
    base16ct::lower::encode_string(&Md5::digest(text.as_bytes()))
}

fn local_md5(args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("local_md5", ["value"], 1, args)?;
    let value = value.unwrap_or_default();
    match value.as_str() {
        Some(text) => Ok(Value::from(md5_hex(text))),
        None => Err(type_error("local_md5() takes a string")),
    }
}

fn diff_of_two_dicts(args: &[Value]) -> Result<Value, Error> {
    let [a, b] = bind("diff_of_two_dicts", ["dict_a", "dict_b"], 2, args)?;
    let b: HashMap<String, Vec<String>> = string_lists(&b.unwrap_or_default())?
        .into_iter()
        .map(|(key, values)| (key.to_lowercase(), values.iter().map(|value| value.to_lowercase()).collect()))
        .collect();
    let result = PyDict::new();
    for (key, mut values) in string_lists(&a.unwrap_or_default())? {
        if let Some(others) = b.get(&key.to_lowercase()) {
            values.retain(|value| !others.contains(&value.to_lowercase()));
            if values.is_empty() {
                continue;
            }
        }
        let values = values.into_iter().map(Value::from).collect();
        result.insert(Value::from(key), PyList::value(values));
    }
    Ok(result.into_value())
}

fn string_lists(value: &Value) -> Result<Vec<(String, Vec<String>)>, Error> {
    if value.kind() != ValueKind::Map {
        return Err(value_error("diff_of_two_dicts() takes two dicts of lists"));
    }
    let keys = py::iterate(value)?;
    keys.iter()
        .map(|key| {
            let items = py::iterate(&value.get_item(key)?)?;
            Ok((py::to_str(key), items.iter().map(py::to_str).collect()))
        })
        .collect()
}
