//! Methods of strings and other values that are no objects of ours.

use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, State, Value};

/// Calls a method that the value itself does not have; `None` if unknown.
pub(crate) fn call_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    let _ = (state, value, method, args);
    None
}

/// Methods of read-only mappings: `get`, `keys`, `values`, `items`.
pub(crate) fn mapping_method<T: Object + 'static>(
    state: &mut State<'_, '_>,
    object: Arc<T>,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    let _ = (state, object, method, args);
    None
}
