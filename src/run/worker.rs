//! One node on one thread: compile it, run its materialization or test, and say what came of it.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value as Data;

use super::batches::{self, Slots};
use super::difference::difference;
use super::event::{Event, Output, Phase, Reporter};
use super::freshness::Freshness;
use super::message::{UNIT_TEST_FAILED, error_kind, in_dbt_words, is_database_error, output_path};
use super::microbatch;
use super::plan::{Command, Retried, is_ephemeral};
use super::result::{NodeResult, Status, Timing, TimingName};
use super::schedule::{Work, Worker};
use super::stop::Stop;
use super::test::TestNumbers;
use super::unit_test::{self, UnitTests};
use crate::adapter::{RowLimit, Table};
use crate::compile::{self, CompiledNode, SqlMap};
use crate::diagnostic::Diagnostic;
use crate::jinja::{Runtime, Session};
use crate::manifest::{Node, NodeIndex, NodeKind, ResourceType};
use crate::project::{Verdict, shown_path};

/// How many of the rows that a failed test found are shown.
const SHOWN_ROWS: usize = 5;

/// What helps where the embedded engine refuses what the target's database may well take.
const ENGINE_HINT: &str = "it ran in the embedded engine; without `--compute local` it runs in the target's database";

/// What every worker of a run needs.
pub(super) struct Shop<'a> {
    /// What threads share.
    pub(super) runtime: &'a Arc<Runtime>,
    /// The command.
    pub(super) command: Command,
    /// Who hears of steps.
    pub(super) reporter: &'a dyn Reporter,
    /// Where texts go.
    pub(super) output: &'a dyn Output,
    /// What an earlier run has done already.
    pub(super) retried: &'a Retried,
    /// How running statements are interrupted.
    pub(super) stop: &'a Stop,
    /// How unit tests run.
    pub(super) unit_tests: UnitTests<'a>,
    /// Who may be busy at once.
    pub(super) slots: Slots,
    /// Nodes that were compiled.
    pub(super) compiled: Mutex<Vec<Arc<CompiledNode>>>,
}

impl Work for Shop<'_> {
    fn expect_busy(&self, n_workers: usize) {
        self.runtime.adapter.expect_busy(n_workers);
    }

    fn worker(&self, thread: &str) -> Box<dyn Worker + '_> {
        Box::new(Bench { shop: self, session: self.session(thread), has_run_code: Cell::default() })
    }
}

impl Shop<'_> {
    /// Makes a session that is interrupted when the run is stopped.
    pub(super) fn session(&self, thread: &str) -> Arc<Session> {
        let session = self.runtime.session(thread);
        // Weak, since the signal handler outlives the run and must not keep the database open.
        let interrupted = Arc::downgrade(&session);
        self.stop.register(move || {
            if let Some(interrupter) = interrupted.upgrade().and_then(|session| session.interrupter()) {
                interrupter.interrupt();
            }
        });
        session
    }
}

struct Bench<'a> {
    shop: &'a Shop<'a>,
    session: Arc<Session>,
    /// Whether the present node's statement was written to `target/run`.
    has_run_code: Cell<bool>,
}

impl Worker for Bench<'_> {
    fn run(&mut self, ix: NodeIndex) -> NodeResult {
        let _slot = self.shop.slots.enter();
        let started = Instant::now();
        let node = self.shop.runtime.manifest.node(ix);
        let mut result = NodeResult::of(ix, node, Status::Success);
        self.has_run_code.set(false);
        if let Err(diagnostic) = self.fill(ix, node, &mut result) {
            let is_source = node.resource_type == ResourceType::Source;
            result.status = if is_source { Status::RuntimeError } else { Status::Error };
            result.message = Some(self.in_dbt_words(node, &diagnostic));
            result.diagnostic = Some(diagnostic);
        }
        // A node leaves nothing behind: no open transaction and no temporary tables.
        self.session.close();
        result.execution_time = started.elapsed().as_secs_f64();
        result
    }
}

