//! Tags of columns that travel with values: what is computed from a column that is `pii` is `pii` too.

use std::collections::{BTreeMap, VecDeque};

use super::{ColumnGraph, ColumnRef};
use crate::manifest::{Manifest, NodeIndex};

/// A tag that a column has because of what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InheritedTag {
    /// The column.
    pub column: ColumnRef,
    /// The tag.
    pub tag: String,
    /// From the column that is declared to have it to this one, the shortest way.
    pub path: Vec<ColumnRef>,
}

/// The tags that columns get from what they are made of, in the order of nodes and columns. Columns that are declared to
/// have a tag are where it comes from, and are not listed for it.
#[must_use]
pub fn inherited_tags(manifest: &Manifest, graph: &ColumnGraph) -> Vec<InheritedTag> {
    let mut sources: BTreeMap<String, Vec<ColumnRef>> = BTreeMap::new();
    for ix in manifest.indices() {
        let Some(node) = graph.node(ix) else { continue };
        for declared in manifest.node(ix).columns.values() {
            let Some(column) = node.find(&declared.name) else { continue };
            for tag in &declared.tags {
                sources.entry(tag.clone()).or_default().push(ColumnRef { node: ix, column });
            }
        }
    }
    let mut found: Vec<InheritedTag> = Vec::new();
    for (tag, starts) in sources {
        let reached = spread(graph, &starts);
        let new = reached.into_iter().filter(|(column, _)| !starts.contains(column));
        found.extend(new.map(|(column, path)| InheritedTag { column, tag: tag.clone(), path }));
    }
    found.sort_by(|a, b| key(manifest, a).cmp(&key(manifest, b)));
    found
}

fn key<'m>(manifest: &'m Manifest, found: &'m InheritedTag) -> (&'m str, usize, &'m str) {
    (manifest.node(found.column.node).unique_id.as_str(), found.column.column, &found.tag)
}

/// Everything that values of columns go into, with the shortest way there.
fn spread(graph: &ColumnGraph, starts: &[ColumnRef]) -> Vec<(ColumnRef, Vec<ColumnRef>)> {
    let mut before: BTreeMap<(NodeIndex, usize), Option<ColumnRef>> = BTreeMap::new();
    let mut waiting: VecDeque<ColumnRef> = starts.iter().copied().collect();
    let mut order: Vec<ColumnRef> = Vec::new();
    before.extend(starts.iter().map(|at| ((at.node, at.column), None)));
    while let Some(at) = waiting.pop_front() {
        order.push(at);
        for (node, column, how) in graph.children(at) {
            let Some(column) = column.filter(|_| how.is_value()) else { continue };
            let child = ColumnRef { node: *node, column };
            before.entry((child.node, child.column)).or_insert_with(|| {
                waiting.push_back(child);
                Some(at)
            });
        }
    }
    let path = |end: ColumnRef| {
        let mut path = vec![end];
        while let Some(Some(from)) = path.last().and_then(|at| before.get(&(at.node, at.column))) {
            path.push(*from);
        }
        path.reverse();
        path
    };
    order.into_iter().map(|at| (at, path(at))).collect()
}
