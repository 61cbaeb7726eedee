//! Rewrites template source so that stock minijinja gives Python's results.
//!
//! The text is parsed with Jinja's own grammar; the parse leaves edits, never
//! a tree. On the way it collects the calls, for those who want to know them
//! without rendering.

mod edits;
mod expression;
mod operand;
mod postfix;
mod statement;
mod tail;

use std::ops::Range;

use super::error::{RenderError, RenderErrorKind};
use super::lexer::{Lexeme, Token, tokenize, with_plain_spaces};
use super::macros::MacroDef;
use super::source::TemplateSource;

pub(crate) use edits::EditMap;
use edits::Edits;
pub(crate) use statement::materialization_header;
pub(crate) use tail::RETURN_LAST;

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

impl Call {
    /// The constant at a position, or under a keyword.
    pub fn constant(&self, position: usize, keyword: &str) -> Option<&Constant> {
        let positional = self.args.iter().filter(|arg| arg.name.is_none());
        positional
            .take_while(|arg| !arg.is_splat)
            .nth(position)
            .or_else(|| self.args.iter().find(|arg| arg.name.as_deref() == Some(keyword)))
            .and_then(|arg| arg.value.as_ref())
    }
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

/// What a whole text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Exactly one `{{ expression }}`; its range in rewritten text.
    Expression(Range<usize>),
    /// The same, of constants only: Jinja prints those while compiling, so
    /// that they are text even in a native render.
    Constant(Range<usize>),
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
    pub(crate) uses_this: bool,
    pub(crate) shape: Shape,
}

/// Text that Jinja cannot read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

pub(crate) type Parsed<T> = Result<T, Fault>;

/// Rewrites the text of a template.
pub(crate) fn rewrite(template: &TemplateSource) -> Result<Rewritten, RenderError> {
    rewrite_text(&template.text, false).map_err(|fault| RenderError {
        at: Some(template.place(fault.span)),
        ..RenderError::new(RenderErrorKind::Syntax, fault.message)
    })
}

/// Rewrites a macro block into a template that defines [`MACRO_NAME`].
pub(crate) fn rewrite_macro(def: &MacroDef) -> Result<Rewritten, RenderError> {
    rewrite_text(def.text(), true).map_err(|fault| RenderError {
        at: Some(def.place(fault.span)),
        ..RenderError::new(RenderErrorKind::Syntax, fault.message)
    })
}

/// Lists the calls in a text, without rendering it.
pub fn calls_of(template: &TemplateSource) -> Result<Vec<Call>, RenderError> {
    rewrite(template).map(|rewritten| rewritten.calls)
}

/// Whether a text names `this` anywhere.
pub fn mentions_this(template: &TemplateSource) -> Result<bool, RenderError> {
    rewrite(template).map(|rewritten| rewritten.uses_this)
}

fn rewrite_text(text: &str, is_macro: bool) -> Parsed<Rewritten> {
    let tokens = match tokenize(text) {
        Ok(tokens) => tokens,
        Err(error) => match with_plain_spaces(text) {
            Some(plain) => return rewrite_text(&plain, is_macro),
            None => return Err(Fault { message: error.message, span: error.span }),
        },
    };
    let mut rewriter = Rewriter::new(text, tokens, is_macro);
    rewriter.template()?;
    Ok(rewriter.finish())
}

/// The walk over the tokens of one text.
pub(super) struct Rewriter<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Lexeme<'a>>,
    pub(super) pos: usize,
    pub(super) depth: usize,
    pub(super) edits: Edits,
    pub(super) calls: Vec<Call>,
    open: Vec<statement::OpenTag>,
    pub(super) params: Vec<String>,
    pub(super) is_macro: bool,
    /// Defaults that name earlier parameters: the parameter and the expression.
    pub(super) late_defaults: Vec<(String, Range<usize>)>,
    /// Where hidden parameters go: the closing parenthesis of the head.
    pub(super) head_end: Option<usize>,
    pub(super) uses_varargs: bool,
    pub(super) uses_kwargs: bool,
    pub(super) uses_caller: bool,
    pub(super) uses_this: bool,
}

