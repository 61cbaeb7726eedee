//! Small clauses that the parser does not know, left out or said otherwise. None of them adds or hides a column.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{
    DESCRIBED, EXPAND, SPREAD, Tokens, closing, ends_operand, find_outside, is, is_any, is_word, make, sign, word,
    word_before, words,
};

/// What a step does at a place: leave out so many tokens and put others there.
type Change = Option<(usize, Vec<TokenWithSpan>)>;

fn drop(n: usize) -> Change {
    Some((n, Vec::new()))
}

/// Applies the first change that fits, at every place.
fn apply(tokens: Tokens, steps: &[fn(&[TokenWithSpan], usize) -> Change]) -> Tokens {
    let mut made = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        match steps.iter().find_map(|step| step(&tokens, at)) {
            Some((n, others)) => {
                made.extend(others);
                at += n;
                if n == 0 {
                    made.push(tokens[at].clone());
                    at += 1;
                }
            }
            None => {
                made.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    made
}

/// What both engines need.
pub(super) fn shared(tokens: Tokens) -> Tokens {
    apply(expansions(tokens), &[materialized, window_exclusion, within_each, table_statement])
}

/// What Postgres needs.
pub(super) fn postgres(tokens: Tokens) -> Tokens {
    apply(tokens, &[small_words, search_and_cycle, using_alias, rows_from])
}

/// What DuckDB needs.
pub(super) fn duckdb(tokens: Tokens) -> Tokens {
    let tokens = apply(tokens, &[described, star_pattern, spread, join_words, filter_where, using_key]);
    apply(tokens, &[sample, operators, time_travel, percent, ordinal, small_words])
}

/// `as [not] materialized (`.
fn materialized(tokens: &[TokenWithSpan], at: usize) -> Change {
    if !is_word(tokens, at, "as") {
        return None;
    }
    let n = usize::from(is_word(tokens, at + 1, "not"));
    let fits = is_word(tokens, at + 1 + n, "materialized") && is(tokens, at + 2 + n, &Token::LParen);
    fits.then(|| (2 + n, vec![tokens[at].clone()]))
}

/// `exclude ties` and so on at the end of a window's frame.
fn window_exclusion(tokens: &[TokenWithSpan], at: usize) -> Change {
    let is_frame =
        ["row", "following", "preceding"].iter().any(|end| word_before(tokens, at).eq_ignore_ascii_case(end));
    if !is_frame || !is_word(tokens, at, "exclude") {
        return None;
    }
    let is_long = words(tokens, at + 1, &["current", "row"]) || words(tokens, at + 1, &["no", "others"]);
    drop(if is_long { 3 } else { 2 })
}

/// `group by distinct`.
fn within_each(tokens: &[TokenWithSpan], at: usize) -> Change {
    let fits = is_word(tokens, at, "distinct") && word_before(tokens, at).eq_ignore_ascii_case("by");
    if fits { drop(1) } else { None }
}

/// `table orders` where a query stands.
fn table_statement(tokens: &[TokenWithSpan], at: usize) -> Change {
    let starts = at == 0 || is(tokens, at - 1, &Token::LParen);
    let fits = starts
        && is_word(tokens, at, "table")
        && matches!(tokens.get(at + 1).map(|next| &next.token), Some(Token::Word(_)));
    let here = &tokens[at];
    fits.then(|| (1, vec![make("select", here), sign(Token::Mul, here), make("from", here)]))
}

/// `between symmetric`, `variadic`, `at local`, names of elements.
fn small_words(tokens: &[TokenWithSpan], at: usize) -> Change {
    let before = word_before(tokens, at);
    if is_word(tokens, at, "symmetric") && before.eq_ignore_ascii_case("between") {
        return drop(1);
    }
    if is_word(tokens, at, "variadic") && !is(tokens, at + 1, &Token::Period) {
        return drop(1);
    }
    if words(tokens, at, &["at", "local"]) && at > 0 && ends_operand(&tokens[at - 1].token) {
        let here = &tokens[at];
        let zone = sign(Token::SingleQuotedString("local".to_owned()), here);
        return Some((2, vec![here.clone(), make("time", here), make("zone", here), zone]));
    }
    // `xmlelement(name foo, …)`.
    let is_element = at >= 2 && is(tokens, at - 1, &Token::LParen) && is_any(tokens, at - 2, &["xmlelement", "xmlpi"]);
    if is_element && is_word(tokens, at, "name") {
        return drop(if is(tokens, at + 2, &Token::Comma) { 3 } else { 2 });
    }
    None
}

/// `search depth first by … set …` and `cycle … set … using …` after a recursive expression.
fn search_and_cycle(tokens: &[TokenWithSpan], at: usize) -> Change {
    if at == 0 || !is(tokens, at - 1, &Token::RParen) {
        return None;
    }
    let is_search = is_word(tokens, at, "search") && is_any(tokens, at + 1, &["depth", "breadth"]);
    if !is_search && !is_word(tokens, at, "cycle") {
        return None;
    }
    let end = find_outside(tokens, at, |at| is_word(tokens, at, "select") || is(tokens, at, &Token::RParen));
    // A further expression after a comma is kept: the comma that a `name as (` follows.
    let next = (at..end).find(|at| is(tokens, *at, &Token::Comma) && is_word(tokens, at + 2, "as"));
    drop(next.unwrap_or(end) - at)
}

/// `using (id) as j`.
fn using_alias(tokens: &[TokenWithSpan], at: usize) -> Change {
    if !is_word(tokens, at, "using") || !is(tokens, at + 1, &Token::LParen) {
        return None;
    }
    let end = closing(tokens, at + 1);
    is_word(tokens, end + 1, "as").then(|| (end + 3 - at, tokens[at..=end].to_vec()))
}

/// `rows from (f(…), g(…))`: the functions side by side.
fn rows_from(tokens: &[TokenWithSpan], at: usize) -> Change {
    if !words(tokens, at, &["rows", "from"]) || !is(tokens, at + 2, &Token::LParen) {
        return None;
    }
    let (open, end) = (at + 2, closing(tokens, at + 2));
    let mut made = vec![tokens[open].clone()];
    let mut from = open + 1;
    while from < end {
        let to = find_outside(tokens, from, |at| is(tokens, at, &Token::Comma)).min(end);
        made.extend_from_slice(&tokens[from..to]);
        if to < end {
            made.extend([make("cross", &tokens[to]), make("join", &tokens[to])]);
        }
        from = to + 1;
    }
    Some((end - at, made))
}

/// `(row).*` as an item: a call of [`EXPAND`].
fn expansions(tokens: Tokens) -> Tokens {
    let mut opens = Vec::new();
    let mut stack = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => stack.push(at),
            Token::RParen => {
                let Some(open) = stack.pop() else { continue };
                let is_star = is(&tokens, at + 1, &Token::Period) && is(&tokens, at + 2, &Token::Mul);
                let before = open.checked_sub(1).map(|at| &tokens[at].token);
                if is_star && before.is_none_or(|before| !ends_operand(before)) {
                    opens.push((open, at));
                }
            }
            _ => {}
        }
    }
    if opens.is_empty() {
        return tokens;
    }
    let mut made = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if opens.iter().any(|(open, _)| *open == at) {
            made.push(make(EXPAND, token));
        }
        if !opens.iter().any(|(_, close)| at == close + 1 || at == close + 2) {
            made.push(token.clone());
        }
    }
    made
}

