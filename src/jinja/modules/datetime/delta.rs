//! `timedelta`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::bound;
use super::calendar::DAY;

/// Python's `timedelta`, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PyDelta(pub(super) i64);

impl PyDelta {
    /// A span as a value.
    pub(crate) fn value(micros: i64) -> Value {
        Value::from_object(PyDelta(micros))
    }

    /// How Python shows it inside of lists.
    pub(super) fn repr(self) -> String {
        let of_day = self.0.rem_euclid(DAY);
        let parts =
            [("days", self.0.div_euclid(DAY)), ("seconds", of_day / 1_000_000), ("microseconds", of_day % 1_000_000)];
        let parts: Vec<String> =
            parts.iter().filter(|(_, number)| *number != 0).map(|(name, number)| format!("{name}={number}")).collect();
        format!("datetime.timedelta({})", if parts.is_empty() { "0".to_owned() } else { parts.join(", ") })
    }
}

impl Object for PyDelta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let within = self.0.rem_euclid(DAY);
        Some(match key.as_str()? {
            "days" => Value::from(self.0.div_euclid(DAY)),
            "seconds" => Value::from(within / 1_000_000),
            "microseconds" => Value::from(within % 1_000_000),
            name => return bound(self, name, &["total_seconds"]),
        })
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.0 != 0
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "total_seconds" => Ok(Value::from(self.0 as f64 / 1e6)),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<PyDelta>()?.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(DAY);
        let seconds = self.0.rem_euclid(DAY) / 1_000_000;
        let micros = self.0.rem_euclid(1_000_000);
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            write!(f, "{days} day{plural}, ")?;
        }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours}:{minutes:02}:{:02}", seconds % 60)?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        Ok(())
    }
}
