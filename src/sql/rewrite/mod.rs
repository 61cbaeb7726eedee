//! Tokens made ready for the parser: what it cannot read is said in words that it can.
//!
//! Only what the parser is given changes; the SQL that runs is always the user's own. Each step keeps which columns
//! a query reads and how, not its exact meaning: `asof join` becomes `join`, samples are left out. What has no such
//! words, like the statement `pivot`, is cut out and kept beside as [`Pivot`], with a name in its place.

mod aliases;
mod clauses;
mod lists;
mod pivots;

pub(super) use pivots::{PIVOT_NAME, Pivot};

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::Dialect;

/// The function that stands for the columns of a value: `(row).*`.
pub(super) const EXPAND: &str = "__kiln_expand";
/// The function that stands for columns as several arguments: `*columns(…)`.
pub(super) const SPREAD: &str = "__kiln_spread";
/// The relation that stands for the answer of `describe` or `summarize`.
pub(super) const DESCRIBED: &str = "__kiln_described";

/// Tokens without white space and comments.
pub(super) type Tokens = Vec<TokenWithSpan>;

/// Says in other words what the parser cannot read.
pub(super) fn rewrite(dialect: Dialect, tokens: Tokens) -> (Tokens, Vec<Pivot>) {
    let mut tokens = tokens;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    let mut tokens = clauses::shared(tokens);
    let mut pivots = Vec::new();
    if dialect == Dialect::DuckDb {
        tokens = lists::comprehensions(tokens);
        tokens = clauses::duckdb(tokens);
        tokens = aliases::after(tokens);
        tokens = pivots::cut(tokens, &mut pivots);
    } else {
        tokens = clauses::postgres(tokens);
    }
    (tokens, pivots)
}

/// The unquoted word at a place, in lower case; empty where there is none.
fn word(tokens: &[TokenWithSpan], at: usize) -> &str {
    match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(Word { value, quote_style: None, .. })) => value.as_str(),
        _ => "",
    }
}

/// Whether the unquoted words from a place on are these, in any case.
fn words(tokens: &[TokenWithSpan], at: usize, wanted: &[&str]) -> bool {
    wanted.iter().enumerate().all(|(n, wanted)| word(tokens, at + n).eq_ignore_ascii_case(wanted))
}

fn is_word(tokens: &[TokenWithSpan], at: usize, wanted: &str) -> bool {
    words(tokens, at, &[wanted])
}

fn is_any(tokens: &[TokenWithSpan], at: usize, wanted: &[&str]) -> bool {
    wanted.iter().any(|wanted| is_word(tokens, at, wanted))
}

fn is(tokens: &[TokenWithSpan], at: usize, wanted: &Token) -> bool {
    tokens.get(at).is_some_and(|token| token.token == *wanted)
}

/// The word before a place, or an empty one.
fn word_before(tokens: &[TokenWithSpan], at: usize) -> &str {
    at.checked_sub(1).map_or("", |at| word(tokens, at))
}

/// Where the bracket that opens at a place is closed, or the end.
fn closing(tokens: &[TokenWithSpan], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// The first place from `from` on, outside of brackets opened since, that a test accepts; or where the bracket around
/// it is closed, or the end.
fn find_outside(tokens: &[TokenWithSpan], from: usize, accepts: impl Fn(usize) -> bool) -> usize {
    let mut at = from;
    while at < tokens.len() {
        if accepts(at) {
            return at;
        }
        match tokens[at].token {
            Token::LParen | Token::LBracket | Token::LBrace => at = closing(tokens, at),
            Token::RParen | Token::RBracket | Token::RBrace | Token::SemiColon => return at,
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// Whether a place can end an operand: what stands before a binary operator.
fn ends_operand(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_some() || !STARTS.contains(&word.keyword),
        Token::Number(..) | Token::RParen | Token::RBracket | Token::RBrace | Token::SingleQuotedString(_) => true,
        Token::Placeholder(_) => true,
        _ => false,
    }
}

/// Words after which an expression begins.
const STARTS: &[Keyword] = &[
    Keyword::SELECT,
    Keyword::DISTINCT,
    Keyword::WHERE,
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::ON,
    Keyword::BY,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::CASE,
    Keyword::HAVING,
    Keyword::QUALIFY,
    Keyword::FROM,
    Keyword::IN,
    Keyword::LIKE,
    Keyword::BETWEEN,
];

/// An unquoted word as a token, at the place of another.
fn make(text: &str, at: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan::new(Token::make_word(text, None), at.span)
}

fn sign(token: Token, at: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan::new(token, at.span)
}
