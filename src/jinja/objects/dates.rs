//! Dates of the database as Python's dates.

use jiff::civil::{Date, DateTime};
use minijinja::Value;

use crate::jinja::modules::datetime::{PyDate, PyDateTime};

/// A date.
pub(crate) fn date_value(date: Date) -> Value {
    PyDate::unix(unix_seconds(date.to_datetime(jiff::civil::Time::midnight())).div_euclid(86_400))
}

/// A date and time; `is_utc` gives it the zone UTC.
pub(crate) fn datetime_value(instant: DateTime, is_utc: bool) -> Value {
    let micros = unix_seconds(instant) * 1_000_000 + i64::from(instant.subsec_nanosecond() / 1_000);
    if is_utc { PyDateTime::utc(micros) } else { PyDateTime::naive(micros) }
}

/// Seconds since 1970 of a local time, as if it were universal.
fn unix_seconds(instant: DateTime) -> i64 {
    // Times outside of jiff's range of instants do not reach here from any database.
    jiff::tz::TimeZone::UTC.to_timestamp(instant).map_or(0, |timestamp| timestamp.as_second())
}
