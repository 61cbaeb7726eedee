//! The SQL macros shipped inside the binary. Data only.

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
