//! The words in which databases refuse statements: of what kind a refusal is, where it is, and what may be meant.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::adapter::{AdapterError, AdapterErrorKind};
use crate::diagnostic::did_you_mean;

/// What a statement was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It cannot be read.
    Syntax,
    /// It names a column that no relation of its has.
    Column,
    /// It names a relation that does not exist.
    Relation,
    /// It calls a function, or names a type, that does not exist.
    Function,
    /// Types do not fit, or a name is ambiguous, or an aggregate is missing.
    Meaning,
    /// Something outside of the statement: files, extensions, rights, the connection.
    Outside,
}

/// Beginnings and parts of messages; the first that fits tells.
const FAULTS: &[(&str, Fault)] = &[
    ("Parser Error", Fault::Syntax),
    ("syntax error", Fault::Syntax),
    ("Referenced column", Fault::Column),
    ("does not have a column named", Fault::Column),
    ("does not exist on right side of join", Fault::Column),
    ("does not exist on left side of join", Fault::Column),
    ("EXCLUDE list not found", Fault::Column),
    ("REPLACE list not found", Fault::Column),
    ("Function with name", Fault::Function),
    ("Type with name", Fault::Function),
    ("Table with name", Fault::Relation),
    ("Referenced table", Fault::Meaning),
    ("Binder Error", Fault::Meaning),
    ("Catalog Error", Fault::Outside),
    ("Conversion Error", Fault::Meaning),
    ("Not implemented Error", Fault::Meaning),
];

/// SQLSTATEs of Postgres.
const STATES: &[(&str, Fault)] = &[
    ("42601", Fault::Syntax),
    ("42703", Fault::Column),
    ("42P01", Fault::Relation),
    ("42883", Fault::Function),
    ("42704", Fault::Function),
    ("42", Fault::Meaning),
    ("22", Fault::Meaning),
    ("0A", Fault::Meaning),
];

/// The kind of a refusal.
pub(super) fn fault(error: &AdapterError) -> Fault {
    let is_outside = matches!(
        error.kind,
        AdapterErrorKind::Connect | AdapterErrorKind::Auth | AdapterErrorKind::Extension | AdapterErrorKind::Locked
    );
    if is_outside {
        return Fault::Outside;
    }
    if let Some(code) = &error.code {
        if error.message.contains("operator does not exist") {
            // Nobody makes operators: the types do not fit.
            return Fault::Meaning;
        }
        // 42501: the user may not do it.
        let found = STATES.iter().find(|(state, _)| code.starts_with(state) && code != "42501");
        return found.map_or(Fault::Outside, |(_, fault)| *fault);
    }
    let head = headline(&error.message);
    FAULTS.iter().find(|(text, _)| head.contains(text)).map_or(Fault::Outside, |(_, fault)| *fault)
}

/// The sentence that says what is wrong, without candidates and excerpt.
pub(super) fn headline(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// The headline without the family that DuckDB puts in front of it.
pub(super) fn sentence(message: &str) -> String {
    let head = headline(message);
    let plain = ["Binder Error: ", "Catalog Error: ", "Parser Error: ", "ERROR: "]
        .iter()
        .find_map(|family| head.strip_prefix(family))
        .unwrap_or(head);
    plain.trim_start().trim_end_matches(['!', '.']).to_owned()
}

/// What may be meant, as the database suggests it or as names near by do.
pub(super) fn hint(message: &str, sql: &str, at: Option<usize>) -> Option<String> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""([^"]+)""#).expect("the pattern is valid"));
    let mut lines = message.lines().skip(1).take_while(|line| !line.starts_with("LINE "));
    let offered = lines.find(|line| {
        line.starts_with("Candidate bindings")
            || line.starts_with("Candidate tables")
            || line.starts_with("Did you mean")
    });
    let names: Vec<&str> = offered
        .into_iter()
        .flat_map(|line| QUOTED.captures_iter(line))
        .filter_map(|found| found.get(1).map(|name| name.as_str()))
        .collect();
    let word = at.and_then(|at| name_at(sql, at)).map(|range| &sql[range]);
    let last = word.map(|word| word.rsplit('.').next().unwrap_or(word).trim_matches('"'));
    if message.contains("Table with name") {
        return last.and_then(|name| did_you_mean(name, expressions(sql).iter().map(String::as_str)));
    }
    let near = last.and_then(|name| did_you_mean(name, names.iter().copied()));
    near.or_else(|| match names.as_slice() {
        [] => None,
        names if message.contains("Did you mean") => Some(format!("did you mean `{}`?", names[0])),
        names => Some(format!("known here: {}", listed(names))),
    })
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The names of the common table expressions of a query.
pub(super) fn expressions(sql: &str) -> Vec<String> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?i)\b"?(\w+)"?\s+as\s+(?:not\s+)?(?:materialized\s+)?\("#).expect("valid"));
    NAMED.captures_iter(sql).filter_map(|found| found.get(1).map(|name| name.as_str().to_owned())).collect()
}

/// The name, with what qualifies it, that stands at a byte. DuckDB takes relations in single quotes too.
pub(super) fn name_at(sql: &str, at: usize) -> Option<Range<usize>> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"^(?:'[^']*'|(?:\w+|"[^"]*")(?:\.(?:\w+|"[^"]*"))*)"#).expect("the pattern is valid")
    });
    let found = NAME.find(sql.get(at..)?)?;
    Some(at..at + found.end())
}

