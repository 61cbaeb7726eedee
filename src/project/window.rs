//! Windows of time that a command line gives: `--sample` and `--event-time-start`.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use serde_json::Value as Data;

use super::yaml;
use crate::diagnostic::{Code, Diagnostic};

/// A stretch of time, its end not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// The windows of an invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeWindows {
    /// `--sample`: what is read of inputs.
    pub sample: Option<TimeWindow>,
    /// `--event-time-start` and `--event-time-end`: the batches that are built.
    pub event_time: Option<TimeWindow>,
}

/// Reads the windows from the flags. `now` is the end of relative samples.
pub(super) fn read(flags: &BTreeMap<String, Data>, now: Timestamp) -> Result<TimeWindows, Box<Diagnostic>> {
    let text = |name: &str| flags.get(name).and_then(Data::as_str).filter(|text| !text.is_empty());
    let sample = text("sample").map(|text| sample(text, now)).transpose();
    let sample = sample.map_err(|message| usage(format!("Invalid value for '--sample': {message}")))?;
    let missing = |given: &str, missing: &str| {
        usage(format!(
            "The flag `{given}` was specified, but `{missing}` was not. When specifying `{given}`, `{missing}` must \
             also be present."
        ))
    };
    let moment = |name: &str, text: &str| {
        read_moment(text).ok_or_else(|| usage(format!("Invalid value for '{name}': '{text}' is no date or time.")))
    };
    let event_time = match (text("event_time_start"), text("event_time_end")) {
        (None, None) => None,
        (None, Some(_)) => return Err(missing("--event-time-end", "--event-time-start")),
        (Some(_), None) => return Err(missing("--event-time-start", "--event-time-end")),
        (Some(start), Some(end)) => {
            let window =
                TimeWindow { start: moment("--event-time-start", start)?, end: moment("--event-time-end", end)? };
            if window.start >= window.end {
                return Err(usage("Value for `--event-time-start` must be less than `--event-time-end`".to_owned()));
            }
            Some(window)
        }
    };
    Ok(TimeWindows { sample, event_time })
}

fn usage(message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::Usage, message))
}

/// Reads a date or a time in ISO form; without an offset it is universal time.
#[must_use]
pub fn read_moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let local =
        text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.to_datetime(Default::default())));
    local.ok().and_then(|local| Offset::UTC.to_timestamp(local).ok())
}

/// Reads `3 days`, or a mapping with `start` and `end`.
fn sample(text: &str, now: Timestamp) -> Result<TimeWindow, String> {
    if text.trim_start().starts_with('{') {
        let map = yaml::plain(&yaml::parse_argument(text).unwrap_or_default());
        let moment = |key: &str| {
            let value = map.get(key).and_then(Data::as_str);
            value.and_then(read_moment).ok_or_else(|| format!("`{key}` must be a date or a time"))
        };
        return Ok(TimeWindow { start: moment("start")?, end: moment("end")? });
    }
    let [count, grain] = text.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("Cannot load SAMPLE_WINDOW from '{text}'. Must be of form 'DAYS_INT GRAIN_SIZE'."));
    };
    let count: i64 = count.parse().map_err(|_| format!("Unable to convert '{count}' to an integer."))?;
    let span = match grain.to_lowercase().trim_end_matches('s') {
        "hour" => Span::new().try_hours(count),
        "day" => Span::new().try_days(count),
        "month" => Span::new().try_months(count),
        "year" => Span::new().try_years(count),
        _ => {
            return Err(format!(
                "Invalid grain size '{grain}'. Must be one of ['hour', 'day', 'month', 'year', 'hours', 'days', \
                 'months', 'years']."
            ));
        }
    };
    let start = span.and_then(|span| Offset::UTC.to_datetime(now).checked_sub(span));
    let start = start.and_then(|start| Offset::UTC.to_timestamp(start)).map_err(|error| error.to_string())?;
    Ok(TimeWindow { start, end: now })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        read_moment(text).expect("a moment")
    }

    #[track_caller]
    fn check(flags: Data, expected: &str) {
        let flags = serde_json::from_value(flags).expect("a map");
        let found = match read(&flags, at("2024-03-31 16:06:00")) {
            Ok(windows) => {
                let of = |window: Option<TimeWindow>| window.map(|window| format!("{}..{}", window.start, window.end));
                of(windows.sample).or(of(windows.event_time)).unwrap_or_default()
            }
            Err(error) => error.message.clone(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn windows_are_read_from_flags() {
        check(json!({}), "");
        check(json!({"sample": "2 hours"}), "2024-03-31T14:06:00Z..2024-03-31T16:06:00Z");
        check(json!({"sample": "1 month"}), "2024-02-29T16:06:00Z..2024-03-31T16:06:00Z");
        check(
            json!({"sample": "{'start': '2024-01-01', 'end': '2024-01-02T03:00:00'}"}),
            "2024-01-01T00:00:00Z..2024-01-02T03:00:00Z",
        );
        check(json!({"sample": "x days"}), "Invalid value for '--sample': Unable to convert 'x' to an integer.");
        check(
            json!({"event_time_start": "2024-01-01", "event_time_end": "2024-01-02"}),
            "2024-01-01T00:00:00Z..2024-01-02T00:00:00Z",
        );
        check(
            json!({"event_time_start": "2024-01-02", "event_time_end": "2024-01-02"}),
            "Value for `--event-time-start` must be less than `--event-time-end`",
        );
    }
}
