//! Mistakes that an entry of a property file shows by itself.

use serde_json::{Map, Value as Data, json};

use super::properties::{Entry, list_of, map_of, text_of};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Span, did_you_mean};
use crate::project::yaml::Yaml;

/// Checks all entries.
pub(super) fn check(entries: &[Entry], diagnostics: &mut Diagnostics) {
    for entry in entries {
        match entry.list {
            "models" => check_time_spine(entry, diagnostics),
            "sources" => check_source(entry, diagnostics),
            _ => {}
        }
        // Those of nodes that are files are checked with what the other places say.
        let is_told_here =
            ["sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests"].contains(&entry.list);
        if is_told_here {
            check_enabled(entry, &entry.data, &entry.yaml, diagnostics);
        }
    }
}

/// Whether a node is enabled is said with true or false.
fn check_enabled(entry: &Entry, data: &Map<String, Data>, yaml: &Yaml, diagnostics: &mut Diagnostics) {
    let Some(value) = data.get("config").and_then(|config| config.get("enabled")) else { return };
    if value.is_null() || value.is_boolean() {
        return;
    }
    let name = data.get("name").and_then(text_of).unwrap_or_default();
    let span = yaml.get("config").and_then(|config| config.get("enabled")).map_or(yaml.span, |yaml| yaml.span);
    let message = format!("`enabled` of `{name}` must be a boolean");
    diagnostics.push(Diagnostic::error(Code::YamlType, message).at(&entry.file, span));
}

/// The place of a value below an entry, or of the entry.
fn place(entry: &Entry, path: &[&str]) -> Span {
    let found = path.iter().try_fold(&entry.yaml, |yaml, key| yaml.get(key));
    found.map_or(entry.yaml.span, |yaml| yaml.span)
}

/// The columns that a time spine names must be declared.
fn check_time_spine(entry: &Entry, diagnostics: &mut Diagnostics) {
    let spine = map_of(&entry.data, "time_spine");
    // Versions may have columns of their own.
    if spine.is_empty() || !list_of(&entry.data, "versions").is_empty() {
        return;
    }
    let columns = list_of(&entry.data, "columns");
    let find = |name: &str| columns.iter().find(|column| column.get("name").and_then(Data::as_str) == Some(name));
    let names: Vec<&str> = columns.iter().filter_map(|column| column.get("name")?.as_str()).collect();
    let model = entry.name();
    let standard = spine.get("standard_granularity_column").and_then(text_of).unwrap_or_default();
    let at = |span: Span, message: String| Diagnostic::error(Code::PropertyInvalid, message).at(&entry.file, span);
    let span = place(entry, &["time_spine", "standard_granularity_column"]);
    match find(&standard) {
        None => {
            let message = format!(
                "Time spine standard granularity column must be defined on the model. Got invalid column name \
                 '{standard}' for model '{model}'. Valid names: {names:?}."
            );
            diagnostics.push(at(span, message).maybe_hint(did_you_mean(&standard, names.iter().copied())));
        }
        Some(column) if column.get("granularity").is_none_or(Data::is_null) => {
            let message = format!(
                "Time spine standard granularity column must have a granularity defined. Please add one for column \
                 '{standard}' in model '{model}'."
            );
            diagnostics.push(at(span, message).hint("add `granularity: day` to the column"));
        }
        Some(_) => {}
    }
    for (ix, custom) in list_of(&spine, "custom_granularities").iter().enumerate() {
        let name = ["column_name", "name"].iter().find_map(|key| text_of(custom.get(*key)?)).unwrap_or_default();
        if find(&name).is_some() {
            continue;
        }
        let message = format!(
            "Time spine custom granularity columns do not exist in the model. Columns not found: ['{name}']; \
             Available columns: {names:?}"
        );
        let list = entry.yaml.get("time_spine").and_then(|spine| spine.get("custom_granularities"));
        let span = list.and_then(|list| list.items().get(ix)).map_or(span, |item| item.span);
        diagnostics.push(at(span, message).maybe_hint(did_you_mean(&name, names.iter().copied())));
    }
}

/// The time of loading is told by a column or by a query.
fn check_source(entry: &Entry, diagnostics: &mut Diagnostics) {
    let tables = entry.yaml.get("tables").map(|tables| tables.items()).unwrap_or_default();
    let data = list_of(&entry.data, "tables");
    let owners = data.iter().zip(tables).map(|(data, yaml)| (data.clone(), yaml, "table"));
    for (data, yaml, level) in [(Data::Object(entry.data.clone()), &entry.yaml, "source")].into_iter().chain(owners) {
        if let (Data::Object(table), "table") = (&data, level) {
            check_enabled(entry, table, yaml, diagnostics);
        }
        let find = |key: &str| {
            let own = data.get(key).filter(|value| !value.is_null());
            own.or_else(|| data.get("config")?.get(key).filter(|value| !value.is_null()))
        };
        let key_span = yaml.entry("loaded_at_field").map_or(yaml.span, |entry| entry.key_span);
        let mut error = |message: String| {
            diagnostics.push(Diagnostic::error(Code::PropertyInvalid, message).at(&entry.file, key_span));
        };
        if find("loaded_at_field").is_some_and(|value| value == "") {
            error("loaded_at_field cannot be an empty string.".to_owned());
        } else if find("loaded_at_field").is_some() && find("loaded_at_query").is_some() {
            error(format!("Cannot specify both loaded_at_field and loaded_at_query at {level} level."));
        }
        check_tags(entry, &data, yaml, diagnostics);
    }
}

/// Tags are texts: others are left out.
fn check_tags(entry: &Entry, data: &Data, yaml: &Yaml, diagnostics: &mut Diagnostics) {
    let tags = data.get("config").and_then(|config| config.get("tags")).filter(|tags| !tags.is_null());
    let is_text = |tags: &Data| tags.as_array().map_or(tags.is_string(), |tags| tags.iter().all(Data::is_string));
    let Some(tags) = tags.filter(|tags| !is_text(tags)) else { return };
    let span = yaml.get("config").and_then(|config| config.get("tags")).map_or(yaml.span, |yaml| yaml.span);
    let name = data.get("name").and_then(text_of).unwrap_or_default();
    let facts = json!({"field_name": format!("`config.tags`: {tags}"), "resource_type": "source", "node_name": name});
    let message = format!("Field `config.tags`: {tags} is not valid for source ({name})");
    let warning = Diagnostic::warning(Code::PropertyInvalid, message).at(&entry.file, span);
    diagnostics
        .push(warning.with_event(DbtEvent::new(("ValidationWarning", "I009"), facts)).hint("write the tags as texts"));
}
