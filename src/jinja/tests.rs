//! Tests (`x is name`) that differ from minijinja's, or that it does not have.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::macros::MacroRef;
use super::modules::is_callable;
use super::py::PyDecimal;
use super::root::{Unknown, is_undefined};

/// Adds the tests.
pub(crate) fn register(env: &mut Environment<'static>) {
    env.add_test("defined", |value: &Value| !is_undefined(value));
    env.add_test("undefined", is_undefined);
    env.add_test("sequence", is_sequence);
    env.add_test("iterable", is_iterable);
    env.add_test("mapping", |value: &Value| value.kind() == ValueKind::Map);
    env.add_test("callable", |value: &Value| {
        MacroRef::of(value).is_some() || Unknown::of(value).is_some() || is_callable(value)
    });
    env.add_test("number", |value: &Value| {
        matches!(value.kind(), ValueKind::Number | ValueKind::Bool) || PyDecimal::of(value).is_some()
    });
}

fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Bytes | ValueKind::Undefined
    )
}

fn is_iterable(value: &Value) -> bool {
    is_sequence(value) || value.kind() == ValueKind::Iterable
}