/// `describe t` and `summarize t` where a query stands.
fn described(tokens: &[TokenWithSpan], at: usize) -> Change {
    let starts = at == 0 || is(tokens, at - 1, &Token::LParen) || is_word(tokens, at - 1, "from");
    let fits = is_any(tokens, at, &["describe", "summarize"]) && !word(tokens, at + 1).is_empty();
    if !starts || !fits || is(tokens, at + 1, &Token::LParen) {
        return None;
    }
    let end = find_outside(tokens, at, |_| false);
    let text = format!("{DESCRIBED}_{}", word(tokens, at).to_ascii_lowercase());
    Some((end - at, vec![make("from", &tokens[at]), make(&text, &tokens[at])]))
}

/// `* like 'a%'` and `* similar to 'a.*'`: `columns(c -> c like 'a%')`, `columns('a.*')`.
fn star_pattern(tokens: &[TokenWithSpan], at: usize) -> Change {
    if !is(tokens, at, &Token::Mul) || at.checked_sub(1).is_some_and(|before| ends_operand(&tokens[before].token)) {
        return None;
    }
    let is_not = usize::from(is_word(tokens, at + 1, "not"));
    let first = at + 1 + is_not;
    let n = if words(tokens, first, &["similar", "to"]) {
        2
    } else if is_any(tokens, first, &["like", "ilike", "glob"]) {
        1
    } else {
        return None;
    };
    let here = &tokens[at];
    let (open, name) = (sign(Token::LParen, here), make("__kiln_name", here));
    let mut made = vec![make("columns", here), open, name.clone(), sign(Token::Arrow, here), name];
    made.extend_from_slice(&tokens[at + 1..=(first + n).min(tokens.len() - 1)]);
    made.push(sign(Token::RParen, here));
    Some((2 + is_not + n, made))
}

