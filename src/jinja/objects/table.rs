//! Results of queries as templates hold them, in the shape of agate's tables.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::cells;
use super::table_parts::{Mapped, MappedKind, tuple};
use crate::adapter::{Cell, Table};
use crate::jinja::call_value;
use crate::jinja::functions::{dumps, given, none, text_of};
use crate::jinja::py::{self, CallArgs, PyDict};
use crate::jinja::{render_state, value_error};

/// The types that dbt tells apart in results and seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Dates.
    Date,
    /// Dates with times.
    DateTime,
    /// Truth values.
    Boolean,
    /// Anything else.
    Text,
}

impl ColumnType {
    /// The name of agate's type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Boolean => "Boolean",
            Self::Text => "Text",
        }
    }
}

/// A table of values.
#[derive(Clone, Debug)]
pub(crate) struct TableValue {
    /// Names of the columns, each once.
    pub(crate) names: Arc<Vec<String>>,
    /// Their types.
    pub(crate) types: Vec<ColumnType>,
    /// The rows.
    pub(crate) rows: Vec<Arc<Vec<Value>>>,
}

impl TableValue {
    /// A table without columns.
    pub(crate) fn empty() -> Self {
        Self { names: Arc::new(Vec::new()), types: Vec::new(), rows: Vec::new() }
    }

    /// Makes a table of a result, with dbt's types and unique names.
    pub(crate) fn from_result(table: &Table) -> Self {
        let width = table.columns.len();
        let types: Vec<ColumnType> = (0..width)
            .map(|ix| cells::infer(table.rows.iter().map(|row| row.get(ix).unwrap_or(&Cell::Null))))
            .collect();
        let row_values = |row: &Vec<Cell>| {
            let values = row.iter().zip(&types).map(|(cell, column_type)| cells::to_value(cell, *column_type));
            Arc::new(values.collect::<Vec<_>>())
        };
        let rows = table.rows.iter().map(row_values).collect();
        Self { names: Arc::new(unique_names(table)), types, rows }
    }

    /// The table as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    /// The table in a value.
    pub(crate) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Self>()
    }

    /// One row.
    pub(crate) fn row(&self, ix: usize) -> Option<Value> {
        let values = Arc::clone(self.rows.get(ix)?);
        Some(Mapped::value(MappedKind::Row, Arc::clone(&self.names), values))
    }

    fn row_values(&self) -> Vec<Value> {
        (0..self.rows.len()).filter_map(|ix| self.row(ix)).collect()
    }

    fn column(&self, ix: usize) -> Value {
        let values: Vec<Value> = self.rows.iter().map(|row| row.get(ix).cloned().unwrap_or_else(none)).collect();
        let kind = MappedKind::Column { name: self.names[ix].clone(), column_type: self.types[ix], index: ix };
        Mapped::value(kind, Arc::new(Vec::new()), Arc::new(values))
    }

    fn columns(&self) -> Value {
        let columns = (0..self.names.len()).map(|ix| self.column(ix)).collect();
        Mapped::value(MappedKind::Columns, Arc::clone(&self.names), Arc::new(columns))
    }

    /// The rows as tuples, as `load_result('x')['data']` has them.
    pub(crate) fn matrix(&self) -> Value {
        py::PyList::value(self.rows.iter().map(|row| tuple(row.to_vec())).collect())
    }

    fn position(&self, name: &str) -> Result<usize, Error> {
        self.names.iter().position(|other| other == name).ok_or_else(|| value_error(format!("'{name}'")))
    }

    fn keep(&self, positions: &[usize]) -> Self {
        let pick = |row: &Arc<Vec<Value>>| Arc::new(positions.iter().map(|ix| row[*ix].clone()).collect::<Vec<_>>());
        Self {
            names: Arc::new(positions.iter().map(|ix| self.names[*ix].clone()).collect()),
            types: positions.iter().map(|ix| self.types[*ix]).collect(),
            rows: self.rows.iter().map(pick).collect(),
        }
    }

    fn with_rows(&self, rows: Vec<Arc<Vec<Value>>>) -> Value {
        Self { names: Arc::clone(&self.names), types: self.types.clone(), rows }.into_value()
    }
}

/// The names of a result's columns; repeated ones get a number, as dbt numbers them.
fn unique_names(table: &Table) -> Vec<String> {
    let mut seen: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    let mut names = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let count = seen.entry(&column.name).or_insert(0);
        *count += 1;
        names.push(if *count == 1 { column.name.clone() } else { format!("{}_{count}", column.name) });
    }
    names
}

