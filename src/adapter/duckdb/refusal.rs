//! DuckDB's error texts read into kinds and places. The text itself is kept as DuckDB wrote it.

use super::super::{AdapterError, AdapterErrorKind};

/// Reads a driver's error; `sql` is the text that was run, for the place in it.
pub(super) fn read(error: &duckdb::Error, sql: &str) -> AdapterError {
    let message = match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    let kind = match kind(&message) {
        // A file that a statement reads or writes is not the database.
        AdapterErrorKind::Connect if !sql.is_empty() && !sql.starts_with("attach") => AdapterErrorKind::Statement,
        kind => kind,
    };
    AdapterError { kind, position: position(&message, sql), message, code: None, at: None }
}

/// Texts that tell the kind, the telling ones first.
const KINDS: &[(&str, AdapterErrorKind)] = &[
    ("INTERRUPT Error", AdapterErrorKind::Interrupted),
    ("Could not set lock on file", AdapterErrorKind::Locked),
    ("not a valid DuckDB database file", AdapterErrorKind::NotADatabase),
    ("Trying to read a database file with version number", AdapterErrorKind::NotADatabase),
    ("No space left on device", AdapterErrorKind::DiskFull),
    // What a quota or a limit on the size of files says.
    ("Disk quota exceeded", AdapterErrorKind::DiskFull),
    ("File too large", AdapterErrorKind::DiskFull),
    (": Is a directory", AdapterErrorKind::NotADatabase),
    ("Failed to download extension", AdapterErrorKind::Extension),
    ("Failed to load", AdapterErrorKind::Extension),
    ("Failed to install", AdapterErrorKind::Extension),
    ("Install it first using \"INSTALL", AdapterErrorKind::Extension),
    ("write-write conflict", AdapterErrorKind::Conflict),
    ("Conflict on", AdapterErrorKind::Conflict),
    ("Constraint Error", AdapterErrorKind::Constraint),
    ("Parser Error", AdapterErrorKind::Syntax),
    ("Binder Error", AdapterErrorKind::Syntax),
    ("Cannot open file", AdapterErrorKind::Connect),
    ("Cannot open database", AdapterErrorKind::Connect),
];

fn kind(message: &str) -> AdapterErrorKind {
    if message.starts_with("Catalog Error") && message.contains("does not exist") {
        return AdapterErrorKind::MissingRelation;
    }
    // A statement may quote any of the texts, but not before its own error's head.
    let head = message.split("\nLINE ").next().unwrap_or(message);
    let found = KINDS.iter().find(|(text, _)| head.contains(text));
    found.map_or(AdapterErrorKind::Statement, |(_, kind)| *kind)
}

/// Finds the byte in `sql` that DuckDB's excerpt points at:
///
/// ```text
/// LINE 3: ...b, xxxx from range(3) where aaaa = 1
///                                        ^
/// ```
///
/// Long lines are cut at both ends, which the excerpt marks with `...`.
fn position(message: &str, sql: &str) -> Option<usize> {
    let start = message.rfind("\nLINE ")? + 1;
    let mut lines = message[start..].lines();
    let (head, caret_line) = (lines.next()?, lines.next()?);
    let (label, excerpt) = head.split_once(": ")?;
    let number: usize = label.strip_prefix("LINE ")?.parse().ok()?;
    let caret = caret_line.find('^').filter(|caret| caret_line[..*caret].trim().is_empty())?;
    let column = caret.checked_sub(label.len() + 2)?;

    // Of several statements, DuckDB sometimes counts lines from the one that failed.
    let numbered = sql.split('\n').nth(number.checked_sub(1)?);
    let lines = numbered.into_iter().chain(sql.split('\n'));
    lines.filter_map(|line| Some((line, column_in(line, excerpt, column)?))).next().map(|(line, column)| {
        let line_start = line.as_ptr() as usize - sql.as_ptr() as usize;
        line_start + column.min(line.len())
    })
}

/// The byte in `line` that stands at a character of its excerpt; `None` if the excerpt is of another line.
fn column_in(line: &str, excerpt: &str, column: usize) -> Option<usize> {
    let bytes = excerpt.char_indices().nth(column).map_or(excerpt.len(), |(ix, _)| ix);
    if line == excerpt || excerpt.strip_suffix("...").is_some_and(|start| line.starts_with(start)) {
        return Some(bytes);
    }
    let inner = excerpt.strip_prefix("...")?;
    let offset = line.find(inner).or_else(|| line.find(inner.strip_suffix("...")?))?;
    Some(offset + bytes.saturating_sub(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, sql: &str, expected: Option<&str>) {
        let found = position(message, sql).map(|at| &sql[at..]);
        assert_eq!(found, expected);
    }

    #[test]
    fn the_caret_is_found_in_the_statement() {
        check(
            "Binder Error: no\n\nLINE 2:  select x from t\n                ^",
            "select 1;\n select x from t",
            Some("x from t"),
        );
    }

    #[test]
    fn a_line_that_was_cut_is_found_by_its_middle() {
        let sql = "select\n  foooooooooooo, 2 as bbbbbbbbbbb, xx from t where aa = 1";
        let message = "E\n\nLINE 2: ...bbbbbbbbb, xx from t where aa = 1\n                                      ^";
        check(message, sql, Some("aa = 1"));
    }

    #[test]
    fn a_message_without_excerpt_has_no_place() {
        check("TransactionContext Error: no", "commit", None);
    }
}
