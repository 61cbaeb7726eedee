//! Dates and moments as PyYAML reads them.

use std::sync::LazyLock;

use jiff::civil::{Date, Time};
use regex::{Captures, Regex};

static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let date = r"(\d{4})-(\d\d?)-(\d\d?)";
    let time = r"(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?";
    let zone = r"(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?";
    Regex::new(&format!("^{date}(?:{time}{zone})?$")).ok()
});

/// The ISO form of a date or a moment, as Python writes it; none if the text is neither.
pub(super) fn read(text: &str) -> Option<String> {
    if text.len() < 8 || text.as_bytes()[4] != b'-' {
        return None;
    }
    let found = MOMENT.as_ref()?.captures(text)?;
    let number = |ix: usize| found.get(ix).map_or(Some(0), |part| part.as_str().parse::<i8>().ok());
    let year: i16 = found[1].parse().ok().filter(|year| *year > 0)?;
    let date = Date::new(year, number(2)?, number(3)?).ok()?;
    if found.get(4).is_none() {
        // Without a time, months and days have two digits.
        return (text.len() == 10).then(|| date.to_string());
    }
    let time = Time::new(number(4)?, number(5)?, number(6)?, 0).ok()?;
    Some(format!("{date}T{time}{}{}", fraction(&found), zone(&found)?))
}

/// Six digits, if they are not all zero.
fn fraction(found: &Captures<'_>) -> String {
    let digits = found.get(7).map_or("", |part| part.as_str());
    let six: String = digits.chars().chain("000000".chars()).take(6).collect();
    if six == "000000" { String::new() } else { format!(".{six}") }
}

fn zone(found: &Captures<'_>) -> Option<String> {
    if found.get(8).is_some() {
        return Some("+00:00".to_owned());
    }
    let Some(sign) = found.get(9) else { return Some(String::new()) };
    let hours: u8 = found[10].parse().ok().filter(|hours| *hours < 24)?;
    let minutes: u8 = found.get(11).map_or(Some(0), |part| part.as_str().parse().ok())?;
    let sign = if hours == 0 && minutes == 0 { "+" } else { sign.as_str() };
    (minutes < 60).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(super::read(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn dates_have_two_digits_each() {
        check("2026-01-31", Some("2026-01-31"));
        check("2026-1-31", None);
        check("2026-02-30", None);
        check("2026-01", None);
    }

    #[test]
    fn moments_are_written_as_python_does() {
        check("2026-1-2 3:04:05", Some("2026-01-02T03:04:05"));
        check("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05+00:00"));
        check("2026-01-02t03:04:05.25 -1:30", Some("2026-01-02T03:04:05.250000-01:30"));
        check("2026-01-02 03:04:05.000 +2", Some("2026-01-02T03:04:05+02:00"));
        check("2026-01-02 03:04", None);
        check("2026-01-02 25:04:05", None);
    }
}
