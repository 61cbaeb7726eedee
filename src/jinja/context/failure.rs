//! Errors of dbt's functions, and how a failed render becomes a diagnostic.

use std::fmt;
use std::sync::Arc;

use minijinja::Error;

use crate::adapter::{AdapterError, AdapterErrorKind};
use crate::diagnostic::{Code, Diagnostic, Label, SourceFile, Span, did_you_mean};
use crate::jinja::{MacroRegistry, Place, RenderError, RenderErrorKind, raise_cause};

/// What a function of dbt refused, with the code it is reported under.
#[derive(Clone, Debug)]
pub struct ContextError {
    /// The catalog entry.
    pub code: Code,
    /// One sentence in dbt's wording.
    pub message: String,
    /// Things to do.
    pub hints: Vec<String>,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ContextError {}

/// A problem in a file of its own, such as a seed's, rather than in the template that met it.
#[derive(Clone, Debug)]
pub struct Elsewhere(pub Box<Diagnostic>);

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Elsewhere {}

/// A statement that the database rejected.
#[derive(Clone, Debug)]
pub struct SqlFailure {
    /// What it said; the position counts in `sql`.
    pub error: AdapterError,
    /// The statement without the query comment.
    pub sql: String,
}

impl fmt::Display for SqlFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)
    }
}

impl std::error::Error for SqlFailure {}

impl SqlFailure {
    /// The catalog entry of what the database said.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.error.kind {
            AdapterErrorKind::Connect | AdapterErrorKind::Auth => Code::ConnectFailed,
            AdapterErrorKind::Locked => Code::DatabaseLocked,
            AdapterErrorKind::NotADatabase => Code::NotADatabase,
            AdapterErrorKind::DiskFull => Code::DiskFull,
            AdapterErrorKind::Interrupted => Code::Interrupted,
            AdapterErrorKind::Extension => Code::ExtensionMissing,
            AdapterErrorKind::Settings => Code::ProfileInvalid,
            AdapterErrorKind::Unsupported => Code::Unsupported,
            AdapterErrorKind::Dependents => Code::DependentsBroken,
            AdapterErrorKind::Busy => Code::RelationBusy,
            AdapterErrorKind::Python => Code::PythonFailed,
            AdapterErrorKind::PythonMissing => Code::PythonMissing,
            AdapterErrorKind::Syntax
            | AdapterErrorKind::MissingRelation
            | AdapterErrorKind::Constraint
            | AdapterErrorKind::Conflict
            | AdapterErrorKind::Statement => Code::SqlRejected,
        }
    }

    /// Whether there was no usable connection, whatever the statement.
    fn is_about_the_connection(&self) -> bool {
        self.error.at.is_some()
            || matches!(
                self.error.kind,
                AdapterErrorKind::Connect
                    | AdapterErrorKind::Auth
                    | AdapterErrorKind::Locked
                    | AdapterErrorKind::NotADatabase
                    | AdapterErrorKind::Settings
            )
    }

    /// The failure without a place.
    #[must_use]
    pub fn into_diagnostic(self) -> Box<Diagnostic> {
        let code = self.code();
        // Our own macros raise these, and give the hint as Postgres does.
        if matches!(code, Code::DependentsBroken | Code::RelationBusy)
            && let Some((message, hint)) = self.error.message.split_once("\nHINT:  ")
        {
            return Box::new(Diagnostic::error(code, message).hint(hint));
        }
        let mut diagnostic = Diagnostic::error(code, self.error.message);
        diagnostic.at = self.error.at.map(|at| *at);
        Box::new(diagnostic)
    }
}

/// Makes the error that a function of dbt returns.
pub(crate) fn fail(code: Code, message: impl Into<String>) -> Error {
    fail_with(ContextError { code, message: message.into(), hints: Vec::new() })
}

/// Like [`fail`], with hints.
pub(crate) fn fail_with(error: ContextError) -> Error {
    raise_cause(RenderErrorKind::Compilation, error)
}

/// Makes the error of a problem in another file.
pub(crate) fn fail_elsewhere(problem: Box<Diagnostic>) -> Error {
    raise_cause(RenderErrorKind::Compilation, Elsewhere(problem))
}

