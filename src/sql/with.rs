//! The common table expressions that a query begins with: where each stands in the text, and which of them a query
//! reads. Only the text is looked at; nothing is changed here.

use std::collections::BTreeSet;
use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::Dialect;
use super::grammar::grammar;
use super::query::{Known, TableName, Tables, analyze};

/// The `with` clause of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithClause {
    /// `with`, and `recursive` if it is there.
    pub keywords: Range<usize>,
    /// The expressions, in order.
    pub ctes: Vec<Cte>,
    /// Where the query itself begins.
    pub query: usize,
}

/// A common table expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cte {
    /// Its name, without quotes.
    pub name: String,
    /// Its name as it is written.
    pub written: Range<usize>,
    /// From its name to the closing parenthesis.
    pub whole: Range<usize>,
    /// Its query, without the parentheses.
    pub body: Range<usize>,
    key: String,
}

/// Finds the `with` clause of a query; `None` if the query has none, or its text is not understood.
#[must_use]
pub fn with_clause(sql: &str, dialect: Dialect) -> Option<WithClause> {
    let tokens = Tokenizer::new(grammar(dialect), sql).tokenize_with_location().ok()?;
    let tokens = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    Reader { sql, dialect, lines: line_starts(sql), tokens, at: 0 }.with_clause()
}

impl WithClause {
    /// Finds an expression by name; quotes around it do not matter.
    #[must_use]
    pub fn find(&self, name: &str, dialect: Dialect) -> Option<usize> {
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let key = dialect.key(bare.unwrap_or(name), bare.is_some());
        let is_named = |cte: &Cte| cte.key == key || cte.name == name;
        self.ctes.iter().position(is_named)
    }

    /// The expressions that these parts of the text need, directly or through others. Those in `replaced` need none.
    #[must_use]
    pub fn needed(&self, sql: &str, dialect: Dialect, from: Range<usize>, replaced: &[usize]) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut queue = vec![from];
        while let Some(part) = queue.pop() {
            for ix in self.read_by(&sql[part], dialect) {
                if needed.insert(ix) && !replaced.contains(&ix) {
                    queue.push(self.ctes[ix].body.clone());
                }
            }
        }
        needed
    }

    /// The expressions that a query names. If it cannot be read, every word in it may be such a name.
    fn read_by(&self, sql: &str, dialect: Dialect) -> Vec<usize> {
        let query = analyze(sql, dialect, &NothingKnown);
        let tables = query.tables.iter().filter(|table| table.parts.len() == 1);
        let mut names: BTreeSet<String> = tables.map(|table| table.parts[0].to_lowercase()).collect();
        if !query.unknown.is_empty() {
            let words = sql.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            names.extend(words.map(str::to_lowercase));
        }
        (0..self.ctes.len()).filter(|ix| names.contains(&self.ctes[*ix].name.to_lowercase())).collect()
    }
}

/// Every table may have any column.
struct NothingKnown;

impl Tables for NothingKnown {
    fn columns(&self, _name: &TableName) -> Known {
        Known { columns: Vec::new(), open: Some("it is not looked at".to_owned()) }
    }
}

struct Reader<'a> {
    sql: &'a str,
    dialect: Dialect,
    lines: Vec<usize>,
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl Reader<'_> {
    fn with_clause(mut self) -> Option<WithClause> {
        let start = self.start()?;
        self.keyword(Keyword::WITH)?;
        let mut end = self.end_of_last();
        if self.keyword(Keyword::RECURSIVE).is_some() {
            end = self.end_of_last();
        }
        let mut ctes = Vec::new();
        loop {
            ctes.push(self.cte()?);
            if !self.takes(&Token::Comma) {
                break;
            }
        }
        Some(WithClause { keywords: start..end, ctes, query: self.start()? })
    }

    fn cte(&mut self) -> Option<Cte> {
        let start = self.start()?;
        let Token::Word(word) = &self.tokens.get(self.at)?.token else { return None };
        let (name, is_quoted) = (word.value.clone(), word.quote_style.is_some());
        self.at += 1;
        let written = start..self.end_of_last();
        if self.takes(&Token::LParen) {
            self.close()?;
        }
        self.keyword(Keyword::AS)?;
        let _ = self.keyword(Keyword::NOT);
        let _ = self.keyword(Keyword::MATERIALIZED);
        if !self.takes(&Token::LParen) {
            return None;
        }
        let body = self.end_of_last();
        let end = self.close()?;
        let key = self.dialect.key(&name, is_quoted);
        Some(Cte { name, written, whole: start..self.end_of_last(), body: body..end, key })
    }

    /// Goes behind the parenthesis that closes the one before, and gives where it stands.
    fn close(&mut self) -> Option<usize> {
        let mut depth = 1_usize;
        loop {
            let start = self.start()?;
            match self.tokens[self.at].token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(start);
            }
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_it = self.tokens.get(self.at).is_some_and(|found| found.token == *token);
        self.at += usize::from(is_it);
        is_it
    }

    fn keyword(&mut self, keyword: Keyword) -> Option<()> {
        match &self.tokens.get(self.at)?.token {
            Token::Word(word) if word.keyword == keyword && word.quote_style.is_none() => {
                self.at += 1;
                Some(())
            }
            _ => None,
        }
    }

    /// Where the next token begins.
    fn start(&self) -> Option<usize> {
        self.tokens.get(self.at).map(|token| self.offset(token.span.start))
    }

    /// Where the token before ends.
    fn end_of_last(&self) -> usize {
        self.tokens.get(self.at.wrapping_sub(1)).map_or(0, |token| self.offset(token.span.end))
    }

    fn offset(&self, place: Location) -> usize {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let start = self.lines.get(number(place.line)).copied().unwrap_or(self.sql.len());
        self.sql[start..].char_indices().nth(number(place.column)).map_or(self.sql.len(), |(at, _)| start + at)
    }
}

fn line_starts(sql: &str) -> Vec<usize> {
    std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "-- ü\nwith recursive a as (select ')' as x),\n \"B\" (y) as materialized (\n  select x from a\n), c as (select 1)\nselect * from \"B\"";

    #[test]
    fn every_expression_has_its_place() {
        let with = with_clause(SQL, Dialect::DuckDb).expect("a with clause");
        assert_eq!(&SQL[with.keywords.clone()], "with recursive");
        let bodies: Vec<&str> = with.ctes.iter().map(|cte| SQL[cte.body.clone()].trim()).collect();
        assert_eq!(bodies, ["select ')' as x", "select x from a", "select 1"]);
        assert_eq!(&SQL[with.ctes[1].written.clone()], "\"B\"");
        assert_eq!(&SQL[with.query..], "select * from \"B\"");
        assert_eq!(with_clause("select 1", Dialect::DuckDb), None);
    }

    #[test]
    fn only_what_is_read_is_needed() {
        let with = with_clause(SQL, Dialect::DuckDb).expect("a with clause");
        let needed = |replaced: &[usize]| with.needed(SQL, Dialect::DuckDb, with.query..SQL.len(), replaced);
        assert_eq!(needed(&[]), BTreeSet::from([0, 1]));
        assert_eq!(needed(&[1]), BTreeSet::from([1]));
        assert_eq!(with.find("b", Dialect::DuckDb), Some(1));
        let with = with_clause(SQL, Dialect::Postgres).expect("a with clause");
        assert_eq!((with.find("b", Dialect::Postgres), with.find("\"B\"", Dialect::Postgres)), (None, Some(1)));
    }
}
