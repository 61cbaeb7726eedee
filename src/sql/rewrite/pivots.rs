//! DuckDB's statements `pivot` and `unpivot`: cut out, with the name of a relation in their place.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Tokens, find_outside, is, is_any, is_word, make, words};

/// What a name that stands for a pivot begins with; its number follows.
pub(in crate::sql) const PIVOT_NAME: &str = "__kiln_pivot_";

/// A statement `pivot` or `unpivot`, in parts.
#[derive(Clone, Debug, Default)]
pub(in crate::sql) struct Pivot {
    /// Whether it is `unpivot`.
    pub(in crate::sql) is_unpivot: bool,
    /// What is pivoted, as in a from clause.
    pub(in crate::sql) source: Tokens,
    /// After `on`.
    pub(in crate::sql) on: Tokens,
    /// After `using`, or the names after `into`.
    pub(in crate::sql) using: Tokens,
    /// After `group by`.
    pub(in crate::sql) group: Tokens,
}

/// Cuts the pivots out, innermost first.
pub(super) fn cut(mut tokens: Tokens, pivots: &mut Vec<Pivot>) -> Tokens {
    let mut at = tokens.len();
    while at > 0 {
        at -= 1;
        if is_statement(&tokens, at) {
            let end = find_outside(&tokens, at + 1, |_| false);
            let pivot = read(&tokens[at..end]);
            let name = format!("{PIVOT_NAME}{}", pivots.len());
            let made = [make("from", &tokens[at]), make(&name, &tokens[at])];
            let rest = find_outside(&tokens, at + 1, |at| is_end(&tokens, at)).min(end);
            pivots.push(pivot);
            tokens.splice(at..rest, made);
        }
    }
    tokens
}

fn is_statement(tokens: &[TokenWithSpan], at: usize) -> bool {
    let is_name = is_any(tokens, at, &["pivot", "unpivot", "pivot_wider", "pivot_longer"]);
    // A statement follows nothing, a bracket that opens, or the last expression of a `with`.
    let starts = match at.checked_sub(1) {
        None => true,
        Some(before) => {
            is(tokens, before, &Token::LParen) || (is(tokens, before, &Token::RParen) && ends_with(tokens, before))
        }
    };
    let has_on = is_word(tokens, find_outside(tokens, at + 1, |at| is_word(tokens, at, "on")), "on");
    is_name
        && starts
        && (has_on || is_word(tokens, find_outside(tokens, at + 1, |at| is_word(tokens, at, "using")), "using"))
}

/// Whether a closing bracket ends a common table expression: its opening one follows `as`.
fn ends_with(tokens: &[TokenWithSpan], close: usize) -> bool {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen => {
                depth -= 1;
                if depth == 0 {
                    return at > 0 && is_word(tokens, at - 1, "as");
                }
            }
            _ => {}
        }
    }
    false
}

fn is_end(tokens: &[TokenWithSpan], at: usize) -> bool {
    words(tokens, at, &["order", "by"]) || is_any(tokens, at, &["limit", "union", "except", "intersect"])
}

fn read(tokens: &[TokenWithSpan]) -> Pivot {
    let is_unpivot = is_any(tokens, 0, &["unpivot", "pivot_longer"]);
    let is_head = |at: usize| {
        is_any(tokens, at, &["on", "using"])
            || words(tokens, at, &["group", "by"])
            || words(tokens, at, &["into", "name"])
            || words(tokens, at, &["include", "nulls"])
            || is_end(tokens, at)
    };
    let mut pivot = Pivot { is_unpivot, ..Pivot::default() };
    let mut at = 0;
    while at < tokens.len() && !is_end(tokens, at) {
        let n = if is_any(tokens, at, &["group", "into", "include"]) { 2 } else { 1 };
        let end = find_outside(tokens, at + n, is_head);
        let part = tokens[(at + n).min(end)..end].to_vec();
        match at {
            0 => pivot.source = part,
            at if is_word(tokens, at, "on") => pivot.on = part,
            at if is_word(tokens, at, "group") => pivot.group = part,
            at if is_any(tokens, at, &["using", "into"]) => pivot.using = part,
            _ => {}
        }
        at = end.max(at + 1);
    }
    pivot
}
