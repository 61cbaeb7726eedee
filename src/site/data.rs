//! The data of the page: what it reads of the artifacts, in their own shape, packed small.
//!
//! Code is most of a large project and is looked at one node at a time, so it goes apart.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value as Data, json};

/// The artifacts, as they are on disk.
pub(super) struct Texts {
    pub(super) manifest: String,
    pub(super) catalog: Option<String>,
    pub(super) run_results: Option<String>,
    pub(super) sources: Option<String>,
    pub(super) column_lineage: Option<String>,
}

/// Base64 of gzip of JSON: the parts of the page's data, by name. The first is read at once, the others later.
pub(super) type Packed = [(&'static str, String); 3];

/// What the page reads of the manifest, by section.
const SECTIONS: &[&str] = &[
    "nodes",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
    "macros",
    "groups",
];

/// What it reads of an entry there.
const KEYS: &[&str] = &[
    "access",
    "alias",
    "arguments",
    "attached_node",
    "column_name",
    "columns",
    "config",
    "constraints",
    "contract",
    "database",
    "depends_on",
    "deprecation_date",
    "description",
    "docs",
    "expect",
    "fqn",
    "freshness",
    "given",
    "group",
    "identifier",
    "label",
    "language",
    "latest_version",
    "loader",
    "maturity",
    "meta",
    "model",
    "name",
    "original_file_path",
    "owner",
    "package_name",
    "resource_type",
    "schema",
    "source_description",
    "source_name",
    "tags",
    "test_metadata",
    "type",
    "url",
    "version",
];

/// What it reads of a column; its name is the key.
const COLUMN_KEYS: &[&str] = &["constraints", "data_type", "description", "meta", "tags"];

/// Settings that stand in an entry itself too.
const CONFIG_DOUBLES: &[&str] = &["alias", "database", "enabled", "group", "meta", "schema", "tags"];

/// Takes what the page reads out of the artifacts. What is empty is left out: the page does not tell it from missing.
///
/// # Errors
/// The name of the file that is not JSON, and why.
pub(super) fn pack(texts: &Texts) -> Result<Packed, (&'static str, String)> {
    let mut manifest = parse("manifest.json", &texts.manifest)?;
    let code = take_code(&mut manifest);
    let optional = |name, text: &Option<String>| text.as_deref().map(|text| parse(name, text)).transpose();
    let data = json!({
        "kiln_version": env!("CARGO_PKG_VERSION"),
        "manifest": trimmed_manifest(manifest),
        "catalog": optional("catalog.json", &texts.catalog)?.map(trimmed_catalog),
        "run_results": optional("run_results.json", &texts.run_results)?,
        "sources": optional("sources.json", &texts.sources)?.map(trimmed_sources),
    });
    let lineage = optional("column_lineage.json", &texts.column_lineage)?.map(trimmed_lineage).into();
    let packed = |value: &Data| squeezed(value).map_err(|error| ("manifest.json", error.to_string()));
    Ok([("data", packed(&data)?), ("lineage", packed(&lineage)?), ("code", packed(&code)?)])
}

fn parse(name: &'static str, text: &str) -> Result<Map<String, Data>, (&'static str, String)> {
    serde_json::from_str(text).map_err(|error| (name, error.to_string()))
}

fn squeezed(value: &Data) -> io::Result<String> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut out, value)?;
    out.flush()?;
    Ok(STANDARD.encode(out.finish()?))
}

/// Raw and compiled code by unique id.
fn take_code(manifest: &mut Map<String, Data>) -> Data {
    let mut code = Map::new();
    for section in ["nodes", "functions", "macros"] {
        for (id, entry) in entries(manifest.get_mut(section)) {
            let mut take = |key| entry.get_mut(key).map(Data::take).filter(|text| text.is_string());
            let raw = take("raw_code").or_else(|| take("macro_sql"));
            let both: Vec<Data> = [raw, take("compiled_code")].into_iter().flatten().collect();
            if !both.is_empty() {
                code.insert(id.clone(), Data::Array(both));
            }
        }
    }
    Data::Object(code)
}

