//! `modules.datetime`: dates, times, moments and spans of time.

mod calendar;
mod delta;
mod format;
mod time;
mod types;
mod zone;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::{bound, native};
use crate::jinja::error::{type_error, value_error};
use crate::jinja::py::args::{CallArgs, bind, integer, string};
use crate::jinja::py::text;
use calendar::{DAY, Fields, date_of, in_range};
pub(crate) use delta::PyDelta;
use format::{ZoneText, offset_text, strftime, unix_seconds};
pub(crate) use time::PyTime;
pub(crate) use types::{from_isoformat, module};
pub(super) use zone::pytz;
use zone::{Attached, PyZone, Zone};

/// A moment: local time, and maybe a zone.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Microseconds of local time since 0001-01-01.
    micros: i64,
    zone: Option<Attached>,
}

impl Moment {
    fn naive(micros: i64) -> Moment {
        Moment { micros, zone: None }
    }

    fn fields(&self) -> Fields {
        Fields::of(self.micros)
    }

    /// Universal time, for comparison and subtraction.
    fn universal(&self) -> i64 {
        let offset = self.zone.as_ref().map_or(0, |zone| zone.offset);
        self.micros - offset * 1_000_000
    }

    fn zone_text(&self) -> ZoneText {
        match &self.zone {
            None => ZoneText::default(),
            Some(zone) => ZoneText { offset: Some(zone.offset), name: zone.name.clone() },
        }
    }

    /// The same moment in another zone. A moment without zone counts as universal.
    fn in_zone(&self, zone: &Arc<Zone>) -> Result<Moment, Error> {
        let universal = self.universal();
        let unix = unix_seconds(&Fields::of(universal.max(0)));
        let attached = zone.at_universal(unix);
        let micros = universal + attached.offset * 1_000_000;
        checked(micros).map(|micros| Moment { micros, zone: Some(attached) })
    }

    fn isoformat(&self, separator: &str, precision: Option<&str>) -> String {
        let f = self.fields();
        let mut out = format!("{:04}-{:02}-{:02}{separator}", f.year, f.month, f.day);
        out.push_str(&time::time_text(&f, precision));
        if let Some(zone) = &self.zone {
            out.push_str(&offset_text(zone.offset, ":"));
        }
        out
    }
}

fn checked(micros: i64) -> Result<i64, Error> {
    if in_range(micros) { Ok(micros) } else { Err(value_error("date value out of range")) }
}

/// Python's `datetime`.
#[derive(Debug, Clone)]
pub(crate) struct PyDateTime(Moment);

impl PyDateTime {
    fn value(moment: Moment) -> Value {
        Value::from_object(PyDateTime(moment))
    }

    /// A moment of universal time, in seconds and microseconds since 1970.
    pub(crate) fn utc(unix_micros: i64) -> Value {
        let micros = unix_micros + calendar::day_number(1970, 1, 1) * DAY;
        PyDateTime::value(Moment { micros, zone: Some(Zone::fixed(0)) })
    }

    /// A moment without a zone, in microseconds since 1970.
    pub(crate) fn naive(unix_micros: i64) -> Value {
        let micros = unix_micros + calendar::day_number(1970, 1, 1) * DAY;
        PyDateTime::value(Moment::naive(micros))
    }

    /// The ISO form, `T` between date and time.
    pub(crate) fn isoformat(&self) -> String {
        self.0.isoformat("T", None)
    }
}

fn moment_arg(value: Option<Value>) -> Result<Moment, Error> {
    let value = value.unwrap_or_default();
    match value.downcast_object_ref::<PyDateTime>() {
        Some(moment) => Ok(moment.0.clone()),
        None => Err(type_error(format!("expected a datetime, got {}", text::type_name(&value)))),
    }
}

fn zone_arg(value: Option<Value>) -> Result<Option<Arc<Zone>>, Error> {
    match value {
        None => Ok(None),
        Some(value) if value.is_none() => Ok(None),
        Some(value) => match value.downcast_object_ref::<PyZone>() {
            Some(zone) => Ok(Some(zone.0.clone())),
            None => Err(type_error("tzinfo argument must be None or of a tzinfo subclass")),
        },
    }
}

