//! `kiln source freshness`: how old the newest rows of sources are.

use std::path::PathBuf;

use super::args::SourceFreshnessArgs;
use super::pipeline::Parsed;
use super::unit_tests::Inputs;
use super::{ExitStatus, execute, interrupt, selection};
use crate::artifacts::{self, ManifestFacts, TargetFolder};
use crate::manifest::{NodeSet, ResourceType};
use crate::run::{self, Command, RunReport, Surroundings, UnitTests};
use crate::ui::{Entry, TermReporter, names};

/// Runs the command.
pub(super) fn freshness(args: &SourceFreshnessArgs, parsed: &Parsed) -> ExitStatus {
    let done = selection::pick(parsed, &args.selection, &[ResourceType::Source]).and_then(|picked| {
        let has_freshness = |ix: &_| run::has_freshness(parsed.manifest.node(*ix));
        let selected: NodeSet = picked.iter().filter(has_freshness).collect();
        let report = if selected.is_empty() { execute::nothing_to_do(parsed)? } else { ask(parsed, &selected)? };
        parsed.write_manifest(&ManifestFacts::default())?;
        write(args, parsed, &report)?;
        parsed.printer.say(&Entry::info(names::FRESHNESS_DONE, "Done."));
        Ok(report.is_success())
    });
    match done {
        Ok(true) => ExitStatus::Success,
        Ok(false) => ExitStatus::Failure,
        Err(status) => status,
    }
}

fn ask(parsed: &Parsed, selected: &NodeSet) -> Result<RunReport, ExitStatus> {
    let plan = run::plan(&parsed.manifest, selected, Command::Freshness);
    let runtime = parsed.runtime(selected);
    let stop = interrupt::install();
    let reporter = TermReporter::new(&parsed.printer, &parsed.manifest, &parsed.project.target.database);
    let output = TargetFolder::new(&parsed.project.settings.target_path);
    let inputs = Inputs::of(parsed, &plan, None);
    let unit_tests = UnitTests { types: &inputs, engine: None };
    let surroundings = Surroundings { reporter: &reporter, output: &output, stop: &stop, unit_tests };
    let report = run::execute(&runtime, &plan, surroundings).map_err(|error| {
        reporter.end();
        parsed.fail(&error)
    })?;
    reporter.freshness_summary(&report);
    Ok(report)
}

fn write(args: &SourceFreshnessArgs, parsed: &Parsed, report: &RunReport) -> Result<(), ExitStatus> {
    let settings = &parsed.project.settings;
    if !settings.write_json {
        return Ok(());
    }
    let path = args.output.as_ref().map_or_else(|| parsed.target_file("sources.json"), PathBuf::clone);
    artifacts::write_sources(&path, settings, &parsed.manifest, report).map_err(|error| parsed.fail(&error))?;
    artifacts::keep_run(&path, artifacts::RunFile::Freshness, settings);
    parsed.say_written("FreshnessResult", &path);
    Ok(())
}
