//! `kiln explain`: the catalog of error codes, one by one or as a document.

use std::fmt::Write;

use super::args::ExplainArgs;
use super::{ExitStatus, plain_printer, say_data};
use crate::diagnostic::{Code, Diagnostic, Range, did_you_mean};

/// Runs the command.
pub(super) fn run(args: &ExplainArgs) -> ExitStatus {
    let printer = plain_printer();
    if args.markdown {
        say_data(&printer, markdown().trim_end());
        return ExitStatus::Success;
    }
    let Some(name) = &args.code else {
        say_data(&printer, list().trim_end());
        return ExitStatus::Success;
    };
    if let Some(code) = Code::find(name) {
        say_data(&printer, &explain(code));
        return ExitStatus::Success;
    }
    let names = Code::ALL.iter().flat_map(|code| [code.number(), code.name()]);
    let error = Diagnostic::error(Code::Usage, format!("there is no error code `{name}`"))
        .maybe_hint(did_you_mean(name, names))
        .hint("`kiln explain` lists all codes");
    printer.fatal([&error]);
    ExitStatus::Error
}

fn explain(code: Code) -> String {
    format!("{} {}\n\n{}\n\n{}", code.number(), code.name(), code.meaning(), code.help())
}

fn list() -> String {
    Code::ALL.iter().fold(String::new(), |mut text, code| {
        let _ = writeln!(text, "{}  {:<22}  {}", code.number(), code.name(), code.meaning());
        text
    })
}

/// The whole catalog as Markdown: what `docs/errors.md` holds.
fn markdown() -> String {
    let mut text = String::from(
        "# Errors and warnings\n\n\
         Every message of kiln has a code. `kiln explain K0401` prints the paragraph below in the terminal.\n\
         A code is never reused. `--warn-error-options` takes the names, and dbt's names for the same things.\n\n\
         This file is made from `src/diagnostic/code.rs`: `KILN_BLESS=1 cargo test errors_document` writes it.\n",
    );
    let mut range = None;
    for code in Code::ALL {
        if range != Some(code.range()) {
            range = Some(code.range());
            let _ = write!(text, "\n## {}\n", heading(code.range()));
        }
        let _ = write!(text, "\n### {} {}\n\n{}.\n\n{}\n", code.number(), code.name(), code.meaning(), code.help());
        let events = code.dbt_events();
        if !events.is_empty() {
            let _ = write!(text, "\nIn dbt: `{}`.\n", events.join("`, `"));
        }
    }
    text
}

const fn heading(range: Range) -> &'static str {
    match range {
        Range::Project => "Project and profile (K01xx)",
        Range::Yaml => "YAML and properties (K02xx)",
        Range::Template => "Templates (K03xx)",
        Range::Graph => "References and the graph (K04xx)",
        Range::Selection => "Selection (K05xx)",
        Range::Sql => "SQL analysis (K06xx)",
        Range::Database => "The database (K07xx)",
        Range::Data => "Tests and seeds (K08xx)",
        Range::CommandLine => "The command line (K09xx)",
        Range::Bug => "Bugs in kiln (K99xx)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_document_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        if std::env::var_os("KILN_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the docs folder");
            std::fs::write(&path, markdown()).expect("docs/errors.md");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == markdown(), "docs/errors.md is old: run KILN_BLESS=1 cargo test errors_document");
    }
}
