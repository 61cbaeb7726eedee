//! What trying a statement of a hook may do. What reads or makes something on the bench is run there; what changes rows
//! is only bound; what reaches beyond the database is left alone.

use std::sync::LazyLock;

use regex::Regex;

use super::bench::ASIDE;
use crate::sql::{Dialect, first_words};

/// How a statement is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is run: nothing lasts of it.
    Run,
    /// It is run without its rows: `create table … as`.
    RunEmpty,
    /// It is planned or prepared, so that its names and types are looked up.
    Bind,
    /// It is said to have been done: transactions, and what only tidies up.
    Skip,
    /// It is left alone, since it reaches beyond the database.
    Leave,
}

/// What a bench has room for: kinds of things that statements make.
const MAKES: &[&str] = &[
    "aggregate",
    "domain",
    "extension",
    "function",
    "macro",
    "procedure",
    "schema",
    "sequence",
    "table",
    "type",
    "view",
];

/// Words between `create` and the kind.
const ADJECTIVES: &[&str] = &["or", "replace", "temp", "temporary", "global", "local", "unlogged", "recursive"];

/// How a statement is tried on a bench that is a database of its own, or not.
pub(super) fn way(dialect: Dialect, is_apart: bool, sql: &str) -> Way {
    let words = first_words(sql, 8);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_duckdb = dialect == Dialect::DuckDb;
    match words.as_slice() {
        ["begin" | "start" | "commit" | "rollback" | "abort" | "end" | "savepoint" | "release", ..] => Way::Skip,
        ["vacuum" | "checkpoint" | "analyze" | "reindex" | "cluster", ..] => Way::Skip,
        ["select" | "values" | "show" | "from" | "describe", ..] => Way::Run,
        ["with", ..] if !changes_rows(sql) => Way::Run,
        ["with" | "insert" | "update" | "delete" | "merge" | "explain", ..] => Way::Bind,
        // A role may not see what was made here.
        ["set" | "reset", "role" | "session", ..] => Way::Bind,
        ["set" | "reset" | "use" | "pragma", ..] => Way::Run,
        ["load", ..] if is_duckdb => Way::Run,
        ["attach", ..] if is_duckdb && sql.contains(":memory:") => Way::Run,
        ["create", rest @ ..] => creation(is_apart, rest, sql),
        ["alter" | "comment" | "drop" | "truncate", ..] if is_apart || is_aside(sql) => Way::Run,
        ["grant" | "revoke", ..] if !is_apart && is_aside(sql) => Way::Run,
        _ if is_duckdb => Way::Leave,
        _ => Way::Bind,
    }
}

fn creation(is_apart: bool, words: &[&str], sql: &str) -> Way {
    let replaces = words.starts_with(&["or", "replace"]);
    let kind = words.iter().find(|word| !ADJECTIVES.contains(word)).copied().unwrap_or_default();
    let is_indexing = matches!(kind, "index" | "unique");
    // Replacing what others use would keep them waiting, even though it is taken back.
    let is_harmless = is_apart || is_aside(sql) || !(replaces && kind == "view");
    let is_made = is_harmless && (MAKES.contains(&kind) || is_indexing && (is_apart || is_aside(sql)));
    match (is_made, kind) {
        (true, "table") if is_query(sql) => Way::RunEmpty,
        (true, _) => Way::Run,
        (false, _) if is_apart => Way::Leave,
        (false, _) => Way::Bind,
    }
}

/// Whether a statement names what was made on the bench first of all.
fn is_aside(sql: &str) -> bool {
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        let name = format!(r#"(?:"[^"]+"\.|\w+\.)?"?{ASIDE}"#);
        let heads = [
            r"(?:alter|drop|truncate)\s+(?:(?:materialized\s+)?view|table)?\s*(?:if\s+exists\s+)?(?:only\s+)?",
            r"comment\s+on\s+(?:materialized\s+)?\w+\s+",
            r"create\s+(?:or\s+replace\s+)?(?:unique\s+)?(?:materialized\s+)?(?:view|table|index[^;]*?\son)\s+(?:if\s+not\s+exists\s+)?(?:only\s+)?",
            r"(?:grant|revoke)\s[^;]*?\son\s+(?:table\s+|schema\s+)?",
        ];
        let heads = heads.join("|");
        Regex::new(&format!(r"(?is)^\s*(?:{heads}){name}")).expect("the pattern is valid")
    });
    NAMED.is_match(sql)
}

/// Whether a table is made of a query.
fn is_query(sql: &str) -> bool {
    static AS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?is)\bas\s*\(?\s*(?:select|with|from|values)\b").expect("the pattern is valid"));
    AS.is_match(sql)
}

fn changes_rows(sql: &str) -> bool {
    static CHANGES: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\b(?:insert\s+into|update|delete\s+from|merge\s+into)\b").expect("valid"));
    CHANGES.is_match(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, duckdb: Way, postgres: Way) {
        assert_eq!((way(Dialect::DuckDb, true, sql), way(Dialect::Postgres, false, sql)), (duckdb, postgres), "{sql}");
    }

    #[test]
    fn what_is_read_or_made_is_run() {
        check("select 1", Way::Run, Way::Run);
        check("create or replace function f() returns int", Way::Run, Way::Run);
        check("create or replace temp macro f(a) as a", Way::Run, Way::Run);
        check("create table if not exists a.b (id int)", Way::Run, Way::Run);
        check("create table a as select 1", Way::RunEmpty, Way::RunEmpty);
    }

    #[test]
    fn what_changes_rows_is_bound() {
        check("insert into a select 1", Way::Bind, Way::Bind);
        check("with b as (delete from a returning *) select 1 from b", Way::Bind, Way::Bind);
        check("commit", Way::Skip, Way::Skip);
    }

    #[test]
    fn what_exists_is_left_as_it_is() {
        check("drop table if exists a.b", Way::Run, Way::Bind);
        check("create or replace view a.b as select 1", Way::Run, Way::Bind);
        check("create index on a.b (id)", Way::Run, Way::Bind);
        check("create index i on \"d\".\"kiln_check_a\".\"b\" (id)", Way::Run, Way::Run);
        check("alter table kiln_check_a.b add column c int", Way::Run, Way::Run);
        check("grant select on \"d\".\"kiln_check_a\".\"b\" to someone", Way::Leave, Way::Run);
        check("copy a to 'file.csv'", Way::Leave, Way::Bind);
        check("attach 'other.duckdb'", Way::Leave, Way::Bind);
        check("create persistent secret s (type s3)", Way::Leave, Way::Bind);
    }
}
