//! Hands the nodes of a plan to worker threads, in dbt's order, and decides what is skipped.
//!
//! The loop runs on the caller's thread. It knows nothing of databases or clocks: what is done with a node is
//! a [`Work`]'s business, so that tests need neither.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::event::{Event, Reporter};
use super::plan::{Command, RunPlan, is_ephemeral};
use super::result::{NodeResult, Status};
use super::stop::Stop;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifest, NodeIndex, NodeSet};

/// Macros call macros on the thread's stack; pages that are not touched cost nothing.
pub(super) const STACK_SIZE: usize = 64 << 20;

/// How often running statements are interrupted again after a stop: one may begin just after the signal.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Makes workers.
pub trait Work: Sync {
    /// Makes the worker of a thread. Called on that thread; `thread` is its name as results publish it.
    fn worker(&self, thread: &str) -> Box<dyn Worker + '_>;
    /// Hears how many workers are about to be busy at once: more while none is, fewer at any time.
    fn expect_busy(&self, n_workers: usize) {
        let _ = n_workers;
    }
}

/// Does what is to be done with a node.
pub trait Worker {
    /// Runs a node to its result.
    fn run(&mut self, ix: NodeIndex) -> NodeResult;
}

/// How the plan is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many workers.
    pub threads: usize,
    /// Stop at the first failure.
    pub fail_fast: bool,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Results in the order they came, without those of ephemeral models that compiled.
    pub results: Vec<NodeResult>,
    /// Nodes that were not run because the run was interrupted.
    pub not_run: Vec<NodeIndex>,
}

struct Done {
    worker: usize,
    result: NodeResult,
}

/// Runs all nodes of a plan.
pub fn execute(
    manifest: &Manifest,
    plan: &RunPlan,
    work: &dyn Work,
    stop: &Stop,
    (options, reporter): (Options, &dyn Reporter),
) -> Outcome {
    let n_workers = options.threads.clamp(1, plan.nodes.len().max(1));
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel();
        let mut tasks = Vec::new();
        for _ in 0..n_workers {
            let number = tasks.len();
            let (task, received) = mpsc::channel();
            let done = done.clone();
            let name = thread_name(number);
            let context = WorkerContext { number, name: name.clone(), manifest, reporter, total: plan.total };
            let spawned = thread::Builder::new()
                .name(name)
                .stack_size(STACK_SIZE)
                .spawn_scoped(scope, move || context.serve(work, &received, &done));
            if spawned.is_ok() {
                tasks.push(task);
            }
        }
        drop(done);
        let mut schedule = Schedule::new((manifest, plan), work, tasks, (options, reporter));
        schedule.run(&finished, stop);
        schedule.finish(stop)
    })
}

/// The name of a worker's thread, as dbt's results have it.
fn thread_name(worker: usize) -> String {
    format!("Thread-{} (worker)", worker + 1)
}

struct WorkerContext<'a> {
    number: usize,
    name: String,
    manifest: &'a Manifest,
    reporter: &'a dyn Reporter,
    total: usize,
}

#[derive(Clone, Copy)]
struct Task {
    node: NodeIndex,
    /// The node's number in the run; none for ephemeral models, which nobody is told of.
    index: Option<usize>,
}

impl WorkerContext<'_> {
    fn serve(&self, work: &dyn Work, tasks: &Receiver<Task>, done: &Sender<Done>) {
        let mut worker = work.worker(&self.name);
        while let Ok(task) = tasks.recv() {
            if let Some(index) = task.index {
                let (node, total) = (task.node, self.total);
                self.reporter.report(&Event::NodeStarted { node, index, total, thread: &self.name });
            }
            let mut result = match catch_unwind(AssertUnwindSafe(|| worker.run(task.node))) {
                Ok(result) => result,
                Err(payload) => {
                    worker = work.worker(&self.name);
                    panicked(self.manifest, task.node, payload.as_ref())
                }
            };
            result.thread_id.clone_from(&self.name);
            if let Some(index) = task.index {
                self.reporter.report(&Event::NodeFinished { index, total: self.total, result: &result });
            }
            if done.send(Done { worker: self.number, result }).is_err() {
                return;
            }
        }
    }
}

