//! Rewrites template source so that stock minijinja gives Python's results.

use std::ops::Range;

use super::error::RenderError;
use super::macros::MacroDef;
use super::source::TemplateSource;

/// The name that every macro has inside its own template.
pub(crate) const MACRO_NAME: &str = "kiln_m";

/// A constant argument; tuples are arrays.
pub type Constant = serde_json::Value;

/// One call in a template's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Dotted name of what is called: `ref`, `dbt_utils.star`, `adapter.dispatch`.
    pub path: String,
    /// Arguments in order.
    pub args: Vec<CallArg>,
    /// Byte range of the whole call in original text.
    pub span: Range<usize>,
}

/// One argument of a [`Call`].
#[derive(Debug, Clone, PartialEq)]
pub struct CallArg {
    /// Keyword, if it has one.
    pub name: Option<String>,
    /// Its value, when it is a constant.
    pub value: Option<Constant>,
    /// Whether it is `*args` or `**kwargs`.
    pub is_splat: bool,
    /// Byte range in original text.
    pub span: Range<usize>,
}

/// Maps offsets in rewritten text to original text.
#[derive(Debug, Clone, Default)]
pub(crate) struct EditMap {}

impl EditMap {
    /// The original offset of a rewritten one.
    pub(crate) fn map_back(&self, offset: usize) -> usize {
        offset
    }
}

/// What a whole text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly one `{{ expression }}`; its range in rewritten text.
    Expression(Range<usize>),
    /// Anything else.
    Text,
}

/// Rewritten text and what was learned on the way.
#[derive(Debug, Clone)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    pub(crate) edits: EditMap,
    pub(crate) calls: Vec<Call>,
    pub(crate) params: Vec<String>,
    pub(crate) uses_varargs: bool,
    pub(crate) uses_kwargs: bool,
    pub(crate) uses_caller: bool,
    pub(crate) shape: Shape,
}

/// Adapter and languages of a materialization block.
pub(crate) struct Header {
    pub(crate) adapter: String,
    pub(crate) languages: Vec<String>,
}

/// Reads the head of a materialization block.
pub(crate) fn materialization_header(text: &str) -> Header {
    let _ = text;
    Header { adapter: "default".to_string(), languages: vec!["sql".to_string()] }
}

/// Rewrites the text of a template.
pub(crate) fn rewrite(template: &TemplateSource) -> Result<Rewritten, RenderError> {
    Ok(plain(template.text.to_string()))
}

/// Rewrites a macro block into a template that defines [`MACRO_NAME`].
pub(crate) fn rewrite_macro(def: &MacroDef) -> Result<Rewritten, RenderError> {
    Ok(plain(def.text().to_string()))
}

fn plain(text: String) -> Rewritten {
    Rewritten {
        text,
        edits: EditMap {},
        calls: Vec::new(),
        params: Vec::new(),
        uses_varargs: false,
        uses_kwargs: false,
        uses_caller: false,
        shape: Shape::Text,
    }
}

/// Lists the calls in a text, without rendering it.
pub fn calls_of(template: &TemplateSource) -> Result<Vec<Call>, RenderError> {
    rewrite(template).map(|rewritten| rewritten.calls)
}
