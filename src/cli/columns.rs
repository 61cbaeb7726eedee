//! The columns of a project: compiling what is needed for them, and what is known of seeds and sources.
//!
//! Everything is compiled without a database first. Only if templates ask it something, or columns of sources are
//! needed that nobody declared, is it asked, unless that is forbidden; a database that cannot be reached is no error.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use serde_json::Value as Data;

use super::pipeline::Parsed;
use crate::adapter::{Adapter, Bench, Offline};
use crate::artifacts::BoundColumns;
use crate::compile;
use crate::jinja::{Runtime, RuntimeParts, Session, Silent, csv_header};
use crate::lineage::{self, ColumnGraph, Facts, Given, Origin, Sql};
use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, ResourceType};

/// Finds out what every column of the project is made of.
pub(super) fn graph(parsed: &Parsed, is_offline: bool) -> ColumnGraph {
    let offline = runtime(parsed, Arc::new(Offline::new(Arc::clone(&parsed.adapter))));
    let mut facts = Facts { written: written(&offline), ..Facts::default() };
    let wanted: Vec<NodeIndex> =
        parsed.manifest.indices().filter(|ix| is_compiled(parsed.manifest.node(*ix))).collect();
    facts.sql = compiled(&offline, &wanted);
    facts.columns = known_columns(parsed);
    let graph = lineage::build(&parsed.manifest, parsed.adapter.dialect(), &facts);
    let failed: Vec<NodeIndex> =
        wanted.into_iter().filter(|ix| facts.sql.get(ix).is_some_and(Result::is_err)).collect();
    let open = open_sources(&parsed.manifest, &graph);
    let is_vague = graph.nodes.iter().flatten().any(|node| {
        node.print != 0 && (node.open.is_some() || node.columns.iter().any(|column| column.unknown.is_some()))
    });
    let asks = !failed.is_empty() || (is_vague && !open.is_empty());
    if is_offline || !asks || !ask(parsed, &failed, &open, &mut facts) {
        return graph;
    }
    lineage::build(&parsed.manifest, parsed.adapter.dialect(), &facts)
}

/// Like [`graph`], with the types of columns as an engine binds them.
pub(super) fn typed_graph(parsed: &Parsed, is_offline: bool, bound: Vec<BoundColumns>) -> ColumnGraph {
    let mut graph = graph(parsed, is_offline);
    for (ix, types) in bound {
        let Some(node) = graph.nodes.get_mut(ix.as_usize()).and_then(Option::as_mut) else { continue };
        for (name, data_type) in types {
            if let Some(at) = node.find(&name) {
                let known = &mut node.columns[at].data_type;
                *known = known.take().or(Some(data_type));
            }
        }
    }
    graph
}

/// Finds out what the columns of a project are made of without a database, with the sources' columns of another target
/// folder, so that two versions of a project know the same.
pub(super) fn offline_graph(parsed: &Parsed, sources: &Parsed) -> ColumnGraph {
    let offline = runtime(parsed, Arc::new(Offline::new(Arc::clone(&parsed.adapter))));
    let wanted: Vec<NodeIndex> =
        parsed.manifest.indices().filter(|ix| is_compiled(parsed.manifest.node(*ix))).collect();
    let mut columns = known_columns(parsed);
    let catalog = catalog_columns(sources);
    for ix in parsed.manifest.indices() {
        columns.extend(catalog.get(parsed.manifest.node(ix).unique_id.as_str()).map(|given| (ix, given.clone())));
    }
    let facts = Facts { sql: compiled(&offline, &wanted), columns, written: written(&offline) };
    lineage::build(&parsed.manifest, parsed.adapter.dialect(), &facts)
}

/// The columns of sources in the catalog that was written last, for a manifest that was read from artifacts.
pub(super) fn catalog_of(parsed: &Parsed, manifest: &Manifest) -> HashMap<NodeIndex, Given> {
    let catalog = catalog_columns(parsed);
    let known = manifest.indices().map(|ix| (ix, catalog.get(manifest.node(ix).unique_id.as_str())));
    known.filter_map(|(ix, given)| Some((ix, given?.clone()))).collect()
}

/// Asks the database. Tells whether anything was learned.
fn ask(parsed: &Parsed, failed: &[NodeIndex], open: &[NodeIndex], facts: &mut Facts) -> bool {
    if !has_database(parsed) {
        return false;
    }
    // Nothing that templates run there lasts.
    let Ok(guarded) = Bench::within(Arc::clone(&parsed.adapter)) else { return false };
    let online = runtime(parsed, guarded);
    let session = online.session("lineage");
    let mut has_learned = false;
    let mut compiled = compiled(&online, failed);
    for ix in failed {
        let Some(sql) = compiled.remove(ix) else { continue };
        has_learned |= sql.is_ok();
        facts.sql.insert(*ix, sql);
    }
    for ix in open {
        if let Some(given) = database_columns(&online, &session, *ix) {
            has_learned = true;
            facts.columns.insert(*ix, given);
        }
    }
    session.close();
    has_learned
}

/// Whether there is something to ask: a file that does not exist would be made, which nobody asked for.
pub(super) fn has_database(parsed: &Parsed) -> bool {
    let target = &parsed.project.target;
    if target.adapter_type != "duckdb" {
        return true;
    }
    let path = target.fields.get("path").and_then(Data::as_str).unwrap_or(":memory:");
    path.contains(':') || parsed.project.root().root.join(path).exists()
}

