//! Results as values: what the server writes as text becomes [`Cell`]s, with the types that dbt's driver gives.
//!
//! Types that have no cell stay the text that the server writes.

use jiff::civil::{Date, DateTime, Time};

use super::super::Cell;
use super::cells_nested as nested;

/// How the values of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// `t` or `f`.
    Bool,
    /// Whole numbers.
    Int,
    /// Floating point.
    Float,
    /// Numbers as they are written.
    Decimal,
    /// `2024-02-29`.
    Date,
    /// `01:02:03.5`.
    Time,
    /// `2024-02-29 01:02:03.5`.
    Timestamp,
    /// `2024-02-29 01:02:03.5+02`.
    TimestampTz,
    /// `1 mon 2 days 03:04:05`.
    Interval,
    /// `\x00ff`.
    Bytes,
    /// A JSON document.
    Json,
    /// `{1,2}`: an array of values of a type.
    Array(u32),
    /// Anything else.
    Text,
}

impl Reader {
    /// The reader of a type, by its number.
    pub(super) fn of(type_oid: u32) -> Self {
        match type_oid {
            16 => Self::Bool,
            17 => Self::Bytes,
            20 | 21 | 23 | 26 => Self::Int,
            114 | 3802 => Self::Json,
            700 | 701 => Self::Float,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            1186 => Self::Interval,
            1700 => Self::Decimal,
            other => element_type(other).map_or(Self::Text, Self::Array),
        }
    }

    /// Reads a value that is not null.
    pub(super) fn read(self, bytes: &[u8]) -> Cell {
        // Only databases without an encoding hold other bytes.
        self.read_text(&String::from_utf8_lossy(bytes))
    }

    /// Reads a value; what cannot be read stays text.
    pub(super) fn read_text(self, text: &str) -> Cell {
        let read = match self {
            Self::Bool => Some(Cell::Bool(text == "t")),
            Self::Int => text.parse().ok().map(Cell::Int),
            Self::Float => float(text).map(Cell::Float),
            Self::Decimal => Some(Cell::Decimal(text.to_owned())),
            Self::Date => date(text).map(Cell::Date),
            Self::Time => time(text).map(Cell::Time),
            Self::Timestamp => timestamp(text).map(Cell::Timestamp),
            Self::TimestampTz => zoned(text).map(Cell::TimestampTz),
            Self::Interval => nested::interval(text).map(Cell::Text),
            Self::Bytes => bytes(text).map(Cell::Bytes),
            Self::Json => serde_json::from_str(text).ok().map(nested::json),
            Self::Array(element) => nested::array(text, Self::of(element)),
            Self::Text => None,
        };
        read.unwrap_or_else(|| Cell::Text(text.to_owned()))
    }
}

/// The type of an array's elements, for arrays that dbt's driver reads; others stay text.
fn element_type(array_oid: u32) -> Option<u32> {
    Some(match array_oid {
        199 => 114,
        1000 => 16,
        1001 => 17,
        1002 | 1003 | 1009 | 1014 | 1015 | 651 | 1040 | 1041 => 25,
        1005 => 21,
        1007 => 23,
        1016 => 20,
        1021 => 700,
        1022 => 701,
        1028 => 26,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        3807 => 3802,
        _ => return None,
    })
}

fn float(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

/// A part of a text as a number, where it is nothing but digits.
fn digits<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    let text = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

fn date(text: &str) -> Option<Date> {
    // A date before Christ ends in ` BC`, which is no digit.
    let mut parts = text.splitn(3, '-');
    Date::new(digits(parts.next())?, digits(parts.next())?, digits(parts.next())?).ok()
}

fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.splitn(3, ':');
    let nanoseconds = digits(Some(format!("{fraction:0<9}").as_str()))?;
    Time::new(digits(parts.next())?, digits(parts.next())?, digits(parts.next())?, nanoseconds).ok()
}

fn timestamp(text: &str) -> Option<DateTime> {
    let (day, rest) = text.split_once(' ')?;
    Some(DateTime::from_parts(date(day)?, time(rest)?))
}

/// An instant with the offset of the session's time zone, as date and time in UTC.
fn zoned(text: &str) -> Option<DateTime> {
    let time_starts = text.find(' ')?;
    let at = time_starts + text[time_starts..].find(['+', '-'])?;
    let (local, offset) = text.split_at(at);
    let mut parts = offset[1..].splitn(3, ':');
    let seconds = digits::<i64>(parts.next())? * 3600
        + parts.next().map_or(Some(0), |part| digits::<i64>(Some(part)))? * 60
        + parts.next().map_or(Some(0), |part| digits::<i64>(Some(part)))?;
    let seconds = if offset.starts_with('-') { seconds } else { -seconds };
    timestamp(local)?.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let hex = text.strip_prefix("\\x")?;
    let pair = |ix: usize| hex.get(ix..ix + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(type_oid: u32, text: &str, expected: Cell) {
        assert_eq!(Reader::of(type_oid).read(text.as_bytes()), expected);
    }

    #[test]
    fn values_keep_their_types() {
        check(16, "t", Cell::Bool(true));
        check(20, "-9223372036854775808", Cell::Int(i64::MIN.into()));
        check(1700, "-0.050", Cell::Decimal("-0.050".into()));
        check(1700, "NaN", Cell::Decimal("NaN".into()));
        check(701, "1e+22", Cell::Float(1e22));
        check(701, "-Infinity", Cell::Float(f64::NEG_INFINITY));
        check(1082, "2024-02-29", Cell::Date(jiff::civil::date(2024, 2, 29)));
        check(1083, "01:02:03.5", Cell::Time(jiff::civil::time(1, 2, 3, 500_000_000)));
        let moment = jiff::civil::date(2024, 2, 29).at(1, 2, 3, 0);
        check(1114, "2024-02-29 01:02:03", Cell::Timestamp(moment));
        check(1184, "2024-02-29 03:02:03+02", Cell::TimestampTz(moment));
        check(1184, "2024-02-28 19:32:03-05:30", Cell::TimestampTz(moment));
        check(17, "\\x00ff", Cell::Bytes(vec![0, 255]));
        check(2950, "1e8f7dc5-3b3f-4c3f-8e0d-1f2a3b4c5d6e", Cell::Text("1e8f7dc5-3b3f-4c3f-8e0d-1f2a3b4c5d6e".into()));
    }

    #[test]
    fn what_a_cell_cannot_hold_stays_text() {
        check(1082, "infinity", Cell::Text("infinity".into()));
        check(1082, "0044-03-15 BC", Cell::Text("0044-03-15 BC".into()));
        check(1114, "10000-01-01 00:00:00", Cell::Text("10000-01-01 00:00:00".into()));
        check(1114, "-infinity", Cell::Text("-infinity".into()));
    }
}
