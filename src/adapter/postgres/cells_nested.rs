//! Values that are made of others: arrays, JSON documents, intervals.

use serde_json::Value as Data;

use super::super::Cell;
use super::cells::Reader;

/// A JSON document; a text or a number alone is that text or number.
pub(super) fn json(data: Data) -> Cell {
    match data {
        Data::Null => Cell::Null,
        Data::Bool(flag) => Cell::Bool(flag),
        Data::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Cell::Int(number.into()),
            (None, Some(float)) if !number.is_u64() => Cell::Float(float),
            _ => number.to_string().parse().map_or_else(|_| Cell::Decimal(number.to_string()), Cell::Int),
        },
        Data::String(text) => Cell::Text(text),
        Data::Array(items) => Cell::List(items.into_iter().map(json).collect()),
        Data::Object(map) => Cell::Struct(map.into_iter().map(|(key, value)| (key, json(value))).collect()),
    }
}

/// An array as the server writes it: `{1,NULL,"a \"b\""}`, with bounds in front if they are not the usual ones.
pub(super) fn array(text: &str, element: Reader) -> Option<Cell> {
    let start = text.find('{')?;
    let mut rest = text[start..].chars().peekable();
    let cell = list(&mut rest, element)?;
    rest.next().is_none().then_some(cell)
}

fn list(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, element: Reader) -> Option<Cell> {
    chars.next_if_eq(&'{')?;
    let mut items = Vec::new();
    if chars.next_if_eq(&'}').is_some() {
        return Some(Cell::List(items));
    }
    loop {
        items.push(match chars.peek()? {
            '{' => list(chars, element)?,
            '"' => element.read_text(&quoted(chars)?),
            _ => match bare(chars).as_str() {
                "NULL" => Cell::Null,
                text => element.read_text(text),
            },
        });
        match chars.next()? {
            ',' => {}
            '}' => return Some(Cell::List(items)),
            _ => return None,
        }
    }
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    chars.next_if_eq(&'"')?;
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            char => text.push(char),
        }
    }
}

fn bare(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(char) = chars.next_if(|char| !matches!(char, ',' | '}')) {
        text.push(char);
    }
    text
}

/// An interval as Python prints the duration that dbt's driver makes of it: `31 days, 3:04:05`.
/// A year counts 365 days there, and a month 30.
pub(super) fn interval(text: &str) -> Option<String> {
    let mut days: i64 = 0;
    let mut micros: i64 = 0;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            micros += clock(word)?;
            continue;
        }
        let number: i64 = word.parse().ok()?;
        days += match words.next()?.trim_end_matches('s') {
            "year" => number.checked_mul(365)?,
            "mon" => number.checked_mul(30)?,
            "day" => number,
            _ => return None,
        };
    }
    const DAY: i64 = 86_400_000_000;
    days += micros.div_euclid(DAY);
    let micros = micros.rem_euclid(DAY);
    let seconds = micros / 1_000_000;
    let mut shown = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        _ => format!("{days} days, "),
    };
    shown.push_str(&format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    if micros % 1_000_000 != 0 {
        shown.push_str(&format!(".{:06}", micros % 1_000_000));
    }
    Some(shown)
}

/// Microseconds of `-03:04:05.6`.
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut seconds: i64 = 0;
    for part in whole.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some(sign * seconds.checked_mul(1_000_000)?.checked_add(micros)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_interval(text: &str, expected: &str) {
        assert_eq!(interval(text).as_deref(), Some(expected));
    }

    #[test]
    fn intervals_read_like_pythons_durations() {
        check_interval("1 mon 1 day 03:04:05", "31 days, 3:04:05");
        check_interval("1 year 2 mons", "425 days, 0:00:00");
        check_interval("00:00:00.5", "0:00:00.500000");
        check_interval("-00:00:01", "-1 day, 23:59:59");
        check_interval("-1 days +02:00:00", "-1 day, 2:00:00");
    }

    #[test]
    fn arrays_nest_and_quote() {
        let text = |text: &str| Cell::Text(text.into());
        let found = array(r#"{a,"b, \"c\"",NULL,"NULL"}"#, Reader::Text);
        assert_eq!(found, Some(Cell::List(vec![text("a"), text("b, \"c\""), Cell::Null, text("NULL")])));
        let found = array("[0:1]={{1,2},{3,NULL}}", Reader::Int);
        let row = |cells: [Cell; 2]| Cell::List(cells.to_vec());
        let expected = [row([Cell::Int(1), Cell::Int(2)]), row([Cell::Int(3), Cell::Null])];
        assert_eq!(found, Some(Cell::List(expected.to_vec())));
        assert_eq!(array("{}", Reader::Int), Some(Cell::List(Vec::new())));
        assert_eq!(array("{1", Reader::Int), None);
    }
}