/// Makes the error of a rejected statement.
pub(crate) fn fail_sql(failure: SqlFailure) -> Error {
    raise_cause(RenderErrorKind::Database, failure)
}

/// Turns a failed render into a diagnostic. `file` is the file of the rendered text,
/// which places in it refer to; places in macros are found through the registry.
#[must_use]
pub fn diagnose(error: &RenderError, file: Option<&Arc<SourceFile>>, registry: &MacroRegistry) -> Box<Diagnostic> {
    let mut diagnostic = Diagnostic::error(code_of(error), message_of(error));
    if let Some(cause) = error.cause_as::<ContextError>() {
        diagnostic.hints.clone_from(&cause.hints);
    }
    if let Some(Elsewhere(diagnostic)) = error.cause_as::<Elsewhere>() {
        return diagnostic.clone();
    }
    if let Some(cause) = error.cause_as::<SqlFailure>().filter(|cause| cause.is_about_the_connection()) {
        // The connection is opened when it is first needed; which statement that was says nothing.
        return cause.clone().into_diagnostic();
    }
    diagnostic.hints.extend(near_name(&error.message, registry));
    diagnostic.at = error.at.as_ref().and_then(|place| label(place, file, registry));
    for frame in &error.stack {
        let Some(called_at) = frame.called_at.as_ref().and_then(|place| label(place, file, registry)) else { continue };
        let is_known = |label: &Label| label.span == called_at.span && label.file.path() == called_at.file.path();
        if diagnostic.at.as_ref().is_some_and(is_known) {
            continue;
        }
        diagnostic.related.push(called_at.with_text(format!("`{}` was called here", frame.macro_id)));
    }
    if diagnostic.at.is_none() {
        diagnostic.at = file.map(|file| Label::new(file, Span::default()));
    }
    Box::new(diagnostic)
}

/// dbt adds an advice to every use of something undefined.
fn message_of(error: &RenderError) -> String {
    let is_undefined = matches!(error.kind, RenderErrorKind::Undefined | RenderErrorKind::UnknownName);
    let (message, cause) = (&error.message, &error.cause);
    if is_undefined
        && cause.is_none()
        && (message.ends_with(" is undefined") || message.contains("' has no attribute '"))
    {
        return format!(
            "{message}. This can happen when calling a macro that does not exist. Check for typos and/or install \
             package dependencies with \"dbt deps\"."
        );
    }
    message.clone()
}

/// A macro or package whose name is near to one that is undefined.
fn near_name(message: &str, registry: &MacroRegistry) -> Option<String> {
    let name = message.strip_prefix('\'')?.strip_suffix("' is undefined")?;
    did_you_mean(name, registry.iter().map(|entry| entry.def.name.as_str()))
}

fn code_of(error: &RenderError) -> Code {
    if let Some(cause) = error.cause_as::<ContextError>() {
        return cause.code;
    }
    if let Some(cause) = error.cause_as::<SqlFailure>() {
        return cause.code();
    }
    match error.kind {
        RenderErrorKind::Syntax => Code::TemplateSyntax,
        RenderErrorKind::UnknownName => Code::UnknownMacro,
        RenderErrorKind::Arguments => Code::WrongArguments,
        RenderErrorKind::Recursion => Code::MacroCycle,
        RenderErrorKind::Database => Code::SqlRejected,
        RenderErrorKind::Compilation
        | RenderErrorKind::Undefined
        | RenderErrorKind::Type
        | RenderErrorKind::Dependency
        | RenderErrorKind::Runtime => Code::TemplateFailed,
    }
}

fn label(place: &Place, file: Option<&Arc<SourceFile>>, registry: &MacroRegistry) -> Option<Label> {
    let span = Span::new(place.span.start, place.span.end);
    if let Some(file) = file.filter(|file| file.path() == &*place.path) {
        return Some(Label::new(file, span));
    }
    let source = registry.iter().map(|entry| &entry.def.source).find(|source| source.path == place.path)?;
    let file = SourceFile::new(source.path.to_string(), source.text.clone());
    Some(Label::new(&file, span))
}
