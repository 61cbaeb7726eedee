//! `column_lineage.json`: the columns of all nodes and the edges between them, small enough for large projects.
//!
//! Edges are `[node number, column number, kind number]`; the numbers are places in the lists of the file itself.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value as Data, json};

use super::{instant, write_json};
use crate::diagnostic::Diagnostic;
use crate::lineage::{self, Column, ColumnGraph, Edge, NodeColumns};
use crate::manifest::{Manifest, NodeIndex};
use crate::project::Settings;
use crate::sql::How;

/// The version of the file's shape.
const SHAPE: &str = "kiln/column-lineage/v1";

/// Writes the columns of all nodes.
///
/// # Errors
/// When the file cannot be written.
pub fn write_column_lineage(
    path: &Path,
    settings: &Settings,
    manifest: &Manifest,
    graph: &ColumnGraph,
) -> Result<(), Box<Diagnostic>> {
    write_json(path, &column_lineage(settings, manifest, graph))
}

/// Writes the edges, one JSON object a line: ids and names instead of numbers. A row without a column of the child is
/// an edge to the child as a whole.
///
/// # Errors
/// When the file cannot be written.
pub fn write_column_edges(path: &Path, manifest: &Manifest, graph: &ColumnGraph) -> Result<(), Box<Diagnostic>> {
    let id = |ix: NodeIndex| manifest.node(ix).unique_id.as_str();
    let row = |ix: NodeIndex, column: Option<&str>, edge: &Edge| {
        json!({
            "from_node": id(edge.from.node),
            "from_column": graph.column(edge.from).map(|column| column.name.as_str()),
            "to_node": id(ix),
            "to_column": column,
            "kind": edge.how.as_str(),
        })
    };
    super::write_file(path, |out| {
        for ix in manifest.indices() {
            let Some(node) = graph.node(ix) else { continue };
            let own = node.columns.iter().flat_map(|column| column.edges.iter().map(move |edge| (Some(column), edge)));
            for (column, edge) in own.chain(node.uses.iter().map(|edge| (None, edge))) {
                writeln!(out, "{}", row(ix, column.map(|column| column.name.as_str()), edge))?;
            }
        }
        Ok(())
    })
}

/// Tests that say again what another one says of where the values come from.
fn repeated(manifest: &Manifest, graph: &ColumnGraph) -> Map<String, Data> {
    let id = |ix: NodeIndex| manifest.node(ix).unique_id.to_string();
    lineage::repeated_tests(manifest, graph).iter().map(|found| (id(found.test), json!(id(found.of)))).collect()
}

/// The whole artifact.
fn column_lineage(settings: &Settings, manifest: &Manifest, graph: &ColumnGraph) -> Data {
    let mut order: Vec<NodeIndex> = manifest.indices().filter(|ix| graph.node(*ix).is_some()).collect();
    order.sort_by(|a, b| manifest.node(*a).unique_id.cmp(&manifest.node(*b).unique_id));
    let numbers: HashMap<NodeIndex, usize> = order.iter().enumerate().map(|(number, ix)| (*ix, number)).collect();
    let nodes: Vec<Data> = order
        .iter()
        .filter_map(|ix| Some(node(manifest.node(*ix).unique_id.as_str(), graph.node(*ix)?, &numbers)))
        .collect();
    json!({
        "metadata": {
            "kiln_schema_version": SHAPE,
            "kiln_version": env!("CARGO_PKG_VERSION"),
            "generated_at": instant(jiff::Timestamp::now()),
            "invocation_id": settings.invocation_id,
            "project_name": manifest.project_name,
            "adapter_type": manifest.adapter_type,
        },
        "repeated_tests": repeated(manifest, graph),
        "kinds": How::ALL.map(How::as_str),
        "nodes": nodes,
    })
}

