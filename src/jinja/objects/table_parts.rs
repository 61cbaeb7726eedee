//! Rows and columns of a table: sequences that also know names.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::table::ColumnType;
use crate::jinja::functions::none;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};

/// What the sequence is.
#[derive(Clone, Debug)]
pub(crate) enum MappedKind {
    /// A row: values by column.
    Row,
    /// The rows of a table.
    Rows,
    /// The columns of a table, by name.
    Columns,
    /// A column: values of all rows.
    Column {
        /// Its name.
        name: String,
        /// Its type.
        column_type: ColumnType,
        /// Its number.
        index: usize,
    },
}

/// agate's `MappedSequence`.
pub(crate) struct Mapped {
    kind: MappedKind,
    names: Arc<Vec<String>>,
    values: Arc<Vec<Value>>,
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values.iter().take(5).map(py::to_repr).collect();
        let more = if self.values.len() > 5 { ", ..." } else { "" };
        write!(f, "<agate.{}: ({}{more})>", self.class(), values.join(", "))
    }
}

/// Makes a tuple.
pub(crate) fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::from(values))
}

impl Mapped {
    /// Makes the value.
    pub(crate) fn value(kind: MappedKind, names: Arc<Vec<String>>, values: Arc<Vec<Value>>) -> Value {
        Value::from_object(Self { kind, names, values })
    }

    const fn class(&self) -> &'static str {
        match self.kind {
            MappedKind::Row => "Row",
            MappedKind::Rows | MappedKind::Columns => "MappedSequence",
            MappedKind::Column { .. } => "Column",
        }
    }

    fn by_name(&self, name: &str) -> Option<Value> {
        let ix = self.names.iter().position(|other| other == name)?;
        self.values.get(ix).cloned()
    }

    fn pairs(&self) -> impl Iterator<Item = (Value, Value)> + '_ {
        self.names.iter().map(|name| Value::from(name.as_str())).zip(self.values.iter().cloned())
    }

    fn distinct(&self) -> Vec<Value> {
        let mut seen = std::collections::HashSet::new();
        self.values.iter().filter(|value| seen.insert(py::to_repr(value))).cloned().collect()
    }
}

/// The type of a column, as agate has it.
#[derive(Debug)]
struct DataType(ColumnType);

impl Object for DataType {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let argument =
            |name: &str| CallArgs::split(args).bind(method, [name], 1).map(|[value]| value.unwrap_or_default());
        match method {
            // What JSON can hold: dates as text, numbers as floats.
            "jsonify" => {
                let value = argument("d")?;
                Ok(match self.0 {
                    _ if value.is_none() => value,
                    ColumnType::Number => f64::try_from(value.clone()).map_or(value, Value::from),
                    ColumnType::Date | ColumnType::DateTime => Value::from(py::to_str(&value).replacen(' ', "T", 1)),
                    ColumnType::Integer | ColumnType::Boolean | ColumnType::Text => value,
                })
            }
            "csvify" => {
                let value = argument("d")?;
                Ok(if value.is_none() { value } else { Value::from(py::to_str(&value)) })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Object for Mapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None => self.values.get(key.as_usize()?).cloned(),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(value) = self.by_name(key) {
            return Some(value);
        }
        match (&self.kind, key) {
            (MappedKind::Column { name, .. }, "name") => Some(Value::from(name.as_str())),
            (MappedKind::Column { column_type, .. }, "data_type") => Some(Value::from_object(DataType(*column_type))),
            (MappedKind::Column { index, .. }, "index") => Some(Value::from(*index)),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.to_vec())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "values" => tuple(self.values.to_vec()),
            "keys" => tuple(self.names.iter().map(|name| Value::from(name.as_str())).collect()),
            "items" => PyList::value(self.pairs().map(|(key, value)| tuple(vec![key, value])).collect()),
            "dict" => PyDict::from_pairs(self.pairs()).into_value(),
            "get" => {
                let [key, default] = CallArgs::split(args).bind("get", ["key", "default"], 1)?;
                let found = key.and_then(|key| self.get_value(&key));
                found.or(default).unwrap_or_else(none)
            }
            "values_distinct" => tuple(self.distinct()),
            "values_without_nulls" => tuple(self.values.iter().filter(|value| !value.is_none()).cloned().collect()),
            "values_sorted" => {
                let mut sorted = self.values.to_vec();
                sorted.sort_by(|a, b| a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b)));
                tuple(sorted)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.values.cmp(&other.downcast_ref::<Self>()?.values))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
