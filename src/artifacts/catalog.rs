//! `catalog.json` (v1): the relations that nodes and sources have in the database, with columns and statistics.
//!
//! The rows come from the project's catalog macros; here they are only arranged.

use std::collections::HashMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value as Data, json};

use super::{metadata, write_json};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifest, NodeIndex, NodeKind, NodeSet, ResourceType};
use crate::project::Settings;

type Row = Map<String, Data>;

/// What goes into the catalog.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatalogFacts<'a> {
    /// One row a column, as the catalog macros give them.
    pub rows: &'a [Row],
    /// The nodes and sources that are wanted; all if `None`.
    pub selected: Option<&'a NodeSet>,
    /// What went wrong with asking.
    pub errors: &'a [String],
    /// The columns of nodes as their queries give them, for those that are not built.
    pub bound: &'a [BoundColumns],
}

/// The catalog of what would be built but is not.
const UNBUILT_FILE: &str = "catalog_unbuilt.json";

/// A node, with the names and types of its columns in order.
pub type BoundColumns = (NodeIndex, Vec<(String, String)>);

/// Writes what the database knows of nodes and sources.
///
/// # Errors
/// When a row lacks a name or a type, and when the file cannot be written.
pub fn write_catalog(
    path: &Path,
    settings: &Settings,
    manifest: &Manifest,
    facts: CatalogFacts<'_>,
) -> Result<(), Box<Diagnostic>> {
    let tables = tables(facts.rows)?;
    let (nodes, sources) = by_node(manifest, &tables, facts.selected)?;
    let errors = if facts.errors.is_empty() { Data::Null } else { json!(facts.errors) };
    let metadata = metadata(settings, "catalog/v1", jiff::Timestamp::now());
    let unbuilt = unbuilt(manifest, &nodes, facts);
    let catalog =
        |nodes, sources, errors| json!({"metadata": metadata, "nodes": nodes, "sources": sources, "errors": errors});
    write_json(path, &catalog(nodes, sources, errors))?;
    // Tools take what a catalog has for what exists, and no other keys in it: so these stand in a file of their own.
    let apart = path.with_file_name(UNBUILT_FILE);
    if unbuilt.is_empty() {
        let _ = std::fs::remove_file(apart);
        return Ok(());
    }
    write_json(&apart, &catalog(unbuilt, Row::new(), Data::Null))
}

/// What would be built but is not in the database, in the shape of what is.
fn unbuilt(manifest: &Manifest, built: &Row, facts: CatalogFacts<'_>) -> Row {
    let is_built = |ix: NodeIndex| built.contains_key(manifest.node(ix).unique_id.as_str());
    let is_wanted = |ix: NodeIndex| {
        let node = manifest.node(ix);
        let is_relation = node.resource_type.is_refable() && node.config.materialized() != "ephemeral";
        is_relation && !node.is_external() && !is_built(ix) && facts.selected.is_none_or(|set| set.contains(ix))
    };
    let found = facts.bound.iter().filter(|(ix, columns)| is_wanted(*ix) && !columns.is_empty());
    found
        .map(|(ix, columns)| (manifest.node(*ix).unique_id.to_string(), unbuilt_table(manifest, *ix, columns)))
        .collect()
}

fn unbuilt_table(manifest: &Manifest, ix: NodeIndex, columns: &[(String, String)]) -> Data {
    let node = manifest.node(ix);
    let column = |(number, (name, data_type)): (usize, &(String, String))| {
        let column = json!({"type": data_type, "index": number + 1, "name": name, "comment": null});
        (name.clone(), column)
    };
    json!({
        "metadata": {
            "type": "not built",
            "schema": node.schema,
            "name": node.alias,
            "database": node.database,
            "comment": null,
            "owner": null,
        },
        "columns": columns.iter().enumerate().map(column).collect::<Row>(),
        "stats": stats(&Row::new()),
        "unique_id": node.unique_id.as_str(),
    })
}

/// Database, schema and name of a table.
type Key = (Option<String>, String, String);

