//! Results as values: what DuckDB hands over as Arrow arrays becomes [`Cell`]s.
//!
//! Types that [`Cell`] does not know are given as the text that DuckDB prints.

use std::fmt::Write;

use duckdb::Statement;
use duckdb::arrow::array::{Array, AsArray, StructArray, UnionArray};
use duckdb::arrow::datatypes::{self as types, DataType, IntervalUnit, TimeUnit};
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use duckdb::core::{LogicalTypeHandle, LogicalTypeId};
use jiff::civil::{Date, DateTime, Time};

pub(super) use super::super::Cell;
use super::super::{Column, Table};

/// Reads the rows of an executed statement, at most `limit` of them.
pub(super) fn table(statement: &Statement<'_>, limit: usize) -> duckdb::Result<Table> {
    let kinds: Vec<_> = (0..statement.column_count()).map(|ix| statement.column_logical_type(ix)).collect();
    let names = statement.column_names();
    let columns = names.into_iter().zip(&kinds).map(|(name, kind)| Column::new(name, type_name(kind))).collect();
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(chunk) = statement.step()? else { break };
        let wanted = chunk.len().min(limit - rows.len());
        rows.extend((0..wanted).map(|row| cells(&chunk, &kinds, row)));
    }
    Ok(Table { columns, rows })
}

fn cells(chunk: &StructArray, kinds: &[LogicalTypeHandle], row: usize) -> Vec<Cell> {
    let columns = chunk.columns().iter().zip(kinds);
    columns.map(|(array, kind)| retype(cell(array.as_ref(), row), kind.id())).collect()
}

/// Arrow has one form for `hugeint`, `uhugeint` and `decimal(38, 0)`; the column's own type tells them apart.
fn retype(cell: Cell, kind: LogicalTypeId) -> Cell {
    match (cell, kind) {
        (Cell::Int(value), LogicalTypeId::Decimal) => Cell::Decimal(value.to_string()),
        (Cell::Int(value), LogicalTypeId::UHugeint) if value < 0 => Cell::Decimal(value.cast_unsigned().to_string()),
        (Cell::Bytes(bytes), LogicalTypeId::Bit) => Cell::Text(bits(&bytes)),
        (cell, _) => cell,
    }
}

/// A bit string: the first byte tells how many bits of the next are padding.
fn bits(bytes: &[u8]) -> String {
    let Some((padding, bytes)) = bytes.split_first() else { return String::new() };
    let all: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    all.get(usize::from(*padding)..).unwrap_or_default().to_owned()
}

