//! `kiln run-operation`: runs one macro.

use serde_json::{Map, Value as Data};

use super::ExitStatus;
use super::args::RunOperationArgs;
use super::pipeline::Parsed;
use crate::artifacts::ManifestFacts;
use crate::diagnostic::{Code, Diagnostic, Form, did_you_mean, render};
use crate::manifest::{NodeSet, UniqueId};
use crate::run::{NodeResult, RunReport, Status, Timing, TimingName};
use crate::ui::{Entry, Level, names};

/// Runs the command.
pub(super) fn run(args: &RunOperationArgs, parsed: &Parsed) -> ExitStatus {
    let Some(id) = find(args, parsed) else { return missing(args, parsed) };
    let facts = parsed.project.settings.args.get("args").and_then(Data::as_object).cloned().unwrap_or_default();
    if let Err(status) = parsed.write_manifest(&ManifestFacts::default()) {
        return status;
    }
    let started_at = jiff::Timestamp::now();
    let outcome = call(args, parsed, &facts);
    let completed_at = jiff::Timestamp::now();
    let status = if outcome.is_ok() { Status::Success } else { Status::Error };
    let mut result = NodeResult::new(None, id, status);
    result.failures = Some(i64::from(outcome.is_err()));
    result.execution_time = completed_at.duration_since(started_at).as_secs_f64();
    result.timings = vec![Timing { name: TimingName::Execute, started_at, completed_at: Some(completed_at) }];
    result.thread_id = "MainThread".to_owned();
    let report = RunReport { elapsed: result.execution_time, results: vec![result], ..RunReport::default() };
    if let Err(error) = &outcome {
        say_failure(parsed, error);
    }
    if let Err(status) = parsed.write_run_results(&report) {
        return status;
    }
    if outcome.is_ok() { ExitStatus::Success } else { ExitStatus::Failure }
}

fn call(args: &RunOperationArgs, parsed: &Parsed, facts: &Map<String, Data>) -> Result<Data, Box<Diagnostic>> {
    let runtime = parsed.runtime(&NodeSet::default());
    let session = runtime.session(&format!("macro_{}", args.macro_name));
    runtime.run_macro(&session, &args.macro_name, facts)
}

fn say_failure(parsed: &Parsed, error: &Diagnostic) {
    let printer = &parsed.printer;
    let rendered = printer.theme().diagnostic(&render(error, Form::Full)).replace('\n', "\n  ");
    let text = format!("Encountered an error while running operation: {}\n  {rendered}", error.code.family());
    let exc = printer.scrub(&text);
    printer.say(&Entry::new(names::OPERATION_FAILED, Level::Error, text).with("exc", exc));
}

/// The macro's unique id: the project's own first, then those of packages, then kiln's.
fn find(args: &RunOperationArgs, parsed: &Parsed) -> Option<UniqueId> {
    let ids = || parsed.manifest.macros.keys();
    if let Some((package, name)) = args.macro_name.split_once('.') {
        let wanted = format!("macro.{package}.{name}");
        return ids().find(|id| id.as_str() == wanted).cloned();
    }
    let own = format!("macro.{}.{}", parsed.manifest.project_name, args.macro_name);
    let ending = format!(".{}", args.macro_name);
    ids().find(|id| id.as_str() == own).or_else(|| ids().find(|id| id.as_str().ends_with(&ending))).cloned()
}

fn missing(args: &RunOperationArgs, parsed: &Parsed) -> ExitStatus {
    let names: Vec<&str> = parsed.manifest.macros.values().map(|info| info.name.as_str()).collect();
    let name = &args.macro_name;
    let message = format!("there is no macro with the name '{name}' in the project, its packages or kiln");
    parsed.fail(
        &Diagnostic::error(Code::UnknownMacro, message)
            .maybe_hint(did_you_mean(name, names))
            .hint("write `package.macro` for a macro of a package, and see that the package is installed"),
    )
}
