//! One worker's session with the database: transaction, query comment, log.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::failure::SqlFailure;
use super::runtime::{Listener, MessageLevel, StatementEvent, StatementPhase};
use crate::adapter::{Adapter, AdapterError, Column, Connection, Execution, Interrupt, PythonJob, RowLimit, Table};
use crate::sql::Relation;

/// What a database says of a statement that it ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Its word, such as `OK`.
    pub message: String,
    /// The kind of statement, where it says so.
    pub code: Option<String>,
    /// Rows changed, where it says so.
    pub rows_affected: Option<i64>,
}

impl From<Execution> for Response {
    fn from(execution: Execution) -> Self {
        let message = if execution.message.is_empty() { "OK".to_string() } else { execution.message };
        let code = Some(execution.code).filter(|code| !code.is_empty());
        Self { message, code, rows_affected: execution.rows_affected }
    }
}

impl Response {
    /// The response as artifacts publish it.
    #[must_use]
    pub fn to_data(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut map = serde_json::Map::new();
        map.insert("_message".to_string(), self.message.clone().into());
        map.extend(self.code.clone().map(|code| ("code".to_string(), code.into())));
        map.extend(self.rows_affected.map(|rows| ("rows_affected".to_string(), rows.into())));
        map
    }
}

/// The comment that every statement carries.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryComment {
    /// The text without `/*` and `*/`; empty for none.
    pub(crate) text: String,
    /// Whether it stands after the statement.
    pub(crate) is_appended: bool,
}

impl QueryComment {
    /// The statement with the comment, and where the statement starts in it.
    fn add_to(&self, sql: &str) -> (String, usize) {
        let text = self.text.trim();
        if text.is_empty() {
            return (sql.to_string(), 0);
        }
        if !self.is_appended {
            let prefix = format!("/* {text} */\n");
            return (format!("{prefix}{sql}"), prefix.len());
        }
        let body = sql.trim_end();
        let with_comment = match body.strip_suffix(';') {
            Some(body) => format!("{body}\n/* {text} */;"),
            None => format!("{body}\n/* {text} */"),
        };
        (with_comment, 0)
    }
}

#[derive(Default)]
struct Open {
    connection: Option<Box<dyn Connection>>,
    in_transaction: bool,
}

#[derive(Clone, Default)]
struct Labels {
    node: Option<String>,
    comment: QueryComment,
}

/// A session. It connects at its first statement, and one thread uses it at a time.
pub struct Session {
    name: String,
    adapter: Arc<dyn Adapter>,
    listener: Arc<dyn Listener>,
    uses_transactions: bool,
    open: Mutex<Open>,
    labels: Mutex<Labels>,
    interrupter: Mutex<Option<Arc<dyn Interrupt>>>,
    written: Mutex<Option<String>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.name)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

