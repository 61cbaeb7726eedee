//! What templates see of a bench: a session like any other.

use std::sync::Arc;

use super::bench::Sessions;
use super::{AdapterError, Column, Connection, Execution, Interrupt, NoInterrupt, RowLimit, Table};
use crate::sql::Relation;

/// A session for templates. Transactions in it are none: nothing is ever committed.
pub(super) struct BenchSession {
    sessions: Arc<Sessions>,
}

impl BenchSession {
    pub(super) fn new(sessions: &Arc<Sessions>) -> Self {
        Self { sessions: Arc::clone(sessions) }
    }

    fn guarded<T>(&self, run: impl FnOnce(&mut dyn Connection) -> Result<T, AdapterError>) -> Result<T, AdapterError> {
        self.sessions.with(|state| state.guarded(run))
    }
}

impl Connection for BenchSession {
    fn execute(&mut self, sql: &str) -> Result<Execution, AdapterError> {
        let inner = &self.sessions.inner;
        self.sessions.with(|state| state.template(&**inner, sql, None)).map(|(_, execution)| execution)
    }

    fn query(&mut self, sql: &str, limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        let inner = &self.sessions.inner;
        self.sessions.with(|state| state.template(&**inner, sql, Some(limit)))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, AdapterError> {
        self.guarded(|connection| connection.describe(sql))
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        self.guarded(|connection| connection.relations(database, schema))
    }

    fn columns(&mut self, relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        self.guarded(|connection| connection.columns(relation))
    }

    fn begin(&mut self) -> Result<(), AdapterError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), AdapterError> {
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), AdapterError> {
        Ok(())
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(NoInterrupt)
    }
}
