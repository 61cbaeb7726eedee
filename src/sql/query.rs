//! One query, understood: its columns, where each comes from, and what decides which rows there are.
//!
//! Nothing here fails. What is not understood is said to be unknown, with a reason.

use std::fmt;

use super::Dialect;
use super::analysis::Analysis;
use super::flow::{Flow, How, Sources};
use super::keeping::{self, Keeping};
use super::parse;
use super::qualify::NOWHERE;
use super::scope::Relation;

/// The name of a table as a query writes it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// Database, schema and identifier, or the last of them.
    pub parts: Vec<String>,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}

/// What is known of a table.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its columns, in order, in the letters of the database.
    pub columns: Vec<String>,
    /// Why there may be more, if so.
    pub open: Option<String>,
}

/// What the caller knows of tables.
pub trait Tables {
    /// The columns of a table.
    fn columns(&self, name: &TableName) -> Known;

    /// What a table is called when queries are compared: the same wherever it is built.
    fn identity(&self, name: &TableName) -> String {
        name.to_string().to_lowercase()
    }

    /// The table that a file, or the call of a table function, stands for.
    fn written(&self, _text: &str) -> Option<TableName> {
        None
    }

    /// Whether a common table expression stands for a table of its own and is not to be looked into.
    fn is_table(&self, _expression: &str) -> bool {
        false
    }
}

/// A column that a query reads, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Number of the table in [`Query::tables`].
    pub table: usize,
    /// The column.
    pub column: String,
    /// How it gets there.
    pub how: How,
}

/// A column of a query's result.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub sources: Vec<Source>,
    /// Why not all of its sources are known, if so.
    pub unknown: Option<String>,
    /// Equal for columns that are computed in the same way; names and subqueries do not matter.
    pub print: u64,
}

/// Columns of a result that are not listed.
#[derive(Clone, Debug)]
pub struct Unlisted {
    /// Why.
    pub reason: String,
    /// The tables from which a column that is not listed passes: of each branch of a union one of several.
    /// A table that is not known is left out of its branch, so that an empty branch says that nothing is known.
    pub branches: Vec<Vec<usize>>,
    /// Names that do not pass.
    pub hidden: Vec<String>,
}

/// A query, as far as it is understood.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The columns of its result.
    pub outputs: Vec<OutputColumn>,
    /// Why and from where there may be more columns, if so.
    pub unlisted: Option<Unlisted>,
    /// The columns that decide which rows there are, or their order.
    pub uses: Vec<Source>,
    /// The tables that it reads.
    pub tables: Vec<TableName>,
    /// The columns of each table: those that are known, then those that the query names besides.
    pub table_columns: Vec<Vec<String>>,
    /// What could not be understood.
    pub unknown: Vec<String>,
    /// Names of columns that are in nothing that the query reads, all of whose columns are known.
    pub missing: Vec<String>,
    /// Equal for queries with the same rows, as far as their text tells.
    pub print: u64,
    /// What stays true of columns that it passes on.
    pub keeps: Keeping,
}

/// Finds out what a query's columns are made of.
#[must_use]
pub fn analyze(sql: &str, dialect: Dialect, tables: &dyn Tables) -> Query {
    let parsed = match parse::parse(dialect, sql) {
        Ok(parsed) => parsed,
        Err(reason) => {
            let unlisted = Unlisted { reason: reason.clone(), branches: vec![Vec::new()], hidden: Vec::new() };
            return Query { unlisted: Some(unlisted), unknown: vec![reason], ..Query::default() };
        }
    };
    let mut analysis = Analysis::new(dialect, tables, &parsed.pivots);
    let relation = analysis.query(&parsed.query, None);
    Query { keeps: keeping::of(&parsed), ..answer(analysis, &relation) }
}

fn answer(analysis: Analysis<'_>, relation: &Relation) -> Query {
    let outputs = relation.columns.iter().map(|column| output(&analysis, &column.name.text, &column.flow)).collect();
    let is_real = |table: &usize| *table != NOWHERE && analysis.tables[*table].content.is_none();
    let unlisted = relation.open.as_ref().map(|open| Unlisted {
        reason: open.reason.to_string(),
        branches: open.branches.iter().map(|branch| branch.iter().copied().filter(is_real).collect()).collect(),
        hidden: open.hidden.iter().map(ToString::to_string).collect(),
    });
    Query {
        outputs,
        unlisted,
        uses: sources(&analysis, &relation.rows, None),
        print: relation.print,
        unknown: analysis.unknown,
        missing: analysis.missing,
        table_columns: analysis
            .tables
            .iter()
            .map(|table| table.columns.iter().map(|column| column.text.to_string()).collect())
            .collect(),
        tables: analysis.tables.into_iter().map(|table| table.name).collect(),
        keeps: Keeping::default(),
    }
}

fn output(analysis: &Analysis<'_>, name: &str, flow: &Flow) -> OutputColumn {
    OutputColumn {
        name: name.to_owned(),
        sources: sources(analysis, &flow.sources, Some(name)),
        unknown: flow.unknown.as_ref().map(ToString::to_string),
        print: flow.print,
    }
}

fn sources(analysis: &Analysis<'_>, sources: &Sources, name: Option<&str>) -> Vec<Source> {
    let made = sources.iter().map(|(base, how)| {
        let column = &analysis.tables[base.table].columns[base.column];
        let is_same = name.is_none_or(|name| *analysis.dialect.key(name, true) == *column.key);
        let how = if how == How::Pass && !is_same { How::Rename } else { how };
        Source { table: base.table, column: column.text.to_string(), how }
    });
    made.collect()
}