impl<'a> Rewriter<'a> {
    fn new(text: &'a str, tokens: Vec<Lexeme<'a>>, is_macro: bool) -> Rewriter<'a> {
        Rewriter {
            text,
            tokens,
            pos: 0,
            depth: 0,
            edits: Edits::default(),
            calls: Vec::new(),
            open: Vec::new(),
            params: Vec::new(),
            is_macro,
            late_defaults: Vec::new(),
            head_end: None,
            uses_varargs: false,
            uses_kwargs: false,
            uses_caller: false,
            uses_this: false,
        }
    }

    fn finish(mut self) -> Rewritten {
        let has = |name: &str| self.params.iter().any(|param| param == name);
        self.uses_varargs &= !has("varargs");
        self.uses_kwargs &= !has("kwargs");
        self.hide_params();
        if self.head_end.is_some() {
            self.mark_last_returns();
        }
        self.unify_line_ends();
        let lone = self.lone_expression();
        let is_constant = self.names_nothing();
        // Outer calls stand before the ones in their arguments.
        self.calls.sort_by_key(|call| (call.span.start, std::cmp::Reverse(call.span.end)));
        let (text, edits) = self.edits.apply(self.text);
        let moved = |range: Range<usize>| edits.before(range.start)..edits.after(range.end);
        let shape = match lone {
            Some(range) if is_constant => Shape::Constant(moved(range)),
            Some(range) => Shape::Expression(moved(range)),
            None => Shape::Text,
        };
        Rewritten {
            text,
            edits,
            calls: self.calls,
            params: self.params,
            uses_varargs: self.uses_varargs,
            uses_kwargs: self.uses_kwargs,
            uses_caller: self.uses_caller,
            uses_this: self.uses_this,
            shape,
        }
    }

    /// Every line end becomes a line feed, as in Jinja.
    fn unify_line_ends(&mut self) {
        for (at, _) in self.text.match_indices('\r') {
            let is_alone = self.text.as_bytes().get(at + 1) != Some(&b'\n');
            self.edits.replace(at, at + 1, if is_alone { "\n" } else { "" });
        }
    }

    fn hide_params(&mut self) {
        let Some(at) = self.head_end else { return };
        let hidden = match (self.uses_varargs, self.uses_kwargs) {
            (false, false) => return,
            (true, false) => "varargs=none",
            (false, true) => "kwargs=none",
            (true, true) => "varargs=none, kwargs=none",
        };
        let comma = if self.params.is_empty() { "" } else { ", " };
        self.edits.close(at, format!("{comma}{hidden}"));
    }

    /// The range between the braces, when the text is one `{{ … }}` only.
    fn lone_expression(&self) -> Option<Range<usize>> {
        let first = self.tokens.first()?;
        let last = self.tokens.last()?;
        if !matches!(first.token, Token::VariableStart) {
            return None;
        }
        let n_ends = self.tokens.iter().filter(|lexeme| matches!(lexeme.token, Token::VariableEnd)).count();
        let is_lone = n_ends == 1 && matches!(last.token, Token::VariableEnd);
        is_lone.then_some(first.end..last.start)
    }

    /// Whether no name stands in the text but those of constants and filters
    /// that give constants.
    fn names_nothing(&self) -> bool {
        self.tokens.iter().enumerate().all(|(ix, lexeme)| {
            let Token::Ident(name) = lexeme.token else {
                return true;
            };
            let before = ix.checked_sub(1).map(|ix| &self.tokens[ix].token);
            match before {
                Some(Token::Pipe) => !name.starts_with("as_"),
                _ => matches!(
                    name,
                    "true" | "True" | "false" | "False" | "none" | "None" | "and" | "or" | "not" | "in" | "if" | "else"
                ),
            }
        })
    }

    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.pos).map(|lexeme| &lexeme.token)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&Token<'a>> {
        self.tokens.get(self.pos + ahead).map(|lexeme| &lexeme.token)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Ident(name)) if *name == word)
    }

    pub(super) fn skip_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.pos += usize::from(found);
        found
    }

    /// The range of the next token; at the end, the end of the text.
    pub(super) fn here(&self) -> Range<usize> {
        match self.tokens.get(self.pos) {
            Some(lexeme) => lexeme.start..lexeme.end,
            None => self.text.len()..self.text.len(),
        }
    }

    /// The end of the token before the next one.
    pub(super) fn last_end(&self) -> usize {
        match self.pos.checked_sub(1).and_then(|ix| self.tokens.get(ix)) {
            Some(lexeme) => lexeme.end,
            None => 0,
        }
    }

    pub(super) fn fault<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Fault { message: message.into(), span: self.here() })
    }

    /// Fails with what was expected and what is there.
    pub(super) fn expected<T>(&self, what: &str) -> Parsed<T> {
        let found = match self.peek() {
            None => "the end of the template".to_string(),
            Some(Token::Ident(name)) => format!("`{name}`"),
            Some(token) => token.to_string(),
        };
        self.fault(format!("expected {what}, got {found}"))
    }
}

#[cfg(test)]
mod tests;
