//! What came of a node's run: the relations of a materialization, the row of a data test.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Data};

use super::RunContext;
use crate::jinja::context::Response;
use crate::jinja::context::arguments::render_test_kwargs;
use crate::jinja::objects::adapter::response_of;
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::objects::table::TableValue;
use crate::jinja::{RenderError, TemplateSource, py};
use crate::sql::Relation;

/// What a materialization returned.
#[derive(Clone, Debug)]
pub struct MaterializeResult {
    /// The relations it made, or what is wrong with what it returned.
    pub relations: Result<Vec<Relation>, String>,
}

/// The one row of a data test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRow {
    /// Rows that should not be there.
    pub failures: i64,
    /// Whether they are enough for a warning.
    pub should_warn: bool,
    /// Whether they are enough for an error.
    pub should_error: bool,
}

impl RunContext {
    /// Gives a generic test its rendered arguments.
    ///
    /// # Errors
    /// When a template in them fails.
    pub fn with_test_kwargs(self, kwargs: &Map<String, Data>) -> Result<Self, RenderError> {
        let env = &self.inner.runtime().env;
        let path = self.inner.node().map_or("", |node| node.file.path()).to_string();
        let render = |text: &str, is_native: bool| {
            let source = TemplateSource::new("argument", path.as_str(), text);
            let context = Arc::new(self.clone());
            if is_native {
                env.render_native(&source, context)
            } else {
                env.render(&source, context).map(|rendered| Value::from(rendered.text))
            }
        };
        let rendered = render_test_kwargs(kwargs, &render)?;
        self.inner.memory().test_kwargs = Some(rendered);
        Ok(self)
    }

    /// Calls the macro of a materialization.
    ///
    /// # Errors
    /// When the macro fails.
    pub fn materialize(&self, macro_id: &str) -> Result<MaterializeResult, RenderError> {
        let value = self.inner.runtime().env.call_macro(macro_id, &[], &[], Arc::new(self.clone()))?;
        let materialized = self.inner.node().map_or("", |node| node.config.materialized());
        Ok(MaterializeResult { relations: returned_relations(&value, materialized) })
    }

    /// Calls a macro with a statement as its only argument, for what it refuses.
    ///
    /// # Errors
    /// When the macro fails; there is nothing to refuse if it does not exist.
    pub fn call_with_sql(&self, name: &str, sql: &str) -> Result<(), RenderError> {
        let env = &self.inner.runtime().env;
        let Some(entry) = env.registry().resolve(None, name) else { return Ok(()) };
        env.call_macro(&entry.def.unique_id, &[Value::from(sql)], &[], Arc::new(self.clone())).map(|_| ())
    }

    /// What the database said of the statement named `main`.
    #[must_use]
    pub fn main_response(&self) -> Option<Response> {
        let result = self.result("main")?;
        result.get_attr("response").ok().map(|response| response_of(&response))
    }

    /// Names and rows of what the statement named `main` returned.
    #[must_use]
    pub fn main_rows(&self) -> Option<(Vec<String>, Vec<Vec<Data>>)> {
        let table = self.result("main")?.get_attr("table").ok()?;
        let table = TableValue::of(&table)?;
        let rows = table.rows.iter().map(|row| row.iter().map(py::to_json).collect()).collect();
        Some((table.names.to_vec(), rows))
    }

    /// The row that a data test's main statement returned.
    ///
    /// # Errors
    /// When it is not one row of three columns.
    pub fn test_row(&self) -> Result<TestRow, String> {
        let result = self.result("main").ok_or("main is not being called during running test")?;
        let table = result.get_attr("table").map_err(|error| error.to_string())?;
        let table = TableValue::of(&table).ok_or("there is no result")?;
        let [row] = &table.rows[..] else {
            return Err(format!("Returned {} rows, but expected 1 row", table.rows.len()));
        };
        if table.names.len() != 3 {
            return Err(format!("Returned {} columns, but expected 3 columns", table.names.len()));
        }
        let field = |name: &str| {
            let ix = table.names.iter().position(|other| other.eq_ignore_ascii_case(name));
            ix.map(|ix| row[ix].clone()).ok_or_else(|| format!("there is no column `{name}`"))
        };
        let failures = whole_number(&field("failures")?)?;
        Ok(TestRow {
            failures,
            should_warn: truth("should_warn", &field("should_warn")?)?,
            should_error: truth("should_error", &field("should_error")?)?,
        })
    }
}

fn whole_number(value: &Value) -> Result<i64, String> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    #[expect(clippy::cast_possible_truncation, reason = "dbt truncates too")]
    f64::try_from(value.clone())
        .ok()
        .or_else(|| py::to_str(value).parse().ok())
        .map(|number| number as i64)
        .ok_or_else(|| format!("`failures` is {}, not a number", py::to_repr(value)))
}

fn truth(name: &str, value: &Value) -> Result<bool, String> {
    let Some(text) = value.as_str() else { return Ok(value.is_true()) };
    match text.to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!(
            "the macro 'get_test_sql' returns '{text}' for `{name}`: it is not type 'bool' and cannot be converted reliably to a bool"
        )),
    }
}

/// The relations in `{'relations': [..]}`, with dbt's refusals.
fn returned_relations(value: &Value, materialized: &str) -> Result<Vec<Relation>, String> {
    if value.as_str().is_some() || value.is_undefined() {
        return Err(format!(
            "The materialization (\"{materialized}\") did not explicitly return a list of relations to add to the cache."
        ));
    }
    if value.kind() != ValueKind::Map {
        return Err(format!(
            "Invalid return value from materialization, expected a dict with key \"relations\", got: {}",
            py::to_str(value)
        ));
    }
    let relations = value.get_attr("relations").unwrap_or_default();
    if relations.is_undefined() {
        let keys: Vec<String> = py::iterate(value).unwrap_or_default().iter().map(py::to_repr).collect();
        return Err(format!(
            "Invalid return value from materialization, \"relations\" not found, got keys: [{}]",
            keys.join(", ")
        ));
    }
    let Some(items) = py::iterate(&relations).ok().filter(|_| relations.kind() == ValueKind::Seq) else {
        return Err(format!(
            "Invalid return value from materialization, \"relations\" not a list, got: {}",
            py::to_str(&relations)
        ));
    };
    let relation = |item: &Value| {
        RelationValue::of(item).map(|found| found.relation.clone()).ok_or_else(|| {
            format!(
                "Invalid return value from materialization, \"relations\" contains non-Relation: {}",
                py::to_str(item)
            )
        })
    };
    items.iter().map(relation).collect()
}
