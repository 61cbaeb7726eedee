//! Groups, exposures and docs blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::nodes::{RefOrSource, parse_ref_or_source};
use super::properties::{Entry, list_of, map_of, texts};
use super::{Setup, layers, render};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, Span, did_you_mean};
use crate::jinja::{self, BlockKind};
use crate::manifest::{Doc, Exposure, Group, Node, NodeKind, Owner, ResourceType, UniqueId};
use crate::project::{FileKind, ProjectFiles};

/// Reads all docs blocks.
pub(super) fn docs(setup: &Setup<'_>, files: &ProjectFiles, diagnostics: &mut Diagnostics) -> BTreeMap<UniqueId, Doc> {
    let mut docs = BTreeMap::new();
    let mut places: BTreeMap<UniqueId, Label> = BTreeMap::new();
    for file in files.files.iter().filter(|file| file.kind == FileKind::Docs) {
        let blocks = match jinja::scan(file.file.text(), &[BlockKind::Docs]) {
            Ok(scanned) => scanned.blocks,
            Err(error) => {
                diagnostics.push(render::block_error(&file.file, &error));
                continue;
            }
        };
        let package = setup.package_name(file.package);
        for block in blocks {
            let id = UniqueId::new(format!("doc.{package}.{}", block.name));
            let place = Label::new(&file.file, Span::new(block.span.start, block.span.end));
            if let Some(other) = places.insert(id.clone(), place) {
                let message = format!(
                    "dbt found two docs with the name \"{0}\". Since these resources have the same name, dbt will be \
                     unable to find the correct resource when looking for doc(\"{0}\")",
                    block.name
                );
                let span = Span::new(block.span.start, block.span.end);
                let error = Diagnostic::error(Code::DuplicateName, message).at(&file.file, span);
                diagnostics.push(error.related(other.with_text("the other one")).hint("rename one of the two"));
                continue;
            }
            let doc = Doc {
                name: block.name.clone(),
                package: package.to_owned(),
                path: file.path.clone(),
                original_file_path: file.original_file_path.clone(),
                contents: file.file.text()[block.body.clone()].trim().to_owned(),
            };
            docs.insert(id, doc);
        }
    }
    docs.entry(UniqueId::new("doc.dbt.__overview__")).or_insert_with(|| Doc {
        name: "__overview__".to_owned(),
        package: "dbt".to_owned(),
        path: "overview.md".to_owned(),
        original_file_path: "docs/overview.md".to_owned(),
        contents: OVERVIEW.to_owned(),
    });
    docs
}

const OVERVIEW: &str = "### Welcome\n\nThis is the documentation of your project. \
Write a docs block named `__overview__` to put your own text here.";

/// Reads all groups.
pub(super) fn groups(setup: &Setup<'_>, entries: &[Entry], diagnostics: &mut Diagnostics) -> BTreeMap<UniqueId, Group> {
    let mut groups = BTreeMap::new();
    let mut places: BTreeMap<(usize, &str), &Entry> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.list == "groups") {
        let package = setup.package_name(entry.package);
        if let Some(other) = places.insert((entry.package, entry.name()), entry) {
            let message = format!("dbt found two groups with the name \"{}\"", entry.name());
            let other = Label::new(&other.file, other.span_of("name")).with_text("the other one");
            let error = entry.error("name", Code::DuplicateName, message).related(other);
            diagnostics.push(error.hint("rename one of the two"));
            continue;
        }
        let owner = map_of(&entry.data, "owner");
        if !owner.contains_key("name") && !owner.contains_key("email") {
            let message = format!("group `{}` has no owner: `owner` needs a `name` or an `email`", entry.name());
            diagnostics.push(entry.error("owner", Code::PropertyInvalid, message).hint("add `owner: {name: …}`"));
            continue;
        }
        let fqn = setup.fqn(entry.package, &entry.path, &[entry.name()]);
        let config = layers::merge_group(&setup.trees, package, &fqn, &entry.config());
        let group = Group {
            name: entry.name().to_owned(),
            package: package.to_owned(),
            owner: Owner { fields: owner_fields(owner) },
            description: entry.text("description"),
            config,
            original_file_path: entry.original_file_path.clone(),
            path: entry.path.clone(),
        };
        groups.insert(UniqueId::new(format!("group.{package}.{}", entry.name())), group);
    }
    groups
}

fn owner_fields(mut owner: Map<String, Data>) -> Map<String, Data> {
    let mut fields = Map::new();
    for key in ["email", "name"] {
        fields.insert(key.to_owned(), owner.shift_remove(key).unwrap_or(Data::Null));
    }
    fields.extend(owner);
    fields
}

/// Reports nodes whose group does not exist.
pub(super) fn check_groups(nodes: &[Box<Node>], groups: &BTreeMap<UniqueId, Group>, diagnostics: &mut Diagnostics) {
    let mut names: Vec<&str> = groups.values().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    for node in nodes {
        let Some(group) = node.group.as_deref().filter(|group| !names.contains(group)) else { continue };
        let shown: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        let message = format!("Invalid group '{group}', expected one of [{}]", shown.join(", "));
        let mut error = Diagnostic::error(Code::PropertyInvalid, message).at(&node.file, node.span);
        if !node.config_call.contains_key("group") {
            error.at = node.declared.clone().or(error.at);
        }
        diagnostics.push(error.maybe_hint(did_you_mean(group, names.iter().copied())));
    }
}

