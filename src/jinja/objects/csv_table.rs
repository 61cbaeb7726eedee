//! A seed's CSV file as a table, with the types that dbt infers.

use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use minijinja::Value;
use serde_json::Value as Data;

use super::dates;
use super::table::{ColumnType, TableValue};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use crate::manifest::{Node, NodeKind};
use crate::sql::Dialect;

/// Reads a seed. Columns in `text_columns` stay text.
///
/// # Errors
/// When the file is not a table: no header, or a row wider than it; and when the delimiter is not one character.
pub(crate) fn read(
    file: &Arc<SourceFile>,
    text_columns: &[String],
    delimiter: &str,
) -> Result<TableValue, Box<Diagnostic>> {
    let &[separator] = delimiter.as_bytes() else {
        return Err(invalid(file, None, "\"delimiter\" must be a 1-character string"));
    };
    let text = file.text().trim_start_matches('\u{feff}');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        records.push(record.map_err(|error| invalid(file, None, error.to_string()))?);
    }
    let mut records = records.into_iter();
    let Some(header) = records.next() else {
        return Err(invalid(file, Some(1), "The file is empty: a seed needs a line with the names of its columns"));
    };
    let names = column_names(&header);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (ix, record) in records.enumerate() {
        if record.len() > names.len() {
            let line = record.position().map(csv::Position::line);
            let message = format!("Row {ix} has {} values, but Table only has {} columns.", record.len(), names.len());
            return Err(invalid(file, line, message));
        }
        rows.push(record.iter().map(str::to_string).collect());
    }
    Ok(typed(names, &rows, text_columns))
}

/// Reads the file of a seed as it is configured.
///
/// # Errors
/// When the file cannot be read, or as [`read`].
pub(crate) fn read_seed(node: &Node, root_path: &str) -> Result<TableValue, Box<Diagnostic>> {
    let file = if node.file.text().is_empty() {
        let path = std::path::Path::new(root_path).join(&node.original_file_path);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", node.original_file_path);
            Box::new(Diagnostic::error(Code::SeedInvalid, message).in_file(&node.file))
        })?;
        SourceFile::new(node.original_file_path.as_str(), text)
    } else {
        Arc::clone(&node.file)
    };
    let types = node.config.get("column_types").and_then(Data::as_object);
    let text_columns: Vec<String> = types.map(|types| types.keys().cloned().collect()).unwrap_or_default();
    read(&file, &text_columns, node.config.str("delimiter").unwrap_or(","))
}

/// Names and types of the columns of the table that a seed makes.
///
/// # Errors
/// When the node's file is no table.
pub fn seed_columns(node: &Node, dialect: Dialect) -> Result<Vec<(String, String)>, Box<Diagnostic>> {
    let NodeKind::Seed { root_path } = &node.kind else { return Ok(Vec::new()) };
    let table = read_seed(node, root_path)?;
    let types = node.config.get("column_types").and_then(Data::as_object);
    let is_quoted = node.config.bool("quote_columns").unwrap_or(true);
    let column = |(ix, name): (usize, &String)| {
        let configured = types.and_then(|types| types.get(name)).and_then(Data::as_str);
        let data_type = configured.or_else(|| database_type(&table, ix)).unwrap_or("text").to_owned();
        let name = if is_quoted || dialect == Dialect::DuckDb { name.clone() } else { name.to_lowercase() };
        (name, data_type)
    };
    Ok(table.names.iter().enumerate().map(column).collect())
}

/// The names of a CSV file's columns, if it has a header that can be read.
#[must_use]
pub fn csv_header(text: &str, delimiter: &str) -> Option<Vec<String>> {
    let &[separator] = delimiter.as_bytes() else { return None };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(text.as_bytes());
    reader.records().next()?.ok().map(|header| column_names(&header))
}

fn invalid(file: &Arc<SourceFile>, line: Option<u64>, message: impl Into<String>) -> Box<Diagnostic> {
    let line = line.and_then(|line| usize::try_from(line).ok()).unwrap_or(1);
    let start = file.offset(line, 1) as usize;
    let span = Span::new(start, start + file.line(line).len());
    Box::new(Diagnostic::error(Code::SeedInvalid, message).at(file, span))
}

/// Names of columns: blank ones get letters, repeated ones numbers.
fn column_names(header: &csv::StringRecord) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (ix, name) in header.iter().enumerate() {
        let base = if name.is_empty() { letter_name(ix) } else { name.to_string() };
        let mut unique = base.clone();
        let mut n = 2;
        while names.contains(&unique) {
            unique = format!("{base}_{n}");
            n += 1;
        }
        names.push(unique);
    }
    names
}

