//! One session: statements, transactions and the catalog.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::super::{
    AdapterError, AdapterErrorKind, Column, Connection, Execution, Interrupt, PythonJob, RowLimit, Table,
};
use super::profile::Profile;
use super::python::{self, Running};
use super::{cells, refusal};
use crate::sql::{Relation, RelationKind};

/// How often a statement is tried again that met another session's change.
const CONFLICT_ATTEMPTS: u32 = 3;

/// One session with the database.
pub(super) struct Session {
    connection: duckdb::Connection,
    profile: Arc<Profile>,
    is_in_transaction: bool,
    python: Arc<Running>,
    notices: Vec<String>,
}

impl Session {
    /// Takes over a cloned connection.
    pub(super) fn new(connection: duckdb::Connection, profile: Arc<Profile>) -> Self {
        Self { connection, profile, is_in_transaction: false, python: Arc::default(), notices: Vec::new() }
    }

    /// What the target says.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Runs statements, trying again where that is safe, and reads rows of the last one if they are wanted.
    fn run(&mut self, sql: &str, limit: Option<RowLimit>) -> Result<(Table, Execution), AdapterError> {
        let mut attempt = 0;
        loop {
            let error = match self.run_once(sql, limit) {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            attempt += 1;
            match self.pause(&error, sql, attempt) {
                Some(pause) => std::thread::sleep(pause),
                None => {
                    // DuckDB has given the transaction up already; nothing more can be done in it.
                    self.rollback()?;
                    return Err(error);
                }
            }
        }
    }

    /// How long to wait before trying again; `None` if the error is final.
    /// Inside a transaction, and with several statements, a second attempt could do things twice.
    fn pause(&self, error: &AdapterError, sql: &str, attempt: u32) -> Option<Duration> {
        if self.is_in_transaction || sql.trim_end().trim_end_matches(';').contains(';') {
            return None;
        }
        if error.kind == AdapterErrorKind::Conflict && attempt <= CONFLICT_ATTEMPTS {
            let jitter = RandomState::new().hash_one(attempt) % 20;
            return Some(Duration::from_millis((10 << attempt) + jitter));
        }
        let is_retried = attempt < self.profile.retries.query_attempts && self.profile.retries.admits(&error.message);
        is_retried.then(|| Duration::from_secs(1 << (attempt - 1).min(6)))
    }

    /// Runs statements once, whatever comes of it: an open transaction stays open.
    pub(super) fn run_once(&self, sql: &str, limit: Option<RowLimit>) -> Result<(Table, Execution), AdapterError> {
        let ran = match limit {
            None => self.connection.execute_batch(sql).map(|()| Table::default()),
            Some(limit) => self.fetch(sql, limit),
        };
        match ran {
            Ok(table) => Ok((table, done())),
            Err(error) if is_empty(&error) => Ok((Table::default(), done())),
            Err(error) => Err(refusal::read(&error, sql)),
        }
    }

    fn fetch(&self, sql: &str, limit: RowLimit) -> duckdb::Result<Table> {
        let mut statement = self.connection.prepare(sql)?;
        match limit {
            RowLimit::All => {
                statement.raw_execute()?;
                cells::table(&statement, usize::MAX)
            }
            RowLimit::AtMost(n) => {
                // The rows are fetched below; this only starts the statement as a stream.
                let _ = statement.stream_arrow([])?;
                cells::table(&statement, n)
            }
        }
    }
}

/// DuckDB refuses a text without a statement, such as a comment, with an empty message; for dbt it is fine.
fn is_empty(error: &duckdb::Error) -> bool {
    match error {
        duckdb::Error::DuckDBFailure(_, message) => message.as_deref().is_none_or(|text| text.trim().is_empty()),
        _ => false,
    }
}

/// What dbt says of every statement on DuckDB.
fn done() -> Execution {
    Execution { rows_affected: None, message: "OK".to_owned(), code: String::new() }
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Connection for Session {
    fn execute(&mut self, sql: &str) -> Result<Execution, AdapterError> {
        self.run(sql, None).map(|(_, execution)| execution)
    }

    fn query(&mut self, sql: &str, limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        self.run(sql, Some(limit))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, AdapterError> {
        let prefix = "describe ";
        let described = self.run(&format!("{prefix}{sql}"), Some(RowLimit::All));
        let (table, _) = described.map_err(|mut error| {
            error.position = error.position.map(|at| at.saturating_sub(prefix.len()));
            error
        })?;
        Ok(described_columns(&table))
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        let mut sql = format!(
            "select table_catalog, table_schema, table_name, table_type from system.information_schema.tables \
             where lower(table_schema) = lower({})",
            literal(schema)
        );
        if let Some(database) = database {
            sql.push_str(&format!(" and lower(table_catalog) = lower({})", literal(database)));
        }
        let (table, _) = self.run(&sql, Some(RowLimit::All))?;
        Ok(table.rows.iter().filter_map(|row| found_relation(row, database)).collect())
    }

    fn columns(&mut self, relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        match self.run(&format!("describe {relation}"), Some(RowLimit::All)) {
            Ok((table, _)) => Ok(described_columns(&table)),
            Err(error) if error.message.to_lowercase().contains("does not exist") => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn begin(&mut self) -> Result<(), AdapterError> {
        if self.is_in_transaction {
            return Err(AdapterError::new(AdapterErrorKind::Statement, "a transaction is open already"));
        }
        self.run_once("begin", None)?;
        self.is_in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), AdapterError> {
        if !self.is_in_transaction {
            return Ok(());
        }
        match self.run_once("commit", None) {
            Err(error) if !is_without_transaction(&error) => {
                self.rollback()?;
                Err(error)
            }
            _ => {
                self.is_in_transaction = false;
                Ok(())
            }
        }
    }

    fn rollback(&mut self) -> Result<(), AdapterError> {
        if !std::mem::take(&mut self.is_in_transaction) {
            return Ok(());
        }
        match self.run_once("rollback", None) {
            Err(error) if !is_without_transaction(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn run_python(&mut self, job: &PythonJob<'_>, said: &mut dyn FnMut(&str)) -> Result<Execution, AdapterError> {
        let ran = python::run(self, &self.python, job, said);
        self.notices.extend(self.python.take_remarks());
        ran.map(|()| done())
    }

    fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(Interrupter(self.connection.interrupt_handle(), Arc::clone(&self.python)))
    }
}

/// A hook may have ended the transaction itself with a plain `commit`.
fn is_without_transaction(error: &AdapterError) -> bool {
    error.message.contains("no transaction is active")
}

pub(super) fn described_columns(table: &Table) -> Vec<Column> {
    let text = |cell: Option<&cells::Cell>| match cell {
        Some(cells::Cell::Text(text)) => text.clone(),
        _ => String::new(),
    };
    table.rows.iter().map(|row| Column::new(text(row.first()), text(row.get(1)))).collect()
}

fn found_relation(row: &[cells::Cell], database: Option<&str>) -> Option<Relation> {
    let [cells::Cell::Text(catalog), cells::Cell::Text(schema), cells::Cell::Text(name), cells::Cell::Text(kind)] = row
    else {
        return None;
    };
    let kind = match kind.as_str() {
        "BASE TABLE" | "LOCAL TEMPORARY" => Some(RelationKind::Table),
        "VIEW" => Some(RelationKind::View),
        _ => None,
    };
    Some(Relation::new(database.unwrap_or(catalog), schema, name).with_kind(kind))
}

struct Interrupter(Arc<duckdb::InterruptHandle>, Arc<Running>);

impl Interrupt for Interrupter {
    fn interrupt(&self) {
        self.0.interrupt();
        self.1.stop();
    }
}