fn panicked(manifest: &Manifest, ix: NodeIndex, payload: &(dyn std::any::Any + Send)) -> NodeResult {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    let id = manifest.node(ix).unique_id.clone();
    let message = format!("kiln panicked while it worked on `{id}`: {}", text.unwrap_or("no message"));
    let diagnostic = Diagnostic::error(Code::Panic, message.clone());
    let mut result = NodeResult::new(Some(ix), id, Status::Error).with_message(message);
    result.diagnostic = Some(Box::new(diagnostic));
    result
}

/// Why a node is skipped.
#[derive(Clone, Copy)]
struct Cause {
    node: NodeIndex,
    /// The ephemeral model that was not compiled, if that is why; as in dbt, it may have been skipped itself.
    ephemeral: Option<NodeIndex>,
}

struct Schedule<'a> {
    manifest: &'a Manifest,
    plan: &'a RunPlan,
    work: &'a dyn Work,
    options: Options,
    reporter: &'a dyn Reporter,
    tasks: Vec<Sender<Task>>,
    idle: Vec<usize>,
    /// What a worker does next: a model's unit tests, then the model.
    then: HashMap<usize, VecDeque<Task>>,
    ready: VecDeque<Task>,
    waits_for: HashMap<NodeIndex, usize>,
    skipped: HashMap<NodeIndex, Cause>,
    numbered: usize,
    running: usize,
    /// How many workers were last said to be busy.
    expected_busy: usize,
    has_failed_fast: bool,
    results: Vec<NodeResult>,
    finished: NodeSet,
}

