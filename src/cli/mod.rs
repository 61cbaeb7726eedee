//! The command line: turns arguments into calls of the rooms below.
//!
//! One file a command. Only this room chooses the exit status; only `ui` prints.

mod args;
mod completions;
mod explain;
mod flags;
mod init;
mod panic;
mod version;

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::ui::{Entry, Options, Printer, Secrets, Sources, Stream, names};
use args::{Asked, Cli, Command};

/// The dbt whose behavior kiln follows.
const DBT_VERSION: &str = "1.11.16";

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
    match args::parse(args) {
        Ok(Asked::Version) => version::run(),
        Ok(Asked::Run(cli, overrides)) => dispatch(*cli, *overrides),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitStatus::Error } else { ExitStatus::Success }
        }
    }
}

fn dispatch(cli: Cli, overrides: crate::project::Overrides) -> ExitStatus {
    match cli.command {
        Command::Completions(args) => completions::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Init(args) => init::run(&args, &overrides),
        _ => ExitStatus::Error,
    }
}

/// A printer for commands that need no project.
fn plain_printer() -> Printer {
    let env: BTreeMap<String, String> = environment();
    let none = BTreeMap::new();
    let mut options = Options::resolve(Sources { resolved: &none, given: &none, env: &env }, Stream::Stdout);
    options.file_level = None;
    Printer::new(options, Secrets::new(&env))
}

/// The environment as text; what is not UTF-8 is left out.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn say_data(printer: &Printer, text: &str) {
    printer.data(&Entry::info(names::NOTE, text).with("msg", text));
}
