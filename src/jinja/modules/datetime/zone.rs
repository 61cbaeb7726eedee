//! Time zones: `modules.pytz`, and the `tzinfo` of a moment.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::calendar::Fields;
use super::format::{offset_text, unix_seconds};
use super::{Moment, PyDateTime, PyDelta, moment_arg, native};
use crate::jinja::error::value_error;
use crate::jinja::modules::table;
use crate::jinja::py::PyList;
use crate::jinja::py::args::{bind, integer, string};

/// A time zone.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    Utc,
    Fixed(i64),
    Named(TimeZone, String),
}

/// A zone with the offset that holds at one moment.
#[derive(Debug, Clone)]
pub(super) struct Attached {
    pub(super) zone: Arc<Zone>,
    pub(super) offset: i64,
    pub(super) name: String,
}

impl Zone {
    /// How Python shows it inside of a moment.
    pub(super) fn repr(&self) -> String {
        match self {
            Zone::Utc => "datetime.timezone.utc".to_owned(),
            Zone::Fixed(seconds) => format!("datetime.timezone({})", PyDelta(seconds * 1_000_000).repr()),
            named => format!("<{}>", named.label()),
        }
    }

    pub(super) fn fixed(seconds: i64) -> Attached {
        let zone = if seconds == 0 { Zone::Utc } else { Zone::Fixed(seconds) };
        zone.attached(seconds)
    }

    fn attached(self, offset: i64) -> Attached {
        let name = self.fixed_name(offset);
        Attached { zone: Arc::new(self), offset, name }
    }

    fn fixed_name(&self, offset: i64) -> String {
        match self {
            Zone::Fixed(_) => format!("UTC{}", offset_text(offset, ":")),
            _ => "UTC".to_string(),
        }
    }

    /// The offset at a moment of universal time.
    pub(super) fn at_universal(self: &Arc<Self>, unix: i64) -> Attached {
        let (offset, name) = match &**self {
            Zone::Utc => (0, "UTC".to_string()),
            Zone::Fixed(offset) => (*offset, self.fixed_name(*offset)),
            Zone::Named(zone, _) => {
                let info = zone.to_offset_info(Timestamp::from_second(unix).unwrap_or_default());
                let offset = i64::from(info.offset().seconds());
                (offset, info.abbreviation().to_string())
            }
        };
        Attached { zone: self.clone(), offset, name }
    }

    /// The offset at a moment of local time; standard time where it is in doubt.
    pub(super) fn at_local(self: &Arc<Self>, fields: &Fields) -> Attached {
        let Zone::Named(zone, _) = &**self else {
            return self.at_universal(0);
        };
        let local = local_time(fields);
        let offset = match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { after, .. } => after,
        };
        let seconds = i64::from(offset.seconds());
        let mut attached = self.at_universal(unix_seconds(fields) - seconds);
        attached.offset = seconds;
        attached
    }

    /// The offset of a zone that is given as `tzinfo=` instead of through `localize`: with pytz that is the zone's
    /// oldest one, the local mean time in whole minutes.
    pub(super) fn as_tzinfo(self: &Arc<Self>) -> Attached {
        let Zone::Named(zone, _) = &**self else {
            return self.at_universal(0);
        };
        let seconds = i64::from(zone.to_offset(Timestamp::MIN).seconds());
        let mut attached = self.at_universal(0);
        attached.offset = (seconds + 30).div_euclid(60) * 60;
        attached.name = "LMT".to_string();
        attached
    }

    fn label(&self) -> String {
        match self {
            Zone::Utc => "UTC".to_string(),
            Zone::Fixed(seconds) => format!("pytz.FixedOffset({})", seconds / 60),
            Zone::Named(_, name) => name.clone(),
        }
    }
}

fn local_time(fields: &Fields) -> civil::DateTime {
    let small = |value: i64| i8::try_from(value).unwrap_or(0);
    civil::DateTime::new(
        i16::try_from(fields.year).unwrap_or(1),
        small(fields.month),
        small(fields.day),
        small(fields.hour),
        small(fields.minute),
        small(fields.second),
        0,
    )
    .unwrap_or_default()
}

/// A zone as a value.
#[derive(Debug, Clone)]
pub(super) struct PyZone(pub(super) Arc<Zone>);

impl PyZone {
    pub(super) fn value(zone: Zone) -> Value {
        Value::from_object(PyZone(Arc::new(zone)))
    }
}

impl Object for PyZone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "zone" => Some(match &*self.0 {
                Zone::Fixed(_) => Value::from(()),
                zone => Value::from(zone.label()),
            }),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "localize" => {
                let [moment, _is_dst] = bind("localize", ["dt", "is_dst"], 1, args)?;
                let moment = moment_arg(moment)?;
                if moment.zone.is_some() {
                    return Err(value_error("Not naive datetime (tzinfo is already set)"));
                }
                let attached = self.0.at_local(&moment.fields());
                Ok(PyDateTime::value(Moment { zone: Some(attached), ..moment }))
            }
            "normalize" => {
                let [moment] = bind("normalize", ["dt"], 1, args)?;
                let moment = moment_arg(moment)?;
                moment.in_zone(&self.0).map(PyDateTime::value)
            }
            "utcoffset" | "dst" => {
                let [moment] = bind(method, ["dt"], 1, args)?;
                let moment = moment_arg(moment)?;
                let offset = self.0.at_local(&moment.fields()).offset;
                Ok(PyDelta::value(offset * 1_000_000))
            }
            "tzname" => {
                let [moment] = bind("tzname", ["dt"], 1, args)?;
                Ok(Value::from(self.0.at_local(&moment_arg(moment)?.fields()).name))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.label())
    }
}

/// `modules.pytz`.
pub(in crate::jinja) fn pytz() -> Value {
    let names = || {
        let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        names.sort();
        PyList::value(names.into_iter().map(Value::from).collect())
    };
    table([
        ("utc", PyZone::value(Zone::Utc)),
        ("UTC", PyZone::value(Zone::Utc)),
        ("timezone", native("timezone", timezone)),
        ("FixedOffset", native("FixedOffset", fixed_offset)),
        ("all_timezones", names()),
        ("common_timezones", names()),
    ])
}

fn timezone(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [name] = bind("timezone", ["zone"], 1, args)?;
    let name = name.unwrap_or_default();
    let name = string(&name)?;
    if name.eq_ignore_ascii_case("utc") {
        return Ok(PyZone::value(Zone::Utc));
    }
    match TimeZone::get(name) {
        Ok(zone) => {
            let label = zone.iana_name().unwrap_or(name).to_string();
            Ok(PyZone::value(Zone::Named(zone, label)))
        }
        Err(_) => Err(value_error(format!("unknown time zone '{name}'"))),
    }
}

fn fixed_offset(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [minutes] = bind("FixedOffset", ["offset"], 1, args)?;
    let minutes = integer(&minutes.unwrap_or_default())?;
    Ok(PyZone::value(match minutes {
        0 => Zone::Utc,
        minutes => Zone::Fixed(minutes.clamp(-1439, 1439) * 60),
    }))
}
