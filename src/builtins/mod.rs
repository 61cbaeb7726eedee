//! The SQL macros shipped inside the binary. Data only.
//!
//! They are files of their own, grouped by what they are for, and found like the macros of any package:
//! an adapter's come before the general ones, a project's before both.

/// One file of built-in macros.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// The package it counts as: `dbt`, `dbt_duckdb`, `dbt_postgres`.
    pub package: &'static str,
    /// Its path within that package, such as `macros/utils/dateadd.sql`.
    pub path: &'static str,
    /// Its text.
    pub sql: &'static str,
}

/// Makes the table of a folder's files, each included by its path.
macro_rules! table {
    ($package:literal, $folder:literal, [$($path:literal),* $(,)?]) => {
        &[$(Builtin {
            package: $package,
            path: $path,
            sql: include_str!(concat!($folder, "/", $path)),
        }),*]
    };
}

/// The general macros, which every project has.
pub static DEFAULT: &[Builtin] = table!(
    "dbt",
    "default",
    [
        "macros/adapters/apply_grants.sql",
        "macros/adapters/columns.sql",
        "macros/adapters/compare.sql",
        "macros/adapters/freshness.sql",
        "macros/adapters/indexes.sql",
        "macros/adapters/metadata.sql",
        "macros/adapters/persist_docs.sql",
        "macros/adapters/relation.sql",
        "macros/adapters/runtime.sql",
        "macros/adapters/schema.sql",
        "macros/adapters/show.sql",
        "macros/adapters/timestamps.sql",
        "macros/adapters/validate_sql.sql",
        "macros/etc/datetime.sql",
        "macros/etc/statement.sql",
        "macros/generic_test_sql/accepted_values.sql",
        "macros/generic_test_sql/not_null.sql",
        "macros/generic_test_sql/relationships.sql",
        "macros/generic_test_sql/unique.sql",
        "macros/get_custom_name/get_custom_alias.sql",
        "macros/get_custom_name/get_custom_database.sql",
        "macros/get_custom_name/get_custom_schema.sql",
        "macros/get_custom_name/get_latest_version_pointer_alias.sql",
        "macros/materializations/configs.sql",
        "macros/materializations/functions/aggregate.sql",
        "macros/materializations/functions/function.sql",
        "macros/materializations/functions/helpers.sql",
        "macros/materializations/functions/scalar.sql",
        "macros/materializations/hooks.sql",
        "macros/materializations/models/clone/can_clone_table.sql",
        "macros/materializations/models/clone/clone.sql",
        "macros/materializations/models/clone/create_or_replace_clone.sql",
        "macros/materializations/models/incremental/column_helpers.sql",
        "macros/materializations/models/incremental/incremental.sql",
        "macros/materializations/models/incremental/is_incremental.sql",
        "macros/materializations/models/incremental/merge.sql",
        "macros/materializations/models/incremental/on_schema_change.sql",
        "macros/materializations/models/incremental/strategies.sql",
        "macros/materializations/models/materialized_view.sql",
        "macros/materializations/models/table.sql",
        "macros/materializations/models/view.sql",
        "macros/materializations/seeds/helpers.sql",
        "macros/materializations/seeds/seed.sql",
        "macros/materializations/snapshots/helpers.sql",
        "macros/materializations/snapshots/snapshot.sql",
        "macros/materializations/snapshots/snapshot_merge.sql",
        "macros/materializations/snapshots/strategies.sql",
        "macros/materializations/tests/helpers.sql",
        "macros/materializations/tests/test.sql",
        "macros/materializations/tests/unit.sql",
        "macros/materializations/tests/where_subquery.sql",
        "macros/metrics/expressions.sql",
        "macros/metrics/query.sql",
        "macros/python_model/python.sql",
        "macros/relations/column/columns_spec_ddl.sql",
        "macros/relations/create.sql",
        "macros/relations/create_backup.sql",
        "macros/relations/create_intermediate.sql",
        "macros/relations/drop.sql",
        "macros/relations/drop_backup.sql",
        "macros/relations/materialized_view/alter.sql",
        "macros/relations/materialized_view/create.sql",
        "macros/relations/materialized_view/drop.sql",
        "macros/relations/materialized_view/refresh.sql",
        "macros/relations/materialized_view/rename.sql",
        "macros/relations/materialized_view/replace.sql",
        "macros/relations/rename.sql",
        "macros/relations/rename_intermediate.sql",
        "macros/relations/replace.sql",
        "macros/relations/schema.sql",
        "macros/relations/swap_in.sql",
        "macros/relations/table/create.sql",
        "macros/relations/table/drop.sql",
        "macros/relations/table/rename.sql",
        "macros/relations/table/replace.sql",
        "macros/relations/view/create.sql",
        "macros/relations/view/drop.sql",
        "macros/relations/view/rename.sql",
        "macros/relations/view/replace.sql",
        "macros/unit_test_sql/get_fixture_sql.sql",
        "macros/utils/any_value.sql",
        "macros/utils/array_append.sql",
        "macros/utils/array_concat.sql",
        "macros/utils/array_construct.sql",
        "macros/utils/bool_or.sql",
        "macros/utils/cast.sql",
        "macros/utils/cast_bool_to_text.sql",
        "macros/utils/concat.sql",
        "macros/utils/data_types.sql",
        "macros/utils/date.sql",
        "macros/utils/date_spine.sql",
        "macros/utils/date_trunc.sql",
        "macros/utils/dateadd.sql",
        "macros/utils/datediff.sql",
        "macros/utils/equals.sql",
        "macros/utils/escape_single_quotes.sql",
        "macros/utils/except.sql",
        "macros/utils/generate_series.sql",
        "macros/utils/hash.sql",
        "macros/utils/intersect.sql",
        "macros/utils/last_day.sql",
        "macros/utils/length.sql",
        "macros/utils/listagg.sql",
        "macros/utils/literal.sql",
        "macros/utils/position.sql",
        "macros/utils/replace.sql",
        "macros/utils/right.sql",
        "macros/utils/safe_cast.sql",
        "macros/utils/split_part.sql",
        "tests/generic/builtin.sql",
    ]
);

