//! The statements of a build sent straight to DuckDB: the least that a build can take.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::generate::{Project, Server};
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

/// Drops the server's database of the benchmark and makes it anew.
pub fn new_database(server: &Server) {
    let name = &server.database;
    for sql in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
        let status = psql(server, "postgres").args(["-c", &sql]).status().expect("psql can be started");
        assert!(status.success(), "{sql}");
    }
}

/// Sends the statements one after the other in one session, each a transaction of its own.
pub fn build_on_postgres(project: &Project, server: &Server, folder: &Path) -> Usage {
    let file = folder.join("bare.sql");
    fs::write(&file, format!("create schema main;\n{};\n", project.statements().join(";\n")))
        .expect("a file is written");
    let begin = Instant::now();
    let status = psql(server, &server.database).arg("-f").arg(&file).status().expect("psql can be started");
    Usage { wall: begin.elapsed().as_secs_f64(), cpu: 0.0, peak: 0.0, is_failure: !status.success() }
}

fn psql(server: &Server, database: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-h", &server.host, "-p", &server.port, "-U", &server.user]);
    command
        .args(["-d", database])
        .env("PGPASSWORD", &server.password)
        .env("PGOPTIONS", "-c client_min_messages=warning");
    command
}
