//! The types of `modules.datetime`, as templates call them.

use jiff::Timestamp;
use minijinja::{Error, State, Value};

use super::calendar::{DAY, Fields, day_number};
use super::format::strptime;
use super::{Moment, PyDate, PyDateTime, PyDelta, PyTime, Zone, checked, moment_arg, zone_arg};
use crate::jinja::error::{type_error, value_error};
use crate::jinja::modules::{PyType, table};
use crate::jinja::py::args::{bind, integer, string};
use crate::jinja::py::text;

/// `modules.datetime`.
pub(crate) fn module() -> Value {
    table([
        ("date", Value::from_object(date_type())),
        ("datetime", Value::from_object(datetime_type())),
        ("time", Value::from_object(time_type())),
        ("timedelta", Value::from_object(delta_type())),
        ("timezone", Value::from_object(timezone_type())),
    ])
}

fn datetime_type() -> PyType {
    let last = 3_652_059 * DAY - 1;
    PyType {
        name: "datetime.datetime",
        call: new_datetime,
        functions: &[
            ("now", now),
            ("utcnow", utcnow),
            ("today", utcnow_local),
            ("strptime", datetime_strptime),
            ("fromisoformat", datetime_from_iso),
            ("fromtimestamp", from_timestamp),
            ("utcfromtimestamp", from_timestamp),
            ("combine", combine),
            ("fromordinal", datetime_from_ordinal),
        ],
        constants: vec![("min", PyDateTime::value(Moment::naive(0))), ("max", PyDateTime::value(Moment::naive(last)))],
    }
}

fn date_type() -> PyType {
    PyType {
        name: "datetime.date",
        call: new_date,
        functions: &[
            ("today", date_today),
            ("fromisoformat", date_from_iso),
            ("fromordinal", date_from_ordinal),
            ("fromtimestamp", date_from_timestamp),
        ],
        constants: vec![("min", PyDate::value(0)), ("max", PyDate::value(3_652_058))],
    }
}

fn time_type() -> PyType {
    PyType {
        name: "datetime.time",
        call: new_time,
        functions: &[("fromisoformat", time_from_iso)],
        constants: vec![("min", PyTime::value(0)), ("max", PyTime::value(DAY - 1))],
    }
}

fn delta_type() -> PyType {
    PyType { name: "datetime.timedelta", call: new_delta, functions: &[], constants: Vec::new() }
}

fn timezone_type() -> PyType {
    PyType {
        name: "datetime.timezone",
        call: new_timezone,
        functions: &[],
        constants: vec![("utc", super::zone::PyZone::value(Zone::Utc))],
    }
}

fn new_timezone(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [offset, _name] = bind("timezone", ["offset", "name"], 1, args)?;
    let offset = offset.unwrap_or_default();
    match offset.downcast_object_ref::<PyDelta>() {
        Some(delta) if delta.0 == 0 => Ok(super::zone::PyZone::value(Zone::Utc)),
        Some(delta) => Ok(super::zone::PyZone::value(Zone::Fixed(delta.0 / 1_000_000))),
        None => Err(type_error("the offset of a timezone must be a timedelta")),
    }
}

fn int_or(value: Option<Value>, default: i64) -> Result<i64, Error> {
    value.map_or(Ok(default), |value| integer(&value))
}

fn new_datetime(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"];
    let [year, month, day, hour, minute, second, micro, zone] = bind("datetime", names, 3, args)?;
    let fields = Fields {
        year: int_or(year, 1)?,
        month: int_or(month, 1)?,
        day: int_or(day, 1)?,
        hour: int_or(hour, 0)?,
        minute: int_or(minute, 0)?,
        second: int_or(second, 0)?,
        micro: int_or(micro, 0)?,
    };
    let micros = fields.micros().map_err(value_error)?;
    let zone = zone_arg(zone)?.map(|zone| zone.as_tzinfo());
    Ok(PyDateTime::value(Moment { micros, zone }))
}

