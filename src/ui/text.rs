//! The shapes of lines: dotted lines, counts, durations. Tools grep these, so they are dbt's.

use super::theme::plain;

/// A line such as `1 of 3 OK created sql table model main.a ...... [OK in 0.03s]`.
#[derive(Clone, Debug)]
pub struct OutputLine<'a> {
    /// What happened: `OK created sql table model main.a`.
    pub message: &'a str,
    /// The word in brackets, colored or not.
    pub status: &'a str,
    /// Number of the node, from 1, and of all; `None` if it is not one of many.
    pub position: Option<(usize, usize)>,
    /// Seconds it took, when it is over.
    pub seconds: Option<f64>,
    /// Where the dots end.
    pub width: usize,
}

impl OutputLine<'_> {
    /// Writes the line.
    #[must_use]
    pub fn render(&self) -> String {
        let prefix = self.position.map(|(index, total)| format!("{index} of {total} ")).unwrap_or_default();
        let head = format!("{prefix}{} ", self.message);
        let dots = ".".repeat(self.width.saturating_sub(plain(&head).chars().count()));
        let time = self.seconds.map(|seconds| format!(" in {seconds:.2}s")).unwrap_or_default();
        format!("{head}{dots} [{}{time}]", self.status)
    }
}

/// `1 model`, `2 models`, `2 analyses`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        return format!("1 {noun}");
    }
    match noun {
        "analysis" => format!("{n} analyses"),
        "saved query" => format!("{n} saved queries"),
        _ => format!("{n} {noun}s"),
    }
}

/// Counts kinds of nodes as dbt does, in the order of their names there: `1 seed, 3 table models, 2 data tests`.
#[must_use]
pub fn counts(kinds: impl IntoIterator<Item = String>) -> String {
    let mut tally = std::collections::BTreeMap::<String, usize>::new();
    for kind in kinds {
        *tally.entry(kind).or_default() += 1;
    }
    let parts: Vec<String> = tally.iter().map(|(kind, n)| count(*n, noun(kind))).collect();
    parts.join(", ").replace('_', " ")
}

/// The word for a kind of node in counts.
#[must_use]
pub fn noun(kind: &str) -> &str {
    match kind {
        "test" => "data test",
        other => other,
    }
}

/// ` in 0 hours 0 minutes and 1.33 seconds`, with dbt's leading space.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let hours = (seconds / 3600.0).floor();
    let minutes = ((seconds % 3600.0) / 60.0).floor();
    let rest = seconds % 60.0;
    format!(" in {hours:.0} hours {minutes:.0} minutes and {rest:.2} seconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_fill_a_line_up_to_its_width() {
        let line = OutputLine {
            message: "OK created m",
            status: "OK",
            position: Some((1, 3)),
            seconds: Some(0.031),
            width: 30,
        };
        assert_eq!(line.render(), "1 of 3 OK created m .......... [OK in 0.03s]");
    }

    #[test]
    fn a_long_message_is_not_cut() {
        let line = OutputLine { message: "START abcdef", status: "RUN", position: None, seconds: None, width: 5 };
        assert_eq!(line.render(), "START abcdef  [RUN]");
    }

    #[test]
    fn counts_are_plural_and_sorted() {
        let kinds = ["test", "seed", "test", "unit_test"].map(str::to_owned);
        assert_eq!(counts(kinds), "1 seed, 2 data tests, 1 unit test");
        assert_eq!(duration(61.5), " in 0 hours 1 minutes and 1.50 seconds");
    }
}
