//! Python's values: lists, dicts, sets that change in place, how they print,
//! and the operators that minijinja does differently.

pub(crate) mod args;
mod decimal;
mod dict;
pub(crate) mod dumps;
pub(crate) mod functions;
mod json;
pub(crate) mod list;
pub(crate) mod native;
pub(crate) mod operators;
mod set;
pub(crate) mod text;

pub(crate) use args::CallArgs;
pub(crate) use decimal::PyDecimal;
pub(crate) use dict::{PyDict, pairs_of};
pub(crate) use dumps::{JsonStyle, dumps};
pub(crate) use json::{from_json, is_data, to_json, to_marked_json};
pub(crate) use list::PyList;
pub(crate) use set::PySet;
pub(crate) use text::{format_value, to_repr, to_str};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::error::type_error;

/// The elements of an iterable value, or Python's error.
pub(crate) fn iterate(value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(list) = value.downcast_object_ref::<PyList>() {
        return Ok(list.items());
    }
    if value.is_none() || matches!(value.kind(), ValueKind::Bool | ValueKind::Number) {
        return Err(type_error(format!("'{}' object is not iterable", text::type_name(value))));
    }
    value.try_iter()?.checked().collect()
}

/// Whether a value may be a key: what can change may not, as in Python. A
/// dict that held itself as a key could not even be looked at.
pub(crate) fn is_hashable(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Map => value.downcast_object_ref::<PyDict>().is_none(),
        ValueKind::Seq if value.is_tuple() => {
            value.try_iter().is_ok_and(|mut items| items.all(|item| is_hashable(&item)))
        }
        ValueKind::Seq => value.downcast_object_ref::<PyList>().is_none(),
        ValueKind::Iterable => value.downcast_object_ref::<PySet>().is_none(),
        _ => true,
    }
}

/// Refuses keys that can change.
pub(crate) fn check_hashable(value: &Value) -> Result<(), Error> {
    if is_hashable(value) {
        return Ok(());
    }
    Err(type_error(format!("unhashable type: '{}'", text::type_name(value))))
}
