//! Tokens of a template; hides minijinja's tokenizer, the only unstable part
//! of it that this room uses.
//!
//! minijinja counts lines and columns in 16 bits, so only byte offsets are
//! taken from it.

use std::ops::Range;

use minijinja::machinery::Tokenizer;
use minijinja::syntax::SyntaxConfig;

pub(crate) use minijinja::machinery::Token;

/// A token and its byte range.
#[derive(Debug)]
pub(crate) struct Lexeme<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A text that cannot be cut into tokens.
#[derive(Debug)]
pub(crate) struct LexError {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

/// Cuts a template into tokens.
pub(crate) fn tokenize(text: &str) -> Result<Vec<Lexeme<'_>>, LexError> {
    let mut tokenizer = Tokenizer::new(text, "", false, SyntaxConfig::default());
    let mut lexemes = Vec::with_capacity(text.len() / 16 + 8);
    loop {
        match tokenizer.next_token() {
            Ok(Some((token, span))) => {
                lexemes.push(Lexeme { token, start: span.start_offset as usize, end: span.end_offset as usize })
            }
            Ok(None) => return Ok(lexemes),
            Err(err) => {
                let fallback = lexemes.last().map_or(0, |last| last.end);
                return Err(LexError {
                    message: err.detail().unwrap_or("unexpected text").to_string(),
                    span: err.range().unwrap_or(fallback..fallback + 1),
                });
            }
        }
    }
}

/// The text with plain spaces in the place of other white space between the words of tags, such as the no-break
/// spaces of word processors, which Jinja lets pass; `None` if that is not what keeps the text from being read.
/// Every byte stays where it is.
pub(crate) fn with_plain_spaces(text: &str) -> Option<String> {
    let mut plain = text.to_string();
    while let Err(error) = tokenize(&plain) {
        let at = error.span.start;
        let space = plain.get(at..)?.chars().next().filter(|ch| !ch.is_ascii() && ch.is_whitespace())?;
        plain.replace_range(at..at + space.len_utf8(), &" ".repeat(space.len_utf8()));
    }
    Some(plain)
}
