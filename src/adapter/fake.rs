//! A database that records statements and answers from a table: for tests.
//!
//! Answers are found by a piece of the statement's text; what has no answer is done and returns nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Adapter, AdapterError, AdapterErrorKind, Column, Connection, Execution, Features, Interrupt, NoInterrupt, RowLimit,
    Table,
};
use crate::builtins::Builtin;
use crate::sql::{Dialect, Relation};

/// What a statement gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These rows.
    Rows(Table),
    /// This refusal.
    Refusal(AdapterError),
}

#[derive(Debug, Default)]
struct Record {
    statements: Vec<String>,
    answers: Vec<(String, Answer)>,
    relations: Vec<Relation>,
    columns: Vec<(String, Vec<Column>)>,
}

/// A database for tests. Clones share one record.
#[derive(Clone, Debug)]
pub struct Fake {
    dialect: Dialect,
    record: Arc<Mutex<Record>>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new(Dialect::DuckDb)
    }
}

impl Fake {
    /// Makes a database of a dialect, with nothing in it.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, record: Arc::default() }
    }

    /// Gives an answer to every statement that contains `part`; earlier answers win.
    #[must_use]
    pub fn answering(self, part: impl Into<String>, answer: Answer) -> Self {
        self.lock().answers.push((part.into(), answer));
        self
    }

    /// Refuses every statement that contains `part`.
    #[must_use]
    pub fn refusing(self, part: impl Into<String>, message: impl Into<String>) -> Self {
        self.answering(part, Answer::Refusal(AdapterError::new(AdapterErrorKind::Statement, message)))
    }

    /// Lets a relation exist, with its columns.
    #[must_use]
    pub fn with_relation(self, relation: Relation, columns: Vec<Column>) -> Self {
        let mut record = self.lock();
        record.columns.push((relation.to_string(), columns));
        record.relations.push(relation);
        drop(record);
        self
    }

    /// The statements so far, in the order they came; `begin`, `commit` and `rollback` among them.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.lock().statements.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adapter for Fake {
    fn name(&self) -> &'static str {
        match self.dialect {
            Dialect::DuckDb => "duckdb",
            Dialect::Postgres => "postgres",
        }
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn features(&self) -> Features {
        Features { has_transactional_ddl: true, has_concurrent_batches: false }
    }

    fn builtins(&self) -> &'static [Builtin] {
        match self.dialect {
            Dialect::DuckDb => crate::builtins::DUCKDB,
            Dialect::Postgres => crate::builtins::POSTGRES,
        }
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        Ok(Box::new(FakeConnection { fake: self.clone(), is_in_transaction: false }))
    }
}

struct FakeConnection {
    fake: Fake,
    is_in_transaction: bool,
}

impl FakeConnection {
    fn run(&self, sql: &str) -> Result<Table, AdapterError> {
        let mut record = self.fake.lock();
        record.statements.push(sql.trim().to_owned());
        let answer = record.answers.iter().find(|(part, _)| sql.contains(part.as_str()));
        match answer.map(|(_, answer)| answer.clone()) {
            Some(Answer::Rows(table)) => Ok(table),
            Some(Answer::Refusal(error)) => Err(error),
            None => Ok(Table::default()),
        }
    }
}

fn done() -> Execution {
    Execution { rows_affected: None, message: "OK".to_owned(), code: String::new() }
}

impl Connection for FakeConnection {
    fn execute(&mut self, sql: &str) -> Result<Execution, AdapterError> {
        self.run(sql).map(|_| done())
    }

    fn query(&mut self, sql: &str, limit: RowLimit) -> Result<(Table, Execution), AdapterError> {
        let mut table = self.run(sql)?;
        if let RowLimit::AtMost(n) = limit {
            table.rows.truncate(n);
        }
        Ok((table, done()))
    }

    fn describe(&mut self, sql: &str) -> Result<Vec<Column>, AdapterError> {
        self.run(sql).map(|table| table.columns)
    }

    fn relations(&mut self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>, AdapterError> {
        let same =
            |part: &Option<String>, wanted: &str| part.as_deref().is_some_and(|part| part.eq_ignore_ascii_case(wanted));
        let fits = |relation: &&Relation| {
            same(&relation.schema, schema) && database.is_none_or(|database| same(&relation.database, database))
        };
        Ok(self.fake.lock().relations.iter().filter(fits).cloned().collect())
    }

    fn columns(&mut self, relation: &Relation) -> Result<Vec<Column>, AdapterError> {
        let wanted = relation.to_string();
        let record = self.fake.lock();
        let found = record.columns.iter().find(|(name, _)| *name == wanted);
        Ok(found.map(|(_, columns)| columns.clone()).unwrap_or_default())
    }

    fn copy_rows(&mut self, sql: &str, rows: &[Vec<Option<String>>]) -> Result<Execution, AdapterError> {
        self.run(&format!("{sql} -- {} rows", rows.len())).map(|_| done())
    }

    fn begin(&mut self) -> Result<(), AdapterError> {
        if self.is_in_transaction {
            return Err(AdapterError::new(AdapterErrorKind::Statement, "a transaction is open already"));
        }
        self.is_in_transaction = true;
        self.run("begin").map(|_| ())
    }

    fn commit(&mut self) -> Result<(), AdapterError> {
        if std::mem::take(&mut self.is_in_transaction) {
            self.run("commit")?;
        }
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), AdapterError> {
        if std::mem::take(&mut self.is_in_transaction) {
            self.run("rollback")?;
        }
        Ok(())
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(NoInterrupt)
    }
}
