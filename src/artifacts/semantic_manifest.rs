//! `semantic_manifest.json`: metrics, semantic models and saved queries as the metrics engine reads them.

use std::path::Path;

use serde_json::{Map, Value as Data, json};

use super::write_json;
use crate::diagnostic::Diagnostic;
use crate::manifest::{LEGACY_SPINE, Manifest, Node, NodeKind, ResourceType};

type Tree = Map<String, Data>;

/// Writes what the metrics engine reads.
///
/// # Errors
/// When the file cannot be written.
pub fn write_semantic_manifest(path: &Path, manifest: &Manifest) -> Result<(), Box<Diagnostic>> {
    let of_kind = |kind: ResourceType, shown: fn(&Node, &Tree) -> Data| -> Vec<Data> {
        let nodes = manifest.nodes.iter().filter(|node| node.resource_type == kind);
        nodes.filter_map(|node| own(node).map(|own| shown(node, own))).collect()
    };
    let data = json!({
        "semantic_models": of_kind(ResourceType::SemanticModel, semantic_model),
        "metrics": of_kind(ResourceType::Metric, metric),
        "project_configuration": {
            "time_spine_table_configurations": legacy_spines(manifest),
            "metadata": null,
            "dsi_package_version": {"major_version": "0", "minor_version": "9", "patch_version": "0"},
            "time_spines": time_spines(manifest),
        },
        "saved_queries": of_kind(ResourceType::SavedQuery, saved_query),
    });
    write_json(path, &data)
}

fn own(node: &Node) -> Option<&Tree> {
    match &node.kind {
        NodeKind::Document(own) => Some(own),
        _ => None,
    }
}

/// The values of some keys, in the order of the keys; null for those that are absent.
fn pick(map: &Tree, keys: &[&str]) -> Tree {
    keys.iter().map(|key| ((*key).to_owned(), map.get(*key).cloned().unwrap_or(Data::Null))).collect()
}

fn each(map: &Tree, key: &str, shown: impl Fn(&Tree) -> Tree) -> Data {
    let items = map.get(key).and_then(Data::as_array).into_iter().flatten().filter_map(Data::as_object);
    Data::Array(items.map(|item| Data::Object(shown(item))).collect())
}

fn description(node: &Node, own: &Tree) -> Data {
    if own.contains_key("description") { Data::Null } else { json!(node.description) }
}

fn config(node: &Node) -> Data {
    json!({"meta": node.config.get("meta").cloned().unwrap_or_else(|| json!({}))})
}

fn semantic_model(node: &Node, own: &Tree) -> Data {
    let elements = |key: &str, keys: &[&str]| each(own, key, |element| pick(element, keys));
    json!({
        "name": node.name,
        "defaults": own.get("defaults"),
        "description": description(node, own),
        "node_relation": node_relation(own),
        "primary_entity": own.get("primary_entity"),
        "entities": elements("entities", &["name", "description", "type", "role", "expr", "metadata", "label", "config"]),
        "measures": elements(
            "measures",
            &[
                "name", "agg", "description", "create_metric", "expr", "agg_params", "metadata", "non_additive_dimension",
                "agg_time_dimension", "label", "config",
            ],
        ),
        "dimensions": elements(
            "dimensions",
            &["name", "description", "type", "is_partition", "type_params", "expr", "metadata", "label", "config"],
        ),
        "label": own.get("label"),
        "metadata": null,
        "config": config(node),
    })
}

/// The relation; where there is no quoted name, one is made of the parts.
fn node_relation(own: &Tree) -> Data {
    let mut relation = own.get("node_relation").cloned().unwrap_or(Data::Null);
    if relation.is_object() && relation["relation_name"].as_str().is_none_or(str::is_empty) {
        let parts = ["database", "schema_name", "alias"].map(|key| relation[key].as_str());
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
        relation["relation_name"] = json!(name);
    }
    relation
}

fn metric(node: &Node, own: &Tree) -> Data {
    json!({
        "name": node.name,
        "description": description(node, own),
        "type": own.get("type"),
        "type_params": type_params(own),
        "filter": own.get("filter"),
        "metadata": null,
        "label": own.get("label"),
        "config": config(node),
        "time_granularity": own.get("time_granularity"),
    })
}

fn type_params(own: &Tree) -> Tree {
    let written = own.get("type_params").and_then(Data::as_object).cloned().unwrap_or_default();
    let mut params = pick(
        &written,
        &[
            "measure",
            "numerator",
            "denominator",
            "expr",
            "window",
            "grain_to_date",
            "metrics",
            "conversion_type_params",
            "cumulative_type_params",
            "input_measures",
        ],
    );
    if let Some(Data::Object(cumulative)) = params.get_mut("cumulative_type_params") {
        *cumulative = pick(cumulative, &["window", "grain_to_date", "period_agg"]);
        lower(cumulative, "grain_to_date");
    }
    for input in params.get_mut("metrics").and_then(Data::as_array_mut).into_iter().flatten() {
        if let Data::Object(input) = input {
            lower(input, "offset_to_grain");
        }
    }
    params
}

fn lower(map: &mut Tree, key: &str) {
    if let Some(Data::String(text)) = map.get_mut(key) {
        *text = text.to_lowercase();
    }
}

fn saved_query(node: &Node, own: &Tree) -> Data {
    let params = own.get("query_params").and_then(Data::as_object).cloned().unwrap_or_default();
    let export = |export: &Tree| {
        let config = export.get("config").and_then(Data::as_object).cloned().unwrap_or_default();
        let config = pick(&config, &["export_as", "schema_name", "alias"]);
        Map::from_iter([
            ("name".to_owned(), export.get("name").cloned().unwrap_or(Data::Null)),
            ("config".to_owned(), Data::Object(config)),
        ])
    };
    json!({
        "name": node.name,
        "query_params": pick(&params, &["metrics", "group_by", "order_by", "limit", "where"]),
        "description": description(node, own),
        "metadata": null,
        "label": own.get("label"),
        "exports": each(own, "exports", export),
        "tags": node.tags,
    })
}

fn spine(node: &Node) -> Option<&Data> {
    match &node.kind {
        NodeKind::Model(extra) => extra.get("time_spine").filter(|spine| !spine.is_null()),
        _ => None,
    }
}

/// A model that is a time spine by its name, where there are semantic models to use it.
fn legacy_spines(manifest: &Manifest) -> Vec<Data> {
    let has_models = manifest.nodes.iter().any(|node| node.resource_type == ResourceType::SemanticModel);
    let is_spine = |node: &&Node| node.name == LEGACY_SPINE && node.resource_type.is_refable();
    let found =
        manifest.nodes.iter().map(Box::as_ref).find(is_spine).filter(|node| has_models && spine(node).is_none());
    found
        .map(|node| json!({"location": node.relation_name, "column_name": "date_day", "grain": "day"}))
        .into_iter()
        .collect()
}

fn time_spines(manifest: &Manifest) -> Vec<Data> {
    let spines = manifest.nodes.iter().filter_map(|node| {
        let spine = spine(node)?;
        let column = spine.get("standard_granularity_column")?.as_str()?;
        let custom = each(spine.as_object()?, "custom_granularities", |grain| pick(grain, &["name", "column_name"]));
        Some(json!({
            "node_relation": {
                "alias": node.alias,
                "schema_name": node.schema,
                "database": node.database,
                "relation_name": node.relation_name,
            },
            "primary_column": {
                "name": column,
                "time_granularity": node.columns.get(column).and_then(|column| column.extra.get("granularity")),
            },
            "custom_granularities": custom,
        }))
    });
    spines.collect()
}