pub(super) fn runtime(parsed: &Parsed, adapter: Arc<dyn Adapter>) -> Arc<Runtime> {
    Runtime::new(RuntimeParts {
        project: Arc::clone(&parsed.project),
        manifest: Arc::clone(&parsed.manifest),
        registry: Arc::clone(&parsed.macros),
        adapter,
        // What templates log while they are compiled for this is not what the user asked for.
        listener: Arc::new(Silent),
        selected: parsed.manifest.nodes.iter().map(|node| node.unique_id.to_string()).collect(),
        deferred: Arc::default(),
    })
}

fn is_compiled(node: &Node) -> bool {
    use ResourceType::{Analysis, Model, Snapshot, Test};
    matches!(node.resource_type, Model | Snapshot | Test | Analysis) && !node.is_external()
}

/// Compiles nodes. What cannot be compiled has a reason instead.
fn compiled(runtime: &Arc<Runtime>, wanted: &[NodeIndex]) -> HashMap<NodeIndex, Sql> {
    let session = runtime.session("lineage");
    let sql = wanted.iter().map(|ix| {
        if runtime.manifest.node(*ix).is_python_model() {
            return (*ix, Err("it is a Python model".to_owned()));
        }
        let sql = compile::compile(runtime, &session, *ix);
        let sql = sql.map(|node| node.compiled_code.to_string());
        let first_line = |message: &str| message.lines().next().unwrap_or_default().to_owned();
        (*ix, sql.map_err(|error| format!("it cannot be compiled: {}", first_line(&error.message))))
    });
    sql.collect()
}

/// How SQL names sources that are files.
fn written(runtime: &Runtime) -> HashMap<String, NodeIndex> {
    let manifest = &runtime.manifest;
    let sources = manifest.indices().filter(|ix| manifest.node(*ix).resource_type == ResourceType::Source);
    sources.map(|ix| (runtime.written(ix), ix)).collect()
}

/// The columns of seeds, from their headers, and of sources, from what was written of the database last.
fn known_columns(parsed: &Parsed) -> HashMap<NodeIndex, Given> {
    let manifest = &parsed.manifest;
    let mut known = HashMap::new();
    let catalog = catalog_columns(parsed);
    let written = super::sources::read(parsed);
    for ix in manifest.indices() {
        let node = manifest.node(ix);
        let given = match node.resource_type {
            ResourceType::Seed => header(node),
            ResourceType::Source => match written.get(node.unique_id.as_str()) {
                Some(columns) => {
                    let columns = columns.iter().map(|(name, kind)| (name.clone(), Some(kind.clone()))).collect();
                    Some(Given { columns, origin: Origin::Database })
                }
                None => catalog.get(node.unique_id.as_str()).cloned(),
            },
            _ if node.is_python_model() => catalog.get(node.unique_id.as_str()).cloned(),
            _ => None,
        };
        known.extend(given.map(|given| (ix, given)));
    }
    known
}

/// The columns of a seed: the first line of its file.
fn header(node: &Node) -> Option<Given> {
    let NodeKind::Seed { root_path } = &node.kind else { return None };
    let path = std::path::Path::new(root_path).join(&node.original_file_path);
    let text = fs::read_to_string(path).ok()?;
    let delimiter = node.config.str("delimiter").unwrap_or(",");
    let types = node.config.get("column_types").and_then(Data::as_object);
    let type_of = |name: &str| types.and_then(|types| types.get(name)).and_then(Data::as_str).map(str::to_owned);
    let names = csv_header(&text, delimiter)?;
    let columns = names.into_iter().map(|name| (name.clone(), type_of(&name))).collect();
    Some(Given { columns, origin: Origin::Header })
}

/// The columns of sources in `catalog.json` of the target folder, by unique id, and of Python models: no query tells
/// theirs.
pub(super) fn catalog_columns(parsed: &Parsed) -> HashMap<String, Given> {
    let text = fs::read_to_string(parsed.target_file("catalog.json")).unwrap_or_default();
    let catalog: Data = serde_json::from_str(&text).unwrap_or_default();
    let listed = |key: &str| catalog.get(key).and_then(Data::as_object).into_iter().flatten();
    let is_python = |id: &str| parsed.manifest.find(id).is_some_and(|ix| parsed.manifest.node(ix).is_python_model());
    let mut known = HashMap::new();
    for (id, table) in listed("sources").chain(listed("nodes").filter(|(id, _)| is_python(id))) {
        let columns = table.get("columns").and_then(Data::as_object).into_iter().flatten();
        let mut columns: Vec<(i64, String, Option<String>)> = columns
            .map(|(name, column)| {
                let kind = column.get("type").and_then(Data::as_str).map(str::to_owned);
                (column.get("index").and_then(Data::as_i64).unwrap_or_default(), name.clone(), kind)
            })
            .collect();
        columns.sort_by_key(|(index, ..)| *index);
        let columns = columns.into_iter().map(|(_, name, kind)| (name, kind)).collect();
        known.insert(id.clone(), Given { columns, origin: Origin::Database });
    }
    known
}

/// Sources, and Python models, whose columns are not all known.
fn open_sources(manifest: &Manifest, graph: &ColumnGraph) -> Vec<NodeIndex> {
    let is_open = |ix: &NodeIndex| graph.node(*ix).is_some_and(|node| node.open.is_some());
    let is_root =
        |node: &Node| node.resource_type == ResourceType::Source || node.is_external() || node.is_python_model();
    manifest.indices().filter(|ix| is_root(manifest.node(*ix))).filter(is_open).collect()
}

fn database_columns(runtime: &Runtime, session: &Session, ix: NodeIndex) -> Option<Given> {
    let columns: Vec<_> = session.columns(&runtime.relation(ix)).ok()?;
    let columns: Vec<_> = columns.into_iter().map(|column| (column.name, Some(column.data_type))).collect();
    (!columns.is_empty()).then_some(Given { columns, origin: Origin::Database })
}