impl<'a> Schedule<'a> {
    fn new(
        (manifest, plan): (&'a Manifest, &'a RunPlan),
        work: &'a dyn Work,
        tasks: Vec<Sender<Task>>,
        (options, reporter): (Options, &'a dyn Reporter),
    ) -> Self {
        let waits_for = plan.waits_for();
        let mut first: Vec<_> = plan.nodes.iter().copied().filter(|ix| waits_for.get(ix) == Some(&0)).collect();
        plan.sort(&mut first);
        let mut schedule = Self {
            manifest,
            plan,
            work,
            options,
            reporter,
            idle: (0..tasks.len()).rev().collect(),
            tasks,
            then: HashMap::new(),
            ready: VecDeque::new(),
            waits_for,
            skipped: HashMap::new(),
            numbered: 0,
            running: 0,
            expected_busy: 0,
            has_failed_fast: false,
            results: Vec::new(),
            finished: NodeSet::new(),
        };
        schedule.queue(&first);
        schedule
    }

    /// Appends nodes that became ready together. dbt numbers nodes when they become ready, but those with unit tests
    /// only when a thread takes them.
    fn queue(&mut self, ready: &[NodeIndex]) {
        for node in ready {
            let index = if self.plan.unit_tests.contains_key(node) { None } else { self.next_index(*node) };
            self.ready.push_back(Task { node: *node, index });
        }
    }

    fn next_index(&mut self, ix: NodeIndex) -> Option<usize> {
        if is_ephemeral(self.manifest, ix) {
            return None;
        }
        self.numbered += 1;
        Some(self.numbered)
    }

    fn run(&mut self, finished: &Receiver<Done>, stop: &Stop) {
        let mut is_stopping = false;
        loop {
            let wants_stop = stop.is_set() || self.has_failed_fast;
            if wants_stop && !is_stopping {
                is_stopping = true;
                self.reporter.report(&Event::Stopping);
            }
            if is_stopping {
                stop.interrupt();
            } else {
                self.dispatch();
            }
            if self.running == 0 {
                return;
            }
            match finished.recv_timeout(STOP_INTERVAL) {
                Ok(done) => self.take(done, is_stopping || stop.is_set()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Gives work to idle workers. Skipping takes no worker, but waits its turn like everything else.
    fn dispatch(&mut self) {
        let busy = (self.running + self.ready.len()).min(self.tasks.len());
        if busy < self.expected_busy || (self.running == 0 && busy != self.expected_busy) {
            self.work.expect_busy(busy);
            self.expected_busy = busy;
        }
        while let Some(worker) = self.idle.last().copied() {
            let Some(task) = self.ready.pop_front() else { return };
            let tests = self.plan.unit_tests.get(&task.node).map_or(&[][..], Vec::as_slice);
            if tests.is_empty() {
                self.start_or_skip(worker, task);
                continue;
            }
            let mut bundle: VecDeque<Task> =
                tests.iter().map(|test| Task { node: *test, index: self.next_index(*test) }).collect();
            bundle.push_back(Task { node: task.node, index: self.next_index(task.node) });
            self.start_bundle(worker, bundle);
        }
    }

    fn start_bundle(&mut self, worker: usize, mut bundle: VecDeque<Task>) {
        let cause = bundle.back().and_then(|model| self.skipped.get(&model.node).copied());
        while let Some(task) = bundle.pop_front() {
            if let Some(cause) = cause.or_else(|| self.skipped.get(&task.node).copied()) {
                self.skip(worker, task, cause);
                continue;
            }
            self.then.insert(worker, bundle);
            self.start(worker, task);
            return;
        }
    }

    fn start_or_skip(&mut self, worker: usize, task: Task) {
        match self.skipped.get(&task.node).copied() {
            Some(cause) => self.skip(worker, task, cause),
            None => self.start(worker, task),
        }
    }

    fn start(&mut self, worker: usize, task: Task) {
        self.idle.retain(|idle| *idle != worker);
        if self.tasks[worker].send(task).is_ok() {
            self.running += 1;
        }
    }

    /// Skips a node whose turn it is on a worker.
    fn skip(&mut self, worker: usize, task: Task, cause: Cause) {
        let node = self.manifest.node(task.node);
        let id = &node.unique_id;
        let mut result = NodeResult::of(task.node, node, Status::Skipped);
        result.thread_id = thread_name(worker);
        result.skipped_because = Some(cause.node);
        if let Some(parent) = cause.ephemeral.filter(|_| task.index.is_some()) {
            let parent = &self.manifest.node(parent).unique_id;
            result.message = Some(format!(
                "Compilation Error in {id}, caused by compilation error in referenced ephemeral model {parent}"
            ));
        }
        if let Some(index) = task.index {
            self.reporter.report(&Event::NodeFinished { index, total: self.plan.total, result: &result });
        }
        self.finish_node(task.node, result);
    }

    fn take(&mut self, done: Done, is_stopping: bool) {
        self.running -= 1;
        let Some(ix) = done.result.node else { return };
        let status = done.result.status;
        let fails = matches!(status, Status::Error | Status::Fail | Status::PartialSuccess);
        if self.options.fail_fast && fails && !is_stopping {
            self.has_failed_fast = true;
        }
        let was_interrupted =
            done.result.diagnostic.as_ref().is_some_and(|diagnostic| diagnostic.code == Code::Interrupted);
        if is_stopping && was_interrupted {
            return;
        }
        let bundle = self.then.remove(&done.worker).unwrap_or_default();
        if let Some(model) = bundle.back().map(|task| task.node)
            && self.stops_dependents(status)
        {
            self.skipped.insert(model, Cause { node: ix, ephemeral: None });
        }
        self.idle.push(done.worker);
        self.idle.sort_by(|a, b| b.cmp(a));
        self.finish_node(ix, done.result);
        if !is_stopping && !self.has_failed_fast {
            self.start_bundle(done.worker, bundle);
        }
    }

    fn stops_dependents(&self, status: Status) -> bool {
        match status {
            Status::Error | Status::PartialSuccess => true,
            Status::Fail | Status::Skipped => self.plan.command == Command::Build,
            _ => false,
        }
    }

    fn finish_node(&mut self, ix: NodeIndex, result: NodeResult) {
        if self.stops_dependents(result.status) {
            let cause = Cause {
                node: result.skipped_because.unwrap_or(ix),
                ephemeral: is_ephemeral(self.manifest, ix).then_some(ix),
            };
            for descendant in self.plan.descendants(ix) {
                self.skipped.insert(descendant, cause);
            }
        }
        // A failed ephemeral model shows in what was skipped because of it.
        if !is_ephemeral(self.manifest, ix) {
            self.results.push(result);
        }
        self.finished.insert(ix);
        let mut ready = Vec::new();
        for child in self.plan.children(ix) {
            if let Some(count) = self.waits_for.get_mut(child) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*child);
                }
            }
        }
        self.plan.sort(&mut ready);
        self.queue(&ready);
    }

    fn finish(self, stop: &Stop) -> Outcome {
        let mut results = self.results;
        let is_left = |ix: &NodeIndex| !self.finished.contains(*ix);
        if stop.is_set() {
            return Outcome { results, not_run: self.plan.all_nodes().filter(is_left).collect() };
        }
        // As dbt publishes it: ephemeral models too, unit tests of `build` not.
        for ix in self.plan.nodes.iter().copied().filter(is_left) {
            let mut skipped = NodeResult::of(ix, self.manifest.node(ix), Status::Skipped);
            skipped.thread_id = "MainThread".to_owned();
            results.push(skipped.with_message("Skipping due to fail_fast"));
        }
        Outcome { results, not_run: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::fixture;
    use crate::run::plan::plan;

    /// Answers with the status that a name ends in: `model.a_error`.
    struct ByName<'a>(&'a Manifest);

    impl Work for ByName<'_> {
        fn worker(&self, _thread: &str) -> Box<dyn Worker + '_> {
            Box::new(ByName(self.0))
        }
    }

    impl Worker for ByName<'_> {
        fn run(&mut self, ix: NodeIndex) -> NodeResult {
            let node = self.0.node(ix);
            let status = match node.name.rsplit('_').next() {
                Some("error") => Status::Error,
                Some("fail") => Status::Fail,
                Some("warn") => Status::Warn,
                Some("panic") => panic!("as asked"),
                _ => Status::Success,
            };
            NodeResult::new(Some(ix), node.unique_id.clone(), status)
        }
    }

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Reporter for Lines {
        fn report(&self, event: &Event<'_>) {
            if let Event::NodeFinished { index, total, result } = event {
                let line = format!("{index}/{total} {} {}", result.unique_id, result.status.as_str());
                self.0.lock().unwrap().push(line);
            }
        }
    }

