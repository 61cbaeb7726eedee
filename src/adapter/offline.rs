//! A database that is not asked: what kind it is is known, what is in it is not.
//!
//! It has no relations, so templates see a project that was never built. Everything else is refused, so that a
//! template that needs an answer fails rather than go on with a wrong one.

use std::sync::Arc;

use super::{
    Adapter, AdapterError, AdapterErrorKind, Column, Connection, Execution, Features, Interrupt, NoInterrupt, RowLimit,
    Table,
};
use crate::builtins::Builtin;
use crate::sql::{Dialect, Relation};

/// Stands in for an adapter without a connection.
pub struct Offline(pub Arc<dyn Adapter>);

impl Adapter for Offline {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn features(&self) -> Features {
        self.0.features()
    }

    fn builtins(&self) -> &'static [Builtin] {
        self.0.builtins()
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        Ok(Box::new(OfflineConnection))
    }
}

struct OfflineConnection;

/// Stands in for an adapter that lists its relations and is asked nothing else: `--no-introspect`.
pub struct Unasked(pub Arc<dyn Adapter>);

impl Adapter for Unasked {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    fn features(&self) -> Features {
        self.0.features()
    }

    fn builtins(&self) -> &'static [Builtin] {
        self.0.builtins()
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        Ok(Box::new(UnaskedConnection { adapter: Arc::clone(&self.0), lister: None }))
    }
}

struct UnaskedConnection {
    adapter: Arc<dyn Adapter>,
    /// The session that lists relations, from when they are first listed.
    lister: Option<Box<dyn Connection>>,
}

/// dbt's words come first, since scripts look for them.
fn unasked<T>() -> Result<T, AdapterError> {
    let message = "connection never acquired for thread: `--no-introspect` keeps templates from asking the database";
    Err(AdapterError::new(AdapterErrorKind::Connect, message))
}

impl Connection for UnaskedConnection {
    fn execute(&mut self, _sql: &str) -> Result<Execution, AdapterError> {
        unasked()
    }

    fn query(&mut self, _sql: &str, _limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        unasked()
    }

    fn describe(&mut self, _sql: &str) -> Result<Vec<Column>, AdapterError> {
        unasked()
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        if self.lister.is_none() {
            self.lister = Some(self.adapter.connect()?);
        }
        self.lister.as_mut().map_or(Ok(Vec::new()), |lister| lister.relations(database, schema))
    }

    fn columns(&mut self, _relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        unasked()
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

fn refused<T>() -> Result<T, AdapterError> {
    Err(AdapterError::new(AdapterErrorKind::Connect, "the template asks the database, which was not connected to"))
}

impl Connection for OfflineConnection {
    fn execute(&mut self, _sql: &str) -> Result<Execution, AdapterError> {
        refused()
    }

    fn query(&mut self, _sql: &str, _limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        refused()
    }

    fn describe(&mut self, _sql: &str) -> Result<Vec<Column>, AdapterError> {
        refused()
    }

    fn relations(&mut self, _database: Option<&str>, _schema: &str) -> Result<Vec<Relation>, AdapterError> {
        Ok(Vec::new())
    }

    fn columns(&mut self, _relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        refused()
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
