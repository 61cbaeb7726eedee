//! The statements of a build sent straight to DuckDB: the least that a build can take.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::generate::Project;
use crate::measure::{Usage, own_cpu, peak_memory};

/// Sends the statements one after the other over one connection to a new database file.
#[cfg(feature = "duckdb")]
pub fn build(project: &Project, path: &Path) -> Usage {
    fs::remove_file(path).ok();
    // Attached as `bench`, as the models name it.
    let path = path.to_string_lossy().replace('\'', "''");
    let (begin, before) = (Instant::now(), own_cpu());
    let connection = duckdb::Connection::open_in_memory().expect("DuckDB can be opened");
    connection.execute_batch(&format!("attach '{path}' as bench; use bench")).expect("the file can be attached");
    for statement in project.statements() {
        connection.execute_batch(&statement).unwrap_or_else(|error| panic!("{error}\n{statement}"));
    }
    drop(connection);
    Usage { wall: begin.elapsed().as_secs_f64(), cpu: own_cpu() - before, peak: peak_memory("self"), is_failure: false }
}

/// Without DuckDB there is nothing to compare with.
#[cfg(not(feature = "duckdb"))]
pub fn build(_: &Project, _: &Path) -> Usage {
    Usage { wall: 0.0, cpu: 0.0, peak: peak_memory("self"), is_failure: true }
}