impl Session {
    /// Makes a session; `name` is the thread's name, as results publish it.
    pub(super) fn with_parts(
        name: String,
        adapter: Arc<dyn Adapter>,
        listener: Arc<dyn Listener>,
        uses_transactions: bool,
    ) -> Self {
        Self {
            name,
            adapter,
            listener,
            uses_transactions,
            open: Mutex::default(),
            labels: Mutex::default(),
            interrupter: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// The thread's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether statements run inside transactions at all.
    #[must_use]
    pub fn uses_transactions(&self) -> bool {
        self.uses_transactions
    }

    /// Says for whom statements run from now on.
    pub(crate) fn label(&self, node: Option<&str>, comment: QueryComment) {
        self.note_written(None);
        *lock(&self.labels) = Labels { node: node.map(str::to_string), comment };
    }

    /// Keeps what a template gave to `write()`.
    pub(crate) fn note_written(&self, text: Option<String>) {
        *lock(&self.written) = text;
    }

    /// What the running node's template gave to `write()` last, also when it failed after that.
    pub fn take_written(&self) -> Option<String> {
        lock(&self.written).take()
    }

    /// A handle that stops the running statement from another thread; none before the first statement.
    #[must_use]
    pub fn interrupter(&self) -> Option<Arc<dyn Interrupt>> {
        lock(&self.interrupter).clone()
    }

    /// Runs a statement with the query comment. `rows`: how many rows are wanted, if any.
    ///
    /// # Errors
    /// When the database rejects it; an open transaction is rolled back then.
    pub fn execute(
        &self,
        sql: &str,
        auto_begin: bool,
        rows: Option<RowLimit>,
    ) -> Result<(Response, Table), SqlFailure> {
        if let Some(done) = self.control_transaction(sql) {
            return done.map(|()| (Response { message: "OK".to_string(), ..Response::default() }, Table::default()));
        }
        if auto_begin {
            self.begin()?;
        }
        let labels = lock(&self.labels).clone();
        let (full, start) = labels.comment.add_to(sql);
        let result = self.observed(&labels, &full, |connection| match rows {
            Some(limit) => connection.query(&full, limit),
            None => connection.execute(&full).map(|execution| (Table::default(), execution)),
        });
        match result {
            Ok((table, execution)) => Ok((Response::from(execution), table)),
            Err(mut error) => {
                error.position = error.position.map(|position| position.saturating_sub(start));
                // The statement's error matters more than one of the rollback.
                let _ = self.rollback();
                Err(SqlFailure { error, sql: sql.to_string() })
            }
        }
    }

    /// Statements that are nothing but transaction control, so that both sides agree on what is open.
    fn control_transaction(&self, sql: &str) -> Option<Result<(), SqlFailure>> {
        let word = sql.trim().trim_end_matches(';').trim();
        if word.len() > 20 {
            return None;
        }
        match word.to_lowercase().as_str() {
            "commit" | "commit transaction" | "end" => Some(self.commit()),
            "begin" | "begin transaction" | "start transaction" => Some(self.begin_now()),
            "rollback" => Some(self.rollback()),
            _ => None,
        }
    }

    fn observed<T>(
        &self,
        labels: &Labels,
        sql: &str,
        run: impl FnOnce(&mut dyn Connection) -> Result<T, AdapterError>,
    ) -> Result<T, AdapterError> {
        let event = |phase| StatementEvent { connection: &self.name, node: labels.node.as_deref(), sql, phase };
        self.listener.statement(&event(StatementPhase::Started));
        let started = Instant::now();
        let mut notices = Vec::new();
        let result = self.with_connection(|connection| {
            let result = run(connection);
            notices = connection.take_notices();
            result
        });
        let seconds = started.elapsed().as_secs_f64();
        for notice in &notices {
            self.listener.message(labels.node.as_deref(), MessageLevel::Debug, notice);
        }
        match &result {
            Ok(_) => self.listener.statement(&event(StatementPhase::Finished { seconds })),
            Err(error) => self.listener.statement(&event(StatementPhase::Failed { message: &error.message })),
        }
        result
    }

    fn with_connection<T>(
        &self,
        run: impl FnOnce(&mut dyn Connection) -> Result<T, AdapterError>,
    ) -> Result<T, AdapterError> {
        let mut open = lock(&self.open);
        if open.connection.is_none() {
            let connection = self.adapter.connect()?;
            *lock(&self.interrupter) = Some(connection.interrupter());
            open.connection = Some(connection);
        }
        match open.connection.as_mut() {
            Some(connection) => run(connection.as_mut()),
            None => Err(AdapterError::new(crate::adapter::AdapterErrorKind::Connect, "there is no connection")),
        }
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        lock(&self.open).in_transaction
    }

    /// Begins a transaction unless one is open or the target uses none.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin(&self) -> Result<(), SqlFailure> {
        if self.uses_transactions { self.begin_now() } else { Ok(()) }
    }

    /// Begins a transaction unless one is open, whatever the target says.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin_now(&self) -> Result<(), SqlFailure> {
        if self.in_transaction() {
            return Ok(());
        }
        self.transition("BEGIN", true, |connection| connection.begin())
    }

    /// Commits the open transaction, if there is one.
    ///
    /// # Errors
    /// When the database cannot commit.
    pub fn commit(&self) -> Result<(), SqlFailure> {
        if !self.in_transaction() {
            return Ok(());
        }
        self.transition("COMMIT", false, |connection| connection.commit())
    }

