//! Shows a run as it goes: a [`Reporter`] that turns events into messages, and draws the live part of a terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, Level, names};
use super::lines::{Drawing, Outcome};
use super::printer::{Format, Printer};
use super::progress::Progress;
use super::summary::{Ended, Summary, Tally, group_facts};
use crate::manifest::{Group, Manifest, Node, NodeIndex, NodeKind, ResourceType};
use crate::run::{Event, NodeResult, Reporter, RunReport, Status};

/// Says what happens in a run.
pub struct TermReporter {
    printer: Arc<Printer>,
    manifest: Arc<Manifest>,
    drawing: Drawing,
    /// Whether nodes have lines on the console; compiling has none.
    has_lines: bool,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    progress: Option<Arc<Progress>>,
    tally: Tally,
}

impl TermReporter {
    /// Makes a reporter. `database` is the target's, which names leave out.
    #[must_use]
    pub fn new(printer: &Arc<Printer>, manifest: &Arc<Manifest>, database: &str) -> Self {
        let drawing = Drawing { theme: printer.theme(), width: printer.options().width, database: database.to_owned() };
        Self {
            printer: Arc::clone(printer),
            manifest: Arc::clone(manifest),
            drawing,
            has_lines: true,
            live: Mutex::default(),
        }
    }

    /// The same without lines for nodes, as when nothing is built.
    #[must_use]
    pub fn without_lines(mut self) -> Self {
        self.has_lines = false;
        self
    }

