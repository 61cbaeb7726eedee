//! How values print: `str(x)` and `repr(x)` of Python.

use std::cell::Cell;
use std::fmt::{self, Write};

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Output, State, Value};

use super::{PyDecimal, PyDict, PyList, PySet};
use crate::jinja::modules::datetime;
use crate::jinja::root::Unknown;

/// Containers inside containers are cut off here, which also ends lists that
/// contain themselves.
const MAX_DEPTH: usize = 100;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// `str(value)`.
pub(crate) fn to_str(value: &Value) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_str(&mut out, value);
    out
}

/// `repr(value)`.
pub(crate) fn to_repr(value: &Value) -> String {
    let mut out = String::new();
    let _ = write_repr(&mut out, value);
    out
}

/// Prints a value into the output of a template.
pub(crate) fn format_value(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String => out.write_str(value.as_str().unwrap_or_default())?,
        ValueKind::Undefined => {}
        ValueKind::Invalid => {
            value.try_iter()?;
        }
        _ => write_str(out, value)?,
    }
    Ok(())
}

fn write_str(out: &mut impl Write, value: &Value) -> fmt::Result {
    if let Some(number) = float_of(value) {
        return out.write_str(&float_repr(number));
    }
    match value.downcast_object_ref::<Tuple>() {
        Some(tuple) => write_tuple(out, tuple),
        None if value.kind() == ValueKind::Bytes => write!(out, "{value:?}"),
        None => write!(out, "{value}"),
    }
}

fn write_repr(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined => out.write_str("Undefined"),
        ValueKind::Number => write_str(out, value),
        _ if value.is_tuple() => write_str(out, value),
        _ => match PyDecimal::of(value) {
            Some(decimal) => write!(out, "Decimal('{decimal}')"),
            None => match datetime::repr(value) {
                Some(text) => out.write_str(&text),
                None => write!(out, "{value:?}"),
            },
        },
    }
}

fn write_tuple(out: &mut impl Write, tuple: &[Value]) -> fmt::Result {
    let close = if tuple.len() == 1 { ",)" } else { ")" };
    write_sequence(out, "(", tuple, close)
}

fn float_of(value: &Value) -> Option<f64> {
    if value.is_number() && !value.is_integer() {
        return f64::try_from(value.clone()).ok();
    }
    None
}

/// `repr` of a float: shortest digits, exponents from 1e16 and below 1e-4.
pub(crate) fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_string();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_string();
    }
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn deeper(out: &mut impl Write, write: impl FnOnce(&mut dyn Write) -> fmt::Result) -> fmt::Result {
    let depth = DEPTH.get();
    if depth >= MAX_DEPTH {
        return out.write_str("...");
    }
    DEPTH.set(depth + 1);
    let result = write(out);
    DEPTH.set(depth);
    result
}

struct Proxy<'a>(&'a mut dyn Write);

impl Write for Proxy<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.write_str(s)
    }
}

/// Writes `open`, the elements' repr, and `close`.
pub(crate) fn write_sequence(out: &mut impl Write, open: &str, items: &[Value], close: &str) -> fmt::Result {
    out.write_str(open)?;
    deeper(out, |out| {
        let mut out = Proxy(out);
        for (ix, item) in items.iter().enumerate() {
            if ix > 0 {
                out.write_str(", ")?;
            }
            write_repr(&mut out, item)?;
        }
        Ok(())
    })?;
    out.write_str(close)
}

/// Writes a mapping's repr.
pub(crate) fn write_mapping(out: &mut impl Write, pairs: &[(Value, Value)]) -> fmt::Result {
    out.write_str("{")?;
    deeper(out, |out| {
        let mut out = Proxy(out);
        for (ix, (key, value)) in pairs.iter().enumerate() {
            if ix > 0 {
                out.write_str(", ")?;
            }
            write_repr(&mut out, key)?;
            out.write_str(": ")?;
            write_repr(&mut out, value)?;
        }
        Ok(())
    })?;
    out.write_str("}")
}

/// The name of a value's type, as Python's error messages have it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        _ if value.is_tuple() => "tuple",
        _ if value.downcast_object_ref::<PyList>().is_some() => "list",
        _ if value.downcast_object_ref::<PyDict>().is_some() => "dict",
        _ if value.downcast_object_ref::<PySet>().is_some() => "set",
        _ if PyDecimal::of(value).is_some() => "decimal.Decimal",
        _ if Unknown::of(value).is_some() => "Undefined",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        _ => "object",
    }
}
