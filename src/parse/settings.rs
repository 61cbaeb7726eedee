//! What is wrong with a node's settings, and where it is written: in a `config()` call, a property file or dbt_project.yml.

use regex::Regex;
use serde_json::Value as Data;

use super::colors::is_color;
use super::properties::Entry;
use super::{Setup, layers};
use crate::diagnostic::{Code, Diagnostic, Label, Span};
use crate::manifest::{Node, ResourceType};
use crate::project::yaml::{Yaml, YamlEntry};

/// A setting that is missing or cannot be as it is.
pub(super) struct Wrong {
    /// Its key; the first is where the diagnostic points, if it is written anywhere, else the second.
    keys: [&'static str; 2],
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Wrong {
    /// A setting that does not fit to others, or is missing.
    pub(super) fn new(key: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { keys: [key, ""], code: Code::PropertyInvalid, message: message.into(), hint: Some(hint.into()) }
    }

    /// The setting that asks for the one that is missing.
    pub(super) fn because_of(mut self, key: &'static str) -> Self {
        self.keys[1] = key;
        self
    }

    /// The mistake at its place. A property file's entry comes with the version that it is read for.
    pub(super) fn diagnostic(
        self,
        setup: &Setup<'_>,
        node: &Node,
        entry: Option<(&Entry, &Option<Data>)>,
    ) -> Box<Diagnostic> {
        let mut error = Diagnostic::error(self.code, self.message).maybe_hint(self.hint);
        let found = self.keys.iter().find_map(|key| place(setup, node, entry, key));
        let of_node = || node.declared.clone().unwrap_or_else(|| Label::new(&node.file, node.span));
        error.at = Some(found.unwrap_or_else(of_node));
        Box::new(error)
    }
}

/// Where the layer that decides about a setting says it.
fn place(setup: &Setup<'_>, node: &Node, entry: Option<(&Entry, &Option<Data>)>, key: &str) -> Option<Label> {
    if key.is_empty() {
        return None;
    }
    let root = setup.project.root();
    let of_root = || in_project(&root.config, node, key);
    if node.package != root.config.name
        && let Some(place) = of_root()
    {
        return Some(place);
    }
    if node.config_call.contains_key(key) {
        return in_call(node, key).or_else(|| Some(Label::new(&node.file, node.span)));
    }
    if let Some((entry, version)) = entry
        && let Some(found) = in_entry(&entry.yaml, version.as_ref(), key)
    {
        return Some(Label::new(&entry.file, found.value.span));
    }
    let package = setup.project.packages.iter().find(|package| package.config.name == node.package)?;
    in_project(&package.config, node, key)
}

/// The key in the text of a `config()` call.
fn in_call(node: &Node, key: &str) -> Option<Label> {
    let text = node.file.text();
    let start = text.get(node.raw_code_offset as usize..)?.find("config")? + node.raw_code_offset as usize;
    let name = key.split('-').map(regex::escape).collect::<Vec<_>>().join("[-_]");
    let pattern = format!(r#"\b({name})\s*=[^=]|['"]({name})['"]\s*:"#);
    let found = Regex::new(&pattern).ok()?.captures(&text[start..])?;
    let name = found.get(1).or_else(|| found.get(2))?;
    Some(Label::new(&node.file, Span::new(start + name.start(), start + name.end())))
}

/// The key in an entry of a property file: of the version, then of all.
fn in_entry<'y>(entry: &'y Yaml, version: Option<&Data>, key: &str) -> Option<&'y YamlEntry> {
    let is_version = |item: &&Yaml| item.get("v").map(Yaml::to_data).as_ref() == version;
    let own = version.and_then(|_| entry.get("versions")?.items().iter().find(is_version));
    let find = |yaml: &'y Yaml| written(yaml.get("config")?, key).or_else(|| yaml.entry(key));
    own.and_then(find).or_else(|| find(entry))
}

/// The key in dbt_project.yml, as near to the node as it is said.
fn in_project(project: &crate::project::ProjectConfig, node: &Node, key: &str) -> Option<Label> {
    let mut level = project.layers.get(layers::tree_key(node.resource_type))?.written.as_ref()?;
    let mut found = written(level, key);
    for part in &node.fqn {
        let Some(next) = level.get(part) else { break };
        level = next;
        found = written(level, key).or(found);
    }
    Some(Label::new(&project.file, found?.value.span))
}

/// The entry of a key, with or without `+`.
fn written<'y>(yaml: &'y Yaml, key: &str) -> Option<&'y YamlEntry> {
    let name = |entry: &YamlEntry| entry.key.trim_start_matches('+').replace("_hook", "-hook");
    yaml.entries().iter().find(|entry| name(entry) == key)
}

