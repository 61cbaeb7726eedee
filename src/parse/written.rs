//! How nodes are written: settings of property files before templates in them are rendered, and the variables that nodes
//! read. State comparison tells by it a change of the project from a change of the environment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value as Data};
use sha2::{Digest, Sha256};

use super::Setup;
use super::properties::{Entry, has_template};
use super::sources::SourceTable;
use crate::manifest::{MacroInfo, Node, NodeKind, UniqueId, Written};
use crate::project::yaml::Yaml;

/// Settings that older projects write beside `config:`.
const BESIDE: &[&str] = &["meta", "docs", "group", "contract", "access"];

/// What an exposure says of itself.
const OF_EXPOSURES: &[&str] = &["label", "url", "maturity", "owner", "meta", "tags"];

/// Notes the settings of a property file's entry that have templates. A version's own settings come later and win.
pub(super) fn note_entry(node: &mut Node, entry: &Entry, version: Option<&Data>, rendered: &Map<String, Data>) {
    let is_version = |item: &&Yaml| item.get("v").map(Yaml::to_data).as_ref() == version;
    let own = || entry.yaml.get("versions")?.items().iter().find(is_version);
    let beside = if entry.list == "exposures" { OF_EXPOSURES } else { BESIDE };
    let mut settings = Map::new();
    for place in [Some(&entry.yaml), version.and_then(|_| own())].into_iter().flatten() {
        let config = place.get("config").map_or(&[][..], Yaml::entries);
        let own = place.entries().iter().filter(|own| beside.contains(&own.key.as_str()));
        for found in own.chain(config).filter(|found| is_template(&found.value)) {
            settings.insert(found.key.clone(), found.value.to_data());
        }
    }
    // What the file itself says, or the project says of a package, overrules the property file.
    settings.retain(|key, _| {
        let is_last = rendered.get(key).is_none_or(|own| node.unrendered_config.get(key) == Some(own));
        is_last && !node.config_call.contains_key(key)
    });
    note(node, settings);
}

/// Notes settings that several layers say something of.
pub(super) fn note_layers(node: &mut Node, settings: Map<String, Data>) {
    if !settings.is_empty() {
        node.written.get_or_insert_default().settings.extend(settings);
    }
}

/// Notes the settings of a source and its table that have templates: for each key what every layer says.
pub(super) fn note_source(node: &mut Node, table: &SourceTable<'_>) {
    let (source, own) = (Some(&table.entry.yaml), table.written());
    let config = |yaml: Option<&'_ Yaml>| yaml.and_then(|yaml| yaml.get("config")).cloned();
    let (of_source, of_table) = (config(source), config(own));
    let layers = [source, of_source.as_ref(), own, of_table.as_ref()];
    let is_setting =
        |key: &str| !matches!(key, "tables" | "columns" | "config" | "description" | "tests" | "data_tests");
    let entries = || layers.iter().flatten().flat_map(|layer| layer.entries());
    let mut settings = Map::new();
    for found in entries().filter(|found| is_setting(&found.key) && is_template(&found.value)) {
        let all = entries().filter(|other| other.key == found.key).map(|other| other.value.to_data());
        settings.insert(found.key.clone(), all.collect());
    }
    note(node, settings);
}

/// Notes the settings of a generic test that have templates.
pub(super) fn note_test(node: &mut Node, settings: Map<String, Data>) {
    note(node, settings);
}

fn note(node: &mut Node, settings: Map<String, Data>) {
    if !settings.is_empty() {
        node.written.get_or_insert_default().settings = settings;
    }
}

fn is_template(yaml: &Yaml) -> bool {
    yaml.as_str().is_some_and(has_template)
        || yaml.items().iter().any(is_template)
        || yaml.entries().iter().any(|entry| is_template(&entry.value))
}

static CALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bvar(?:\.has_var)?\s*\(\s*(?:'([^'\\]+)'|"([^"\\]+)")"#).ok());

/// Notes which variables nodes read, themselves and through macros, as far as they are named where they are read.
pub(super) fn note_variables(setup: &Setup<'_>, nodes: &mut [Box<Node>], macros: &BTreeMap<UniqueId, MacroInfo>) {
    let by_macro = of_macros(macros);
    for node in nodes {
        let mut names = BTreeSet::new();
        find(&node.raw_code, &mut names);
        let settings = node.written.iter().flat_map(|written| written.settings.values());
        settings.chain(node.unrendered_config.values()).for_each(|value| find_in(value, &mut names));
        if let NodeKind::Test(test) = &node.kind {
            test.metadata.iter().flat_map(|test| test.kwargs.values()).for_each(|value| find_in(value, &mut names));
        }
        names.extend(node.macro_calls.iter().filter_map(|id| by_macro.get(id.as_str())).flatten().copied());
        if names.is_empty() {
            continue;
        }
        let values = setup.vars.of(&node.package);
        let variables = names.into_iter().map(|name| (name.to_owned(), hash(values.get(name)))).collect();
        node.written.get_or_insert_with(Box::<Written>::default).variables = variables;
    }
}

/// The variables that each macro reads, itself and through what it calls.
fn of_macros(macros: &BTreeMap<UniqueId, MacroInfo>) -> HashMap<&str, BTreeSet<&str>> {
    let mut callers: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut front = Vec::new();
    for (id, info) in macros {
        for callee in &info.depends_on {
            callers.entry(callee).or_default().push(id.as_str());
        }
        let mut own = BTreeSet::new();
        find(&info.macro_sql, &mut own);
        front.extend(own.into_iter().map(|name| (id.as_str(), name)));
    }
    let mut found: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    while let Some((id, name)) = front.pop() {
        if found.entry(id).or_default().insert(name) {
            front.extend(callers.get(id).into_iter().flatten().map(|caller| (*caller, name)));
        }
    }
    found
}

fn find_in<'a>(value: &'a Data, names: &mut BTreeSet<&'a str>) {
    match value {
        Data::String(text) => find(text, names),
        Data::Array(items) => items.iter().for_each(|item| find_in(item, names)),
        Data::Object(map) => map.values().for_each(|item| find_in(item, names)),
        _ => {}
    }
}

fn find<'a>(text: &'a str, names: &mut BTreeSet<&'a str>) {
    if !text.contains("var") {
        return;
    }
    let Some(call) = CALL.as_ref() else { return };
    names.extend(call.captures_iter(text).filter_map(|found| Some(found.get(1).or_else(|| found.get(2))?.as_str())));
}

/// A value as twelve hexadecimal digits: enough to see a change, and nothing secret is told.
fn hash(value: Option<&Data>) -> String {
    let text = value.map_or_else(|| "unset".to_owned(), Data::to_string);
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes())[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut names = BTreeSet::new();
        find(text, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn variables_are_found_where_they_are_named() {
        check("{{ var('limit') }} {{ var( \"other\", 3) }}", &["limit", "other"]);
        check("{% if var.has_var('pkg:zone') %}", &["pkg:zone"]);
        check("{{ env_var('HOME') }} {{ var(name) }} variable('x')", &[]);
    }
}
