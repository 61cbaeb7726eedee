//! Described columns: of models, seeds, snapshots and source tables.

use indexmap::IndexMap;
use serde_json::{Map, Value as Data, json};

use super::properties::{list_of, map_of, text_of, texts};
use crate::diagnostic::Span;
use crate::manifest::Column;
use crate::project::yaml::Yaml;

/// The keys of a column that have a place of their own.
const KNOWN: &[&str] = &[
    "name",
    "description",
    "meta",
    "data_type",
    "constraints",
    "docs",
    "config",
    "data_tests",
    "tests",
    "quote",
    "tags",
    "granularity",
];

/// Reads the columns of a list. `written` are the lists in which they stand in the file.
pub(super) fn read(columns: &[Data], written: &[&Yaml]) -> IndexMap<String, Column> {
    let mut read = IndexMap::new();
    for column in columns {
        let Data::Object(column) = column else { continue };
        let name = column.get("name").and_then(text_of);
        let is_it = |item: &&Yaml| item.get("name").and_then(|name| text_of(&name.to_data())) == name;
        let span = written.iter().flat_map(|list| list.items()).find(is_it).map_or(Span::default(), |item| item.span);
        if let Some(column) = read_column(column, span) {
            read.insert(column.name.clone(), column);
        }
    }
    read
}

fn read_column(data: &Map<String, Data>, span: Span) -> Option<Column> {
    let name = data.get("name").and_then(text_of)?;
    let config = map_of(data, "config");
    let mut meta = map_of(data, "meta");
    meta.extend(map_of(&config, "meta"));
    let tags = tags(data);
    let mut extra: Map<String, Data> = data
        .iter()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(granularity) = data.get("granularity") {
        extra.insert("granularity".to_owned(), granularity.clone());
    }
    Some(Column {
        name,
        description: data.get("description").and_then(text_of).unwrap_or_default(),
        data_type: data.get("data_type").and_then(text_of),
        constraints: list_of(data, "constraints").iter().map(constraint).collect(),
        quote: data.get("quote").and_then(Data::as_bool),
        config: Map::from_iter([("meta".to_owned(), Data::Object(meta.clone())), ("tags".to_owned(), json!(tags))]),
        meta,
        tags,
        extra,
        doc_blocks: Vec::new(),
        span,
    })
}

/// The tags of a column, those of its `config:` included, each once.
pub(super) fn tags(column: &Map<String, Data>) -> Vec<String> {
    let mut tags = texts(&list_of(column, "tags"));
    for tag in texts(&list_of(&map_of(column, "config"), "tags")) {
        tags.push(tag);
    }
    let mut seen = std::collections::BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

/// A constraint as published, with the keys that were not written.
pub(super) fn constraint(written: &Data) -> Data {
    let get = |key: &str, default: Data| written.get(key).filter(|value| !value.is_null()).cloned().unwrap_or(default);
    json!({
        "type": get("type", Data::Null),
        "name": get("name", Data::Null),
        "expression": get("expression", Data::Null),
        "warn_unenforced": get("warn_unenforced", json!(true)),
        "warn_unsupported": get("warn_unsupported", json!(true)),
        "to": get("to", Data::Null),
        "to_columns": get("to_columns", json!([])),
    })
}

/// A constraint on a whole model, as published.
pub(super) fn model_constraint(written: &Data) -> Data {
    let mut constraint = constraint(written);
    if let Data::Object(map) = &mut constraint {
        map.insert("columns".to_owned(), written.get("columns").cloned().unwrap_or_else(|| json!([])));
    }
    constraint
}
