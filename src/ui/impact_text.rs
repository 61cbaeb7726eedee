//! What a change does, as text for a terminal and as Markdown for a pull request.

use std::fmt::Write as _;

use super::column_text::ColumnText;
use super::text::count;
use crate::lineage::{Change, ColumnChange, Impact, NodeChange, Reached, Version};
use crate::manifest::{NodeIndex, ResourceType};

/// From how many lines on a list is folded in Markdown.
const FOLDED: usize = 12;

/// Writes an impact.
#[derive(Clone, Copy, Debug)]
pub struct ImpactText<'a> {
    /// The older version.
    pub old: Version<'a>,
    /// The newer version.
    pub new: Version<'a>,
    /// What the change does.
    pub impact: &'a Impact,
    /// What the older version is called.
    pub base: &'a str,
}

impl ImpactText<'_> {
    /// For a terminal.
    #[must_use]
    pub fn plain(&self) -> String {
        if self.impact.changes.is_empty() {
            return format!("Nothing changes for columns since {}", self.base);
        }
        let mut text = format!("{}\n", self.summary());
        let section = |text: &mut String, title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}");
                for line in lines {
                    let _ = writeln!(text, "  {line}");
                }
            }
        };
        section(&mut text, "Breaks", self.breaks(""));
        let changes =
            self.impact.changes.iter().map(|change| format!("{}: {}", self.changed(change), self.what(change, "")));
        section(&mut text, "Changes", changes.collect());
        let reached =
            self.reached(false).map(|reached| format!("{}: {}", self.node(reached.node), self.of(reached, "")));
        section(&mut text, "Reaches", reached.collect());
        section(&mut text, "Tests", self.reached(true).map(|reached| self.node(reached.node)).collect());
        section(&mut text, "Depends on it", self.dependents(""));
        section(&mut text, "May be reached", self.uncertain(""));
        text
    }

    /// For a pull request.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("### Columns changed since `{}`\n\n", self.base);
        if self.impact.changes.is_empty() {
            text.push_str("Nothing changes for columns.\n");
            return text;
        }
        let _ = writeln!(text, "{}\n", self.summary());
        for line in self.breaks("`") {
            let _ = writeln!(text, "> **Breaks:** {line}\n");
        }
        let changes: Vec<String> = self
            .impact
            .changes
            .iter()
            .map(|change| format!("| `{}` | {} |", self.changed(change), self.what(change, "`")))
            .collect();
        table(&mut text, "| Changed | How |\n|---|---|", &changes);
        let reached: Vec<String> = self
            .reached(false)
            .map(|reached| {
                let because: Vec<String> = reached.because.iter().map(|id| format!("`{}`", short(id))).collect();
                format!("| `{}` | {} | {} |", self.node(reached.node), self.of(reached, "`"), because.join(", "))
            })
            .collect();
        table(&mut text, "| Reached | What may differ | Because of |\n|---|---|---|", &reached);
        let tests: Vec<String> = self.reached(true).map(|reached| format!("- `{}`", self.node(reached.node))).collect();
        folded(&mut text, &format!("{} to look at", count(tests.len(), "test")), &tests);
        let dependents: Vec<String> = self.dependents("`").into_iter().map(|line| format!("- {line}")).collect();
        folded(&mut text, &format!("{} that depend on it", dependents.len()), &dependents);
        let uncertain: Vec<String> = self.uncertain("`").into_iter().map(|line| format!("- {line}")).collect();
        folded(&mut text, &format!("{} that may be reached", uncertain.len()), &uncertain);
        text
    }

    fn summary(&self) -> String {
        let columns = || self.impact.changes.iter().flat_map(|change| &change.columns);
        let n = |is: fn(&Change) -> bool| columns().filter(|column| is(&column.change)).count();
        let kinds = [
            (n(|change| *change == Change::Added), "added"),
            (n(|change| *change == Change::Removed), "removed"),
            (n(|change| matches!(change, Change::Retyped(..))), "retyped"),
            (n(|change| *change == Change::Redefined), "redefined"),
        ];
        let parts = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n, "column")));
        let n_rows = self.impact.changes.iter().filter(|change| change.has_other_rows).count();
        let rows = (n_rows > 0).then(|| format!("{} with other rows", count(n_rows, "node")));
        let parts: Vec<String> = parts.chain(rows).collect();
        let what = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        let reached = count(self.reached(false).count(), "node");
        let tests = count(self.reached(true).count(), "test");
        let changed = count(self.impact.changes.len(), "node");
        let verb = if self.impact.changes.len() == 1 { "changes" } else { "change" };
        format!("{changed} {verb}{what}. Reached: {reached}, {tests}, {} other.", self.impact.dependents.len())
    }

    fn reached(&self, are_tests: bool) -> impl Iterator<Item = &Reached> {
        let is_test = move |ix: NodeIndex| self.new.0.node(ix).resource_type == ResourceType::Test;
        self.impact.reached.iter().filter(move |reached| is_test(reached.node) == are_tests)
    }

    fn node(&self, ix: NodeIndex) -> String {
        ColumnText { manifest: self.new.0, graph: self.new.1, with_rows: true }.node(ix)
    }

    fn changed(&self, change: &NodeChange) -> String {
        match (change.new, change.old) {
            (Some(ix), _) => self.node(ix),
            (None, Some(ix)) => ColumnText { manifest: self.old.0, graph: self.old.1, with_rows: true }.node(ix),
            (None, None) => String::new(),
        }
    }

    /// What became of a node. Names stand between two `mark`s.
    fn what(&self, change: &NodeChange, mark: &str) -> String {
        if change.old.is_none() {
            return format!("new, with {}", count(change.columns.len(), "column"));
        }
        if change.new.is_none() {
            return "removed".to_owned();
        }
        let names = |is: fn(&ColumnChange) -> bool| -> Vec<String> {
            let names = change.columns.iter().filter(|column| is(column));
            names.map(|column| format!("{mark}{}{mark}", column.column)).collect()
        };
        let mut parts = Vec::new();
        let mut say = |verb: &str, names: Vec<String>| {
            if !names.is_empty() {
                parts.push(format!("{verb} {}", names.join(", ")));
            }
        };
        say("removed", names(|column| column.change == Change::Removed));
        say("added", names(|column| column.change == Change::Added));
        say("redefined", names(|column| column.change == Change::Redefined));
        let retyped = change.columns.iter().filter_map(|column| match &column.change {
            Change::Retyped(from, to) => Some(format!("{mark}{}{mark} from {from} to {to}", column.column)),
            _ => None,
        });
        say("retyped", retyped.collect());
        if change.has_other_rows {
            parts.push("other rows".to_owned());
        }
        parts.extend(change.unknown.iter().map(|reason| format!("not understood ({reason})")));
        parts.join("; ")
    }

    /// What of a node is reached.
    fn of(&self, reached: &Reached, mark: &str) -> String {
        let node = self.new.1.node(reached.node);
        let names = reached.columns.iter().filter_map(|column| node?.columns.get(*column));
        let mut parts: Vec<String> = Vec::new();
        let names: Vec<String> = names.map(|column| format!("{mark}{}{mark}", column.name)).collect();
        if !names.is_empty() {
            parts.push(names.join(", "));
        }
        if reached.rows {
            parts.push("rows".to_owned());
        }
        parts.join("; ")
    }

    fn breaks(&self, mark: &str) -> Vec<String> {
        let line = |reader: NodeIndex, node: &str, column: &str| {
            format!(
                "{mark}{}{mark} still reads {mark}{}.{column}{mark}, which is removed",
                self.node(reader),
                short(node)
            )
        };
        self.impact.breaks.iter().map(|found| line(found.reader, &found.node, &found.column)).collect()
    }

    fn dependents(&self, mark: &str) -> Vec<String> {
        let line = |ix: &NodeIndex| {
            let node = self.new.0.node(*ix);
            let kind = node.resource_type.as_str().replace('_', " ");
            format!("{kind} {mark}{}{mark}", node.name)
        };
        self.impact.dependents.iter().map(line).collect()
    }

    fn uncertain(&self, mark: &str) -> Vec<String> {
        let line = |(ix, reason): &(NodeIndex, String)| format!("{mark}{}{mark}: {reason}", self.node(*ix));
        self.impact.uncertain.iter().map(line).collect()
    }
}

/// A unique id without its kind and package.
fn short(id: &str) -> &str {
    id.splitn(3, '.').last().unwrap_or(id)
}

fn table(text: &mut String, head: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let body = format!("{head}\n{}\n", lines.join("\n"));
    match lines.len() > FOLDED {
        true => {
            let _ =
                writeln!(text, "<details><summary>{}</summary>\n\n{body}\n</details>\n", count(lines.len(), "node"));
        }
        false => {
            let _ = writeln!(text, "{body}");
        }
    }
}

fn folded(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "<details><summary>{title}</summary>\n\n{}\n\n</details>\n", lines.join("\n"));
    }
}
