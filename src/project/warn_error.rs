//! `--warn-error` and `--warn-error-options`: which warnings are errors, and which are not shown.
//!
//! A name beats the group `Deprecations`, and that beats `all`; `silence` beats `warn`, and that beats `error`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Data};

use crate::diagnostic::{Code, Diagnostic, dbt_event_names, is_dbt_event, nearest};

/// dbt's name for all its deprecations together.
const DEPRECATIONS: &str = "Deprecations";

/// Which warnings are errors, and which are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WarnErrorOptions {
    all: bool,
    error: Vec<String>,
    warn: Vec<String>,
    silence: Vec<String>,
    /// `require_all_warnings_handled_by_warn_error`.
    handles_all: bool,
}

/// What becomes of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays one.
    Warning,
    /// It is an error.
    Error,
    /// It is not shown.
    Silent,
}

impl WarnErrorOptions {
    /// Reads the options from resolved flags; `given` has the names of flags that somebody set.
    pub(super) fn read(flags: &BTreeMap<String, Data>, given: &[String]) -> Result<Self, Box<Diagnostic>> {
        let is_given = |name: &str| given.iter().any(|other| other == name);
        if is_given("warn_error") && is_given("warn_error_options") {
            return Err(invalid("`warn_error` and `warn_error_options` are both set", "keep one of the two"));
        }
        let all = flags.get("warn_error").and_then(Data::as_bool).unwrap_or(false);
        let handles_all = flags.get("require_all_warnings_handled_by_warn_error").and_then(Data::as_bool) == Some(true);
        let mut options = Self { all, handles_all, ..Self::default() };
        let Some(Data::Object(map)) = flags.get("warn_error_options") else { return Ok(options) };
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let hint = match nearest(key, KEYS.iter().copied()) {
                Some(key) => format!("did you mean `{key}`?"),
                None => "its keys are `error`, `warn` and `silence`".to_owned(),
            };
            return Err(invalid(format!("`warn_error_options` has no key `{key}`"), hint));
        }
        options.error = list(map, "error", "include")?;
        options.warn = list(map, "warn", "exclude")?;
        options.silence = list(map, "silence", "silence")?;
        options.all |= options.error.iter().any(|name| name == "all" || name == "*");
        let has_group = |names: &[String]| names.iter().any(|name| name == DEPRECATIONS);
        if !options.warn.is_empty() && !options.all && !has_group(&options.error) && !has_group(&options.silence) {
            let message = "`warn` of `warn_error_options` names what stays a warning, but nothing is made an error";
            return Err(invalid(message, "set `error: all`, or `Deprecations` in `error` or `silence`"));
        }
        Ok(options)
    }

    /// What becomes of a warning, which may be named by kiln's name or number, by the name of its dbt event, or, if it
    /// is none in particular, by any of those that its code stands for.
    #[must_use]
    pub fn verdict(&self, warning: &Diagnostic) -> Verdict {
        let code = warning.code;
        let is_event = |name: &String| match &warning.event {
            Some(event) => event.name == name,
            None => {
                code.dbt_events().contains(&name.as_str())
                    || (code == Code::Deprecated && name.ends_with("Deprecation"))
            }
        };
        let is_named =
            |name: &String| name == code.name() || name.eq_ignore_ascii_case(code.number()) || is_event(name);
        let is_group = |name: &String| name == DEPRECATIONS && code.is_deprecation();
        self.judged(&is_named).or_else(|| self.judged(&is_group)).unwrap_or_else(|| self.otherwise())
    }

    /// What becomes of a warning that is known by the name of dbt's event alone.
    #[must_use]
    pub fn verdict_on_event(&self, event: &str) -> Verdict {
        let is_group = |name: &String| name == DEPRECATIONS && event.ends_with("Deprecation");
        let verdict = self.judged(&|name| name == event).or_else(|| self.judged(&is_group));
        match verdict.unwrap_or_else(|| self.otherwise()) {
            Verdict::Error if !self.handles_all && NOT_HANDLED.contains(&event) => Verdict::Warning,
            verdict => verdict,
        }
    }

    fn judged(&self, is_meant: &dyn Fn(&String) -> bool) -> Option<Verdict> {
        let lists = [(&self.silence, Verdict::Silent), (&self.warn, Verdict::Warning), (&self.error, Verdict::Error)];
        lists.into_iter().find(|(names, _)| names.iter().any(is_meant)).map(|(_, verdict)| verdict)
    }

    const fn otherwise(&self) -> Verdict {
        if self.all { Verdict::Error } else { Verdict::Warning }
    }
}

/// Warnings that dbt only takes for errors if `require_all_warnings_handled_by_warn_error` is set.
const NOT_HANDLED: &[&str] = &["MicrobatchModelNoEventTimeInputs", "WarnStateTargetEqual"];

const KEYS: &[&str] = &["error", "warn", "silence", "include", "exclude"];

