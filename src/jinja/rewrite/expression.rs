//! Expressions: Jinja's grammar, one function per level.

use super::super::lexer::Token;
use super::{Call, CallArg, Constant, Fault, Parsed, Rewriter};
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
    fn other(start: usize, end: usize) -> Expr {
        Expr { start, end, kind: Kind::Other, value: None }
    }

    fn constant(range: Range<usize>, kind: Kind, value: Constant) -> Expr {
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

    fn nested_unary(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fault("this expression is nested too deeply");
        }
        let expr = self.unary(false);
        self.depth -= 1;
        expr
    }

    fn primary(&mut self) -> Parsed<Expr> {
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

    fn list(&mut self, is_mutable: bool) -> Parsed<Expr> {
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

    fn comma_or(&mut self, close: &Token<'_>, what: &str) -> Parsed<()> {
        match self.peek() {
            Some(Token::Comma) => {
                self.pos += 1;
                Ok(())
            }
            Some(token) if std::mem::discriminant(token) == std::mem::discriminant(close) => Ok(()),
            _ => self.expected(what),
        }
    }

    fn postfix(&mut self, mut expr: Expr) -> Parsed<Expr> {
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
    fn arguments(&mut self) -> Parsed<Vec<CallArg>> {
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

    fn filters(&mut self, mut expr: Expr) -> Parsed<Expr> {
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
