//! `strftime` and `strptime`.

use std::fmt::Write;

use super::calendar::{Fields, date_of, day_number};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The zone of a moment, as formats print it.
#[derive(Debug, Clone, Default)]
pub(super) struct ZoneText {
    /// Seconds east of Greenwich.
    pub(super) offset: Option<i64>,
    /// For example `CET`.
    pub(super) name: String,
}

/// `±HH:MM[:SS]` with or without the colons.
pub(super) fn offset_text(seconds: i64, colon: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let abs = seconds.abs();
    let mut out = format!("{sign}{:02}{colon}{:02}", abs / 3600, abs / 60 % 60);
    if abs % 60 != 0 {
        let _ = write!(out, "{colon}{:02}", abs % 60);
    }
    out
}

fn name(names: &'static [&'static str], ix: i64) -> &'static str {
    usize::try_from(ix).ok().and_then(|ix| names.get(ix)).copied().unwrap_or("?")
}

/// Formats a moment.
pub(super) fn strftime(fields: &Fields, zone: &ZoneText, format: &str) -> String {
    let mut out = String::with_capacity(format.len() + 8);
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut is_padded = true;
        if chars.peek() == Some(&'-') {
            chars.next();
            is_padded = false;
        }
        match chars.next() {
            Some(':') if chars.peek() == Some(&'z') => {
                chars.next();
                if let Some(offset) = zone.offset {
                    out.push_str(&offset_text(offset, ":"));
                }
            }
            Some(code) => directive(&mut out, fields, zone, code, is_padded),
            None => out.push('%'),
        }
    }
    out
}

fn directive(out: &mut String, f: &Fields, zone: &ZoneText, code: char, is_padded: bool) {
    let mut number = |value: i64, width: usize| {
        // Writing to a string does not fail.
        let _ = if is_padded { write!(out, "{value:0width$}") } else { write!(out, "{value}") };
    };
    let hour12 = (f.hour + 11) % 12 + 1;
    let sunday_first = (f.weekday() + 1) % 7;
    match code {
        'Y' => number(f.year, 4),
        'C' => number(f.year / 100, 2),
        'y' => number(f.year % 100, 2),
        'm' => number(f.month, 2),
        'd' => number(f.day, 2),
        'H' => number(f.hour, 2),
        'I' => number(hour12, 2),
        'M' => number(f.minute, 2),
        'S' => number(f.second, 2),
        'f' => number(f.micro, 6),
        'j' => number(f.day_of_year(), 3),
        'w' => number(sunday_first, 1),
        'u' => number(f.weekday() + 1, 1),
        'U' => number((f.day_of_year() + 6 - sunday_first) / 7, 2),
        'W' => number((f.day_of_year() + 6 - f.weekday()) / 7, 2),
        'V' => number(f.iso().1, 2),
        'G' => number(f.iso().0, 4),
        's' => number(unix_seconds(f) - zone.offset.unwrap_or(0), 1),
        'e' => {
            let _ = if is_padded { write!(out, "{:>2}", f.day) } else { write!(out, "{}", f.day) };
        }
        'a' => out.push_str(&name(&DAYS, f.weekday())[..3]),
        'A' => out.push_str(name(&DAYS, f.weekday())),
        'b' | 'h' => out.push_str(&name(&MONTHS, f.month - 1)[..3]),
        'B' => out.push_str(name(&MONTHS, f.month - 1)),
        'p' => out.push_str(if f.hour < 12 { "AM" } else { "PM" }),
        'z' => {
            if let Some(offset) = zone.offset {
                out.push_str(&offset_text(offset, ""));
            }
        }
        'Z' => out.push_str(&zone.name),
        'c' => out.push_str(&strftime(f, zone, "%a %b %e %H:%M:%S %Y")),
        'x' | 'D' => out.push_str(&strftime(f, zone, "%m/%d/%y")),
        'X' | 'T' => out.push_str(&strftime(f, zone, "%H:%M:%S")),
        'F' => out.push_str(&strftime(f, zone, "%Y-%m-%d")),
        'R' => out.push_str(&strftime(f, zone, "%H:%M")),
        'r' => out.push_str(&strftime(f, zone, "%I:%M:%S %p")),
        'n' => out.push('\n'),
        't' => out.push('\t'),
        '%' => out.push('%'),
        other => {
            out.push('%');
            out.push(other);
        }
    }
}

