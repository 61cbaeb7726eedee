//! DuckDB's names in front, `total: a + b`, put behind: `a + b as total`.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Tokens, find_outside, is, is_any, is_word, make};

/// Words that end an item of a select list or of a from clause.
const ENDS: &[&str] = &[
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "qualify",
    "window",
    "union",
    "except",
    "intersect",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "semi",
    "anti",
    "on",
    "using",
    "offset",
    "tablesample",
];

/// Puts names behind what they name.
pub(super) fn after(mut tokens: Tokens) -> Tokens {
    let mut at = tokens.len();
    while at > 1 {
        at -= 1;
        if is(&tokens, at, &Token::Colon) && names(&tokens, at) {
            let end = find_outside(&tokens, at + 1, |at| is(&tokens, at, &Token::Comma) || is_any(&tokens, at, ENDS));
            let name = tokens[at - 1].clone();
            let alias = [make("as", &name), name];
            tokens.splice(end..end, alias);
            tokens.drain(at - 1..=at);
        }
    }
    tokens
}

/// Whether the word before a colon is a name for what follows, rather than a parameter, a key or a bound.
fn names(tokens: &[TokenWithSpan], colon: usize) -> bool {
    if !matches!(tokens[colon - 1].token, Token::Word(_)) {
        return false;
    }
    let Some(before) = (colon - 1).checked_sub(1) else { return false };
    if is_any(tokens, before, &["select", "distinct", "all", "from", "join"]) {
        return true;
    }
    is(tokens, before, &Token::Comma) && is_in_list(tokens, before) && !is_of_lambda(tokens, before)
}

/// Whether the bracket around a place is none or a parenthesis that holds a query.
fn is_in_list(tokens: &[TokenWithSpan], at: usize) -> bool {
    let mut depth = 0_usize;
    for at in (0..at).rev() {
        match tokens[at].token {
            Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
            Token::LParen | Token::LBracket | Token::LBrace if depth > 0 => depth -= 1,
            Token::LParen => return is_any(tokens, at + 1, &["select", "from", "with"]),
            Token::LBracket | Token::LBrace => return false,
            _ => {}
        }
    }
    true
}

/// Whether a comma is between the parameters of `lambda x, y: …`.
fn is_of_lambda(tokens: &[TokenWithSpan], comma: usize) -> bool {
    let mut at = comma;
    while at >= 2 && is(tokens, at, &Token::Comma) {
        if is_word(tokens, at - 2, "lambda") {
            return true;
        }
        at -= 2;
    }
    false
}
