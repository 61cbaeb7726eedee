//! Rows about the project as it is.

use std::collections::HashMap;

use serde_json::{Map, Value as Data, json};

use super::KnownFacts;
use crate::manifest::{ResourceType, view};

type Emit<'a> = &'a mut dyn FnMut(Data);

/// The published maps of all nodes, one after the other.
fn published<'a>(known: &'a KnownFacts<'_>) -> impl Iterator<Item = Map<String, Data>> + 'a {
    known.manifest.indices().map(|ix| view::node(known.manifest, ix))
}

/// The published maps of one kind of node.
fn of_kind<'a>(known: &'a KnownFacts<'_>, kind: ResourceType) -> impl Iterator<Item = Map<String, Data>> + 'a {
    let of_kind = known.manifest.indices().filter(move |ix| known.manifest.node(*ix).resource_type == kind);
    of_kind.map(|ix| view::node(known.manifest, ix))
}

pub(super) fn nodes(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for node in published(known) {
        let config = node.get("config").unwrap_or(&Data::Null);
        let version = node.get("version").filter(|version| !version.is_null());
        emit(json!({
            "unique_id": node.get("unique_id"),
            "resource_type": node.get("resource_type"),
            "package_name": node.get("package_name"),
            "name": node.get("name"),
            "alias": node.get("alias"),
            "database": node.get("database"),
            "schema": node.get("schema"),
            "relation_name": node.get("relation_name"),
            "original_file_path": node.get("original_file_path"),
            "fqn": node.get("fqn"),
            "materialized": config.get("materialized"),
            "enabled": config.get("enabled"),
            "access": node.get("access"),
            "group_name": node.get("group"),
            "version": version.map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned)),
            "contract_enforced": node.get("contract").and_then(|contract| contract.get("enforced")),
            "description": node.get("description"),
            "tags": node.get("tags"),
            "meta": node.get("meta"),
            "config": config,
            "patch_path": node.get("patch_path"),
            "language": node.get("language"),
            "checksum": node.get("checksum").and_then(|checksum| checksum.get("checksum")),
            "raw_code": node.get("raw_code"),
        }));
    }
}

pub(super) fn columns(known: &KnownFacts<'_>, emit: Emit<'_>) {
    let none = Map::new();
    for node in published(known) {
        let declared = node.get("columns").and_then(Data::as_object).unwrap_or(&none);
        let id = node.get("unique_id").and_then(Data::as_str).unwrap_or_default();
        let in_catalog = ["nodes", "sources"].iter().find_map(|part| known.catalog.get(part)?.get(id)?.get("columns"));
        let found = in_catalog.and_then(Data::as_object).unwrap_or(&none);
        // Databases may fold the names that a file spells otherwise.
        let mut by_name: HashMap<String, &Data> = found.iter().map(|(name, at)| (name.to_lowercase(), at)).collect();
        for (name, column) in declared {
            emit(column_row(id, name, Some(column), by_name.remove(&name.to_lowercase())));
        }
        let rest = found.iter().filter(|(name, _)| by_name.contains_key(&name.to_lowercase()));
        rest.for_each(|(name, actual)| emit(column_row(id, name, None, Some(actual))));
    }
}

fn column_row(id: &str, name: &str, declared: Option<&Data>, actual: Option<&Data>) -> Data {
    let declared = |key: &str| declared.and_then(|column| column.get(key));
    json!({
        "unique_id": id,
        "name": name,
        "position": actual.and_then(|column| column.get("index")),
        "declared_type": declared("data_type"),
        "actual_type": actual.and_then(|column| column.get("type")),
        "description": declared("description"),
        "tags": declared("tags"),
        "meta": declared("meta"),
        "constraints": declared("constraints"),
    })
}

pub(super) fn edges(known: &KnownFacts<'_>, emit: Emit<'_>) {
    let id = |ix| known.manifest.node(ix).unique_id.as_str();
    for child in known.manifest.indices() {
        for parent in known.manifest.parents(child) {
            emit(json!({"parent_id": id(*parent), "child_id": id(child)}));
        }
    }
}

/// `column_lineage.json` tells nodes, columns and kinds by their places in its lists.
pub(super) fn column_edges(known: &KnownFacts<'_>, emit: Emit<'_>) {
    let list = |value: &Data, key: &str| value.get(key).and_then(Data::as_array).cloned().unwrap_or_default();
    let nodes = list(&known.lineage, "nodes");
    let kinds = list(&known.lineage, "kinds");
    let mut emit_all = |edges: &[Data], node: &Data, column: Option<&Data>| {
        for edge in edges {
            let at = |place: usize| edge.get(place).and_then(Data::as_u64).and_then(|at| usize::try_from(at).ok());
            let Some(from) = at(0).and_then(|at| nodes.get(at)) else { continue };
            let from_column = at(1).and_then(|at| from.get("columns")?.get(at)?.get("name"));
            emit(json!({
                "from_node": from.get("id"),
                "from_column": from_column,
                "to_node": node.get("id"),
                "to_column": column.and_then(|column| column.get("name")),
                "kind": at(2).and_then(|at| kinds.get(at)),
            }));
        }
    };
    for node in &nodes {
        for column in list(node, "columns") {
            emit_all(&list(&column, "from"), node, Some(&column));
        }
        emit_all(&list(node, "uses"), node, None);
    }
}

pub(super) fn tests(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for test in of_kind(known, ResourceType::Test) {
        let config = |key: &str| test.get("config").and_then(|config| config.get(key));
        let generic = |key: &str| test.get("test_metadata").and_then(|generic| generic.get(key));
        emit(json!({
            "unique_id": test.get("unique_id"),
            "name": test.get("name"),
            "test_name": generic("name"),
            "test_namespace": generic("namespace"),
            "tested_node": test.get("attached_node"),
            "column_name": test.get("column_name"),
            "arguments": generic("kwargs"),
            "severity": config("severity"),
            "warn_if": config("warn_if"),
            "error_if": config("error_if"),
            "where_clause": config("where"),
        }));
    }
}

pub(super) fn sources(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for source in of_kind(known, ResourceType::Source) {
        let keys = ["unique_id", "source_name", "name", "identifier", "loader", "loaded_at_field", "freshness"];
        emit(picked(&source, &keys));
    }
}

pub(super) fn exposures(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for exposure in of_kind(known, ResourceType::Exposure) {
        let owner = |key: &str| exposure.get("owner").and_then(|owner| owner.get(key)).cloned().unwrap_or_default();
        let mut row = picked(&exposure, &["unique_id", "type", "maturity", "url"]);
        row["owner_name"] = owner("name");
        row["owner_email"] = owner("email");
        emit(row);
    }
}

fn picked(node: &Map<String, Data>, keys: &[&str]) -> Data {
    let pairs = keys.iter().map(|key| ((*key).to_owned(), node.get(*key).cloned().unwrap_or_default()));
    Data::Object(pairs.collect())
}

pub(super) fn macros(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for (id, info) in &known.manifest.macros {
        emit(json!({
            "unique_id": id.as_str(),
            "package_name": info.package,
            "name": info.name,
            "original_file_path": info.path,
            "description": info.description,
            "depends_on": info.depends_on,
        }));
    }
}

pub(super) fn groups(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for (id, group) in &known.manifest.groups {
        let owner = |key: &str| group.owner.fields.get(key);
        emit(json!({
            "unique_id": id.as_str(),
            "package_name": group.package,
            "name": group.name,
            "owner_name": owner("name"),
            "owner_email": owner("email"),
            "description": group.description,
        }));
    }
}
