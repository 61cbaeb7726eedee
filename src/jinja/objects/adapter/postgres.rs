//! What only the Postgres adapter has: indexes of the config, and how a materialized view's differ from it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, Value};
use serde_json::{Value as Data, json};

use super::{AdapterValue, one};
use crate::jinja::context::failure::fail_sql;
use crate::jinja::functions::none;
use crate::jinja::objects::index_config;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};

/// Calls a method; `None` if there is none of that name.
pub(super) fn call(adapter: &AdapterValue, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    match method {
        "copy_rows" => Some(copy_rows(adapter, args)),
        "parse_index" => Some(one(method, "raw_index", args).and_then(|raw| index_config::parse(&raw, &["type"]))),
        _ => None,
    }
}

/// `adapter.copy_rows(sql, agate_table)`: sends the rows of a table to a `copy … from stdin`.
fn copy_rows(adapter: &AdapterValue, args: &[Value]) -> Result<Value, Error> {
    let [sql, table] = CallArgs::split(args).bind("copy_rows", ["sql", "agate_table"], 2)?;
    let (sql, table) = (py::to_str(&sql.unwrap_or_default()), table.unwrap_or_default());
    if let Some((live, table)) = adapter.live.as_ref().zip(TableValue::of(&table)) {
        let text = |value: &Value| (!value.is_none() && !value.is_undefined()).then(|| copied_text(value));
        let rows: Vec<Vec<Option<String>>> = table.rows.iter().map(|row| row.iter().map(text).collect()).collect();
        live.session.copy_rows(&sql, &rows).map_err(fail_sql)?;
    }
    Ok(none())
}

/// A value as the server reads it into a column of the type that was inferred.
fn copied_text(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        // A whole number may come from a text such as `1.0`, and its column is an integer.
        Ok(number) if value.is_number() && !value.is_integer() && number.fract() == 0.0 => format!("{number:.0}"),
        _ => py::to_str(value),
    }
}

/// An index as it is compared; its name plays no part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Index {
    columns: BTreeSet<String>,
    is_unique: bool,
    method: String,
}

impl Index {
    fn of_config(index: &Data) -> Self {
        let columns = index.get("columns").and_then(Data::as_array).into_iter().flatten();
        Self {
            columns: columns.filter_map(Data::as_str).map(str::to_lowercase).collect(),
            is_unique: index.get("unique").and_then(Data::as_bool).unwrap_or(false),
            method: index.get("type").and_then(Data::as_str).unwrap_or("btree").to_string(),
        }
    }
}

/// The changes that bring the indexes of a materialized view to what its config says; none if they are the same.
/// `results` holds the table of existing indexes, `model` the node.
pub(crate) fn config_changes(args: &[Value]) -> Result<Value, Error> {
    let names = ["relation_results", "relation_config"];
    let [results, model] = CallArgs::split(args).bind("get_materialized_view_config_change_collection", names, 2)?;
    let existing = existing_indexes(&results.unwrap_or_default())?;
    let model = py::to_json(&model.unwrap_or_default());
    let configured = model.pointer("/config/indexes").and_then(Data::as_array).cloned().unwrap_or_default();
    let mut wanted: Vec<Index> = configured.iter().map(Index::of_config).collect();
    wanted.sort();
    wanted.dedup();
    let drops = existing.iter().filter(|(_, index)| !wanted.contains(index));
    let drops = drops.map(|(name, index)| change("drop", Some(name), index));
    let is_new = |index: &&Index| existing.iter().all(|(_, other)| other != *index);
    let creates = wanted.iter().filter(is_new).map(|index| change("create", None, index));
    let changes: Vec<Value> = drops.chain(creates).collect();
    if changes.is_empty() {
        return Ok(none());
    }
    Ok(Value::from_object(Changes { indexes: PyList::value(changes) }))
}

fn existing_indexes(results: &Value) -> Result<Vec<(String, Index)>, Error> {
    let table = results.get_attr("indexes")?;
    let Some(table) = TableValue::of(&table) else { return Ok(Vec::new()) };
    let mut indexes = Vec::new();
    for row in (0..table.rows.len()).filter_map(|ix| table.row(ix)) {
        let text = |key: &str| row.get_attr(key).map(|value| py::to_str(&value));
        let index = Index {
            columns: text("column_names")?.split(',').map(str::to_lowercase).collect(),
            is_unique: row.get_attr("unique")?.is_true(),
            method: text("method")?,
        };
        indexes.push((text("name")?, index));
    }
    Ok(indexes)
}

fn change(action: &str, name: Option<&String>, index: &Index) -> Value {
    let config = json!({"columns": index.columns, "unique": index.is_unique, "type": index.method});
    let context = PyDict::from_strings([
        ("name", name.map_or_else(none, |name| Value::from(name.as_str()))),
        ("column_names", py::from_json(&json!(index.columns))),
        ("unique", Value::from(index.is_unique)),
        ("method", Value::from(index.method.as_str())),
        ("as_node_config", py::from_json(&config)),
    ]);
    let change = [
        ("action", Value::from(action)),
        ("context", context.into_value()),
        ("requires_full_refresh", Value::from(false)),
    ];
    PyDict::from_strings(change).into_value()
}

/// Changes that a materialization asks about.
struct Changes {
    indexes: Value,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresMaterializedViewConfigChangeCollection(indexes={})", py::to_repr(&self.indexes))
    }
}

impl Object for Changes {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "indexes" => Some(self.indexes.clone()),
            "requires_full_refresh" => Some(Value::from(false)),
            "has_changes" => Some(Value::from(true)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Cell, Column, Table};

    #[track_caller]
    fn check(configured: Data, expected: &[(&str, &str)]) {
        let text = |text: &str| Cell::Text(text.to_string());
        let table = Table {
            columns: ["name", "method", "unique", "column_names"].map(|name| Column::new(name, "text")).to_vec(),
            rows: vec![vec![text("ix"), text("btree"), Cell::Bool(false), text("A,b")]],
        };
        let results = PyDict::from_strings([("indexes", TableValue::from_result(&table).into_value())]).into_value();
        let model = py::from_json(&json!({"config": {"indexes": configured}}));
        let changes = config_changes(&[results, model]).unwrap();
        let changes = changes.get_attr("indexes").ok().map(|list| py::to_json(&list)).unwrap_or_default();
        let found: Vec<(String, String)> = changes
            .as_array()
            .into_iter()
            .flatten()
            .map(|change| {
                let text = |path: &str| change.pointer(path).and_then(Data::as_str).unwrap_or_default().to_string();
                (text("/action"), text("/context/method"))
            })
            .collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn indexes_are_compared_without_their_names() {
        check(json!([{"columns": ["b", "a"]}]), &[]);
        check(json!([]), &[("drop", "btree")]);
        check(json!([{"columns": ["a", "b"], "type": "hash"}]), &[("drop", "btree"), ("create", "hash")]);
    }
}
