//! Sources: every table of a `sources:` entry becomes a node.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::properties::{Entry, list_of, map_of, text_of};
use super::{Setup, columns, layers};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label, Span};
use crate::jinja;
use crate::manifest::{Node, NodeKind, ResourceType, SourceDef, UniqueId};

/// The keys of a source that have a place of their own.
const SOURCE_KEYS: &[&str] = &[
    "name",
    "description",
    "meta",
    "database",
    "catalog",
    "schema",
    "loader",
    "quoting",
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "tables",
    "tags",
    "config",
    "overrides",
    "data_tests",
    "tests",
    "version",
];

/// A source and one of its tables, patches of `overrides:` applied.
pub(super) struct SourceTable<'a> {
    pub(super) entry: &'a Entry,
    pub(super) source: Map<String, Data>,
    pub(super) table: Map<String, Data>,
    /// Place of the table in the file.
    pub(super) table_ix: usize,
    /// The file of the override, if there is one.
    pub(super) patch_path: Option<String>,
}

impl SourceTable<'_> {
    pub(super) fn source_name(&self) -> &str {
        self.source.get("name").and_then(Data::as_str).unwrap_or_default()
    }

    pub(super) fn table_name(&self) -> &str {
        self.table.get("name").and_then(Data::as_str).unwrap_or_default()
    }

    /// Where the table stands in the file.
    pub(super) fn written(&self) -> Option<&crate::project::yaml::Yaml> {
        self.entry.yaml.get("tables").and_then(|tables| tables.items().get(self.table_ix))
    }
}

/// Lists all tables of all sources, with the overrides of other packages applied.
pub(super) fn tables<'a>(
    setup: &Setup<'_>,
    entries: &'a [Entry],
    diagnostics: &mut Diagnostics,
) -> Vec<SourceTable<'a>> {
    let overrides = overrides(entries, diagnostics);
    warn_of_unused(setup, entries, &overrides, diagnostics);
    let mut tables = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.data.contains_key("overrides")) {
        let package = setup.package_name(entry.package);
        let patch = overrides
            .iter()
            .find(|patch| patch.text("overrides").as_deref() == Some(package) && patch.name() == entry.name());
        for (table_ix, table) in list_of(&entry.data, "tables").into_iter().enumerate() {
            let Data::Object(mut table) = table else { continue };
            if !table.contains_key("name") {
                continue;
            }
            let mut source = entry.data.clone();
            source.remove("tables");
            if let Some(patch) = patch {
                apply_override(&mut source, &mut table, patch);
            }
            let patch_path = patch.map(|patch| patch.original_file_path.clone());
            tables.push(SourceTable { entry, source, table, table_ix, patch_path });
        }
    }
    tables
}

/// The entries that override a source of another package: each one once.
fn overrides<'a>(entries: &'a [Entry], diagnostics: &mut Diagnostics) -> Vec<&'a Entry> {
    let mut found: Vec<&Entry> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.data.contains_key("overrides")) {
        let package = entry.text("overrides").unwrap_or_default();
        let same = |other: &&&Entry| other.name() == entry.name() && other.text("overrides").as_ref() == Some(&package);
        let Some(first) = found.iter().find(same) else {
            found.push(entry);
            continue;
        };
        let message = format!(
            "dbt found two schema.yml entries for the same source named {} in package {package}. Sources may only be \
             overridden a single time.",
            entry.name()
        );
        let other = Label::new(&first.file, first.span_of("name")).with_text("the other one");
        let error = entry.error("name", Code::DuplicatePatch, message).related(other);
        diagnostics.push(error.hint("put both into one entry"));
    }
    found
}

/// Warns of overrides of sources, or tables, that the named package does not have.
fn warn_of_unused(setup: &Setup<'_>, entries: &[Entry], overrides: &[&Entry], diagnostics: &mut Diagnostics) {
    for patch in overrides {
        let package = patch.text("overrides").unwrap_or_default();
        let is_meant = |entry: &&Entry| {
            !entry.data.contains_key("overrides")
                && setup.package_name(entry.package) == package
                && entry.name() == patch.name()
        };
        let mut warn = |span: Span, what: String| {
            let shown = format!("  - {what} (in {})", patch.original_file_path);
            let message = format!("this overrides what does not exist: {what}");
            let event = DbtEvent::new(("UnusedTables", "I056"), json!({"unused_tables": [shown]}));
            diagnostics
                .push(Diagnostic::warning(Code::PatchWithoutNode, message).at(&patch.file, span).with_event(event));
        };
        let full = format!("{package}.{}", patch.name());
        let Some(source) = entries.iter().find(is_meant) else {
            warn(patch.span_of("name"), format!("Source {full}"));
            continue;
        };
        let known = list_of(&source.data, "tables");
        let written = patch.yaml.get("tables").map(|tables| tables.items()).unwrap_or_default();
        for (table, yaml) in list_of(&patch.data, "tables").iter().zip(written) {
            let name = table.get("name");
            if !known.iter().any(|other| other.get("name") == name) {
                let span = yaml.get("name").map_or(yaml.span, |name| name.span);
                let name = name.and_then(text_of).unwrap_or_default();
                warn(span, format!("Source table {full}.{name}"));
            }
        }
    }
}

