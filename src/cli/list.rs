//! `kiln list`: the nodes of a selection, one a line, ready to pipe.

use serde_json::{Map, Value as Data};

use super::ExitStatus;
use super::args::{ListArgs, ListForm};
use super::pipeline::Parsed;
use super::selection;
use crate::artifacts::{ManifestFacts, python_json};
use crate::diagnostic::Code;
use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, ResourceType, view};
use crate::ui::{Entry, Level, names};

/// The kinds that are listed unless told otherwise.
const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Snapshot,
    ResourceType::Seed,
    ResourceType::Test,
    ResourceType::Source,
    ResourceType::Exposure,
    ResourceType::Metric,
    ResourceType::SavedQuery,
    ResourceType::SemanticModel,
    ResourceType::UnitTest,
    ResourceType::Function,
];

/// The keys of a JSON line unless others are asked for.
const KEYS: &[&str] = &[
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
];

/// Runs the command.
pub(super) fn run(args: &ListArgs, parsed: &Parsed) -> ExitStatus {
    let kinds = if args.models.is_empty() {
        let mut all = KINDS.to_vec();
        all.push(ResourceType::Analysis);
        selection::kinds(&parsed.project.settings, KINDS, &all)
    } else {
        vec![ResourceType::Model]
    };
    let selected = match selection::pick(parsed, &args.selection(), &kinds) {
        Ok(selected) => selected,
        Err(status) => return status,
    };
    if let Err(status) = parsed.write_manifest(&ManifestFacts::default()) {
        return status;
    }
    let mut ixs: Vec<NodeIndex> = selected.iter().collect();
    ixs.sort_by(|left, right| parsed.manifest.node(*left).unique_id.cmp(&parsed.manifest.node(*right).unique_id));
    if ixs.is_empty() {
        let entry = Entry::new(names::NOTHING_LISTED, Level::Warn, "No nodes selected!");
        return parsed.warn(&entry, Code::NothingSelected).err().unwrap_or(ExitStatus::Success);
    }
    let lines: Vec<String> = ixs.into_iter().map(|ix| line(args, &parsed.manifest, ix)).collect();
    parsed.printer.lines(|line| Entry::info(names::LISTED, line).with("msg", line), &lines);
    ExitStatus::Success
}

fn line(args: &ListArgs, manifest: &Manifest, ix: NodeIndex) -> String {
    let node = manifest.node(ix);
    match args.output {
        ListForm::Selector => selector(node),
        ListForm::Name => name(node),
        ListForm::Path => node.original_file_path.clone(),
        ListForm::Json => python_json(&json(&view::node(manifest, ix), &args.output_keys)),
    }
}

/// The text that selects exactly this node.
fn selector(node: &Node) -> String {
    let package = &node.package;
    match node.resource_type {
        ResourceType::Source => match &node.kind {
            NodeKind::Source(source) => format!("source:{package}.{}.{}", source.source_name, node.name),
            _ => format!("source:{package}.{}", node.name),
        },
        ResourceType::Exposure
        | ResourceType::Metric
        | ResourceType::SavedQuery
        | ResourceType::SemanticModel
        | ResourceType::UnitTest => format!("{}:{package}.{}", node.resource_type, selection::versioned(node)),
        _ => node.fqn.join("."),
    }
}

fn name(node: &Node) -> String {
    match &node.kind {
        NodeKind::Source(source) => format!("{}.{}", source.source_name, node.name),
        _ => selection::versioned(node),
    }
}

fn json(published: &Map<String, Data>, keys: &[String]) -> Map<String, Data> {
    if keys.is_empty() {
        let wanted = published.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
        return wanted.map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    let value = |key: &String| {
        if key.contains('.') {
            let found = key.split('.').try_fold(None, |at: Option<&Data>, part| {
                let next = at.map_or_else(|| published.get(part), |at| at.get(part));
                next.map(Some)
            });
            return found.flatten().filter(|value| !value.is_null()).cloned();
        }
        published.get(key).cloned()
    };
    keys.iter().filter_map(|key| Some((key.clone(), value(key)?))).collect()
}
