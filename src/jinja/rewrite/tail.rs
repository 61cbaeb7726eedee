//! The returns that end a macro. `return` leaves a macro by raising an error, which is dear; where nothing runs after
//! it, it need not leave.

use super::super::lexer::Token;
use super::Rewriter;

/// What `return` is called where nothing runs after it.
pub(crate) const RETURN_LAST: &str = "kiln_return_last";

impl Rewriter<'_> {
    /// Renames the `return` calls of a macro after which nothing runs, in the branches of a last `if` too.
    pub(super) fn mark_last_returns(&mut self) {
        let mut is_last = true;
        // What `is_last` is behind each `if` that is open, seen from the end.
        let mut behind_ifs = Vec::new();
        let mut end = self.last_tag_start();
        while let Some(start) = end.and_then(|end| self.tag_before(end)) {
            end = Some(start);
            let tag = &self.tokens[start..];
            let word = match (&tag[0].token, &tag[1].token) {
                (Token::BlockStart, Token::Ident(word)) => *word,
                _ => "",
            };
            match word {
                "endif" => behind_ifs.push(is_last),
                "else" | "elif" => match behind_ifs.last() {
                    Some(behind) => is_last = *behind,
                    None => return,
                },
                "if" => {
                    behind_ifs.pop();
                    is_last = false;
                }
                // Bodies of loops and calls, and macros within: a return there leaves more than it stands in.
                _ if word.starts_with("end") => return,
                _ => {
                    let callee = start + if word == "do" { 2 } else { 1 };
                    if is_last && self.is_return(callee) {
                        self.edits.replace(self.tokens[callee].start, self.tokens[callee].end, RETURN_LAST);
                    }
                    is_last = false;
                }
            }
        }
    }

    /// Whether a whole tag, from this token on, is one call of `return`.
    fn is_return(&self, callee: usize) -> bool {
        let mut depth = 0;
        for (ix, lexeme) in self.tokens[callee..].iter().enumerate() {
            match (ix, &lexeme.token) {
                (0, Token::Ident("return")) | (1, Token::ParenOpen) => {}
                (0 | 1, _) => return false,
                (_, Token::ParenOpen | Token::BracketOpen | Token::BraceOpen) => depth += 1,
                (_, Token::ParenClose | Token::BracketClose | Token::BraceClose) if depth > 0 => depth -= 1,
                (_, Token::ParenClose) => {
                    let next = self.tokens.get(callee + ix + 1).map(|lexeme| &lexeme.token);
                    return matches!(next, Some(Token::VariableEnd | Token::BlockEnd));
                }
                _ => {}
            }
        }
        false
    }

    /// Where the tag that ends the macro starts.
    fn last_tag_start(&self) -> Option<usize> {
        self.tag_before(self.tokens.len())
    }

    /// The start of the last tag or output in front of a token.
    fn tag_before(&self, end: usize) -> Option<usize> {
        self.tokens[..end].iter().rposition(|lexeme| matches!(lexeme.token, Token::BlockStart | Token::VariableStart))
    }
}