    fn say_node(&self, entry: &Entry) {
        if self.has_lines { self.printer.say(entry) } else { self.printer.log_only(entry) }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_started(&self, total: usize, threads: usize, target: &str) {
        let text = format!("Concurrency: {threads} thread{} (target='{target}')", if threads == 1 { "" } else { "s" });
        let entry = Entry::info(names::CONCURRENCY, text);
        self.printer.say(&Entry::blank());
        self.printer.say(&entry.with("num_threads", threads).with("target_name", target).with("node_count", total));
        self.printer.say(&Entry::blank());
        let options = self.printer.options();
        let is_shown = options.level.is_some_and(|least| least <= Level::Info);
        if options.is_terminal && options.format == Format::Text && is_shown && total > 0 {
            let progress = Arc::new(Progress::start(total));
            self.printer.set_progress(Some(Arc::clone(&progress)));
            self.live().progress = Some(progress);
        }
    }

    fn node_started(&self, ix: NodeIndex, position: (usize, usize), thread: &str) {
        let node = self.manifest.node(ix);
        if is_nothing_to_do(node) {
            return;
        }
        let now = jiff::Timestamp::now();
        self.printer.say(&Drawing::node_start(node, now).from_thread(thread));
        let entry = self.drawing.started(node, position, Some(now)).from_thread(thread);
        let progress = self.live().progress.clone();
        match progress {
            Some(progress) => {
                self.printer.log_only(&entry);
                progress.node_started(node.unique_id.as_str(), &self.drawing.description(node, position.0));
            }
            None => self.say_node(&entry),
        }
    }

    fn node_finished(&self, position: (usize, usize), result: &NodeResult) {
        let Some(node) = result.node.map(|ix| self.manifest.node(ix)) else { return };
        let mut outcome = Outcome::of(result);
        if result.status == Status::Skipped || is_nothing_to_do(node) {
            // To those who follow nodes these begin, too, as they end.
            let now = jiff::Timestamp::now();
            self.printer.say(&Drawing::node_start(node, now).from_thread(&result.thread_id));
            outcome.started_at = Some(now);
        }
        if let Some(why) = result.message.as_deref().filter(|_| result.status == Status::Error) {
            self.printer.say(&Drawing::node_failed(node, why).from_thread(&result.thread_id));
        }
        let progress = {
            let mut live = self.live();
            live.tally.add(result.status.as_str());
            live.progress.clone().map(|progress| (progress, live.tally.words()))
        };
        if let Some((progress, words)) = progress {
            progress.node_finished(node.unique_id.as_str(), words);
        }
        let entry = match (result.status, &result.message) {
            (Status::Skipped, Some(_)) if self.is_because_of_ephemeral(result) => {
                self.drawing.skipped_because(node, position)
            }
            _ => self.drawing.finished(node, position, outcome),
        };
        self.say_node(&self.with_group(entry, node).from_thread(&result.thread_id));
        self.printer.say(&Drawing::node_end(node, result, outcome).from_thread(&result.thread_id));
    }

    fn is_because_of_ephemeral(&self, result: &NodeResult) -> bool {
        result.skipped_because.is_some_and(|ix| self.manifest.node(ix).config.materialized() == "ephemeral")
    }

    fn hook_started(&self, ix: NodeIndex, position: (usize, usize)) {
        let node = self.manifest.node(ix);
        if position.0 == 1 && is_end_hook(node) {
            self.printer.say(&Entry::blank());
        }
        self.printer.say(&self.drawing.started(node, position, Some(jiff::Timestamp::now())));
    }

    fn hook_finished(&self, position: (usize, usize), result: &NodeResult) {
        let Some(node) = result.node.map(|ix| self.manifest.node(ix)) else { return };
        self.printer.say(&self.drawing.finished(node, position, Outcome::of(result)));
        if position.0 == position.1 && !is_end_hook(node) {
            self.printer.say(&Entry::blank());
        }
    }

    /// Takes the live part off the terminal.
    pub fn end(&self) {
        if let Some(progress) = self.live().progress.take() {
            self.printer.set_progress(None);
            progress.stop();
        }
    }

    /// Says which sources are stale or could not be asked.
    pub fn freshness_summary(&self, report: &RunReport) {
        self.end();
        let results = report.results.iter();
        let ended: Vec<Ended<'_>> =
            results.filter_map(|result| Some(self.ended(result, self.manifest.node(result.node?), None))).collect();
        let not_run: Vec<&str> = report.not_run.iter().map(|ix| self.manifest.node(*ix).name.as_str()).collect();
        self.printer.freshness_summary(&Summary {
            ended: &ended,
            seconds: report.elapsed,
            not_run: &not_run,
            was_interrupted: report.is_interrupted,
            has_lines: true,
        });
    }

    /// Says how the run ended. `compiled_path` tells where a node's compiled code lies.
    pub fn summary(&self, report: &RunReport, compiled_path: &dyn Fn(&Node) -> Option<String>) {
        self.end();
        let paths: Vec<Option<String>> = report
            .results
            .iter()
            .map(|result| {
                result
                    .node
                    .filter(|_| result.compiled_code.is_some())
                    .and_then(|ix| compiled_path(self.manifest.node(ix)))
            })
            .collect();
        let ended: Vec<Ended<'_>> = report
            .results
            .iter()
            .zip(&paths)
            .filter_map(|(result, path)| Some(self.ended(result, self.manifest.node(result.node?), path.as_deref())))
            .collect();
        let not_run: Vec<&str> = report.not_run.iter().map(|ix| self.manifest.node(*ix).name.as_str()).collect();
        self.printer.summary(&Summary {
            ended: &ended,
            seconds: report.elapsed,
            not_run: &not_run,
            was_interrupted: report.is_interrupted,
            has_lines: self.has_lines,
        });
    }

    fn group_of(&self, node: &Node) -> Option<&Group> {
        let name = node.group.as_ref()?;
        self.manifest.groups.values().find(|group| group.name == *name)
    }

    /// Says whom to ask about a node's result.
    fn with_group(&self, entry: Entry, node: &Node) -> Entry {
        match self.group_of(node) {
            Some(group) => entry.with("group", group_facts(group)),
            None => entry,
        }
    }

    fn ended<'a>(&'a self, result: &'a NodeResult, node: &'a Node, compiled_path: Option<&'a str>) -> Ended<'a> {
        let is_test = node.resource_type == ResourceType::Test;
        Ended {
            node,
            group: self.group_of(node),
            status: result.status.as_str(),
            message: result.message.as_deref(),
            compiled_path,
            stored_in: result.relation_name.as_deref().filter(|_| is_test),
            rows: result.failing_rows.as_ref().filter(|_| result.difference.is_none()),
            difference: result.difference.as_deref(),
            problem: result.diagnostic.as_deref(),
        }
    }
}

impl Reporter for TermReporter {
    fn report(&self, event: &Event<'_>) {
        match event {
            Event::RunStarted { total, threads, target, .. } => self.run_started(*total, *threads, target),
            Event::HookStarted { node, index, total, .. } => self.hook_started(*node, (*index, *total)),
            Event::HookFinished { index, total, result, .. } => self.hook_finished((*index, *total), result),
            Event::NodeStarted { node, index, total, thread } => self.node_started(*node, (*index, *total), thread),
            Event::NodePhase { .. } => {}
            Event::BatchStarted { node, label, index, total } => {
                let node = self.manifest.node(*node);
                self.printer.say(&self.drawing.batch_started(node, label, (*index, *total)));
            }
            Event::BatchFinished { node, label, index, total, result } => {
                let node = self.manifest.node(*node);
                let entry = self.drawing.batch_finished(node, label, (*index, *total), Outcome::of(result));
                self.printer.say(&self.with_group(entry, node));
            }
            Event::NodeFinished { index, total, result } => self.node_finished((*index, *total), result),
            Event::Warning { diagnostic, .. } => self.printer.warning(diagnostic),
            Event::Stopping => {
                let text = "Stopping: running statements are interrupted, nothing new begins";
                self.printer.say(&Entry::new(names::CANCEL, Level::Warn, self.drawing.theme.caution(text)));
            }
            Event::RunFinished { .. } => self.end(),
        }
    }
}

/// Whether a node is in the graph, and a run does nothing about it.
fn is_nothing_to_do(node: &Node) -> bool {
    matches!(node.resource_type, ResourceType::Exposure | ResourceType::SavedQuery)
}

fn is_end_hook(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Hook(hook) if hook.is_end)
}