impl Object for TableValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "columns" => self.columns(),
            "rows" => Mapped::value(MappedKind::Rows, Arc::new(Vec::new()), Arc::new(self.row_values())),
            "column_names" => tuple(self.names.iter().map(|name| Value::from(name.as_str())).collect()),
            "column_types" => tuple(self.types.iter().map(|column_type| Value::from(column_type.name())).collect()),
            "row_names" => none(),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.row_values())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.rows.len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "select" | "exclude" => self.project(method, args),
            "rename" => self.rename(args),
            "limit" => self.limit(args),
            "where" => self.filter(state, args),
            "find" => self.find(state, args),
            "order_by" => self.order_by(state, args),
            "distinct" => self.distinct(args),
            "print_table" => self.print(state, args),
            "print_csv" => print(state, self.to_csv()),
            "print_json" => print(state, dumps(&self.to_data())),
            "print_structure" => print(state, self.structure()),
            "to_json" => Ok(Value::from(dumps(&self.to_data()))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.structure())
    }
}

/// Prints through the context's own `print`.
fn print(state: &mut State<'_, '_>, text: String) -> Result<Value, Error> {
    let printer = render_state(state).root.as_ref().and_then(|root| root.source.get("print"));
    if let Some(printer) = printer {
        call_value(state, &printer, &[Value::from(text)])?;
    }
    Ok(none())
}

fn names_in(value: &Value) -> Result<Vec<String>, Error> {
    match value.as_str() {
        Some(name) => Ok(vec![name.to_string()]),
        None => Ok(py::iterate(value)?.iter().map(py::to_str).collect()),
    }
}

impl TableValue {
    fn project(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let [key] = CallArgs::split(args).bind(method, ["key"], 1)?;
        let named = names_in(&key.unwrap_or_default())?;
        let positions: Vec<usize> = if method == "select" {
            named.iter().map(|name| self.position(name)).collect::<Result<_, _>>()?
        } else {
            (0..self.names.len()).filter(|ix| !named.contains(&self.names[*ix])).collect()
        };
        Ok(self.keep(&positions).into_value())
    }

    fn rename(&self, args: &[Value]) -> Result<Value, Error> {
        let [names] = CallArgs::split(args).bind("rename", ["column_names"], 1)?;
        let names = names.unwrap_or_default();
        let mut renamed = self.clone();
        renamed.names = Arc::new(if names.kind() == minijinja::value::ValueKind::Map {
            let new_name =
                |name: &String| names.get_item(&Value::from(name.as_str())).ok().and_then(|v| text_of(Some(v)));
            self.names.iter().map(|name| new_name(name).unwrap_or_else(|| name.clone())).collect()
        } else {
            let given = names_in(&names)?;
            self.names.iter().enumerate().map(|(ix, name)| given.get(ix).unwrap_or(name).clone()).collect()
        });
        Ok(renamed.into_value())
    }

    fn limit(&self, args: &[Value]) -> Result<Value, Error> {
        let [start_or_stop, stop] = CallArgs::split(args).bind("limit", ["start_or_stop", "stop"], 0)?;
        let number = |value: Option<Value>| given(value).and_then(|value| value.as_usize());
        let (start, stop) = match (number(start_or_stop), number(stop)) {
            (first, None) => (0, first.unwrap_or(self.rows.len())),
            (first, Some(stop)) => (first.unwrap_or(0), stop),
        };
        let stop = stop.min(self.rows.len());
        Ok(self.with_rows(self.rows[start.min(stop)..stop].to_vec()))
    }

    fn filter(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [test] = CallArgs::split(args).bind("where", ["test"], 1)?;
        let test = test.unwrap_or_default();
        let mut kept = Vec::new();
        for (ix, row) in self.row_values().into_iter().enumerate() {
            if call_value(state, &test, &[row])?.is_true() {
                kept.push(Arc::clone(&self.rows[ix]));
            }
        }
        Ok(self.with_rows(kept))
    }

    fn find(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [test] = CallArgs::split(args).bind("find", ["test"], 1)?;
        let test = test.unwrap_or_default();
        for row in self.row_values() {
            if call_value(state, &test, std::slice::from_ref(&row))?.is_true() {
                return Ok(row);
            }
        }
        Ok(none())
    }

    fn order_by(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [key, reverse] = CallArgs::split(args).bind("order_by", ["key", "reverse"], 1)?;
        let key = key.unwrap_or_default();
        let is_function = key.as_str().is_none() && py::iterate(&key).is_err();
        let mut keyed = Vec::with_capacity(self.rows.len());
        for (ix, row) in self.row_values().into_iter().enumerate() {
            let sort_key = if is_function {
                vec![call_value(state, &key, &[row])?]
            } else {
                let names = names_in(&key)?;
                names
                    .iter()
                    .map(|name| Ok(self.rows[ix][self.position(name)?].clone()))
                    .collect::<Result<_, Error>>()?
            };
            // Nulls come last, as in agate.
            let with_nulls: Vec<(bool, Value)> = sort_key.into_iter().map(|value| (value.is_none(), value)).collect();
            keyed.push((with_nulls, Arc::clone(&self.rows[ix])));
        }
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        if reverse.is_some_and(|flag| flag.is_true()) {
            keyed.reverse();
        }
        Ok(self.with_rows(keyed.into_iter().map(|(_, row)| row).collect()))
    }