fn new_date(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [year, month, day] = bind("date", ["year", "month", "day"], 3, args)?;
    let fields = Fields { year: int_or(year, 1)?, month: int_or(month, 1)?, day: int_or(day, 1)?, ..Fields::default() };
    let micros = fields.micros().map_err(value_error)?;
    Ok(PyDate::value(micros / DAY))
}

fn new_time(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["hour", "minute", "second", "microsecond", "tzinfo"];
    let [hour, minute, second, micro, _zone] = bind("time", names, 0, args)?;
    let fields = Fields {
        year: 1,
        month: 1,
        day: 1,
        hour: int_or(hour, 0)?,
        minute: int_or(minute, 0)?,
        second: int_or(second, 0)?,
        micro: int_or(micro, 0)?,
    };
    fields.micros().map_err(value_error).map(PyTime::value)
}

fn new_delta(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
    const UNITS: [i64; 7] = [DAY, 1_000_000, 1, 1_000, 60_000_000, 3_600_000_000, 7 * DAY];
    let mut total = 0_i64;
    for (value, unit) in bind("timedelta", names, 0, args)?.into_iter().zip(UNITS) {
        let Some(value) = value else { continue };
        let part = if value.is_integer() {
            value.as_i64().and_then(|n| n.checked_mul(unit))
        } else {
            let number = f64::try_from(value.clone())
                .map_err(|_| type_error(format!("unsupported type for timedelta: {}", text::type_name(&value))))?;
            Some((number * unit as f64).round() as i64)
        };
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| value_error("timedelta is too large"))?;
    }
    Ok(PyDelta::value(total))
}

fn unix_now() -> i64 {
    Timestamp::now().as_microsecond()
}

fn unix_epoch() -> i64 {
    day_number(1970, 1, 1) * DAY
}

fn now(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [zone] = bind("now", ["tz"], 0, args)?;
    let moment = Moment::naive(unix_now() + unix_epoch());
    match zone_arg(zone)? {
        Some(zone) => moment.in_zone(&zone).map(PyDateTime::value),
        None => Ok(PyDateTime::value(local(moment)?)),
    }
}

/// The same moment in the machine's zone, without saying so.
fn local(moment: Moment) -> Result<Moment, Error> {
    let system = Zone::Named(jiff::tz::TimeZone::system(), String::new());
    let moved = moment.in_zone(&std::sync::Arc::new(system))?;
    Ok(Moment::naive(moved.micros))
}

fn utcnow(_state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
    Ok(PyDateTime::value(Moment::naive(unix_now() + unix_epoch())))
}

fn utcnow_local(_state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
    local(Moment::naive(unix_now() + unix_epoch())).map(PyDateTime::value)
}

fn date_today(_state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
    let moment = local(Moment::naive(unix_now() + unix_epoch()))?;
    Ok(PyDate::value(moment.micros.div_euclid(DAY)))
}

fn from_timestamp(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [seconds, zone] = bind("fromtimestamp", ["timestamp", "tz"], 1, args)?;
    let moment = Moment::naive(timestamp_arg(seconds)?);
    match zone_arg(zone)? {
        Some(zone) => moment.in_zone(&zone).map(PyDateTime::value),
        None => local(moment).map(PyDateTime::value),
    }
}

fn date_from_timestamp(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [seconds] = bind("fromtimestamp", ["timestamp"], 1, args)?;
    let moment = local(Moment::naive(timestamp_arg(seconds)?))?;
    Ok(PyDate::value(moment.micros.div_euclid(DAY)))
}

fn timestamp_arg(value: Option<Value>) -> Result<i64, Error> {
    let seconds = f64::try_from(value.unwrap_or_default()).map_err(|_| type_error("a timestamp must be a number"))?;
    checked(((seconds * 1e6).round() as i64).saturating_add(unix_epoch()))
}

fn datetime_strptime(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [text, format] = bind("strptime", ["date_string", "format"], 2, args)?;
    let (text, format) = (text.unwrap_or_default(), format.unwrap_or_default());
    let (Some(text), Some(format)) = (text.as_str(), format.as_str()) else {
        let wrong = if text.as_str().is_none() { &text } else { &format };
        let position = if text.as_str().is_none() { 1 } else { 2 };
        return Err(type_error(format!("strptime() argument {position} must be str, not {}", text::type_name(wrong))));
    };
    let parsed = strptime(text, format).map_err(value_error)?;
    let micros = parsed.fields.micros().map_err(value_error)?;
    Ok(PyDateTime::value(Moment { micros, zone: parsed.offset.map(Zone::fixed) }))
}

