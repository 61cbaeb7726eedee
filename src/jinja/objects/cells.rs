//! Between the values of a database and the values of a template.

use minijinja::Value;

use super::table::ColumnType;
use crate::adapter::Cell;
use crate::jinja::py;

/// The value that a template sees for a cell of a column of that type.
pub(crate) fn to_value(cell: &Cell, column_type: ColumnType) -> Value {
    match (cell, column_type) {
        (Cell::Null, _) => Value::from(()),
        (Cell::Text(text), _) => Value::from(text.as_str()),
        (cell, ColumnType::Text) => Value::from(to_text(cell)),
        (Cell::Bool(flag), _) => Value::from(*flag),
        (Cell::Int(number), ColumnType::Number) => decimal(&number.to_string()),
        (Cell::Int(number), _) => i64::try_from(*number).map_or_else(|_| Value::from(*number), Value::from),
        (Cell::Decimal(text), _) => decimal(text),
        (Cell::Float(number), _) => float(*number),
        (Cell::Date(date), ColumnType::DateTime) => {
            super::dates::datetime_value(date.to_datetime(jiff::civil::Time::midnight()), false)
        }
        (Cell::Date(date), _) => super::dates::date_value(*date),
        (Cell::Timestamp(instant), _) => super::dates::datetime_value(*instant, false),
        (Cell::TimestampTz(instant), _) => super::dates::datetime_value(*instant, true),
        (cell, _) => Value::from(to_text(cell)),
    }
}

/// A decimal. What is not finite stays a float.
fn decimal(text: &str) -> Value {
    py::PyDecimal::read(text).unwrap_or_else(|| text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from))
}

/// Floats, too, reach templates as Python's decimals, with the digits that Python prints of a float.
fn float(number: f64) -> Value {
    decimal(&py::text::float_repr(number))
}

/// A cell as text.
pub(crate) fn to_text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "None".to_string(),
        Cell::Bool(flag) => if *flag { "True" } else { "False" }.to_string(),
        Cell::Int(number) => number.to_string(),
        Cell::Decimal(text) | Cell::Text(text) => text.clone(),
        Cell::Float(number) => py::text::float_repr(*number),
        Cell::Date(date) => date.to_string(),
        Cell::Time(time) => time.to_string(),
        Cell::Timestamp(instant) => instant.to_string().replacen('T', " ", 1),
        Cell::TimestampTz(instant) => format!("{}+00:00", instant.to_string().replacen('T', " ", 1)),
        Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cell::List(_) | Cell::Struct(_) => crate::jinja::functions::dumps(&to_data(cell)),
    }
}

/// A cell as JSON.
pub(crate) fn to_data(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Null => serde_json::Value::Null,
        Cell::Bool(flag) => (*flag).into(),
        Cell::Int(number) => i64::try_from(*number).map_or_else(|_| number.to_string().into(), Into::into),
        Cell::Float(number) => (*number).into(),
        Cell::Decimal(text) => text.parse::<f64>().map_or_else(|_| text.clone().into(), Into::into),
        Cell::List(items) => items.iter().map(to_data).collect(),
        Cell::Struct(fields) => {
            serde_json::Value::Object(fields.iter().map(|(name, value)| (name.clone(), to_data(value))).collect())
        }
        other => to_text(other).into(),
    }
}

/// The type that dbt gives a column of a result, from its values.
pub(crate) fn infer<'a>(cells: impl Iterator<Item = &'a Cell>) -> ColumnType {
    let mut found: Option<ColumnType> = None;
    for cell in cells {
        let this = match cell {
            Cell::Null => continue,
            Cell::Int(_) => ColumnType::Integer,
            Cell::Decimal(_) | Cell::Float(_) => ColumnType::Number,
            Cell::Bool(_) => ColumnType::Boolean,
            Cell::Date(_) => ColumnType::Date,
            Cell::Timestamp(_) | Cell::TimestampTz(_) => ColumnType::DateTime,
            _ => return ColumnType::Text,
        };
        found = Some(match (found, this) {
            (None, this) => this,
            (Some(before), this) if before == this => this,
            (Some(ColumnType::Integer | ColumnType::Number), ColumnType::Integer | ColumnType::Number) => {
                ColumnType::Number
            }
            (Some(ColumnType::Date | ColumnType::DateTime), ColumnType::Date | ColumnType::DateTime) => {
                ColumnType::DateTime
            }
            _ => return ColumnType::Text,
        });
    }
    found.unwrap_or(ColumnType::Integer)
}