    fn distinct(&self, args: &[Value]) -> Result<Value, Error> {
        let [key] = CallArgs::split(args).bind("distinct", ["key"], 0)?;
        let positions: Vec<usize> = match given(key) {
            Some(key) => names_in(&key)?.iter().map(|name| self.position(name)).collect::<Result<_, _>>()?,
            None => (0..self.names.len()).collect(),
        };
        let mut seen = std::collections::HashSet::new();
        let is_new = |row: &&Arc<Vec<Value>>| {
            let key: Vec<String> = positions.iter().map(|ix| py::to_repr(&row[*ix])).collect();
            seen.insert(key)
        };
        let rows = self.rows.iter().filter(is_new).cloned().collect();
        Ok(self.with_rows(rows))
    }

    fn print(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        let option = |name: &str, ix: usize| args.keyword(name).or_else(|| args.positional.get(ix)).cloned();
        let number = |value: Option<Value>, default: usize| match value {
            Some(value) if value.is_none() => usize::MAX,
            Some(value) => value.as_usize().unwrap_or(default),
            None => default,
        };
        let max_rows = number(option("max_rows", 0), 20);
        let max_columns = number(option("max_columns", 1), 6);
        let max_width = number(option("max_column_width", 5), 20);
        print(state, self.drawn(max_rows, max_columns, max_width))
    }

    /// The table drawn with bars, as agate prints it.
    pub(crate) fn drawn(&self, max_rows: usize, max_columns: usize, max_width: usize) -> String {
        let n_columns = self.names.len().min(max_columns);
        let cut = |text: String| match text.char_indices().nth(max_width.saturating_sub(3)) {
            Some((end, _)) if text.chars().count() > max_width => format!("{}...", &text[..end]),
            _ => text,
        };
        let dots = || (self.names.len() > n_columns).then(|| "...".to_string());
        let mut lines: Vec<Vec<String>> =
            vec![self.names.iter().take(n_columns).cloned().map(cut).chain(dots()).collect()];
        for row in self.rows.iter().take(max_rows) {
            let text = |value: &Value| cut(if value.is_none() { String::new() } else { py::to_str(value) });
            lines.push(row.iter().take(n_columns).map(text).chain(dots()).collect());
        }
        if self.rows.len() > max_rows {
            lines.push(lines[0].iter().map(|_| "...".to_string()).collect());
        }
        let is_number =
            |ix: usize| self.types.get(ix).is_some_and(|kind| matches!(kind, ColumnType::Integer | ColumnType::Number));
        draw(&lines, is_number)
    }

    fn structure(&self) -> String {
        let mut lines = vec![vec!["column".to_string(), "data_type".to_string()]];
        lines.extend(self.names.iter().zip(&self.types).map(|(name, ty)| vec![name.clone(), ty.name().to_string()]));
        draw(&lines, |_| false)
    }

    fn to_csv(&self) -> String {
        let field = |text: String| match text.contains([',', '"', '\n']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text,
        };
        let mut lines = vec![self.names.iter().cloned().map(field).collect::<Vec<_>>().join(",")];
        let text = |value: &Value| field(if value.is_none() { String::new() } else { py::to_str(value) });
        lines.extend(self.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(",")));
        lines.join("\n") + "\n"
    }

    fn to_data(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| {
            let pairs =
                self.names.iter().zip(row.iter()).map(|(name, value)| (Value::from(name.as_str()), value.clone()));
            py::to_json(&PyDict::from_pairs(pairs).into_value())
        });
        rows.collect()
    }
}

/// Draws lines of cells; the first line is the head.
fn draw(lines: &[Vec<String>], is_number: impl Fn(usize) -> bool) -> String {
    let n_columns = lines.first().map_or(0, Vec::len);
    let width = |ix: usize| lines.iter().filter_map(|line| line.get(ix)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).map(|ix| width(ix).unwrap_or(0)).collect();
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .enumerate()
            .map(|(ix, cell)| {
                if is_number(ix) {
                    format!("{cell:>w$}", w = widths[ix])
                } else {
                    format!("{cell:<w$}", w = widths[ix])
                }
            })
            .collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
        if n == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            out.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    out.truncate(out.trim_end().len());
    out
}
