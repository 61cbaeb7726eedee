//! The manifest of an earlier run as nodes, as far as the columns of its queries need it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Data;

use crate::diagnostic::SourceFile;
use crate::lineage::Sql;
use crate::manifest::{
    Column, Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, SourceDef, UniqueId,
};
use crate::state::{PreviousManifest, PreviousNode};

/// A project as an earlier run left it.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Its nodes: those that have columns, and the edges between them.
    pub manifest: Manifest,
    /// The SQL that they were compiled to.
    pub sql: HashMap<NodeIndex, Sql>,
}

/// Makes nodes of the manifest that lies in a place.
#[must_use]
pub fn earlier(mut wire: PreviousManifest, place: &Path) -> Earlier {
    let file = SourceFile::new(place.join("manifest.json").display().to_string(), "");
    let mut earlier = Earlier::default();
    let text_of = |key: &str| wire.metadata.get(key).and_then(Data::as_str).unwrap_or_default().to_owned();
    earlier.manifest.project_name = text_of("project_name");
    earlier.manifest.adapter_type = text_of("adapter_type");
    let mut entries: Vec<(String, PreviousNode)> = wire.nodes.drain(..).chain(wire.sources.drain(..)).collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    let mut parents = Vec::new();
    for (id, entry) in entries {
        let Some(kind) = ResourceType::find(&entry.resource_type).filter(|kind| has_columns(*kind)) else { continue };
        let ix = NodeIndex::from_usize(earlier.manifest.nodes.len());
        if kind != ResourceType::Source && kind != ResourceType::Seed {
            let missing = || "it was not compiled by the earlier run".to_owned();
            earlier.sql.insert(ix, entry.compiled_code.clone().ok_or_else(missing));
        }
        parents.push(entry.depends_on.nodes.clone());
        let node = node(id, kind, entry, &file);
        earlier.manifest.by_id.insert(node.unique_id.clone(), ix);
        earlier.manifest.nodes.push(Box::new(node));
    }
    let known = |ids: Vec<String>| ids.iter().filter_map(|id| earlier.manifest.find(id)).collect();
    earlier.manifest.graph = Graph::new(parents.into_iter().map(known).collect());
    earlier
}

const fn has_columns(kind: ResourceType) -> bool {
    use ResourceType::{Analysis, Model, Seed, Snapshot, Source, Test};
    matches!(kind, Model | Seed | Snapshot | Source | Test | Analysis)
}

fn node(id: String, kind: ResourceType, entry: PreviousNode, file: &Arc<SourceFile>) -> Node {
    let columns = entry
        .columns
        .into_iter()
        .map(|(name, column)| (name.clone(), Column { name, data_type: column.data_type, ..Column::default() }));
    Node {
        unique_id: UniqueId::new(id),
        path: entry.path,
        original_file_path: entry.original_file_path,
        language: entry.language,
        database: entry.database,
        schema: entry.schema,
        alias: entry.alias.unwrap_or_else(|| entry.name.clone()),
        relation_name: entry.relation_name,
        config: NodeConfig::from(entry.config),
        columns: columns.collect(),
        version: Some(entry.version).filter(|version| !version.is_null()),
        kind: match kind {
            ResourceType::Source => NodeKind::Source(Box::new(SourceDef {
                source_name: entry.source_name.unwrap_or_default(),
                identifier: entry.identifier.unwrap_or_default(),
                ..SourceDef::default()
            })),
            _ => NodeKind::Plain,
        },
        ..Node::blank(kind, &entry.package_name, &entry.name, Arc::clone(file))
    }
}
