//! What a render gets from outside: the text, and the names it can see.
//!
//! The names of dbt (`ref`, `config`, `this` …) are not here: they come in
//! through [`ContextSource`].

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use minijinja::Value;

use super::error::Place;

/// A file that templates are cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRef {
    /// Path as shown in errors.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceRef {
    /// Names a file and its text.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceRef {
        SourceRef { path: path.into(), text: text.into() }
    }
}

/// One text to render, and where in a file it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSource {
    /// What is rendered, for example a node's unique id.
    pub name: String,
    /// Path of the file, as shown in errors.
    pub path: Arc<str>,
    /// The template text.
    pub text: Arc<str>,
    /// Byte offset of the text in its file.
    pub offset: usize,
    /// Line of the text's first character, from 1.
    pub line: u32,
    /// Column of the text's first character, from 1.
    pub column: u32,
}

impl TemplateSource {
    /// A text that is a whole file, or stands alone.
    pub fn new(name: impl Into<String>, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> TemplateSource {
        TemplateSource { name: name.into(), path: path.into(), text: text.into(), offset: 0, line: 1, column: 1 }
    }

    /// Says where in its file the text starts.
    #[must_use]
    pub fn starting_at(mut self, offset: usize, line: u32, column: u32) -> TemplateSource {
        self.offset = offset;
        self.line = line;
        self.column = column;
        self
    }
}

/// Finds the line and column of a byte offset, both from 1.
pub(crate) fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |ix| ix + 1);
    let column = before[start..].chars().count();
    (line as u32 + 1, column as u32 + 1)
}

impl TemplateSource {
    /// The place of a byte range of this text in its file.
    pub fn place(&self, span: Range<usize>) -> Place {
        let (line, column) = line_column(&self.text, span.start);
        let first = line == 1;
        Place {
            path: self.path.clone(),
            span: span.start + self.offset..span.end + self.offset,
            line: line + self.line - 1,
            column: if first { column + self.column - 1 } else { column },
        }
    }
}

/// The names that one render can see besides macros.
///
/// Lookup order is dbt's: local variables, macros of the node's package, the
/// root project and packages (so that a macro called `ref` overrides `ref`),
/// then this source, then the functions of the engine.
pub trait ContextSource: Send + Sync + Debug {
    /// Returns the value of a name. Called often: keep it to a hash lookup.
    fn get(&self, name: &str) -> Option<Value>;

    /// Lists the names that [`get`](Self::get) knows.
    fn names(&self) -> Vec<String>;

    /// The package whose macros are found without a prefix.
    fn macro_package(&self) -> &str;

    /// A value that stands in the place of a macro of this name.
    fn instead_of_macro(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Hears of every macro call; `depth` is 0 when the template itself calls.
    fn on_macro_call(&self, unique_id: &str, depth: usize) {
        let _ = (unique_id, depth);
    }
}

/// A context with nothing but engine functions and macros.
#[derive(Debug, Default, Clone)]
pub struct EmptyContext;

impl ContextSource for EmptyContext {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn macro_package(&self) -> &str {
        ""
    }
}