/// The tables of the rows, in order, by their exact names.
fn tables(rows: &[Row]) -> Result<IndexMap<Key, Row>, Box<Diagnostic>> {
    let mut tables: IndexMap<Key, Row> = IndexMap::new();
    for row in rows {
        let database = row.get("table_database").filter(|name| !name.is_null()).map(text_of);
        let key = (database, text_of(required(row, "table_schema")?), text_of(required(row, "table_name")?));
        if !tables.contains_key(&key) {
            tables.insert(key.clone(), table(row)?);
        }
        let (name, column) = column(row)?;
        if let Some(columns) = tables.get_mut(&key).and_then(|table| table.get_mut("columns")?.as_object_mut()) {
            columns.insert(name, column);
        }
    }
    Ok(tables)
}

fn table(row: &Row) -> Result<Row, Box<Diagnostic>> {
    let optional = |name: &str| row.get(name).cloned().unwrap_or(Data::Null);
    let metadata = json!({
        "type": required(row, "table_type")?,
        "schema": required(row, "table_schema")?,
        "name": required(row, "table_name")?,
        "database": optional("table_database"),
        "comment": optional("table_comment"),
        "owner": optional("table_owner"),
    });
    let mut table = Row::new();
    table.insert("metadata".to_owned(), metadata);
    table.insert("columns".to_owned(), json!({}));
    table.insert("stats".to_owned(), Data::Object(stats(row)));
    Ok(table)
}

fn column(row: &Row) -> Result<(String, Data), Box<Diagnostic>> {
    let name = text_of(required(row, "column_name")?);
    let index = required(row, "column_index")?;
    // A database may say 2.0.
    let text = text_of(index);
    let text = text.trim();
    let number = text.split_once('.').map_or(text, |(whole, _)| whole).parse::<i64>().ok();
    let Some(number) = number else {
        return Err(incomplete("column_index", row));
    };
    let column = json!({
        "type": required(row, "column_type")?,
        "index": number,
        "name": name,
        "comment": row.get("column_comment").cloned().unwrap_or(Data::Null),
    });
    Ok((name, column))
}

/// Statistics: four columns each, named `stats:<id>:label`, `…:value`, `…:description` and `…:include`.
fn stats(row: &Row) -> Row {
    let mut ids: Vec<&str> = Vec::new();
    for id in row.keys().filter_map(|name| name.strip_prefix("stats:")?.split(':').next()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut stats = Row::new();
    for id in ids {
        let part = |name: &str| row.get(&format!("stats:{id}:{name}")).cloned().unwrap_or(Data::Null);
        // Tools are not shown what the database says not to include.
        if part("include").as_bool() == Some(true) && part("label").is_string() {
            stats.insert(id.to_owned(), stat(id, part("label"), part("value"), part("description"), true));
        }
    }
    let has_stats = Data::Bool(!stats.is_empty());
    let description = json!("Indicates whether there are statistics for this table");
    stats.insert("has_stats".to_owned(), stat("has_stats", json!("Has Stats?"), has_stats, description, false));
    stats
}

fn stat(id: &str, label: Data, value: Data, description: Data, is_included: bool) -> Data {
    json!({"id": id, "label": label, "value": value, "include": is_included, "description": description})
}

/// Gives tables to the nodes and the sources that name them, without regard to case.
fn by_node(
    manifest: &Manifest,
    tables: &IndexMap<Key, Row>,
    selected: Option<&NodeSet>,
) -> Result<(Row, Row), Box<Diagnostic>> {
    let (node_of, sources_of) = owners(manifest);
    let is_wanted = |ix: NodeIndex| selected.is_none_or(|set| set.contains(ix));
    let (mut nodes, mut sources) = (Row::new(), Row::new());
    for (key, table) in tables {
        let key = lower(key);
        let with_id = |ix: NodeIndex| {
            let id = manifest.node(ix).unique_id.as_str();
            let mut table = table.clone();
            table.insert("unique_id".to_owned(), json!(id));
            (id.to_owned(), Data::Object(table))
        };
        nodes.extend(node_of.get(&key).copied().filter(|ix| is_wanted(*ix)).map(with_id));
        for ix in sources_of.get(&key).into_iter().flatten().copied().filter(|ix| is_wanted(*ix)) {
            let (id, table) = with_id(ix);
            if sources.insert(id.clone(), table).is_some() {
                return Err(ambiguous(&id));
            }
        }
    }
    Ok((nodes, sources))
}

/// Which node and which sources a table belongs to.
type Owners = (HashMap<Key, NodeIndex>, HashMap<Key, Vec<NodeIndex>>);

fn owners(manifest: &Manifest) -> Owners {
    let mut nodes: HashMap<Key, NodeIndex> = HashMap::new();
    let mut sources: HashMap<Key, Vec<NodeIndex>> = HashMap::new();
    for (ix, node) in manifest.indices().zip(&manifest.nodes) {
        let key = |name: &str| lower(&(node.database.clone(), node.schema.clone(), name.to_owned()));
        match &node.kind {
            NodeKind::Source(source) => sources.entry(key(&source.identifier)).or_default().push(ix),
            // Analyses and hooks have names of relations, but none is ever made.
            _ if node.resource_type.is_refable() || node.resource_type == ResourceType::Test => {
                let key = key(&node.alias);
                let is_taken = nodes.get(&key).is_some_and(|other| manifest.node(*other).resource_type.is_refable());
                if !is_taken || node.resource_type.is_refable() {
                    nodes.insert(key, ix);
                }
            }
            _ => {}
        }
    }
    (nodes, sources)
}

fn lower(key: &Key) -> Key {
    (key.0.as_ref().map(|name| name.to_lowercase()), key.1.to_lowercase(), key.2.to_lowercase())
}

fn text_of(data: &Data) -> String {
    data.as_str().map_or_else(|| data.to_string(), str::to_owned)
}

fn required<'a>(row: &'a Row, name: &str) -> Result<&'a Data, Box<Diagnostic>> {
    row.get(name).filter(|value| !value.is_null()).ok_or_else(|| incomplete(name, row))
}

