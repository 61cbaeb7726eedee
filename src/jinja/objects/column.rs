//! Columns as templates hold them, and `api.Column`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::adapter::Column;
use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{callable, given, none, text_of};
use crate::jinja::py::{self, CallArgs, PyList};
use crate::sql::Dialect;

/// A column of a relation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ColumnValue {
    /// Name, type and sizes.
    pub(crate) column: Column,
    /// The dialect, which decides what its type is.
    pub(crate) dialect: Dialect,
}

impl fmt::Debug for ColumnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Column { name, data_type, char_size, numeric_precision, numeric_scale } = &self.column;
        let number = |value: &Option<u32>| value.map_or_else(|| "None".to_string(), |value| value.to_string());
        let (class, fields) = match self.dialect {
            Dialect::DuckDb => ("DuckDBColumn", ", fields=[]"),
            Dialect::Postgres => ("PostgresColumn", ""),
        };
        let sizes = [number(char_size), number(numeric_precision), number(numeric_scale)];
        write!(
            f,
            "{class}(column='{name}', dtype='{data_type}', char_size={}, numeric_precision={}, numeric_scale={}{fields})",
            sizes[0], sizes[1], sizes[2]
        )
    }
}

const STRINGS: &[&str] = &["text", "character varying", "character", "varchar"];
const NUMERICS: &[&str] = &["numeric", "decimal"];
const FLOATS: &[&str] = &["real", "float4", "float", "double precision", "float8", "double"];
const INTEGERS: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "smallserial",
    "serial",
    "bigserial",
    "int2",
    "int4",
    "int8",
    "serial2",
    "serial4",
    "serial8",
];
const DUCKDB_FLOATS: &[&str] = &["real", "float", "float4", "float8", "double"];
const DUCKDB_INTEGERS: &[&str] = &[
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "int1",
    "int2",
    "int4",
    "int8",
    "short",
    "int",
    "signed",
    "long",
];

impl ColumnValue {
    /// Wraps a column.
    pub(crate) fn new(column: Column, dialect: Dialect) -> Self {
        Self { column, dialect }
    }

    /// The column as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.contains(&self.column.data_type.to_lowercase().as_str())
    }

    fn is_string(&self) -> bool {
        self.is_one_of(STRINGS)
    }

    fn is_numeric(&self) -> bool {
        self.is_one_of(NUMERICS)
    }

    fn is_float(&self) -> bool {
        self.is_one_of(if self.dialect == Dialect::DuckDb { DUCKDB_FLOATS } else { FLOATS })
    }

    fn is_integer(&self) -> bool {
        self.is_one_of(if self.dialect == Dialect::DuckDb { DUCKDB_INTEGERS } else { INTEGERS })
    }

    fn is_struct(&self) -> bool {
        self.column.data_type.to_lowercase().starts_with("struct")
    }

    /// The length of a text column.
    pub(crate) fn string_size(&self) -> Result<u32, Error> {
        if !self.is_string() {
            return Err(fail(Code::TemplateFailed, "Called string_size() on non-string field!"));
        }
        Ok(self.column.char_size.filter(|_| self.column.data_type != "text").unwrap_or(256))
    }

    /// Whether a text column is shorter than another.
    pub(crate) fn can_expand_to(&self, other: &Self) -> bool {
        match (self.string_size(), other.string_size()) {
            // DuckDB's text has no declared length.
            (Ok(ours), Ok(theirs)) => self.dialect != Dialect::DuckDb && theirs > ours,
            _ => false,
        }
    }

    /// The type with its sizes.
    pub(crate) fn data_type(&self) -> String {
        let is_unlimited =
            self.is_one_of(&["text"]) || (self.is_one_of(&["character varying"]) && self.column.char_size.is_none());
        if self.dialect == Dialect::Postgres && is_unlimited {
            return self.column.data_type.clone();
        }
        if let Ok(size) = self.string_size() {
            return string_type(size);
        }
        let column = &self.column;
        match (self.is_numeric(), column.numeric_precision, column.numeric_scale) {
            (true, Some(precision), Some(scale)) => format!("{}({precision},{scale})", column.data_type),
            _ => column.data_type.clone(),
        }
    }

    /// A struct's fields, each as a column named `outer.inner`; the column itself if it is none.
    pub(crate) fn flatten(&self) -> Vec<Self> {
        let fields = if self.is_struct() { struct_fields(&self.column.data_type) } else { Vec::new() };
        if fields.is_empty() {
            return vec![self.clone()];
        }
        let nested = fields.into_iter().map(|(name, data_type)| {
            Self::new(Column::new(format!("{}.{name}", self.column.name), data_type), self.dialect)
        });
        nested.flat_map(|field| field.flatten()).collect()
    }
}

