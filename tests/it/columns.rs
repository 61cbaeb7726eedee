//! Which columns queries make of which: tables of queries and answers, a file each dialect in `tests/lineage/`.
//!
//! `table` lines give the columns of tables; `...` at their end says that there may be more. A query ends at `=>`.
//! An answer has a line for each column, `name: table.column how, …`, then lines for what decides on rows. `KILN_BLESS=1` writes the answers; they are to be read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use kiln::sql::{self, Dialect, How, Known, Query, Source, TableName, Tables};

use crate::harness::{diff, root};

/// The tables of a file.
#[derive(Default)]
struct Declared(BTreeMap<String, Known>);

impl Tables for Declared {
    fn columns(&self, name: &TableName) -> Known {
        let last = name.parts.last().map(|part| part.to_lowercase()).unwrap_or_default();
        let none = || Known { columns: Vec::new(), open: Some(format!("the columns of `{name}` are not known")) };
        self.0.get(&last).cloned().unwrap_or_else(none)
    }

    fn is_table(&self, expression: &str) -> bool {
        expression.starts_with("__dbt__cte__")
    }
}

#[test]
fn columns_of_duckdb_queries() {
    check("duckdb.txt", Dialect::DuckDb);
}

#[test]
fn columns_of_postgres_queries() {
    check("postgres.txt", Dialect::Postgres);
}

#[track_caller]
fn check(file: &str, dialect: Dialect) {
    let path = root().join("tests/lineage").join(file);
    let text = fs::read_to_string(&path).expect("the file of queries can be read");
    let mut tables = Declared::default();
    let (mut made, mut failures, mut n_queries) = (String::new(), String::new(), 0);
    for block in text.split("\n\n") {
        let block = block.trim_matches('\n');
        let Some((query, expected)) = block.split_once("\n=>") else {
            block.lines().for_each(|line| declare(line, &mut tables));
            let _ = write!(made, "{block}\n\n");
            continue;
        };
        n_queries += 1;
        let sql: Vec<&str> = query.lines().filter(|line| !line.starts_with("# ")).collect();
        let answer = answer(&sql::analyze(&sql.join("\n"), dialect, &tables));
        if expected.trim() != answer.trim() {
            let _ = write!(failures, "{query}\n{}\n", diff::diff(expected.trim(), answer.trim()));
        }
        let _ = write!(made, "{query}\n=>\n{answer}\n");
    }
    if std::env::var_os("KILN_BLESS").is_some_and(|value| value == "1") && std::env::var_os("CI").is_none() {
        fs::write(&path, made.trim_end().to_owned() + "\n").expect("the file of queries can be written");
        return;
    }
    assert!(failures.is_empty(), "\n{failures}\nKILN_BLESS=1 cargo test accepts these answers; read the diff");
    assert!(n_queries >= 150, "{n_queries} queries");
}

/// `table orders(id, amount, ...)`.
fn declare(line: &str, tables: &mut Declared) {
    let Some((name, columns)) = line.strip_prefix("table ").and_then(|rest| rest.strip_suffix(')')?.split_once('('))
    else {
        return;
    };
    let mut columns: Vec<String> = columns.split(", ").map(str::to_owned).collect();
    let open = columns.iter().any(|column| column == "...").then(|| format!("`{name}` may have more columns"));
    columns.retain(|column| column != "...");
    tables.0.insert(name.to_owned(), Known { columns, open });
}

fn answer(query: &Query) -> String {
    let mut text = String::new();
    for output in &query.outputs {
        let mut parts: Vec<String> =
            output.sources.iter().map(|source| format!("{} {}", column(query, source), source.how.as_str())).collect();
        parts.extend(output.unknown.iter().map(|reason| format!("? {reason}")));
        let _ = writeln!(text, "{}:{}{}", output.name, if parts.is_empty() { "" } else { " " }, parts.join(", "));
    }
    for how in How::ALL {
        let used: Vec<String> =
            query.uses.iter().filter(|source| source.how == how).map(|source| column(query, source)).collect();
        if !used.is_empty() {
            let _ = writeln!(text, "> {} {}", how.as_str(), used.join(", "));
        }
    }
    if let Some(unlisted) = &query.unlisted {
        let tables = |branch: &Vec<usize>| {
            branch.iter().map(|table| query.tables[*table].to_string()).collect::<Vec<_>>().join("|")
        };
        let through: Vec<String> = unlisted.branches.iter().map(tables).filter(|branch| !branch.is_empty()).collect();
        let through = if through.is_empty() { String::new() } else { format!(" from {}", through.join(" and ")) };
        let _ = writeln!(text, "> more{through}: {}", unlisted.reason);
    }
    for reason in &query.unknown {
        let _ = writeln!(text, "> unknown: {reason}");
    }
    text
}

fn column(query: &Query, source: &Source) -> String {
    let table = query.tables[source.table].parts.last().cloned().unwrap_or_default();
    format!("{table}.{}", source.column)
}
