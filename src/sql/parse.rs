//! Text to syntax tree. The only place that calls the parser.

use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, TableWithJoins};
use sqlparser::ast::{Query as QueryTree, Select};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Dialect;
use super::grammar::grammar;
use super::rewrite::{self, Pivot};

/// How deep expressions and subqueries may nest.
const DEPTH: usize = 200;

/// A query as a tree, with the pivots that were cut out of it.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) query: Box<QueryTree>,
    pub(super) pivots: Vec<ParsedPivot>,
}

/// A statement `pivot` or `unpivot`.
#[derive(Clone, Debug)]
pub(super) struct ParsedPivot {
    pub(super) is_unpivot: bool,
    pub(super) from: Vec<TableWithJoins>,
    pub(super) on: Vec<SelectItem>,
    pub(super) using: Vec<SelectItem>,
    /// What `group by` lists; empty when it is not written.
    pub(super) group: Vec<Expr>,
    /// The names after `into name … value …`.
    pub(super) names: Vec<String>,
}

/// Reads a query.
///
/// # Errors
/// A sentence about what could not be read.
pub(super) fn parse(dialect: Dialect, sql: &str) -> Result<Parsed, String> {
    let tokens = Tokenizer::new(grammar(dialect), sql)
        .with_unescape(true)
        .tokenize_with_location()
        .map_err(|error| unreadable(&error.to_string()))?;
    let (tokens, pivots) = rewrite::rewrite(dialect, tokens);
    let statements = parser(dialect, tokens).parse_statements().map_err(|error| unreadable(&error.to_string()))?;
    let query = query_of(statements)?;
    let pivots = pivots.into_iter().map(|pivot| parse_pivot(dialect, pivot)).collect::<Result<_, _>>()?;
    Ok(Parsed { query, pivots })
}

fn parser(dialect: Dialect, tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(grammar(dialect)).with_recursion_limit(DEPTH).with_tokens_with_locations(tokens)
}

fn unreadable(error: &str) -> String {
    let error = error.trim_start_matches("sql parser error: ");
    format!("the query could not be read: {error}")
}

/// The query of a text that may hold statements around it.
fn query_of(statements: Vec<Statement>) -> Result<Box<QueryTree>, String> {
    let mut queries = statements.into_iter().filter_map(|statement| match statement {
        Statement::Query(query) => Some(query),
        Statement::CreateTable(create) => create.query,
        Statement::CreateView(create) => Some(create.query),
        _ => None,
    });
    match (queries.next(), queries.next()) {
        (Some(query), None) => Ok(query),
        (Some(_), Some(_)) => Err("there are several queries".to_owned()),
        (None, _) => Err("there is no query".to_owned()),
    }
}

fn parse_pivot(dialect: Dialect, pivot: Pivot) -> Result<ParsedPivot, String> {
    let Pivot { is_unpivot, source, on, using, group } = pivot;
    let from = select_of(dialect, &["from"], source)?.from;
    let items = |tokens: Vec<TokenWithSpan>| match tokens.is_empty() {
        true => Ok(Vec::new()),
        false => select_of(dialect, &["select"], tokens).map(|select| select.projection),
    };
    let names = if is_unpivot { names_of(&using) } else { Vec::new() };
    let using = if is_unpivot { Vec::new() } else { items(using)? };
    let group = items(group)?.into_iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    Ok(ParsedPivot { is_unpivot, from, on: items(on)?, using, group: group.collect(), names })
}

/// Reads tokens as a clause of a select.
fn select_of(dialect: Dialect, head: &[&str], tokens: Vec<TokenWithSpan>) -> Result<Select, String> {
    let head = head.iter().map(|word| TokenWithSpan::wrap(Token::make_word(word, None)));
    let tokens = head.chain(tokens).collect();
    let query = parser(dialect, tokens).parse_query().map_err(|error| unreadable(&error.to_string()))?;
    match *query.body {
        SetExpr::Select(select) => Ok(*select),
        _ => Err("a pivot could not be read".to_owned()),
    }
}

fn names_of(tokens: &[TokenWithSpan]) -> Vec<String> {
    let words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if !word.value.eq_ignore_ascii_case("value") => Some(word.value.clone()),
        _ => None,
    });
    words.collect()
}
