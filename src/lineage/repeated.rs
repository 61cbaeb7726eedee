//! Tests that say again what another one says already: of a column that is passed on from one with the same test.

use std::collections::HashMap;

use serde_json::{Map, Value as Data};

use super::{ColumnGraph, ColumnRef};
use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, ResourceType, TestDef, TestMetadata};
use crate::sql::{How, Keeping};

/// How far a value is followed.
const STEPS: usize = 100;

/// A test that need not be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedTest {
    /// The test.
    pub test: NodeIndex,
    /// The test that says the same of where the values come from.
    pub of: NodeIndex,
    /// From the column that the other test is of to the column of this one.
    pub path: Vec<ColumnRef>,
}

/// Finds tests of columns whose values are passed on, as tables and views without a change, from a column with the same
/// test. Only tests of each value or row count, and only queries that keep what the test says.
#[must_use]
pub fn repeated_tests(manifest: &Manifest, graph: &ColumnGraph) -> Vec<RepeatedTest> {
    let mut by_column: HashMap<(ColumnRef, &str), Vec<NodeIndex>> = HashMap::new();
    let mut all: Vec<(NodeIndex, ColumnRef, &TestMetadata)> = Vec::new();
    for ix in manifest.indices() {
        let Some((at, metadata)) = tested(manifest, graph, ix) else { continue };
        if is_strict(manifest.node(ix)) {
            by_column.entry((at, metadata.name.as_str())).or_default().push(ix);
        }
        all.push((ix, at, metadata));
    }
    let same = |at: ColumnRef, metadata: &TestMetadata| {
        let others = by_column.get(&(at, metadata.name.as_str()));
        others.into_iter().flatten().copied().find(|other| says_same(manifest.node(*other), metadata))
    };
    let found = all.into_iter().filter_map(|(test, start, metadata)| {
        let mut path = vec![start];
        while path.len() <= STEPS {
            let above = passed_from(manifest, graph, *path.last()?, &metadata.name)?;
            path.push(above);
            if let Some(of) = same(above, metadata) {
                path.reverse();
                return Some(RepeatedTest { test, of, path });
            }
        }
        None
    });
    found.collect()
}

/// The column that a test is of, if it is one of those that are understood.
fn tested<'m>(manifest: &'m Manifest, graph: &ColumnGraph, ix: NodeIndex) -> Option<(ColumnRef, &'m TestMetadata)> {
    let node = manifest.node(ix);
    let NodeKind::Test(test) = &node.kind else { return None };
    let TestDef { metadata: Some(metadata), column_name: Some(column), .. } = &**test else { return None };
    let is_own = metadata.namespace.is_none() && needs(&metadata.name).is_some();
    let attached = test.attached_node.as_ref().and_then(|id| manifest.find(id.as_str()));
    let alone = || Some(manifest.parents(ix)).filter(|parents| parents.len() == 1).map(|parents| parents[0]);
    let target = attached.or_else(alone).filter(|_| is_own)?;
    let column = graph.node(target)?.find(column.trim_matches('"'))?;
    Some((ColumnRef { node: target, column }, metadata))
}

/// What a query has to keep for what a test says to stay true.
fn needs(test: &str) -> Option<Keeping> {
    let (values, no_nulls, no_repeats) = match test {
        "accepted_values" | "relationships" => (true, false, false),
        "not_null" => (true, true, false),
        "unique" => (true, false, true),
        _ => return None,
    };
    Some(Keeping { values, no_nulls, no_repeats })
}

/// Whether a test fails whenever a row breaks it.
fn is_strict(node: &Node) -> bool {
    let says = |key: &str, usual: &str| node.config.str(key).is_none_or(|own| own.eq_ignore_ascii_case(usual));
    says("severity", "error") && says("error_if", "!= 0") && says("fail_calc", "count(*)") && is_whole(node)
}

/// Whether it looks at all rows.
fn is_whole(node: &Node) -> bool {
    ["where", "limit"].iter().all(|key| node.config.get(key).is_none_or(Data::is_null))
}

/// Whether a test has the same arguments, apart from what it is of.
fn says_same(other: &Node, metadata: &TestMetadata) -> bool {
    let NodeKind::Test(test) = &other.kind else { return false };
    let own = |kwargs: &Map<String, Data>| -> Vec<(String, Data)> {
        let own = kwargs.iter().filter(|(key, _)| !matches!(key.as_str(), "model" | "column_name"));
        let mut own: Vec<_> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
        own.sort_by(|left, right| left.0.cmp(&right.0));
        own
    };
    test.metadata.as_ref().is_some_and(|other| own(&other.kwargs) == own(&metadata.kwargs))
}

/// The column whose values a column has, if its query keeps what a test says. A table that keeps rows of earlier runs
/// has more than its query gives.
fn passed_from(manifest: &Manifest, graph: &ColumnGraph, at: ColumnRef, test: &str) -> Option<ColumnRef> {
    let (node, columns, column) = (manifest.node(at.node), graph.node(at.node)?, graph.column(at)?);
    let is_fresh = node.resource_type == ResourceType::Model
        && matches!(node.config.materialized(), "view" | "table" | "ephemeral" | "materialized_view");
    let (needed, kept) = (needs(test)?, columns.keeps);
    let is_kept = (kept.values || !needed.values)
        && (kept.no_nulls || !needed.no_nulls)
        && (kept.no_repeats || !needed.no_repeats);
    let mut values = column.edges.iter().filter(|edge| edge.how.is_value());
    let (only, next) = (values.next()?, values.next());
    let is_passed = next.is_none() && column.unknown.is_none() && matches!(only.how, How::Pass | How::Rename);
    (is_fresh && is_kept && is_passed).then_some(only.from)
}
