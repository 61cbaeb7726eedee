//! The end of a run: counts, then each failure with where it comes from, then `Done. PASS=…`.

use serde_json::{Map, Value as Data, json};

use super::entry::{Entry, EventName, Level, names};
use super::lines::node_info;
use super::printer::Printer;
use super::table::Preview;
use super::text::{count, counts, duration};
use crate::adapter::Table;
use crate::diagnostic::{Diagnostic, Form, Label, details, excerpt, render};
use crate::jinja::py;
use crate::manifest::{Group, Node, NodeKind, ResourceType};

/// How one node of a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The node.
    pub node: &'a Node,
    /// The group that it belongs to.
    pub group: Option<&'a Group>,
    /// dbt's word for the status.
    pub status: &'a str,
    /// What there is to say about it.
    pub message: Option<&'a str>,
    /// Where its compiled code lies, from the working folder.
    pub compiled_path: Option<&'a str>,
    /// The relation that holds the failing rows, if they are stored.
    pub stored_in: Option<&'a str>,
    /// The first failing rows.
    pub rows: Option<&'a Table>,
    /// How a unit test's rows differ.
    pub difference: Option<&'a str>,
    /// The problem with its place, where there is one.
    pub problem: Option<&'a Diagnostic>,
}

/// All of a run.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The nodes, hooks included, in the order of their ends.
    pub ended: &'a [Ended<'a>],
    /// How long the run took.
    pub seconds: f64,
    /// Names of the nodes that an interrupt kept from running.
    pub not_run: &'a [&'a str],
    /// Whether Ctrl-C ended it.
    pub was_interrupted: bool,
    /// Whether the nodes had lines, and are counted.
    pub has_lines: bool,
}

/// How often each result came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// `success` and `pass`.
    pub pass: usize,
    /// `warn`.
    pub warn: usize,
    /// `error`, `fail` and `partial success`.
    pub error: usize,
    /// `skipped`.
    pub skip: usize,
    /// `no-op`.
    pub no_op: usize,
}

impl Tally {
    /// Counts one more result.
    pub fn add(&mut self, status: &str) {
        match status {
            "success" | "pass" => self.pass += 1,
            "warn" => self.warn += 1,
            "skipped" => self.skip += 1,
            "no-op" => self.no_op += 1,
            _ => self.error += 1,
        }
    }

    fn of(ended: &[Ended<'_>]) -> Self {
        ended.iter().fold(Self::default(), |mut tally, item| {
            tally.add(item.status);
            tally
        })
    }

    const fn total(self) -> usize {
        self.pass + self.warn + self.error + self.skip + self.no_op
    }

    /// A few words for the live line: `12 ok, 1 failed`.
    #[must_use]
    pub fn words(self) -> String {
        let parts = [(self.pass, "ok"), (self.warn, "warned"), (self.error, "failed"), (self.skip, "skipped")];
        let shown: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        shown.join(", ")
    }
}

impl Printer {
    /// Says how a run ended.
    pub fn summary(&self, summary: &Summary<'_>) {
        if summary.has_lines {
            self.finished_line(summary);
        }
        let failed: Vec<_> = summary.ended.iter().filter(|item| is_failure(item)).collect();
        let warned: Vec<_> = summary.ended.iter().filter(|item| item.status == "warn").collect();
        let partial: Vec<_> = summary.ended.iter().filter(|item| item.status == "partial success").collect();
        self.say(&Entry::blank());
        self.say(&self.end_line([failed.len(), partial.len(), warned.len()], summary.was_interrupted));
        failed.iter().chain(&partial).for_each(|item| self.ended_badly(item, true));
        warned.iter().for_each(|item| self.ended_badly(item, false));
        if summary.was_interrupted {
            self.left_out(summary);
        }
        let tally = Tally::of(summary.ended);
        let stats = json!({
            "pass": tally.pass, "warn": tally.warn, "error": tally.error,
            "skip": tally.skip, "noop": tally.no_op, "total": tally.total(),
        });
        let text = format!(
            "Done. PASS={} WARN={} ERROR={} SKIP={} NO-OP={} TOTAL={}",
            tally.pass,
            tally.warn,
            tally.error,
            tally.skip,
            tally.no_op,
            tally.total()
        );
        self.say(&Entry::blank());
        self.say(&Entry::info(names::STATS, text).with("stats", stats));
    }

