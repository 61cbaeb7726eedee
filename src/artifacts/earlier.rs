//! `manifest.json` of an earlier run, read back as far as the columns of its queries need it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Data};

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use crate::lineage::Sql;
use crate::manifest::{
    Checksum, Column, Docs, Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, SourceDef, UniqueId,
};

/// A project as an earlier run left it.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Its nodes: those that have columns, and the edges between them.
    pub manifest: Manifest,
    /// The SQL that they were compiled to.
    pub sql: HashMap<NodeIndex, Sql>,
}

/// Reads `manifest.json` of a folder.
///
/// # Errors
/// When there is none, or it is no manifest.
pub fn read_earlier(folder: &Path) -> Result<Earlier, Box<Diagnostic>> {
    let path = folder.join("manifest.json");
    let missing = |why: String| {
        let message = format!("`{}` cannot be used: {why}", path.display());
        Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
    };
    let text = fs::read_to_string(&path).map_err(|error| missing(error.to_string()))?;
    let wire: Data = serde_json::from_str(&text).map_err(|error| missing(error.to_string()))?;
    let file = SourceFile::new(path.display().to_string(), "");
    let mut earlier = Earlier::default();
    let sections = ["nodes", "sources"].into_iter().filter_map(|name| wire.get(name).and_then(Data::as_object));
    let mut entries: Vec<(&String, &Data)> = sections.flatten().collect();
    entries.sort_by_key(|(id, _)| *id);
    for (id, entry) in &entries {
        let Some(node) = node(id, entry, &file) else { continue };
        let ix = NodeIndex::from_usize(earlier.manifest.nodes.len());
        if node.resource_type != ResourceType::Source && node.resource_type != ResourceType::Seed {
            let code = entry.get("compiled_code").and_then(Data::as_str).map(str::to_owned);
            earlier.sql.insert(ix, code.ok_or_else(|| "it was not compiled by the earlier run".to_owned()));
        }
        earlier.manifest.by_id.insert(node.unique_id.clone(), ix);
        earlier.manifest.nodes.push(node);
    }
    let parents = earlier.manifest.nodes.iter().map(|own| {
        let entry = wire.get("nodes").and_then(|nodes| nodes.get(own.unique_id.as_str()));
        let depends_on = entry.and_then(|entry| entry.get("depends_on")?.get("nodes")?.as_array());
        let ids = depends_on.into_iter().flatten().filter_map(Data::as_str);
        ids.filter_map(|id| earlier.manifest.find(id)).collect()
    });
    let graph = Graph::new(parents.collect());
    earlier.manifest.graph = graph;
    let text_of = |key: &str| wire.get("metadata").and_then(|metadata| metadata.get(key)?.as_str()).unwrap_or_default();
    earlier.manifest.project_name = text_of("project_name").to_owned();
    earlier.manifest.adapter_type = text_of("adapter_type").to_owned();
    Ok(earlier)
}

/// A node of a manifest, if it is one that has columns.
fn node(id: &str, entry: &Data, file: &Arc<SourceFile>) -> Option<Node> {
    use ResourceType::{Analysis, Model, Seed, Snapshot, Source, Test};
    let text = |key: &str| entry.get(key).and_then(Data::as_str).unwrap_or_default().to_owned();
    let resource_type = ResourceType::find(&text("resource_type"))?;
    if !matches!(resource_type, Model | Seed | Snapshot | Source | Test | Analysis) {
        return None;
    }
    let config = entry.get("config").and_then(Data::as_object).cloned().unwrap_or_default();
    let name = text("name");
    let kind = match resource_type {
        Source => NodeKind::Source(Box::new(SourceDef {
            source_name: text("source_name"),
            identifier: text("identifier"),
            ..SourceDef::default()
        })),
        _ => NodeKind::Plain,
    };
    Some(Node {
        unique_id: UniqueId::new(id.to_owned()),
        resource_type,
        package: text("package_name"),
        path: text("path"),
        original_file_path: text("original_file_path"),
        file: Arc::clone(file),
        span: Span::default(),
        fqn: Vec::new(),
        language: text("language"),
        raw_code: String::new(),
        raw_code_offset: 0,
        checksum: Checksum::default(),
        database: entry.get("database").and_then(Data::as_str).map(str::to_owned),
        schema: text("schema"),
        alias: entry.get("alias").and_then(Data::as_str).map_or_else(|| name.clone(), str::to_owned),
        name,
        relation_name: entry.get("relation_name").and_then(Data::as_str).map(str::to_owned),
        config: NodeConfig::from(config),
        unrendered_config: Map::new(),
        config_call: Map::new(),
        description: String::new(),
        columns: columns(entry),
        meta: Map::new(),
        tags: Vec::new(),
        docs: Docs::default(),
        patch_path: None,
        doc_blocks: Vec::new(),
        group: None,
        access: None,
        constraints: Vec::new(),
        version: entry.get("version").cloned().filter(|version| !version.is_null()),
        latest_version: None,
        deprecation_date: None,
        refs: Vec::new(),
        source_calls: Vec::new(),
        metric_calls: Vec::new(),
        function_calls: Vec::new(),
        macro_calls: Vec::new(),
        parents: Vec::new(),
        created_at: 0.0,
        kind,
    })
}

fn columns(entry: &Data) -> IndexMap<String, Column> {
    let columns = entry.get("columns").and_then(Data::as_object).into_iter().flatten();
    let columns = columns.map(|(name, column)| {
        let data_type = column.get("data_type").and_then(Data::as_str).map(str::to_owned);
        (name.clone(), Column { name: name.clone(), data_type, ..Column::default() })
    });
    columns.collect()
}