fn trimmed_manifest(mut manifest: Map<String, Data>) -> Data {
    let mut kept = Map::new();
    if let Some(Data::Object(metadata)) = manifest.remove("metadata") {
        let keys = ["adapter_type", "dbt_version", "generated_at", "project_name"];
        kept.insert("metadata".to_owned(), Data::Object(only(metadata, &keys)));
    }
    for section in SECTIONS {
        let Some(Data::Object(section_entries)) = manifest.remove(*section) else { continue };
        let trimmed = section_entries.into_iter().filter_map(|(id, entry)| Some((id, trimmed_entry(entry)?)));
        kept.insert((*section).to_owned(), Data::Object(trimmed.collect()));
    }
    // Texts of other blocks stand in the descriptions that use them.
    if let Some(Data::Object(mut docs)) = manifest.remove("docs") {
        docs.retain(|_, doc| {
            let name = doc.get("name").and_then(Data::as_str).unwrap_or_default();
            name.starts_with("__") && doc.get("package_name").and_then(Data::as_str) != Some("dbt")
        });
        kept.insert("docs".to_owned(), Data::Object(docs));
    }
    Data::Object(kept)
}

fn trimmed_entry(entry: Data) -> Option<Data> {
    let Data::Object(entry) = entry else { return None };
    let mut entry = only(entry, KEYS);
    if let Some(Data::Object(config)) = entry.get_mut("config") {
        config.retain(|key, _| !CONFIG_DOUBLES.contains(&key.as_str()));
    }
    for (_, column) in entries(entry.get_mut("columns")) {
        if let Data::Object(facts) = column.take() {
            *column = Data::Object(only(facts, COLUMN_KEYS));
        }
    }
    if let Some(Data::Object(arguments)) = entry.get_mut("test_metadata").and_then(|facts| facts.get_mut("kwargs")) {
        // Which node and column it is about stands in the entry itself.
        arguments.retain(|key, _| key != "model" && key != "column_name");
    }
    let mut entry = Data::Object(entry);
    prune(&mut entry);
    Some(entry)
}

fn trimmed_catalog(mut catalog: Map<String, Data>) -> Data {
    catalog.retain(|key, _| matches!(key.as_str(), "nodes" | "sources"));
    for section in ["nodes", "sources"] {
        for (_, table) in entries(catalog.get_mut(section)) {
            if let Some(Data::Object(stats)) = table.get_mut("stats") {
                stats.retain(|_, stat| stat.get("include") == Some(&json!(true)));
            }
            if let Some(Data::Object(metadata)) = table.get_mut("metadata") {
                metadata.retain(|key, _| matches!(key.as_str(), "type" | "owner" | "comment"));
            }
            if let Some(Data::Object(columns)) = table.get_mut("columns") {
                let mut sorted: Vec<(String, Data)> = std::mem::take(columns).into_iter().collect();
                sorted.sort_by_key(|(_, column)| number(column));
                columns.extend(sorted);
                for column in columns.values_mut().filter_map(Data::as_object_mut) {
                    column.retain(|key, _| matches!(key.as_str(), "type" | "comment"));
                }
            }
            table.as_object_mut().into_iter().for_each(|table| table.retain(|key, _| key != "unique_id"));
            prune(table);
        }
    }
    Data::Object(catalog)
}

/// The place of a column in its table.
fn number(column: &Data) -> Option<i64> {
    column.get("index").and_then(Data::as_i64)
}

fn trimmed_lineage(mut lineage: Map<String, Data>) -> Data {
    lineage.retain(|key, _| matches!(key.as_str(), "kinds" | "nodes" | "repeated_tests"));
    Data::Object(lineage)
}

fn trimmed_sources(mut sources: Map<String, Data>) -> Data {
    sources.retain(|key, _| key == "results");
    Data::Object(sources)
}

