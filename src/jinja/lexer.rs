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
