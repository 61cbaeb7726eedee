//! When the newest row of a source came: asked through the project's macros, as dbt asks.

use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;
use serde_json::{Map, Value as Data};

use super::failure::diagnose;
use super::lookup::node_relation;
use super::run::{NodeExtras, RunContext};
use super::runtime::Runtime;
use super::session::Session;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::TemplateSource;
use crate::jinja::objects::adapter::response_of;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py;
use crate::manifest::{Node, NodeIndex, NodeKind, SourceDef};
use crate::project::read_moment;

/// What a database says of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// When its newest row came; `None` if it has no rows.
    pub max_loaded_at: Option<Timestamp>,
    /// When it was asked, by the database's clock.
    pub snapshotted_at: Timestamp,
    /// The database's word, as published.
    pub response: Map<String, Data>,
}

impl Runtime {
    /// Asks for the newest row of a source: by its own query, or by its column.
    ///
    /// # Errors
    /// When the source names neither, a template fails, or the database does.
    pub fn freshness(self: &Arc<Self>, session: &Arc<Session>, ix: NodeIndex) -> Result<Loaded, Box<Diagnostic>> {
        let node = self.manifest.node(ix);
        let NodeKind::Source(source) = &node.kind else { return Err(self.not_known(node)) };
        let relation = node_relation(&self.shared, node).into_value();
        let (name, kwargs) = if source.loaded_at_query.is_some() {
            let query = self.loaded_at_query(session, ix, source)?;
            ("collect_freshness_custom_sql", vec![("source", relation), ("loaded_at_query", Value::from(query))])
        } else if let Some(field) = &source.loaded_at_field {
            let filter = source.freshness.get("filter").and_then(Data::as_str);
            let kwargs = vec![
                ("source", relation),
                ("loaded_at_field", Value::from(field.as_str())),
                ("filter", filter.map_or_else(|| Value::from(()), Value::from)),
            ];
            ("collect_freshness", kwargs)
        } else {
            return Err(self.not_known(node));
        };
        let result = self.call_macro(session, name, &[], &kwargs).map_err(|error| {
            if error.code != Code::SqlRejected {
                return error;
            }
            // Of the source, not of the macro that happens to ask.
            let hint = "correct `schema:`, `identifier:` or `loaded_at_field:` of the source, or load its table";
            Box::new(Diagnostic::error(error.code, error.message).at(&node.file, node.span).hint(hint))
        })?;
        read(name, &result).map_err(|message| Box::new(Diagnostic::error(Code::SqlRejected, message)))
    }

    fn not_known(&self, node: &Node) -> Box<Diagnostic> {
        let message = format!(
            "Could not compute freshness for source {}: no 'loaded_at_field' provided and {} adapter does not support \
             metadata-based freshness checks.",
            node.name,
            self.adapter.name()
        );
        let error = Diagnostic::error(Code::PropertyInvalid, message).at(&node.file, node.span);
        Box::new(error.hint("name the column with the time of loading: `loaded_at_field: loaded_at`"))
    }

    fn loaded_at_query(
        self: &Arc<Self>,
        session: &Arc<Session>,
        ix: NodeIndex,
        source: &SourceDef,
    ) -> Result<String, Box<Diagnostic>> {
        let file = &self.manifest.node(ix).file;
        let text = source.loaded_at_query.as_deref().unwrap_or_default();
        let context = RunContext::for_node(self, session, ix, NodeExtras::default());
        let template = TemplateSource::new("loaded_at_query", file.path(), text);
        let rendered = self.env.render(&template, Arc::new(context));
        // Places in the query are none in the property file.
        let rendered = rendered.map_err(|error| diagnose(&error, None, self.env.registry()))?;
        Ok(rendered.text)
    }
}

/// Reads what a macro returned: one row of two moments.
fn read(name: &str, result: &Value) -> Result<Loaded, String> {
    // Before dbt 1.5 the macro returned the table alone, and some projects have such a macro.
    let is_table = TableValue::of(result).is_some();
    let table = if is_table { result.clone() } else { result.get_attr("table").unwrap_or_default() };
    let rows = TableValue::of(&table).map(|table| table.rows.as_slice()).unwrap_or_default();
    let [row] = rows else { return Err(format!("Got an invalid result from \"{name}\" macro: {} rows", rows.len())) };
    let [newest, now] = row.as_slice() else {
        return Err(format!("Got an invalid result from \"{name}\" macro: {} columns", row.len()));
    };
    let moment = |value: &Value, what: &str| {
        read_moment(&py::to_str(value)).ok_or_else(|| {
            let kind = py::text::type_name(value);
            format!("Expected a timestamp value when querying {what} but received value of type '{kind}' instead")
        })
    };
    let max_loaded_at = if newest.is_none() { None } else { Some(moment(newest, "the time of the last load")?) };
    let response = response_of(&result.get_attr("response").unwrap_or_default()).to_data();
    Ok(Loaded { max_loaded_at, snapshotted_at: moment(now, "the time of the database")?, response })
}
