//! The command line: turns arguments into calls of the rooms below.
//!
//! One file a command. Only this room chooses the exit status; only `ui` prints.

mod args;
mod flags;

use std::process::ExitCode;

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

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        ExitCode::from(match status {
            ExitStatus::Success => 0,
            ExitStatus::Failure => 1,
            ExitStatus::Error => 2,
            ExitStatus::Interrupted => 130,
        })
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    match args::parse(&args) {
        Ok(args::Asked::Version) => ExitStatus::Success.into(),
        Ok(args::Asked::Run(..)) => ExitStatus::Success.into(),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitStatus::Error.into() } else { ExitStatus::Success.into() }
        }
    }
}
