//! Statements: the tags of a template, and the heads of macro blocks.

use std::ops::Range;

use super::super::lexer::{Token, tokenize};
use super::expression::Kind;
use super::{Constant, Fault, MACRO_NAME, Parsed, Rewriter, rewrite_text};

/// A tag that waits for its end.
#[derive(Debug)]
pub(super) struct OpenTag {
    word: &'static str,
    span: Range<usize>,
}

/// Adapter and languages of a materialization block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// `default` unless named.
    pub(crate) adapter: String,
    /// `sql` unless listed.
    pub(crate) languages: Vec<String>,
}

/// Reads the head of a materialization block. Mistakes in it are reported
/// when the block is rewritten.
pub(crate) fn materialization_header(text: &str) -> Header {
    let mut header = Header { adapter: "default".to_string(), languages: vec!["sql".to_string()] };
    let head = text.find("%}").map_or(text, |end| &text[..end + 2]);
    let Ok(tokens) = tokenize(head) else {
        return header;
    };
    let mut rewriter = Rewriter::new(head, tokens, true);
    rewriter.pos =
        rewriter.tokens.iter().position(|lexeme| matches!(lexeme.token, Token::BlockStart)).map_or(0, |ix| ix + 3);
    while let Ok(Some((name, value))) = rewriter.materialization_option() {
        match (name.as_str(), value) {
            ("adapter", Some(Constant::String(adapter))) => header.adapter = adapter,
            ("supported_languages", Some(Constant::Array(languages))) => {
                header.languages =
                    languages.iter().filter_map(|language| language.as_str().map(str::to_string)).collect();
            }
            _ => {}
        }
    }
    header
}

