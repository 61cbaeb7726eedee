//! Tables of facts in Parquet files: written from JSON lines, and asked with SQL. No database file is opened.

use std::path::Path;

use duckdb::Connection;

use super::super::{AdapterError, AdapterErrorKind, FactRows, Table};
use super::{cells, refusal};

/// The largest line that is read, in bytes: one with the text of a model, or the results of a run's node.
const LONGEST_LINE: usize = 1 << 28;

/// Writes the tables, each file whole or not at all.
pub(in crate::adapter) fn write(folder: &Path, tables: &[FactRows<'_>]) -> Result<(), AdapterError> {
    let connection = open()?;
    for table in tables {
        let path = file(folder, table.name);
        let aside = path.with_extension("parquet.tmp");
        let sql = format!("copy ({}) to {} (format parquet)", rows(table, &path), literal(&aside));
        connection.execute_batch(&sql).map_err(|error| refusal::read(&error, &sql))?;
        std::fs::rename(&aside, &path)
            .map_err(|error| AdapterError::new(AdapterErrorKind::Statement, error.to_string()))?;
    }
    Ok(())
}

/// The new rows, and those of the present file that stay.
fn rows(table: &FactRows<'_>, path: &Path) -> String {
    let columns: Vec<String> = table.columns.iter().map(|(name, kind)| format!("{name}: '{kind}'")).collect();
    let new = format!(
        "from read_json({}, format = 'newline_delimited', columns = {{{}}}, maximum_object_size = {LONGEST_LINE})",
        literal(table.rows),
        columns.join(", ")
    );
    match table.stays_by.filter(|_| path.exists()) {
        // By name, so that a file of an older kiln, with fewer columns, is read too.
        Some(key) => format!(
            "with new as ({new}) from new union all by name \
             (from read_parquet({}) as old where old.{key} not in (select {key} from new))",
            literal(path)
        ),
        None => new,
    }
}

/// Runs one query; each name is a table with the rows of its file.
pub(in crate::adapter) fn query(folder: &Path, names: &[&str], sql: &str) -> Result<Table, AdapterError> {
    let connection = open()?;
    for name in names {
        let view = format!("create view \"{name}\" as from read_parquet({})", literal(&file(folder, name)));
        connection.execute_batch(&view).map_err(|error| refusal::read(&error, &view))?;
    }
    let run = || {
        let mut statement = connection.prepare(sql)?;
        let _ = statement.stream_arrow([])?;
        cells::table(&statement, usize::MAX)
    };
    run().map_err(|error| refusal::read(&error, sql))
}

fn open() -> Result<Connection, AdapterError> {
    Connection::open_in_memory().map_err(|error| refusal::read(&error, ""))
}

fn file(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.parquet"))
}

fn literal(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