impl Bench<'_> {
    fn in_dbt_words(&self, node: &Node, diagnostic: &Diagnostic) -> String {
        let runtime = self.shop.runtime;
        let dialect = runtime.adapter.dialect();
        let text = in_dbt_words(node, diagnostic, dialect);
        if !self.has_run_code.get() || !is_database_error(diagnostic.code, dialect) {
            return text;
        }
        let path = runtime.project.settings.target_path.join(output_path("run", node));
        format!("{text}\n  compiled code at {}", shown_path(&path, &runtime.project.root().root))
    }

    fn fill(&self, ix: NodeIndex, node: &Node, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        if matches!(node.resource_type, ResourceType::Exposure | ResourceType::SavedQuery) {
            result.status = Status::NoOp;
            result.message = Some("NO-OP".to_owned());
            result.failures = Some(0);
            return Ok(());
        }
        let runtime = self.shop.runtime;
        runtime.label(&self.session, Some(ix))?;
        if self.shop.command == Command::Clone {
            return self.clone_relation(ix, node, result);
        }
        if let NodeKind::Source(source) = &node.kind {
            return self.freshness(ix, &source.freshness, result);
        }
        if node.resource_type == ResourceType::UnitTest {
            return self.unit_test(ix, node, result);
        }
        if self.shop.command != Command::Compile && microbatch::is_microbatch(runtime, node) {
            return self.batches(ix, result);
        }
        self.tell(ix, Phase::Compiling);
        let compiled = timed(result, TimingName::Compile, || self.compile(ix, node))?;
        if node.resource_type != ResourceType::Seed {
            result.relation_name.clone_from(&compiled.relation_name);
            result.compiled_code = Some(Arc::clone(&compiled.compiled_code));
        }
        if self.shop.command == Command::Compile || is_ephemeral(&runtime.manifest, ix) {
            return Ok(());
        }
        self.tell(ix, Phase::Executing);
        let mut numbers = None;
        timed(result, TimingName::Execute, || {
            if node.resource_type == ResourceType::Test {
                self.test(ix, node, &compiled).map(|found| numbers = Some(found))
            } else {
                self.materialize(ix, node, &compiled).map(|found| numbers = Some(found))
            }
        })?;
        if let Some(found) = numbers {
            found.put_into(result);
        }
        Ok(())
    }

    /// Makes a clone of a relation that is elsewhere, or a view on it.
    fn clone_relation(&self, ix: NodeIndex, node: &Node, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        if is_ephemeral(&self.shop.runtime.manifest, ix) {
            return Ok(());
        }
        result.relation_name = node.relation_name.clone().filter(|_| node.resource_type != ResourceType::Seed);
        timed(result, TimingName::Compile, || Ok(()))?;
        self.tell(ix, Phase::Executing);
        let mut found = None;
        timed(result, TimingName::Execute, || {
            let outcome = compile::clone_relation(self.shop.runtime, &self.session, ix);
            self.write_run_code(node, self.session.take_written().as_deref())?;
            found = outcome?;
            Ok(())
        })?;
        match found {
            Some(outcome) => Found::of(outcome).put_into(result),
            None => result.message = Some("No-op".to_owned()),
        }
        Ok(())
    }

    fn freshness(&self, ix: NodeIndex, criteria: &Data, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        timed(result, TimingName::Compile, || Ok(()))?;
        self.tell(ix, Phase::Executing);
        let loaded = timed(result, TimingName::Execute, || self.shop.runtime.freshness(&self.session, ix))?;
        let freshness = Freshness::of(&loaded);
        result.status = freshness.judge(criteria);
        result.adapter_response = loaded.response;
        result.freshness = Some(freshness);
        Ok(())
    }

    fn tell(&self, node: NodeIndex, phase: Phase) {
        self.shop.reporter.report(&Event::NodePhase { node, phase });
    }

    fn compile(&self, ix: NodeIndex, node: &Node) -> Result<Arc<CompiledNode>, Box<Diagnostic>> {
        if node.resource_type == ResourceType::Seed {
            return Ok(Arc::new(CompiledNode {
                ix: Some(ix),
                compiled_code: Arc::from(""),
                extra_ctes: Vec::new(),
                relation_name: node.relation_name.clone(),
                map: SqlMap::identity(0),
                ephemerals: Vec::new(),
                batch: None,
            }));
        }
        let compiled = Arc::new(compile::compile(self.shop.runtime, &self.session, ix)?);
        self.shop.compiled.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&compiled));
        // Like dbt, a snapshot's query is not written: it is not what runs.
        if node.resource_type != ResourceType::Snapshot && !compiled.compiled_code.is_empty() {
            self.shop.output.write(&output_path("compiled", node), &compiled.compiled_code)?;
        }
        Ok(compiled)
    }

    fn materialize(&self, ix: NodeIndex, node: &Node, compiled: &CompiledNode) -> Result<Found, Box<Diagnostic>> {
        let outcome = compile::materialize(self.shop.runtime, &self.session, ix, compiled);
        // What was rejected is written too: it is what one wants to look at.
        self.write_run_code(node, self.session.take_written().as_deref())?;
        outcome.map(Found::of)
    }

    fn write_run_code(&self, node: &Node, text: Option<&str>) -> Result<(), Box<Diagnostic>> {
        match text {
            Some(text) => {
                self.has_run_code.set(true);
                self.shop.output.write(&output_path("run", node), text)
            }
            None => Ok(()),
        }
    }

    fn test(&self, ix: NodeIndex, node: &Node, compiled: &CompiledNode) -> Result<Found, Box<Diagnostic>> {
        let outcome = compile::run_test(self.shop.runtime, &self.session, ix, compiled);
        self.write_run_code(node, self.session.take_written().as_deref())?;
        let outcome = outcome?;
        let numbers = TestNumbers {
            failures: outcome.failures,
            should_warn: outcome.should_warn,
            should_error: outcome.should_error,
        };
        let (status, message, failures) = numbers.judge(&node.config, self.warnings_are_errors());
        let has_rows = matches!(status, Status::Fail | Status::Warn);
        Ok(Found {
            status,
            message,
            failures: Some(failures),
            adapter_response: outcome.response.to_data(),
            rows: if has_rows { self.first_rows(&compiled.compiled_code) } else { None },
        })
    }

    /// The first rows that a test found. They only help: a failure to read them is not told.
    fn first_rows(&self, sql: &str) -> Option<Table> {
        let rows = self.session.execute(sql, false, Some(RowLimit::AtMost(SHOWN_ROWS)));
        rows.ok().map(|(_, table)| table).filter(|table| !table.rows.is_empty())
    }

    fn warnings_are_errors(&self) -> bool {
        let options = &self.shop.runtime.project.settings.warn_error;
        options.verdict_on_event("LogTestResult") == Verdict::Error
    }

    /// Builds a microbatch model, batch by batch.
    fn batches(&self, ix: NodeIndex, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        timed(result, TimingName::Compile, || Ok(()))?;
        self.tell(ix, Phase::Executing);
        let started_at = Timestamp::now();
        let built = batches::build(self.shop, &self.session, ix, result);
        result.timings.push(Timing { name: TimingName::Execute, started_at, completed_at: Some(Timestamp::now()) });
        built
    }

    fn unit_test(&self, ix: NodeIndex, node: &Node, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        let NodeKind::UnitTest(def) = &node.kind else { return Ok(()) };
        // dbt takes a unit test as it is while compiling; all the work is part of running it.
        timed(result, TimingName::Compile, || Ok(()))?;
        self.tell(ix, Phase::Executing);
        let mut outcome = None;
        timed(result, TimingName::Execute, || {
            let engine = self.shop.unit_tests.engine;
            let runtime = engine.unwrap_or(self.shop.runtime);
            let session =
                engine.map_or_else(|| Arc::clone(&self.session), |engine| engine.session(self.session.name()));
            let prepared = unit_test::prepare((runtime, &session), self.shop.unit_tests.types, ix, def)?;
            let compiled = &prepared.compiled;
            let test = prepared.node();
            self.shop.output.write(&output_path("compiled", test), &compiled.compiled_code)?;
            let found = prepared.run(&session, (node, def)).map_err(|mut diagnostic| {
                let kind = error_kind(diagnostic.code, runtime.adapter.dialect());
                let said = diagnostic.message.replace('\n', "\n  ");
                diagnostic.message = format!(
                    "{UNIT_TEST_FAILED} '{}'. There may be an error in the unit test definition: check the data \
                     types.\n {kind}\n  {said}",
                    node.name
                );
                if engine.is_some() {
                    diagnostic.hints.push(ENGINE_HINT.to_owned());
                }
                diagnostic
            })?;
            self.write_run_code(test, found.run_code.as_deref())?;
            outcome = Some((found, Arc::clone(&compiled.compiled_code)));
            Ok(())
        })?;
        if let Some((found, code)) = outcome {
            result.compiled_code = Some(code);
            result.adapter_response = found.response.to_data();
            judge_unit_test(&found, result);
        }
        Ok(())
    }
}

