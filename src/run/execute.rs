//! A whole run: schemas, hooks at the start, the nodes, hooks at the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indexmap::IndexSet;

use super::batches::{self, Slots};
use super::event::{Event, Output, Reporter};
use super::hooks::{Hooks, is_relational};
use super::plan::{Command, RunPlan, is_ephemeral};
use super::result::{NodeResult, RunReport, Status};
use super::schedule::{self, Options};
use super::stop::Stop;
use super::unit_test::UnitTests;
use super::worker::Shop;
use crate::diagnostic::Diagnostic;
use crate::jinja::{Runtime, Session, SqlFailure};
use crate::manifest::{NodeIndex, ResourceType};

/// The rooms above, as a run sees them.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Who hears what happens.
    pub reporter: &'a dyn Reporter,
    /// Where texts go.
    pub output: &'a dyn Output,
    /// How the run is stopped.
    pub stop: &'a Stop,
    /// How unit tests run.
    pub unit_tests: UnitTests<'a>,
}

/// Carries out a plan.
///
/// # Errors
/// When nothing could be begun: no connection, or a schema that cannot be created. What happens to single nodes
/// is in the report.
pub fn execute(
    runtime: &Arc<Runtime>,
    plan: &RunPlan,
    surroundings: Surroundings<'_>,
) -> Result<RunReport, Box<Diagnostic>> {
    let started = Instant::now();
    let settings = &runtime.project.settings;
    let target = &runtime.project.target;
    let counts = plan.counts(&runtime.manifest);
    let (total, threads) = (plan.total, target.threads);
    surroundings.reporter.report(&Event::RunStarted { counts: &counts, total, threads, target: &target.name });

    let session = runtime.session("master");
    // Weak, since the signal handler outlives the run and must not keep the database open.
    let interrupted = Arc::downgrade(&session);
    surroundings.stop.register(move || {
        if let Some(interrupter) = interrupted.upgrade().and_then(|session| session.interrupter()) {
            interrupter.interrupt();
        }
    });
    // A query comment that cannot be written ends the run before anything is built.
    runtime.label(&session, None)?;
    let hooks = Hooks { runtime, session: &session, reporter: surroundings.reporter, output: surroundings.output };
    let has_hooks = plan.command != Command::Freshness || settings.flag("source_freshness_run_project_hooks");
    let is_elsewhere = surroundings.unit_tests.engine.is_some() && has_only_unit_tests(runtime, plan);
    let runs = plan.command != Command::Compile && !plan.nodes.is_empty() && has_hooks && !is_elsewhere;
    let mut report = RunReport::default();
    // Cloning is no run to the project's hooks.
    let has_hooks = runs && plan.command != Command::Clone;
    if runs {
        batches::warn_if_sequential(runtime, &plan.nodes)?;
        prepare_schemas(runtime, &session, plan)?;
    }
    if has_hooks {
        report.results = hooks.run(false, None)?;
    }
    // Its connection serves the first worker.
    session.close();
    let start_failed = report.results.iter().any(|result| result.status == Status::Error);
    if start_failed && settings.flag("skip_nodes_if_on_run_start_fails") {
        report.results.extend(all_skipped(runtime, plan, surroundings.reporter));
    } else {
        run_nodes(runtime, plan, surroundings, &mut report);
    }
    report.is_interrupted = surroundings.stop.is_set();
    if has_hooks && !report.is_interrupted {
        let results = hooks.run(true, Some(&report.results))?;
        report.results.extend(results);
    }
    session.close();
    report.elapsed = started.elapsed().as_secs_f64();
    surroundings.reporter.report(&Event::RunFinished { report: &report });
    Ok(report)
}

/// Whether nothing but unit tests is run.
fn has_only_unit_tests(runtime: &Runtime, plan: &RunPlan) -> bool {
    plan.nodes.iter().all(|ix| runtime.manifest.node(*ix).resource_type == ResourceType::UnitTest)
}

fn run_nodes(runtime: &Arc<Runtime>, plan: &RunPlan, surroundings: Surroundings<'_>, report: &mut RunReport) {
    let shop = Shop {
        runtime,
        command: plan.command,
        reporter: surroundings.reporter,
        output: surroundings.output,
        retried: &plan.retried,
        stop: surroundings.stop,
        unit_tests: surroundings.unit_tests,
        slots: Slots::new(runtime.project.target.threads.max(1)),
        compiled: Mutex::default(),
    };
    let options = Options { threads: runtime.project.target.threads, fail_fast: runtime.project.settings.fail_fast };
    let outcome =
        schedule::execute(&runtime.manifest, plan, &shop, surroundings.stop, (options, surroundings.reporter));
    report.results.extend(outcome.results);
    report.not_run = outcome.not_run;
    report.compiled = shop.compiled.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.compiled.sort_by_key(|compiled| compiled.ix);
}

fn all_skipped(runtime: &Runtime, plan: &RunPlan, reporter: &dyn Reporter) -> Vec<NodeResult> {
    let shown = plan.all_nodes().filter(|ix| !is_ephemeral(&runtime.manifest, *ix));
    let skipped = shown.enumerate().map(|(place, ix)| {
        let result = NodeResult::of(ix, runtime.manifest.node(ix), Status::Skipped);
        reporter.report(&Event::NodeFinished { index: place + 1, total: plan.total, result: &result });
        result
    });
    skipped.collect()
}

/// Creates the schemas that the plan builds in, one after the other: two sessions that create the same schema
/// at once are in each other's way. Then lists what is in them.
fn prepare_schemas(runtime: &Arc<Runtime>, session: &Arc<Session>, plan: &RunPlan) -> Result<(), Box<Diagnostic>> {
    let stores_failures = runtime.project.settings.store_failures;
    let is_built = |ix: &NodeIndex| {
        let node = runtime.manifest.node(*ix);
        let has_schema = is_relational(node, stores_failures) || node.resource_type == ResourceType::Function;
        has_schema && !is_ephemeral(&runtime.manifest, *ix)
    };
    let schema = |ix: &NodeIndex| {
        let node = runtime.manifest.node(*ix);
        (node.database.clone(), node.schema.clone())
    };
    let schemas: IndexSet<_> = plan.nodes.iter().filter(|ix| is_built(ix)).map(schema).collect();
    let schemas: Vec<_> = schemas.into_iter().collect();
    runtime.create_schemas(session, &schemas)?;
    runtime.fill_cache(session, &schemas).map_err(SqlFailure::into_diagnostic)
}