/// Reads one value of an array.
fn cell(array: &dyn Array, row: usize) -> Cell {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(array.as_primitive::<types::Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Int(array.as_primitive::<types::Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Int(array.as_primitive::<types::Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Int(array.as_primitive::<types::Int64Type>().value(row).into()),
        DataType::UInt8 => Cell::Int(array.as_primitive::<types::UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Int(array.as_primitive::<types::UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Int(array.as_primitive::<types::UInt32Type>().value(row).into()),
        DataType::UInt64 => Cell::Int(array.as_primitive::<types::UInt64Type>().value(row).into()),
        DataType::Float32 => Cell::Float(array.as_primitive::<types::Float32Type>().value(row).into()),
        DataType::Float64 => Cell::Float(array.as_primitive::<types::Float64Type>().value(row)),
        DataType::Decimal32(_, scale) => {
            decimal(array.as_primitive::<types::Decimal32Type>().value(row).into(), *scale)
        }
        DataType::Decimal64(_, scale) => {
            decimal(array.as_primitive::<types::Decimal64Type>().value(row).into(), *scale)
        }
        DataType::Decimal128(38, 0) => Cell::Int(array.as_primitive::<types::Decimal128Type>().value(row)),
        DataType::Decimal128(_, scale) => decimal(array.as_primitive::<types::Decimal128Type>().value(row), *scale),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary => Cell::Bytes(array.as_binary::<i64>().value(row).to_vec()),
        DataType::FixedSizeBinary(_) => Cell::Bytes(array.as_fixed_size_binary().value(row).to_vec()),
        DataType::Date32 => date(array.as_primitive::<types::Date32Type>().value(row)),
        DataType::Time64(_) | DataType::Timestamp(..) | DataType::Interval(_) => moment(array, row),
        _ => nested(array, row),
    }
}

fn moment(array: &dyn Array, row: usize) -> Cell {
    match array.data_type() {
        DataType::Time64(TimeUnit::Nanosecond) => time(array.as_primitive::<types::Time64NanosecondType>().value(row)),
        DataType::Time64(_) => {
            time(array.as_primitive::<types::Time64MicrosecondType>().value(row).saturating_mul(1000))
        }
        DataType::Timestamp(unit, zone) => {
            let (value, per_second) = match unit {
                TimeUnit::Second => (array.as_primitive::<types::TimestampSecondType>().value(row), 1),
                TimeUnit::Millisecond => (array.as_primitive::<types::TimestampMillisecondType>().value(row), 1_000),
                TimeUnit::Microsecond => {
                    (array.as_primitive::<types::TimestampMicrosecondType>().value(row), 1_000_000)
                }
                TimeUnit::Nanosecond => {
                    (array.as_primitive::<types::TimestampNanosecondType>().value(row), 1_000_000_000)
                }
            };
            timestamp(value, per_second, zone.is_some())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<types::IntervalMonthDayNanoType>().value(row);
            Cell::Text(interval(value.months, value.days, value.nanoseconds / 1000))
        }
        _ => formatted(array, row),
    }
}

fn nested(array: &dyn Array, row: usize) -> Cell {
    let list = |values: &dyn Array| Cell::List((0..values.len()).map(|ix| cell(values, ix)).collect());
    match array.data_type() {
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref()),
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list().value(row).as_ref()),
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            Cell::Struct(columns.map(|(field, column)| (field.name().clone(), cell(column, row))).collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |ix| (key_text(&cell(keys, ix)), cell(values, ix));
            Cell::Struct((0..entries.len()).map(entry).collect())
        }
        DataType::Dictionary(..) => dictionary(array, row),
        DataType::Union(..) => match array.as_any().downcast_ref::<UnionArray>() {
            Some(union) => cell(union.child(union.type_id(row)), union.value_offset(row)),
            None => formatted(array, row),
        },
        _ => formatted(array, row),
    }
}

fn dictionary(array: &dyn Array, row: usize) -> Cell {
    let any = array.as_any_dictionary();
    let key = match cell(any.keys(), row) {
        Cell::Int(key) => usize::try_from(key).ok(),
        _ => None,
    };
    key.filter(|key| *key < any.values().len()).map_or(Cell::Null, |key| cell(any.values(), key))
}

fn formatted(array: &dyn Array, row: usize) -> Cell {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).try_to_string().map_or(Cell::Null, Cell::Text),
        Err(_) => Cell::Null,
    }
}