fn incomplete(name: &str, row: &Row) -> Box<Diagnostic> {
    let shown = Data::Object(row.clone());
    let message = format!("Catalog information missing required key '{name}' (got {shown})");
    let hint = "a macro `get_catalog` or `get_catalog_relations` gave the row; each needs table_schema, table_name, \
                table_type, column_name, column_index and column_type";
    Box::new(Diagnostic::error(Code::TemplateFailed, message).hint(hint))
}

fn ambiguous(id: &str) -> Box<Diagnostic> {
    let message = format!("the source `{id}` fits two relations in the database whose names differ in case only");
    Box::new(Diagnostic::error(Code::AmbiguousName, message).hint("rename or drop one of the two"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(data: Data) -> Row {
        let mut row = json!({"table_database": "Shop", "table_schema": "main", "table_name": "orders",
            "table_type": "VIEW", "column_name": "id", "column_index": 1, "column_type": "INTEGER"});
        let all = row.as_object_mut().expect("an object");
        all.extend(data.as_object().cloned().unwrap_or_default());
        all.clone()
    }

    #[test]
    fn rows_of_one_table_are_its_columns() {
        let rows =
            [row(json!({})), row(json!({"column_name": "Name", "column_index": "2.0", "column_comment": "who"}))];
        let tables = tables(&rows).expect("the rows are complete");
        assert_eq!(tables.len(), 1);
        let columns = &tables[0]["columns"];
        assert_eq!(columns["Name"], json!({"type": "INTEGER", "index": 2, "name": "Name", "comment": "who"}));
        assert_eq!(columns["id"]["comment"], Data::Null);
    }

    #[test]
    fn statistics_that_are_not_included_do_not_count() {
        let of = |include: bool| {
            stats(&row(json!({"stats:bytes:label": "Size", "stats:bytes:value": 12,
                "stats:bytes:description": "bytes", "stats:bytes:include": include})))
        };
        assert_eq!(of(true)["bytes"]["value"], 12);
        assert_eq!(of(true)["has_stats"]["value"], true);
        assert_eq!(of(false).keys().collect::<Vec<_>>(), ["has_stats"]);
    }

    #[test]
    fn rows_without_a_name_are_an_error() {
        let mut row = row(json!({}));
        row.remove("table_name");
        let error = tables(&[row]).expect_err("a name is missing");
        assert!(error.message.contains("'table_name'"), "{}", error.message);
    }
}
