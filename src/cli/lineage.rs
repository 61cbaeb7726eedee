//! `kiln lineage`: where columns come from, and what is made of them.

use std::collections::HashMap;

use serde_json::{Value as Data, json};

use super::args::{LineageArgs, LineageForm};
use super::pipeline::Parsed;
use super::{ExitStatus, columns, facts, say_data};
use crate::adapter;
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::lineage::{self, ColumnGraph, ColumnRef, Direction, Step, Trace};
use crate::manifest::{Manifest, NodeIndex, NodeKind, NodeSet};
use crate::select::Reach;
use crate::ui::{ColumnText, Entry, count, names};

/// What was asked about.
struct Asked {
    node: NodeIndex,
    column: Option<usize>,
}

/// Runs the command.
pub(super) fn run(args: &LineageArgs, parsed: &Parsed) -> ExitStatus {
    let graph = columns::graph(parsed, args.offline);
    if let Err(status) = write(parsed, &graph) {
        return status;
    }
    if args.parquet
        && let Err(error) = write_parquet(parsed, &graph)
    {
        return parsed.fail(&error);
    }
    if args.facts {
        facts::show(parsed, &graph, args.format == LineageForm::Json);
        return ExitStatus::Success;
    }
    let mut asked = Vec::new();
    for text in &args.targets {
        match find(parsed, &graph, text) {
            Ok(found) => asked.push(found),
            Err(error) => return parsed.fail(&error),
        }
    }
    if asked.is_empty() {
        summarize(args, parsed, &graph);
    } else {
        show(args, parsed, &graph, &asked);
    }
    ExitStatus::Success
}

/// Writes column_lineage.json, unless `--no-write-json`.
pub(super) fn write(parsed: &Parsed, graph: &ColumnGraph) -> Result<(), ExitStatus> {
    let settings = &parsed.project.settings;
    if !settings.write_json {
        return Ok(());
    }
    let path = parsed.target_file("column_lineage.json");
    artifacts::write_column_lineage(&path, settings, &parsed.manifest, graph).map_err(|error| parsed.fail(&error))
}

/// Writes column_lineage.parquet: the edges as a table.
fn write_parquet(parsed: &Parsed, graph: &ColumnGraph) -> Result<(), Box<Diagnostic>> {
    let (rows, to) = (parsed.target_file("column_lineage.jsonl"), parsed.target_file("column_lineage.parquet"));
    artifacts::write_column_edges(&rows, &parsed.manifest, graph)?;
    let written = adapter::write_parquet(&rows, &to);
    let _ = std::fs::remove_file(&rows);
    match written {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => {
            let message = format!("`{}` could not be written: {error}", parsed.shown(&to));
            Err(Box::new(Diagnostic::error(Code::FileUnwritable, message)))
        }
        None => {
            let message = "this kiln was built without DuckDB, which writes Parquet files";
            Err(Box::new(Diagnostic::error(Code::Unsupported, message).hint("read column_lineage.json instead")))
        }
    }
}

/// Without a column or node to show, how much is known.
fn summarize(args: &LineageArgs, parsed: &Parsed, graph: &ColumnGraph) {
    if args.format == LineageForm::Openlineage {
        let all: Vec<NodeIndex> = parsed.manifest.indices().collect();
        return open_lineage(parsed, graph, &all);
    }
    let nodes: Vec<(NodeIndex, _)> = parsed.manifest.indices().filter_map(|ix| Some((ix, graph.node(ix)?))).collect();
    let n_columns: usize = nodes.iter().map(|(_, node)| node.columns.len()).sum();
    let columns = || nodes.iter().flat_map(|(_, node)| &node.columns);
    let n_unknown = columns().filter(|column| column.unknown.is_some()).count();
    let n_edges: usize = columns().map(|column| column.edges.len()).sum::<usize>()
        + nodes.iter().map(|(_, node)| node.uses.len()).sum::<usize>();
    let path = parsed.shown(&parsed.target_file("column_lineage.json"));
    let text = format!(
        "{} of {} with {}; the sources of {n_unknown} are not all known",
        count(n_columns, "column"),
        count(nodes.len(), "node"),
        count(n_edges, "edge")
    );
    let text = if parsed.project.settings.write_json { format!("{text}\nWritten to {path}") } else { text };
    let reasons: Vec<String> = nodes
        .iter()
        .flat_map(|(ix, node)| node.unknown.iter().map(move |reason| (*ix, reason)))
        .map(|(ix, reason)| format!("  {}: {reason}", parsed.manifest.node(ix).unique_id))
        .collect();
    if args.format == LineageForm::Tree {
        let text = [vec![text], reasons].concat().join("\n");
        return say_data(&parsed.printer, &text);
    }
    let all: Vec<ColumnRef> = nodes
        .iter()
        .flat_map(|(ix, node)| (0..node.columns.len()).map(move |column| ColumnRef { node: *ix, column }))
        .collect();
    let trace = lineage::trace(graph, &all, Direction::Upstream, args.rows);
    diagram(args, parsed, graph, &trace.steps);
}

