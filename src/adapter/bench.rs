//! A place to try statements in without reading or changing any data.
//!
//! For DuckDB it is a database in memory with the names of the target's; for others it is one session with the
//! target's own database, in a transaction that is never committed. The relations in it are empty. A bench over a
//! database that is not its own also keeps what templates run from having any effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use super::bench_session::BenchSession;
use super::trial::{Way, way};
use super::{
    Adapter, AdapterError, AdapterErrorKind, Cell, Column, Connection, Execution, Features, Offline, RowLimit, Table,
};
use crate::builtins::Builtin;
use crate::sql::{Dialect, Relation, statements};

/// What the schemas of a bench begin with where it is in a database with other things in it.
pub const ASIDE: &str = "kiln_check_";

/// How a bench keeps what happens on it from lasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// It is a database of its own.
    Apart,
    /// A transaction in which a statement that fails is taken back alone.
    Savepoints,
    /// A transaction that ends when a statement fails, and begins anew.
    Restarts,
}

/// Stands in for an adapter; all of its sessions are one, or one a thread where it is a database of its own.
pub struct Bench {
    sessions: Arc<Sessions>,
    /// The relations that were made here, and of which kind they are.
    made: Mutex<HashMap<String, &'static str>>,
    is_blind: bool,
}

pub(super) struct Sessions {
    pub(super) inner: Arc<dyn Adapter>,
    guard: Guard,
    /// The session that was opened first.
    first: Arc<Mutex<State>>,
    opener: ThreadId,
    /// Those of further threads.
    others: Mutex<HashMap<ThreadId, Arc<Mutex<State>>>>,
}

pub(super) struct State {
    connection: Option<Box<dyn Connection>>,
    guard: Guard,
    /// The first statement that a template ran since it was asked.
    asked: Option<String>,
    /// What became of the statements of a hook, while one is rendered.
    hook: Option<Trial>,
}

/// What became of statements that were tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// The first statement that was left alone: it reaches beyond the database.
    pub left: Option<String>,
    /// Whether something was said to be done that was not.
    pub has_pretended: bool,
}

impl Sessions {
    /// Does something in the session of this thread.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let own = std::thread::current().id();
        let state = if self.guard != Guard::Apart || own == self.opener {
            Arc::clone(&self.first)
        } else {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(others.entry(own).or_insert_with(|| {
                let connection = self.inner.connect().ok();
                Arc::new(Mutex::new(State { connection, guard: self.guard, asked: None, hook: None }))
            }))
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state)
    }
}

