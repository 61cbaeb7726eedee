//! `kiln parse`: reads the project, says what is wrong with it, writes manifest.json.

use std::time::Instant;

use super::ExitStatus;
use super::pipeline::Parsed;
use crate::artifacts::ManifestFacts;
use crate::ui::{Entry, names};

/// Runs the command.
pub(super) fn run(parsed: &Parsed, started: Instant) -> ExitStatus {
    if let Err(status) = parsed.write_manifest(&ManifestFacts::default()) {
        return status;
    }
    parsed.say_found();
    let text = format!("Parsed the project in {:.2}s", started.elapsed().as_secs_f64());
    parsed.printer.say(&Entry::info(names::PARSED, text));
    ExitStatus::Success
}