    /// Rolls the open transaction back, if there is one.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn rollback(&self) -> Result<(), SqlFailure> {
        if !self.in_transaction() {
            return Ok(());
        }
        self.transition("ROLLBACK", false, |connection| connection.rollback())
    }

    fn transition(
        &self,
        sql: &str,
        in_transaction: bool,
        run: impl FnOnce(&mut dyn Connection) -> Result<(), AdapterError>,
    ) -> Result<(), SqlFailure> {
        let labels = lock(&self.labels).clone();
        let result = self.observed(&labels, sql, run);
        lock(&self.open).in_transaction = in_transaction && result.is_ok();
        result.map_err(|error| SqlFailure { error, sql: sql.to_string() })
    }

    /// Ends what a node left open: rolls back an open transaction.
    pub fn release(&self) {
        // A connection that is gone has nothing left to roll back.
        let _ = self.rollback();
    }

    /// Gives the connection back to the adapter; the next statement asks for one anew.
    pub fn close(&self) {
        self.release();
        *lock(&self.interrupter) = None;
        if let Some(connection) = lock(&self.open).connection.take() {
            self.adapter.release(connection);
        }
    }

    /// Sends rows to a statement that takes them, inside a transaction.
    ///
    /// # Errors
    /// When the database refuses; an open transaction is rolled back then.
    pub fn copy_rows(&self, sql: &str, rows: &[Vec<Option<String>>]) -> Result<Response, SqlFailure> {
        self.begin()?;
        let labels = lock(&self.labels).clone();
        let (full, _) = labels.comment.add_to(sql);
        match self.observed(&labels, &full, |connection| connection.copy_rows(&full, rows)) {
            Ok(execution) => Ok(Response::from(execution)),
            Err(error) => {
                let _ = self.rollback();
                Err(SqlFailure { error, sql: sql.to_string() })
            }
        }
    }

    /// Runs a Python model; what it prints is told as it comes.
    ///
    /// # Errors
    /// When it fails; an open transaction is rolled back then.
    pub fn run_python(&self, job: &PythonJob<'_>) -> Result<Response, SqlFailure> {
        let node = lock(&self.labels).node.clone();
        let tell = |level, text: &str| self.listener.message(node.as_deref(), level, text);
        let mut remarks = Vec::new();
        let ran = self.with_connection(|connection| {
            let ran = connection.run_python(job, &mut |line| tell(MessageLevel::Print, line));
            remarks = connection.take_notices();
            ran
        });
        for remark in &remarks {
            tell(MessageLevel::Debug, remark);
        }
        ran.map(Response::from).map_err(|error| {
            let _ = self.rollback();
            SqlFailure { error, sql: job.code.to_string() }
        })
    }

    /// Names and types of the columns of a query.
    ///
    /// # Errors
    /// When the query does not bind.
    pub fn describe(&self, sql: &str) -> Result<Vec<Column>, SqlFailure> {
        self.with_connection(|connection| connection.describe(sql))
            .map_err(|error| SqlFailure { error, sql: sql.to_string() })
    }

    /// The columns of a relation; empty if there is none.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn columns(&self, relation: &Relation) -> Result<Vec<Column>, SqlFailure> {
        self.with_connection(|connection| connection.columns(relation))
            .map_err(|error| SqlFailure { error, sql: String::new() })
    }

    /// Which relations a cascade drops with which, as pairs of the dependent one and the one it reads.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn dependencies(&self) -> Result<Vec<(Relation, Relation)>, SqlFailure> {
        self.with_connection(|connection| connection.dependencies())
            .map_err(|error| SqlFailure { error, sql: String::new() })
    }

    /// The relations of a schema, as the database lists them.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn relations(&self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, SqlFailure> {
        self.with_connection(|connection| connection.relations(database, schema))
            .map_err(|error| SqlFailure { error, sql: String::new() })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_appended: bool, sql: &str, expected: &str) {
        let comment = QueryComment { text: " c ".to_string(), is_appended };
        let (full, start) = comment.add_to(sql);
        assert_eq!(full, expected);
        assert!(is_appended || &full[start..] == sql);
    }

    #[test]
    fn comments_stand_before_or_after_the_statement() {
        check(false, "select 1", "/* c */\nselect 1");
        check(true, "select 1;\n", "select 1\n/* c */;");
        check(true, "select 1\n", "select 1\n/* c */");
    }
}