fn part(fields: &Fields, name: &str) -> Option<i64> {
    Some(match name {
        "year" => fields.year,
        "month" => fields.month,
        "day" => fields.day,
        "hour" => fields.hour,
        "minute" => fields.minute,
        "second" => fields.second,
        "microsecond" => fields.micro,
        _ => return None,
    })
}

fn iso_calendar(fields: &Fields) -> Value {
    let (year, week, day) = fields.iso();
    Value::from(Tuple::from([Value::from(year), Value::from(week), Value::from(day)]))
}

/// Replaces the parts that were given by keyword or position.
fn replaced(fields: Fields, args: &[Value], names: &[&str]) -> Result<(Fields, CallArgs), Error> {
    let mut fields = fields;
    let mut args = CallArgs::split(args);
    let positional = std::mem::take(&mut args.positional);
    for (name, value) in names.iter().zip(positional) {
        args.keyword.push(((*name).to_string(), value));
    }
    for (name, value) in &args.keyword {
        let slot = match name.as_str() {
            "year" => &mut fields.year,
            "month" => &mut fields.month,
            "day" => &mut fields.day,
            "hour" => &mut fields.hour,
            "minute" => &mut fields.minute,
            "second" => &mut fields.second,
            "microsecond" => &mut fields.micro,
            "tzinfo" | "fold" => continue,
            other => {
                return Err(type_error(format!("'{other}' is an invalid keyword argument for replace()")));
            }
        };
        *slot = integer(value)?;
    }
    Ok((fields, args))
}

const DATETIME_PARTS: [&str; 8] = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"];

impl PyDateTime {
    fn replace(&self, args: &[Value]) -> Result<Value, Error> {
        let (fields, args) = replaced(self.0.fields(), args, &DATETIME_PARTS)?;
        let micros = fields.micros().map_err(value_error)?;
        let zone = match args.keyword("tzinfo") {
            None => self.0.zone.clone(),
            Some(zone) => zone_arg(Some(zone.clone()))?.map(|zone| zone.as_tzinfo()),
        };
        Ok(PyDateTime::value(Moment { micros, zone }))
    }

    fn method(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let fields = self.0.fields();
        Some(Ok(match method {
            "strftime" => return Some(strftime_method(&fields, &self.0.zone_text(), args)),
            "isoformat" => return Some(self.isoformat_method(args)),
            "date" => PyDate::value(self.0.micros.div_euclid(DAY)),
            "time" => PyTime::value(self.0.micros.rem_euclid(DAY)),
            "replace" => return Some(self.replace(args)),
            "astimezone" => return Some(self.astimezone(args)),
            "weekday" => Value::from(fields.weekday()),
            "isoweekday" => Value::from(fields.weekday() + 1),
            "isocalendar" => iso_calendar(&fields),
            "toordinal" => Value::from(self.0.micros.div_euclid(DAY) + 1),
            "timestamp" => {
                let epoch = calendar::day_number(1970, 1, 1) * DAY;
                Value::from((self.0.universal() - epoch) as f64 / 1e6)
            }
            "utcoffset" => match &self.0.zone {
                Some(zone) => PyDelta::value(zone.offset * 1_000_000),
                None => Value::from(()),
            },
            "tzname" => match &self.0.zone {
                Some(zone) => Value::from(zone.name.as_str()),
                None => Value::from(()),
            },
            "ctime" => Value::from(strftime(&fields, &ZoneText::default(), "%a %b %e %H:%M:%S %Y")),
            _ => return None,
        }))
    }

    fn isoformat_method(&self, args: &[Value]) -> Result<Value, Error> {
        let [separator, precision] = bind("isoformat", ["sep", "timespec"], 0, args)?;
        let separator = separator.as_ref().map_or(Ok("T"), |sep| string(sep))?;
        let precision = precision.as_ref().map(string).transpose()?;
        Ok(Value::from(self.0.isoformat(separator, precision)))
    }

    fn astimezone(&self, args: &[Value]) -> Result<Value, Error> {
        let [zone] = bind("astimezone", ["tz"], 0, args)?;
        let zone = zone_arg(zone)?.unwrap_or_else(|| Arc::new(Zone::Utc));
        self.0.in_zone(&zone).map(PyDateTime::value)
    }
}

fn strftime_method(fields: &Fields, zone: &ZoneText, args: &[Value]) -> Result<Value, Error> {
    let [format] = bind("strftime", ["format"], 1, args)?;
    let format = format.unwrap_or_default();
    Ok(Value::from(strftime(fields, zone, string(&format)?)))
}

