//! The facts of a project and of its runs as tables: rows of plain values, ready for Parquet files.
//!
//! Which tables there are, and of which columns, is listed here once; the rows are made in `nodes` and `runs`.
//! Nothing here knows SQL or Parquet.

mod nodes;
mod runs;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Data;

use super::history::{RunFile, waiting_runs};
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

/// Name and type of a column.
type FactColumn = (&'static str, &'static str);

/// One table.
pub struct FactTable {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Its columns, with DuckDB's types.
    pub columns: &'static [FactColumn],
    /// Rows of earlier times stay, unless new ones have the same value in this column.
    pub stays_by: Option<&'static str>,
    rows: fn(&KnownFacts<'_>, &mut dyn FnMut(Data)),
}

/// Where the rows come from.
pub struct KnownFacts<'a> {
    manifest: &'a Manifest,
    /// `catalog.json`, if the documentation was generated.
    catalog: Data,
    /// `column_lineage.json`, likewise.
    lineage: Data,
    results: Vec<Data>,
    freshness: Vec<Data>,
    /// The files of runs that these rows are made of.
    pub taken: Vec<PathBuf>,
}

const TEXT: &str = "varchar";
const TEXTS: &str = "varchar[]";
const JSON: &str = "json";
const FLAG: &str = "boolean";
const WHOLE: &str = "bigint";
const NUMBER: &str = "double";
const INSTANT: &str = "timestamptz";

/// All tables.
#[rustfmt::skip]
pub const FACT_TABLES: &[FactTable] = &[
    FactTable {
        name: "nodes", about: "models, seeds, snapshots, tests, sources, exposures and so on",
        columns: &[
            ("unique_id", TEXT), ("resource_type", TEXT), ("package_name", TEXT), ("name", TEXT), ("alias", TEXT),
            ("database", TEXT), ("schema", TEXT), ("relation_name", TEXT), ("original_file_path", TEXT), ("fqn", TEXTS),
            ("materialized", TEXT), ("enabled", FLAG), ("access", TEXT), ("group_name", TEXT), ("version", TEXT),
            ("contract_enforced", FLAG), ("description", TEXT), ("tags", TEXTS), ("meta", JSON), ("config", JSON),
            ("patch_path", TEXT), ("language", TEXT), ("checksum", TEXT), ("raw_code", TEXT),
        ],
        stays_by: None, rows: nodes::nodes,
    },
    FactTable {
        name: "columns", about: "columns of nodes, as property files declare and the catalog found them",
        columns: &[
            ("unique_id", TEXT), ("name", TEXT), ("position", WHOLE), ("declared_type", TEXT), ("actual_type", TEXT),
            ("description", TEXT), ("tags", TEXTS), ("meta", JSON), ("constraints", JSON),
        ],
        stays_by: None, rows: nodes::columns,
    },
    FactTable {
        name: "edges", about: "which node reads which",
        columns: &[("parent_id", TEXT), ("child_id", TEXT)],
        stays_by: None, rows: nodes::edges,
    },
    FactTable {
        name: "column_edges", about: "which column is made of which, from column_lineage.json",
        columns: &[("from_node", TEXT), ("from_column", TEXT), ("to_node", TEXT), ("to_column", TEXT), ("kind", TEXT)],
        stays_by: None, rows: nodes::column_edges,
    },
    FactTable {
        name: "tests", about: "data tests",
        columns: &[
            ("unique_id", TEXT), ("name", TEXT), ("test_name", TEXT), ("test_namespace", TEXT), ("tested_node", TEXT),
            ("column_name", TEXT), ("arguments", JSON), ("severity", TEXT), ("warn_if", TEXT), ("error_if", TEXT),
            ("where_clause", TEXT),
        ],
        stays_by: None, rows: nodes::tests,
    },
    FactTable {
        name: "sources", about: "what is special about sources",
        columns: &[
            ("unique_id", TEXT), ("source_name", TEXT), ("name", TEXT), ("identifier", TEXT), ("loader", TEXT),
            ("loaded_at_field", TEXT), ("freshness", JSON),
        ],
        stays_by: None, rows: nodes::sources,
    },
    FactTable {
        name: "exposures", about: "what is special about exposures",
        columns: &[
            ("unique_id", TEXT), ("type", TEXT), ("owner_name", TEXT), ("owner_email", TEXT), ("maturity", TEXT),
            ("url", TEXT),
        ],
        stays_by: None, rows: nodes::exposures,
    },
    FactTable {
        name: "macros", about: "macros of the project, its packages and kiln",
        columns: &[
            ("unique_id", TEXT), ("package_name", TEXT), ("name", TEXT), ("original_file_path", TEXT),
            ("description", TEXT), ("depends_on", TEXTS),
        ],
        stays_by: None, rows: nodes::macros,
    },
    FactTable {
        name: "groups", about: "groups and who owns them",
        columns: &[
            ("unique_id", TEXT), ("package_name", TEXT), ("name", TEXT), ("owner_name", TEXT), ("owner_email", TEXT),
            ("description", TEXT),
        ],
        stays_by: None, rows: nodes::groups,
    },
    FactTable {
        name: "invocations", about: "runs of commands that have results",
        columns: &[
            ("invocation_id", TEXT), ("command", TEXT), ("started_at", INSTANT), ("ended_at", INSTANT),
            ("elapsed", NUMBER), ("n_results", WHOLE), ("n_failed", WHOLE), ("full_refresh", FLAG), ("dbt_version", TEXT),
            ("args", JSON), ("env", JSON),
        ],
        stays_by: Some("invocation_id"), rows: runs::invocations,
    },
    FactTable {
        name: "results", about: "how each node of a run ended",
        columns: &[
            ("invocation_id", TEXT), ("unique_id", TEXT), ("status", TEXT), ("execution_time", NUMBER),
            ("message", TEXT), ("failures", WHOLE), ("rows_affected", WHOLE), ("thread_id", TEXT),
            ("relation_name", TEXT), ("adapter_response", JSON), ("batch_results", JSON),
        ],
        stays_by: Some("invocation_id"), rows: runs::results,
    },
    FactTable {
        name: "timings", about: "the phases of each node of a run",
        columns: &[
            ("invocation_id", TEXT), ("unique_id", TEXT), ("phase", TEXT), ("started_at", INSTANT),
            ("ended_at", INSTANT),
        ],
        stays_by: Some("invocation_id"), rows: runs::timings,
    },
    FactTable {
        name: "source_freshness", about: "how old the newest rows of sources were",
        columns: &[
            ("invocation_id", TEXT), ("unique_id", TEXT), ("status", TEXT), ("max_loaded_at", INSTANT),
            ("snapshotted_at", INSTANT), ("age_seconds", NUMBER), ("criteria", JSON), ("error", TEXT),
        ],
        stays_by: Some("invocation_id"), rows: runs::freshness,
    },
];