/// A text type of a length.
pub(crate) fn string_type(size: u32) -> String {
    format!("character varying({size})")
}

fn struct_fields(data_type: &str) -> Vec<(String, String)> {
    let Some(body) = data_type.get(6..).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')')) else {
        return Vec::new();
    };
    let mut fields = vec![String::new()];
    let mut depth = 0_usize;
    for ch in body.chars() {
        match ch {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match fields.last_mut() {
            Some(last) if ch != ',' || depth > 0 => last.push(ch),
            _ => fields.push(String::new()),
        }
    }
    let split = |field: &String| field.trim().split_once(' ').map(|(name, ty)| (name.to_string(), ty.to_string()));
    fields.iter().filter_map(split).collect()
}

/// Types that stand for other types, whatever the adapter.
/// The name that the adapters' columns have for a type; dbt's `Column.translate_type`.
pub(crate) fn translate(data_type: &str) -> String {
    if data_type.eq_ignore_ascii_case("string") { "TEXT".to_string() } else { data_type.to_string() }
}

impl Object for ColumnValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let column = &self.column;
        let number = |value: Option<u32>| value.map_or_else(none, Value::from);
        Some(match key {
            "name" | "column" => Value::from(column.name.as_str()),
            "quoted" => Value::from(format!("\"{}\"", column.name)),
            "dtype" => Value::from(column.data_type.as_str()),
            "data_type" | "expanded_data_type" => Value::from(self.data_type()),
            "char_size" => number(column.char_size),
            "numeric_precision" => number(column.numeric_precision),
            "numeric_scale" => number(column.numeric_scale),
            "fields" => {
                let fields = if self.is_struct() { self.flatten() } else { Vec::new() };
                PyList::value(fields.into_iter().map(Self::into_value).collect())
            }
            _ => {
                let name = METHODS.iter().find(|method| **method == key)?;
                let column = Arc::clone(self);
                callable(name, move |_, args| column.method(name, args))
            }
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        self.method(method, args)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let key = |value: &Self| format!("{} {:?}", value.column.name, value.column);
        Some(key(self).cmp(&key(other.downcast_ref::<Self>()?)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

const METHODS: &[&str] = &[
    "is_string",
    "is_number",
    "is_float",
    "is_integer",
    "is_numeric",
    "is_struct",
    "string_size",
    "can_expand_to",
    "literal",
    "flatten",
    "string_type",
    "numeric_type",
    "translate_type",
];

impl ColumnValue {
    fn method(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => Value::from(self.is_string()),
            "is_number" => Value::from(self.is_integer() || self.is_numeric() || self.is_float()),
            "is_float" => Value::from(self.is_float()),
            "is_integer" => Value::from(self.is_integer()),
            "is_numeric" => Value::from(self.is_numeric()),
            "is_struct" => Value::from(self.is_struct()),
            "string_size" => Value::from(self.string_size()?),
            "can_expand_to" => {
                let [other] = CallArgs::split(args).bind(method, ["other_column"], 1)?;
                let other = other.unwrap_or_default();
                Value::from(other.downcast_object_ref::<Self>().is_some_and(|other| self.can_expand_to(other)))
            }
            "literal" => {
                let [value] = CallArgs::split(args).bind(method, ["value"], 1)?;
                Value::from(format!("{}::{}", py::to_str(&value.unwrap_or_default()), self.data_type()))
            }
            "flatten" => PyList::value(self.flatten().into_iter().map(Self::into_value).collect()),
            _ => return class_method(self.dialect, method, args),
        })
    }
}

/// `api.Column`.
pub(crate) struct ColumnClass {
    /// The adapter's dialect.
    pub(crate) dialect: Dialect,
}

impl fmt::Debug for ColumnClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class Column>")
    }
}

