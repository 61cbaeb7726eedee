//! `ref`, `source` and `function` while running: the relations of nodes that the graph knows as parents.

use minijinja::{Error, Value};

use super::Inner;
use crate::diagnostic::{Code, did_you_mean};
use crate::jinja::context::arguments::{read_names, read_ref, read_source};
use crate::jinja::context::base::Shared;
use crate::jinja::context::batch;
use crate::jinja::context::failure::{ContextError, fail, fail_with};
use crate::jinja::context::lookup::{in_packages, node_relation};
use crate::jinja::objects::relation::{EventTimeFilter, RelationValue};
use crate::manifest::{Node, NodeIndex, NodeKind, RefCall, ResourceType};
use crate::sql::{Relation, RelationKind};

pub(super) fn resolve_ref(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_ref(args)?;
    let runtime = inner.runtime();
    let manifest = &runtime.manifest;
    let order = runtime.project.search_order(&inner.package);
    let Some(ix) = runtime.lookup.find_ref(manifest, &call, order) else {
        let is_disabled = manifest
            .disabled
            .iter()
            .any(|node| node.name == call.name && call.package.as_ref().is_none_or(|package| node.package == *package));
        let near = did_you_mean(&call.name, runtime.lookup.refs.keys().map(String::as_str));
        return Err(not_found(inner, "node", &call, is_disabled, near.into_iter().collect()));
    };
    let target = manifest.node(ix);
    if let Some(node) = inner.node().filter(|_| inner.checks_parents)
        && !node.parents.contains(&ix)
        && inner.node != Some(ix)
    {
        return Err(not_inferred(node, &call));
    }
    if target.config.materialized() == "ephemeral" && target.resource_type == ResourceType::Model {
        return ephemeral_ref(inner, ix, target);
    }
    let mut relation = match deferred(inner, target)? {
        Some(relation) => elsewhere(&runtime.shared, relation),
        None => node_relation(&runtime.shared, target),
    };
    relation.limit = empty_limit(inner);
    relation.event_time = time_filter(inner, target);
    Ok(relation.into_value())
}

/// Where to read a node, if that is not its place here: it was built elsewhere, and is not here or not wanted from here.
fn deferred<'a>(inner: &'a Inner, target: &Node) -> Result<Option<&'a Relation>, Error> {
    let runtime = inner.runtime();
    let deferred = &runtime.deferred;
    let Some(relation) = deferred.relations.get(target.unique_id.as_str()).filter(|_| deferred.is_read) else {
        return Ok(None);
    };
    let is_selected = || runtime.selected.iter().any(|id| id == target.unique_id.as_str());
    if deferred.is_favored && !is_selected() {
        return Ok(Some(relation));
    }
    let own = node_relation(&runtime.shared, target).relation;
    Ok((!inner.live.has_relation(&own)?).then_some(relation))
}

/// Where to call a function, if that is not its place here. Whether one exists cannot be told from the relations of a
/// schema, so those that this run does not build are called where the earlier run built them.
fn deferred_function<'a>(inner: &'a Inner, function: &Node) -> Option<&'a Relation> {
    let (runtime, id) = (inner.runtime(), function.unique_id.as_str());
    let found = runtime.deferred.relations.get(id).filter(|_| runtime.deferred.is_read);
    found.filter(|_| !runtime.selected.iter().any(|selected| selected == id))
}

/// A relation of an earlier run, written as this project writes relations.
pub(super) fn elsewhere(shared: &Shared, relation: &Relation) -> RelationValue {
    RelationValue::new(Relation { quoting: shared.quoting, ..relation.clone() }, shared.dialect)
}

pub(super) fn resolve_source(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let key = read_source(args)?;
    let runtime = inner.runtime();
    let manifest = &runtime.manifest;
    let found = runtime.lookup.sources.get(&key).map(Vec::as_slice).unwrap_or_default();
    let Some(ix) = in_packages(manifest, found, runtime.project.search_order(&inner.package)) else {
        let full = format!("{}.{}", key.0, key.1);
        let is_disabled = manifest.disabled.iter().any(|node| match &node.kind {
            NodeKind::Source(source) => source.source_name == key.0 && node.name == key.1,
            _ => false,
        });
        let known: Vec<String> =
            runtime.lookup.sources.keys().map(|(source, table)| format!("{source}.{table}")).collect();
        let near = did_you_mean(&full, known.iter().map(String::as_str));
        let call = RefCall { package: None, name: full, version: None, span: None };
        return Err(not_found(inner, "source", &call, is_disabled, near.into_iter().collect()));
    };
    let target = manifest.node(ix);
    // In a unit test's manifest a source is a fixture.
    if target.config.materialized() == "ephemeral" {
        return ephemeral_ref(inner, ix, target);
    }
    let mut relation = node_relation(&runtime.shared, target);
    relation.limit = empty_limit(inner);
    relation.event_time = time_filter(inner, target);
    Ok(relation.into_value())
}

