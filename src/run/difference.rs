//! How the rows of a unit test differ from those that were expected, as a table to read.

use std::cmp::Ordering;

use serde_json::Value as Data;

/// Rows of one side, each as wide as the columns.
type Rows<'a> = Vec<&'a [Data]>;

/// Compares rows without regard to their order. `None` if they are the same.
///
/// ```text
/// @@  | id | name
/// →   | 1  | a → b
/// +++ | 2  | c
/// --- | 3  | d
/// ```
///
/// `---` is expected and missing, `+++` is there and not expected, `→` was found changed.
pub(super) fn difference(columns: &[String], expected: &[Vec<Data>], actual: &[Vec<Data>]) -> Option<String> {
    let (mut missing, mut surplus) = unmatched(expected, actual);
    if missing.is_empty() && surplus.is_empty() {
        return None;
    }
    let mut lines = vec![head(columns)];
    for (old, new) in pairs(&mut missing, &mut surplus) {
        let cells = old
            .iter()
            .zip(new)
            .map(|(old, new)| if same(old, new) { text(new) } else { format!("{} → {}", text(old), text(new)) });
        lines.push(std::iter::once("→".to_owned()).chain(cells).collect());
    }
    let row = |mark: &str, row: &[Data]| std::iter::once(mark.to_owned()).chain(row.iter().map(text)).collect();
    lines.extend(surplus.iter().map(|cells| row("+++", cells)));
    lines.extend(missing.iter().map(|cells| row("---", cells)));
    Some(aligned(&lines))
}

fn head(columns: &[String]) -> Vec<String> {
    std::iter::once("@@".to_owned()).chain(columns.iter().cloned()).collect()
}

fn unmatched<'a>(expected: &'a [Vec<Data>], actual: &'a [Vec<Data>]) -> (Rows<'a>, Rows<'a>) {
    let mut missing: Rows<'a> = expected.iter().map(Vec::as_slice).collect();
    let mut surplus: Rows<'a> = Vec::new();
    for row in actual {
        match missing.iter().position(|other| equal(other, row) == row.len().max(other.len())) {
            Some(place) => {
                missing.remove(place);
            }
            None => surplus.push(row),
        }
    }
    missing.sort_by(|a, b| order(a, b));
    surplus.sort_by(|a, b| order(a, b));
    (missing, surplus)
}

/// Takes out the rows that are mostly the same on both sides: those with most cells in common first.
fn pairs<'a>(missing: &mut Rows<'a>, surplus: &mut Rows<'a>) -> Vec<(&'a [Data], &'a [Data])> {
    let mut found = Vec::new();
    loop {
        let mut best: Option<(usize, usize, usize)> = None;
        for (old_place, old) in missing.iter().enumerate() {
            for (new_place, new) in surplus.iter().enumerate() {
                let common = equal(old, new);
                if common * 2 >= old.len() && common > 0 && best.is_none_or(|(most, _, _)| common > most) {
                    best = Some((common, old_place, new_place));
                }
            }
        }
        let Some((_, old_place, new_place)) = best else { return found };
        found.push((missing.remove(old_place), surplus.remove(new_place)));
    }
}

fn equal(a: &[Data], b: &[Data]) -> usize {
    a.iter().zip(b).filter(|(a, b)| same(a, b)).count()
}

/// Whether two values are the same; numbers by their value, however they are written.
fn same(a: &Data, b: &Data) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b)
}

fn order(a: &[Data], b: &[Data]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| order_cells(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// NULL comes last, as in dbt.
fn order_cells(a: &Data, b: &Data) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.is_null().cmp(&b.is_null()).then_with(|| text(a).cmp(&text(b))),
    }
}

fn text(value: &Data) -> String {
    match value {
        Data::Null => "NULL".to_owned(),
        Data::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        padded.join(" | ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: Data, actual: Data, shown: Option<&str>) {
        let rows = |data: Data| -> Vec<Vec<Data>> {
            data.as_array().unwrap().iter().map(|row| row.as_array().unwrap().clone()).collect()
        };
        let columns = ["id".to_owned(), "name".to_owned()];
        assert_eq!(difference(&columns, &rows(expected), &rows(actual)).as_deref(), shown);
    }

    #[test]
    fn the_order_of_rows_and_the_form_of_numbers_do_not_matter() {
        check(json!([[1, "a"], [2, null]]), json!([[2.0, null], [1, "a"]]), None);
        check(json!([]), json!([]), None);
    }

    #[test]
    fn changed_missing_and_surplus_rows_are_told_apart() {
        check(
            json!([[1, "a"], [3, "d"]]),
            json!([[1, "b"], [2, "c"], [1, "b"]]),
            Some("@@  | id | name\n→   | 1  | a → b\n+++ | 1  | b\n+++ | 2  | c\n--- | 3  | d"),
        );
    }

    #[test]
    fn rows_that_come_twice_count_twice() {
        check(json!([[1, "a"]]), json!([[1, "a"], [1, "a"]]), Some("@@  | id | name\n+++ | 1  | a"));
    }
}
