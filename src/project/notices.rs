//! Deprecated forms outside of the project's files: in the profile and in flags.

use std::path::Path;

use serde_json::{Map, Value as Data, json};

use super::ProjectConfig;
use super::settings::Settings;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, SourceFile};

/// The warning about a deprecated form, with the event's name and code, and what it tells.
pub(super) fn notice(event: (&'static str, &'static str), message: String, facts: Data) -> Diagnostic {
    Diagnostic::warning(Code::Deprecated, message).with_event(DbtEvent::new(event, facts))
}

/// Tells of flags in their older form.
pub(super) fn of_flags(settings: &Settings, config: &ProjectConfig, diagnostics: &mut Diagnostics) {
    let options = settings.flags.get("warn_error_options").and_then(Data::as_object);
    let has = |key: &str| options.is_some_and(|options| options.contains_key(key));
    let old: Vec<(&str, &str)> =
        [("include", "error"), ("exclude", "warn")].into_iter().filter(|(old, _)| has(old)).collect();
    if !old.is_empty() {
        let found: Vec<String> = old.iter().map(|(old, _)| format!("`{old}`")).collect();
        let advice: String = old.iter().map(|(old, new)| format!(" Please use `{new}` instead of `{old}`.")).collect();
        let message = format!("Found {} in `warn_error_options` specification.{advice}", found.join(" and "));
        let facts = json!({"found_include": has("include"), "found_exclude": has("exclude")});
        diagnostics.push(notice(("WEOIncludeExcludeDeprecation", "D031"), message, facts));
    }
    let output = settings.args.get("output").and_then(Data::as_str);
    if let Some(path) = output.filter(|_| settings.command.ends_with("freshness")) {
        let message = format!(
            "`--output {path}` of `source freshness` is deprecated: the file is `sources.json` in the target folder"
        );
        let event = ("CustomOutputPathInSourceFreshnessDeprecation", "D029");
        diagnostics.push(notice(event, message, json!({"path": path})));
    }
    let command = settings.flags.get("invocation_command").and_then(Data::as_str).unwrap_or_default();
    let flags = command.split_whitespace().map(|word| word.split('=').next().unwrap_or_default());
    if flags.take_while(|word| *word != "--").any(|flag| matches!(flag, "-m" | "--model" | "--models")) {
        let message = "Usage of `--models`, `--model`, and `-m` is deprecated in favor of `--select` or `-s`.";
        diagnostics.push(notice(("ModelParamUsageDeprecation", "D032"), message.to_owned(), json!({})));
    }
    let has_hooks = !config.on_run_start.is_empty() || !config.on_run_end.is_empty();
    let is_freshness = settings.command.ends_with("freshness");
    if is_freshness && has_hooks && !settings.flag("source_freshness_run_project_hooks") {
        let message = "`source freshness` does not run `on-run-start` and `on-run-end` here, as it does by default";
        let event = ("SourceFreshnessProjectHooksNotRun", "D017");
        let warning = notice(event, message.to_owned(), json!({})).in_file(&config.file);
        diagnostics.push(warning.hint("remove `source_freshness_run_project_hooks: false` from `flags:`"));
    }
}

/// Tells of flags that stand in the profile.
pub(super) fn of_profile(folder: &Path, config: Option<&Map<String, Data>>, diagnostics: &mut Diagnostics) {
    if config.is_none_or(Map::is_empty) {
        return;
    }
    let message = format!(
        "User config should be moved from the 'config' key in profiles.yml (in `{}`) to the 'flags' key in \
         dbt_project.yml.",
        folder.display()
    );
    diagnostics.push(notice(("ProjectFlagsMovedDeprecation", "D013"), message, json!({})));
}

/// The warning about a key of dbt_project.yml that was renamed.
pub(super) fn renamed_key(file: &SourceFile, (old, new): (&'static str, &'static str)) -> Diagnostic {
    let event = if old == "data-paths" {
        ("ConfigDataPathDeprecation", "D004")
    } else {
        ("ConfigSourcePathDeprecation", "D003")
    };
    let message = format!(
        "The `{old}` config has been renamed to `{new}`. Please update your `{}` configuration to reflect this change.",
        file.path()
    );
    notice(event, message, json!({"deprecated_path": old, "exp_path": new})).hint(format!("write `{new}`"))
}