/// Makes the node of an exposure.
///
/// # Errors
/// When a required key is missing or `depends_on` holds something else than refs, sources and metrics.
pub(super) fn exposure(setup: &Setup<'_>, entry: &Entry) -> Result<Box<Node>, Box<Diagnostic>> {
    let package = setup.package_name(entry.package).to_owned();
    let fqn = setup.fqn(entry.package, &entry.path, &[entry.name()]);
    let owner = map_of(&entry.data, "owner");
    if !owner.contains_key("name") && !owner.contains_key("email") {
        let message = format!("exposure `{}` has no owner: `owner` needs a `name` or an `email`", entry.name());
        return Err(Box::new(entry.error("owner", Code::PropertyInvalid, message)));
    }
    let exposure_type = required(entry, "type", &["dashboard", "notebook", "analysis", "ml", "application"])?;
    if entry.data.get("maturity").is_some_and(|value| !value.is_null()) {
        required(entry, "maturity", &["low", "medium", "high"])?;
    }
    let (patch, empty) = (entry.config(), Map::new());
    let layered = layers::Layers {
        kind: ResourceType::Exposure,
        package: &package,
        fqn: &fqn,
        patch: Some(&patch),
        call: &empty,
    };
    let mut config = layers::merge(&setup.trees, &layered);
    let mut tags: std::collections::BTreeSet<String> = texts(&list_of(&config.values, "tags")).into_iter().collect();
    tags.extend(texts(&list_of(&entry.data, "tags")));
    // What all exposures of the package have is joined with their own, unlike what is said with `+` or of a folder.
    let of_all = |key: &str| setup.trees.at_top(&package, ResourceType::Exposure, key);
    tags.extend(texts(of_all("tags").and_then(Data::as_array).map_or(&[], Vec::as_slice)));
    let mut meta = of_all("meta").and_then(Data::as_object).cloned().unwrap_or_default();
    meta.extend(map_of(&entry.data, "meta"));
    meta.extend(map_of(&config.values, "meta"));
    config.set("tags", json!(tags));
    config.set("meta", Data::Object(meta.clone()));
    let id = format!("exposure.{package}.{}", entry.name());
    let mut node = setup.blank_node(ResourceType::Exposure, entry.package, &id, entry.name());
    node.unrendered_config = layers::merge_written(&setup.trees, &layered);
    node.config = config;
    node.path.clone_from(&entry.path);
    node.original_file_path.clone_from(&entry.original_file_path);
    node.file = Arc::clone(&entry.file);
    node.span = entry.span_of("name");
    node.fqn = fqn;
    node.description = entry.text("description").unwrap_or_default();
    node.meta = meta;
    node.tags = tags.into_iter().collect();
    depends_on(&mut node, entry)?;
    super::written::note_entry(&mut node, entry, None, &patch);
    node.kind = NodeKind::Exposure(Box::new(Exposure {
        exposure_type,
        owner: Owner { fields: owner_fields(owner) },
        label: entry.text("label"),
        maturity: entry.text("maturity"),
        url: entry.text("url"),
    }));
    Ok(node)
}

fn required(entry: &Entry, key: &str, allowed: &[&str]) -> Result<String, Box<Diagnostic>> {
    let value = entry.text(key).map(|value| value.to_lowercase()).unwrap_or_default();
    if allowed.contains(&value.as_str()) {
        return Ok(value);
    }
    let message = format!("`{key}` of exposure `{}` must be one of {}", entry.name(), allowed.join(", "));
    Err(Box::new(entry.error(key, Code::PropertyInvalid, message)))
}

fn depends_on(node: &mut Node, entry: &Entry) -> Result<(), Box<Diagnostic>> {
    let written = entry.yaml.get("depends_on");
    for (ix, call) in texts(&list_of(&entry.data, "depends_on")).iter().enumerate() {
        let span = written.and_then(|list| list.items().get(ix)).map(|item| item.span);
        match parse_ref_or_source(call) {
            Some(RefOrSource::Ref(mut call)) => {
                call.span = span;
                node.refs.push(call);
            }
            Some(RefOrSource::Source(source, table)) => node.source_calls.push((source, table)),
            None => match metric_call(call) {
                Some(names) => node.metric_calls.push(names),
                None => {
                    let message = format!("`{call}` is not a ref, a source or a metric");
                    let span = span.unwrap_or_else(|| entry.span_of("depends_on"));
                    let error = Diagnostic::error(Code::PropertyInvalid, message).at(&entry.file, span);
                    return Err(Box::new(error.hint("write `ref('orders')`")));
                }
            },
        }
    }
    Ok(())
}

fn metric_call(text: &str) -> Option<Vec<String>> {
    let arguments = text.trim().strip_prefix("metric(")?.strip_suffix(')')?;
    Some(arguments.split(',').map(|part| part.trim().trim_matches(['\'', '"']).to_owned()).collect())
}
