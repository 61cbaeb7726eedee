//! Binding one statement: what its columns are, or everything that is wrong with it.
//!
//! A database stops at the first thing that it refuses. A column that does not exist is therefore replaced by a null,
//! and the statement is bound again, until there is nothing left to say.

use std::ops::Range;

use super::locate::locate;
use super::message::{self, Fault};
use crate::adapter::{AdapterError, Bench, Column};

/// How many faults of one statement are looked for.
const FAULTS: usize = 20;

/// A refusal; its position counts in the statement as it was given.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: AdapterError,
    pub(super) fault: Fault,
}

/// Binds a statement.
pub(super) fn bind(bench: &Bench, sql: &str) -> (Option<Vec<Column>>, Vec<Refusal>) {
    let mut text = sql.to_owned();
    let mut edits: Vec<(Range<usize>, usize)> = Vec::new();
    let mut refusals: Vec<Refusal> = Vec::new();
    loop {
        let mut error = match bench.describe(&text) {
            Ok(columns) => return (refusals.is_empty().then_some(columns), refusals),
            Err(error) => error,
        };
        let fault = message::fault(&error);
        // DuckDB shows where a `case` begins, not which of its branches does not fit.
        let is_vague = message::headline(&error.message).contains("in CASE expression");
        let position = error.position.filter(|_| !is_vague).or_else(|| locate(bench, &error.message, &text));
        // What comes after a replacement may be its consequence, unless it is one more column.
        if !refusals.is_empty() && fault != Fault::Column {
            return (None, refusals);
        }
        error.position = position.map(|at| original(&edits, at));
        refusals.push(Refusal { error, fault });
        let name = position.filter(|_| fault == Fault::Column).and_then(|at| message::name_at(&text, at));
        let Some(name) = name.filter(|_| refusals.len() < FAULTS) else { return (None, refusals) };
        let is_seen = edits.iter().any(|(range, _)| range.start == original(&edits, name.start));
        if is_seen {
            return (None, refusals);
        }
        edits.push((original(&edits, name.start)..original(&edits, name.end), "null".len()));
        edits.sort_by_key(|(range, _)| range.start);
        text.replace_range(name, "null");
    }
}

/// The byte of the given statement that a byte of the edited one was; edits are in order.
fn original(edits: &[(Range<usize>, usize)], at: usize) -> usize {
    let mut at = at;
    for (range, len) in edits {
        if at < range.start {
            break;
        }
        // Bytes of what was put in stand for the beginning of what was there.
        at = if at < range.start + len { range.start } else { (at + range.len()).saturating_sub(*len) };
        if at == range.start {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_the_statement_as_it_was_given() {
        // `select aaaaaaa, b from t` became `select null, b from t`.
        let edits = [(7..14, 4)];
        assert_eq!(original(&edits, 0), 0);
        assert_eq!(original(&edits, 7), 7);
        assert_eq!(original(&edits, 13), 16);
        // `select a, bb` became `select null, bb`.
        assert_eq!(original(&[(7..8, 4)], 13), 10);
    }
}
