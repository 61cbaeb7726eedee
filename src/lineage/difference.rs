//! Two versions of a project compared by columns: what was added, removed, given another type, computed otherwise.

use std::collections::BTreeMap;

use super::{ColumnGraph, NodeColumns};
use crate::manifest::{Manifest, NodeIndex, ResourceType};

/// What became of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another type: before, and now.
    Retyped(String, String),
    /// It is computed in another way.
    Redefined,
}

/// A column that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange {
    /// The column.
    pub column: String,
    /// What became of it.
    pub change: Change,
}

/// A node that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeChange {
    /// The node in the older version, if it is there.
    pub old: Option<NodeIndex>,
    /// The node in the newer version, if it is there.
    pub new: Option<NodeIndex>,
    /// Its columns that changed.
    pub columns: Vec<ColumnChange>,
    /// Whether its query gives other rows, as far as its text tells.
    pub has_other_rows: bool,
    /// Why columns may have changed without being listed, if so.
    pub unknown: Option<String>,
}

/// A version of a project.
pub type Version<'a> = (&'a Manifest, &'a ColumnGraph);

/// Compares two versions. Nodes that are the same are left out.
#[must_use]
pub fn compare(old: Version<'_>, new: Version<'_>) -> Vec<NodeChange> {
    let mut both: BTreeMap<&str, (Option<NodeIndex>, Option<NodeIndex>)> = BTreeMap::new();
    for ix in relations(old.0) {
        both.entry(old.0.node(ix).unique_id.as_str()).or_default().0 = Some(ix);
    }
    for ix in relations(new.0) {
        both.entry(new.0.node(ix).unique_id.as_str()).or_default().1 = Some(ix);
    }
    let changes = both.into_values().map(|(before, after)| change((old, before), (new, after)));
    changes.filter(|change| !change.is_none()).collect()
}

impl NodeChange {
    fn is_none(&self) -> bool {
        let is_in_both = self.old.is_some() && self.new.is_some();
        is_in_both && self.columns.is_empty() && !self.has_other_rows && self.unknown.is_none()
    }
}

/// What others read: models, seeds, snapshots, sources.
fn relations(manifest: &Manifest) -> impl Iterator<Item = NodeIndex> + '_ {
    use ResourceType::{Model, Seed, Snapshot, Source};
    manifest.indices().filter(|ix| matches!(manifest.node(*ix).resource_type, Model | Seed | Snapshot | Source))
}

fn change(
    (old, before): (Version<'_>, Option<NodeIndex>),
    (new, after): (Version<'_>, Option<NodeIndex>),
) -> NodeChange {
    let mut made = NodeChange { old: before, new: after, ..NodeChange::default() };
    let nothing = NodeColumns::default();
    let (Some(from), Some(to)) =
        (before.map_or(Some(&nothing), |ix| old.1.node(ix)), after.map_or(Some(&nothing), |ix| new.1.node(ix)))
    else {
        return made;
    };
    for column in &from.columns {
        if to.find(&column.name).is_none() && (to.open.is_none() || after.is_none()) {
            made.columns.push(ColumnChange { column: column.name.clone(), change: Change::Removed });
        }
    }
    for column in &to.columns {
        let change = match from.find(&column.name).map(|at| &from.columns[at]) {
            None if from.open.is_none() || before.is_none() => Change::Added,
            None => continue,
            Some(earlier) => match (&earlier.data_type, &column.data_type) {
                (Some(was), Some(is)) if !was.eq_ignore_ascii_case(is) => Change::Retyped(was.clone(), is.clone()),
                _ if earlier.print != column.print && earlier.print > 1 && column.print > 1 => Change::Redefined,
                _ => continue,
            },
        };
        made.columns.push(ColumnChange { column: column.name.clone(), change });
    }
    if before.is_some() && after.is_some() {
        made.has_other_rows = from.print != to.print;
        let was_text = (!from.unknown.is_empty() || !to.unknown.is_empty()) && from.unknown != to.unknown;
        made.unknown = was_text.then(|| to.unknown.iter().chain(&from.unknown).next().cloned().unwrap_or_default());
    }
    made
}
