//! `graph`: the manifest as templates see it.

use minijinja::Value;
use serde_json::Value as Data;

use crate::jinja::py::{self, PyDict};
use crate::manifest::{Manifest, ResourceType, view};

const PARTS: [&str; 8] =
    ["nodes", "sources", "exposures", "groups", "metrics", "semantic_models", "saved_queries", "functions"];

/// `graph` before there is a manifest.
pub(crate) fn empty_graph() -> Value {
    PyDict::from_strings(PARTS.map(|part| (part, PyDict::new().into_value()))).into_value()
}

/// `graph`: every node of the manifest as its published map.
pub(super) fn build_graph(manifest: &Manifest) -> Value {
    let parts: Vec<(&str, PyDict)> = PARTS.iter().map(|key| (*key, PyDict::new())).collect();
    for (ix, node) in manifest.indices().zip(&manifest.nodes) {
        let key = match node.resource_type {
            ResourceType::Source => "sources",
            ResourceType::Exposure => "exposures",
            ResourceType::Metric => "metrics",
            ResourceType::SemanticModel => "semantic_models",
            ResourceType::SavedQuery => "saved_queries",
            ResourceType::Function => "functions",
            ResourceType::UnitTest => continue,
            _ => "nodes",
        };
        let map = py::from_json(&Data::Object(view::node(manifest, ix)));
        if let Some((_, part)) = parts.iter().find(|(name, _)| *name == key) {
            part.insert(Value::from(node.unique_id.as_str()), map);
        }
    }
    for (id, group) in &manifest.groups {
        let map = serde_json::json!({
            "name": group.name, "resource_type": "group", "package_name": group.package, "path": group.path,
            "original_file_path": group.original_file_path, "unique_id": id.as_str(),
            "owner": group.owner.fields, "description": group.description,
        });
        parts[3].1.insert(Value::from(id.as_str()), py::from_json(&map));
    }
    PyDict::from_strings(parts.into_iter().map(|(key, part)| (key, part.into_value()))).into_value()
}
