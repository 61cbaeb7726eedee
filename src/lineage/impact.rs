//! What a change reaches: from columns that changed to every column, test and exposure that they flow into.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ColumnRef, Direction, NodeChange, Step, Version, trace};
use crate::manifest::{Manifest, NodeIndex};

/// What a change of a project does.
#[derive(Clone, Debug, Default)]
pub struct Impact {
    /// What changed.
    pub changes: Vec<NodeChange>,
    /// What is reached, in the newer version: models, seeds, snapshots and analyses.
    pub reached: Vec<Reached>,
    /// What has no columns and depends on what changed or is reached: exposures, metrics, unit tests and so on.
    pub dependents: Vec<NodeIndex>,
    /// Columns that are gone and still read.
    pub breaks: Vec<Break>,
    /// Nodes that may be reached, as it is not known what they read, with the reason.
    pub uncertain: Vec<(NodeIndex, String)>,
}

/// A node that is reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The node, in the newer version.
    pub node: NodeIndex,
    /// The columns whose values may differ.
    pub columns: BTreeSet<usize>,
    /// Whether other rows may be there, or in another order.
    pub rows: bool,
    /// The changed nodes that reach it, in the newer version or, if they are gone, in the older one.
    pub because: BTreeSet<String>,
}

/// A column that is gone and still read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The node that reads it, in the newer version.
    pub reader: NodeIndex,
    /// The node that had it.
    pub node: String,
    /// The column.
    pub column: String,
}

/// Finds out what changes reach.
#[must_use]
pub fn impact(old: Version<'_>, new: Version<'_>, changes: Vec<NodeChange>) -> Impact {
    let mut reached: BTreeMap<NodeIndex, Reached> = BTreeMap::new();
    let mut breaks = Vec::new();
    for change in &changes {
        for (steps, because) in [below_new(new, change), below_old(old, new, change)].into_iter().flatten() {
            for step in steps {
                let entry = reached.entry(step.node).or_insert_with(|| Reached {
                    node: step.node,
                    columns: BTreeSet::new(),
                    rows: false,
                    because: BTreeSet::new(),
                });
                match step.column {
                    Some(column) if step.how.is_value() => {
                        entry.columns.insert(column);
                    }
                    _ => entry.rows = true,
                }
                entry.because.insert(because.clone());
            }
        }
        breaks.extend(broken(old, new, change));
    }
    let changed: BTreeSet<NodeIndex> = changes.iter().filter_map(|change| change.new).collect();
    let affected: BTreeSet<NodeIndex> = changed.iter().copied().chain(reached.keys().copied()).collect();
    let (dependents, uncertain) = around(new, &affected, &reached);
    for change in &changes {
        let Some((entry, node)) = change.new.and_then(|ix| Some((reached.get_mut(&ix)?, new.1.node(ix)?))) else {
            continue;
        };
        // What is listed as changed needs no second line.
        entry.columns.retain(|column| change.columns.iter().all(|own| own.column != node.columns[*column].name));
    }
    let reached =
        reached.into_values().filter(|node| !(changed.contains(&node.node) && node.columns.is_empty())).collect();
    Impact { changes, reached, dependents, breaks, uncertain }
}

/// The steps below columns of the newer version that are computed otherwise.
fn below_new(new: Version<'_>, change: &NodeChange) -> Option<(Vec<Step>, String)> {
    let ix = change.new.filter(|_| change.old.is_some())?;
    let node = new.1.node(ix)?;
    let is_start = |name: &str| {
        change.has_other_rows
            || change.unknown.is_some()
            || change.columns.iter().any(|own| own.column == name && own.change != Change::Added)
    };
    let start = (0..node.columns.len()).filter(|column| is_start(&node.columns[*column].name));
    let start: Vec<ColumnRef> = start.map(|column| ColumnRef { node: ix, column }).collect();
    let steps = trace(new.1, &start, Direction::Downstream, true).steps;
    Some((steps, new.0.node(ix).unique_id.to_string()))
}

/// The steps below columns of the older version that are gone, as far as their ends are in the newer one.
fn below_old(old: Version<'_>, new: Version<'_>, change: &NodeChange) -> Option<(Vec<Step>, String)> {
    let ix = change.old?;
    let node = old.1.node(ix)?;
    let is_gone = |name: &str| change.columns.iter().any(|own| own.column == name && own.change == Change::Removed);
    let start = (0..node.columns.len()).filter(|column| is_gone(&node.columns[*column].name));
    let start: Vec<ColumnRef> = start.map(|column| ColumnRef { node: ix, column }).collect();
    let steps = trace(old.1, &start, Direction::Downstream, true).steps;
    let kept = steps.into_iter().filter_map(|step| {
        let there = new.0.find(old.0.node(step.node).unique_id.as_str())?;
        let column = match step.column {
            None => None,
            Some(column) => {
                let name = &old.1.column(ColumnRef { node: step.node, column })?.name;
                Some(new.1.node(there)?.find(name)?)
            }
        };
        Some(Step { node: there, column, ..step })
    });
    Some((kept.collect(), old.0.node(ix).unique_id.to_string()))
}

/// Those who read a column that is gone, and still do.
fn broken(old: Version<'_>, new: Version<'_>, change: &NodeChange) -> Vec<Break> {
    let Some((ix, node)) = change.old.and_then(|ix| Some((ix, old.1.node(ix)?))) else { return Vec::new() };
    let mut found = Vec::new();
    for own in change.columns.iter().filter(|own| own.change == Change::Removed) {
        let Some(column) = node.find(&own.column) else { continue };
        for (child, ..) in old.1.children(ColumnRef { node: ix, column }) {
            let there = new.0.find(old.0.node(*child).unique_id.as_str());
            let Some((reader, columns)) = there.and_then(|there| Some((there, new.1.node(there)?))) else { continue };
            let end = format!("{}` is not found", own.column).to_lowercase();
            let misses = columns.unknown.iter().any(|reason| reason.to_lowercase().ends_with(&end));
            let entry = Break { reader, node: old.0.node(ix).unique_id.to_string(), column: own.column.clone() };
            if misses && !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}

/// What depends on affected nodes without having columns, and what may depend on them without its being known.
fn around(
    new: Version<'_>,
    affected: &BTreeSet<NodeIndex>,
    reached: &BTreeMap<NodeIndex, Reached>,
) -> (Vec<NodeIndex>, Vec<(NodeIndex, String)>) {
    let (mut dependents, mut uncertain) = (BTreeSet::new(), BTreeMap::new());
    let (manifest, graph): (&Manifest, _) = new;
    for child in affected.iter().flat_map(|ix| manifest.children(*ix)) {
        match graph.node(*child) {
            None => {
                dependents.insert(*child);
            }
            Some(_) if reached.contains_key(child) => {}
            Some(node) => {
                let unknown = node.columns.iter().find_map(|column| column.unknown.clone());
                uncertain.extend(node.unknown.first().cloned().or(unknown).map(|reason| (*child, reason)));
            }
        }
    }
    // A metric of a metric, an exposure of a metric.
    let mut queue: Vec<NodeIndex> = dependents.iter().copied().collect();
    while let Some(ix) = queue.pop() {
        for child in manifest.children(ix).iter().filter(|child| graph.node(**child).is_none()) {
            if dependents.insert(*child) {
                queue.push(*child);
            }
        }
    }
    (dependents.into_iter().collect(), uncertain.into_iter().collect())
}
