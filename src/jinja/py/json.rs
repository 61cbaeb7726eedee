//! Between JSON and Python's values.

use serde_json::{Map, Number};

use minijinja::Value;
use minijinja::value::ValueKind;

use super::dict::pairs_of;
use super::{PyDict, PyList, PySet, text};
use crate::jinja::modules::datetime::{from_isoformat, isoformat};
use crate::jinja::root::is_undefined;
use crate::project::yaml;

/// Makes lists and dicts that templates can change.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => from_number(number),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => PyList::value(items.iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            if let Some(value) = yaml::marked(map).and_then(from_mark) {
                return value;
            }
            PyDict::from_pairs(map.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value))))
                .into_value()
        }
    }
}

fn from_mark(text: &str) -> Option<Value> {
    match text {
        "inf" | "-inf" | "nan" => text.parse::<f64>().ok().map(Value::from),
        moment => from_isoformat(moment),
    }
}

fn from_number(number: &Number) -> Value {
    if let Some(int) = number.as_i64() {
        Value::from(int)
    } else if let Some(int) = number.as_u64() {
        Value::from(int)
    } else {
        Value::from(number.as_f64().unwrap_or(f64::NAN))
    }
}

/// Makes plain JSON: tuples and sets become arrays, undefined becomes null,
/// objects without a JSON form (dates, relations) become their text.
pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    to_json_within(value, 0, |text| text.into())
}

/// As [`to_json`], with dates and moments marked.
pub(crate) fn to_marked_json(value: &Value) -> serde_json::Value {
    to_json_within(value, 0, |text| yaml::mark(&text))
}

fn to_json_within(value: &Value, depth: usize, moment: fn(String) -> serde_json::Value) -> serde_json::Value {
    // Ends lists that contain themselves.
    if depth > 200 {
        return serde_json::Value::Null;
    }
    match value.kind() {
        _ if is_undefined(value) => serde_json::Value::Null,
        ValueKind::Undefined | ValueKind::None | ValueKind::Invalid => serde_json::Value::Null,
        ValueKind::Bool => serde_json::Value::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::String => serde_json::Value::String(value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => serde_json::Value::Array(
            super::iterate(value)
                .unwrap_or_default()
                .iter()
                .map(|item| to_json_within(item, depth + 1, moment))
                .collect(),
        ),
        ValueKind::Map => {
            let mut map = Map::new();
            for (key, value) in pairs_of(value).unwrap_or_default() {
                map.insert(key_text(&key), to_json_within(&value, depth + 1, moment));
            }
            serde_json::Value::Object(map)
        }
        _ => isoformat(value).map_or_else(|| serde_json::Value::String(text::to_str(value)), moment),
    }
}

/// Whether a value is made of what YAML can say: no relations, no decimals, nothing undefined, at any depth.
pub(crate) fn is_data(value: &Value) -> bool {
    is_data_within(value, 0)
}

fn is_data_within(value: &Value, depth: usize) -> bool {
    let all = |items: &[Value]| items.iter().all(|item| is_data_within(item, depth + 1));
    match value.kind() {
        _ if is_undefined(value) || depth > 200 => false,
        ValueKind::Undefined | ValueKind::Invalid => false,
        ValueKind::Seq | ValueKind::Iterable => super::iterate(value).is_ok_and(|items| all(&items)),
        ValueKind::Map => {
            pairs_of(value).is_ok_and(|pairs| pairs.iter().all(|(key, value)| all(&[key.clone(), value.clone()])))
        }
        ValueKind::Plain => isoformat(value).is_some() || value.downcast_object_ref::<PySet>().is_some(),
        _ => true,
    }
}

fn number(value: &Value) -> serde_json::Value {
    if value.is_integer() {
        if let Some(int) = value.as_i64() {
            return int.into();
        }
        if let Ok(int) = u64::try_from(value.clone()) {
            return int.into();
        }
    }
    let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
    Number::from_f64(float).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// How `json.dumps` writes a key.
pub(crate) fn key_text(key: &Value) -> String {
    match key.kind() {
        ValueKind::None => "null".to_string(),
        ValueKind::Bool => key.is_true().to_string(),
        _ => text::to_str(key),
    }
}