impl Bench {
    /// Opens a bench that is a database of its own: what the adapter opens is empty and nobody else's.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn apart(inner: Arc<dyn Adapter>) -> Result<Arc<Self>, AdapterError> {
        Self::open(inner, Guard::Apart)
    }

    /// Makes a bench on which nothing can be tried: there is no database to ask.
    #[must_use]
    pub fn blind(inner: Arc<dyn Adapter>) -> Arc<Self> {
        let inner: Arc<dyn Adapter> = Arc::new(Offline::new(inner));
        let first = Arc::new(Mutex::new(State {
            connection: inner.connect().ok(),
            guard: Guard::Apart,
            asked: None,
            hook: None,
        }));
        let (opener, others) = (std::thread::current().id(), Mutex::default());
        let sessions = Arc::new(Sessions { inner, guard: Guard::Apart, first, opener, others });
        Arc::new(Self { sessions, made: Mutex::default(), is_blind: true })
    }

    /// Whether nothing can be tried on it.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Opens a bench in a database with other things in it: one transaction, which ends without effect.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn within(inner: Arc<dyn Adapter>) -> Result<Arc<Self>, AdapterError> {
        let guard = match inner.dialect() {
            Dialect::Postgres => Guard::Savepoints,
            Dialect::DuckDb => Guard::Restarts,
        };
        Self::open(inner, guard)
    }

    fn open(inner: Arc<dyn Adapter>, guard: Guard) -> Result<Arc<Self>, AdapterError> {
        let mut connection = inner.connect()?;
        if guard != Guard::Apart {
            connection.begin()?;
        }
        if guard == Guard::Savepoints {
            // What a template runs may want what somebody else holds.
            connection.execute("set local lock_timeout = '5s'")?;
        }
        // Statements here are small: what other threads of the database would take of them costs more than it gives.
        inner.expect_busy(usize::MAX);
        let first = Arc::new(Mutex::new(State { connection: Some(connection), guard, asked: None, hook: None }));
        let (opener, others) = (std::thread::current().id(), Mutex::default());
        let sessions = Arc::new(Sessions { inner, guard, first, opener, others });
        Ok(Arc::new(Self { sessions, made: Mutex::default(), is_blind: false }))
    }

    /// Whether it is a database of its own, so that relations can have their own names in it.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.sessions.guard == Guard::Apart
    }

    /// Makes a schema, and its database where it is a database of its own, unless they exist.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn create_schema(&self, database: Option<&str>, schema: &str) -> Result<(), AdapterError> {
        self.refuse_foreign(schema)?;
        let dialect = self.sessions.inner.dialect();
        let mut name = dialect.quote(schema);
        if let Some(database) = database.filter(|name| self.is_apart() && !name.is_empty()) {
            let database = dialect.quote(database);
            self.run(&format!("attach if not exists ':memory:' as {database}"))?;
            name = format!("{database}.{name}");
        }
        self.run(&format!("create schema if not exists {name}"))
    }

    /// Makes an empty table with these names and types.
    ///
    /// # Errors
    /// When the database refuses, for example a type.
    pub fn create_table(&self, relation: &Relation, columns: &[(String, String)]) -> Result<(), AdapterError> {
        let dialect = self.sessions.inner.dialect();
        let columns: Vec<String> =
            columns.iter().map(|(name, data_type)| format!("{} {data_type}", dialect.quote(name))).collect();
        self.refuse_foreign(relation.schema.as_deref().unwrap_or_default())?;
        self.drop_any(relation);
        self.run(&format!("create table {relation} ({})", columns.join(", ")))?;
        self.remember(relation, "table");
        Ok(())
    }

    /// Makes an empty table of what a query returns, and tells its columns as the database has them.
    ///
    /// # Errors
    /// When the query does not bind, or a table cannot have such columns.
    pub fn create_as(&self, relation: &Relation, sql: &str) -> Result<Vec<Column>, AdapterError> {
        self.refuse_foreign(relation.schema.as_deref().unwrap_or_default())?;
        self.drop_any(relation);
        let query = sql.trim_end().trim_end_matches(';');
        self.run(&format!("create table {relation} as (\n{query}\n) with no data"))?;
        self.remember(relation, "table");
        self.columns(relation)
    }

    /// Makes a view without rows. A column without a type fits wherever a null does.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn create_view(&self, relation: &Relation, columns: &[(String, Option<String>)]) -> Result<(), AdapterError> {
        let dialect = self.sessions.inner.dialect();
        let column = |(name, data_type): &(String, Option<String>)| match data_type {
            Some(data_type) => format!("cast(null as {data_type}) as {}", dialect.quote(name)),
            None => format!("null as {}", dialect.quote(name)),
        };
        let columns: Vec<String> = columns.iter().map(column).collect();
        self.refuse_foreign(relation.schema.as_deref().unwrap_or_default())?;
        self.drop_any(relation);
        self.run(&format!("create view {relation} as select {}", columns.join(", ")))?;
        self.remember(relation, "view");
        Ok(())
    }

    /// Names and types of the columns that a query would return, without running it.
    ///
    /// # Errors
    /// When the query does not bind.
    pub fn describe(&self, sql: &str) -> Result<Vec<Column>, AdapterError> {
        self.guarded(|connection| connection.describe(sql))
    }

    /// Computes a query that reads no relation.
    ///
    /// # Errors
    /// When the database refuses, for example a value that does not fit its type.
    pub fn compute(&self, sql: &str) -> Result<(), AdapterError> {
        self.guarded(|connection| connection.query(sql, RowLimit::AtMost(1))).map(|_| ())
    }

    /// Tries the statements of a hook: what reads or makes something here is run, what changes rows is bound.
    ///
    /// # Errors
    /// When the database refuses one of them.
    pub fn attempt(&self, sql: &str) -> Result<Trial, AdapterError> {
        self.sessions.with(|state| {
            state.hook = Some(Trial::default());
            let done = state.attempt(&*self.sessions.inner, sql, None);
            let trial = state.hook.take().unwrap_or_default();
            done.map(|_| trial)
        })
    }

    /// From now on, what templates run is tried as the statements of a hook.
    pub fn begin_hook(&self) {
        self.sessions.with(|state| state.hook = Some(Trial::default()));
    }

    /// Ends what [`Bench::begin_hook`] began, and tells what became of the statements.
    pub fn end_hook(&self) -> Trial {
        self.sessions.with(|state| state.hook.take()).unwrap_or_default()
    }

    /// The columns of a relation as the database has them.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn columns(&self, relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        if self.is_apart() {
            return self.guarded(|connection| connection.columns(relation));
        }
        // Types with lengths and elements, as statements take them.
        let name = relation.to_string().replace('\'', "''");
        let sql = format!(
            "select attname::text, pg_catalog.format_type(atttypid, atttypmod) from pg_catalog.pg_attribute \
             where attrelid = to_regclass('{name}') and attnum > 0 and not attisdropped order by attnum"
        );
        let (table, _) = self.guarded(|connection| connection.query(&sql, RowLimit::All))?;
        Ok(table.rows.iter().map(|row| Column::new(text(row.first()), text(row.get(1)))).collect())
    }

    /// The functions that a Postgres database has, by their names alone.
    #[must_use]
    pub fn function_names(&self) -> Vec<String> {
        let sql = "select distinct proname::text from pg_catalog.pg_proc where pg_catalog.pg_function_is_visible(oid)";
        let found = self.guarded(|connection| connection.query(sql, RowLimit::All));
        found.map_or_else(|_| Vec::new(), |(table, _)| table.rows.iter().map(|row| text(row.first())).collect())
    }

    /// The first statement that a template ran since this was called last. Its answer came from empty relations.
    #[must_use]
    pub fn take_asked(&self) -> Option<String> {
        self.sessions.with(|state| state.asked.take())
    }

    /// Ends it: nothing of what happened stays.
    pub fn close(&self) {
        let others = std::mem::take(&mut *self.sessions.others.lock().unwrap_or_else(PoisonError::into_inner));
        for state in others.into_values().chain([Arc::clone(&self.sessions.first)]) {
            let taken = state.lock().unwrap_or_else(PoisonError::into_inner).connection.take();
            if let Some(mut connection) = taken {
                // What is not committed is gone with the session anyway.
                let _ = connection.rollback();
                self.sessions.inner.release(connection);
            }
        }
    }

    /// Takes a relation away that was made here.
    pub fn drop_any(&self, relation: &Relation) {
        let known = self.made.lock().unwrap_or_else(PoisonError::into_inner).remove(&relation.to_string());
        let Some(kind) = known else { return };
        if self.run(&format!("drop {kind} if exists {relation} cascade")).is_err() {
            // A hook may have made it anew.
            let other = if kind == "view" { "table" } else { "view" };
            let _ = self.run(&format!("drop {other} if exists {relation} cascade"));
        }
    }

    fn remember(&self, relation: &Relation, kind: &'static str) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(relation.to_string(), kind);
    }

    /// What is in a database with other things in it stays in schemas of its own: even a transaction that is rolled
    /// back would keep others from what it locks.
    fn refuse_foreign(&self, schema: &str) -> Result<(), AdapterError> {
        if self.is_apart() || schema.starts_with(ASIDE) {
            return Ok(());
        }
        let message = format!("nothing is made in schema `{schema}`, which is not the bench's");
        Err(AdapterError::new(AdapterErrorKind::Unsupported, message))
    }

    fn run(&self, sql: &str) -> Result<(), AdapterError> {
        self.guarded(|connection| connection.execute(sql)).map(|_| ())
    }

    fn guarded<T>(&self, run: impl FnOnce(&mut dyn Connection) -> Result<T, AdapterError>) -> Result<T, AdapterError> {
        self.sessions.with(|state| state.guarded(run))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    /// Keeps a statement of a template in mind, unless its answer depends on no relation.
    fn note(&mut self, sql: &str) {
        let mut words = sql.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if words.any(|word| word.eq_ignore_ascii_case("from")) {
            self.asked.get_or_insert_with(|| sql.to_owned());
        }
    }

    /// Runs the statement of a template; without a limit, for its effect. Transactions are not for templates to end.
    pub(super) fn template(
        &mut self,
        inner: &dyn Adapter,
        sql: &str,
        limit: Option<RowLimit>,
    ) -> Result<Answer, AdapterError> {
        self.note(sql);
        let mut ranges = statements(sql).into_iter();
        if self.hook.is_some() || ranges.any(|range| self.way(inner, &sql[range]) == Way::Skip) {
            return self.attempt(inner, sql, limit);
        }
        self.guarded(|connection| answer(connection, sql, limit))
    }

    fn way(&self, inner: &dyn Adapter, sql: &str) -> Way {
        way(inner.dialect(), self.guard == Guard::Apart, sql)
    }

    /// Tries statements one by one. The answer is that of the last one that has one.
    fn attempt(&mut self, inner: &dyn Adapter, sql: &str, limit: Option<RowLimit>) -> Result<Answer, AdapterError> {
        let mut last = Answer::default();
        for range in statements(sql) {
            let (start, statement) = (range.start, &sql[range]);
            match self.attempt_one(inner, statement, limit) {
                Ok(answer) => last = answer.unwrap_or(last),
                Err(error) if is_there(&error) => {}
                Err(mut error) => {
                    error.position = error.position.map(|at| at + start);
                    return Err(error);
                }
            }
        }
        Ok(last)
    }

    fn attempt_one(
        &mut self,
        inner: &dyn Adapter,
        sql: &str,
        limit: Option<RowLimit>,
    ) -> Result<Option<Answer>, AdapterError> {
        let way = match self.way(inner, sql) {
            Way::Skip => Way::Skip,
            // Only hooks are kept from what they do.
            _ if self.hook.is_none() => Way::Run,
            way => way,
        };
        if let Some(trial) = self.hook.as_mut().filter(|_| !matches!(way, Way::Run | Way::RunEmpty)) {
            trial.has_pretended = true;
            if way == Way::Leave {
                trial.left.get_or_insert_with(|| sql.trim().to_owned());
            }
        }
        match way {
            Way::Run => self.guarded(|connection| answer(connection, sql, limit)).map(Some),
            Way::RunEmpty => {
                let sql = format!("{sql}\nwith no data");
                self.guarded(|connection| connection.execute(&sql)).map(|_| None)
            }
            Way::Bind if inner.dialect() == Dialect::DuckDb => self.explain(sql).map(|()| None),
            Way::Bind => self.guarded(|connection| connection.describe(sql)).map(|_| None),
            Way::Skip | Way::Leave => Ok(None),
        }
    }

    /// Has DuckDB plan a statement that it cannot describe.
    fn explain(&mut self, sql: &str) -> Result<(), AdapterError> {
        let prefix = "explain ";
        let planned = self.guarded(|connection| connection.query(&format!("{prefix}{sql}"), RowLimit::AtMost(0)));
        planned.map(|_| ()).map_err(|mut error| {
            error.position = error.position.map(|at| at.saturating_sub(prefix.len()));
            error
        })
    }

    /// Runs something so that a failure leaves the transaction as it was.
    pub(super) fn guarded<T>(
        &mut self,
        run: impl FnOnce(&mut dyn Connection) -> Result<T, AdapterError>,
    ) -> Result<T, AdapterError> {
        let Some(connection) = self.connection.as_mut() else {
            return Err(AdapterError::new(AdapterErrorKind::Connect, "the session has ended"));
        };
        match self.guard {
            Guard::Apart => run(connection.as_mut()),
            Guard::Savepoints => {
                connection.execute("savepoint kiln_check")?;
                let done = run(connection.as_mut());
                let end =
                    if done.is_ok() { "release savepoint kiln_check" } else { "rollback to savepoint kiln_check" };
                connection.execute(end)?;
                done
            }
            Guard::Restarts => {
                let done = run(connection.as_mut());
                if done.is_err() {
                    connection.rollback()?;
                    connection.begin()?;
                }
                done
            }
        }
    }
}

fn text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// What a statement returned.
type Answer = (Table, Execution);

fn answer(connection: &mut dyn Connection, sql: &str, limit: Option<RowLimit>) -> Result<Answer, AdapterError> {
    match limit {
        Some(limit) => connection.query(sql, limit),
        None => connection.execute(sql).map(|execution| (Table::default(), execution)),
    }
}

/// What is there already is as good as made: an earlier run of the same hook may have made it.
fn is_there(error: &AdapterError) -> bool {
    const THERE: &[&str] = &["42P06", "42P07", "42710", "42723"];
    error.code.as_deref().is_some_and(|code| THERE.contains(&code))
}

impl Adapter for Bench {
    fn name(&self) -> &'static str {
        self.sessions.inner.name()
    }

    fn dialect(&self) -> Dialect {
        self.sessions.inner.dialect()
    }

    fn features(&self) -> Features {
        self.sessions.inner.features()
    }

    fn builtins(&self) -> &'static [Builtin] {
        self.sessions.inner.builtins()
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        Ok(Box::new(BenchSession::new(&self.sessions)))
    }
}
