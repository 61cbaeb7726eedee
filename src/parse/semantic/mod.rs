//! The semantic layer: metrics, semantic models and saved queries become nodes.

mod link;
mod rules;
mod shape;

pub(super) use link::link;

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use self::shape::Complaint;
use super::nodes::{RefOrSource, parse_ref_or_source};
use super::properties::{Entry, list_of, map_of, text_of, texts};
use super::{Setup, layers, parallel, render};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::jinja::NameKind;
use crate::manifest::{Node, NodeKind, Nodes, ResourceType};
use crate::project::yaml::Yaml;

type Tree = Map<String, Data>;

/// Makes the nodes of all metrics, semantic models and saved queries, also of the metrics that measures ask for.
pub(super) fn nodes(setup: &Setup<'_>, entries: &[Entry], diagnostics: &mut Diagnostics) -> Nodes {
    let is_ours = |entry: &&Entry| matches!(entry.list, "metrics" | "semantic_models" | "saved_queries");
    let entries: Vec<&Entry> = entries.iter().filter(is_ours).collect();
    let made = parallel(&entries, diagnostics, |_, entry| match entry.list {
        "metrics" => Ok(vec![metric(setup, entry, &entry.data)?]),
        "semantic_models" => semantic_model(setup, entry),
        _ => Ok(vec![saved_query(setup, entry)?]),
    });
    made.into_iter().flatten().collect()
}

/// Reports a complaint where the value stands.
fn at_value(entry: &Entry, complaint: Complaint) -> Box<Diagnostic> {
    let kind = entry.list.trim_end_matches('s').replace("saved_querie", "saved_query").replace('_', " ");
    let (last, parents) = complaint.path.split_last().map_or(("", &[][..]), |(last, parents)| (last.as_str(), parents));
    let place = if parents.is_empty() { String::new() } else { format!(" in `{}`", parents.join(".")) };
    let what = if complaint.message.contains('`') { String::new() } else { format!("`{last}`: ") };
    let message = format!("{kind} `{}` is not valid{place}: {what}{}", entry.name(), complaint.message);
    let span = span_at(&entry.yaml, &complaint.path);
    Box::new(Diagnostic::error(Code::PropertyInvalid, message).at(&entry.file, span).maybe_hint(complaint.hint))
}

/// The place of the innermost value on a path that exists.
fn span_at(yaml: &Yaml, path: &[String]) -> Span {
    let Some((first, rest)) = path.split_first() else { return yaml.span };
    if let Some(entry) = yaml.entry(first) {
        return if rest.is_empty() && entry.value.is_null() { entry.key_span } else { span_at(&entry.value, rest) };
    }
    let item = first.parse::<usize>().ok().and_then(|ix| yaml.items().get(ix));
    item.map_or(yaml.span, |item| span_at(item, rest))
}

/// Makes a node with its configuration and, as its own map, what the written entry says.
fn document(setup: &Setup<'_>, entry: &Entry, kind: ResourceType, mut own: Tree) -> Box<Node> {
    let package = setup.package_name(entry.package).to_owned();
    let name = own.shift_remove("name").and_then(|name| text_of(&name)).unwrap_or_default();
    let fqn = setup.fqn(entry.package, &entry.path, &[&name]);
    let (patch, empty) = (map_of(&own, "config"), Map::new());
    own.shift_remove("config");
    let layered = layers::Layers { kind, package: &package, fqn: &fqn, patch: Some(&patch), call: &empty };
    let mut node = setup.blank_node(kind, entry.package, &format!("{kind}.{package}.{name}"), &name);
    node.config = layers::merge(&setup.trees, &layered);
    node.unrendered_config = layers::merge_written(&setup.trees, &layered);
    crate::parse::written::note_entry(&mut node, entry, None, &patch);
    node.path.clone_from(&entry.path);
    node.original_file_path.clone_from(&entry.original_file_path);
    node.file = Arc::clone(&entry.file);
    node.span = entry.span_of("name");
    node.fqn = fqn;
    node.group = node.config.str("group").map(str::to_owned);
    if let Some(Data::String(text)) = own.get("description") {
        node.description.clone_from(text);
        own.shift_remove("description");
    }
    node.kind = NodeKind::Document(own);
    node
}

/// The map that a node of the semantic layer publishes beyond what all nodes have.
fn own(node: &Node) -> Option<&Tree> {
    match &node.kind {
        NodeKind::Document(own) => Some(own),
        _ => None,
    }
}

