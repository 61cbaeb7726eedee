//! Columns and the edges between them as text: a tree, Mermaid, Graphviz.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::lineage::{ColumnGraph, ColumnRef, Direction, Step};
use crate::manifest::{Manifest, NodeIndex, NodeKind};
use crate::sql::How;

/// Writes columns of one project.
#[derive(Clone, Copy, Debug)]
pub struct ColumnText<'a> {
    /// The project.
    pub manifest: &'a Manifest,
    /// Its columns.
    pub graph: &'a ColumnGraph,
    /// Whether edges that only decide about rows are shown.
    pub with_rows: bool,
}

impl ColumnText<'_> {
    /// A node as people call it: `orders`, `orders.v2`, `raw.orders` for a source, `test` and its name for a test.
    #[must_use]
    pub fn node(&self, ix: NodeIndex) -> String {
        let node = self.manifest.node(ix);
        let version = node.version.as_ref().filter(|version| !version.is_null());
        match (&node.kind, version) {
            (NodeKind::Source(source), _) => format!("{}.{}", source.source_name, node.name),
            (_, Some(version)) => format!("{}.v{}", node.name, version.to_string().trim_matches('"')),
            _ => node.name.clone(),
        }
    }

    /// A node with what it is, where that is no model.
    fn kind_and_node(&self, ix: NodeIndex) -> String {
        match self.manifest.node(ix).resource_type.as_str() {
            "model" => self.node(ix),
            kind => format!("{kind} {}", self.node(ix)),
        }
    }

    fn column(&self, at: ColumnRef) -> String {
        let name = self.graph.column(at).map_or("?", |column| column.name.as_str());
        format!("{}.{name}", self.kind_and_node(at.node))
    }

    /// One column and the tree above or below it.
    #[must_use]
    pub fn tree(&self, at: ColumnRef, direction: Direction) -> String {
        let mut text = format!("{}\n", self.column(at));
        let mut shown = BTreeSet::from([at]);
        if let (Direction::Upstream, Some(reason)) =
            (direction, self.graph.column(at).and_then(|column| column.unknown.as_ref()))
        {
            let _ = writeln!(text, "  ? {reason}");
        }
        self.branches(at, direction, "", &mut shown, &mut text);
        text
    }

    /// A node with its columns, and what each comes from directly.
    #[must_use]
    pub fn table(&self, ix: NodeIndex) -> String {
        let mut text = format!("{}\n", self.kind_and_node(ix));
        let Some(node) = self.graph.node(ix) else { return text };
        let width = node.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
        for column in &node.columns {
            let edges = column.edges.iter().filter(|edge| self.with_rows || edge.how.is_value());
            let mut parts: Vec<String> =
                edges.map(|edge| format!("{} {}", above(edge.how), self.column(edge.from))).collect();
            parts.extend(column.unknown.iter().map(|reason| format!("? {reason}")));
            let kind = column.data_type.as_ref().map(|kind| format!("  {kind}")).unwrap_or_default();
            let line = format!("  {:width$}{kind}  {}", column.name, parts.join(", "));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for how in How::ALL.into_iter().filter(|how| !how.is_value()) {
            let used: Vec<String> =
                node.uses.iter().filter(|edge| edge.how == how).map(|edge| self.column(edge.from)).collect();
            if !used.is_empty() {
                let _ = writeln!(text, "  rows {} {}", above(how), used.join(", "));
            }
        }
        for reason in node
            .open
            .iter()
            .filter(|reason| !node.unknown.contains(reason))
            .map(|reason| format!("there may be more columns: {reason}"))
            .chain(node.unknown.clone())
        {
            let _ = writeln!(text, "  ? {reason}");
        }
        text
    }

    fn branches(
        &self,
        at: ColumnRef,
        direction: Direction,
        indent: &str,
        shown: &mut BTreeSet<ColumnRef>,
        text: &mut String,
    ) {
        let branches = match direction {
            Direction::Upstream => self.parents(at),
            Direction::Downstream => self.children(at),
        };
        let n = branches.len();
        for (number, (line, next)) in branches.into_iter().enumerate() {
            let (mark, inner) = if number + 1 == n { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let is_new = next.is_none_or(|next| shown.insert(next));
            let has_more = next.is_some_and(|next| match direction {
                Direction::Upstream => !self.parents(next).is_empty(),
                Direction::Downstream => !self.children(next).is_empty(),
            });
            let above = if !is_new && has_more { " (as above)" } else { "" };
            let _ = writeln!(text, "{indent}{mark}{line}{above}");
            if let Some(next) = next.filter(|_| is_new) {
                self.branches(next, direction, &format!("{indent}{inner}"), shown, text);
            }
        }
    }

    fn parents(&self, at: ColumnRef) -> Vec<(String, Option<ColumnRef>)> {
        let (Some(column), Some(node)) = (self.graph.column(at), self.graph.node(at.node)) else { return Vec::new() };
        let own = column.edges.iter().filter(|edge| self.with_rows || edge.how.is_value());
        let rows = node.uses.iter().filter(|_| self.with_rows);
        let mut lines: Vec<(String, Option<ColumnRef>)> = own
            .map(|edge| {
                let unknown = self.graph.column(edge.from).and_then(|column| column.unknown.as_ref());
                let unknown = unknown.map(|reason| format!("  ? {reason}")).unwrap_or_default();
                (format!("{} {}{unknown}", above(edge.how), self.column(edge.from)), Some(edge.from))
            })
            .collect();
        lines.extend(rows.map(|edge| (format!("rows {} {}", above(edge.how), self.column(edge.from)), None)));
        lines
    }

    fn children(&self, at: ColumnRef) -> Vec<(String, Option<ColumnRef>)> {
        let children = self.graph.children(at).iter().filter(|(_, _, how)| self.with_rows || how.is_value());
        let lines = children.map(|(node, column, how)| match column {
            Some(column) => {
                let to = ColumnRef { node: *node, column: *column };
                (format!("{} {}", below(*how), self.column(to)), Some(to))
            }
            None => (format!("{} the rows of {}", below(*how), self.kind_and_node(*node)), None),
        });
        lines.collect()
    }

    /// Edges as a Mermaid flowchart, a box for each node.
    #[must_use]
    pub fn mermaid(&self, steps: &[Step]) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (ix, columns) in self.boxes(steps) {
            let _ = writeln!(text, "  subgraph n{}[\"{}\"]", ix.as_usize(), self.kind_and_node(ix));
            for column in columns {
                let name = column.map_or("rows".to_owned(), |column| self.name(ix, column));
                let _ = writeln!(text, "    {}[\"{name}\"]", id(ix, column));
            }
            text.push_str("  end\n");
        }
        for step in steps {
            let (from, to) = (id(step.from.node, Some(step.from.column)), id(step.node, step.column));
            let arrow = if step.how.is_value() { "-->" } else { "-.->" };
            let _ = writeln!(text, "  {from} {arrow}|{}| {to}", step.how.as_str());
        }
        text
    }

    /// Edges as a graph for Graphviz, a box for each node.
    #[must_use]
    pub fn dot(&self, steps: &[Step]) -> String {
        let mut text = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (ix, columns) in self.boxes(steps) {
            let _ = writeln!(text, "  subgraph cluster_{} {{", ix.as_usize());
            let _ = writeln!(text, "    label={:?};", self.kind_and_node(ix));
            for column in columns {
                let name = column.map_or("rows".to_owned(), |column| self.name(ix, column));
                let _ = writeln!(text, "    {} [label={name:?}];", id(ix, column));
            }
            text.push_str("  }\n");
        }
        for step in steps {
            let (from, to) = (id(step.from.node, Some(step.from.column)), id(step.node, step.column));
            let style = if step.how.is_value() { "" } else { ", style=dashed" };
            let _ = writeln!(text, "  {from} -> {to} [label={:?}{style}];", step.how.as_str());
        }
        text.push_str("}\n");
        text
    }

    fn name(&self, ix: NodeIndex, column: usize) -> String {
        let column = self.graph.column(ColumnRef { node: ix, column });
        column.map_or_else(|| "?".to_owned(), |column| column.name.replace('"', "'"))
    }

    /// The columns that edges touch, by node; no column stands for rows.
    fn boxes(&self, steps: &[Step]) -> BTreeMap<NodeIndex, BTreeSet<Option<usize>>> {
        let mut boxes: BTreeMap<NodeIndex, BTreeSet<Option<usize>>> = BTreeMap::new();
        for step in steps {
            boxes.entry(step.from.node).or_default().insert(Some(step.from.column));
            boxes.entry(step.node).or_default().insert(step.column);
        }
        boxes
    }
}

fn id(ix: NodeIndex, column: Option<usize>) -> String {
    let column = column.map_or("rows".to_owned(), |column| column.to_string());
    format!("n{}_{column}", ix.as_usize())
}

/// How a column uses what is above it.
const fn above(how: How) -> &'static str {
    match how {
        How::Pass => "passed from",
        How::Rename => "renamed from",
        How::Derive => "derived from",
        How::Aggregate => "aggregated from",
        How::Filter => "filtered by",
        How::Join => "joined by",
        How::Group => "grouped by",
        How::Order => "ordered by",
    }
}

/// What a column does to what is below it.
const fn below(how: How) -> &'static str {
    match how {
        How::Pass => "passed to",
        How::Rename => "renamed to",
        How::Derive => "derives",
        How::Aggregate => "is aggregated to",
        How::Filter => "filters",
        How::Join => "joins",
        How::Group => "groups",
        How::Order => "orders",
    }
}
