//! What went wrong, where, and what to do about it.
//!
//! Every room reports through [`Diagnostic`]; nothing here prints.

mod code;
mod dbt_events;
mod names;
mod render;
mod source;
mod suggest;

pub use code::{Code, Range};
pub use names::{dbt_event_names, is_dbt_event};
pub use render::{Form, details, excerpt, render, to_json};
pub use source::{Place, SourceFile, Span};
pub use suggest::{did_you_mean, nearest};

use std::sync::Arc;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something the user should know; nothing stops.
    Warning,
    /// Something that kept part of the work from being done.
    Error,
}

/// A place in a file with an optional remark on it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The file the span lies in.
    pub file: Arc<SourceFile>,
    /// The bytes meant.
    pub span: Span,
    /// A remark printed beside the carets; may be empty.
    pub text: String,
}

impl Label {
    /// Marks `span` of `file` without a remark.
    #[must_use]
    pub fn new(file: &Arc<SourceFile>, span: Span) -> Self {
        Self { file: Arc::clone(file), span, text: String::new() }
    }

    /// Adds a remark.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

/// One problem: its code, a sentence, where it is and what may be done.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The catalog entry that explains this kind of problem.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// The main place.
    pub at: Option<Label>,
    /// Further places: where a macro was called from, the other definition.
    pub related: Vec<Label>,
    /// Things to do, one sentence each.
    pub hints: Vec<String>,
    /// The dbt event that a warning is, where its code stands for several.
    pub event: Option<Box<DbtEvent>>,
    /// Whether it was a warning until options made it an error.
    pub is_escalated: bool,
}

/// An event by which tools know a warning.
#[derive(Clone, Debug, PartialEq)]
pub struct DbtEvent {
    /// Its name, such as `DeprecatedModel`.
    pub name: &'static str,
    /// Its code, such as `I065`.
    pub code: &'static str,
    /// What it tells, by the names that dbt has for it.
    pub facts: serde_json::Map<String, serde_json::Value>,
}

impl DbtEvent {
    /// Makes an event of its name, its code, and an object of facts.
    #[must_use]
    pub fn new((name, code): (&'static str, &'static str), facts: serde_json::Value) -> Self {
        let facts = match facts {
            serde_json::Value::Object(facts) => facts,
            _ => serde_json::Map::new(),
        };
        Self { name, code, facts }
    }
}

impl Diagnostic {
    /// Makes an error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message.into())
    }

    /// Makes a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message.into())
    }

    fn new(code: Code, severity: Severity, message: String) -> Self {
        Self {
            code,
            severity,
            message,
            at: None,
            related: Vec::new(),
            hints: Vec::new(),
            event: None,
            is_escalated: false,
        }
    }

    /// Says which dbt event a warning is.
    #[must_use]
    pub fn with_event(mut self, event: DbtEvent) -> Self {
        self.event = Some(Box::new(event));
        self
    }

    /// The words that dbt begins its report with. A warning that is to be an error counts as one of compilation.
    #[must_use]
    pub fn family(&self) -> &'static str {
        if self.is_escalated { "Compilation Error" } else { self.code.family() }
    }

    /// Sets the main place.
    #[must_use]
    pub fn at(mut self, file: &Arc<SourceFile>, span: Span) -> Self {
        self.at = Some(Label::new(file, span));
        self
    }

    /// Sets the main place to a whole file.
    #[must_use]
    pub fn in_file(self, file: &Arc<SourceFile>) -> Self {
        self.at(file, Span::default())
    }

    /// Adds a further place.
    #[must_use]
    pub fn related(mut self, label: Label) -> Self {
        self.related.push(label);
        self
    }

    /// Adds something to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint if there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }
}

/// The problems that a phase collected, in the order it met them.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Starts an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds all problems of another phase.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.items.extend(other);
    }

    /// Tells whether any problem is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// Tells whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Goes over the problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