/// `*columns(…)`: a call of [`SPREAD`].
fn spread(tokens: &[TokenWithSpan], at: usize) -> Change {
    let is_operator = at > 0 && ends_operand(&tokens[at - 1].token);
    let fits = is(tokens, at, &Token::Mul) && is_word(tokens, at + 1, "columns") && is(tokens, at + 2, &Token::LParen);
    if is_operator || !fits {
        return None;
    }
    let here = &tokens[at];
    let end = closing(tokens, at + 2);
    let mut made = vec![make(SPREAD, here), sign(Token::LParen, here)];
    made.extend_from_slice(&tokens[at + 1..=end.min(tokens.len() - 1)]);
    made.push(sign(Token::RParen, here));
    Some((end + 1 - at, made))
}

/// `asof join` reads columns as `join` does, and `positional join` as `cross join`.
fn join_words(tokens: &[TokenWithSpan], at: usize) -> Change {
    let is_join = is_any(tokens, at + 1, &["join", "left", "right", "full", "inner"]);
    if is_word(tokens, at, "asof") && is_join {
        return drop(1);
    }
    words(tokens, at, &["positional", "join"]).then(|| (1, vec![make("cross", &tokens[at])]))
}

/// `filter (a > 1)`.
fn filter_where(tokens: &[TokenWithSpan], at: usize) -> Change {
    let fits = is_word(tokens, at, "filter")
        && at > 0
        && is(tokens, at - 1, &Token::RParen)
        && is(tokens, at + 1, &Token::LParen)
        && !is_word(tokens, at + 2, "where");
    fits.then(|| (2, vec![tokens[at].clone(), tokens[at + 1].clone(), make("where", &tokens[at])]))
}

/// `recursive t(a, b) using key (a) as (`.
fn using_key(tokens: &[TokenWithSpan], at: usize) -> Change {
    let fits = words(tokens, at, &["using", "key"]) && is(tokens, at + 2, &Token::LParen);
    if fits { drop(closing(tokens, at + 2) + 1 - at) } else { None }
}

/// `tablesample reservoir(10 rows)` after a table, `using sample 10%` at the end of a query.
fn sample(tokens: &[TokenWithSpan], at: usize) -> Change {
    if is_word(tokens, at, "tablesample") {
        let ends = |at: usize| {
            matches!(tokens[at].token, Token::RParen | Token::Mod) || is_any(tokens, at, &["rows", "percent"])
        };
        let open = find_outside(tokens, at + 1, |at| is(tokens, at, &Token::LParen) || ends(at));
        let mut end = if is(tokens, open, &Token::LParen) { closing(tokens, open) } else { open };
        if is_word(tokens, end + 1, "repeatable") {
            end = closing(tokens, end + 2);
        }
        return drop((end + 1).min(tokens.len()) - at);
    }
    if !words(tokens, at, &["using", "sample"]) {
        return None;
    }
    let ends = ["order", "limit", "union", "except", "intersect", "offset"];
    let end = find_outside(tokens, at + 2, |at| is_any(tokens, at, &ends));
    drop(end - at)
}

/// `a glob b`, `a ** b`, `@ a`.
fn operators(tokens: &[TokenWithSpan], at: usize) -> Change {
    let after_operand = at > 0 && ends_operand(&tokens[at - 1].token);
    let here = &tokens[at];
    if after_operand
        && is_word(tokens, at, "glob")
        && matches!(tokens.get(at + 1), Some(next) if next.token != Token::LParen)
    {
        return Some((1, vec![make("like", here)]));
    }
    if after_operand && is(tokens, at, &Token::Mul) && is(tokens, at + 1, &Token::Mul) {
        return drop(1);
    }
    if !after_operand && here.token == Token::AtSign {
        return Some((1, vec![sign(Token::Minus, here)]));
    }
    None
}

/// `t at (version => 3)`.
fn time_travel(tokens: &[TokenWithSpan], at: usize) -> Change {
    let fits = is_word(tokens, at, "at")
        && is(tokens, at + 1, &Token::LParen)
        && is_any(tokens, at + 2, &["version", "timestamp"])
        && is(tokens, at + 3, &Token::RArrow);
    if fits { drop(closing(tokens, at + 1) + 1 - at) } else { None }
}

/// `limit 10%`.
fn percent(tokens: &[TokenWithSpan], at: usize) -> Change {
    let fits =
        at >= 2 && is_word(tokens, at - 2, "limit") && (is(tokens, at, &Token::Mod) || is_word(tokens, at, "percent"));
    if fits { drop(1) } else { None }
}

/// `#1`: the first column, by its number.
fn ordinal(tokens: &[TokenWithSpan], at: usize) -> Change {
    let Token::Number(number, _) = &tokens.get(at + 1)?.token else { return None };
    let fits = is(tokens, at, &Token::Sharp) && !(at > 0 && ends_operand(&tokens[at - 1].token));
    fits.then(|| {
        let name = Token::make_word(&format!("#{number}"), Some('"'));
        (2, vec![sign(name, &tokens[at])])
    })
}
