//! `time` of a day.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::calendar::{DAY, Fields};
use super::format::ZoneText;
use super::{DATETIME_PARTS, bound, part, replaced, strftime_method};
use crate::jinja::error::value_error;

/// Python's `time`, in microseconds since midnight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PyTime(i64);

impl PyTime {
    /// A time of day as a value.
    pub(crate) fn value(micros: i64) -> Value {
        Value::from_object(PyTime(micros.rem_euclid(DAY)))
    }

    pub(super) fn micros(self) -> i64 {
        self.0
    }

    pub(super) fn fields(self) -> Fields {
        // strftime of a time counts from 1900-01-01, as Python's does.
        Fields { year: 1900, month: 1, day: 1, ..Fields::of(self.0) }
    }
}

/// `HH:MM:SS[.ffffff]`, or to the precision asked for.
pub(super) fn time_text(f: &Fields, precision: Option<&str>) -> String {
    let full = format!("{:02}:{:02}:{:02}", f.hour, f.minute, f.second);
    match precision {
        Some("hours") => full[..2].to_string(),
        Some("minutes") => full[..5].to_string(),
        Some("seconds") => full,
        Some("milliseconds") => format!("{full}.{:03}", f.micro / 1000),
        Some("microseconds") => format!("{full}.{:06}", f.micro),
        _ if f.micro != 0 => format!("{full}.{:06}", f.micro),
        _ => full,
    }
}

/// Hours, minutes, and what of the rest is not zero, as Python's constructors take them.
pub(super) fn parts(f: &Fields) -> String {
    match (f.second, f.micro) {
        (0, 0) => format!("{}, {}", f.hour, f.minute),
        (second, 0) => format!("{}, {}, {second}", f.hour, f.minute),
        (second, micro) => format!("{}, {}, {second}, {micro}", f.hour, f.minute),
    }
}

impl Object for PyTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match name {
            "hour" | "minute" | "second" | "microsecond" => part(&self.fields(), name).map(Value::from),
            "tzinfo" => Some(Value::from(())),
            _ => bound(self, name, &["strftime", "isoformat", "replace"]),
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "strftime" => strftime_method(&self.fields(), &ZoneText::default(), args),
            "isoformat" => Ok(Value::from(time_text(&self.fields(), None))),
            "replace" => {
                let (fields, _) = replaced(self.fields(), args, &DATETIME_PARTS[3..7])?;
                fields.micros().map_err(value_error)?;
                Ok(PyTime::value(fields.time()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<PyTime>()?.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time_text(&self.fields(), None))
    }
}