const FUNCTION_TYPES: &[&str] = &["scalar", "aggregate", "table"];

const VOLATILITIES: &[&str] = &["deterministic", "stable", "non-deterministic"];

const ON_CHANGES: &[&str] = &["apply", "continue", "fail"];

const ACCESSES: &[&str] = &["private", "protected", "public"];

fn is_one_of(value: &Data, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

/// Whether all hooks have a statement.
fn are_hooks(value: &Data) -> bool {
    let has_sql = |hook: &Data| hook.get("sql").is_some_and(Data::is_string);
    value.as_array().is_some_and(|hooks| hooks.iter().all(has_sql))
}

fn is_list_of_text(value: &Data) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Data::is_string))
}

/// A known key whose value has the wrong type, or a value that does not fit to others.
pub(super) fn mistake(node: &Node) -> Option<Wrong> {
    let wrong = node.config.values.iter().find_map(|(key, value)| {
        let (key, expected) = mismatch(node.resource_type, key, value)?;
        Some(Wrong {
            keys: [key, ""],
            code: Code::YamlType,
            message: format!("`{key}` of {} `{}` must be {expected}", node.resource_type, node.name),
            hint: None,
        })
    });
    wrong.or_else(|| freshness_mistake(node)).or_else(|| contract_mistake(node))
}

