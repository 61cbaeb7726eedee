//! Metrics: a question about them becomes a plan, from which macros make SQL.
//!
//! Nothing here writes SQL or asks a database: a plan says which relations are read, joined, filtered and aggregated,
//! step by step, and `get_metrics_sql` writes it down for a database.

mod condition;
mod item;
mod layer;
mod path;
mod plan;
mod rows;
mod sources;

use serde_json::{Map, Value as Data};

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::manifest::Manifest;
use layer::{Layer, filters_in};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Names of metrics.
    pub metrics: Vec<String>,
    /// What they are grouped by.
    pub group_by: Vec<String>,
    /// Conditions on rows.
    pub filters: Vec<String>,
    /// Names of columns, with `-` in front for descending order.
    pub order_by: Vec<String>,
    /// How many rows at most.
    pub limit: Option<u64>,
    /// The first moment of `metric_time`.
    pub start: Option<String>,
    /// The last moment of `metric_time`.
    pub end: Option<String>,
}

/// Plans the answer to a question: the argument of the macro `get_metrics_sql`.
///
/// # Errors
/// When a name is not known, or the metrics cannot be grouped or filtered like this.
pub fn plan(manifest: &Manifest, question: &Question) -> Result<Map<String, Data>, Box<Diagnostic>> {
    plan::plan(&Layer::read(manifest), question)
}

/// Adds what a saved query asks to a question.
///
/// # Errors
/// When there is no such query.
pub fn with_saved_query(manifest: &Manifest, name: &str, question: &Question) -> Result<Question, Box<Diagnostic>> {
    let layer = Layer::read(manifest);
    let Some((_, own)) = layer.queries.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = layer.queries.iter().map(|(name, _)| *name).collect();
        let message = format!("there is no saved query `{name}`");
        let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| known("saved queries", &names));
        return Err(Box::new(Diagnostic::error(Code::MetricsQuestion, message).hint(hint)));
    };
    let params = own.get("query_params").unwrap_or(&Data::Null);
    let grains = layer.added_grains();
    let texts = |key: &str| -> Vec<String> {
        params[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Data::as_str)
            .map(|text| written(text, &grains))
            .collect()
    };
    let mut all = Question { metrics: texts("metrics"), group_by: texts("group_by"), ..question.clone() };
    all.filters = filters_in(&params["where"]).into_iter().map(str::to_owned).collect();
    all.metrics.extend(question.metrics.iter().cloned());
    all.group_by.extend(question.group_by.iter().cloned());
    all.filters.extend(question.filters.iter().cloned());
    if all.order_by.is_empty() {
        all.order_by = texts("order_by");
    }
    all.limit = all.limit.or_else(|| params["limit"].as_u64());
    Ok(all)
}

/// A name as the command line takes it: saved queries may write `TimeDimension('metric_time', 'day')`, and
/// `Dimension('metric_time').descending(True)` or `-metric_time` for an order.
fn written(text: &str, grains: &[&str]) -> String {
    if !text.contains('(') {
        return text.to_owned();
    }
    let is_descending = text.contains("descending(True)") || text.contains("descending(true)");
    let inner = text.strip_prefix("Metric(").and_then(|rest| rest.split(')').next());
    let name = match inner {
        Some(name) => name.trim_matches(['\'', '"', ' ']).to_owned(),
        None => match item::pieces(&format!("{{{{ {text} }}}}"), grains).as_deref() {
            Ok([_, item::Piece::Item(item), _]) => item.column(),
            _ => text.to_owned(),
        },
    };
    if is_descending { format!("-{name}") } else { name }
}

/// A hint that lists names.
fn known(what: &str, names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    if shown.is_empty() { format!("the project has no {what}") } else { format!("the {what}: {}", shown.join(", ")) }
}
