//! Constraints of contracts as DDL text.

use minijinja::{Error, Value};
use serde_json::{Map, Value as Data};

use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::py;
use crate::sql::Dialect;

const KINDS: &[&str] = &["check", "not_null", "unique", "primary_key", "foreign_key", "custom"];

fn text<'a>(constraint: &'a Map<String, Data>, key: &str) -> Option<&'a str> {
    constraint.get(key).and_then(Data::as_str).filter(|text| !text.is_empty())
}

fn list(constraint: &Map<String, Data>, key: &str) -> String {
    let items = constraint.get(key).and_then(Data::as_array);
    items.into_iter().flatten().filter_map(Data::as_str).collect::<Vec<_>>().join(", ")
}

fn parsed(raw: &Data) -> Result<&Map<String, Data>, Error> {
    let map = raw.as_object().filter(|map| text(map, "type").is_some_and(|kind| KINDS.contains(&kind)));
    map.ok_or_else(|| {
        fail(Code::ContractBroken, format!("Could not parse constraint: {}", py::to_repr(&py::from_json(raw))))
    })
}

/// DuckDB does not take the catalog in the target of a foreign key.
fn target(dialect: Dialect, to: &str) -> String {
    let parts: Vec<&str> = to.split('.').collect();
    match dialect {
        Dialect::DuckDb if parts.len() > 2 => parts[1..].join("."),
        _ => to.to_string(),
    }
}

fn references(dialect: Dialect, constraint: &Map<String, Data>) -> Option<String> {
    let columns = list(constraint, "to_columns");
    match text(constraint, "to") {
        Some(to) if !columns.is_empty() => Some(format!("references {} ({columns})", target(dialect, to))),
        _ => text(constraint, "expression").map(|expression| format!("references {expression}")),
    }
}

/// One column's constraint.
fn column_constraint(dialect: Dialect, constraint: &Map<String, Data>) -> Option<String> {
    let expression = text(constraint, "expression");
    let with = |word: &str| format!("{word} {}", expression.unwrap_or_default()).trim().to_string();
    match text(constraint, "type")? {
        "check" => expression.map(|expression| format!("check ({expression})")),
        "not_null" => Some(with("not null")),
        "unique" => Some(with("unique")),
        "primary_key" => Some(with("primary key")),
        "foreign_key" => references(dialect, constraint),
        _ => expression.map(str::to_string),
    }
}

/// One constraint of a whole model.
fn model_constraint(dialect: Dialect, constraint: &Map<String, Data>) -> Option<String> {
    let expression = text(constraint, "expression");
    let columns = list(constraint, "columns");
    let with = |word: &str| match expression {
        Some(expression) => format!("{word} {expression} ({columns})"),
        None => format!("{word} ({columns})"),
    };
    let body = match text(constraint, "type")? {
        "check" => format!("check ({})", expression?),
        "unique" => with("unique"),
        "primary_key" => with("primary key"),
        "foreign_key" => format!("foreign key ({columns}) {}", references(dialect, constraint)?),
        "custom" => expression?.to_string(),
        _ => return None,
    };
    Some(match text(constraint, "name") {
        Some(name) => format!("constraint {name} {body}"),
        None => body,
    })
}

/// `adapter.render_raw_columns_constraints`: name, type and constraints of each column.
pub(crate) fn columns(dialect: Dialect, raw: &Value) -> Result<Value, Error> {
    let Data::Object(columns) = py::to_json(raw) else { return Ok(py::PyList::value(Vec::new())) };
    let mut result = Vec::with_capacity(columns.len());
    for column in columns.values().filter_map(Data::as_object) {
        let name = text(column, "name").unwrap_or_default();
        let is_quoted = column.get("quote").and_then(Data::as_bool).unwrap_or(false);
        let name = if is_quoted { format!("\"{name}\"") } else { name.to_string() };
        let mut parts = vec![format!("{name} {}", text(column, "data_type").unwrap_or_default())];
        for raw in column.get("constraints").and_then(Data::as_array).into_iter().flatten() {
            parts.extend(column_constraint(dialect, parsed(raw)?));
        }
        result.push(Value::from(parts.join(" ")));
    }
    Ok(py::PyList::value(result))
}

/// `adapter.render_raw_model_constraints`.
pub(crate) fn model(dialect: Dialect, raw: &Value) -> Result<Value, Error> {
    let mut result = Vec::new();
    for raw in py::iterate(raw)? {
        let data = py::to_json(&raw);
        result.extend(model_constraint(dialect, parsed(&data)?).map(Value::from));
    }
    Ok(py::PyList::value(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(constraint: Data, on_column: Option<&str>, on_model: Option<&str>) {
        let map = constraint.as_object().expect("a map");
        assert_eq!(column_constraint(Dialect::DuckDb, map).as_deref(), on_column);
        assert_eq!(model_constraint(Dialect::DuckDb, map).as_deref(), on_model);
    }

    #[test]
    fn constraints_become_ddl() {
        check(json!({"type": "not_null"}), Some("not null"), None);
        check(json!({"type": "unique", "columns": ["a", "b"]}), Some("unique"), Some("unique (a, b)"));
        check(
            json!({"type": "check", "expression": "a > 0", "name": "n"}),
            Some("check (a > 0)"),
            Some("constraint n check (a > 0)"),
        );
        check(
            json!({"type": "foreign_key", "columns": ["a"], "to": "db.s.t", "to_columns": ["id"]}),
            Some("references s.t (id)"),
            Some("foreign key (a) references s.t (id)"),
        );
    }
}
