//! Rows as values: what queries return to templates, tests and previews.

use jiff::civil::{Date, DateTime, Time};

/// A column of a relation or of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type as the database writes it, such as `DECIMAL(18,2)` or `character varying`.
    pub data_type: String,
    /// Length of a character type, where declared.
    pub char_size: Option<u32>,
    /// Precision of a numeric type, where declared.
    pub numeric_precision: Option<u32>,
    /// Scale of a numeric type, where declared.
    pub numeric_scale: Option<u32>,
}

impl Column {
    /// Makes a column without sizes.
    pub fn new(name: impl Into<String>, data_type: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            data_type: data_type.into(),
            char_size: None,
            numeric_precision: None,
            numeric_scale: None,
        }
    }
}

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of any width that fits.
    Int(i128),
    /// A decimal number, written out.
    Decimal(String),
    /// A floating-point number.
    Float(f64),
    /// Text, and any type that the adapter gives in its text form.
    Text(String),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A date and time without zone.
    Timestamp(DateTime),
    /// An instant, as date and time in UTC.
    TimestampTz(DateTime),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Cell>),
    /// A struct or map: names and values in order.
    Struct(Vec<(String, Cell)>),
}

/// A result: columns and rows, each row as wide as the columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}