fn own_mut(node: &mut Node) -> Option<&mut Tree> {
    match &mut node.kind {
        NodeKind::Document(own) => Some(own),
        _ => None,
    }
}

fn metric(setup: &Setup<'_>, entry: &Entry, written: &Tree) -> Result<Box<Node>, Box<Diagnostic>> {
    let fail = |complaint: Complaint| at_value(entry, complaint);
    let mut published = shape::publish(shape::METRIC, written).map_err(fail)?;
    check_metric_name(&text_of(&published["name"]).unwrap_or_default())
        .map_err(|message| fail(Complaint::new(message).under("name")))?;
    settle_cumulative(&mut published);
    let (meta, tags) = (map_of(&published, "meta"), texts(&list_of(&published, "tags")));
    published.shift_remove("meta");
    published.shift_remove("tags");
    let mut node = document(setup, entry, ResourceType::Metric, published);
    node.meta = Some(map_of(&node.config.values, "meta")).filter(|meta| !meta.is_empty()).unwrap_or(meta);
    node.tags = tags;
    Ok(node)
}

fn check_metric_name(name: &str) -> Result<(), String> {
    let mut problems = Vec::new();
    if name.contains(' ') {
        problems.push("cannot contain spaces");
    }
    if name.chars().count() > 250 {
        problems.push("cannot contain more than 250 characters");
    }
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        problems.push("must begin with a letter");
    }
    if name.is_empty() || !name.chars().all(|one| one.is_alphanumeric() || one == '_') {
        problems.push("must contain only letters, numbers and underscores");
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("The metric name '{name}' is invalid.  It {}", problems.join(", ")))
}

/// Cumulative metrics have their window and grain in `cumulative_type_params`, also when written beside it;
/// other metrics have none.
fn settle_cumulative(published: &mut Tree) {
    let is_cumulative = published.get("type").and_then(Data::as_str) == Some("cumulative");
    let Some(Data::Object(params)) = published.get_mut("type_params") else { return };
    if !is_cumulative {
        params.insert("cumulative_type_params".to_owned(), Data::Null);
        return;
    }
    let mut cumulative = match params.get("cumulative_type_params") {
        Some(Data::Object(map)) => map.clone(),
        _ => match json!({"window": null, "grain_to_date": null, "period_agg": "first", "metric": null}) {
            Data::Object(map) => map,
            _ => Map::new(),
        },
    };
    for key in ["window", "grain_to_date"] {
        if cumulative.get(key).is_none_or(Data::is_null) {
            cumulative.insert(key.to_owned(), params.get(key).cloned().unwrap_or(Data::Null));
        }
    }
    params.insert("cumulative_type_params".to_owned(), Data::Object(cumulative));
}

/// Makes a semantic model and the metrics of those measures that ask for one.
fn semantic_model(setup: &Setup<'_>, entry: &Entry) -> Result<Nodes, Box<Diagnostic>> {
    let fail = |complaint: Complaint| at_value(entry, complaint);
    let mut published = shape::publish(shape::SEMANTIC_MODEL, &entry.data).map_err(fail)?;
    let measures = list_of(&published, "measures");
    for measure in published.get_mut("measures").and_then(Data::as_array_mut).into_iter().flatten() {
        measure["create_metric"] = json!(false);
    }
    let model = text_of(&published["model"]).unwrap_or_default();
    let Some(RefOrSource::Ref(mut call)) = parse_ref_or_source(&model) else {
        let mut complaint = Complaint::new(format!("`{model}` is not a ref")).under("model");
        complaint.hint = Some("write `model: ref('orders')`".to_owned());
        return Err(fail(complaint));
    };
    call.span = Some(entry.span_of("model"));
    let mut node = document(setup, entry, ResourceType::SemanticModel, published);
    node.refs.push(call);
    let meta = map_of(&node.config.values, "meta");
    if let Some(own) = own_mut(&mut node) {
        inherit_meta(own, &meta);
    }
    let is_enabled = node.config.is_enabled();
    let mut nodes = vec![node];
    for (ix, measure) in measures.iter().enumerate().filter(|(_, measure)| measure["create_metric"] == json!(true)) {
        let mut metric = metric(setup, entry, &metric_of(measure, is_enabled, &meta))?;
        let path = ["measures".to_owned(), ix.to_string(), "name".to_owned()];
        metric.span = span_at(&entry.yaml, &path);
        nodes.push(metric);
    }
    Ok(nodes)
}

