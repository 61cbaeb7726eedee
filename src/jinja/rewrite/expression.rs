//! Expressions: the operators of Jinja's grammar, one function per level.

use super::super::lexer::Token;
use super::{Constant, Fault, Parsed, Rewriter};
use std::ops::Range;

/// Nesting beyond this is refused rather than risk the stack.
const MAX_DEPTH: usize = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or names with dots.
    Path,
    Number,
    Text,
    Call,
    Other,
}

/// What is known of a parsed expression.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: Kind,
    pub(super) value: Option<Constant>,
}

impl Expr {
    pub(super) fn other(start: usize, end: usize) -> Expr {
        Expr { start, end, kind: Kind::Other, value: None }
    }

    pub(super) fn constant(range: Range<usize>, kind: Kind, value: Constant) -> Expr {
        Expr { start: range.start, end: range.end, kind, value: Some(value) }
    }
}

impl Rewriter<'_> {
    /// One expression, inline `if` included.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fault("this expression is nested too deeply");
        }
        let mut expr = self.or()?;
        while self.skip_word("if") {
            self.or()?;
            if self.skip_word("else") {
                self.expression()?;
            }
            expr = Expr::other(expr.start, self.last_end());
        }
        self.depth -= 1;
        Ok(expr)
    }

    /// Expressions with commas between them, which make a tuple; the tuple
    /// gets the parentheses that minijinja wants.
    pub(super) fn tuple(&mut self, with_inline_if: bool) -> Parsed<Expr> {
        let first = self.tuple_item(with_inline_if)?;
        if !matches!(self.peek(), Some(Token::Comma)) {
            return Ok(first);
        }
        while matches!(self.peek(), Some(Token::Comma)) {
            self.pos += 1;
            if self.at_tuple_end() {
                break;
            }
            self.tuple_item(with_inline_if)?;
        }
        let end = self.last_end();
        self.edits.open(first.start, "(");
        self.edits.close(end, ")");
        Ok(Expr::other(first.start, end))
    }

    fn tuple_item(&mut self, with_inline_if: bool) -> Parsed<Expr> {
        if with_inline_if { self.expression() } else { self.or() }
    }

    fn at_tuple_end(&self) -> bool {
        matches!(
            self.peek(),
            None | Some(Token::VariableEnd | Token::BlockEnd | Token::ParenClose | Token::BracketClose | Token::Colon)
        ) || self.is_word("recursive")
    }

    pub(super) fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.skip_word("or") {
            let right = self.and()?;
            left = Expr::other(left.start, right.end);
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.not()?;
        while self.skip_word("and") {
            let right = self.not()?;
            left = Expr::other(left.start, right.end);
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        let start = self.here().start;
        let mut negated = false;
        while self.skip_word("not") {
            negated = true;
        }
        let expr = self.compare()?;
        Ok(if negated { Expr::other(start, expr.end) } else { expr })
    }

    fn compare(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        loop {
            let is_in = self.is_word("in");
            let is_not_in = self.is_word("not") && matches!(self.peek_at(1), Some(Token::Ident(word)) if *word == "in");
            if is_in || is_not_in {
                self.pos += if is_in { 1 } else { 2 };
                let right = match self.bare_literal()? {
                    Some(literal) => literal,
                    None => self.sum()?,
                };
                left = Expr::other(left.start, right.end);
                continue;
            }
            let filter = match self.peek() {
                Some(Token::Eq) => ")|kiln_eq(",
                Some(Token::Ne) => ")|kiln_ne(",
                Some(Token::Lt) => ")|kiln_lt(",
                Some(Token::Lte) => ")|kiln_le(",
                Some(Token::Gt) => ")|kiln_gt(",
                Some(Token::Gte) => ")|kiln_ge(",
                _ => return Ok(left),
            };
            let op = self.here();
            self.pos += 1;
            let right = self.sum()?;
            // Only numbers compare with decimals, which need help.
            let may_be_number = |expr: &Expr| match &expr.value {
                None => true,
                Some(constant) => constant.is_number(),
            };
            let is_constant = left.value.is_some() && right.value.is_some();
            if may_be_number(&left) && may_be_number(&right) && !is_constant {
                self.operator(filter, &left, op, &right);
            }
            left = Expr::other(left.start, right.end);
        }
    }

    /// A list or dict that is only searched or iterated need not be one that
    /// can change. `None` if anything follows it that works on it.
    pub(super) fn bare_literal(&mut self) -> Parsed<Option<Expr>> {
        if !matches!(self.peek(), Some(Token::BracketOpen)) || !self.literal_stands_alone() {
            return Ok(None);
        }
        self.list(false).map(Some)
    }

    fn literal_stands_alone(&self) -> bool {
        let mut depth = 0usize;
        let mut ix = self.pos;
        while let Some(lexeme) = self.tokens.get(ix) {
            match lexeme.token {
                Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => depth += 1,
                Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
            ix += 1;
            if depth == 0 {
                break;
            }
        }
        match self.tokens.get(ix).map(|lexeme| &lexeme.token) {
            Some(
                Token::BlockEnd
                | Token::VariableEnd
                | Token::ParenClose
                | Token::BracketClose
                | Token::BraceClose
                | Token::Comma
                | Token::Colon,
            ) => true,
            Some(Token::Ident(word)) => matches!(*word, "and" | "or" | "if" | "else" | "recursive"),
            _ => false,
        }
    }

    /// `left op right` becomes `((left)|filter(right))`.
    fn operator(&mut self, filter: &'static str, left: &Expr, op: Range<usize>, right: &Expr) {
        self.edits.open(left.start, "((");
        self.edits.replace(op.start, op.end, filter);
        self.edits.close(right.end, "))");
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.concat()?;
        loop {
            let filter = match self.peek() {
                Some(Token::Plus) => ")|kiln_add(",
                Some(Token::Minus) => ")|kiln_sub(",
                _ => return Ok(left),
            };
            let op = self.here();
            self.pos += 1;
            let right = self.concat()?;
            let is_plain = |kind| matches!(kind, Kind::Number);
            if !is_plain(left.kind) || !is_plain(right.kind) {
                self.operator(filter, &left, op, &right);
            }
            left = Expr::other(left.start, right.end);
        }
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        while matches!(self.peek(), Some(Token::Tilde)) {
            self.pos += 1;
            let right = self.product()?;
            left = Expr::other(left.start, right.end);
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.power()?;
        loop {
            let filter = match self.peek() {
                Some(Token::Mul) => ")|kiln_mul(",
                Some(Token::Div) => ")|kiln_div(",
                Some(Token::FloorDiv) => ")|kiln_floordiv(",
                Some(Token::Mod) => ")|kiln_mod(",
                _ => return Ok(left),
            };
            let op = self.here();
            self.pos += 1;
            let right = self.power()?;
            self.operator(filter, &left, op, &right);
            left = Expr::other(left.start, right.end);
        }
    }

    fn power(&mut self) -> Parsed<Expr> {
        let mut left = self.unary(true)?;
        while matches!(self.peek(), Some(Token::Pow)) {
            let op = self.here();
            self.pos += 1;
            let right = self.unary(true)?;
            self.operator(")|kiln_pow(", &left, op, &right);
            left = Expr::other(left.start, right.end);
        }
        Ok(left)
    }

    fn unary(&mut self, with_filter: bool) -> Parsed<Expr> {
        let sign = self.here();
        let mut expr = match self.peek() {
            Some(Token::Minus) => {
                self.pos += 1;
                let operand = self.nested_unary()?;
                let value = operand.value.as_ref().and_then(negated);
                if value.is_none() {
                    self.edits.replace(sign.start, sign.end, "((");
                    self.edits.close(operand.end, ")|kiln_neg)");
                }
                Expr {
                    start: sign.start,
                    end: operand.end,
                    kind: if value.is_some() { Kind::Number } else { Kind::Other },
                    value,
                }
            }
            Some(Token::Plus) => {
                self.pos += 1;
                self.edits.replace(sign.start, sign.end, "");
                let operand = self.nested_unary()?;
                Expr::other(sign.start, operand.end)
            }
            _ => self.primary()?,
        };
        expr = self.postfix(expr)?;
        if with_filter {
            expr = self.filters(expr)?;
        }
        Ok(expr)
    }

    pub(super) fn nested_unary(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fault("this expression is nested too deeply");
        }
        let expr = self.unary(false);
        self.depth -= 1;
        expr
    }
}

fn negated(value: &Constant) -> Option<Constant> {
    if let Some(int) = value.as_i64() {
        return int.checked_neg().map(Constant::from);
    }
    value.as_f64().map(|float| Constant::from(-float))
}

impl Fault {
    /// A fault at a place other than the next token.
    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), span }
    }
}
