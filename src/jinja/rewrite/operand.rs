//! Operands of expressions: names and literals.

use std::ops::Range;

use super::super::lexer::Token;
use super::expression::{Expr, Kind};
use super::{Constant, Parsed, Rewriter};

impl Rewriter<'_> {
    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let range = self.here();
        let Some(token) = self.peek() else {
            return self.expected("an expression");
        };
        match token {
            Token::Ident(name) => {
                let name = *name;
                self.pos += 1;
                Ok(self.name(name, range))
            }
            Token::Str(_) | Token::String(_) => Ok(self.strings(range)),
            Token::Int(number) => {
                let value = Constant::from(*number);
                self.pos += 1;
                Ok(Expr::constant(range, Kind::Number, value))
            }
            Token::Float(number) => {
                let value = Constant::from(*number);
                self.pos += 1;
                Ok(Expr::constant(range, Kind::Number, value))
            }
            Token::Int128(_) => {
                self.pos += 1;
                Ok(Expr::other(range.start, range.end))
            }
            Token::ParenOpen => self.parenthesized(),
            Token::BracketOpen => self.list(true),
            Token::BraceOpen => self.dict(),
            _ => self.expected("an expression"),
        }
    }

    fn name(&mut self, name: &str, range: Range<usize>) -> Expr {
        match name {
            "true" | "True" => return Expr::constant(range, Kind::Other, true.into()),
            "false" | "False" => return Expr::constant(range, Kind::Other, false.into()),
            "none" | "None" => return Expr::constant(range, Kind::Other, Constant::Null),
            "varargs" => self.uses_varargs = true,
            "kwargs" => self.uses_kwargs = true,
            "caller" => self.uses_caller = true,
            "this" => self.uses_this = true,
            _ => {}
        }
        Expr { start: range.start, end: range.end, kind: Kind::Path, value: None }
    }

    fn strings(&mut self, range: Range<usize>) -> Expr {
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(Token::Str(part)) => text.push_str(part),
                Some(Token::String(part)) => text.push_str(part),
                _ => break,
            }
            self.pos += 1;
        }
        Expr::constant(range.start..self.last_end(), Kind::Text, text.into())
    }

    fn parenthesized(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        self.pos += 1;
        let mut items = Vec::new();
        let mut is_tuple = matches!(self.peek(), Some(Token::ParenClose));
        while !matches!(self.peek(), Some(Token::ParenClose)) {
            items.push(self.expression()?);
            match self.peek() {
                Some(Token::Comma) => {
                    is_tuple = true;
                    self.pos += 1;
                }
                Some(Token::ParenClose) => {}
                _ => return self.expected("`)`"),
            }
        }
        self.pos += 1;
        let end = self.last_end();
        if is_tuple {
            let values: Option<Vec<Constant>> = items.into_iter().map(|item| item.value).collect();
            return Ok(Expr { start, end, kind: Kind::Other, value: values.map(Constant::Array) });
        }
        let inner = items.pop();
        Ok(Expr {
            start,
            end,
            // `do (x.append(1))` is still a call to minijinja.
            kind: inner.as_ref().map_or(Kind::Other, |expr| match expr.kind {
                Kind::Path => Kind::Other,
                kind => kind,
            }),
            value: inner.and_then(|expr| expr.value),
        })
    }

    pub(super) fn list(&mut self, is_mutable: bool) -> Parsed<Expr> {
        let start = self.here().start;
        self.pos += 1;
        let mut values = Some(Vec::new());
        while !matches!(self.peek(), Some(Token::BracketClose)) {
            let item = self.expression()?;
            values = values.zip(item.value).map(|(mut values, value)| {
                values.push(value);
                values
            });
            self.comma_or(&Token::BracketClose, "`,` or `]`")?;
        }
        self.pos += 1;
        let end = self.last_end();
        if is_mutable {
            self.edits.open(start, "(");
            self.edits.close(end, "|kiln_l)");
        }
        Ok(Expr { start, end, kind: Kind::Other, value: values.map(Constant::Array) })
    }

    fn dict(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        self.pos += 1;
        let mut map = Some(serde_json::Map::new());
        while !matches!(self.peek(), Some(Token::BraceClose)) {
            let key = self.expression()?;
            if !matches!(self.peek(), Some(Token::Colon)) {
                return self.expected("`:`");
            }
            self.pos += 1;
            let value = self.expression()?;
            let entry = key.value.as_ref().and_then(Constant::as_str).map(str::to_string).zip(value.value);
            map = map.zip(entry).map(|(mut map, (key, value))| {
                map.insert(key, value);
                map
            });
            self.comma_or(&Token::BraceClose, "`,` or `}`")?;
        }
        self.pos += 1;
        let end = self.last_end();
        self.edits.open(start, "(");
        self.edits.close(end, "|kiln_d)");
        Ok(Expr { start, end, kind: Kind::Other, value: map.map(Constant::Object) })
    }

    pub(super) fn comma_or(&mut self, close: &Token<'_>, what: &str) -> Parsed<()> {
        match self.peek() {
            Some(Token::Comma) => {
                self.pos += 1;
                Ok(())
            }
            Some(token) if std::mem::discriminant(token) == std::mem::discriminant(close) => Ok(()),
            _ => self.expected(what),
        }
    }
}
