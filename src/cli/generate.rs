//! `kiln generate yaml`: property files as far as they can be known from the models.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::args::GenerateYamlArgs;
use super::pipeline::Parsed;
use super::{ExitStatus, check, columns, say_data, selection};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::lineage::{self, ColumnGraph, ColumnRef};
use crate::manifest::{Node, NodeIndex, ResourceType};
use crate::project::{DraftColumn, add_columns, new_file};
use crate::ui::{Entry, names};

/// Runs the command.
pub(super) fn yaml(args: &GenerateYamlArgs, parsed: &Parsed) -> ExitStatus {
    drafted(args, parsed).err().unwrap_or(ExitStatus::Success)
}

fn drafted(args: &GenerateYamlArgs, parsed: &Parsed) -> Result<(), ExitStatus> {
    use ResourceType::{Model, Seed, Snapshot};
    let selected = selection::pick(parsed, &args.selection, &[Model, Seed, Snapshot])?;
    let graph = columns::typed_graph(parsed, args.offline, check::known_types(parsed, args.offline));
    let mut files: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for ix in selected.iter() {
        let node = parsed.manifest.node(ix);
        // Packages are not ours to describe.
        if node.package != parsed.manifest.project_name {
            continue;
        }
        let columns = drafts(args, parsed, &graph, ix);
        if columns.is_empty() {
            continue;
        }
        let (path, known) = place(parsed, node);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let (_, text) = files.entry(path.clone()).or_insert_with(|| (before.clone(), before));
        let made = if known || !text.is_empty() {
            add_columns(text, &node.name, &columns)
        } else {
            Ok(new_file(section(node), &[(node.name.clone(), columns)]))
        };
        match made {
            Ok(made) => *text = made,
            Err(reason) => {
                let message = format!("`{}` is left as it is: {reason}", parsed.shown(&path));
                problems.push(Diagnostic::warning(Code::PropertyInvalid, message));
            }
        }
    }
    parsed.check(problems)?;
    files.retain(|_, (before, after)| before != after);
    for (path, (_, text)) in &files {
        let shown = parsed.shown(path);
        if args.write {
            artifacts::write_text(path, text).map_err(|error| parsed.fail(&error))?;
            parsed.printer.say(&Entry::info(names::NOTE, format!("Wrote {shown}")));
        } else {
            say_data(&parsed.printer, &format!("# {shown}\n{}", text.trim_end()));
        }
    }
    if files.is_empty() {
        parsed.printer.say(&Entry::info(names::NOTE, "All columns are in property files already"));
    }
    Ok(())
}

/// The columns of a node with what is to be declared of them.
fn drafts(args: &GenerateYamlArgs, parsed: &Parsed, graph: &ColumnGraph, ix: NodeIndex) -> Vec<DraftColumn> {
    let Some(known) = graph.node(ix).filter(|known| known.open.is_none()) else { return Vec::new() };
    let column = |(column, known): (usize, &lineage::Column)| {
        let at = ColumnRef { node: ix, column };
        let inherited = lineage::inherited_description(&parsed.manifest, graph, at);
        DraftColumn {
            name: known.name.clone(),
            data_type: known.data_type.clone().filter(|_| args.types),
            description: inherited.map(|(text, _)| text.trim().to_owned()).filter(|_| args.descriptions),
        }
    };
    known.columns.iter().enumerate().map(column).collect()
}

/// The property file of a node, and whether it describes the node already.
fn place(parsed: &Parsed, node: &Node) -> (PathBuf, bool) {
    let root = &parsed.project.root().root;
    match node.patch_path.as_deref().and_then(|path| path.split_once("://")) {
        Some((_, path)) => (root.join(path), true),
        None => (root.join(&node.original_file_path).with_extension("yml"), false),
    }
}

fn section(node: &Node) -> &'static str {
    match node.resource_type {
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        _ => "models",
    }
}