fn apply_override(source: &mut Map<String, Data>, table: &mut Map<String, Data>, patch: &Entry) {
    for (key, value) in &patch.data {
        if !matches!(key.as_str(), "name" | "overrides" | "tables") {
            source.insert(key.clone(), value.clone());
        }
    }
    let same_name = |other: &&Data| other.get("name") == table.get("name");
    if let Some(Data::Object(more)) = list_of(&patch.data, "tables").iter().find(same_name) {
        for (key, value) in more {
            table.insert(key.clone(), value.clone());
        }
    }
}

/// Makes the node of a source table.
pub(super) fn node(setup: &Setup<'_>, table: &SourceTable<'_>) -> Box<Node> {
    let entry = table.entry;
    let package = setup.package_name(entry.package);
    let (source, source_name, name) = (&table.source, table.source_name(), table.table_name());
    let fqn = setup.fqn(entry.package, &entry.path, &[source_name, name]);
    let patch = precedence(table);
    let empty = Map::new();
    let layered = layers::Layers { kind: ResourceType::Source, package, fqn: &fqn, patch: Some(&patch), call: &empty };
    let config = layers::merge(&setup.trees, &layered);
    let unrendered_config = layers::merge_written(&setup.trees, &layered);
    let text = |map: &Map<String, Data>, key: &str| map.get(key).and_then(text_of);
    let database = text(source, "database")
        .or_else(|| text(source, "catalog"))
        .unwrap_or_else(|| setup.project.target.database.clone());
    let schema = text(source, "schema").unwrap_or_else(|| source_name.to_owned());
    let identifier = text(&table.table, "identifier").unwrap_or_else(|| name.to_owned());
    let quoting = quoting(source, &table.table);
    let relation_name = setup.relation_name(&database, &schema, &identifier, Some(&quoting));
    let mut source_meta = map_of(source, "meta");
    source_meta.extend(map_of(&map_of(source, "config"), "meta"));
    let written = table.written();
    let def = SourceDef {
        source_name: source_name.to_owned(),
        source_description: text(source, "description").unwrap_or_default(),
        source_meta,
        loader: text(source, "loader").unwrap_or_default(),
        identifier: identifier.clone(),
        quoting,
        loaded_at_field: config.str("loaded_at_field").map(str::to_owned),
        loaded_at_query: config.str("loaded_at_query").map(str::to_owned),
        freshness: config.values.get("freshness").cloned().unwrap_or(Data::Null),
        external: table.table.get("external").map_or(Data::Null, external),
        extra: source
            .iter()
            .filter(|(key, _)| !SOURCE_KEYS.contains(&key.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        unrendered_database: entry.yaml.get("database").and_then(|value| text_of(&value.to_data())),
        unrendered_schema: entry.yaml.get("schema").and_then(|value| text_of(&value.to_data())),
    };
    let span = written.map_or(entry.yaml.span, |table| table.get("name").map_or(table.span, |name| name.span));
    let mut node =
        setup.blank_node(ResourceType::Source, entry.package, &format!("source.{package}.{source_name}.{name}"), name);
    node.unique_id = UniqueId::new(format!("source.{package}.{source_name}.{name}"));
    node.path.clone_from(&entry.original_file_path);
    node.original_file_path.clone_from(&entry.original_file_path);
    node.file = Arc::clone(&entry.file);
    node.span = span;
    node.fqn = fqn;
    node.database = Some(database);
    node.schema = schema;
    node.alias = identifier;
    node.relation_name = Some(relation_name);
    node.description = text(&table.table, "description").unwrap_or_default();
    node.columns =
        columns::read(&list_of(&table.table, "columns"), written.and_then(|table| table.get("columns")).as_slice());
    node.meta = config.get("meta").and_then(Data::as_object).cloned().unwrap_or_default();
    node.tags = config.tags().map(str::to_owned).collect();
    node.patch_path.clone_from(&table.patch_path);
    node.config = config;
    node.unrendered_config = unrendered_config;
    node.kind = NodeKind::Source(Box::new(def));
    if let Some(location) = jinja::external_location(&setup.project.target.adapter_type, &node) {
        node.relation_name = Some(location);
    }
    super::written::note_source(&mut node, table);
    node
}

/// The configuration that the source and the table give together, as dbt weighs them.
fn precedence(table: &SourceTable<'_>) -> Map<String, Data> {
    let (source_config, table_config) = (map_of(&table.source, "config"), map_of(&table.table, "config"));
    let mut config = source_config.clone();
    config.extend(table_config.clone());
    match merged_freshness(table) {
        Some(freshness) => config.insert("freshness".to_owned(), freshness),
        None => config.shift_remove("freshness"),
    };
    let (field, query) = loaded_at(table);
    config.insert("loaded_at_field".to_owned(), field);
    config.insert("loaded_at_query".to_owned(), query);
    let layers = [&table.source, &source_config, &table.table, &table_config];
    let mut meta = Map::new();
    let mut tags = std::collections::BTreeSet::new();
    for layer in layers {
        meta.extend(map_of(layer, "meta"));
        // Others are warned of where entries are checked.
        tags.extend(list_of(layer, "tags").iter().filter_map(Data::as_str).map(str::to_owned));
    }
    config.insert("meta".to_owned(), Data::Object(meta));
    config.insert("tags".to_owned(), json!(tags));
    config
}

fn loaded_at(table: &SourceTable<'_>) -> (Data, Data) {
    let find = |map: &Map<String, Data>, key: &str| {
        let own = map.get(key).filter(|value| !value.is_null() && *value != &json!(""));
        // As in dbt, a null under `config:` says nothing, where one in the table itself switches off.
        let in_config = || map.get("config").and_then(|config| config.get(key)).filter(|value| !value.is_null());
        own.or_else(in_config).cloned()
    };
    let says_field = table.table.contains_key("loaded_at_field") || find(&table.table, "loaded_at_field").is_some();
    let owner = if says_field { &table.table } else { &table.source };
    let field = find(owner, "loaded_at_field").unwrap_or(Data::Null);
    let query = match find(&table.table, "loaded_at_query") {
        Some(query) => query,
        None if says_field => Data::Null,
        None => find(&table.source, "loaded_at_query").unwrap_or(Data::Null),
    };
    (field, query)
}

/// The freshness that holds: `None` if nobody said anything, null if it was switched off.
fn merged_freshness(table: &SourceTable<'_>) -> Option<Data> {
    let layers = [
        table.source.get("freshness").cloned(),
        map_of(&table.source, "config").get("freshness").cloned(),
        table.table.get("freshness").cloned(),
        map_of(&table.table, "config").get("freshness").cloned(),
    ];
    let mut merged: Option<Data> = Some(json!({}));
    let mut is_said = false;
    for layer in layers {
        is_said |= layer.is_some();
        let layer = layer.unwrap_or_else(|| json!({}));
        merged = match (merged, layer) {
            (_, Data::Null) => None,
            (None, layer) => has_threshold(&layer).then_some(layer),
            (Some(base), layer) => Some(merge_thresholds(&base, &layer)),
        };
    }
    match merged {
        None => Some(Data::Null),
        Some(freshness) if has_threshold(&freshness) => Some(self::freshness(&freshness)),
        Some(_) if is_said => None,
        Some(_) => None,
    }
}

fn has_threshold(freshness: &Data) -> bool {
    ["warn_after", "error_after"].iter().any(|key| is_time(freshness.get(*key)))
}

fn is_time(time: Option<&Data>) -> bool {
    time.is_some_and(|time| ["count", "period"].iter().all(|key| time.get(*key).is_some_and(|value| !value.is_null())))
}

fn merge_thresholds(base: &Data, update: &Data) -> Data {
    let mut merged = base.as_object().cloned().unwrap_or_default();
    if let Some(filter) = update.get("filter").filter(|filter| !filter.is_null()) {
        merged.insert("filter".to_owned(), filter.clone());
    }
    for key in ["warn_after", "error_after"] {
        match update.get(key) {
            Some(Data::Null) => {
                merged.insert(key.to_owned(), Data::Null);
            }
            Some(Data::Object(time)) => {
                let mut whole = map_of(&merged, key);
                whole.extend(time.clone());
                merged.insert(key.to_owned(), Data::Object(whole));
            }
            _ => {}
        }
    }
    Data::Object(merged)
}

/// A freshness as published, with the keys that were not written.
pub(super) fn freshness(written: &Data) -> Data {
    let time = |key: &str| match written.get(key) {
        Some(Data::Null) => Data::Null,
        time => json!({
            "count": time.and_then(|time| time.get("count")).cloned().unwrap_or(Data::Null),
            "period": time.and_then(|time| time.get("period")).cloned().unwrap_or(Data::Null),
        }),
    };
    json!({
        "warn_after": time("warn_after"),
        "error_after": time("error_after"),
        "filter": written.get("filter").cloned().unwrap_or(Data::Null),
    })
}

fn quoting(source: &Map<String, Data>, table: &Map<String, Data>) -> Map<String, Data> {
    let (outer, inner) = (map_of(source, "quoting"), map_of(table, "quoting"));
    let pick = |key: &str| {
        let said = |map: &Map<String, Data>| map.get(key).filter(|value| !value.is_null()).cloned();
        said(&inner).or_else(|| said(&outer)).unwrap_or(Data::Null)
    };
    ["database", "schema", "identifier", "column"].into_iter().map(|key| (key.to_owned(), pick(key))).collect()
}

/// An external table as published, with the keys that were not written.
fn external(written: &Data) -> Data {
    let Data::Object(written) = written else { return Data::Null };
    let mut published = Map::new();
    for key in ["location", "file_format", "row_format", "tbl_properties", "partitions"] {
        published.insert(key.to_owned(), Data::Null);
    }
    published.extend(written.clone());
    Data::Object(published)
}