fn show(args: &LineageArgs, parsed: &Parsed, graph: &ColumnGraph, asked: &[Asked]) {
    let text = ColumnText { manifest: &parsed.manifest, graph, with_rows: args.rows };
    let directions: &[Direction] = match (args.upstream, args.downstream) {
        (true, _) => &[Direction::Upstream],
        (_, true) => &[Direction::Downstream],
        _ => &[Direction::Upstream, Direction::Downstream],
    };
    if args.format == LineageForm::Openlineage {
        let nodes: Vec<NodeIndex> = asked.iter().map(|asked| asked.node).collect();
        return open_lineage(parsed, graph, &nodes);
    }
    if args.format == LineageForm::Tree {
        let mut parts = Vec::new();
        for asked in asked {
            match asked.column {
                None if !args.downstream => parts.push(text.table(asked.node)),
                None => {
                    parts.extend(columns_of(graph, asked).into_iter().map(|at| text.tree(at, Direction::Downstream)))
                }
                Some(column) => {
                    let at = ColumnRef { node: asked.node, column };
                    parts.extend(directions.iter().map(|direction| text.tree(at, *direction)));
                }
            }
        }
        return say_data(&parsed.printer, parts.join("\n").trim_end());
    }
    let start: Vec<ColumnRef> = asked.iter().flat_map(|asked| columns_of(graph, asked)).collect();
    let mut steps: Vec<Step> = Vec::new();
    for direction in directions {
        let Trace { steps: found, .. } = lineage::trace(graph, &start, *direction, args.rows);
        steps.extend(found.into_iter().filter(|step| !steps.contains(step)).collect::<Vec<_>>());
    }
    diagram(args, parsed, graph, &steps);
}

fn columns_of(graph: &ColumnGraph, asked: &Asked) -> Vec<ColumnRef> {
    let n = graph.node(asked.node).map_or(0, |node| node.columns.len());
    let numbers = asked.column.map_or_else(|| (0..n).collect(), |column| vec![column]);
    numbers.into_iter().map(|column| ColumnRef { node: asked.node, column }).collect()
}

fn diagram(args: &LineageArgs, parsed: &Parsed, graph: &ColumnGraph, steps: &[Step]) {
    let text = ColumnText { manifest: &parsed.manifest, graph, with_rows: args.rows };
    let text = match args.format {
        LineageForm::Mermaid => text.mermaid(steps),
        LineageForm::Dot => text.dot(steps),
        _ => serde_json::to_string_pretty(&as_json(&parsed.manifest, graph, steps)).unwrap_or_default(),
    };
    say_data(&parsed.printer, text.trim_end());
}

fn as_json(manifest: &Manifest, graph: &ColumnGraph, steps: &[Step]) -> Data {
    let name = |at: ColumnRef| graph.column(at).map(|column| column.name.as_str());
    let place = |node: NodeIndex, column: Option<usize>| {
        json!({
            "node": manifest.node(node).unique_id.as_str(),
            "column": column.and_then(|column| name(ColumnRef { node, column })),
        })
    };
    let edges: Vec<Data> = steps
        .iter()
        .map(|step| {
            json!({
                "from": place(step.from.node, Some(step.from.column)),
                "to": place(step.node, step.column),
                "kind": step.how.as_str(),
            })
        })
        .collect();
    json!({ "edges": edges })
}

fn open_lineage(parsed: &Parsed, graph: &ColumnGraph, nodes: &[NodeIndex]) {
    let settings = &parsed.project.settings;
    let events = nodes.iter().filter_map(|ix| artifacts::open_lineage(settings, &parsed.manifest, graph, *ix));
    let lines: Vec<String> = events.map(|event| event.to_string()).collect();
    parsed.printer.lines(|line| Entry::info(names::NOTE, line).with("msg", line), &lines);
}

