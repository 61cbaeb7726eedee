//! `kiln run-operation`: runs one macro, or one template as SQL.

use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::ExitStatus;
use super::args::RunOperationArgs;
use super::pipeline::Parsed;
use crate::artifacts::ManifestFacts;
use crate::compile;
use crate::diagnostic::{Code, Diagnostic, Form, did_you_mean, render};
use crate::jinja::SqlFailure;
use crate::manifest::{NodeSet, UniqueId};
use crate::run::{NodeResult, RunReport, Status, Timing, TimingName};
use crate::ui::{Entry, Level, names};

/// What is run.
enum Operation<'a> {
    /// A macro, by the name that was given.
    Macro(&'a str, UniqueId),
    /// A template whose text is SQL.
    Sql(&'a str),
}

/// Runs the command.
pub(super) fn run(args: &RunOperationArgs, parsed: &Parsed) -> ExitStatus {
    let operation = match (&args.sql, args.macro_name.as_deref().unwrap_or_default()) {
        (Some(sql), _) => Operation::Sql(sql),
        (None, name) => match find(name, parsed) {
            Some(id) => Operation::Macro(name, id),
            None => return missing(name, parsed),
        },
    };
    if let Err(status) = parsed.write_manifest(&ManifestFacts::default()) {
        return status;
    }
    let started_at = jiff::Timestamp::now();
    let (id, outcome) = match operation {
        Operation::Macro(name, id) => (id, call(name, parsed)),
        Operation::Sql(sql) => {
            let id = format!("sql_operation.{}.inline", parsed.manifest.project_name);
            (UniqueId::new(id), execute(sql, parsed))
        }
    };
    let completed_at = jiff::Timestamp::now();
    let status = if outcome.is_ok() { Status::Success } else { Status::Error };
    let mut result = NodeResult::new(None, id, status);
    result.failures = Some(i64::from(outcome.is_err()));
    result.execution_time = completed_at.duration_since(started_at).as_secs_f64();
    // As dbt has it, although there is nothing to compile.
    let timing = |name, end| Timing { name, started_at, completed_at: Some(end) };
    result.timings = vec![timing(TimingName::Compile, started_at), timing(TimingName::Execute, completed_at)];
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

fn call(name: &str, parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let given = parsed.project.settings.args.get("args").and_then(Data::as_object);
    let facts: Map<String, Data> = given.cloned().unwrap_or_default();
    let runtime = parsed.runtime(&NodeSet::default());
    let session = runtime.session(&format!("macro_{name}"));
    runtime.run_macro(&session, name, &facts).map(drop)
}

/// Renders a template and runs what it says. A template that only calls macros may leave nothing to run.
fn execute(template: &str, parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let runtime = parsed.runtime(&NodeSet::default());
    let session = runtime.session("sql_operation");
    let compiled = compile::compile_text(&runtime, &Arc::clone(&session), template)?;
    let sql = compiled.compiled_code.trim();
    if sql.is_empty() {
        return Ok(());
    }
    let (response, _) = session.execute(sql, false, None).map_err(SqlFailure::into_diagnostic)?;
    let entry = Entry::info(names::NOTE, format!("The statement ran: {}", response.message));
    parsed.printer.say(&entry.with("msg", response.message.as_str()));
    Ok(())
}

fn say_failure(parsed: &Parsed, error: &Diagnostic) {
    let printer = &parsed.printer;
    let rendered = printer.theme().diagnostic(&render(error, Form::Full)).replace('\n', "\n  ");
    let text = format!("Encountered an error while running operation: {}\n  {rendered}", error.family());
    let exc = printer.scrub(&text);
    printer.say(&Entry::new(names::OPERATION_FAILED, Level::Error, text).with("exc", exc));
}

/// The macro's unique id: the project's own first, then those of packages, then kiln's.
fn find(wanted: &str, parsed: &Parsed) -> Option<UniqueId> {
    let ids = || parsed.manifest.macros.keys();
    if let Some((package, name)) = wanted.split_once('.') {
        let id_of_it = format!("macro.{package}.{name}");
        return ids().find(|id| id.as_str() == id_of_it).cloned();
    }
    let own = format!("macro.{}.{}", parsed.manifest.project_name, wanted);
    let ending = format!(".{wanted}");
    ids().find(|id| id.as_str() == own).or_else(|| ids().find(|id| id.as_str().ends_with(&ending))).cloned()
}

fn missing(name: &str, parsed: &Parsed) -> ExitStatus {
    let names: Vec<&str> = parsed.manifest.macros.values().map(|info| info.name.as_str()).collect();
    // In dbt's words, which scripts look for.
    let message = format!("dbt could not find a macro with the name '{name}' in any package");
    parsed.fail(
        &Diagnostic::error(Code::UnknownMacro, message)
            .maybe_hint(did_you_mean(name, names))
            .hint("write `package.macro` for a macro of a package, and see that the package is installed"),
    )
}
