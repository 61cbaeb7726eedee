//! `kiln --version`.

use super::{ExitStatus, is_called_dbt, plain_printer, say_data};
use crate::project::{DBT_PLUGINS, DBT_VERSION};

/// Prints kiln's version and the dbt whose behavior it follows; in dbt's form where it is called `dbt`.
pub(super) fn run() -> ExitStatus {
    let own = env!("CARGO_PKG_VERSION");
    let text = match is_called_dbt() {
        true => as_dbt(own),
        false => format!("kiln {own}\nFollows the behavior of dbt-core {DBT_VERSION} (manifest v12, run-results v6)"),
    };
    say_data(&plain_printer(), &text);
    ExitStatus::Success
}

/// What tools that ask dbt for its version read, and who answers. Which versions are newest is not looked up.
fn as_dbt(own: &str) -> String {
    let width = DBT_PLUGINS.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 1;
    let plugins: Vec<String> =
        DBT_PLUGINS.iter().map(|(name, version)| format!("  - {:width$} {version}", format!("{name}:"))).collect();
    format!("Core:\n  - installed: {DBT_VERSION}\n\nPlugins:\n{}\n\nkiln {own} answers for dbt.\n", plugins.join("\n"))
}