fn entries(section: Option<&mut Data>) -> impl Iterator<Item = (&String, &mut Data)> {
    section.and_then(Data::as_object_mut).into_iter().flatten()
}

fn only(mut object: Map<String, Data>, keys: &[&str]) -> Map<String, Data> {
    object.retain(|key, _| keys.contains(&key.as_str()));
    object
}

/// Removes nulls, empty texts, empty lists and empty maps from maps, the innermost first.
fn prune(value: &mut Data) {
    match value {
        Data::Object(object) => object.retain(|_, inner| {
            prune(inner);
            match inner {
                Data::Null => false,
                Data::String(text) => !text.is_empty(),
                Data::Array(list) => !list.is_empty(),
                Data::Object(object) => !object.is_empty(),
                Data::Bool(_) | Data::Number(_) => true,
            }
        }),
        Data::Array(list) => list.iter_mut().for_each(prune),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[track_caller]
    fn unpacked(text: &str) -> Data {
        let bytes = STANDARD.decode(text).expect("it is base64");
        let mut json = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut json).expect("it is gzip");
        serde_json::from_str(&json).expect("it is JSON")
    }

    fn texts(manifest: &Data) -> Texts {
        let manifest = manifest.to_string();
        Texts { manifest, catalog: None, run_results: None, sources: None, column_lineage: None }
    }

    #[test]
    fn code_goes_apart_and_what_is_not_read_is_left_out() {
        let node = json!({
            "name": "orders", "checksum": {"name": "sha256"}, "raw_code": "select 1", "compiled_code": null,
            "columns": {"id": {"name": "id", "description": "", "data_type": "int"}}, "tags": [],
            "config": {"materialized": "view", "tags": ["a"], "post-hook": []},
        });
        let packed = pack(&texts(&json!({"nodes": {"model.shop.orders": node}, "parent_map": {}}))).expect("it packs");
        let expected =
            json!({"name": "orders", "columns": {"id": {"data_type": "int"}}, "config": {"materialized": "view"}});
        let [(_, data), (_, lineage), (_, code)] = &packed;
        assert_eq!(unpacked(data)["manifest"], json!({"nodes": {"model.shop.orders": expected}}));
        assert_eq!(unpacked(lineage), Data::Null);
        assert_eq!(unpacked(code), json!({"model.shop.orders": ["select 1"]}));
    }

    #[test]
    fn columns_of_the_catalog_are_put_in_order() {
        let columns =
            json!({"b": {"index": 2, "type": "DATE", "name": "b"}, "a": {"index": 1, "type": "INT", "comment": null}});
        let catalog = json!({"nodes": {"model.shop.orders": {"columns": columns, "stats": {}}}}).to_string();
        let packed = pack(&Texts { catalog: Some(catalog), ..texts(&json!({})) }).expect("it packs");
        let catalog = unpacked(&packed[0].1)["catalog"].to_string();
        assert_eq!(catalog, r#"{"nodes":{"model.shop.orders":{"columns":{"a":{"type":"INT"},"b":{"type":"DATE"}}}}}"#);
    }

    #[test]
    fn only_overviews_of_the_project_are_kept() {
        let doc = |name: &str, package: &str| json!({"name": name, "package_name": package, "block_contents": "x"});
        let docs = json!({"a": doc("__overview__", "shop"), "b": doc("__overview__", "dbt"), "c": doc("id", "shop")});
        let packed = pack(&texts(&json!({"docs": docs}))).expect("it packs");
        assert_eq!(unpacked(&packed[0].1)["manifest"]["docs"], json!({"a": doc("__overview__", "shop")}));
    }

    #[test]
    fn a_file_that_is_not_json_is_named() {
        let problem = pack(&Texts { catalog: Some("{".to_owned()), ..texts(&json!({})) }).err();
        assert_eq!(problem.map(|(name, _)| name), Some("catalog.json"));
    }
}
