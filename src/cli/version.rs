//! `kiln --version`.

use super::{ExitStatus, plain_printer, say_data};

/// Prints kiln's version and the dbt whose behavior it follows.
pub(super) fn run() -> ExitStatus {
    let text = format!(
        "kiln {}\nFollows the behavior of dbt-core {} (manifest v12, run-results v6)",
        env!("CARGO_PKG_VERSION"),
        super::DBT_VERSION
    );
    say_data(&plain_printer(), &text);
    ExitStatus::Success
}