fn node(id: &str, columns: &NodeColumns, numbers: &HashMap<NodeIndex, usize>) -> Data {
    let mut made = Map::new();
    made.insert("id".to_owned(), json!(id));
    let listed: Vec<Data> = columns.columns.iter().map(|listed| column(listed, numbers)).collect();
    made.insert("columns".to_owned(), Data::Array(listed));
    if !columns.uses.is_empty() {
        made.insert("uses".to_owned(), edges(&columns.uses, numbers));
    }
    made.extend(columns.open.as_ref().map(|reason| ("open".to_owned(), json!(reason))));
    if !columns.unknown.is_empty() {
        made.insert("unknown".to_owned(), json!(columns.unknown));
    }
    Data::Object(made)
}

fn column(column: &Column, numbers: &HashMap<NodeIndex, usize>) -> Data {
    let mut made = Map::new();
    made.insert("name".to_owned(), json!(column.name));
    made.extend(column.data_type.as_ref().map(|kind| ("type".to_owned(), json!(kind))));
    made.extend(column.origin.as_str().map(|origin| ("known".to_owned(), json!(origin))));
    if !column.edges.is_empty() {
        made.insert("from".to_owned(), edges(&column.edges, numbers));
    }
    made.extend(column.unknown.as_ref().map(|reason| ("unknown".to_owned(), json!(reason))));
    Data::Object(made)
}

fn edges(edges: &[Edge], numbers: &HashMap<NodeIndex, usize>) -> Data {
    let listed = edges.iter().filter_map(|edge| {
        let number = numbers.get(&edge.from.node)?;
        Some(json!([number, edge.from.column, edge.how as usize]))
    });
    Data::Array(listed.collect())
}

/// The columns of one node as an OpenLineage event about a dataset.
#[must_use]
pub fn open_lineage(settings: &Settings, manifest: &Manifest, graph: &ColumnGraph, ix: NodeIndex) -> Option<Data> {
    let columns = graph.node(ix)?;
    let namespace = manifest.project_name.as_str();
    let field = |edge: &Edge| {
        let (kind, subtype) = open_kind(edge.how);
        let column = graph.column(edge.from)?;
        Some(json!({
            "namespace": namespace,
            "name": manifest.node(edge.from.node).unique_id.as_str(),
            "field": column.name,
            "transformations": [{"type": kind, "subtype": subtype}],
        }))
    };
    let fields: Map<String, Data> = columns
        .columns
        .iter()
        .map(|column| {
            let inputs: Vec<Data> = column.edges.iter().filter_map(field).collect();
            (column.name.clone(), json!({"inputFields": inputs}))
        })
        .collect();
    let dataset: Vec<Data> = columns.uses.iter().filter_map(field).collect();
    let schema: Vec<Data> = columns
        .columns
        .iter()
        .map(|column| match &column.data_type {
            Some(kind) => json!({"name": column.name, "type": kind}),
            None => json!({"name": column.name}),
        })
        .collect();
    let producer = env!("CARGO_PKG_REPOSITORY");
    let facet = |name: &str| format!("https://openlineage.io/spec/facets/{name}");
    Some(json!({
        "eventTime": instant(settings.started_at),
        "producer": producer,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {
            "namespace": namespace,
            "name": manifest.node(ix).unique_id.as_str(),
            "facets": {
                "schema": {
                    "_producer": producer,
                    "_schemaURL": facet("1-1-1/SchemaDatasetFacet.json"),
                    "fields": schema,
                },
                "columnLineage": {
                    "_producer": producer,
                    "_schemaURL": facet("1-2-0/ColumnLineageDatasetFacet.json"),
                    "fields": fields,
                    "dataset": dataset,
                },
            },
        },
    }))
}

/// OpenLineage's words for how a column is used.
const fn open_kind(how: How) -> (&'static str, &'static str) {
    match how {
        How::Pass | How::Rename => ("DIRECT", "IDENTITY"),
        How::Derive => ("DIRECT", "TRANSFORMATION"),
        How::Aggregate => ("DIRECT", "AGGREGATION"),
        How::Filter => ("INDIRECT", "FILTER"),
        How::Join => ("INDIRECT", "JOIN"),
        How::Group => ("INDIRECT", "GROUP_BY"),
        How::Order => ("INDIRECT", "SORT"),
    }
}
