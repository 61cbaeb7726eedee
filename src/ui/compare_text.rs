//! What two targets hold, as text for a terminal.

use std::fmt::Write as _;

use super::text::count;
use crate::diagnostic::Diagnostic;
use crate::run::compare::{Comparison, Difference, Row};

/// A node and what was found about it.
#[derive(Debug)]
pub struct Compared {
    /// Its unique id.
    pub unique_id: String,
    /// Its name, with the version if it has one.
    pub name: String,
    /// What was found, or why nothing could be.
    pub outcome: Result<Comparison, Box<Diagnostic>>,
}

/// Writes comparisons.
#[derive(Clone, Copy, Debug)]
pub struct CompareText<'a> {
    /// The names of both targets.
    pub targets: &'a [String; 2],
    /// What was compared.
    pub all: &'a [Compared],
    /// How many of the rows that differ are shown for each relation.
    pub limit: usize,
}

impl CompareText<'_> {
    /// A line a relation, and what differs below it.
    #[must_use]
    pub fn plain(&self) -> String {
        let width = self.all.iter().map(|compared| compared.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for compared in self.all {
            let (word, what) = match &compared.outcome {
                Ok(found) => self.head(found),
                Err(error) => ("failed", error.message.clone()),
            };
            let _ = writeln!(text, "{word:9}  {:width$}  {what}", compared.name);
            for line in compared.outcome.iter().flat_map(|found| self.details(found)) {
                let _ = writeln!(text, "           {line}");
            }
        }
        let n_equal = self.all.iter().filter(|compared| compared.outcome.as_ref().is_ok_and(Comparison::is_equal));
        let _ = write!(text, "{} of {} equal", n_equal.count(), count(self.all.len(), "relation"));
        text
    }

    fn head(&self, found: &Comparison) -> (&'static str, String) {
        let [left, right] = self.targets;
        let rows = match found.rows {
            [ours, theirs] if ours == theirs => rows(ours),
            [ours, theirs] => format!("{} in {left}, {} in {right}", rows(ours), rows(theirs)),
        };
        match (&found.relations, found.is_equal()) {
            ([None, None], _) => ("missing", format!("neither in {left} nor in {right}")),
            ([None, _], _) => ("missing", format!("not in {left}")),
            ([_, None], _) => ("missing", format!("not in {right}")),
            (_, true) => ("equal", rows),
            _ => ("different", rows),
        }
    }

    fn details(&self, found: &Comparison) -> Vec<String> {
        let mut lines = Vec::new();
        for (names, target) in found.only.iter().zip(self.targets) {
            if !names.is_empty() {
                lines.push(format!("only in {target}: {} {}", plural(names.len(), "column"), names.join(", ")));
            }
        }
        let [left, right] = self.targets;
        for (name, [ours, theirs]) in &found.retyped {
            lines.push(format!("column {name} is {ours} in {left}, {theirs} in {right}"));
        }
        if found.difference.is_some {
            lines.extend(self.rows(&found.difference));
        }
        lines
    }

    fn rows(&self, found: &Difference) -> Vec<String> {
        let [left, right] = self.targets;
        let at_least = if found.is_complete { "" } else { "at least " };
        let [ours, theirs] = found.only.each_ref().map(Vec::len);
        let all = [
            (found.changed.len(), "changed".to_owned()),
            (ours, format!("only in {left}")),
            (theirs, format!("only in {right}")),
        ];
        let numbers: Vec<String> =
            all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{at_least}{} {what}", rows_of(*n))).collect();
        let mut lines = vec![numbers.join(", ")];
        let changed = found.changed.iter().map(|versions| change(found, versions));
        let only = |side: usize| {
            let target = &self.targets[side];
            found.only[side].iter().map(move |row| format!("only in {target}: {}", whole(found, row)))
        };
        lines.extend(changed.take(self.limit));
        lines.extend(only(0).take(self.limit));
        lines.extend(only(1).take(self.limit));
        lines
    }
}

fn rows(n: i64) -> String {
    if n == 1 { "1 row".to_owned() } else { format!("{n} rows") }
}

fn rows_of(n: usize) -> String {
    count(n, "row")
}

fn plural(n: usize, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

/// A value on one line.
fn cell(value: Option<&Option<String>>) -> String {
    value.and_then(Option::as_deref).map_or("NULL".to_owned(), |text| text.replace('\n', "\\n"))
}

fn whole(found: &Difference, row: &Row) -> String {
    let cells = found.columns.iter().enumerate().map(|(ix, name)| format!("{name}={}", cell(row.get(ix))));
    cells.collect::<Vec<_>>().join(" ")
}

fn change(found: &Difference, [ours, theirs]: &[Row; 2]) -> String {
    let key: Vec<String> =
        found.key.iter().map(|ix| format!("{}={}", found.columns[*ix], cell(ours.get(*ix)))).collect();
    let cells = found.columns.iter().enumerate().filter(|(ix, _)| ours.get(*ix) != theirs.get(*ix));
    let cells: Vec<String> =
        cells.map(|(ix, name)| format!("{name} {} → {}", cell(ours.get(ix)), cell(theirs.get(ix)))).collect();
    format!("{}: {}", key.join(" "), cells.join(", "))
}
