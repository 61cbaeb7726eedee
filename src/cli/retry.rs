//! `kiln retry`: what failed or was skipped in the last run, again, with the settings of that run.

use serde_json::{Map, Value as Data};

use super::args::{DocsGenerateArgs, RunOperationArgs, SelectionArgs};
use super::earlier::Place;
use super::pipeline::{self, Parsed};
use super::{ExitStatus, docs, execute, run_operation};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::jinja::YamlRenderer;
use crate::manifest::NodeSet;
use crate::project::{self, Overrides, Verdict, is_default, read_moment};
use crate::run::{self, BatchResults, Command, Retried};
use crate::state::{PreviousBatches, PreviousResult, PreviousResults};
use crate::ui::Stream;

/// Statuses of nodes that are tried again.
const AGAIN: &[&str] = &["error", "fail", "skipped", "runtime error", "partial success"];

/// Flags that say where this invocation reads and writes, which those of the earlier one do not decide.
const OWN: &[&str] =
    &["log_path", "profiles_dir", "project_dir", "defer_state", "deprecated_state", "target_path", "warn_error"];

/// Flags of a command that are its arguments, too.
const ARGUMENTS: &[&str] = &[
    "args",
    "compile",
    "empty_catalog",
    "exclude",
    "exclude_resource_types",
    "inline",
    "macro",
    "sql",
    "output",
    "resource_types",
    "select",
    "selector",
    "static",
];

/// Runs the command.
pub(super) fn run(overrides: &Overrides) -> ExitStatus {
    let started = std::time::Instant::now();
    let earlier = match last_results(overrides) {
        Ok(earlier) => earlier,
        Err(status) => return status,
    };
    let done = repeated(overrides, &earlier).and_then(|repeated| {
        let parsed = pipeline::load(&repeated, Stream::Stdout)?.parse()?;
        parsed.say_found();
        Ok(parsed)
    });
    match done {
        Ok(parsed) => {
            let status = again(&parsed, &earlier);
            parsed.say_completed(status, started.elapsed());
            status
        }
        Err(status) => status,
    }
}

/// The results of the run in the target folder, or in the one that `--state` names.
fn last_results(overrides: &Overrides) -> Result<PreviousResults, ExitStatus> {
    let fail = |error: &Diagnostic| {
        let printer = pipeline::early_printer(overrides, Stream::Stdout);
        pipeline::say_version(&printer);
        printer.fatal([error]);
        ExitStatus::Error
    };
    // Only for the folders: what is wrong with the project is told when it is loaded as it was then.
    let project = project::load(overrides, &YamlRenderer::new(), &mut Diagnostics::new());
    let project = project.map_err(|error| fail(&error))?;
    let (settings, root) = (&project.settings, &project.root().root);
    let state = super::earlier::place(settings, root, "state");
    let place = state.unwrap_or_else(|| Place::Folder(settings.target_path.clone()));
    let results = place.artifact("run_results.json", settings).map_err(|error| fail(&error))?;
    results.ok_or_else(|| {
        let named = place.named();
        let shown = named.strip_prefix(root).unwrap_or(&named).display();
        let message = format!("Could not find previous run in '{shown}' target directory");
        fail(
            &Diagnostic::error(Code::PreviousStateMissing, message)
                .hint("run something first, or name its target folder with `--state`"),
        )
    })
}