    fn run(nodes: &[&str], command: Command, fail_fast: bool, stop: &Stop) -> (Vec<String>, Outcome, Manifest) {
        let manifest = fixture::manifest(nodes);
        let plan = plan(&manifest, &manifest.indices().collect(), command);
        let lines = Lines::default();
        let options = Options { threads: 1, fail_fast };
        let outcome = execute(&manifest, &plan, &ByName(&manifest), stop, (options, &lines));
        (lines.0.into_inner().unwrap(), outcome, manifest)
    }

    #[track_caller]
    fn check(command: Command, nodes: &[&str], expected: &[&str]) {
        let (lines, _, _) = run(nodes, command, false, &Stop::new());
        assert_eq!(lines, expected);
    }

    #[test]
    fn nodes_run_by_depth_and_then_by_id() {
        check(
            Command::Run,
            &["model.c", "model.a: model.c", "model.b", "model.d: model.a, model.b", "test.t: model.a"],
            &["1/4 model.b success", "2/4 model.c success", "3/4 model.a success", "4/4 model.d success"],
        );
    }

    #[test]
    fn a_failure_skips_what_depends_on_it_and_nothing_else() {
        check(
            Command::Run,
            &["model.a_error", "model.b: model.a_error", "model.c: model.b", "model.d"],
            &["1/4 model.a_error error", "2/4 model.d success", "3/4 model.b skipped", "4/4 model.c skipped"],
        );
    }

    #[test]
    fn build_waits_for_tests_and_a_failing_one_stops_what_is_below() {
        check(
            Command::Build,
            &["model.a", "model.b: model.a", "test.t_fail: model.a", "model.c"],
            &["1/4 model.a success", "2/4 model.c success", "3/4 test.t_fail fail", "4/4 model.b skipped"],
        );
    }

    #[test]
    fn a_warning_test_stops_nothing() {
        check(
            Command::Build,
            &["model.a", "model.b: model.a", "test.t_warn: model.a"],
            &["1/3 model.a success", "2/3 test.t_warn warn", "3/3 model.b success"],
        );
    }

    #[test]
    fn a_test_of_two_nodes_is_waited_for_by_what_depends_on_both() {
        check(
            Command::Build,
            &["model.a", "model.b: model.a", "model.c: model.b", "model.d: model.a", "test.t_fail: model.a, model.b"],
            &[
                "1/5 model.a success",
                "2/5 model.b success",
                "3/5 model.d success",
                "4/5 test.t_fail fail",
                "5/5 model.c skipped",
            ],
        );
    }

