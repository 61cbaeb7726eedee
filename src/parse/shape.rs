//! The shape of entries in property files: values of the wrong kind are errors,
//! keys that are nearly known ones are warnings. Custom keys pass, as in dbt.

use std::sync::Arc;

use super::properties::has_template;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, did_you_mean};
use crate::project::yaml::{Yaml, YamlKind};

/// What kind of value a key takes.
#[derive(Clone, Copy)]
enum Shape {
    /// A text, number or boolean.
    Scalar,
    /// A mapping.
    Map,
    /// A list of anything.
    List,
    /// A list of mappings with a `name`, checked by their own keys.
    Named(&'static [(&'static str, Shape)]),
}

/// Keys of a column.
const COLUMN: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("description", Shape::Scalar),
    ("data_type", Shape::Scalar),
    ("meta", Shape::Map),
    ("config", Shape::Map),
    ("tests", Shape::List),
    ("data_tests", Shape::List),
    ("constraints", Shape::List),
];

/// Keys of models, seeds, snapshots and analyses.
const NODE: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("description", Shape::Scalar),
    ("config", Shape::Map),
    ("meta", Shape::Map),
    ("docs", Shape::Map),
    ("columns", Shape::Named(COLUMN)),
    ("tests", Shape::List),
    ("data_tests", Shape::List),
    ("constraints", Shape::List),
    ("versions", Shape::List),
];

/// Keys of an argument of a function.
const ARGUMENT: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("data_type", Shape::Scalar),
    ("description", Shape::Scalar),
    ("default_value", Shape::Scalar),
];

/// Keys of a function.
const FUNCTION: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("description", Shape::Scalar),
    ("config", Shape::Map),
    ("meta", Shape::Map),
    ("docs", Shape::Map),
    ("arguments", Shape::Named(ARGUMENT)),
    ("returns", Shape::Map),
];

/// Keys of a table of a source.
const TABLE: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("description", Shape::Scalar),
    ("identifier", Shape::Scalar),
    ("loaded_at_field", Shape::Scalar),
    ("config", Shape::Map),
    ("meta", Shape::Map),
    ("columns", Shape::Named(COLUMN)),
    ("tests", Shape::List),
    ("data_tests", Shape::List),
];

/// Keys of a source.
const SOURCE: &[(&str, Shape)] = &[
    ("name", Shape::Scalar),
    ("description", Shape::Scalar),
    ("database", Shape::Scalar),
    ("schema", Shape::Scalar),
    ("loader", Shape::Scalar),
    ("loaded_at_field", Shape::Scalar),
    ("config", Shape::Map),
    ("meta", Shape::Map),
    ("tables", Shape::Named(TABLE)),
];

/// Checks one entry of a list of a property file.
pub(super) fn check(file: &Arc<SourceFile>, list: &str, entry: &Yaml, diagnostics: &mut Diagnostics) {
    let keys = match list {
        "models" | "seeds" | "snapshots" | "analyses" => NODE,
        "sources" => SOURCE,
        "functions" => FUNCTION,
        _ => return,
    };
    check_keys(file, &format!("`{}` in `{list}`", name_of(entry)), keys, entry, diagnostics);
}

fn check_keys(
    file: &Arc<SourceFile>,
    whose: &str,
    keys: &'static [(&'static str, Shape)],
    entry: &Yaml,
    diagnostics: &mut Diagnostics,
) {
    for pair in entry.entries() {
        let Some((key, shape)) = keys.iter().find(|(key, _)| *key == pair.key) else {
            if let Some(hint) =
                did_you_mean(&pair.key, keys.iter().map(|(key, _)| *key)).filter(|_| !is_known(&pair.key))
            {
                let message = format!("unknown key `{}` of {whose}", pair.key);
                diagnostics.push(
                    Diagnostic::warning(Code::UnknownKey, message)
                        .at(file, pair.key_span)
                        .hint(format!("{hint} Put your own keys under `meta:`")),
                );
            }
            continue;
        };
        if let Some(expected) = mismatch(*shape, &pair.value) {
            let message = format!("`{key}` of {whose} must be {expected}, not {}", pair.value.kind_name());
            diagnostics.push(Diagnostic::error(Code::YamlType, message).at(file, pair.value.span));
        } else if let (Shape::Named(keys), YamlKind::Seq(items)) = (shape, &pair.value.kind) {
            for item in items {
                check_named(file, key, keys, item, diagnostics);
            }
        }
    }
}

fn check_named(
    file: &Arc<SourceFile>,
    list: &str,
    keys: &'static [(&'static str, Shape)],
    item: &Yaml,
    diagnostics: &mut Diagnostics,
) {
    if !matches!(item.kind, YamlKind::Map(_)) {
        let message = format!("an entry of `{list}` must be a mapping, not {}", item.kind_name());
        diagnostics.push(Diagnostic::error(Code::YamlType, message).at(file, item.span).hint("write `- name: …`"));
        return;
    }
    check_keys(file, &format!("`{}` in `{list}`", name_of(item)), keys, item, diagnostics);
}

/// What a value should have been, if it is something else. Templates may become anything, null is nothing.
fn mismatch(shape: Shape, value: &Yaml) -> Option<&'static str> {
    match (shape, &value.kind) {
        (_, YamlKind::Null) => None,
        (Shape::Map | Shape::List | Shape::Named(_), YamlKind::String(text)) if has_template(text) => None,
        (Shape::Scalar, YamlKind::Map(_) | YamlKind::Seq(_)) => Some("a text"),
        (Shape::Scalar, _) | (Shape::Map, YamlKind::Map(_)) => None,
        (Shape::List | Shape::Named(_), YamlKind::Seq(_)) => None,
        (Shape::Map, _) => Some("a mapping"),
        (Shape::List | Shape::Named(_), _) => Some("a list"),
    }
}

/// Keys that are known but whose values are checked where they are used.
fn is_known(key: &str) -> bool {
    [
        "access",
        "alias",
        "anchors",
        "arguments",
        "data_test",
        "database",
        "deprecation_date",
        "enabled",
        "external",
        "freshness",
        "group",
        "latest_version",
        "loaded_at_query",
        "overrides",
        "quote",
        "quoting",
        "relation",
        "schema",
        "tags",
        "time_spine",
        "granularity",
        "dimension",
        "entity",
        "loader",
        "primary_entity",
        "semantic_model",
        "metrics",
        "policy_tags",
        "identifier",
        "version",
    ]
    .contains(&key)
}

fn name_of(entry: &Yaml) -> String {
    match entry.get("name").map(|name| &name.kind) {
        Some(YamlKind::String(name)) => name.clone(),
        _ => "?".to_owned(),
    }
}
