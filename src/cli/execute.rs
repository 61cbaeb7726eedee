//! Runs a set of nodes: what `build`, `run`, `seed`, `snapshot`, `test` and `compile` share.

use super::args::{KindArgs, SelectionArgs};
use super::pipeline::Parsed;
use super::{ExitStatus, interrupt, selection};
use crate::artifacts::{ManifestFacts, TargetFolder};
use crate::manifest::{CompiledFacts, Node, NodeSet, ResourceType};
use crate::run::{self, Command, RunReport, Surroundings};
use crate::ui::{Entry, Level, TermReporter, names};

/// Runs a command over its selection.
pub(super) fn run(parsed: &Parsed, command: Command, args: &SelectionArgs, kinds: Option<&KindArgs>) -> ExitStatus {
    let kinds = match kinds {
        Some(_) => selection::kinds(&parsed.project.settings, command.kinds(), command.kinds()),
        None => command.kinds().to_vec(),
    };
    let selected = match selection::pick(parsed, args, &kinds) {
        Ok(selected) => selected,
        Err(status) => return status,
    };
    match execute(parsed, command, &selected) {
        Ok(report) if report.is_success() => ExitStatus::Success,
        Ok(_) => ExitStatus::Failure,
        Err(status) => status,
    }
}

/// Runs nodes, shows how, and writes what became of them.
pub(super) fn execute(parsed: &Parsed, command: Command, selected: &NodeSet) -> Result<RunReport, ExitStatus> {
    let plan = run::plan(&parsed.manifest, selected, command);
    if plan.nodes.is_empty() && plan.unit_tests.is_empty() {
        return nothing(parsed);
    }
    let runtime = parsed.runtime(selected);
    let stop = interrupt::install();
    let reporter = TermReporter::new(&parsed.printer, &parsed.manifest, &parsed.project.target.database);
    let reporter = if command == Command::Compile { reporter.without_lines() } else { reporter };
    let output = TargetFolder::new(&parsed.project.settings.target_path);
    let surroundings = Surroundings { reporter: &reporter, output: &output, stop: &stop };
    let report = match run::execute(&runtime, &plan, surroundings) {
        Ok(report) => report,
        Err(error) => {
            reporter.end();
            parsed.write_manifest(&ManifestFacts::default())?;
            return Err(parsed.fail(&error));
        }
    };
    write(parsed, &report)?;
    if command == Command::Compile {
        reporter.end();
    } else {
        reporter.summary(&report, &|node| Some(compiled_path(parsed, node)));
    }
    Ok(report)
}

/// A selection without nodes is a warning, and a run without results.
fn nothing(parsed: &Parsed) -> Result<RunReport, ExitStatus> {
    let text = "Nothing to do. Try checking your model configs and model specification args";
    if parsed.project.settings.warn_error.all {
        let error = crate::diagnostic::Diagnostic::error(crate::diagnostic::Code::NothingSelected, text);
        return Err(parsed.fail(&error));
    }
    parsed.printer.say(&Entry::new(names::NOTHING_TO_DO, Level::Warn, text));
    let report = RunReport::default();
    write(parsed, &report)?;
    Ok(report)
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
    }
    facts
}

/// Where a node's compiled code lies, from the project's folder.
fn compiled_path(parsed: &Parsed, node: &Node) -> String {
    parsed.shown(&parsed.target_file(&run::output_path("compiled", node)))
}
