//! Talking to one database: what it is ([`Adapter`]) and one session with it ([`Connection`]).
//!
//! Everything that is SQL text is a macro in `builtins`; here are sessions, types and introspection.

mod bench;
mod bench_session;
mod cache;
#[cfg(feature = "duckdb")]
mod duckdb;
mod error;
pub mod fake;
#[cfg(feature = "duckdb")]
mod local;
mod offline;
mod postgres;
mod table;
mod trial;

pub use bench::{ASIDE, Bench, Trial};
pub use cache::{CachedRelation, RelationCache};
pub use error::{AdapterError, AdapterErrorKind};
pub use offline::Offline;
pub use table::{Cell, Column, Table};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::builtins::Builtin;
use crate::project::Target;
use crate::sql::{Dialect, Relation, RelationKind};

/// What a statement that returns no rows did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    /// Rows changed or returned, where the database says so; -1 where dbt's driver for it gives that number.
    pub rows_affected: Option<i64>,
    /// The database's own word, such as `OK` or `INSERT 0 3`.
    pub message: String,
    /// The kind of statement, such as `SELECT` or `INSERT`; empty if the database does not say.
    pub code: String,
}

/// How many rows of a result are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLimit {
    /// All of them.
    All,
    /// At most so many.
    AtMost(usize),
}

/// A Python model, ready to run.
#[derive(Clone, Copy, Debug)]
pub struct PythonJob<'a> {
    /// The model's name, which its module has.
    pub name: &'a str,
    /// Its file, as messages show it.
    pub path: &'a str,
    /// The program: the model, what `dbt` means in it, and what writes its data frame into a table.
    pub code: &'a str,
    /// How many lines its file has.
    pub lines: usize,
    /// How many of them stand before the program's first.
    pub lines_before: usize,
    /// The folder to run in: the project's.
    pub folder: &'a Path,
    /// The environment.
    pub env: &'a BTreeMap<String, String>,
}

/// What an adapter's database can do.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Whether DDL can be rolled back.
    pub has_transactional_ddl: bool,
    /// Whether several sessions may add to one table at the same time, each other rows.
    pub has_concurrent_batches: bool,
}

/// A database: what it is, without I/O until [`Adapter::connect`].
pub trait Adapter: Send + Sync {
    /// The name by which profiles and macros know it: `duckdb`.
    fn name(&self) -> &'static str;
    /// How its SQL is written.
    fn dialect(&self) -> Dialect;
    /// What it can do.
    fn features(&self) -> Features;
    /// Its own built-in macros.
    fn builtins(&self) -> &'static [Builtin];
    /// Opens one session.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError>;
    /// Takes a session back that nobody uses any more. It is closed, or kept for the next [`Adapter::connect`].
    fn release(&self, connection: Box<dyn Connection>) {
        drop(connection);
    }
    /// Hears how many sessions are about to be busy at once: more while none is, fewer at any time. A database within
    /// this process may then leave work to their threads that its own threads would do otherwise.
    fn expect_busy(&self, n_sessions: usize) {
        let _ = n_sessions;
    }
}

/// One session, owned by one thread at a time.
pub trait Connection: Send {
    /// Runs one or several statements whose rows are not wanted.
    ///
    /// # Errors
    /// When the database rejects a statement.
    fn execute(&mut self, sql: &str) -> Result<Execution, AdapterError>;

    /// Runs statements and returns the rows of the last, with what it did.
    ///
    /// # Errors
    /// When the database rejects a statement.
    fn query(&mut self, sql: &str, limit: RowLimit) -> Result<(Table, Execution), AdapterError>;

    /// Names and types of the columns that a query would return, without running it.
    ///
    /// # Errors
    /// When the query does not bind.
    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, AdapterError>;

    /// The relations of a schema; empty if there is no such schema.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError>;

    /// The columns of a relation, in order; empty if there is none.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn columns(&mut self, relation: &Relation) -> Result<Vec<Column>, AdapterError>;

