//! What the metrics engine demands of the semantic layer.

mod metrics;
mod models;
mod names;
mod queries;
mod spines;

use serde_json::{Map, Value as Data};

use super::link::{names_in, problem};
use super::own;
use crate::diagnostic::{Code, DbtEvent, Diagnostics, Severity};
use crate::manifest::{Node, ResourceType};
use crate::project::Settings;

/// Checks the semantic layer of a project.
pub(super) fn check(settings: &Settings, nodes: &[Box<Node>], diagnostics: &mut Diagnostics) {
    let of_kind =
        |kind: ResourceType| nodes.iter().map(Box::as_ref).filter(|node| node.resource_type == kind).collect();
    let mut rules = Rules {
        models: of_kind(ResourceType::SemanticModel),
        metrics: of_kind(ResourceType::Metric),
        queries: of_kind(ResourceType::SavedQuery),
        custom_grains: spines::custom_grains(nodes),
        are_spines_declared: settings.flag("require_yaml_configuration_for_mf_time_spines"),
        are_params_nested: settings.flag("require_nested_cumulative_type_params"),
        diagnostics,
    };
    if rules.models.is_empty() {
        return;
    }
    spines::check(&mut rules, nodes);
    if rules.metrics.is_empty() {
        return;
    }
    names::check(&mut rules);
    models::check(&mut rules);
    metrics::check(&mut rules);
    queries::check(&mut rules);
}

struct Rules<'a, 'd> {
    models: Vec<&'a Node>,
    metrics: Vec<&'a Node>,
    queries: Vec<&'a Node>,
    custom_grains: Vec<&'a str>,
    /// Whether a time spine needs to be declared as one.
    are_spines_declared: bool,
    /// Whether parameters of cumulative metrics need a mapping of their own.
    are_params_nested: bool,
    diagnostics: &'d mut Diagnostics,
}

impl Rules<'_, '_> {
    /// Reports an error at a word of a node.
    fn error(&mut self, node: &Node, word: &str, message: impl Into<String>) {
        self.diagnostics.push(*problem(node, Code::PropertyInvalid, message.into(), word));
    }

    /// Reports a form that will go away.
    fn deprecate(&mut self, node: &Node, word: &str, (message, name, code): (String, &'static str, &'static str)) {
        let mut warning = *problem(node, Code::Deprecated, message, word);
        warning.severity = Severity::Warning;
        let facts = serde_json::json!({});
        self.diagnostics.push(warning.with_event(DbtEvent::new((name, code), facts)));
    }

    fn warn(&mut self, node: &Node, word: &str, message: impl Into<String>) {
        let mut warning = *problem(node, Code::PropertyInvalid, message.into(), word);
        warning.severity = Severity::Warning;
        self.diagnostics.push(warning);
    }
}

/// Text under a key of a mapping; null and anything else count as absent.
fn text<'a>(data: &'a Data, key: &str) -> Option<&'a str> {
    data.get(key).and_then(Data::as_str)
}

fn is_true(data: &Data, key: &str) -> bool {
    data.get(key).and_then(Data::as_bool).unwrap_or(false)
}

/// The mappings in a list of a node's own map.
fn elements<'a>(node: &'a Node, key: &str) -> &'a [Data] {
    own(node).and_then(|own| own.get(key)).and_then(Data::as_array).map_or(&[], Vec::as_slice)
}

/// A mapping or other value of a node's own map.
fn value<'a>(node: &'a Node, key: &str) -> &'a Data {
    own(node).and_then(|own: &Map<String, Data>| own.get(key)).unwrap_or(&Data::Null)
}

fn quoted(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", shown.join(", "))
}
