//! `kiln completions`: a script that teaches a shell kiln's commands and flags.

use super::args::CompletionsArgs;
use super::{ExitStatus, command_line, plain_printer, say_data};

/// Runs the command.
pub(super) fn run(args: &CompletionsArgs) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line::command(), "kiln", &mut script);
    say_data(&plain_printer(), String::from_utf8_lossy(&script).trim_end());
    ExitStatus::Success
}