/// The invocation of the earlier run, with what this one says on top.
fn repeated(overrides: &Overrides, earlier: &PreviousResults) -> Result<Overrides, ExitStatus> {
    let said = |name: &str| earlier.args.get(name).filter(|value| !value.is_null());
    let text = |name: &str| said(name).and_then(Data::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let which = text("which").unwrap_or_default();
    let command = match which.as_str() {
        "generate" => "docs generate".to_owned(),
        "build" | "clone" | "compile" | "run" | "run-operation" | "seed" | "snapshot" | "test" => which,
        _ => {
            let printer = pipeline::early_printer(overrides, Stream::Stdout);
            let message = format!("the last run was of `{which}`, which cannot be retried");
            printer.fatal([&Diagnostic::error(Code::Unsupported, message).hint("run the command again")]);
            return Err(ExitStatus::Error);
        }
    };
    let is_kept = |name: &str, value: &Data| {
        !OWN.contains(&name) && name != "show" && !value.is_null() && !is_default(name, value)
    };
    let mut repeated = overrides.clone();
    repeated.command = command;
    let own = std::mem::take(&mut repeated.flags);
    repeated.flags = earlier.args.iter().filter(|(name, value)| is_kept(name, value)).map(cloned).collect();
    repeated.flags.remove("state");
    repeated.flags.extend(text("state").map(|state| ("state".to_owned(), Data::from(state))));
    // Where `--state` names the run to retry, it is not what that run compared with.
    repeated.flags.extend(own.into_iter().filter(|(name, _)| name != "state"));
    repeated.args = earlier.args.iter().filter(|(name, _)| ARGUMENTS.contains(&name.as_str())).map(cloned).collect();
    repeated.target = text("target").or(repeated.target);
    repeated.profile = text("profile").or(repeated.profile);
    let threads = said("threads").and_then(Data::as_u64).and_then(|threads| usize::try_from(threads).ok());
    repeated.threads = repeated.threads.or(threads);
    if repeated.vars.is_empty() {
        repeated.vars = said("vars").and_then(Data::as_object).cloned().unwrap_or_default();
    }
    Ok(repeated)
}

fn cloned((name, value): (&String, &Data)) -> (String, Data) {
    (name.clone(), value.clone())
}

fn again(parsed: &Parsed, earlier: &PreviousResults) -> ExitStatus {
    let command = match parsed.project.settings.command.as_str() {
        "build" => Command::Build,
        "clone" => Command::Clone,
        "compile" => Command::Compile,
        "run" => Command::Run,
        "seed" => Command::Seed,
        "snapshot" => Command::Snapshot,
        "test" => Command::Test,
        other => return whole(parsed, earlier, other),
    };
    let failed: Vec<&PreviousResult> = earlier.results.iter().filter(|result| is_again(parsed, result)).collect();
    if let Some(gone) = failed.iter().find(|result| parsed.manifest.find(&result.unique_id).is_none()) {
        let kind = gone.unique_id.split('.').next().unwrap_or_default();
        let message = format!("Couldn't find {kind} '{}', which failed in the last run", gone.unique_id);
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        return parsed.fail(&error.hint("it was removed, renamed or disabled since; run the others by their names"));
    }
    let selected: NodeSet = failed.iter().filter_map(|result| parsed.manifest.find(&result.unique_id)).collect();
    let mut plan = run::plan(&parsed.manifest, &selected, command);
    plan.retried = retried(parsed, earlier, &failed);
    match execute::carry_out(parsed, plan, &selected) {
        Ok(report) if report.is_success() => ExitStatus::Success,
        Ok(_) => ExitStatus::Failure,
        Err(status) => status,
    }
}

/// Hooks run with the nodes in any case, so they are not tried again by themselves.
fn is_again(parsed: &Parsed, result: &PreviousResult) -> bool {
    let verdict = parsed.project.settings.warn_error.verdict_on_event("LogTestResult");
    let warns = verdict == Verdict::Error && result.status == "warn";
    (AGAIN.contains(&result.status.as_str()) || warns) && !result.unique_id.starts_with("operation.")
}

/// Commands that are done as a whole.
fn whole(parsed: &Parsed, earlier: &PreviousResults, command: &str) -> ExitStatus {
    let args = &parsed.project.settings.args;
    let text = |name: &str| args.get(name).and_then(Data::as_str).map(str::to_owned);
    if command == "run-operation" {
        if !earlier.results.iter().any(|result| AGAIN.contains(&result.status.as_str())) {
            return ExitStatus::Success;
        }
        return run_operation::run(
            &RunOperationArgs { macro_name: text("macro"), sql: text("sql"), args: None },
            parsed,
        );
    }
    let is_set = |name: &str| args.get(name).and_then(Data::as_bool);
    let generate = DocsGenerateArgs {
        selection: selection(args),
        compile: false,
        no_compile: is_set("compile") == Some(false),
        empty_catalog: is_set("empty_catalog").unwrap_or(false),
        is_static: is_set("static").unwrap_or(false),
    };
    docs::generate(&generate, parsed)
}

fn selection(args: &Map<String, Data>) -> SelectionArgs {
    let list = |name: &str| {
        let items = args.get(name).and_then(Data::as_array).into_iter().flatten();
        items.filter_map(Data::as_str).map(str::to_owned).collect()
    };
    let selector = args.get("selector").and_then(Data::as_str).map(str::to_owned);
    SelectionArgs { select: list("select"), exclude: list("exclude"), selector }
}

/// What the earlier run has done of what is tried again. Models of which no batch was built begin from nothing.
fn retried(parsed: &Parsed, earlier: &PreviousResults, failed: &[&PreviousResult]) -> Retried {
    let has_both = |batches: &&PreviousBatches| !batches.successful.is_empty() && !batches.failed.is_empty();
    let batches = failed.iter().filter_map(|result| {
        let batches = result.batch_results.as_ref().filter(has_both)?;
        Some((parsed.manifest.find(&result.unique_id)?, windows(batches)))
    });
    let moment = |key: &str| earlier.metadata.get(key).and_then(Data::as_str).and_then(read_moment);
    let started_at = moment("invocation_started_at").or_else(|| moment("generated_at"));
    Retried { batches: batches.collect(), started_at }
}

fn windows(batches: &PreviousBatches) -> BatchResults {
    let moments = |list: &[(String, String)]| {
        let window = |(start, end): &(String, String)| Some((read_moment(start)?, read_moment(end)?));
        list.iter().filter_map(window).collect()
    };
    BatchResults { successful: moments(&batches.successful), failed: moments(&batches.failed) }
}
