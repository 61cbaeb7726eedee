//! Following a column: upstream to what it is made of, downstream to what is made of it.

use std::collections::{HashMap, VecDeque};

use super::{ColumnGraph, ColumnRef};
use crate::manifest::NodeIndex;
use crate::sql::How;

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To parents.
    Upstream,
    /// To children.
    Downstream,
}

/// One edge on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The column nearer to the sources.
    pub from: ColumnRef,
    /// The node on the other side.
    pub node: NodeIndex,
    /// The column of that node; none where the node as a whole depends on it.
    pub column: Option<usize>,
    /// How it is used.
    pub how: How,
}

/// Everything on the ways from a column, or to it.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The edges, nearest first.
    pub steps: Vec<Step>,
    /// The columns that were met, with the number of edges to them, nearest first.
    pub columns: Vec<(ColumnRef, usize)>,
    /// Nodes whose rows depend on one of the columns downstream.
    pub nodes: Vec<NodeIndex>,
}

/// Follows columns. What only decides about rows is followed too if asked for: it reaches every column of a node.
#[must_use]
pub fn trace(graph: &ColumnGraph, start: &[ColumnRef], direction: Direction, with_rows: bool) -> Trace {
    let mut trace = Trace::default();
    let mut seen: HashMap<ColumnRef, usize> = start.iter().map(|at| (*at, 0)).collect();
    let mut queue: VecDeque<(ColumnRef, usize)> = start.iter().map(|at| (*at, 0)).collect();
    while let Some((at, distance)) = queue.pop_front() {
        trace.columns.push((at, distance));
        let steps = match direction {
            Direction::Upstream => above(graph, at, with_rows),
            Direction::Downstream => below(graph, at, with_rows),
        };
        for step in steps {
            trace.steps.push(step);
            let reached: Vec<ColumnRef> = match (direction, step.column) {
                (Direction::Upstream, _) => vec![step.from],
                (Direction::Downstream, Some(column)) => vec![ColumnRef { node: step.node, column }],
                (Direction::Downstream, None) => {
                    if !trace.nodes.contains(&step.node) {
                        trace.nodes.push(step.node);
                    }
                    let n = graph.node(step.node).map_or(0, |node| node.columns.len());
                    (0..n).map(|column| ColumnRef { node: step.node, column }).collect()
                }
            };
            for next in reached {
                seen.entry(next).or_insert_with(|| {
                    queue.push_back((next, distance + 1));
                    distance + 1
                });
            }
        }
    }
    trace.steps.sort_by_key(|step| (seen.get(&step.from).copied().unwrap_or(usize::MAX), *step));
    if direction == Direction::Upstream {
        let distance = |step: &Step| {
            step.column.map_or(0, |column| seen.get(&ColumnRef { node: step.node, column }).copied().unwrap_or(0))
        };
        trace.steps.sort_by_key(|step| (distance(step), *step));
    }
    trace.steps.dedup();
    trace
}

fn above(graph: &ColumnGraph, at: ColumnRef, with_rows: bool) -> Vec<Step> {
    let (Some(node), Some(column)) = (graph.node(at.node), graph.column(at)) else { return Vec::new() };
    let own = column.edges.iter().map(|edge| (edge, Some(at.column)));
    let rows = node.uses.iter().map(|edge| (edge, None)).filter(|_| with_rows);
    let steps = own.filter(|(edge, _)| with_rows || edge.how.is_value()).chain(rows);
    steps.map(|(edge, column)| Step { from: edge.from, node: at.node, column, how: edge.how }).collect()
}

fn below(graph: &ColumnGraph, at: ColumnRef, with_rows: bool) -> Vec<Step> {
    let children = graph.children(at).iter().filter(|(_, _, how)| with_rows || how.is_value());
    children.map(|(node, column, how)| Step { from: at, node: *node, column: *column, how: *how }).collect()
}
