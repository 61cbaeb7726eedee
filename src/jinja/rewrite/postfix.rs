//! What follows an operand: attributes, subscripts, calls, filters, tests.

use super::super::lexer::Token;
use super::expression::{Expr, Kind};
use super::{Call, CallArg, Parsed, Rewriter};

impl Rewriter<'_> {
    pub(super) fn postfix(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            expr = match self.peek() {
                Some(Token::Dot) => self.attribute(&expr)?,
                Some(Token::BracketOpen) => self.subscript(&expr)?,
                Some(Token::ParenOpen) => self.call(&expr)?,
                _ => return Ok(expr),
            };
        }
    }

    fn attribute(&mut self, base: &Expr) -> Parsed<Expr> {
        self.pos += 1;
        let kind = match (self.peek(), base.kind) {
            (Some(Token::Ident(_)), Kind::Path) => Kind::Path,
            (Some(Token::Ident(_) | Token::Int(_)), _) => Kind::Other,
            _ => return self.expected("a name or a number after `.`"),
        };
        self.pos += 1;
        Ok(Expr { start: base.start, end: self.last_end(), kind, value: None })
    }

    fn subscript(&mut self, base: &Expr) -> Parsed<Expr> {
        if self.is_slice() {
            return self.slice(base);
        }
        let inner_start = self.here().end;
        self.pos += 1;
        let mut n_commas = 0;
        loop {
            self.expression()?;
            match self.peek() {
                Some(Token::BracketClose) => break,
                Some(Token::Comma) => {
                    self.pos += 1;
                    n_commas += 1;
                }
                _ => return self.expected("`]`"),
            }
        }
        let inner_end = self.here().start;
        self.pos += 1;
        if n_commas > 0 {
            self.edits.open(inner_start, "(");
            self.edits.close(inner_end, ")");
        }
        Ok(Expr::other(base.start, self.last_end()))
    }

    /// Whether a colon stands inside the bracket that comes next, on its level.
    fn is_slice(&self) -> bool {
        let mut depth = 0usize;
        for lexeme in &self.tokens[self.pos..] {
            match lexeme.token {
                Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => depth += 1,
                Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return false;
                    }
                }
                Token::Colon if depth == 1 => return true,
                Token::BlockEnd | Token::VariableEnd => return false,
                _ => {}
            }
        }
        false
    }

    /// `x[a:b:c]` becomes `((x)|kiln_slice(a,b,c))`.
    fn slice(&mut self, base: &Expr) -> Parsed<Expr> {
        let open = self.here();
        self.pos += 1;
        self.edits.open(base.start, "((");
        self.edits.replace(open.start, open.end, ")|kiln_slice(");
        let mut is_empty = true;
        let mut n_colons = 0;
        loop {
            let here = self.here();
            match self.peek() {
                Some(Token::Colon) if n_colons < 2 => {
                    self.pos += 1;
                    n_colons += 1;
                    self.edits.replace(here.start, here.end, if is_empty { "none," } else { "," });
                    is_empty = true;
                }
                Some(Token::BracketClose) => {
                    self.pos += 1;
                    self.edits.replace(here.start, here.end, if is_empty { "none))" } else { "))" });
                    return Ok(Expr::other(base.start, here.end));
                }
                _ if is_empty => {
                    self.expression()?;
                    is_empty = false;
                }
                _ => return self.expected("`]`"),
            }
        }
    }

    fn call(&mut self, callee: &Expr) -> Parsed<Expr> {
        let args = self.arguments()?;
        let end = self.last_end();
        if callee.kind == Kind::Path {
            let path: String = self.text[callee.start..callee.end].chars().filter(|c| !c.is_whitespace()).collect();
            self.calls.push(Call { path, args, span: callee.start..end });
        }
        Ok(Expr { start: callee.start, end, kind: Kind::Call, value: None })
    }

    /// `( … )` of a call, filter or test.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<CallArg>> {
        self.pos += 1;
        let mut args = Vec::new();
        while !matches!(self.peek(), Some(Token::ParenClose)) {
            args.push(self.argument()?);
            self.comma_or(&Token::ParenClose, "`,` or `)`")?;
        }
        self.pos += 1;
        Ok(args)
    }

    fn argument(&mut self) -> Parsed<CallArg> {
        let start = self.here().start;
        let is_splat = matches!(self.peek(), Some(Token::Mul | Token::Pow));
        self.pos += usize::from(is_splat);
        let mut name = None;
        if let (false, Some(Token::Ident(word)), Some(Token::Assign)) = (is_splat, self.peek(), self.peek_at(1)) {
            name = Some((*word).to_string());
            self.pos += 2;
        }
        let expr = self.expression()?;
        Ok(CallArg { name, value: expr.value.filter(|_| !is_splat), is_splat, span: start..expr.end })
    }

    pub(super) fn filters(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            if matches!(self.peek(), Some(Token::Pipe)) {
                self.pos += 1;
                self.dotted_name("the name of a filter")?;
                if matches!(self.peek(), Some(Token::ParenOpen)) {
                    self.arguments()?;
                }
            } else if self.is_word("is") {
                self.pos += 1;
                self.test()?;
            } else {
                return Ok(expr);
            }
            expr = Expr::other(expr.start, self.last_end());
        }
    }

    pub(super) fn filter_chain(&mut self) -> Parsed<()> {
        loop {
            self.dotted_name("the name of a filter")?;
            if matches!(self.peek(), Some(Token::ParenOpen)) {
                self.arguments()?;
            }
            if !matches!(self.peek(), Some(Token::Pipe)) {
                return Ok(());
            }
            self.pos += 1;
        }
    }

    fn test(&mut self) -> Parsed<()> {
        self.skip_word("not");
        self.dotted_name("the name of a test")?;
        match self.peek() {
            Some(Token::ParenOpen) => {
                self.arguments()?;
            }
            Some(Token::Ident(word)) if matches!(*word, "and" | "or" | "else" | "is" | "if") => {}
            Some(
                Token::Ident(_)
                | Token::Str(_)
                | Token::String(_)
                | Token::Int(_)
                | Token::Int128(_)
                | Token::Float(_)
                | Token::BracketOpen
                | Token::BraceOpen,
            ) => {
                let operand = self.primary()?;
                self.postfix(operand)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn dotted_name(&mut self, what: &str) -> Parsed<()> {
        loop {
            if !matches!(self.peek(), Some(Token::Ident(_))) {
                return self.expected(what);
            }
            self.pos += 1;
            if !matches!(self.peek(), Some(Token::Dot)) {
                return Ok(());
            }
            self.pos += 1;
        }
    }
}
