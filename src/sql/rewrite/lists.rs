//! List comprehensions, said as a function of a list and a lambda.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Tokens, closing, find_outside, is, is_word, make, sign};

/// `[e for x in l if c]` becomes `list_transform(l, x -> [e, c])`, which reads the same columns.
pub(super) fn comprehensions(mut tokens: Tokens) -> Tokens {
    let mut at = tokens.len();
    // From the end, so that inner lists are done before the ones around them.
    while at > 0 {
        at -= 1;
        if is(&tokens, at, &Token::LBracket) {
            let end = closing(&tokens, at);
            if let Some(made) = comprehension(&tokens, at, end) {
                tokens.splice(at..=end, made);
            }
        }
    }
    tokens
}

fn comprehension(tokens: &[TokenWithSpan], open: usize, end: usize) -> Option<Tokens> {
    let is_end = end < tokens.len();
    let on = find_outside(tokens, open + 1, |at| is_word(tokens, at, "for"));
    let within = find_outside(tokens, on + 1, |at| is_word(tokens, at, "in"));
    if !is_end || on >= end || within >= end {
        return None;
    }
    let condition = find_outside(tokens, within + 1, |at| is_word(tokens, at, "if")).min(end);
    let here = &tokens[open];
    let mut made = vec![make("list_transform", here), sign(Token::LParen, here)];
    made.extend_from_slice(&tokens[within + 1..condition]);
    made.extend([sign(Token::Comma, here), sign(Token::LParen, here)]);
    made.extend_from_slice(&tokens[on + 1..within]);
    made.extend([sign(Token::RParen, here), sign(Token::Arrow, here), sign(Token::LBracket, here)]);
    made.extend_from_slice(&tokens[open + 1..on]);
    if condition < end {
        made.push(sign(Token::Comma, here));
        made.extend_from_slice(&tokens[condition + 1..end]);
    }
    made.extend([sign(Token::RBracket, here), sign(Token::RParen, here)]);
    Some(made)
}