const DATETIME_METHODS: [&str; 14] = [
    "strftime",
    "isoformat",
    "date",
    "time",
    "replace",
    "astimezone",
    "weekday",
    "isoweekday",
    "isocalendar",
    "toordinal",
    "timestamp",
    "utcoffset",
    "tzname",
    "ctime",
];

impl Object for PyDateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(value) = part(&self.0.fields(), name) {
            return Some(Value::from(value));
        }
        if name == "tzinfo" {
            return Some(match &self.0.zone {
                Some(zone) => Value::from_object(PyZone(zone.zone.clone())),
                None => Value::from(()),
            });
        }
        bound(self, name, &DATETIME_METHODS)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.method(method, args).unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<PyDateTime>()?;
        Some(self.0.universal().cmp(&other.0.universal()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.isoformat(" ", None))
    }
}

/// Python's `date`.
#[derive(Debug, Clone)]
pub(crate) struct PyDate {
    /// Days since 0001-01-01.
    day: i64,
}

impl PyDate {
    fn value(day: i64) -> Value {
        Value::from_object(PyDate { day })
    }

    /// A date as days since 1970.
    pub(crate) fn unix(days: i64) -> Value {
        PyDate::value(days + calendar::day_number(1970, 1, 1))
    }

    fn fields(&self) -> Fields {
        Fields::of(self.day * DAY)
    }

    fn method(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let fields = self.fields();
        Some(Ok(match method {
            "strftime" => return Some(strftime_method(&fields, &ZoneText::default(), args)),
            "isoformat" => Value::from(self.isoformat()),
            "weekday" => Value::from(fields.weekday()),
            "isoweekday" => Value::from(fields.weekday() + 1),
            "isocalendar" => iso_calendar(&fields),
            "toordinal" => Value::from(self.day + 1),
            "replace" => {
                let result = replaced(fields, args, &DATETIME_PARTS[..3]);
                return Some(result.and_then(|(fields, _)| {
                    let micros = fields.micros().map_err(value_error)?;
                    Ok(PyDate::value(micros.div_euclid(DAY)))
                }));
            }
            "ctime" => Value::from(strftime(&fields, &ZoneText::default(), "%a %b %e %H:%M:%S %Y")),
            _ => return None,
        }))
    }

    /// `YYYY-MM-DD`.
    pub(crate) fn isoformat(&self) -> String {
        let (year, month, day) = date_of(self.day);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

const DATE_METHODS: [&str; 8] =
    ["strftime", "isoformat", "weekday", "isoweekday", "isocalendar", "toordinal", "replace", "ctime"];

impl Object for PyDate {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match name {
            "year" | "month" | "day" => part(&self.fields(), name).map(Value::from),
            _ => bound(self, name, &DATE_METHODS),
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.method(method, args).unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.day.cmp(&other.downcast_ref::<PyDate>()?.day))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.isoformat())
    }
}

/// The ISO form of a date, time or moment; `None` for other values.
pub(crate) fn isoformat(value: &Value) -> Option<String> {
    if let Some(moment) = value.downcast_object_ref::<PyDateTime>() {
        return Some(moment.isoformat());
    }
    if let Some(date) = value.downcast_object_ref::<PyDate>() {
        return Some(date.isoformat());
    }
    value.downcast_object_ref::<PyTime>().map(|_| text::to_str(value))
}

/// How Python shows a date, a moment, a time or a span inside of lists; `None` for other values.
pub(crate) fn repr(value: &Value) -> Option<String> {
    if let Some(moment) = value.downcast_object_ref::<PyDateTime>() {
        let fields = moment.0.fields();
        let date = format!("{}, {}, {}", fields.year, fields.month, fields.day);
        let zone = moment.0.zone.as_ref().map_or_else(String::new, |zone| format!(", tzinfo={}", zone.zone.repr()));
        return Some(format!("datetime.datetime({date}, {}{zone})", time::parts(&fields)));
    }
    if let Some(date) = value.downcast_object_ref::<PyDate>() {
        let (year, month, day) = date_of(date.day);
        return Some(format!("datetime.date({year}, {month}, {day})"));
    }
    if let Some(time) = value.downcast_object_ref::<PyTime>() {
        return Some(format!("datetime.time({})", time::parts(&time.fields())));
    }
    value.downcast_object_ref::<PyDelta>().map(|delta| delta.repr())
}