/// Seconds since 1970.
pub(super) fn unix_seconds(f: &Fields) -> i64 {
    (day_number(f.year, f.month, f.day) - day_number(1970, 1, 1)) * 86_400 + f.time() / 1_000_000
}

/// What a parsed text says.
#[derive(Debug)]
pub(super) struct ParsedTime {
    pub(super) fields: Fields,
    pub(super) offset: Option<i64>,
}

struct Reader<'a> {
    text: &'a str,
    pos: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn number(&mut self, max_digits: usize) -> Option<i64> {
        let n = self.rest().bytes().take(max_digits).take_while(u8::is_ascii_digit).count();
        let value = self.rest()[..n].parse().ok()?;
        self.pos += n;
        Some(value)
    }

    fn word(&mut self, words: &[&str], short: bool) -> Option<i64> {
        let rest = self.rest();
        for (ix, word) in words.iter().enumerate() {
            let word = if short { &word[..3] } else { word };
            if rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
                self.pos += word.len();
                return i64::try_from(ix).ok();
            }
        }
        None
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.pos += rest.len() - rest.trim_start().len();
    }

    fn offset(&mut self) -> Option<i64> {
        if self.rest().starts_with(['Z', 'z']) {
            self.pos += 1;
            return Some(0);
        }
        let sign = match self.rest().bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.pos += 1;
        let hours = self.number(2)?;
        self.colon();
        let minutes = self.number(2)?;
        let with_seconds =
            self.rest().starts_with(':') || self.rest().bytes().next().is_some_and(|b| b.is_ascii_digit());
        let seconds = if with_seconds {
            self.colon();
            self.number(2)?
        } else {
            0
        };
        Some(sign * (hours * 3600 + minutes * 60 + seconds))
    }

    fn colon(&mut self) {
        self.pos += usize::from(self.rest().starts_with(':'));
    }
}

/// Parses a text; `Err` is worded like Python's.
pub(super) fn strptime(text: &str, format: &str) -> Result<ParsedTime, String> {
    let mismatch = || format!("time data {} does not match format {}", quoted(text), quoted(format));
    let expanded = expand(format);
    let mut reader = Reader { text, pos: 0 };
    let mut state = Found::default();
    let mut chars = expanded.chars();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            reader.space();
        } else if c == '%' {
            let Some(code) = chars.next() else {
                return Err(format!("stray % in format {}", quoted(format)));
            };
            match state.read(&mut reader, code) {
                Ok(true) => {}
                Ok(false) => return Err(mismatch()),
                Err(()) => {
                    return Err(format!("'{code}' is a bad directive in format {}", quoted(format)));
                }
            }
        } else if reader.rest().starts_with(c) {
            reader.pos += c.len_utf8();
        } else if reader.rest().chars().next().is_some_and(|found| found.eq_ignore_ascii_case(&c)) {
            reader.pos += 1;
        } else {
            return Err(mismatch());
        }
    }
    if !reader.rest().is_empty() {
        return Err(format!("unconverted data remains: {}", reader.rest()));
    }
    state.finish().ok_or_else(mismatch)
}

fn quoted(text: &str) -> String {
    format!("{:?}", minijinja::Value::from(text))
}

