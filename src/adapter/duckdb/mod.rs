//! DuckDB, embedded.

use std::path::Path;
use std::sync::Arc;

use super::{Adapter, AdapterError, AdapterErrorKind, Connection, Features};
use crate::builtins::Builtin;
use crate::project::Target;
use crate::sql::Dialect;

/// An embedded DuckDB database.
pub(super) struct DuckDb;

impl DuckDb {
    /// Opens the database of a target.
    pub(super) fn open(_target: &Target, _project_root: &Path) -> Result<Self, AdapterError> {
        Err(AdapterError::new(AdapterErrorKind::Unsupported, "not yet"))
    }
}

impl Adapter for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }
    fn features(&self) -> Features {
        Features { has_transactional_ddl: true }
    }
    fn builtins(&self) -> &'static [Builtin] {
        &[]
    }
    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        Err(AdapterError::new(AdapterErrorKind::Unsupported, "not yet"))
    }
}
