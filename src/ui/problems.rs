//! Diagnostics as messages: warnings as they come, errors in one block at the end.
//!
//! The block begins as dbt's does (`Encountered an error:`, then the family, such as `Compilation Error`),
//! because scripts look for those words; below them stand kiln's own diagnostics in full.

use serde_json::Value as Data;

use super::entry::{Entry, EventName, Level, names};
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Form, Severity, render, to_json};
use crate::project::WarnErrorOptions;

impl Printer {
    /// Says a warning.
    pub fn warning(&self, warning: &Diagnostic) {
        let (name, code) = warning.code.dbt_event().unwrap_or(("GenericWarning", "K000"));
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
        let mut body = vec![first.code.family().to_owned()];
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

    /// Says all warnings and drops them, keeping the errors.
    pub fn warnings(&self, problems: &Diagnostics) {
        problems.iter().filter(|item| item.severity == Severity::Warning).for_each(|item| self.warning(item));
    }
}

fn facts(diagnostic: &Diagnostic) -> serde_json::Map<String, Data> {
    let mut facts = serde_json::Map::new();
    facts.insert("msg".to_owned(), Data::String(diagnostic.message.clone()));
    facts.insert("diagnostic".to_owned(), to_json(diagnostic));
    facts
}

/// Makes errors of the warnings that are to be errors, and drops those that are to be silent.
#[must_use]
pub fn escalate(problems: Diagnostics, options: &WarnErrorOptions) -> Diagnostics {
    let mut kept = Diagnostics::new();
    for mut problem in problems {
        if problem.severity == Severity::Warning {
            if is_silenced(problem.code, options) {
                continue;
            }
            if is_error(problem.code, options) {
                problem.severity = Severity::Error;
                problem =
                    problem.hint("this is a warning that `--warn-error` or `--warn-error-options` makes an error");
            }
        }
        kept.push(problem);
    }
    kept
}

/// Tells whether warnings of a code are not shown.
#[must_use]
pub fn is_silenced(code: Code, options: &WarnErrorOptions) -> bool {
    names_it(&options.silence, code)
}

fn is_error(code: Code, options: &WarnErrorOptions) -> bool {
    if names_it(&options.warn, code) {
        return false;
    }
    options.all || names_it(&options.error, code)
}

/// Names may be kiln's (`UnknownKey`, `K0204`) or dbt's (`NoNodeForYamlKey`).
fn names_it(names: &[String], code: Code) -> bool {
    let is_deprecation = code == Code::Deprecated;
    names.iter().any(|name| {
        name == code.name()
            || name.eq_ignore_ascii_case(code.number())
            || code.dbt_events().contains(&name.as_str())
            || (is_deprecation && (name == "Deprecations" || name.ends_with("Deprecation")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &WarnErrorOptions, expected: Option<Severity>) {
        let mut problems = Diagnostics::new();
        problems.push(Diagnostic::warning(Code::UnusedConfigPath, "nothing at `models.shop.old`"));
        assert_eq!(escalate(problems, options).iter().next().map(|item| item.severity), expected);
    }

    #[test]
    fn warnings_are_chosen_by_either_name() {
        let one = |name: &str| vec![name.to_owned()];
        check(&WarnErrorOptions::default(), Some(Severity::Warning));
        check(&WarnErrorOptions { all: true, ..WarnErrorOptions::default() }, Some(Severity::Error));
        let warn = one("UnusedResourceConfigPath");
        check(&WarnErrorOptions { all: true, warn, ..WarnErrorOptions::default() }, Some(Severity::Warning));
        check(&WarnErrorOptions { error: one("K0207"), ..WarnErrorOptions::default() }, Some(Severity::Error));
        check(&WarnErrorOptions { silence: one("UnusedConfigPath"), ..WarnErrorOptions::default() }, None);
    }
}