fn iso_arg(args: &[Value]) -> Result<String, Error> {
    let [text] = bind("fromisoformat", ["date_string"], 1, args)?;
    let text = text.unwrap_or_default();
    string(&text).map(str::to_string).map_err(|_| type_error("fromisoformat: argument must be str"))
}

/// The date or the moment that an ISO form tells.
pub(crate) fn from_isoformat(text: &str) -> Option<Value> {
    if text.len() > 10 { datetime_of(text).ok() } else { date_of_iso(text).ok() }
}

fn datetime_from_iso(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    datetime_of(&iso_arg(args)?)
}

fn datetime_of(text: &str) -> Result<Value, Error> {
    let invalid = || value_error(format!("Invalid isoformat string: '{text}'"));
    let (date, time) = match text.get(10..) {
        None => return Err(invalid()),
        Some("") => (text, ""),
        Some(time) => (&text[..10], time.get(1..).unwrap_or_default()),
    };
    let date_format = "%Y-%m-%d";
    let day = strptime(date, date_format).map_err(|_| invalid())?;
    let mut fields = day.fields;
    let mut zone = None;
    if !time.is_empty() {
        let parsed = parse_iso_time(time).ok_or_else(invalid)?;
        fields.hour = parsed.fields.hour;
        fields.minute = parsed.fields.minute;
        fields.second = parsed.fields.second;
        fields.micro = parsed.fields.micro;
        zone = parsed.offset.map(Zone::fixed);
    }
    let micros = fields.micros().map_err(value_error)?;
    Ok(PyDateTime::value(Moment { micros, zone }))
}

fn parse_iso_time(text: &str) -> Option<super::format::ParsedTime> {
    let formats = ["%H:%M:%S.%f%z", "%H:%M:%S.%f", "%H:%M:%S%z", "%H:%M:%S", "%H:%M%z", "%H:%M", "%H"];
    formats.iter().find_map(|format| strptime(text, format).ok())
}

fn date_from_iso(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    date_of_iso(&iso_arg(args)?)
}

fn date_of_iso(text: &str) -> Result<Value, Error> {
    let parsed = strptime(text, "%Y-%m-%d")
        .or_else(|_| strptime(text, "%Y%m%d"))
        .map_err(|_| value_error(format!("Invalid isoformat string: '{text}'")))?;
    let micros = parsed.fields.micros().map_err(value_error)?;
    Ok(PyDate::value(micros / DAY))
}

fn time_from_iso(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let text = iso_arg(args)?;
    match parse_iso_time(&text) {
        Some(parsed) => Ok(PyTime::value(parsed.fields.time())),
        None => Err(value_error(format!("Invalid isoformat string: '{text}'"))),
    }
}

fn combine(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [date, time] = bind("combine", ["date", "time"], 2, args)?;
    let date = date.unwrap_or_default();
    let day = match date.downcast_object_ref::<PyDate>() {
        Some(date) => date.day,
        None => moment_arg(Some(date))?.micros.div_euclid(DAY),
    };
    let time = time.unwrap_or_default();
    let Some(time) = time.downcast_object_ref::<PyTime>() else {
        return Err(type_error("combine() argument 2 must be datetime.time"));
    };
    Ok(PyDateTime::value(Moment::naive(day * DAY + time.micros())))
}

fn ordinal(args: &[Value]) -> Result<i64, Error> {
    let [ordinal] = bind("fromordinal", ["n"], 1, args)?;
    let day = integer(&ordinal.unwrap_or_default())?.saturating_sub(1);
    checked(day.saturating_mul(DAY)).map(|_| day)
}

fn datetime_from_ordinal(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    Ok(PyDateTime::value(Moment::naive(ordinal(args)? * DAY)))
}

fn date_from_ordinal(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    ordinal(args).map(PyDate::value)
}