    /// Which relations a cascade drops with which, as pairs of the dependent one and the one it reads.
    /// Empty where dropping a relation leaves others alone.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn dependencies(&mut self) -> Result<Vec<(Relation, Relation)>, AdapterError> {
        Ok(Vec::new())
    }

    /// Sends rows to a statement that takes them, such as `copy … from stdin`; `None` is null.
    ///
    /// # Errors
    /// When the database takes no rows this way, or refuses them.
    fn copy_rows(&mut self, sql: &str, rows: &[Vec<Option<String>>]) -> Result<Execution, AdapterError> {
        let message = format!("this database takes no rows with `{sql}`, which is {} rows", rows.len());
        Err(AdapterError::new(AdapterErrorKind::Unsupported, message))
    }

    /// Runs a Python model, which builds its own relation, and tells each line that it prints.
    ///
    /// # Errors
    /// When the database has no Python models, Python is not there, or the model fails.
    fn run_python(&mut self, job: &PythonJob<'_>, _said: &mut dyn FnMut(&str)) -> Result<Execution, AdapterError> {
        let message = format!("this database does not run Python models, and `{}` is one", job.name);
        Err(AdapterError::new(AdapterErrorKind::Unsupported, message))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When one is open already.
    fn begin(&mut self) -> Result<(), AdapterError>;

    /// Commits the open transaction; does nothing if there is none.
    ///
    /// # Errors
    /// When the database cannot commit; the transaction is rolled back then.
    fn commit(&mut self) -> Result<(), AdapterError>;

    /// Rolls the open transaction back; does nothing if there is none.
    ///
    /// # Errors
    /// When the connection is gone.
    fn rollback(&mut self) -> Result<(), AdapterError>;

    /// A handle that stops the running statement from another thread.
    fn interrupter(&self) -> Arc<dyn Interrupt>;

    /// Makes the session ready for another use: what is temporary goes, at the latest with its next statement.
    fn reset(&mut self) {}

    /// What the database remarked since the last call, one text a remark.
    fn take_notices(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Stops a running statement.
pub trait Interrupt: Send + Sync {
    /// Asks the database to stop what the connection runs now.
    fn interrupt(&self);
}

/// For connections whose statements take no time.
struct NoInterrupt;

impl Interrupt for NoInterrupt {
    fn interrupt(&self) {}
}

/// Opens the adapter of a target. Relative paths in the profile count from `project_root`.
///
/// # Errors
/// When the target's type has no adapter here, or its settings are not usable.
pub fn open(target: &Target, project_root: &Path) -> Result<Arc<dyn Adapter>, AdapterError> {
    match target.adapter_type.as_str() {
        #[cfg(feature = "duckdb")]
        "duckdb" => Ok(Arc::new(duckdb::DuckDb::open(target, project_root)?)),
        "postgres" => Ok(Arc::new(postgres::Postgres::open(target)?)),
        other => Err(AdapterError::new(AdapterErrorKind::Unsupported, format!("kiln has no adapter for `{other}`"))),
    }
}

/// Opens a bench for a target: an empty database in memory for DuckDB, else a transaction with the target's database.
///
/// # Errors
/// When the database cannot be reached.
pub fn open_bench(
    target: &Target,
    project_root: &Path,
    adapter: &Arc<dyn Adapter>,
) -> Result<Arc<Bench>, AdapterError> {
    #[cfg(feature = "duckdb")]
    if target.adapter_type == "duckdb" {
        return Bench::apart(Arc::new(duckdb::DuckDb::open_empty(target, project_root)?));
    }
    let _ = (target, project_root);
    Bench::within(Arc::clone(adapter))
}

/// Opens the embedded engine in place of a target's database: empty, in memory, and with the target's names.
///
/// # Errors
/// When kiln was built without it.
pub fn open_local(
    target: &Target,
    project_root: &Path,
    adapter: &Arc<dyn Adapter>,
) -> Result<Arc<dyn Adapter>, AdapterError> {
    #[cfg(feature = "duckdb")]
    {
        if target.adapter_type == "duckdb" {
            return Ok(Arc::new(duckdb::DuckDb::open_empty(target, project_root)?));
        }
        let mut plain = Target { adapter_type: "duckdb".to_owned(), ..target.clone() };
        plain.fields.clear();
        let engine = Arc::new(duckdb::DuckDb::open_empty(&plain, project_root)?);
        Ok(Arc::new(local::Local { engine, target: Arc::clone(adapter) }))
    }
    #[cfg(not(feature = "duckdb"))]
    {
        let _ = (target, project_root, adapter);
        Err(AdapterError::new(AdapterErrorKind::Unsupported, "this kiln was built without its embedded engine"))
    }
}

/// Writes rows, one JSON object a line, as a Parquet file. `None` where kiln was built without an engine that can.
///
/// # Errors
/// When the rows cannot be read or the file cannot be written.
#[must_use]
pub fn write_parquet(rows: &Path, to: &Path) -> Option<Result<(), AdapterError>> {
    #[cfg(feature = "duckdb")]
    return Some(duckdb::write_parquet(rows, to));
    #[cfg(not(feature = "duckdb"))]
    return None;
}

/// A table of facts to write: rows as JSON lines, and what becomes of the rows that its Parquet file has.
#[derive(Clone, Copy, Debug)]
pub struct FactRows<'a> {
    /// The table's name, and that of its file.
    pub name: &'a str,
    /// Names of columns and DuckDB's types.
    pub columns: &'a [(&'a str, &'a str)],
    /// The rows, one JSON object a line.
    pub rows: &'a Path,
    /// Rows of the present file stay, unless new ones have the same value in this column.
    pub stays_by: Option<&'a str>,
}

/// Writes tables of facts as Parquet files of a folder. `None` where kiln was built without an engine that can.
///
/// # Errors
/// When rows cannot be read or a file cannot be written.
#[must_use]
pub fn write_facts(folder: &Path, tables: &[FactRows<'_>]) -> Option<Result<(), AdapterError>> {
    #[cfg(feature = "duckdb")]
    return Some(duckdb::facts::write(folder, tables));
    #[cfg(not(feature = "duckdb"))]
    return None;
}

/// Runs a query in which the Parquet files of a folder are tables. `None` like [`write_facts`].
///
/// # Errors
/// When a file cannot be read or the query is refused.
#[must_use]
pub fn query_facts(folder: &Path, names: &[&str], sql: &str) -> Option<Result<Table, AdapterError>> {
    #[cfg(feature = "duckdb")]
    return Some(duckdb::facts::query(folder, names, sql));
    #[cfg(not(feature = "duckdb"))]
    return None;
}

/// The kinds of relation that templates may ask about.
pub const RELATION_KINDS: &[RelationKind] = &[
    RelationKind::Table,
    RelationKind::View,
    RelationKind::Cte,
    RelationKind::MaterializedView,
    RelationKind::External,
];
