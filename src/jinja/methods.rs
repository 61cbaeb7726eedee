//! Methods of values that are no objects of ours: strings, numbers, tuples,
//! and what Rust made without thinking of Python.

mod string;

use std::sync::Arc;

use minijinja::value::{Object, ValueKind};
use minijinja::{Error, State, Value};

use super::py::args::bind;
use super::py::{PyDict, PyList, iterate};
use super::root::Unknown;

/// Calls a method that the value itself does not have; `None` if unknown.
pub(crate) fn call_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    match value.kind() {
        ValueKind::String => string::call(state, value.as_str()?, method, args),
        ValueKind::Number | ValueKind::Bool => number_method(value, method, args),
        ValueKind::Bytes if method == "decode" => {
            Some(Ok(Value::from(String::from_utf8_lossy(value.as_bytes()?).into_owned())))
        }
        ValueKind::Seq | ValueKind::Iterable if Unknown::of(value).is_none() => {
            sequence_method(state, value, method, args)
        }
        ValueKind::Map => map_method(state, value, method, args),
        _ => None,
    }
}

fn number_method(value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "is_integer" => bind("is_integer", [], 0, args).map(|[]| {
            let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
            Value::from(value.is_integer() || float.fract() == 0.0)
        }),
        "bit_length" if value.is_integer() => bind("bit_length", [], 0, args).map(|[]| {
            let int = i128::try_from(value.clone()).unwrap_or(0);
            Value::from(i128::BITS - int.unsigned_abs().leading_zeros())
        }),
        _ => return None,
    })
}

/// Reading methods of sequences that cannot change: tuples and views.
fn sequence_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    if !matches!(method, "index" | "count" | "copy") {
        return None;
    }
    let items = match iterate(value) {
        Ok(items) => items,
        Err(err) => return Some(Err(err)),
    };
    Some(PyList::value(items).call_method(state, method, args))
}

/// Reading methods of mappings that cannot change.
fn map_method(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    if method == "get" {
        return Some(bind("get", ["key", "default"], 1, args).map(|[key, default]| {
            match value.get_item(&key.unwrap_or_default()) {
                Ok(found) if !found.is_undefined() => found,
                _ => default.unwrap_or(Value::from(())),
            }
        }));
    }
    if !matches!(method, "keys" | "values" | "items" | "copy") {
        return None;
    }
    let pairs = super::py::pairs_of(value).ok()?;
    Some(PyDict::from_pairs(pairs).into_value().call_method(state, method, args))
}

/// Methods of read-only mappings: `get`, `keys`, `values`, `items`, `copy`.
pub(crate) fn mapping_method<T: Object + 'static>(
    state: &mut State<'_, '_>,
    object: Arc<T>,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    map_method(state, &Value::from_dyn_object(object), method, args)
}
