//! `kiln sources sync`: the columns of sources, kept in a file of the project.
//!
//! The file is committed: it lets models be checked without the database, and tells when a source has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::pipeline::Parsed;
use super::{ExitStatus, columns};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{Runtime, Session, SqlFailure};
use crate::manifest::{Node, NodeIndex, ResourceType};
use crate::ui::{Entry, count, names};

/// The file's name, in the project's folder.
const FILE: &str = "source_columns.json";

/// Names and types of columns, in order.
pub(super) type Columns = Vec<(String, String)>;

/// Runs the command.
pub(super) fn sync(parsed: &Parsed) -> ExitStatus {
    match synced(parsed) {
        Ok(()) => ExitStatus::Success,
        Err(error) => parsed.fail(&error),
    }
}

fn synced(parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let runtime = columns::runtime(parsed, Arc::clone(&parsed.adapter));
    let session = runtime.session("sources");
    session.begin().map_err(SqlFailure::into_diagnostic)?;
    session.rollback().map_err(SqlFailure::into_diagnostic)?;
    let before = read(parsed);
    let mut after: BTreeMap<String, Columns> = BTreeMap::new();
    let mut lines = Vec::new();
    for ix in sources(parsed) {
        let node = parsed.manifest.node(ix);
        let id = node.unique_id.as_str();
        match live(&runtime, &session, ix) {
            Some(columns) => {
                lines.extend(match before.get(id) {
                    Some(old) => difference(old, &columns)
                        .into_iter()
                        .map(|change| format!("{}: {change}", name(node)))
                        .collect(),
                    None => vec![format!("{}: {}", name(node), count(columns.len(), "column"))],
                });
                after.insert(id.to_owned(), columns);
            }
            None => {
                lines.push(format!("{}: the database has no such table", name(node)));
                // What was known of it stays until it is removed from the project.
                after.extend(before.get(id).map(|old| (id.to_owned(), old.clone())));
            }
        }
    }
    session.close();
    let gone = before.keys().filter(|id| !after.contains_key(*id));
    lines.extend(gone.map(|id| format!("{id}: it is no source of the project any more")));
    write(parsed, &after)?;
    lines.push(format!("{} in {FILE}", count(after.len(), "source")));
    for line in lines {
        parsed.printer.say(&Entry::info(names::NOTE, line));
    }
    Ok(())
}

/// The sources that are relations of the database.
fn sources(parsed: &Parsed) -> impl Iterator<Item = NodeIndex> + '_ {
    let is_source = |ix: &NodeIndex| parsed.manifest.node(*ix).resource_type == ResourceType::Source;
    parsed.manifest.indices().filter(is_source)
}

/// The columns that the database says a source has.
pub(super) fn live(runtime: &Runtime, session: &Session, ix: NodeIndex) -> Option<Columns> {
    let columns = session.columns(&runtime.relation(ix)).ok()?;
    let columns: Columns = columns.into_iter().map(|column| (column.name, column.data_type)).collect();
    (!columns.is_empty()).then_some(columns)
}

/// What the file says, by unique id. A file that does not exist says nothing.
pub(super) fn read(parsed: &Parsed) -> BTreeMap<String, Columns> {
    let text = fs::read_to_string(path(parsed)).unwrap_or_default();
    let file: Data = serde_json::from_str(&text).unwrap_or_default();
    let sources = file.get("sources").and_then(Data::as_object).into_iter().flatten();
    let columns = |columns: &Map<String, Data>| -> Columns {
        columns.iter().filter_map(|(name, kind)| Some((name.clone(), kind.as_str()?.to_owned()))).collect()
    };
    sources.filter_map(|(id, listed)| Some((id.clone(), columns(listed.as_object()?)))).collect()
}

fn write(parsed: &Parsed, sources: &BTreeMap<String, Columns>) -> Result<(), Box<Diagnostic>> {
    let listed: Map<String, Data> = sources
        .iter()
        .map(|(id, columns)| {
            let columns = columns.iter().map(|(name, kind)| (name.clone(), Data::from(kind.as_str()))).collect();
            (id.clone(), Data::Object(columns))
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "sources": listed })).unwrap_or_default();
    artifacts::write_text(&path(parsed), &format!("{text}\n"))
}

fn path(parsed: &Parsed) -> PathBuf {
    parsed.project.root().root.join(FILE)
}

/// What changed in a source, column by column.
pub(super) fn difference(old: &Columns, new: &Columns) -> Vec<String> {
    let find = |columns: &Columns, name: &str| {
        columns.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| kind.clone())
    };
    let added = new.iter().filter(|(name, _)| find(old, name).is_none());
    let mut changes: Vec<String> = added.map(|(name, kind)| format!("`{name}` ({kind}) was added")).collect();
    for (name, kind) in old {
        match find(new, name) {
            None => changes.push(format!("`{name}` ({kind}) was removed")),
            Some(now) if !now.eq_ignore_ascii_case(kind) => {
                changes.push(format!("`{name}` was {kind} and is {now}"));
            }
            Some(_) => {}
        }
    }
    changes
}

/// What to say of a source whose columns are not those of the file.
pub(super) fn drift(node: &Node, changes: &[String]) -> Option<Diagnostic> {
    if changes.is_empty() {
        return None;
    }
    let message = format!("source `{}` has changed: {}", name(node), changes.join(", "));
    let hint = "`kiln sources sync` accepts the change";
    Some(Diagnostic::warning(Code::SourceChanged, message).at(&node.file, node.span).hint(hint))
}

/// `raw.orders`.
fn name(node: &Node) -> String {
    node.unique_id.as_str().splitn(3, '.').nth(2).unwrap_or(&node.name).to_owned()
}
