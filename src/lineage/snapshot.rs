//! The columns that a snapshot adds to those of its query.

use serde_json::Value as Data;

use super::{Column, Edge, NodeColumns, Origin};
use crate::manifest::Node;
use crate::sql::How;

/// Adds the columns of a snapshot, made of what decides when a row is a new one.
pub(super) fn add_columns(node: &Node, columns: &mut NodeColumns) {
    let config = &node.config;
    let keys = words(config.get("unique_key"));
    let key = edges_of(columns, &keys, How::Derive);
    let is_timestamp = config.str("strategy") == Some("timestamp");
    let updated = config.str("updated_at").map(|name| vec![name.to_owned()]).unwrap_or_default();
    let checked = match config.get("check_cols") {
        Some(Data::String(_)) => columns.columns.iter().map(|column| column.name.clone()).collect(),
        other => words(other),
    };
    let at = edges_of(columns, &updated, How::Pass);
    let changes = if is_timestamp { Vec::new() } else { edges_of(columns, &checked, How::Filter) };
    let with = |edges: &[Edge], how: How| -> Vec<Edge> {
        let through = edges
            .iter()
            .map(|edge| Edge { how: if edge.how.is_value() { how.max(edge.how) } else { edge.how }, ..*edge });
        through.chain(changes.iter().copied()).collect()
    };
    let id: Vec<Edge> = key.iter().copied().chain(with(&at, How::Derive)).collect();
    let mut added = vec![
        ("dbt_scd_id", id),
        ("dbt_updated_at", with(&at, How::Rename)),
        ("dbt_valid_from", with(&at, How::Rename)),
        ("dbt_valid_to", key.iter().copied().chain(with(&at, How::Derive)).collect()),
    ];
    if config.str("hard_deletes") == Some("new_record") {
        added.push(("dbt_is_deleted", edges_of(columns, &keys, How::Filter)));
    }
    let renamed = config.get("snapshot_meta_column_names").and_then(Data::as_object);
    for (name, mut edges) in added {
        let own = renamed.and_then(|names| names.get(name)).and_then(Data::as_str).filter(|own| !own.is_empty());
        edges.sort_unstable();
        edges.dedup();
        columns.columns.push(Column {
            name: own.unwrap_or(name).to_owned(),
            origin: Origin::Snapshot,
            edges,
            ..Column::default()
        });
    }
    // A row more for each change: what is compared decides about rows, too.
    let rows = edges_of(columns, &keys, How::Filter);
    columns.uses.extend(rows.into_iter().chain(changes).chain(edges_of(columns, &updated, How::Filter)));
    columns.uses.sort_unstable();
    columns.uses.dedup();
}

/// What the named columns are made of, used in some way.
fn edges_of(columns: &NodeColumns, names: &[String], how: How) -> Vec<Edge> {
    let found = names.iter().filter_map(|name| columns.find(name)).flat_map(|ix| &columns.columns[ix].edges);
    let used = found.map(|edge| {
        let how = if edge.how.is_value() && (how.is_value() || how != edge.how) {
            if how.is_value() { how.max(edge.how) } else { how }
        } else {
            edge.how
        };
        Edge { how, ..*edge }
    });
    used.collect()
}

fn words(value: Option<&Data>) -> Vec<String> {
    match value {
        Some(Data::String(word)) => word.split(',').map(|word| word.trim().to_owned()).collect(),
        Some(Data::Array(words)) => words.iter().filter_map(Data::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
