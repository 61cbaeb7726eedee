//! A database that templates cannot ask: what kind it is is known, what is in it is not, except perhaps for the names
//! of its relations. Questions are refused, so that a template that needs an answer fails rather than go on with a
//! wrong one.

use std::sync::Arc;

use super::{
    Adapter, AdapterError, AdapterErrorKind, Column, Connection, Execution, Features, Interrupt, NoInterrupt, RowLimit,
    Table,
};
use crate::builtins::Builtin;
use crate::sql::{Dialect, Relation};

/// Stands in for an adapter.
pub struct Offline {
    inner: Arc<dyn Adapter>,
    lists_relations: bool,
}

impl Offline {
    /// Never connects. There are no relations, so templates see a project that was never built.
    #[must_use]
    pub fn new(inner: Arc<dyn Adapter>) -> Self {
        Self { inner, lists_relations: false }
    }

    /// Lists the adapter's relations and is asked nothing else: `--no-introspect`.
    #[must_use]
    pub fn listing(inner: Arc<dyn Adapter>) -> Self {
        Self { inner, lists_relations: true }
    }
}

impl Adapter for Offline {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn features(&self) -> Features {
        self.inner.features()
    }

    fn builtins(&self) -> &'static [Builtin] {
        self.inner.builtins()
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        let adapter = self.lists_relations.then(|| Arc::clone(&self.inner));
        Ok(Box::new(OfflineConnection { adapter, lister: None }))
    }
}

struct OfflineConnection {
    /// The adapter whose relations are listed, if any are.
    adapter: Option<Arc<dyn Adapter>>,
    /// The session that lists them, from when they are first listed.
    lister: Option<Box<dyn Connection>>,
}

impl OfflineConnection {
    fn refuse<T>(&self) -> Result<T, AdapterError> {
        // dbt's words come first, since scripts look for them.
        let message = match self.adapter {
            Some(_) => {
                "connection never acquired for thread: `--no-introspect` keeps templates from asking the database"
            }
            None => "the template asks the database, which was not connected to",
        };
        Err(AdapterError::new(AdapterErrorKind::Connect, message))
    }
}

impl Connection for OfflineConnection {
    fn execute(&mut self, _sql: &str) -> Result<Execution, AdapterError> {
        self.refuse()
    }

    fn query(&mut self, _sql: &str, _limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        self.refuse()
    }

    fn describe(&mut self, _sql: &str) -> Result<Vec<Column>, AdapterError> {
        self.refuse()
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        let Some(adapter) = &self.adapter else { return Ok(Vec::new()) };
        let lister = match self.lister.take() {
            Some(lister) => lister,
            None => adapter.connect()?,
        };
        self.lister.insert(lister).relations(database, schema)
    }

    fn columns(&mut self, _relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        self.refuse()
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
