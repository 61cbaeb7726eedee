//! What a database or its driver refused.

use std::fmt;

use crate::diagnostic::Label;

/// What kind of refusal it is; decides the diagnostic's code and whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterErrorKind {
    /// No connection could be made.
    Connect,
    /// Credentials were refused.
    Auth,
    /// The statement does not parse or bind.
    Syntax,
    /// A table, view or schema does not exist.
    MissingRelation,
    /// A constraint was violated.
    Constraint,
    /// The statement was interrupted.
    Interrupted,
    /// What depends on a relation is in the way of replacing it.
    Dependents,
    /// Other sessions read a relation that is to be replaced, for longer than one waits.
    Busy,
    /// Another session changed the same thing.
    Conflict,
    /// The database file is locked by another process.
    Locked,
    /// The file is no database.
    NotADatabase,
    /// No space is left.
    DiskFull,
    /// An extension could not be loaded.
    Extension,
    /// The adapter or the feature does not exist here.
    Unsupported,
    /// The settings of the profile are not usable.
    Settings,
    /// A Python model raised an error.
    Python,
    /// Python or one of its packages is not there.
    PythonMissing,
    /// Anything else that the database said about the statement.
    Statement,
}

/// A refusal, in the database's own words.
#[derive(Clone, Debug)]
pub struct AdapterError {
    /// What kind.
    pub kind: AdapterErrorKind,
    /// The database's message.
    pub message: String,
    /// Byte offset in the statement, where the database tells it.
    pub position: Option<usize>,
    /// The database's own code, such as an SQLSTATE.
    pub code: Option<String>,
    /// The part of the profile that it is about, if it is about one.
    pub at: Option<Box<Label>>,
}

impl AdapterError {
    /// Makes an error without position and code.
    pub fn new(kind: AdapterErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, code: None, at: None }
    }

    /// Says which part of the profile it is about.
    #[must_use]
    pub fn at(mut self, place: Option<Label>) -> Self {
        self.at = place.map(Box::new).or(self.at);
        self
    }
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AdapterError {}