    /// Says which sources are stale or could not be asked.
    pub fn freshness_summary(&self, summary: &Summary<'_>) {
        self.finished_line(summary);
        summary.ended.iter().filter(|item| is_failure(item)).for_each(|item| self.ended_badly(item, true));
        if summary.was_interrupted {
            self.left_out(summary);
        }
    }

    fn finished_line(&self, summary: &Summary<'_>) {
        let line = counts(summary.ended.iter().map(|item| kind_of(item.node)));
        let execution = duration(summary.seconds);
        let shown = if line.is_empty() { "nothing" } else { &line };
        let text = format!("Finished running {shown}{execution} ({:.2}s).", summary.seconds);
        let entry = Entry::info(names::FINISHED, text).with("stat_line", line).with("execution", execution);
        self.say(&Entry::blank());
        self.say(&entry.with("execution_time", summary.seconds));
    }

    fn end_line(&self, [errors, partial, warnings]: [usize; 3], was_interrupted: bool) -> Entry {
        let theme = self.theme();
        let partial_words = format!("{partial} partial {}", if partial == 1 { "success" } else { "successes" });
        let warning_words = count(warnings, "warning");
        let text = if was_interrupted {
            theme.caution("Exited because of keyboard interrupt")
        } else if errors > 0 {
            theme.bad(&format!("Completed with {}, {partial_words}, and {warning_words}:", count(errors, "error")))
        } else if partial > 0 {
            theme.caution(&format!("Completed with {partial_words} and {warning_words}"))
        } else if warnings > 0 {
            theme.caution(&format!("Completed with {warning_words}:"))
        } else {
            theme.good("Completed successfully")
        };
        Entry::info(names::END, text)
            .with("num_errors", errors)
            .with("num_warnings", warnings)
            .with("num_partial_success", partial)
            .with("keyboard_interrupt", was_interrupted)
    }

    fn ended_badly(&self, item: &Ended<'_>, is_failure: bool) {
        let node = item.node;
        let info = node_info(node, item.status, None, None);
        let say = |event: EventName, level: Level, text: String, facts: &[(&str, Data)]| {
            let mut entry = Entry::new(event, level, text).with("node_info", info.clone());
            for (key, value) in facts {
                entry = entry.with(key, value.clone());
            }
            self.say(&entry);
        };
        let kind = node.resource_type.as_str();
        let shown = super::lines::shown_name(node);
        let name = format!("{kind} {shown} ({})", node.original_file_path);
        let group = item.group.map(|group| ("group", group_facts(group)));
        let facts =
            [("resource_type", json!(kind)), ("node_name", json!(shown)), ("path", json!(node.original_file_path))];
        let facts: Vec<_> = facts.into_iter().chain(group.clone()).collect();
        self.say(&Entry::blank());
        let level = if is_failure { Level::Error } else { Level::Warn };
        let (head, head_event, text_event) = if is_failure {
            (self.theme().bad(&format!("Failure in {name}")), names::FAILURE, names::FAILURE_TEXT)
        } else {
            (self.theme().caution(&format!("Warning in {name}")), names::WARNING, names::WARNING_TEXT)
        };
        say(head_event, level, head, &facts);
        match item.message.filter(|message| !message.is_empty()) {
            Some(message) => {
                let group = group.filter(|_| is_failure);
                let facts: Vec<_> = std::iter::once(("msg", json!(message))).chain(group).collect();
                say(text_event, level, format!("  {message}"), &facts);
            }
            None => say(names::FAILURE_NO_TEXT, level, format!("  Status: {}", item.status), &[]),
        }
        if let Some(details) = self.details(item) {
            self.say(&Entry::blank());
            say(names::NOTE, level, details.clone(), &[("msg", json!(details))]);
        }
        if let Some(path) = item.compiled_path {
            self.say(&Entry::blank());
            say(names::COMPILED_PATH, Level::Info, format!("  compiled code at {path}"), &[("path", json!(path))]);
        }
        if let Some(relation) = item.stored_in {
            self.say(&Entry::blank());
            let query = format!("select * from {relation}");
            let rule = "-".repeat(query.chars().count());
            let text = format!("  See test failures:\n  {rule}\n  {query}\n  {rule}");
            say(names::STORED_FAILURES, Level::Info, text, &[("relation_name", json!(relation))]);
        }
    }