    #[test]
    fn unit_tests_run_before_their_model_and_a_failing_one_skips_it() {
        check(
            Command::Build,
            &["model.a", "model.b: model.a", "unit_test.u_fail: model.b", "model.c: model.b"],
            &["1/4 model.a success", "2/4 unit_test.u_fail fail", "3/4 model.b skipped", "4/4 model.c skipped"],
        );
    }

    #[test]
    fn ephemeral_models_are_not_shown_but_their_failure_is_told() {
        let nodes = ["model.a: ephemeral.x_error", "ephemeral.x_error"];
        let (lines, outcome, _) = run(&nodes, Command::Run, false, &Stop::new());
        assert_eq!(lines, ["1/1 model.a skipped"]);
        assert_eq!(
            outcome.results[0].message.as_deref(),
            Some(
                "Compilation Error in model.a, caused by compilation error in referenced ephemeral model ephemeral.x_error"
            )
        );
    }

    #[test]
    fn in_a_build_a_skipped_ephemeral_model_is_named_too() {
        let nodes = ["model.a: ephemeral.x", "ephemeral.x: model.b_error", "model.b_error"];
        let (_, outcome, _) = run(&nodes, Command::Build, false, &Stop::new());
        assert_eq!(
            outcome.results[1].message.as_deref(),
            Some("Compilation Error in model.a, caused by compilation error in referenced ephemeral model ephemeral.x")
        );
    }

    #[test]
    fn unselected_nodes_keep_the_order_of_those_around_them() {
        let manifest = fixture::manifest(&["model.z", "model.y: model.z", "model.a: model.y"]);
        let selected = manifest.indices().filter(|ix| manifest.node(*ix).name != "y").collect();
        let plan = plan(&manifest, &selected, Command::Run);
        assert_eq!(plan.children(NodeIndex::from_usize(0)), [NodeIndex::from_usize(2)]);
    }

    #[test]
    fn fail_fast_skips_the_rest() {
        let (_, outcome, _) = run(&["model.a_error", "model.b", "model.c: model.b"], Command::Run, true, &Stop::new());
        let shown: Vec<_> = outcome
            .results
            .iter()
            .map(|result| (result.unique_id.as_str(), result.status.as_str(), result.message.as_deref()))
            .collect();
        let skipped = Some("Skipping due to fail_fast");
        assert_eq!(
            shown,
            [("model.a_error", "error", None), ("model.b", "skipped", skipped), ("model.c", "skipped", skipped)]
        );
    }

    #[test]
    fn a_stopped_run_tells_what_was_not_run() {
        let stop = Stop::new();
        stop.stop();
        let (_, outcome, manifest) = run(&["model.a", "model.b"], Command::Run, false, &stop);
        assert!(outcome.results.is_empty());
        assert_eq!(outcome.not_run, manifest.indices().collect::<Vec<_>>());
    }

    /// Notes how many workers are said to be busy.
    struct Noted<'a>(ByName<'a>, Mutex<Vec<usize>>);

    impl Work for Noted<'_> {
        fn worker(&self, thread: &str) -> Box<dyn Worker + '_> {
            self.0.worker(thread)
        }

        fn expect_busy(&self, n_workers: usize) {
            self.1.lock().unwrap().push(n_workers);
        }
    }

    #[test]
    fn it_is_told_when_fewer_workers_are_busy_and_when_more_start_at_once() {
        let manifest = fixture::manifest(&["model.a", "model.b: model.a", "model.c: model.a", "model.d: model.a"]);
        let plan = plan(&manifest, &manifest.indices().collect(), Command::Run);
        let work = Noted(ByName(&manifest), Mutex::default());
        let options = Options { threads: 2, fail_fast: false };
        execute(&manifest, &plan, &work, &Stop::new(), (options, &Lines::default()));
        assert_eq!(work.1.into_inner().unwrap(), [1, 2, 1, 0]);
    }

    #[test]
    fn a_panic_is_the_failure_of_its_node() {
        let (lines, outcome, _) = run(&["model.a_panic", "model.b"], Command::Run, false, &Stop::new());
        assert_eq!(lines, ["1/2 model.a_panic error", "2/2 model.b success"]);
        let diagnostic = outcome.results[0].diagnostic.as_ref().unwrap();
        assert_eq!(diagnostic.code, Code::Panic);
        assert!(diagnostic.message.ends_with("as asked"));
    }
}