/// Where a refusal without a place is meant to be, as far as its words tell.
pub(super) fn place(message: &str, sql: &str) -> Option<usize> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"in (\w+) operator|in (\w+) expression|column (\w+) must appear|["']([^"']+)["']"#)
            .expect("the pattern is valid")
    });
    let head = headline(message);
    if head.contains("Set operations") {
        return find_word(sql, "union").or_else(|| find_word(sql, "except")).or_else(|| find_word(sql, "intersect"));
    }
    let from = match head {
        head if head.contains("side of join") => find_word(sql, "using")?,
        head if head.contains("EXCLUDE list") => find_word(sql, "exclude").or_else(|| find_word(sql, "except"))?,
        head if head.contains("REPLACE list") => find_word(sql, "replace")?,
        _ => 0,
    };
    let said = head.split_once("does not have a column named").map_or(head, |(_, rest)| rest);
    let found = WORD.captures(said)?;
    let word = (1..=4).find_map(|group| found.get(group))?.as_str();
    find_word(&sql[from..], word).map(|at| at + from)
}

fn find_word(sql: &str, word: &str) -> Option<usize> {
    let pattern = Regex::new(&format!(r"(?i)\b{}\b", regex::escape(word))).ok()?;
    pattern.find(sql).map(|found| found.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, sql: &str, expected: (Fault, Option<&str>, Option<&str>)) {
        let error = AdapterError::new(AdapterErrorKind::Statement, message);
        let at = message.contains("LINE").then(|| sql.find("amuont").unwrap_or(0)).or_else(|| place(message, sql));
        let found = hint(message, sql, at);
        assert_eq!((fault(&error), at.map(|at| &sql[at..]), found.as_deref()), expected);
    }

    #[test]
    fn a_missing_column_has_candidates() {
        check(
            "Binder Error: Referenced column \"amuont\" not found in FROM clause!\nCandidate bindings: \"id\", \"amount\"\n\nLINE 1: …",
            "select amuont from o",
            (Fault::Column, Some("amuont from o"), Some("did you mean `amount`?")),
        );
    }

    #[test]
    fn a_missing_relation_is_compared_with_the_expressions_of_the_query() {
        check(
            "Catalog Error: Table with name \"order\" does not exist!\nDid you mean \"pragma_x\"?",
            "with orders as (select 1) select * from order",
            (Fault::Relation, Some("order"), Some("did you mean `orders`?")),
        );
    }

    #[test]
    fn what_has_no_place_is_found_by_its_words() {
        let message = "Binder Error: Column \"id\" does not exist on right side of join!";
        check(message, "select id from a join b using (id)", (Fault::Column, Some("id)"), None));
        let message =
            "Binder Error: Cannot mix values of type INTEGER and DATE in COALESCE operator - an explicit cast";
        check(message, "select coalesce(a, b)", (Fault::Meaning, Some("coalesce(a, b)"), None));
    }

    #[test]
    fn files_and_rights_are_outside() {
        check("IO Error: No files found that match the pattern \"x.csv\"", "from 'y'", (Fault::Outside, None, None));
    }
}
