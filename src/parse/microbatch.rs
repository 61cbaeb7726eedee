//! What microbatch models must say before any of them is built.

use serde_json::Value as Data;

use super::Setup;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::MacroRegistry;
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType};
use crate::project::{Project, read_moment};

const BATCH_SIZES: &[&str] = &["hour", "day", "month", "year"];

/// Checks the configuration of a model that is built in batches.
///
/// # Errors
/// When a key is missing, or holds what it cannot hold.
pub(super) fn check(setup: &Setup<'_>, node: &Node) -> Result<(), Box<Diagnostic>> {
    let config = &node.config;
    if !is_microbatch(node) || !has_batches(setup.project, setup.macros) {
        return Ok(());
    }
    let given = |key: &str| config.get(key).filter(|value| !value.is_null());
    let refuse = |key: &str, must: &str, expected: &str| {
        let found = given(key).map_or_else(String::new, |value| format!(", but got: {value}"));
        let message = format!("Microbatch model '{}' must provide {must} '{key}' {expected}{found}", node.name);
        let error = Diagnostic::error(Code::PropertyInvalid, message).in_file(&node.file);
        Err(Box::new(error.hint(format!("set `{key}` in the model's config"))))
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
    Ok(())
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

/// A project with a strategy macro of its own builds such models as a whole, unless it says otherwise.
fn has_batches(project: &Project, macros: &MacroRegistry) -> bool {
    let settings = &project.settings;
    let is_built_in = || {
        let strategy = macros.resolve(None, "get_incremental_microbatch_sql");
        strategy.is_none_or(|entry| macros.internal_packages().contains(&entry.def.package))
    };
    settings.flag("require_batched_execution_for_custom_microbatch_strategy") || is_built_in()
}
