//! The project's `on-run-start` and `on-run-end` hooks.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value as Data, json};

use super::event::{Event, Output, Reporter};
use super::message::{in_dbt_words, output_path};
use super::result::{NodeResult, Status, Timing, TimingName};
use crate::compile;
use crate::diagnostic::Diagnostic;
use crate::jinja::{HookResults, Runtime, Session};
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType, view};

/// The thread that hooks run on, as results publish it.
pub(super) const MAIN_THREAD: &str = "main";

/// What running hooks needs.
pub(super) struct Hooks<'a> {
    /// What threads share.
    pub(super) runtime: &'a Arc<Runtime>,
    /// The session they run on.
    pub(super) session: &'a Arc<Session>,
    /// Who hears of them.
    pub(super) reporter: &'a dyn Reporter,
    /// Where texts go.
    pub(super) output: &'a dyn Output,
}

impl Hooks<'_> {
    /// Runs the hooks one after the other; after a failure the rest is skipped.
    /// Those at the end see the results so far.
    ///
    /// # Errors
    /// When the template of a hook at the start fails: like dbt, the command then ends before anything is built.
    pub(super) fn run(&self, is_end: bool, results: Option<&[NodeResult]>) -> Result<Vec<NodeResult>, Box<Diagnostic>> {
        let hooks = self.runtime.manifest.hooks(is_end);
        let total = hooks.len();
        // Publishing the results costs as much as writing their artifact, and most projects have no such hook.
        let results = results.filter(|_| total > 0).map(|results| results_for_end(&self.runtime.manifest, results));
        let mut done: Vec<NodeResult> = Vec::new();
        let mut has_failed = false;
        for (place, ix) in hooks.into_iter().enumerate() {
            let node = self.runtime.manifest.node(ix);
            let when = if is_end { "on-run-end" } else { "on-run-start" };
            let name = format!("{}.{when}.{place}", node.package);
            let index = place + 1;
            let result = if has_failed {
                let mut skipped = NodeResult::new(Some(ix), node.unique_id.clone(), Status::Skipped);
                // dbt counts a hook that did not run as a failure.
                skipped.failures = Some(1);
                skipped.with_message(format!("{name} skipped"))
            } else {
                let mut result = NodeResult::new(Some(ix), node.unique_id.clone(), Status::Success);
                let started = Instant::now();
                let rendered = match self.render(ix, results.as_ref(), &mut result) {
                    Err(diagnostic) if !is_end => return Err(diagnostic),
                    rendered => rendered,
                };
                self.reporter.report(&Event::HookStarted { node: ix, name: &name, index, total });
                let done = rendered.and_then(|text| self.execute(node, &text, &mut result));
                self.conclude(node, &name, done, &mut result);
                result.execution_time = started.elapsed().as_secs_f64();
                result
            };
            let mut result = result;
            result.thread_id = MAIN_THREAD.to_owned();
            has_failed |= result.status == Status::Error;
            self.reporter.report(&Event::HookFinished { name: &name, index, total, result: &result });
            done.push(result);
        }
        Ok(done)
    }

    fn conclude(&self, node: &Node, name: &str, done: Result<(), Box<Diagnostic>>, result: &mut NodeResult) {
        match done {
            Ok(()) => {
                result.message = Some(format!("{name} passed"));
                result.failures = Some(0);
            }
            Err(diagnostic) => {
                result.status = Status::Error;
                let text = match diagnostic.code {
                    crate::diagnostic::Code::SqlRejected => diagnostic.message.clone(),
                    _ => in_dbt_words(node, &diagnostic, self.runtime.adapter.dialect()),
                };
                result.message = Some(format!("{name} failed, error:\n {text}"));
                result.failures = Some(1);
                result.diagnostic = Some(diagnostic);
            }
        }
    }

    fn render(
        &self,
        ix: NodeIndex,
        results: Option<&HookResults>,
        result: &mut NodeResult,
    ) -> Result<String, Box<Diagnostic>> {
        // Hooks of the project run outside of any transaction.
        self.session.commit().map_err(crate::jinja::SqlFailure::into_diagnostic)?;
        self.runtime.label(self.session, Some(ix))?;
        let started_at = Timestamp::now();
        let rendered = compile::render_hook(self.runtime, self.session, ix, results.cloned());
        result.timings.push(Timing { name: TimingName::Compile, started_at, completed_at: Some(Timestamp::now()) });
        let text = rendered?;
        result.compiled_code = Some(Arc::from(text.as_str()));
        let node = self.runtime.manifest.node(ix);
        if !text.is_empty() {
            self.output.write(&output_path("compiled", node), &text)?;
        }
        Ok(text)
    }

    fn execute(&self, node: &Node, text: &str, result: &mut NodeResult) -> Result<(), Box<Diagnostic>> {
        let sql = compile::hook_statement(text);
        let started_at = Timestamp::now();
        let executed = if sql.trim().is_empty() { Ok(()) } else { self.session.execute(&sql, false, None).map(|_| ()) };
        result.timings.push(Timing { name: TimingName::Execute, started_at, completed_at: Some(Timestamp::now()) });
        executed.map_err(|failure| {
            let diagnostic = failure.into_diagnostic();
            Box::new((*diagnostic).at(&node.file, node.span))
        })
    }
}

/// What hooks at the end see of the results: those of hooks only if they failed.
fn results_for_end(manifest: &Manifest, results: &[NodeResult]) -> HookResults {
    let seen = results.iter().filter(|result| result.thread_id != MAIN_THREAD || result.status == Status::Error);
    let mut database_schemas: Vec<(Option<String>, String)> = Vec::new();
    for result in results {
        let Some(node) = result.node.map(|ix| manifest.node(ix)) else { continue };
        let is_built = !matches!(result.status, Status::Error | Status::Fail | Status::Skipped);
        let key = (node.database.clone(), node.schema.clone());
        if is_built && is_relational(node, false) && !database_schemas.contains(&key) {
            database_schemas.push(key);
        }
    }
    let mut schemas: Vec<String> = Vec::new();
    for (_, schema) in &database_schemas {
        if !schemas.contains(schema) {
            schemas.push(schema.clone());
        }
    }
    HookResults { results: seen.map(|result| published(manifest, result)).collect(), schemas, database_schemas }
}

/// Whether a node becomes something in the database: refable nodes, and tests that store what they find.
pub(super) fn is_relational(node: &Node, stores_failures: bool) -> bool {
    match node.resource_type {
        ResourceType::Test => node.config.bool("store_failures").filter(|stores| *stores).unwrap_or(stores_failures),
        kind => kind.is_refable(),
    }
}

fn published(manifest: &Manifest, result: &NodeResult) -> Data {
    let timing: Vec<Data> = result
        .timings
        .iter()
        .map(|timing| {
            json!({
                "name": timing.name.as_str(),
                "started_at": utc(timing.started_at),
                "completed_at": timing.completed_at.map(utc),
            })
        })
        .collect();
    let node = result.node.map_or_else(Map::new, |ix| {
        let mut node = view::node(manifest, ix);
        if let Some(code) = &result.compiled_code {
            node.insert("compiled".to_owned(), true.into());
            node.insert("compiled_code".to_owned(), (**code).into());
        }
        node
    });
    json!({
        "status": result.status.as_str(),
        "timing": timing,
        "thread_id": result.thread_id,
        "execution_time": result.execution_time,
        "adapter_response": result.adapter_response,
        "message": result.message,
        "failures": result.failures,
        "unique_id": result.unique_id.as_str(),
        "relation_name": result.relation_name,
        "node": node,
    })
}

fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
