//! Dates of the database as Python's dates.

use jiff::civil::{Date, DateTime};
use minijinja::Value;

/// A date.
pub(crate) fn date_value(date: Date) -> Value {
    Value::from(date.to_string())
}

/// A date and time; `is_utc` gives it the zone UTC.
pub(crate) fn datetime_value(instant: DateTime, is_utc: bool) -> Value {
    let text = instant.to_string().replacen('T', " ", 1);
    Value::from(if is_utc { format!("{text}+00:00") } else { text })
}