fn letter_name(ix: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(ix % 26).unwrap_or(0));
    letter.to_string().repeat(ix / 26 + 1)
}

fn typed(names: Vec<String>, rows: &[Vec<String>], text_columns: &[String]) -> TableValue {
    let infer_column = |ix: usize| {
        if text_columns.contains(&names[ix]) {
            return ColumnType::Text;
        }
        infer(rows.iter().map(|row| row.get(ix).map_or("", String::as_str)))
    };
    let types: Vec<ColumnType> = (0..names.len()).map(infer_column).collect();
    let value = |row: &Vec<String>, ix: usize| match row.get(ix) {
        Some(text) => cast(text, types[ix]).unwrap_or_else(|| Value::from(text.as_str())),
        None => Value::from(()),
    };
    let rows = rows.iter().map(|row| Arc::new((0..names.len()).map(|ix| value(row, ix)).collect::<Vec<_>>()));
    let rows = rows.collect();
    TableValue { names: Arc::new(names), types, rows }
}

/// The first type that takes all texts of a column.
fn infer<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> ColumnType {
    [ColumnType::Number, ColumnType::Date, ColumnType::DateTime, ColumnType::Boolean]
        .into_iter()
        .find(|column_type| texts.clone().all(|text| cast(text, *column_type).is_some()))
        .unwrap_or(ColumnType::Text)
}

fn is_null(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("null")
}

/// The value of a text as a type; `None` if it is not of that type.
fn cast(text: &str, column_type: ColumnType) -> Option<Value> {
    let trimmed = text.trim();
    if is_null(trimmed) {
        return Some(Value::from(()));
    }
    match column_type {
        ColumnType::Integer | ColumnType::Number => number(trimmed),
        ColumnType::Date => date(trimmed).map(dates::date_value),
        ColumnType::DateTime => plain_datetime(trimmed)
            .map(|instant| dates::datetime_value(instant, false))
            .or_else(|| iso_datetime(trimmed)),
        ColumnType::Boolean => match trimmed.replace(',', "").to_lowercase().as_str() {
            "true" => Some(Value::from(true)),
            "false" => Some(Value::from(false)),
            _ => None,
        },
        ColumnType::Text => Some(Value::from(text)),
    }
}

const CURRENCIES: &[char] =
    &['؋', '$', 'ƒ', '៛', '¥', '₡', '₱', '£', '€', '¢', '﷼', '₪', '₩', '₭', '₮', '₦', '฿', '₤', '₫'];