impl Rewriter<'_> {
    /// The whole text.
    pub(super) fn template(&mut self) -> Parsed<()> {
        while let Some(token) = self.peek() {
            match token {
                Token::VariableStart => self.output()?,
                Token::BlockStart => {
                    self.pos += 1;
                    self.statement()?;
                }
                _ => self.pos += 1,
            }
        }
        match self.open.pop() {
            None => Ok(()),
            Some(tag) => Err(Fault::at(
                tag.span,
                format!("`{}` is never closed: there is no `{{% {} %}}`", tag.word, end_word(tag.word)),
            )),
        }
    }

    fn output(&mut self) -> Parsed<()> {
        self.pos += 1;
        self.tuple(true)?;
        if !matches!(self.peek(), Some(Token::VariableEnd)) {
            return self.expected("`}}`");
        }
        self.pos += 1;
        Ok(())
    }

    fn statement(&mut self) -> Parsed<()> {
        let span = self.here();
        let Some(Token::Ident(word)) = self.peek() else {
            return self.expected("the name of a tag");
        };
        let word = *word;
        self.pos += 1;
        match word {
            "if" => {
                self.push("if", span);
                self.tuple(false)?;
            }
            "elif" => {
                self.inside(&["if"], word, &span)?;
                self.tuple(false)?;
            }
            "else" => self.inside(&["if", "for"], word, &span)?,
            "for" => {
                self.push("for", span);
                self.for_head()?;
            }
            "set" => self.set(span)?,
            "do" => self.do_statement()?,
            "call" => {
                self.push("call", span);
                self.call_head()?;
            }
            "filter" => {
                self.push("filter", span);
                self.filter_chain()?;
            }
            "with" => {
                self.push("with", span);
                self.with_head()?;
            }
            "autoescape" => {
                self.push("autoescape", span);
                self.expression()?;
            }
            "macro" | "test" | "data_test" if self.is_head(word) => self.macro_head(word, span)?,
            "materialization" if self.is_head(word) => self.materialization_head(span)?,
            "macro" => self.inner_macro_head(span)?,
            "break" | "continue" => self.loop_control(word, &span)?,
            _ => self.other_tag(word, &span)?,
        }
        self.tag_end()?;
        self.set_late_defaults()
    }

    /// minijinja evaluates the defaults of parameters from the last to the first, so one that names an earlier
    /// parameter would not find it. It is evaluated by a `set` behind the head instead.
    fn set_late_defaults(&mut self) -> Parsed<()> {
        let end = self.last_end();
        let dash = if self.text[..end].ends_with("-%}") { "-" } else { "" };
        for (name, range) in std::mem::take(&mut self.late_defaults) {
            let rewritten = rewrite_text(&format!("{{{{ {} }}}}", &self.text[range.clone()]), false)?.text;
            let default = rewritten.trim_start_matches("{{").trim_end_matches("}}").trim();
            // The last edits of an expression stand behind it.
            self.edits.forget(range.start, range.end + 1);
            self.edits.replace(range.start, range.end, "kiln_unset");
            let set = format!("{{% set {name} = ({name} if {name} is defined else ({default})) {dash}%}}");
            self.edits.close(end, set);
        }
        Ok(())
    }

    /// Whether this is the head of the macro block itself.
    fn is_head(&self, _word: &str) -> bool {
        self.is_macro && self.head_end.is_none() && self.open.is_empty()
    }

    fn push(&mut self, word: &'static str, span: Range<usize>) {
        self.open.push(OpenTag { word, span });
    }

    fn inside(&self, allowed: &[&str], word: &str, span: &Range<usize>) -> Parsed<()> {
        match self.open.last() {
            Some(tag) if allowed.contains(&tag.word) => Ok(()),
            _ => Err(Fault::at(span.clone(), self.unknown_tag(word))),
        }
    }

    fn unknown_tag(&self, word: &str) -> String {
        match self.open.last() {
            Some(tag) => format!(
                "unexpected tag `{word}`: the innermost block is `{}`, which ends with `{{% {} %}}`",
                tag.word,
                end_word(tag.word)
            ),
            None => format!("unknown tag `{word}`"),
        }
    }

    /// Ends, and tags that dbt's templates have no use for.
    fn other_tag(&mut self, word: &str, span: &Range<usize>) -> Parsed<()> {
        let fault = |message: String| Err(Fault::at(span.clone(), message));
        if matches!(word, "include" | "import" | "from" | "extends" | "block") {
            return fault(format!("`{word}` is not supported: dbt's templates cannot refer to other files"));
        }
        if !word.starts_with("end") {
            return fault(self.unknown_tag(word));
        }
        match self.open.last() {
            Some(tag) if end_word(tag.word) == word => {
                if matches!(tag.word, "test" | "data_test" | "materialization") {
                    self.edits.replace(span.start, span.end, "endmacro");
                }
                self.open.pop();
                Ok(())
            }
            _ => fault(self.unknown_tag(word)),
        }
    }

    /// `%}`, and the colon that Python programmers put before it.
    fn tag_end(&mut self) -> Parsed<()> {
        if matches!(self.peek(), Some(Token::Colon)) {
            let colon = self.here();
            self.edits.replace(colon.start, colon.end, "");
            self.pos += 1;
        }
        if !matches!(self.peek(), Some(Token::BlockEnd)) {
            return self.expected("`%}`");
        }
        self.pos += 1;
        Ok(())
    }

    fn loop_control(&mut self, word: &str, span: &Range<usize>) -> Parsed<()> {
        if self.open.iter().any(|tag| tag.word == "for") {
            return Ok(());
        }
        Err(Fault::at(span.clone(), format!("`{word}` must stand inside a `for` loop")))
    }

    /// Names on the left of `in` and `=`.
    fn target(&mut self, what: &str) -> Parsed<()> {
        let mut n = 0;
        while !self.is_word("in") {
            match self.peek() {
                Some(Token::Ident(_) | Token::Comma | Token::ParenOpen | Token::ParenClose | Token::Dot) => {
                    self.pos += 1
                }
                _ => break,
            }
            n += 1;
        }
        if n == 0 {
            return self.expected(what);
        }
        Ok(())
    }

    fn for_head(&mut self) -> Parsed<()> {
        self.target("the name of the loop variable")?;
        if !self.skip_word("in") {
            return self.expected("`in`");
        }
        if self.bare_literal()?.is_none() {
            self.tuple(false)?;
        } else if matches!(self.peek(), Some(Token::Comma)) {
            return self.expected("`%}`");
        }
        if self.skip_word("if") {
            self.expression()?;
        }
        self.skip_word("recursive");
        Ok(())
    }

    fn set(&mut self, span: Range<usize>) -> Parsed<()> {
        self.target("the name of a variable")?;
        match self.peek() {
            Some(Token::Assign) => {
                self.pos += 1;
                self.tuple(true)?;
            }
            Some(Token::Pipe) => {
                self.push("set", span);
                self.pos += 1;
                self.filter_chain()?;
            }
            Some(Token::BlockEnd) => self.push("set", span),
            _ => return self.expected("`=` or `%}`"),
        }
        Ok(())
    }

    /// minijinja wants a call after `do`; other expressions are put in one.
    fn do_statement(&mut self) -> Parsed<()> {
        let expr = self.tuple(true)?;
        if expr.kind != Kind::Call {
            self.edits.open(expr.start, "kiln_do(");
            self.edits.close(expr.end, ")");
        }
        Ok(())
    }

    fn call_head(&mut self) -> Parsed<()> {
        if matches!(self.peek(), Some(Token::ParenOpen)) {
            self.signature()?;
        }
        let start = self.here();
        let expr = self.expression()?;
        if expr.kind != Kind::Call {
            return Err(Fault::at(start.start..expr.end, "`call` wants a call, such as `{% call my_macro() %}`"));
        }
        Ok(())
    }

    fn with_head(&mut self) -> Parsed<()> {
        while !matches!(self.peek(), None | Some(Token::BlockEnd | Token::Colon)) {
            self.target("the name of a variable")?;
            if !matches!(self.peek(), Some(Token::Assign)) {
                return self.expected("`=`");
            }
            self.pos += 1;
            self.expression()?;
            if matches!(self.peek(), Some(Token::Comma)) {
                self.pos += 1;
            }
        }
        Ok(())
    }

    /// `(a, b: type = default)`; types are dropped. Returns the names and the
    /// offset of the closing parenthesis.
    fn signature(&mut self) -> Parsed<(Vec<String>, usize)> {
        if !matches!(self.peek(), Some(Token::ParenOpen)) {
            return self.expected("`(`");
        }
        self.pos += 1;
        let mut names = Vec::new();
        let mut has_default = false;
        loop {
            match self.peek() {
                Some(Token::ParenClose) => break,
                Some(Token::Ident(name)) => names.push((*name).to_string()),
                _ => return self.expected("the name of a parameter or `)`"),
            }
            self.pos += 1;
            if matches!(self.peek(), Some(Token::Colon)) {
                let start = self.here().start;
                self.pos += 1;
                self.type_name()?;
                self.edits.replace(start, self.last_end(), "");
            }
            if matches!(self.peek(), Some(Token::Assign)) {
                self.pos += 1;
                let (first, start) = (self.pos, self.here().start);
                self.expression()?;
                let names_earlier = self.tokens[first..self.pos].iter().any(|lexeme| match &lexeme.token {
                    Token::Ident(word) => names[..names.len() - 1].iter().any(|name| name == word),
                    _ => false,
                });
                if names_earlier {
                    let name = names.last().cloned().unwrap_or_default();
                    self.late_defaults.push((name, start..self.last_end()));
                }
                has_default = true;
            } else if has_default {
                return self.fault("a parameter without default follows one with a default");
            }
            match self.peek() {
                Some(Token::Comma) => self.pos += 1,
                Some(Token::ParenClose) => {}
                _ => return self.expected("`,` or `)`"),
            }
        }
        let close = self.here().start;
        self.pos += 1;
        Ok((names, close))
    }

    /// `list[int]`, `Dict[str, str]`.
    fn type_name(&mut self) -> Parsed<()> {
        if !matches!(self.peek(), Some(Token::Ident(_))) {
            return self.expected("the name of a type");
        }
        self.pos += 1;
        if !matches!(self.peek(), Some(Token::BracketOpen)) {
            return Ok(());
        }
        self.pos += 1;
        loop {
            match self.peek() {
                Some(Token::BracketClose) => break,
                Some(Token::Comma) => self.pos += 1,
                _ => self.type_name()?,
            }
        }
        self.pos += 1;
        Ok(())
    }

    fn macro_head(&mut self, word: &str, span: Range<usize>) -> Parsed<()> {
        if word != "macro" {
            self.edits.replace(span.start, span.end, "macro");
        }
        let name = self.here();
        if !matches!(self.peek(), Some(Token::Ident(_))) {
            return self.expected("the name of the macro");
        }
        self.pos += 1;
        self.edits.replace(name.start, name.end, MACRO_NAME);
        let (params, close) = self.signature()?;
        self.params = params;
        self.head_end = Some(close);
        self.push(
            match word {
                "test" => "test",
                "data_test" => "data_test",
                _ => "macro",
            },
            span,
        );
        Ok(())
    }

    fn inner_macro_head(&mut self, span: Range<usize>) -> Parsed<()> {
        if !matches!(self.peek(), Some(Token::Ident(_))) {
            return self.expected("the name of the macro");
        }
        self.pos += 1;
        self.signature()?;
        self.push("macro", span);
        Ok(())
    }

    /// `{% materialization name, adapter='x', supported_languages=[..] %}`.
    fn materialization_head(&mut self, span: Range<usize>) -> Parsed<()> {
        if !matches!(self.peek(), Some(Token::Ident(_))) {
            return self.expected("the name of the materialization");
        }
        self.pos += 1;
        while let Some((name, value)) = self.materialization_option()? {
            match (name.as_str(), &value) {
                ("default", None)
                | ("adapter", Some(Constant::String(_)))
                | ("supported_languages", Some(Constant::Array(_))) => {}
                ("default" | "adapter" | "supported_languages", _) => {
                    return self.fault(format!("`{name}` must be a constant"));
                }
                _ => {
                    return self.fault(format!(
                        "a materialization has no option `{name}`; it may have `adapter`, `default` and `supported_languages`"
                    ));
                }
            }
        }
        let end = self.last_end();
        self.edits.forget(span.start, end + 1);
        self.edits.replace(span.start, end, format!("macro {MACRO_NAME}()"));
        // No parameters, and none to hide.
        self.head_end = Some(end);
        self.is_macro = false;
        self.push("materialization", span);
        Ok(())
    }

    /// One `, name = value` or `, name`.
    fn materialization_option(&mut self) -> Parsed<Option<(String, Option<Constant>)>> {
        if !matches!(self.peek(), Some(Token::Comma)) {
            return Ok(None);
        }
        self.pos += 1;
        let Some(Token::Ident(name)) = self.peek() else {
            return self.expected("the name of an option");
        };
        let name = (*name).to_string();
        self.pos += 1;
        if !matches!(self.peek(), Some(Token::Assign)) {
            return Ok(Some((name, None)));
        }
        self.pos += 1;
        let value = self.expression()?;
        Ok(Some((name, value.value.or(Some(Constant::Null)))))
    }
}

fn end_word(word: &str) -> &'static str {
    match word {
        "if" => "endif",
        "for" => "endfor",
        "set" => "endset",
        "call" => "endcall",
        "filter" => "endfilter",
        "with" => "endwith",
        "autoescape" => "endautoescape",
        "test" => "endtest",
        "data_test" => "enddata_test",
        "materialization" => "endmaterialization",
        _ => "endmacro",
    }
}
