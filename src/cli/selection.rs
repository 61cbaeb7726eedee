//! From the selection on the command line to a set of nodes.

use std::collections::HashSet;
use std::sync::OnceLock;

use serde_json::Value as Data;

use super::ExitStatus;
use super::args::SelectionArgs;
use super::pipeline::Parsed;
use super::{columns, git, lineage};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lineage::ColumnGraph;
use crate::manifest::{Node, NodeIndex, NodeSet, ResourceType};
use crate::project::Settings;
use crate::select::{self, Indirect, Outside, Reach, Selection};

/// The kinds that `--resource-type` and `--exclude-resource-type`, or their environment variables, leave.
pub(super) fn kinds(settings: &Settings, default: &[ResourceType], all: &[ResourceType]) -> Vec<ResourceType> {
    let words = |name: &str| -> Vec<String> {
        let list = settings.flags.get(name).and_then(Data::as_array);
        list.into_iter().flatten().filter_map(Data::as_str).map(str::to_lowercase).collect()
    };
    let named = |words: &[String]| -> Vec<ResourceType> {
        let mut kinds = Vec::new();
        for word in words {
            match word.as_str() {
                "default" => kinds.extend_from_slice(default),
                "all" => kinds.extend_from_slice(all),
                word => kinds.extend(ResourceType::find(word).filter(|kind| all.contains(kind))),
            }
        }
        kinds
    };
    let wanted = words("resource_types");
    let unwanted = named(&words("exclude_resource_types"));
    let mut kinds = if wanted.is_empty() { default.to_vec() } else { named(&wanted) };
    kinds.retain(|kind| !unwanted.contains(kind));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The selected nodes that `compile` and `show` print: those that the selection names, or the only one.
pub(super) fn printed(parsed: &Parsed, args: &SelectionArgs, selected: &NodeSet) -> Vec<NodeIndex> {
    let all: Vec<NodeIndex> = selected.iter().collect();
    if all.len() == 1 {
        return all;
    }
    let is_word = |ch: char| ch.is_alphanumeric() || ch == '_';
    let words: Vec<&str> = args.select.iter().flat_map(|text| text.split(|ch| !is_word(ch))).collect();
    all.into_iter().filter(|ix| words.contains(&parsed.manifest.node(*ix).name.as_str())).collect()
}

/// The name as a ref with a version would have it: `dim.v2`.
pub(super) fn versioned(node: &Node) -> String {
    match &node.version {
        Some(Data::String(version)) => format!("{}.v{version}", node.name),
        Some(version) if !version.is_null() => format!("{}.v{version}", node.name),
        _ => node.name.clone(),
    }
}

/// Picks the nodes. A criterion that matches nothing is a warning.
pub(super) fn pick(parsed: &Parsed, args: &SelectionArgs, kinds: &[ResourceType]) -> Result<NodeSet, ExitStatus> {
    let settings = &parsed.project.settings;
    let word = settings.flags.get("indirect_selection").and_then(Data::as_str).unwrap_or("eager");
    let request = Selection {
        select: args.select.clone(),
        exclude: args.exclude.clone(),
        selector: args.selector.clone(),
        selectors: parsed.selectors.clone(),
        indirect: Indirect::find(word).unwrap_or_default(),
        resource_types: Some(kinds.to_vec()),
        previous: parsed.previous.state.clone(),
        compares_written: settings.flag("state_modified_compare_more_unrendered_values"),
    };
    let mut problems = Diagnostics::new();
    let outside = Elsewhere { parsed, columns: OnceLock::new() };
    let picked = select::select(&parsed.manifest, &request, &outside, &mut problems);
    parsed.check(problems)?;
    picked.map_err(|error| parsed.fail(&error))
}

/// What selecting asks of git and of the queries of the project.
struct Elsewhere<'a> {
    parsed: &'a Parsed,
    columns: OnceLock<ColumnGraph>,
}

impl Outside for Elsewhere<'_> {
    fn changed_since(&self, commit: &str) -> Result<HashSet<String>, Box<Diagnostic>> {
        git::changed_since(&self.parsed.project.root().root, commit)
    }

    fn column(&self, text: &str, reach: Reach) -> Result<NodeSet, Box<Diagnostic>> {
        let graph = self.columns.get_or_init(|| columns::graph(self.parsed, false));
        lineage::on_ways(self.parsed, graph, text, reach)
    }
}