    /// What dbt does not say: where it comes from, what may be done, which rows.
    fn details(&self, item: &Ended<'_>) -> Option<String> {
        let mut blocks = Vec::new();
        match item.problem {
            Some(problem) => {
                let first = problem.message.lines().next().unwrap_or_default();
                let is_told = item.message.is_some_and(|message| message.contains(first));
                let text = if is_told { brief(problem) } else { render(problem, Form::Full) };
                blocks.push(self.theme().diagnostic(&text));
            }
            None if is_test(item.node) && !item.node.file.text().is_empty() => {
                let place = Label::new(&item.node.file, item.node.span);
                blocks.push(self.theme().diagnostic(&format!("the test is declared here:{}", excerpt(&place))));
            }
            None => {}
        }
        blocks.extend(item.difference.map(str::to_owned));
        if let Some(table) = item.rows.filter(|table| !table.rows.is_empty()) {
            let rows = Preview { table, null: "NULL" }.render();
            blocks.push(format!("first rows that it found:\n{rows}"));
        }
        let text = blocks.join("\n\n");
        let lines: Vec<String> = text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// What an interrupted run did and did not do.
    fn left_out(&self, summary: &Summary<'_>) {
        let is_done = |item: &&Ended<'_>| matches!(item.status, "success" | "pass" | "warn");
        let done: Vec<&str> = summary.ended.iter().filter(is_done).map(|item| item.node.name.as_str()).collect();
        let list = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let text = format!("  Done before the interrupt: {}\n  Not done: {}", list(&done), list(summary.not_run));
        self.say(&Entry::blank());
        self.say(&Entry::info(names::NOTE, text.clone()).with("msg", text));
    }
}

/// A group as events tell it: whom to ask. What its owner has is text in them.
/// A group and its owner, as events have them.
pub(super) fn group_facts(group: &Group) -> Data {
    let fields = group.owner.fields.iter().filter(|(_, value)| !value.is_null());
    let texts = fields.map(|(key, value)| (key.clone(), Data::from(py::to_str(&py::from_json(value)))));
    json!({"name": group.name, "package_name": group.package, "owner": texts.collect::<Map<String, Data>>()})
}

/// A diagnostic without its sentence, which the message above it says already.
fn brief(problem: &Diagnostic) -> String {
    format!("error[{}]: {}{}", problem.code.number(), problem.code.meaning(), details(problem))
}

fn is_test(node: &Node) -> bool {
    matches!(node.resource_type, ResourceType::Test | ResourceType::UnitTest)
}

/// What results say of nodes that `--fail-fast` left out.
const FAIL_FAST: &str = "Skipping due to fail_fast";

/// Skipped nodes with another message were not run because of something before them that is not listed itself.
fn is_failure(item: &Ended<'_>) -> bool {
    match item.status {
        "error" | "fail" | "runtime error" => true,
        "skipped" => {
            item.message.is_some_and(|message| message != FAIL_FAST)
                && item.node.resource_type != ResourceType::Exposure
        }
        _ => false,
    }
}

/// The kind under which dbt counts a node.
fn kind_of(node: &Node) -> String {
    match (&node.kind, node.resource_type) {
        (NodeKind::Hook(_), _) | (_, ResourceType::Operation) => "project hook".to_owned(),
        (_, ResourceType::Model) => format!("{} model", node.config.materialized()),
        (_, kind) => kind.as_str().to_owned(),
    }
}