/// The key and what it takes, if the value is something else.
fn mismatch(kind: ResourceType, key: &str, value: &Data) -> Option<(&'static str, &'static str)> {
    const BOOLEANS: &[&str] = &["enabled", "full_refresh", "quote_columns", "store_failures"];
    const TEXTS: &[&str] = &[
        "alias",
        "database",
        "dbt_valid_to_current",
        "delimiter",
        "error_if",
        "fail_calc",
        "group",
        "incremental_strategy",
        "materialized",
        "on_schema_change",
        "schema",
        "strategy",
        "store_failures_as",
        "target_database",
        "target_schema",
        "updated_at",
        "warn_if",
        "where",
    ];
    const NEVER_NULL: &[&str] = &["enabled", "materialized"];
    const MAPPINGS: &[&str] = &["meta", "grants", "column_types", "quoting", "persist_docs", "contract", "docs"];
    let known = |keys: &[&'static str]| keys.iter().find(|known| **known == key).copied();
    let unless = |is_right: bool, key: &'static str, expected: &'static str| (!is_right).then_some((key, expected));
    if value.is_null() && known(NEVER_NULL).or_else(|| known(MAPPINGS)).is_none() {
        return None;
    }
    if let Some(key) = known(BOOLEANS) {
        return unless(value.is_boolean(), key, "a boolean");
    }
    if let Some(key) = known(TEXTS).filter(|_| !value.is_string()) {
        return Some((key, "a string"));
    }
    if let Some(key) = known(MAPPINGS).filter(|_| !value.is_object()) {
        return Some((key, "a mapping"));
    }
    let is_severity = |word: &str| matches!(word.to_lowercase().as_str(), "warn" | "error");
    match (key, kind) {
        ("pre-hook", _) => unless(are_hooks(value), "pre-hook", "a text, or a mapping with `sql`"),
        ("post-hook", _) => unless(are_hooks(value), "post-hook", "a text, or a mapping with `sql`"),
        ("on_configuration_change", _) => {
            unless(is_one_of(value, ON_CHANGES), "on_configuration_change", "`apply`, `continue` or `fail`")
        }
        ("tags", _) => unless(is_list_of_text(value), "tags", "a string or a list of strings"),
        ("unique_key", _) => {
            unless(value.is_string() || is_list_of_text(value), "unique_key", "a string or a list of strings")
        }
        ("check_cols", _) => {
            unless(value.is_string() || is_list_of_text(value), "check_cols", "`all` or a list of strings")
        }
        ("severity", _) => unless(value.as_str().is_some_and(is_severity), "severity", "`warn` or `error`"),
        ("access", _) => unless(is_one_of(value, ACCESSES), "access", "`private`, `protected` or `public`"),
        ("limit", ResourceType::Test) => unless(value.is_i64(), "limit", "an integer"),
        ("materialized", ResourceType::Test) => unless(value == "test", "materialized", "`test`"),
        ("materialized", ResourceType::Snapshot) => unless(value == "snapshot", "materialized", "`snapshot`"),
        ("materialized", ResourceType::Seed) => unless(value == "seed", "materialized", "`seed`"),
        ("docs", _) => {
            let color = value.get("node_color").and_then(Data::as_str).unwrap_or_default();
            let expected = "a mapping whose `node_color` is the name of a color, or `#` and three or six digits";
            unless(color.is_empty() || is_color(color), "docs", expected)
        }
        ("type", ResourceType::Function) => {
            unless(is_one_of(value, FUNCTION_TYPES), "type", "`scalar`, `aggregate` or `table`")
        }
        ("volatility", ResourceType::Function) => {
            let expected = "`deterministic`, `stable` or `non-deterministic`";
            unless(is_one_of(value, VOLATILITIES), "volatility", expected)
        }
        _ => None,
    }
}

/// How long a model may wait is a number and its unit; one without the other means nothing.
fn freshness_mistake(node: &Node) -> Option<Wrong> {
    let freshness = node.config.get("freshness").filter(|_| node.resource_type == ResourceType::Model)?;
    if !freshness.get("build_after").is_none_or(Data::is_object) {
        let message = format!("`freshness.build_after` of {} `{}` must be a mapping", node.resource_type, node.name);
        return Some(Wrong::new("freshness", message, "write `{count: 1, period: day}`"));
    }
    let has = |key: &str| freshness.pointer(&format!("/build_after/{key}")).is_some_and(|value| !value.is_null());
    let (missing, given) = match (has("count"), has("period")) {
        (true, false) => ("period", "count"),
        (false, true) => ("count", "period"),
        _ => return None,
    };
    let message = format!(
        "`freshness.build_after` of {} `{}` must have a value for `{missing}` if a `{given}` is provided",
        node.resource_type, node.name
    );
    Some(Wrong::new("freshness", message, "write both, such as `{count: 1, period: day}`"))
}

/// What is built into its readers alone cannot be for everybody.
pub(super) fn access_mistake(node: &Node) -> Option<Wrong> {
    if node.access.as_deref() != Some("public") || node.config.materialized() != "ephemeral" {
        return None;
    }
    let message = format!(
        "Node {} with 'ephemeral' materialization has an invalid value (public) for the access field",
        node.unique_id
    );
    Some(Wrong::new("access", message, "materialize it as a view or a table, or let it be `protected`"))
}

fn contract_mistake(node: &Node) -> Option<Wrong> {
    for key in ["enforced", "alias_types"] {
        let value = node.config.get("contract").and_then(|contract| contract.get(key));
        if value.is_some_and(|value| !value.is_boolean()) {
            let message =
                format!("`{key}` of the contract of {} `{}` must be a boolean", node.resource_type, node.name);
            return Some(Wrong { keys: ["contract", ""], code: Code::YamlType, message, hint: None });
        }
    }
    let on_change = node.config.str("on_schema_change").unwrap_or("ignore");
    if !node.config.is_contract_enforced()
        || node.config.materialized() != "incremental"
        || matches!(on_change, "append_new_columns" | "fail")
    {
        return None;
    }
    let message = format!(
        "Invalid value for on_schema_change: {on_change}. Models materialized as incremental with contracts enabled must set on_schema_change to 'append_new_columns' or 'fail'"
    );
    let hint = "set `on_schema_change: append_new_columns`, or `fail`";
    Some(Wrong::new("on_schema_change", message, hint).because_of("contract"))
}