/// The macros of the DuckDB adapter.
pub static DUCKDB: &[Builtin] = table!(
    "dbt_duckdb",
    "duckdb",
    [
        "macros/adapters.sql",
        "macros/catalog.sql",
        "macros/columns.sql",
        "macros/flights.sql",
        "macros/foreign_keys.sql",
        "macros/materializations/external.sql",
        "macros/materializations/function.sql",
        "macros/materializations/hooks.sql",
        "macros/materializations/incremental.sql",
        "macros/materializations/incremental_strategy/delete_insert.sql",
        "macros/materializations/incremental_strategy/merge.sql",
        "macros/materializations/incremental_strategy/merge_config_validation.sql",
        "macros/materializations/incremental_strategy/merge_defaults.sql",
        "macros/materializations/incremental_strategy/microbatch.sql",
        "macros/materializations/incremental_strategy/validation_helper.sql",
        "macros/materializations/table.sql",
        "macros/materializations/table_function.sql",
        "macros/metrics/expressions.sql",
        "macros/persist_docs.sql",
        "macros/seed.sql",
        "macros/snapshot_helper.sql",
        "macros/swap_in.sql",
        "macros/utils/any_value.sql",
        "macros/utils/date.sql",
        "macros/utils/dateadd.sql",
        "macros/utils/datediff.sql",
        "macros/utils/external_location.sql",
        "macros/utils/generate_series.sql",
        "macros/utils/lastday.sql",
        "macros/utils/listagg.sql",
        "macros/utils/normalize.sql",
        "macros/utils/splitpart.sql",
        "macros/utils/upstream.sql",
    ]
);

/// The macros of the Postgres adapter.
pub static POSTGRES: &[Builtin] = table!(
    "dbt_postgres",
    "postgres",
    [
        "macros/adapters.sql",
        "macros/catalog.sql",
        "macros/compare.sql",
        "macros/materializations/functions/scalar.sql",
        "macros/materializations/incremental_strategies.sql",
        "macros/materializations/seeds.sql",
        "macros/materializations/snapshot_merge.sql",
        "macros/metrics/expressions.sql",
        "macros/relations.sql",
        "macros/relations/materialized_view/alter.sql",
        "macros/relations/materialized_view/create.sql",
        "macros/relations/materialized_view/describe.sql",
        "macros/relations/materialized_view/drop.sql",
        "macros/relations/materialized_view/refresh.sql",
        "macros/relations/materialized_view/rename.sql",
        "macros/relations/publish.sql",
        "macros/relations/publish_block.sql",
        "macros/relations/publish_others.sql",
        "macros/relations/table/drop.sql",
        "macros/relations/table/rename.sql",
        "macros/relations/table/replace.sql",
        "macros/relations/view/drop.sql",
        "macros/relations/view/rename.sql",
        "macros/relations/view/replace.sql",
        "macros/timestamps.sql",
        "macros/utils/any_value.sql",
        "macros/utils/dateadd.sql",
        "macros/utils/datediff.sql",
        "macros/utils/equals.sql",
        "macros/utils/last_day.sql",
        "macros/utils/listagg.sql",
        "macros/utils/split_part.sql",
    ]
);

/// The page that a documentation site opens with, as a docs block `__overview__` of package `dbt`.
pub static OVERVIEW: &str = include_str!("default/docs/overview.md");

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// Returns the paths of all `.sql` files below a folder, relative to it, in order.
    fn sql_files(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut pending: Vec<PathBuf> = vec![folder.to_path_buf()];
        while let Some(dir) = pending.pop() {
            for entry in std::fs::read_dir(&dir).expect("the folder is part of the repository") {
                let path = entry.expect("the folder is readable").path();
                if path.is_dir() {
                    pending.push(path);
                } else if path.extension().is_some_and(|ext| ext == "sql") {
                    let relative = path.strip_prefix(folder).expect("it lies below the folder");
                    found.push(relative.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        found.sort();
        found
    }

    #[track_caller]
    fn check_table(table: &[Builtin], folder: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/builtins").join(folder);
        let mut listed: Vec<&str> = table.iter().map(|builtin| builtin.path).collect();
        listed.sort();
        assert_eq!(listed, sql_files(&root), "the table of `{folder}` and its files differ");
    }

    #[test]
    fn every_file_is_in_its_table() {
        check_table(DEFAULT, "default");
        check_table(DUCKDB, "duckdb");
        check_table(POSTGRES, "postgres");
    }

    /// Returns the heads of blocks that no comment stands above.
    fn uncommented(builtin: &Builtin) -> Vec<String> {
        let mut above = "";
        let mut found = Vec::new();
        for line in builtin.sql.lines() {
            let is_head = ["{% macro ", "{% test ", "{% materialization "].iter().any(|head| line.starts_with(head));
            if is_head && !above.ends_with("#}") {
                found.push(format!("{}: {line}", builtin.path));
            }
            above = line;
        }
        found
    }

    #[test]
    fn every_macro_says_what_it_returns() {
        let all = DEFAULT.iter().chain(DUCKDB).chain(POSTGRES);
        let found: Vec<String> = all.flat_map(uncommented).collect();
        assert_eq!(found, Vec::<String>::new());
    }
}
