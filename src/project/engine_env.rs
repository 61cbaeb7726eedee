//! The environment variables that dbt keeps for itself: `DBT_ENGINE_…` and the older names of each.

use std::collections::BTreeMap;

use serde_json::json;

use super::flags::{FLAGS, OLD_ENV};
use super::notices::notice;
use crate::diagnostic::Diagnostic;

/// What the reserved names begin with.
const PREFIX: &str = "DBT_ENGINE";

/// Variables that are no flags of the table: paths and names, which are settings of their own, and dbt's own affairs.
const OTHERS: &[&str] = &[
    "download_dir",
    "host",
    "invocation_env",
    "log_path",
    "package_hub_url",
    "pp_file_diff_test",
    "pp_test",
    "profile",
    "profiles_dir",
    "project_dir",
    "recorded_file_path",
    "target",
    "target_path",
    "test_state_modified",
];

/// The reserved names without prefix, in lower case.
fn names() -> impl Iterator<Item = &'static str> {
    let flags = FLAGS.iter().filter(|flag| flag.has_env).map(|flag| flag.name);
    flags.chain(OLD_ENV.iter().map(|(old, _)| *old)).chain(OTHERS.iter().copied())
}

/// Gives each variable its other name, too: templates may ask for `DBT_TARGET` where `DBT_ENGINE_TARGET` is set, and the
/// other way round. The newer name wins.
pub(super) fn with_both_names(mut env: BTreeMap<String, String>) -> BTreeMap<String, String> {
    // dbt never had this one under an older name.
    for name in names().filter(|name| *name != "sqlparse") {
        let name = name.to_uppercase();
        let (new, old) = (format!("{PREFIX}_{name}"), format!("DBT_{name}"));
        if let Some(value) = env.get(&new).cloned() {
            env.insert(old, value);
        } else if let Some(value) = env.get(&old).cloned() {
            env.insert(new, value);
        }
    }
    env
}

/// Warns of variables with the reserved prefix that mean nothing, and of those that have been renamed.
pub(super) fn warnings(env: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let renamed = OLD_ENV.iter().filter(|(old, _)| {
        let name = old.to_uppercase();
        env.contains_key(&format!("{PREFIX}_{name}")) || env.contains_key(&format!("DBT_{name}"))
    });
    let renamed = renamed.map(|(old, new)| {
        let (old, new) = (format!("DBT_{}", old.to_uppercase()), format!("{PREFIX}_{}", new.to_uppercase()));
        let message = format!("The environment variable `{old}` has been renamed as `{new}`");
        let facts = json!({"old_name": old, "new_name": new});
        notice(("EnvironmentVariableRenamed", "D009"), message, facts)
            .hint(format!("set `{new}` instead; as long as `{old}` is set, its value counts"))
    });
    let known: Vec<String> = names().map(|name| format!("{PREFIX}_{}", name.to_uppercase())).collect();
    let unknown = env.keys().filter(|name| name.starts_with(PREFIX) && !known.contains(name)).map(|name| {
        let message = format!(
            "Found custom environment variable `{name}` in the environment. The prefix `{PREFIX}` is reserved for dbt \
             engine environment variables"
        );
        let facts = json!({"env_var": name, "reserved_prefix": PREFIX});
        notice(("EnvironmentVariableNamespaceDeprecation", "D036"), message, facts)
            .hint("rename it; if a flag is meant, `docs/command-line.md` lists the names")
    });
    renamed.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn check(set: &[(&str, &str)], expected: &[&str]) {
        let events = warnings(&env(set)).into_iter().filter_map(|warning| warning.event.map(|event| event.name));
        assert_eq!(events.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_newer_name_gives_its_value_to_the_older() {
        let both = with_both_names(env(&[("DBT_ENGINE_DEBUG", "1"), ("DBT_DEBUG", "0"), ("DBT_TARGET", "ci")]));
        assert_eq!((both["DBT_DEBUG"].as_str(), both["DBT_ENGINE_TARGET"].as_str()), ("1", "ci"));
    }

    #[test]
    fn reserved_names_are_known_or_warned_of() {
        check(&[("DBT_ENGINE_TARGET", "ci"), ("DBT_MINE", "1"), ("DBT_ENGINE_SQLPARSE", "{}")], &[]);
        check(&[("DBT_ENGINE_MINE", "1")], &["EnvironmentVariableNamespaceDeprecation"]);
    }

    #[test]
    fn renamed_variables_are_warned_of() {
        check(&[("DBT_NO_PRINT", "1")], &["EnvironmentVariableRenamed"]);
        check(&[("DBT_ENGINE_DEFER_TO_STATE", "1")], &["EnvironmentVariableRenamed"]);
    }
}