fn class_method(dialect: Dialect, method: &str, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    match method {
        "create" => {
            let [name, data_type] = args.bind(method, ["name", "label_or_dtype"], 2)?;
            let data_type = translate(&text_of(data_type).unwrap_or_default());
            Ok(ColumnValue::new(Column::new(text_of(name).unwrap_or_default(), data_type), dialect).into_value())
        }
        "translate_type" => {
            let [data_type] = args.bind(method, ["dtype"], 1)?;
            Ok(Value::from(translate(&text_of(data_type).unwrap_or_default())))
        }
        "string_type" => {
            let [size] = args.bind(method, ["size"], 1)?;
            Ok(Value::from(format!("character varying({})", py::to_str(&size.unwrap_or_default()))))
        }
        "numeric_type" => {
            let [data_type, precision, scale] = args.bind(method, ["dtype", "precision", "scale"], 3)?;
            let data_type = text_of(data_type).unwrap_or_default();
            Ok(Value::from(match (text_of(precision), text_of(scale)) {
                (Some(precision), Some(scale)) => format!("{data_type}({precision},{scale})"),
                _ => data_type,
            }))
        }
        "from_description" => {
            let [name, data_type] = args.bind(method, ["name", "raw_data_type"], 2)?;
            from_description(dialect, text_of(name).unwrap_or_default(), &text_of(data_type).unwrap_or_default())
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// Splits `name(size)` and `name(precision,scale)`.
fn from_description(dialect: Dialect, name: String, description: &str) -> Result<Value, Error> {
    let Some((data_type, sizes)) = description.split_once('(') else {
        return Ok(ColumnValue::new(Column::new(name, description), dialect).into_value());
    };
    let mut column = Column::new(name, data_type);
    let sizes: Vec<&str> = sizes.trim_end_matches(')').split(',').collect();
    let number = |text: &str| {
        text.trim().parse::<u32>().map(Some).map_err(|_| {
            let message =
                format!("Could not interpret data_type \"{description}\": could not convert \"{text}\" to an integer");
            fail(Code::TemplateFailed, message)
        })
    };
    match sizes[..] {
        [size] => column.char_size = number(size)?,
        [precision, scale] => {
            column.numeric_precision = number(precision)?;
            column.numeric_scale = number(scale)?;
        }
        _ => {}
    }
    Ok(ColumnValue::new(column, dialect).into_value())
}

impl Object for ColumnClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let name = ["create", "translate_type", "string_type", "numeric_type", "from_description"]
            .into_iter()
            .find(|name| *name == key)?;
        let dialect = self.dialect;
        Some(callable(name, move |_, args| class_method(dialect, name, args)))
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let names = ["column", "dtype", "char_size", "numeric_precision", "numeric_scale"];
        let [name, data_type, char_size, precision, scale] = CallArgs::split(args).bind("Column", names, 2)?;
        let number = |value: Option<Value>| {
            given(value).and_then(|value| value.as_i64().and_then(|number| u32::try_from(number).ok()))
        };
        let column = Column {
            name: text_of(name).unwrap_or_default(),
            data_type: text_of(data_type).unwrap_or_default(),
            char_size: number(char_size),
            numeric_precision: number(precision),
            numeric_scale: number(scale),
        };
        Ok(ColumnValue::new(column, self.dialect).into_value())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        class_method(self.dialect, method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class Column>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data_type: &str, expected: &str) {
        let column = ColumnValue::new(Column::new("c", data_type), Dialect::DuckDb);
        assert_eq!(column.data_type(), expected);
    }

    #[test]
    fn text_types_have_a_length() {
        check("VARCHAR", "character varying(256)");
        check("DECIMAL(18,2)", "DECIMAL(18,2)");
        check("INTEGER", "INTEGER");
    }

    #[test]
    fn structs_flatten_with_dotted_names() {
        let column = Column::new("s", "STRUCT(a INTEGER, b STRUCT(c DECIMAL(10,2), d VARCHAR))");
        let names = ColumnValue::new(column, Dialect::DuckDb).flatten();
        let names: Vec<_> = names.iter().map(|c| (c.column.name.as_str(), c.column.data_type.as_str())).collect();
        assert_eq!(names, [("s.a", "INTEGER"), ("s.b.c", "DECIMAL(10,2)"), ("s.b.d", "VARCHAR")]);
    }
}