fn key_text(key: &Cell) -> String {
    match key {
        Cell::Text(text) | Cell::Decimal(text) => text.clone(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Bool(value) => value.to_string(),
        Cell::Date(value) => value.to_string(),
        Cell::Time(value) => value.to_string(),
        Cell::Timestamp(value) | Cell::TimestampTz(value) => value.to_string().replace('T', " "),
        other => format!("{other:?}"),
    }
}

fn decimal(value: i128, scale: i8) -> Cell {
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    Cell::Decimal(format!("{sign}{whole}{point}{fraction}"))
}

fn date(days: i32) -> Cell {
    match days {
        i32::MAX => return Cell::Text("infinity".to_owned()),
        days if days <= -i32::MAX => return Cell::Text("-infinity".to_owned()),
        _ => {}
    }
    let (year, month, day) = civil(days.into());
    match (i16::try_from(year), i8::try_from(month), i8::try_from(day)) {
        (Ok(year @ 1..=9999), Ok(month), Ok(day)) => {
            Date::new(year, month, day).map_or_else(|_| Cell::Text(date_text(days.into())), Cell::Date)
        }
        _ => Cell::Text(date_text(days.into())),
    }
}

/// A date beyond the years that [`Date`] holds, as DuckDB prints it.
fn date_text(days: i64) -> String {
    let (year, month, day) = civil(days);
    let (year, era) = if year <= 0 { (1 - year, " (BC)") } else { (year, "") };
    format!("{year:04}-{month:02}-{day:02}{era}")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar without end.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years that begin in March put the leap day last; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn time(nanoseconds: i64) -> Cell {
    const DAY: i64 = 86_400_000_000_000;
    if nanoseconds >= DAY {
        return Cell::Text("24:00:00".to_owned());
    }
    let (seconds, fraction) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    let part = |value: i64| i8::try_from(value).unwrap_or(0);
    let fraction = i32::try_from(fraction).unwrap_or(0);
    let made = Time::new(part(seconds / 3600), part(seconds / 60 % 60), part(seconds % 60), fraction);
    made.map_or(Cell::Null, Cell::Time)
}

fn timestamp(value: i64, per_second: i64, is_zoned: bool) -> Cell {
    // DuckDB's infinities are the ends of the range, whatever the unit.
    if value == i64::MAX {
        return Cell::Text("infinity".to_owned());
    }
    if value <= -i64::MAX {
        return Cell::Text("-infinity".to_owned());
    }
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let nanoseconds = second_of_day * 1_000_000_000 + fraction * (1_000_000_000 / per_second);
    let day = i32::try_from(days).map_or_else(|_| Cell::Text(date_text(days)), date);
    match (day, time(nanoseconds)) {
        (Cell::Date(date), Cell::Time(time)) => {
            let moment = DateTime::from_parts(date, time);
            if is_zoned { Cell::TimestampTz(moment) } else { Cell::Timestamp(moment) }
        }
        (Cell::Text(date), Cell::Time(time)) => {
            Cell::Text(format!("{date} {time}{}", if is_zoned { "+00" } else { "" }))
        }
        _ => Cell::Null,
    }
}

/// An interval as DuckDB prints it: `1 year 2 months 3 days 04:05:06.5`.
fn interval(months: i32, days: i32, microseconds: i64) -> String {
    let mut parts = Vec::new();
    let mut unit = |value: i32, name: &str| {
        if value != 0 {
            parts.push(format!("{value} {name}{}", if value.abs() == 1 { "" } else { "s" }));
        }
    };
    unit(months / 12, "year");
    unit(months % 12, "month");
    unit(days, "day");
    if microseconds != 0 || parts.is_empty() {
        let (seconds, fraction) = (microseconds.unsigned_abs() / 1_000_000, microseconds.unsigned_abs() % 1_000_000);
        let sign = if microseconds < 0 { "-" } else { "" };
        let mut text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction != 0 {
            let _ = write!(text, ".{}", format!("{fraction:06}").trim_end_matches('0'));
        }
        parts.push(text);
    }
    parts.join(" ")
}

/// The name of a type as DuckDB writes it.
fn type_name(kind: &LogicalTypeHandle) -> String {
    let child = |ix| type_name(&kind.child(ix));
    let fields = || {
        let field = |ix| format!("{} {}", kind.child_name(ix), child(ix));
        (0..kind.num_children()).map(field).collect::<Vec<_>>().join(", ")
    };
    match kind.id() {
        LogicalTypeId::Decimal => format!("DECIMAL({},{})", kind.decimal_width(), kind.decimal_scale()),
        LogicalTypeId::List => format!("{}[]", child(0)),
        LogicalTypeId::Array => format!("{}[]", child(0)),
        LogicalTypeId::Map => format!("MAP({}, {})", child(0), child(1)),
        LogicalTypeId::Struct => format!("STRUCT({})", fields()),
        LogicalTypeId::Union => format!("UNION({})", fields()),
        LogicalTypeId::Varchar => kind.get_alias().unwrap_or_else(|| "VARCHAR".to_owned()),
        id => plain_type_name(id).to_owned(),
    }
}

fn plain_type_name(id: LogicalTypeId) -> &'static str {
    match id {
        LogicalTypeId::Boolean => "BOOLEAN",
        LogicalTypeId::Tinyint => "TINYINT",
        LogicalTypeId::Smallint => "SMALLINT",
        LogicalTypeId::Integer => "INTEGER",
        LogicalTypeId::Bigint => "BIGINT",
        LogicalTypeId::Hugeint => "HUGEINT",
        LogicalTypeId::UTinyint => "UTINYINT",
        LogicalTypeId::USmallint => "USMALLINT",
        LogicalTypeId::UInteger => "UINTEGER",
        LogicalTypeId::UBigint => "UBIGINT",
        LogicalTypeId::UHugeint => "UHUGEINT",
        LogicalTypeId::Float => "FLOAT",
        LogicalTypeId::Double => "DOUBLE",
        LogicalTypeId::Date => "DATE",
        LogicalTypeId::Time => "TIME",
        LogicalTypeId::TimeNs => "TIME_NS",
        LogicalTypeId::TimeTZ => "TIME WITH TIME ZONE",
        LogicalTypeId::Timestamp => "TIMESTAMP",
        LogicalTypeId::TimestampS => "TIMESTAMP_S",
        LogicalTypeId::TimestampMs => "TIMESTAMP_MS",
        LogicalTypeId::TimestampNs => "TIMESTAMP_NS",
        LogicalTypeId::TimestampTZ => "TIMESTAMP WITH TIME ZONE",
        LogicalTypeId::Interval => "INTERVAL",
        LogicalTypeId::Blob => "BLOB",
        LogicalTypeId::Bit => "BIT",
        LogicalTypeId::Bignum => "BIGNUM",
        LogicalTypeId::Uuid => "UUID",
        LogicalTypeId::Enum => "ENUM",
        LogicalTypeId::Geometry => "GEOMETRY",
        LogicalTypeId::Variant => "VARIANT",
        LogicalTypeId::SqlNull => "\"NULL\"",
        _ => "UNKNOWN",
    }
}