/// Numbers as agate reads them: with percent signs, currencies and groups of thousands.
fn number(text: &str) -> Option<Value> {
    let text = text.trim_matches('%');
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let digits = digits.trim_matches(CURRENCIES).replace([',', '_'], "");
    let digits = digits.trim();
    let starts_well = digits.starts_with(|ch: char| ch.is_ascii_digit() || matches!(ch, '.' | '+' | '-'));
    let is_special = ["nan", "inf", "infinity"].contains(&digits.to_lowercase().as_str());
    if !starts_well && !is_special {
        return None;
    }
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(Value::from(whole * sign));
    }
    #[expect(clippy::cast_precision_loss, reason = "the sign is 1 or -1")]
    digits.parse::<f64>().ok().map(|number| Value::from(number * sign as f64))
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_digits =
        |part: &str, len: usize| (1..=len).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !is_digits(year, 4) || !is_digits(month, 2) || !is_digits(day, 2) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn plain_datetime(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once(' ')?;
    let mut parts = time.trim_start().split(':');
    let mut next = || {
        let part = parts.next()?;
        ((1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i8>().ok())?
    };
    let (hour, minute, second) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(date(day)?.to_datetime(jiff::civil::Time::new(hour, minute, second, 0).ok()?))
}

/// ISO 8601 with a `T` between date and time.
fn iso_datetime(text: &str) -> Option<Value> {
    let (day, time) = text.split_once('T')?;
    let has_zone = time.ends_with('Z') || time.contains('+') || time.contains('-');
    if !day.starts_with(|ch: char| ch.is_ascii_digit()) {
        return None;
    }
    if !has_zone {
        let instant: DateTime = text.parse().ok()?;
        return Some(dates::datetime_value(instant, false));
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(dates::datetime_value(jiff::tz::TimeZone::UTC.to_datetime(instant), true))
}

/// The database type of a column, as seeds create it.
pub(crate) fn database_type(table: &TableValue, ix: usize) -> Option<&'static str> {
    Some(match table.types.get(ix)? {
        ColumnType::Integer => "integer",
        ColumnType::Number => {
            let has_fraction = |value: &Value| {
                !value.is_integer()
                    && f64::try_from(value.clone()).is_ok_and(|number| number.is_finite() && number.fract() != 0.0)
            };
            let is_fractional = table.rows.iter().any(|row| row.get(ix).is_some_and(has_fraction));
            if is_fractional { "float8" } else { "integer" }
        }
        ColumnType::Date => "date",
        ColumnType::DateTime => "timestamp without time zone",
        ColumnType::Boolean => "boolean",
        ColumnType::Text => "text",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &str) {
        let file = SourceFile::new(
            "s.csv",
            format!("x,y\n{}\n", values.iter().map(|v| format!("{v},z")).collect::<Vec<_>>().join("\n")),
        );
        let table = read(&file, &[], ",").expect("a table");
        assert_eq!(database_type(&table, 0), Some(expected), "{values:?}");
    }

    #[test]
    fn types_are_inferred_as_dbt_does() {
        check(&["1", "2", ""], "integer");
        check(&["1.0", "2"], "integer");
        check(&["1.5", "2"], "float8");
        check(&["007"], "integer");
        check(&["true", "False", "null"], "boolean");
        check(&["t", "f"], "text");
        check(&["2020-01-02", ""], "date");
        check(&["2020-01-02 03:04:05"], "timestamp without time zone");
        check(&["2020-01-02T03:04:05Z"], "timestamp without time zone");
        check(&["2020-01-02", "2020-01-02 03:04:05"], "text");
        check(&["a", "1"], "text");
        check(&["1e3"], "integer");
    }

    /// What agate under dbt 1.11 says of the same files.
    #[test]
    fn odd_values_are_inferred_as_agate_does() {
        let text = [
            "t,f",
            "yes,no",
            "2020-01-02 03:04:05.123",
            "n/a,1",
            "none,1",
            ".",
            "01/02/2020",
            "2020-01-02 03:04",
            "10:11:12",
            " a ",
            "(3)",
            "true,1",
            "2020-13-01",
            "2020-01-02T",
            "2020-W01-1",
            "2020-01",
            "0x1A",
            "1 2",
            "2020-01-02 03:04:05 UTC",
            "2020-01-02 03:04:05+00",
            "12:00",
            "2020-01-02t03:04:05z",
            "2020-366",
            "2020-01-02T24:00:00",
        ];
        let integer = [
            "0,1",
            "007,1.0",
            "1e3",
            "$5",
            "5%",
            "-3",
            "- 3",
            "+3",
            "nan",
            "inf",
            "-inf",
            "null,NULL,Null",
            ",",
            "5.",
            "1_000",
            "20200102",
            "9223372036854775808",
            " 1 ",
            "€5",
            "5€",
            "-$5",
            "$-5",
            "--5",
            "1.00",
            "NaN,1",
            "0.1e1",
        ];
        let float = ["1e-3", ".5", "1.50", "100.10,2"];
        let timestamp = [
            "2020-01-02T03:04:05",
            "2020-01-02T03:04:05.5+02:00",
            "2020-01-02T03:04",
            "20200102T030405",
            "2020-01-02 3:4:5",
            "2020-01-02  03:04:05",
        ];
        let mut wrong = Vec::new();
        let groups: [(&[&str], &str); 6] = [
            (&text, "text"),
            (&integer, "integer"),
            (&float, "float8"),
            (&timestamp, "timestamp without time zone"),
            (&["2020-1-2", "0001-01-01"], "date"),
            (&["TRUE,FALSE", "true "], "boolean"),
        ];
        for (cases, expected) in groups {
            for case in cases {
                let rows: Vec<_> = case.split(',').map(|value| format!("{value},z")).collect();
                let file = SourceFile::new("s.csv", format!("x,y\n{}\n", rows.join("\n")));
                let table = read(&file, &[], ",").expect("a table");
                if database_type(&table, 0) != Some(expected) {
                    wrong.push(format!("{case:?} is {expected}, not {:?}", database_type(&table, 0)));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_wide_row_is_an_error_with_its_line() {
        let file = SourceFile::new("s.csv", "a,b\n1,2\n1,2,3\n");
        let error = read(&file, &[], ",").expect_err("too wide");
        assert_eq!(error.message, "Row 1 has 3 values, but Table only has 2 columns.");
        assert_eq!(error.at.map(|label| file.place(label.span.start).line), Some(3));
    }
}