impl<'a> KnownFacts<'a> {
    /// Reads what is known besides the manifest: artifacts of a target folder. What is not there, or not JSON, is not
    /// known.
    #[must_use]
    pub fn read(manifest: &'a Manifest, target: &Path) -> Self {
        let (results, freshness) = (waiting_runs(target, RunFile::Results), waiting_runs(target, RunFile::Freshness));
        Self {
            manifest,
            catalog: read(&target.join("catalog.json")),
            lineage: read(&target.join("column_lineage.json")),
            results: results.iter().map(|path| read(path)).collect(),
            freshness: freshness.iter().map(|path| read(path)).collect(),
            taken: [results, freshness].concat(),
        }
    }
}

fn read(path: &Path) -> Data {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

impl FactTable {
    /// Writes the rows, one JSON object a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_rows(&self, known: &KnownFacts<'_>, path: &Path) -> Result<(), Box<Diagnostic>> {
        super::write_file(path, |out| {
            let mut outcome = Ok(());
            (self.rows)(known, &mut |row| {
                if outcome.is_ok() {
                    outcome = writeln!(out, "{row}");
                }
            });
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_used_once() {
        let names: BTreeSet<&str> = FACT_TABLES.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), FACT_TABLES.len());
        for table in FACT_TABLES {
            let columns: BTreeSet<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            assert_eq!(columns.len(), table.columns.len(), "{}", table.name);
            assert!(table.stays_by.is_none_or(|key| columns.contains(key)), "{}", table.name);
        }
    }
}
