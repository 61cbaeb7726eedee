//! The command line: turns arguments into calls of the rooms below.
//!
//! One file a command. Only this room chooses the exit status; only `ui` prints.

mod args;
mod check;
mod clean;
mod columns;
mod command_line;
mod compare;
mod compile;
mod completions;
mod debug;
mod deps;
mod docs;
mod docs_server;
mod earlier;
mod execute;
mod explain;
mod facts;
mod flags;
mod generate;
mod git;
mod impact;
mod init;
mod interrupt;
mod lineage;
mod list;
mod metadata;
mod panic;
mod parse;
mod pipeline;
mod query;
mod retry;
mod run_operation;
mod selection;
mod show;
mod source;
mod sources;
mod unit_tests;
mod upstream;
mod version;

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::project::{Overrides, Secrets, environment};
use crate::run;
use crate::ui::{Entry, Level, Options, Printer, Sources, Stream, names};
use args::{Cli, Command, DocsCommand, SelectionArgs, SourceCommand};
use command_line::Asked;

/// How a command ended, as dbt's exit codes have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything asked for was done.
    Success,
    /// The work was done, but something in it failed: a model, a test, a check.
    Failure,
    /// The work could not be done: usage, configuration, parsing, a bug.
    Error,
    /// A second Ctrl-C.
    Interrupted,
}

impl ExitStatus {
    /// The number that the process ends with.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Error => 2,
            Self::Interrupted => 130,
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    panic::install();
    let args: Vec<_> = std::env::args_os().collect();
    let status = std::panic::catch_unwind(|| run(&args)).unwrap_or(ExitStatus::Error);
    ExitCode::from(status.number())
}

fn run(args: &[std::ffi::OsString]) -> ExitStatus {
    match command_line::parse(args) {
        Ok(Asked::Version) => version::run(),
        Ok(Asked::Run(cli, overrides)) => dispatch(*cli, *overrides),
        Err(error) => usage(&error),
    }
}

fn usage(error: &clap::Error) -> ExitStatus {
    let _ = error.print();
    if error.use_stderr() {
        let text = error.render().to_string();
        plain_printer().log_only(&Entry::new(names::FATAL, Level::Error, text.as_str()).with("exc", text.trim()));
    }
    if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Success }
}

fn dispatch(cli: Cli, overrides: Overrides) -> ExitStatus {
    match cli.command {
        Command::Completions(args) => completions::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Init(args) => init::run(&args, &overrides),
        Command::Debug(args) => debug::run(&args, &overrides),
        Command::Clean => clean::run(&overrides),
        Command::Retry => retry::run(&overrides),
        Command::Deps(args) => deps::run(&args, &overrides),
        Command::Docs(args::DocsArgs { command: DocsCommand::Serve(args) }) => docs::serve(&args, &overrides),
        Command::Compare(args) => compare::run(&args, &overrides),
        command => in_project(&command, &overrides).unwrap_or_else(|status| status),
    }
}

/// Runs a command that needs the whole project.
fn in_project(command: &Command, overrides: &Overrides) -> Result<ExitStatus, ExitStatus> {
    let started = std::time::Instant::now();
    // Commands whose result is data keep stdout for it.
    let is_data = matches!(
        command,
        Command::List(_)
            | Command::Show(_)
            | Command::Query(_)
            | Command::Compile(_)
            | Command::Lineage(_)
            | Command::Metadata(_)
            | Command::Impact(_)
            | Command::Generate(_)
    );
    let messages = if is_data { Stream::Stderr } else { Stream::Stdout };
    let parsed = pipeline::load(overrides, messages)?.parse()?;
    if !matches!(command, Command::Parse) {
        parsed.say_found();
    }
    let status = match command {
        Command::Impact(args) => impact::run(args, overrides, &parsed),
        command => of_project(command, &parsed, started),
    };
    parsed.say_completed(status, started.elapsed());
    Ok(status)
}

fn of_project(command: &Command, parsed: &pipeline::Parsed, started: std::time::Instant) -> ExitStatus {
    let nodes = |what, args: &SelectionArgs| execute::run(parsed, what, args, None);
    match command {
        Command::Parse => parse::run(parsed, started),
        Command::List(args) => list::run(args, parsed),
        Command::Check(args) => check::run(args, parsed),
        Command::Compile(args) => compile::run(args, parsed),
        Command::Show(args) => show::run(args, parsed),
        Command::Query(args) => query::run(args, parsed),
        Command::Lineage(args) => lineage::run(args, parsed),
        Command::Metadata(args) => metadata::run(args, parsed),
        Command::Docs(args::DocsArgs { command: DocsCommand::Generate(args) }) => docs::generate(args, parsed),
        Command::Source(args::SourceArgs { command: SourceCommand::Freshness(args) }) => {
            source::freshness(args, parsed)
        }
        Command::RunOperation(args) => run_operation::run(args, parsed),
        Command::Run(args) => nodes(run::Command::Run, args),
        Command::Seed(args) => nodes(run::Command::Seed, args),
        Command::Snapshot(args) => nodes(run::Command::Snapshot, args),
        Command::Test(args) => execute::run(parsed, run::Command::Test, &args.selection, Some(&args.kinds)),
        Command::Clone(args) => execute::run(parsed, run::Command::Clone, &args.selection, Some(&args.kinds)),
        Command::Build(args) => build(parsed, args),
        Command::Generate(args::GenerateArgs { command: args::GenerateCommand::Yaml(args) }) => {
            generate::yaml(args, parsed)
        }
        Command::Sources(args::SourcesArgs { command: args::SourcesCommand::Sync }) => sources::sync(parsed),
        // These need no project, or more than one, and were dealt with before.
        Command::Clean
        | Command::Compare(_)
        | Command::Completions(_)
        | Command::Debug(_)
        | Command::Deps(_)
        | Command::Retry
        | Command::Docs(_)
        | Command::Explain(_)
        | Command::Impact(_)
        | Command::Init(_) => ExitStatus::Success,
    }
}

/// Builds, if the nodes are to be checked first and something is wrong with them, nothing.
fn build(parsed: &pipeline::Parsed, args: &args::CheckedBuildArgs) -> ExitStatus {
    let build = &args.build;
    if args.check {
        match check::checked(parsed, &build.selection, false) {
            Ok(true) => {}
            Ok(false) => return ExitStatus::Failure,
            Err(status) => return status,
        }
    }
    execute::run(parsed, run::Command::Build, &build.selection, Some(&build.kinds))
}

/// Whether kiln was called through a link named `dbt`: then it says which dbt it stands for, where tools look for that.
fn is_called_dbt() -> bool {
    let name = std::env::args_os().next().map(std::path::PathBuf::from);
    name.as_deref().and_then(std::path::Path::file_stem).is_some_and(|stem| stem == "dbt")
}

/// A printer for commands that need no project.
fn plain_printer() -> Printer {
    let env: BTreeMap<String, String> = environment();
    let none = BTreeMap::new();
    let mut options = Options::resolve(Sources { resolved: &none, given: &none, env: &env }, Stream::Stdout);
    options.file_level = None;
    Printer::new(options, Secrets::new(&env))
}

fn say_data(printer: &Printer, text: &str) {
    printer.data(&Entry::info(names::NOTE, text).with("msg", text));
}
