//! Published nodes in the form in which templates see them as `model`: keys of dbt's that have no value are left out,
//! so that `model.config.get('schema', 'x')` is `x`. What users put there themselves stays.

use serde_json::{Map, Value as Data};

/// Settings that are published as null where nobody says anything.
const UNSET_SETTINGS: &[&str] = &[
    "alias",
    "batch_size",
    "begin",
    "check_cols",
    "concurrent_batches",
    "database",
    "dbt_valid_to_current",
    "event_time",
    "expected_sql",
    "export_as",
    "freshness",
    "full_refresh",
    "group",
    "incremental_strategy",
    "limit",
    "loaded_at_field",
    "loaded_at_query",
    "on_schema_change",
    "quote_columns",
    "schema",
    "static_analysis",
    "store_failures",
    "store_failures_as",
    "strategy",
    "target_database",
    "target_schema",
    "unique_key",
    "updated_at",
    "where",
];

/// Settings that are mappings of dbt's, or lists of such.
const SETTING_PARTS: &[&str] =
    &["cache", "contract", "docs", "freshness", "post-hook", "pre-hook", "snapshot_meta_column_names"];

/// Parts of a node that are mappings of dbt's, or lists of such.
const PARTS: &[&str] = &[
    "checksum",
    "constraints",
    "contract",
    "docs",
    "external",
    "freshness",
    "quoting",
    "refs",
    "test_metadata",
    "time_spine",
];

/// Settings of a column that are published as null where nobody says anything.
const UNSET_OF_COLUMN: &[&str] = &["data_type", "granularity", "quote"];

/// Takes away what has no value.
pub fn without_unset(node: &mut Map<String, Data>) {
    node.retain(|_, value| !value.is_null());
    for key in PARTS {
        node.get_mut(*key).into_iter().for_each(clear);
    }
    if let Some(Data::Object(config)) = node.get_mut("config") {
        config.retain(|key, value| !value.is_null() || !UNSET_SETTINGS.contains(&key.as_str()));
        for key in SETTING_PARTS {
            config.get_mut(*key).into_iter().for_each(clear);
        }
    }
    let columns = node.get_mut("columns").and_then(Data::as_object_mut);
    for column in columns.into_iter().flat_map(Map::values_mut).filter_map(Data::as_object_mut) {
        column.retain(|key, value| !value.is_null() || !UNSET_OF_COLUMN.contains(&key.as_str()));
        column.get_mut("constraints").into_iter().for_each(clear);
    }
}

/// Takes null away from a mapping, or from the mappings of a list.
fn clear(part: &mut Data) {
    match part {
        Data::Object(map) => {
            map.retain(|_, value| !value.is_null());
            // The times of a freshness.
            map.values_mut().filter(|value| value.get("period").is_some()).for_each(clear);
        }
        Data::Array(list) => list.iter_mut().for_each(clear),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::without_unset;

    #[test]
    fn dbts_own_keys_go_and_users_stay() {
        let mut node = json!({
            "group": null,
            "config": {"schema": null, "mine": null, "meta": {"a": null}, "docs": {"show": true, "node_color": null}},
            "columns": {"id": {"name": "id", "data_type": null, "meta": {"a": null},
                "constraints": [{"type": "check", "expression": "x", "name": null}]}},
            "refs": [{"name": "a", "package": null}],
        });
        if let Some(map) = node.as_object_mut() {
            without_unset(map);
        }
        let expected = json!({
            "config": {"mine": null, "meta": {"a": null}, "docs": {"show": true}},
            "columns": {"id": {"name": "id", "meta": {"a": null}, "constraints": [{"type": "check", "expression": "x"}]}},
            "refs": [{"name": "a"}],
        });
        assert_eq!(node, expected);
    }
}
