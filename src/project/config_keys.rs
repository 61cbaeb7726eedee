//! Keys of the configuration trees: near misses of known ones are probably misspelled.

use std::sync::Arc;

use super::yaml::{Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, nearest};

/// Every configuration that dbt documents, and those of common adapters.
#[rustfmt::skip]
pub const CONFIG_KEYS: &[&str] = &[
    "access", "alias", "batch_size", "begin", "check_cols", "cluster_by", "column_types", "concurrent_batches",
    "contract", "database", "dataset", "dbt_valid_to_current", "delimiter", "docs", "enabled", "error_if",
    "event_time", "export_as", "fail_calc", "format", "freshness", "full_refresh", "grants", "group",
    "hard_deletes", "incremental_predicates", "incremental_strategy", "indexes", "invalidate_hard_deletes",
    "limit", "loaded_at_field", "loaded_at_query", "location", "lookback", "materialized",
    "merge_exclude_columns", "merge_update_columns", "meta", "on_configuration_change", "on_schema_change",
    "options", "packages", "partition_by", "persist_docs", "post-hook", "post_hook", "pre-hook", "pre_hook",
    "predicates", "project", "python_version", "quote_columns", "quoting", "schema", "severity",
    "snapshot_meta_column_names", "sql_header", "static_analysis", "store_failures", "store_failures_as",
    "strategy", "submission_method", "tags", "target_database", "target_schema", "transient", "type",
    "unique_key", "unlogged", "updated_at", "volatility", "warn_if", "where",
];

/// Warns about keys of a tree that are nearly a known one. Own keys are allowed, so others pass.
pub(super) fn check(file: &Arc<SourceFile>, tree: &Yaml, diagnostics: &mut Diagnostics) {
    for entry in tree.entries() {
        let name = entry.key.trim_start_matches(['+', ' ']);
        let is_config = entry.key.starts_with('+') || !matches!(entry.value.kind, YamlKind::Map(_));
        if !is_config {
            check(file, &entry.value, diagnostics);
        } else if !CONFIG_KEYS.contains(&name)
            && let Some(known) = nearest(name, CONFIG_KEYS.iter().copied()).filter(|_| name.len() > 3)
        {
            let message = format!("unknown configuration `{name}`");
            let warning = Diagnostic::warning(Code::UnknownKey, message).at(file, entry.key_span);
            diagnostics.push(warning.hint(format!("did you mean `{known}`? Put your own keys under `meta:`")));
        }
    }
}