fn judge_unit_test(found: &compile::UnitTestOutcome, result: &mut NodeResult) {
    let side = found.columns.iter().position(|name| name.eq_ignore_ascii_case("actual_or_expected"));
    let columns: Vec<String> = without(&found.columns, side).iter().map(|name| name.to_lowercase()).collect();
    let of = |wanted: &str| -> Vec<Vec<serde_json::Value>> {
        let is_wanted = |row: &&Vec<serde_json::Value>| side.is_some_and(|ix| row[ix].as_str() == Some(wanted));
        found.rows.iter().filter(is_wanted).map(|row| without(row, side)).collect()
    };
    result.status = Status::Pass;
    result.failures = Some(0);
    if let Some(difference) = difference(&columns, &of("expected"), &of("actual")) {
        result.status = Status::Fail;
        result.failures = Some(1);
        result.message = Some(format!("\n\nactual differs from expected:\n\n{difference}\n"));
        result.difference = Some(difference);
    }
}

fn without<T: Clone>(items: &[T], place: Option<usize>) -> Vec<T> {
    items.iter().enumerate().filter(|(ix, _)| Some(*ix) != place).map(|(_, item)| item.clone()).collect()
}

/// What running a node gave.
pub(super) struct Found {
    status: Status,
    message: Option<String>,
    failures: Option<i64>,
    pub(super) adapter_response: serde_json::Map<String, serde_json::Value>,
    rows: Option<Table>,
}

impl Found {
    /// What a materialization gave.
    pub(super) fn of(outcome: compile::MaterializeOutcome) -> Self {
        Self {
            status: Status::Success,
            message: Some(outcome.response.message.clone()),
            failures: None,
            adapter_response: outcome.response.to_data(),
            rows: None,
        }
    }

    fn put_into(self, result: &mut NodeResult) {
        result.status = self.status;
        result.message = self.message;
        result.failures = self.failures;
        result.adapter_response = self.adapter_response;
        result.failing_rows = self.rows;
    }
}

/// Does a step and notes when it began and ended.
fn timed<T>(
    result: &mut NodeResult,
    name: TimingName,
    step: impl FnOnce() -> Result<T, Box<Diagnostic>>,
) -> Result<T, Box<Diagnostic>> {
    let started_at = Timestamp::now();
    let done = step();
    result.timings.push(Timing { name, started_at, completed_at: Some(Timestamp::now()) });
    done
}