type Arithmetic = Option<Result<Value, Error>>;

fn micros_of(value: &Value) -> Option<i64> {
    value.downcast_object_ref::<PyDelta>().map(|delta| delta.0)
}

fn shifted(value: &Value, micros: i64) -> Arithmetic {
    if let Some(moment) = value.downcast_object_ref::<PyDateTime>() {
        let moved = moment.0.micros.checked_add(micros).unwrap_or(-1);
        return Some(checked(moved).map(|micros| PyDateTime::value(Moment { micros, zone: moment.0.zone.clone() })));
    }
    let date = value.downcast_object_ref::<PyDate>()?;
    let day = date.day + micros.div_euclid(DAY);
    Some(checked(day.saturating_mul(DAY)).map(|_| PyDate::value(day)))
}

/// `left + right`, if one of them is of this module.
pub(crate) fn add(left: &Value, right: &Value) -> Arithmetic {
    match (micros_of(left), micros_of(right)) {
        (Some(a), Some(b)) => Some(Ok(PyDelta::value(a.saturating_add(b)))),
        (None, Some(micros)) => shifted(left, micros),
        (Some(micros), None) => shifted(right, micros),
        (None, None) => None,
    }
}

/// `left - right`.
pub(crate) fn sub(left: &Value, right: &Value) -> Arithmetic {
    match (micros_of(left), micros_of(right)) {
        (Some(a), Some(b)) => return Some(Ok(PyDelta::value(a.saturating_sub(b)))),
        (None, Some(micros)) => return shifted(left, micros.saturating_neg()),
        _ => {}
    }
    if let (Some(a), Some(b)) = (left.downcast_object_ref::<PyDateTime>(), right.downcast_object_ref::<PyDateTime>()) {
        if a.0.zone.is_some() != b.0.zone.is_some() {
            return Some(Err(type_error("can't subtract offset-naive and offset-aware datetimes")));
        }
        return Some(Ok(PyDelta::value(a.0.universal() - b.0.universal())));
    }
    let a = left.downcast_object_ref::<PyDate>()?;
    let b = right.downcast_object_ref::<PyDate>()?;
    Some(Ok(PyDelta::value((a.day - b.day) * DAY)))
}

fn number(value: &Value) -> Option<f64> {
    value.is_number().then(|| f64::try_from(value.clone()).ok())?
}

/// `left * right`.
pub(crate) fn mul(left: &Value, right: &Value) -> Arithmetic {
    let (micros, factor) = match (micros_of(left), micros_of(right)) {
        (Some(micros), None) => (micros, right),
        (None, Some(micros)) => (micros, left),
        _ => return None,
    };
    if let Some(times) = factor.is_integer().then(|| factor.as_i64()).flatten() {
        return Some(Ok(PyDelta::value(micros.saturating_mul(times))));
    }
    number(factor).map(|factor| Ok(PyDelta::value((micros as f64 * factor).round() as i64)))
}

/// `left / right`.
pub(crate) fn div(left: &Value, right: &Value) -> Arithmetic {
    let micros = micros_of(left)?;
    if let Some(divisor) = micros_of(right) {
        return Some(match divisor {
            0 => Err(value_error("division by zero")),
            divisor => Ok(Value::from(micros as f64 / divisor as f64)),
        });
    }
    let divisor = number(right)?;
    Some(if divisor == 0.0 {
        Err(value_error("division by zero"))
    } else {
        Ok(PyDelta::value((micros as f64 / divisor).round() as i64))
    })
}

/// `left // right`.
pub(crate) fn floor_div(left: &Value, right: &Value) -> Arithmetic {
    let micros = micros_of(left)?;
    let (divisor, is_span) = match micros_of(right) {
        Some(divisor) => (divisor, true),
        None => (right.is_integer().then(|| right.as_i64())??, false),
    };
    Some(match (divisor, is_span) {
        (0, _) => Err(value_error("integer division or modulo by zero")),
        (divisor, true) => Ok(Value::from(floor(micros, divisor))),
        (divisor, false) => Ok(PyDelta::value(floor(micros, divisor))),
    })
}

fn floor(a: i64, b: i64) -> i64 {
    let quotient = a.wrapping_div(b);
    if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
}