fn expand(format: &str) -> String {
    format
        .replace("%T", "%H:%M:%S")
        .replace("%F", "%Y-%m-%d")
        .replace("%D", "%m/%d/%y")
        .replace("%R", "%H:%M")
        .replace("%c", "%a %b %d %H:%M:%S %Y")
        .replace("%x", "%m/%d/%y")
        .replace("%X", "%H:%M:%S")
}

#[derive(Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    is_pm: bool,
    minute: i64,
    second: i64,
    micro: i64,
    day_of_year: Option<i64>,
    offset: Option<i64>,
}

impl Found {
    /// `Err` for an unknown directive, `false` when the text does not fit.
    fn read(&mut self, reader: &mut Reader<'_>, code: char) -> Result<bool, ()> {
        let ok = match code {
            'Y' => {
                let start = reader.pos;
                self.year = reader.number(4);
                self.year.is_some() && reader.pos - start == 4
            }
            'y' => {
                self.year = reader.number(2).map(|y| if y < 69 { 2000 + y } else { 1900 + y });
                self.year.is_some()
            }
            'm' => set(&mut self.month, reader.number(2), 1..=12),
            'd' | 'e' => set(&mut self.day, reader.number(2), 1..=31),
            'H' => set(&mut self.hour, reader.number(2), 0..=23),
            'I' => set(&mut self.hour12, reader.number(2), 1..=12),
            'M' => put(&mut self.minute, reader.number(2), 59),
            'S' => put(&mut self.second, reader.number(2), 61),
            'j' => set(&mut self.day_of_year, reader.number(3), 1..=366),
            'f' => {
                let start = reader.pos;
                match reader.number(6) {
                    Some(value) => {
                        let digits = u32::try_from(reader.pos - start).unwrap_or(6);
                        self.micro = value * 10_i64.pow(6 - digits.min(6));
                        true
                    }
                    None => false,
                }
            }
            'p' => match reader.word(&["AM.", "PM."].map(|w| &w[..2]), false) {
                Some(ix) => {
                    self.is_pm = ix == 1;
                    true
                }
                None => false,
            },
            'b' | 'h' => set(&mut self.month, reader.word(&MONTHS, true).map(|ix| ix + 1), 1..=12),
            'B' => set(&mut self.month, reader.word(&MONTHS, false).map(|ix| ix + 1), 1..=12),
            'a' => reader.word(&DAYS, true).is_some(),
            'A' => reader.word(&DAYS, false).is_some(),
            'w' | 'u' => reader.number(1).is_some(),
            'U' | 'W' => reader.number(2).is_some(),
            'z' => {
                self.offset = reader.offset();
                self.offset.is_some()
            }
            'Z' => {
                let found = ["UTC", "GMT"].iter().find(|name| reader.rest().starts_with(**name));
                reader.pos += found.map_or(0, |name| name.len());
                found.is_some()
            }
            '%' => {
                let found = reader.rest().starts_with('%');
                reader.pos += usize::from(found);
                found
            }
            _ => return Err(()),
        };
        Ok(ok)
    }

    fn finish(self) -> Option<ParsedTime> {
        let year = self.year.unwrap_or(1900);
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if let (Some(of_year), None, None) = (self.day_of_year, self.month, self.day) {
            (_, month, day) = date_of(day_number(year, 1, 1) + of_year - 1);
        }
        let hour = match (self.hour, self.hour12) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => hour % 12 + if self.is_pm { 12 } else { 0 },
            (None, None) => 0,
        };
        let fields = Fields { year, month, day, hour, minute: self.minute, second: self.second, micro: self.micro };
        Some(ParsedTime { fields, offset: self.offset })
    }
}

fn set(slot: &mut Option<i64>, value: Option<i64>, range: std::ops::RangeInclusive<i64>) -> bool {
    *slot = value.filter(|value| range.contains(value));
    slot.is_some()
}

fn put(slot: &mut i64, value: Option<i64>, max: i64) -> bool {
    match value {
        Some(value) if value <= max => {
            *slot = value;
            true
        }
        _ => false,
    }
}
