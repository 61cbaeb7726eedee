//! Runs a set of nodes: what `build`, `run`, `seed`, `snapshot`, `test` and `compile` share.

use super::args::{KindArgs, SelectionArgs};
use super::pipeline::Parsed;
use super::unit_tests::{Engine, Inputs};
use super::{ExitStatus, interrupt, selection};
use crate::adapter::RowLimit;
use crate::artifacts::{ManifestFacts, TargetFolder};
use crate::diagnostic::Code;
use crate::manifest::{CompiledFacts, Node, NodeSet, ResourceType};
use crate::run::{self, Command, RunPlan, RunReport, Status, Surroundings, UnitTests};
use crate::ui::{Entry, Level, Preview, TermReporter, names};

/// How many rows of a seed `--show` prints.
const SEED_ROWS: usize = 10;

/// Runs a command over its selection.
pub(super) fn run(parsed: &Parsed, command: Command, args: &SelectionArgs, kinds: Option<&KindArgs>) -> ExitStatus {
    let kinds = match kinds {
        Some(_) => selection::kinds(&parsed.project.settings, command.kinds(), command.kinds()),
        None => command.kinds().to_vec(),
    };
    let selected = match selection::pick(parsed, args, &kinds) {
        Ok(selected) => without_empty(parsed, &selected),
        Err(status) => return status,
    };
    let done = execute(parsed, command, &selected).and_then(|report| {
        if parsed.project.settings.flag("show") {
            show_seeds(parsed, &selected, &report)?;
        }
        Ok(report.is_success())
    });
    match done {
        Ok(true) => ExitStatus::Success,
        Ok(false) => ExitStatus::Failure,
        Err(status) => status,
    }
}

/// Leaves out models, tests and the like whose files hold nothing: there is nothing to run.
fn without_empty(parsed: &Parsed, selected: &NodeSet) -> NodeSet {
    use ResourceType::{Analysis, Model, Snapshot, Test};
    // A model of another project has no text either: it is never run.
    let is_empty = |node: &Node| {
        matches!(node.resource_type, Model | Test | Snapshot | Analysis) && node.raw_code.trim().is_empty()
    };
    selected.iter().filter(|ix| !is_empty(parsed.manifest.node(*ix))).collect()
}

/// Prints the first rows of the seeds that were loaded: `--show`.
fn show_seeds(parsed: &Parsed, selected: &NodeSet, report: &RunReport) -> Result<(), ExitStatus> {
    let runtime = parsed.runtime(selected);
    let session = runtime.session("show");
    let loaded = report.results.iter().filter(|result| result.status == Status::Success);
    for node in loaded.filter_map(|result| result.node).map(|ix| parsed.manifest.node(ix)) {
        let Some(relation) = node.relation_name.as_ref().filter(|_| node.resource_type == ResourceType::Seed) else {
            continue;
        };
        let sql = format!("select * from {relation} limit {SEED_ROWS}");
        let read = session.execute(&sql, false, Some(RowLimit::AtMost(SEED_ROWS)));
        let (_, table) = read.map_err(|failure| parsed.fail(&failure.into_diagnostic()))?;
        let preview = Preview { table: &table, null: "" }.render();
        let text = format!("First rows of table: {}.{}\n{preview}\n", node.schema, node.alias);
        parsed.printer.data(&Entry::info(names::SEED_TABLE, text.clone()).with("header", text));
    }
    Ok(())
}

/// Runs nodes, shows how, and writes what became of them.
pub(super) fn execute(parsed: &Parsed, command: Command, selected: &NodeSet) -> Result<RunReport, ExitStatus> {
    carry_out(parsed, run::plan(&parsed.manifest, selected, command), selected)
}

/// Runs a plan, shows how, and writes what became of it.
pub(super) fn carry_out(parsed: &Parsed, plan: RunPlan, selected: &NodeSet) -> Result<RunReport, ExitStatus> {
    let command = plan.command;
    if plan.nodes.is_empty() && plan.unit_tests.is_empty() {
        return nothing(parsed);
    }
    if parsed.printer.options().events.is_some() {
        // Who follows events may look into the manifest while nodes run, as dbt lets them.
        parsed.write_manifest(&ManifestFacts::default())?;
    }
    let engine = Engine::open(parsed)?;
    let inputs = Inputs::of(parsed, &plan, engine.as_ref());
    let unit_tests = UnitTests { types: &inputs, engine: engine.as_ref().map(|engine| &engine.runtime) };
    let runtime = parsed.runtime(selected);
    let stop = interrupt::install();
    let reporter = TermReporter::new(&parsed.printer, &parsed.manifest, &parsed.project.target.database);
    let reporter =
        if matches!(command, Command::Compile | Command::Clone) { reporter.without_lines() } else { reporter };
    let output = TargetFolder::new(&parsed.project.settings.target_path);
    let surroundings = Surroundings { reporter: &reporter, output: &output, stop: &stop, unit_tests };
    let report = match run::execute(&runtime, &plan, surroundings) {
        Ok(report) => report,
        Err(error) => {
            reporter.end();
            parsed.write_manifest(&ManifestFacts::default())?;
            return Err(parsed.fail(&error));
        }
    };
    // What happened is told even if the disk is too full to write it down.
    let written = write(parsed, &report);
    if command == Command::Compile {
        reporter.end();
    } else {
        reporter.summary(&report, &|node| Some(compiled_path(parsed, node)));
    }
    written.map(|()| report)
}

/// A selection without nodes is a warning, and a run without results.
fn nothing(parsed: &Parsed) -> Result<RunReport, ExitStatus> {
    let report = nothing_to_do(parsed)?;
    write(parsed, &report)?;
    Ok(report)
}

/// Warns that nothing is selected.
pub(super) fn nothing_to_do(parsed: &Parsed) -> Result<RunReport, ExitStatus> {
    let text = "Nothing to do. Try checking your model configs and model specification args";
    parsed.warn(&Entry::new(names::NOTHING_TO_DO, Level::Warn, text), Code::NothingSelected)?;
    Ok(RunReport::default())
}

fn write(parsed: &Parsed, report: &RunReport) -> Result<(), ExitStatus> {
    parsed.write_manifest(&facts(parsed, report))?;
    parsed.write_run_results(report)
}

/// What the run found out about nodes, for the manifest.
fn facts(parsed: &Parsed, report: &RunReport) -> ManifestFacts {
    let mut facts = ManifestFacts::default();
    for compiled in &report.compiled {
        let Some(ix) = compiled.ix else { continue };
        let node = parsed.manifest.node(ix);
        let has_file = node.resource_type != ResourceType::Snapshot;
        let ctes = compiled.extra_ctes.iter().map(|cte| (cte.id.to_string(), cte.sql.to_string()));
        let compiled_facts = CompiledFacts {
            compiled_path: has_file.then(|| compiled_path(parsed, node)),
            compiled_code: compiled.compiled_code.to_string(),
            extra_ctes: ctes.collect(),
        };
        facts.compiled.insert(ix, compiled_facts);
        if node.is_python_model() {
            // Its own text calls no macro; compiling it does.
            let called = parsed.macros.resolve(Some(&node.package), "py_script_postfix");
            facts.macros.insert(ix, called.map(|entry| entry.def.unique_id.clone()).into_iter().collect());
        }
    }
    facts
}

/// Where a node's compiled code lies, from the project's folder.
fn compiled_path(parsed: &Parsed, node: &Node) -> String {
    parsed.shown(&parsed.target_file(&run::output_path("compiled", node)))
}
