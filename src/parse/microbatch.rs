//! What microbatch models must say before any of them is built.

use std::sync::Arc;

use serde_json::{Value as Data, json};

use super::Setup;
use super::settings::Wrong;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics};
use crate::jinja::{MacroEntry, MacroRegistry};
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType};
use crate::project::{Project, read_moment};

/// The flag that runs strategy macros of a project in batches.
const BATCHES_OWN_STRATEGY: &str = "require_batched_execution_for_custom_microbatch_strategy";
const BATCH_SIZES: &[&str] = &["hour", "day", "month", "year"];

/// What is missing in the configuration of a model that is built in batches, or holds what it cannot hold.
pub(super) fn mistake(setup: &Setup<'_>, node: &Node) -> Option<Wrong> {
    let config = &node.config;
    if !is_batched(setup.project, setup.macros, node) {
        return None;
    }
    let given = |key: &str| config.get(key).filter(|value| !value.is_null());
    let refuse = |key: &'static str, must: &str, expected: &str| {
        let found = given(key).map_or_else(String::new, |value| format!(", but got: {value}"));
        let message = format!("Microbatch model '{}' must provide {must} '{key}' {expected}{found}", node.name);
        let hint = format!("set `{key}` in the model's config");
        Some(Wrong::new(key, message, hint).because_of("incremental_strategy"))
    };
    if !given("event_time").is_some_and(Data::is_string) {
        return refuse("event_time", "an", "(string) config that names the column with the time of the event");
    }
    if given("begin").and_then(Data::as_str).is_none_or(|text| read_moment(text).is_none()) {
        return refuse("begin", "a", "(datetime) config: the moment from which it is built");
    }
    if !given("batch_size").and_then(Data::as_str).is_some_and(|size| BATCH_SIZES.contains(&size)) {
        return refuse("batch_size", "a", "config that is one of ['hour', 'day', 'month', 'year']");
    }
    if given("lookback").is_some_and(|value| !value.is_i64()) {
        return refuse("lookback", "the optional", "config as a whole number");
    }
    if given("concurrent_batches").is_some_and(|value| !value.is_boolean()) {
        return refuse("concurrent_batches", "the optional", "config as true or false");
    }
    None
}

/// Finds the microbatch models of which no input says when its rows happened, so that each batch reads all of them.
#[must_use]
pub fn unfiltered_batches<'a>(project: &Project, macros: &MacroRegistry, manifest: &'a Manifest) -> Vec<&'a Node> {
    let is_filtered = |ix: &NodeIndex| {
        manifest.parents(*ix).iter().any(|parent| manifest.node(*parent).config.str("event_time").is_some())
    };
    let models = manifest.indices().filter(|ix| is_microbatch(manifest.node(*ix)) && !is_filtered(ix));
    let found: Vec<&Node> = models.map(|ix| manifest.node(ix)).collect();
    if found.is_empty() || has_batches(project, macros) { found } else { Vec::new() }
}

fn is_microbatch(node: &Node) -> bool {
    let config = &node.config;
    node.resource_type == ResourceType::Model
        && config.is_enabled()
        && config.materialized() == "incremental"
        && config.str("incremental_strategy") == Some("microbatch")
}

/// Whether a node is built batch by batch.
#[must_use]
pub fn is_batched(project: &Project, macros: &MacroRegistry, node: &Node) -> bool {
    is_microbatch(node) && has_batches(project, macros)
}

/// A project with a strategy macro of its own builds such models as a whole, unless it says otherwise.
fn has_batches(project: &Project, macros: &MacroRegistry) -> bool {
    project.settings.flag(BATCHES_OWN_STRATEGY) || own_strategy(macros).is_none()
}

/// The strategy macro of the project or of a package, if there is one.
fn own_strategy(macros: &MacroRegistry) -> Option<&Arc<MacroEntry>> {
    let strategy = macros.resolve(None, "get_incremental_microbatch_sql");
    strategy.filter(|entry| !macros.internal_packages().contains(&entry.def.package))
}

/// Warns of a strategy macro that is not run in batches.
pub(super) fn warn_of_own_strategy(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let Some(entry) = own_strategy(setup.macros) else { return };
    if setup.project.settings.flag(BATCHES_OWN_STRATEGY) || !manifest.nodes.iter().any(|node| is_microbatch(node)) {
        return;
    }
    let message = "The use of a custom microbatch macro outside of batched execution is deprecated.";
    let event = DbtEvent::new(("MicrobatchMacroOutsideOfBatchesDeprecation", "D020"), json!({}));
    let warning = Diagnostic::warning(Code::Deprecated, message).at(&entry.def.file(), entry.def.head());
    diagnostics.push(warning.with_event(event).hint(format!("set `{BATCHES_OWN_STRATEGY}: true` under `flags:`")));
}