pub(super) fn resolve_function(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let mut names = read_names("function", args)?;
    let name = names.pop().unwrap_or_default();
    let package = names.pop();
    let runtime = inner.runtime();
    let found = runtime.lookup.functions.get(&name).map(Vec::as_slice).unwrap_or_default();
    let packages = match package.as_deref() {
        Some(package) => [package, package],
        None => runtime.project.search_order(&inner.package),
    };
    let Some(ix) = in_packages(&runtime.manifest, found, packages) else {
        let call = RefCall { package, name, version: None, span: None };
        return Err(not_found(inner, "function", &call, false, Vec::new()));
    };
    let function = runtime.manifest.node(ix);
    let mut relation = match deferred_function(inner, function) {
        Some(relation) => elsewhere(&runtime.shared, relation),
        None => node_relation(&runtime.shared, function),
    };
    relation.relation.kind = Some(RelationKind::Function);
    Ok(relation.into_value())
}

pub(super) fn ephemeral_ref(inner: &Inner, ix: NodeIndex, target: &Node) -> Result<Value, Error> {
    let is_operation = match inner.node() {
        Some(node) => node.resource_type == ResourceType::Operation,
        None => inner.own.contains_key("connection_name"),
    };
    if is_operation {
        let message = format!("Operations can not ref() ephemeral nodes, but {} is ephemeral", target.name);
        return Err(fail(Code::UnknownRef, message));
    }
    let mut memory = inner.memory();
    if !memory.ephemerals.contains(&ix) {
        memory.ephemerals.push(ix);
    }
    drop(memory);
    let mut relation = RelationValue::ephemeral(&target.alias, inner.runtime().shared.dialect);
    relation.limit = empty_limit(inner);
    relation.event_time = time_filter(inner, target);
    Ok(relation.into_value())
}

/// `--empty` cuts every input down to no rows.
fn empty_limit(inner: &Inner) -> Option<u64> {
    inner.runtime().project.settings.empty.then_some(0)
}

/// What of an input is read: a batch's part of it, with `--sample` no more than the sample.
fn time_filter(inner: &Inner, target: &Node) -> Option<EventTimeFilter> {
    let node = inner.node()?;
    let sample = inner.runtime().project.settings.windows.sample;
    batch::time_filter(node, target, inner.extras.batch.as_ref(), sample)
}

fn not_found(inner: &Inner, kind: &str, call: &RefCall, is_disabled: bool, near: Vec<String>) -> Error {
    let version = call.version.as_ref().map(|version| {
        let version = version.as_str().map_or_else(|| version.to_string(), str::to_string);
        format!("with version '{version}' ")
    });
    let package = call.package.as_ref().map(|package| format!("in package or project '{package}' "));
    let reason = if is_disabled { "is disabled" } else { "was not found" };
    let message = format!(
        "{} depends on a {kind} named '{}' {}{}which {reason}",
        dependent(inner),
        call.name,
        version.unwrap_or_default(),
        package.unwrap_or_default()
    );
    let code = match (is_disabled, kind) {
        (true, _) => Code::DisabledRef,
        (false, "source") => Code::UnknownSource,
        (false, _) => Code::UnknownRef,
    };
    let is_unit_test = inner.node().is_some_and(|node| node.resource_type == ResourceType::UnitTest);
    let hints = if is_unit_test { vec![input_hint(kind, call)] } else { near };
    fail_with(ContextError { code, message, hints })
}

/// What a unit test lacks that gives no rows for something its model reads.
fn input_hint(kind: &str, call: &RefCall) -> String {
    let quoted: Vec<String> = match kind {
        "source" => call.name.splitn(2, '.').map(|name| format!("'{name}'")).collect(),
        _ => call.package.iter().chain([&call.name]).map(|name| format!("'{name}'")).collect(),
    };
    let version = call.version.as_ref().map(|version| format!(", v={version}")).unwrap_or_default();
    let function = if kind == "source" { "source" } else { "ref" };
    format!("give the test rows of it: `- input: {function}({}{version})` under `given`", quoted.join(", "))
}

/// Who depends on something, in dbt's words.
fn dependent(inner: &Inner) -> String {
    match inner.node() {
        Some(node) => format!("{} '{}' ({})", title(node.resource_type), node.unique_id, node.original_file_path),
        None => "Operation".to_string(),
    }
}

fn title(resource_type: ResourceType) -> String {
    let word = resource_type.as_str();
    let mut out = String::new();
    let mut is_start = true;
    for ch in word.chars() {
        if is_start {
            out.extend(ch.to_uppercase())
        } else {
            out.push(ch)
        }
        is_start = !ch.is_alphabetic();
    }
    out
}

fn not_inferred(node: &Node, call: &RefCall) -> Error {
    let names = call.package.iter().chain([&call.name]).map(|name| format!("'{name}'")).collect::<Vec<_>>();
    let version = call.version.as_ref().map(|version| {
        let version = version.as_str().map_or_else(|| version.to_string(), str::to_string);
        format!(",version='{version}'")
    });
    let hint = format!("-- depends_on: {{{{ ref({}{}) }}}}", names.join(", "), version.unwrap_or_default());
    let name = &node.name;
    fail_with(ContextError {
        code: Code::RefNotInferred,
        message: format!(
            "dbt was unable to infer all dependencies for the model \"{name}\".\nThis typically happens when ref() is \
             placed within a conditional block.\n\nTo fix this, add the following hint to the top of the model \
             \"{name}\":\n\n{hint}"
        ),
        hints: vec![format!("add `{hint}` at the top of the model")],
    })
}
