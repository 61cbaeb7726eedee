//! Diagnostics as messages: warnings as they come, errors in one block at the end.
//!
//! The block begins as dbt's does (`Encountered an error:`, then the family, such as `Compilation Error`),
//! because scripts look for those words; below them stand kiln's own diagnostics in full.

use serde_json::Value as Data;

use super::entry::{Entry, EventName, Level, names};
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Form, Severity, render, to_json};
use crate::project::{Verdict, WarnErrorOptions};

impl Printer {
    /// Says a warning.
    pub fn warning(&self, warning: &Diagnostic) {
        let of_code = || warning.code.dbt_event().unwrap_or(("GenericWarning", "K000"));
        let (name, code) = warning.event.as_ref().map_or_else(of_code, |event| (event.name, event.code));
        let number = warning.code.number();
        let rendered = render(warning, Form::Full);
        let body = rendered.strip_prefix(&format!("warning[{number}]: ")).unwrap_or(&rendered);
        let text = format!("[{}][{number}]: {}", self.theme().caution("WARNING"), self.theme().diagnostic(body));
        self.say(&Entry { data: facts(warning), ..Entry::new(EventName { name, code }, Level::Warn, text) });
    }

    /// Says why a command could not do its work.
    pub fn fatal<'a>(&self, errors: impl IntoIterator<Item = &'a Diagnostic>) {
        let errors: Vec<&Diagnostic> = errors.into_iter().filter(|item| item.severity == Severity::Error).collect();
        let Some(first) = errors.first() else { return };
        let mut body = vec![first.family().to_owned()];
        for error in &errors {
            let rendered = self.theme().diagnostic(&render(error, Form::Full));
            body.extend(rendered.lines().map(|line| format!("  {line}")));
            body.push(String::new());
        }
        body.pop();
        let exc = super::theme::plain(&body.join("\n"));
        let all: Vec<Data> = errors.iter().map(|error| to_json(error)).collect();
        let text = format!("{}\n{}", self.theme().bad("Encountered an error:"), body.join("\n"));
        self.say(&Entry::new(names::FATAL, Level::Error, text).with("exc", exc).with("diagnostics", all));
    }

    /// Says a warning that only its event has a name for, unless it is to be silent.
    ///
    /// # Errors
    /// When it is to be an error; `code` is what it is one of.
    pub fn warn(&self, entry: &Entry, code: Code, options: &WarnErrorOptions) -> Result<(), Box<Diagnostic>> {
        match options.verdict_on_event(entry.event.name) {
            Verdict::Silent => {}
            Verdict::Warning => self.say(entry),
            Verdict::Error => {
                let mut error = Diagnostic::error(code, entry.text.as_str()).hint(ESCALATED);
                error.is_escalated = true;
                return Err(Box::new(error));
            }
        }
        Ok(())
    }

    /// Says all warnings and drops them, keeping the errors.
    pub fn warnings(&self, problems: &Diagnostics) {
        problems.iter().filter(|item| item.severity == Severity::Warning).for_each(|item| self.warning(item));
    }
}

fn facts(diagnostic: &Diagnostic) -> serde_json::Map<String, Data> {
    let mut facts = diagnostic.event.as_ref().map(|event| event.facts.clone()).unwrap_or_default();
    facts.insert("msg".to_owned(), Data::String(diagnostic.message.clone()));
    facts.insert("diagnostic".to_owned(), to_json(diagnostic));
    facts
}

const ESCALATED: &str = "this is a warning that `--warn-error` or `--warn-error-options` makes an error";

/// Makes errors of the warnings that are to be errors, and drops those that are to be silent.
#[must_use]
pub fn escalate(problems: Diagnostics, options: &WarnErrorOptions) -> Diagnostics {
    let mut kept = Diagnostics::new();
    for mut problem in problems {
        if problem.severity == Severity::Warning {
            match options.verdict(&problem) {
                Verdict::Silent => continue,
                Verdict::Warning => {}
                Verdict::Error => {
                    problem.severity = Severity::Error;
                    problem.is_escalated = true;
                    problem = problem.hint(ESCALATED);
                }
            }
        }
        kept.push(problem);
    }
    kept
}