/// Dimensions, entities and measures have the `meta` of their model, and their own on top.
fn inherit_meta(own: &mut Tree, meta: &Tree) {
    for key in ["dimensions", "entities", "measures"] {
        for element in own.get_mut(key).and_then(Data::as_array_mut).into_iter().flatten() {
            let mut joined = meta.clone();
            joined.extend(element["config"]["meta"].as_object().cloned().unwrap_or_default());
            element["config"]["meta"] = Data::Object(joined);
        }
    }
}

/// The metric of a measure with `create_metric: true`, as if it was written out.
fn metric_of(measure: &Data, is_enabled: bool, meta: &Tree) -> Tree {
    let name = &measure["name"];
    let or_else = |key: &str, default: Data| match &measure[key] {
        Data::Null => default,
        Data::String(text) if text.is_empty() => default,
        value => value.clone(),
    };
    let described = format!("Metric created from measure {}", text_of(name).unwrap_or_default());
    let written = json!({
        "name": name,
        "label": or_else("label", name.clone()),
        "type": "simple",
        "type_params": {"measure": name, "expr": or_else("expr", name.clone())},
        "description": or_else("description", json!(described)),
        "config": {"enabled": is_enabled, "meta": meta},
    });
    match written {
        Data::Object(map) => map,
        _ => Map::new(),
    }
}

fn saved_query(setup: &Setup<'_>, entry: &Entry) -> Result<Box<Node>, Box<Diagnostic>> {
    let fail = |complaint: Complaint| at_value(entry, complaint);
    let mut published = shape::publish(shape::SAVED_QUERY, &entry.data).map_err(fail)?;
    let exports = list_of(&published, "exports");
    let mut tags = texts(&list_of(&published, "tags"));
    published.shift_remove("tags");
    let metrics = texts(&list_of(&map_of(&published, "query_params"), "metrics"));
    let mut node = document(setup, entry, ResourceType::SavedQuery, published);
    tags.extend(texts(&list_of(&node.config.values, "tags")));
    tags.sort();
    tags.dedup();
    node.tags = tags;
    node.metric_calls = metrics.into_iter().map(|metric| vec![metric]).collect();
    let mut shown = Vec::new();
    for (ix, export) in exports.iter().enumerate() {
        let under = |complaint: Complaint| fail(complaint.under("config").under(ix.to_string()).under("exports"));
        shown.push(export_of(setup, &node, export, under)?);
    }
    if let Some(own) = own_mut(&mut node) {
        own.insert("exports".to_owned(), Data::Array(shown));
    }
    Ok(node)
}

/// An export with the relation that it writes.
fn export_of(
    setup: &Setup<'_>,
    query: &Node,
    export: &Data,
    fail: impl Fn(Complaint) -> Box<Diagnostic>,
) -> Result<Data, Box<Diagnostic>> {
    let own = export["config"].as_object().cloned().unwrap_or_default();
    let mut joined = Map::clone(&query.config.values);
    joined.extend(own.clone());
    let mut config = Map::new();
    for key in ["export_as", "schema_name", "alias", "database"] {
        config.insert(key.to_owned(), joined.get(key).cloned().unwrap_or(Data::Null));
    }
    if config["schema_name"].is_null() {
        config.insert("schema_name".to_owned(), joined.get("schema").cloned().unwrap_or(Data::Null));
    }
    let mut config = shape::publish(shape::EXPORT_CONFIG, &config).map_err(fail)?;
    let mut node = query.clone();
    node.name = export["name"].as_str().unwrap_or_default().to_owned();
    node.alias.clone_from(&node.name);
    let custom = |config: &Tree, key: &str| config.get(key).and_then(text_of).filter(|name| !name.is_empty());
    let database = render::name(setup, NameKind::Database, custom(&config, "database").as_deref(), &node)?;
    config.insert("database".to_owned(), json!(database));
    if custom(&config, "schema_name").is_none() {
        config.insert("schema_name".to_owned(), json!(render::name(setup, NameKind::Schema, None, &node)?));
    }
    if custom(&config, "alias").is_none() {
        config.insert("alias".to_owned(), json!(render::name(setup, NameKind::Alias, None, &node)?));
    }
    Ok(json!({"name": node.name, "config": config, "unrendered_config": own}))
}