/// The names under a key or its older name.
fn list(map: &Map<String, Data>, key: &str, old: &str) -> Result<Vec<String>, Box<Diagnostic>> {
    let says = |key: &str| map.get(key).is_some_and(|value| !value.is_null() && *value != Data::Array(Vec::new()));
    if key != old && says(key) && says(old) {
        let message = format!("Only `{old}` or `{key}` can be specified in `warn_error_options`, not both");
        return Err(invalid(message, format!("keep `{key}`")));
    }
    let names: Vec<String> = match map.get(old).or_else(|| map.get(key)) {
        None | Some(Data::Null) => Vec::new(),
        Some(Data::String(name)) => vec![name.clone()],
        Some(Data::Array(names)) if names.iter().all(Data::is_string) => {
            names.iter().filter_map(Data::as_str).map(str::to_owned).collect()
        }
        Some(_) => {
            let message = format!("`{key}` of `warn_error_options` is not a list of names");
            return Err(invalid(message, format!("write `{{{key}: [Name, Name]}}`")));
        }
    };
    let is_all = |name: &str| key == "error" && (name == "all" || name == "*");
    match names.iter().find(|name| !is_all(name) && !is_known(name)) {
        None => Ok(names),
        Some(name) => {
            let message = format!("`{key}` of `warn_error_options` names `{name}`, which is no warning");
            let known = Code::ALL.iter().map(|code| code.name()).chain(dbt_event_names()).chain([DEPRECATIONS]);
            let hint = match nearest(name, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "the names are those of `kiln explain`, or of dbt's events".to_owned(),
            };
            Err(invalid(message, hint))
        }
    }
}

fn is_known(name: &str) -> bool {
    name == DEPRECATIONS || Code::find(name).is_some() || is_dbt_event(name)
}

fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::Usage, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: Data) -> Result<WarnErrorOptions, Box<Diagnostic>> {
        let flags = BTreeMap::from([("warn_error_options".to_owned(), options)]);
        WarnErrorOptions::read(&flags, &["warn_error_options".to_owned()])
    }

    #[track_caller]
    fn check(options: Data, code: Code, expected: Verdict) {
        assert_eq!(read(options).expect("the options are valid").verdict(&Diagnostic::warning(code, "")), expected);
    }

    #[track_caller]
    fn refused(options: Data, expected: &str) {
        let error = read(options).expect_err("the options are not valid");
        assert!(error.message.contains(expected), "{}", error.message);
    }

    #[test]
    fn warnings_are_chosen_by_kilns_name_its_number_or_dbts_name() {
        check(json!({}), Code::UnusedConfigPath, Verdict::Warning);
        for name in ["UnusedConfigPath", "K0207", "k0207", "UnusedResourceConfigPath", "all", "*"] {
            check(json!({"error": [name]}), Code::UnusedConfigPath, Verdict::Error);
            check(json!({"include": name}), Code::UnusedConfigPath, Verdict::Error);
        }
        check(json!({"error": "all", "warn": ["UnusedResourceConfigPath"]}), Code::UnusedConfigPath, Verdict::Warning);
        check(json!({"error": "all", "exclude": ["K0207"]}), Code::UnusedConfigPath, Verdict::Warning);
        check(json!({"error": ["K0207"], "silence": ["K0207"]}), Code::UnusedConfigPath, Verdict::Silent);
    }

    #[test]
    fn a_name_beats_the_group_and_the_group_beats_all() {
        let (group, key) = ("Deprecations", "CustomKeyInObjectDeprecation");
        check(json!({"error": [group]}), Code::UnknownKey, Verdict::Error);
        check(json!({"error": [group]}), Code::UnusedConfigPath, Verdict::Warning);
        check(json!({"error": "all", "silence": [group]}), Code::UnknownKey, Verdict::Silent);
        check(json!({"error": [key], "silence": [group]}), Code::UnknownKey, Verdict::Error);
        check(json!({"error": "all", "warn": [group]}), Code::UnknownKey, Verdict::Warning);
    }

    #[test]
    fn events_without_a_code_are_known_by_name() {
        let options = read(json!({"error": "all", "warn": ["LogTestResult"], "silence": ["Deprecations"]}));
        let options = options.expect("the options are valid");
        assert_eq!(options.verdict_on_event("LogTestResult"), Verdict::Warning);
        assert_eq!(options.verdict_on_event("DepsUnpinned"), Verdict::Error);
        assert_eq!(options.verdict_on_event("PackageRedirectDeprecation"), Verdict::Silent);
    }

    #[test]
    fn some_warnings_are_errors_only_if_all_are_handled() {
        let check = |handles: bool, expected: Verdict| {
            let flag = "require_all_warnings_handled_by_warn_error".to_owned();
            let flags = BTreeMap::from([("warn_error".to_owned(), json!(true)), (flag, json!(handles))]);
            let options = WarnErrorOptions::read(&flags, &["warn_error".to_owned()]).expect("the options are valid");
            assert_eq!(options.verdict_on_event("MicrobatchModelNoEventTimeInputs"), expected);
            assert_eq!(options.verdict_on_event("DepsUnpinned"), Verdict::Error);
        };
        check(false, Verdict::Warning);
        check(true, Verdict::Error);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused(json!({"errors": []}), "no key `errors`");
        refused(json!({"error": ["NoSuchThing"]}), "names `NoSuchThing`, which is no warning");
        refused(json!({"error": ["all"], "include": ["all"]}), "Only `include` or `error`");
        refused(json!({"warn": ["LogTestResult"]}), "nothing is made an error");
        refused(json!({"silence": {"a": 1}}), "not a list of names");
        refused(json!({"silence": ["all"]}), "names `all`");
    }
}