/// Finds a node, or a column of one: `orders`, `orders.amount`, `raw.orders.id`, or the same with a unique id.
/// The nodes on the ways of a column, filters and joins included.
pub(super) fn on_ways(
    parsed: &Parsed,
    graph: &ColumnGraph,
    text: &str,
    reach: Reach,
) -> Result<NodeSet, Box<Diagnostic>> {
    let asked = find(parsed, graph, text)?;
    let start = columns_of(graph, &asked);
    let (direction, depth) = match reach {
        Reach::Own => return Ok([asked.node].into_iter().collect()),
        Reach::Upstream(depth) => (Direction::Upstream, depth),
        Reach::Downstream(depth) => (Direction::Downstream, depth),
    };
    let trace = lineage::trace(graph, &start, direction, true);
    let is_near = |distance: usize| depth.is_none_or(|depth| distance <= depth);
    let distances: HashMap<ColumnRef, usize> = trace.columns.iter().copied().collect();
    let near = trace.columns.iter().filter(|(_, distance)| is_near(*distance));
    let mut nodes: NodeSet = near.map(|(at, _)| at.node).collect();
    if direction == Direction::Downstream {
        // Nodes that only filter or join by the column, and have no column of their own.
        let is_below = |step: &&Step| distances.get(&step.from).is_some_and(|distance| is_near(distance + 1));
        let below = trace.steps.iter().filter(is_below);
        nodes.union(&below.map(|step| step.node).collect());
    }
    Ok(nodes)
}

fn find(parsed: &Parsed, graph: &ColumnGraph, text: &str) -> Result<Asked, Box<Diagnostic>> {
    let manifest = &parsed.manifest;
    if let Some(node) = node_of(manifest, graph, text) {
        return Ok(Asked { node, column: None });
    }
    let with_column =
        text.rsplit_once('.').and_then(|(name, column)| Some((node_of(manifest, graph, name)?, name, column)));
    let Some((node, name, column)) = with_column else {
        let node = text.rsplit_once('.').map_or(text, |(node, _)| node);
        let text_of = ColumnText { manifest, graph, with_rows: false };
        let known: Vec<String> = with_columns(manifest, graph).map(|ix| text_of.node(ix)).collect();
        let message = format!("no model, seed, snapshot or source is called `{text}`");
        let mut error = Diagnostic::error(Code::NothingSelected, message);
        let near = did_you_mean(text, known.iter().map(String::as_str));
        error.hints.extend(near.or_else(|| did_you_mean(node, known.iter().map(String::as_str))));
        return Err(Box::new(error));
    };
    let columns = graph.node(node);
    if let Some(column) = columns.and_then(|columns| columns.find(column)) {
        return Ok(Asked { node, column: Some(column) });
    }
    let known: Vec<&str> = columns.iter().flat_map(|node| &node.columns).map(|column| column.name.as_str()).collect();
    let mut error = Diagnostic::error(Code::UnknownColumn, format!("`{name}` has no column `{column}`"));
    let hint = did_you_mean(column, known.iter().copied()).unwrap_or_else(|| match known.is_empty() {
        true => "none of its columns is known".to_owned(),
        false => format!("it has {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    });
    error.hints.push(hint);
    error.hints.extend(columns.and_then(|node| node.open.as_ref()).map(|reason| format!("it may have more: {reason}")));
    Err(Box::new(error))
}

fn with_columns<'a>(manifest: &'a Manifest, graph: &'a ColumnGraph) -> impl Iterator<Item = NodeIndex> + 'a {
    manifest.indices().filter(|ix| graph.node(*ix).is_some())
}

/// Finds a node by its unique id, its name with its package or version, or a source's table.
fn node_of(manifest: &Manifest, graph: &ColumnGraph, text: &str) -> Option<NodeIndex> {
    let by_id = manifest.find(text).filter(|ix| graph.node(*ix).is_some());
    by_id.or_else(|| {
        let mut found: Vec<NodeIndex> =
            with_columns(manifest, graph).filter(|ix| is_called(manifest, graph, *ix, text)).collect();
        // The root project's own nodes, and the newest version, come first.
        found.sort_by_key(|ix| {
            let node = manifest.node(*ix);
            (node.package != manifest.project_name, node.version != node.latest_version)
        });
        found.first().copied()
    })
}

fn is_called(manifest: &Manifest, graph: &ColumnGraph, ix: NodeIndex, text: &str) -> bool {
    let node = manifest.node(ix);
    let name = ColumnText { manifest, graph, with_rows: false }.node(ix);
    let is_source = matches!(node.kind, NodeKind::Source(_));
    name == text || (!is_source && node.name == text) || format!("{}.{name}", node.package) == text
}
