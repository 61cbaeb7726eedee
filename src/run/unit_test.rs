//! Unit tests: a model's query over fixtures instead of its parents.
//!
//! As in dbt, each test gets a small manifest of its own. In it the model's text is a node, and every input is an
//! ephemeral model that selects the fixture's rows; so compiling works as for any other node.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use crate::jinja::{BlockKind, Deferred, MacroDef, MacroRegistry, Runtime, RuntimeParts, SourceRef, scan};
use crate::manifest::{Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, UniqueId, UnitTestDef};
use crate::project::Project;

/// Makes the runtime in which a unit test is compiled and run, and the test's node in it.
///
/// # Errors
/// When an input names nothing that exists.
pub(super) fn runtime_for(
    runtime: &Arc<Runtime>,
    ix: NodeIndex,
    def: &UnitTestDef,
) -> Result<(Arc<Runtime>, NodeIndex), Box<Diagnostic>> {
    let (manifest, node, originals) = small_manifest(&runtime.manifest, ix, def)?;
    let overrides = def.overrides.clone().unwrap_or_default();
    let part = |key: &str| overrides.get(key).and_then(Data::as_object).cloned().unwrap_or_default();
    let (macros, vars, env) = (part("macros"), part("vars"), part("env_vars"));
    let test = runtime.manifest.node(ix);
    let registry = runtime.env.registry();
    let deferred = deferred_inputs(runtime, &manifest, &originals);
    let parts = RuntimeParts {
        project: with_values(&runtime.project, &vars, &env),
        manifest: Arc::new(manifest),
        registry: with_macros(registry, &test.package, &macros),
        adapter: Arc::clone(&runtime.adapter),
        listener: Arc::clone(&runtime.listener),
        selected: runtime.selected.clone(),
        deferred,
    };
    Ok((Runtime::new(parts), node))
}

/// Where the inputs were built elsewhere, under the identifiers that they have in the test.
fn deferred_inputs(runtime: &Runtime, small: &Manifest, originals: &[NodeIndex]) -> Arc<Deferred> {
    let mut deferred = Deferred { relations: HashMap::new(), ..*runtime.deferred };
    for (input, original) in small.nodes.iter().zip(originals) {
        let original = runtime.manifest.node(*original).unique_id.as_str();
        let relation = runtime.deferred.relations.get(original);
        deferred.relations.extend(relation.map(|relation| (input.unique_id.to_string(), relation.clone())));
    }
    Arc::new(deferred)
}

fn with_values(project: &Arc<Project>, vars: &Map<String, Data>, env: &Map<String, Data>) -> Arc<Project> {
    // Fixtures are not cut down by `--empty`: they are no real data.
    if vars.is_empty() && env.is_empty() && !project.settings.empty {
        return Arc::clone(project);
    }
    let mut project = Project::clone(project);
    project.settings.empty = false;
    project.settings.vars.extend(vars.clone());
    let text = |value: &Data| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    project.settings.env.extend(env.iter().map(|(name, value)| (name.clone(), text(value))));
    Arc::new(project)
}

/// The macros with those that the test overrides replaced by ones that return the given value.
fn with_macros(registry: &Arc<MacroRegistry>, package: &str, overrides: &Map<String, Data>) -> Arc<MacroRegistry> {
    if overrides.is_empty() {
        return Arc::clone(registry);
    }
    let mut replaced: Vec<MacroDef> = Vec::new();
    for (name, value) in overrides {
        let (wanted, name) =
            name.split_once('.').map_or((None, name.as_str()), |(package, name)| (Some(package), name));
        let found = match wanted {
            Some(wanted) => registry.in_package(wanted, name),
            None => registry.resolve(Some(package), name),
        };
        let Some(entry) = found else { continue };
        let parameters = entry.parameters().map(<[String]>::to_vec).unwrap_or_default();
        let home = wanted.unwrap_or(package);
        let mut homes = vec![home.to_owned(), entry.def.package.clone()];
        if wanted.is_none() {
            homes.push(registry.root_package().to_owned());
        }
        homes.sort();
        homes.dedup();
        replaced.extend(homes.iter().filter_map(|home| constant_macro(home, name, &parameters, value)));
    }
    let is_replaced = |def: &MacroDef| replaced.iter().any(|new| new.unique_id == def.unique_id);
    let kept = registry.iter().map(|entry| entry.def.clone()).filter(|def| !is_replaced(def)).collect::<Vec<_>>();
    MacroRegistry::builder()
        .add_all(kept)
        .add_all(replaced)
        .internal_packages(registry.internal_packages().to_vec())
        .root_package(registry.root_package())
        .build()
}

fn constant_macro(package: &str, name: &str, parameters: &[String], value: &Data) -> Option<MacroDef> {
    let parameters: Vec<String> = parameters.iter().map(|parameter| format!("{parameter}=none")).collect();
    let text =
        format!("{{% macro {name}({}) %}}{{{{ return({}) }}}}{{% endmacro %}}", parameters.join(", "), literal(value));
    let blocks = scan(&text, &[BlockKind::Macro]).ok()?;
    MacroDef::from_block(package, &SourceRef::new("unit test overrides", text.as_str()), blocks.first()?)
}

/// The manifest of a test: its inputs, the functions that the model calls, then the test itself; where the test is,
/// and what the inputs stand for.
fn small_manifest(
    manifest: &Manifest,
    ix: NodeIndex,
    def: &UnitTestDef,
) -> Result<(Manifest, NodeIndex, Vec<NodeIndex>), Box<Diagnostic>> {
    let test = manifest.node(ix);
    let invalid =
        |message: String| Box::new(Diagnostic::error(Code::UnitTestInvalid, message).at(&test.file, test.span));
    let tested_ix = def.tested_node.as_ref().and_then(|id| manifest.find(id.as_str()));
    let tested_ix = tested_ix.ok_or_else(|| {
        invalid(format!("unit test `{}` tests a model that does not exist: `{}`", test.name, def.model))
    })?;
    let tested = manifest.node(tested_ix);
    let mut nodes: Vec<Node> = Vec::new();
    let mut originals = Vec::new();
    let mut this_input = None;
    for given in &def.given {
        let input = given.get("input").and_then(Data::as_str).unwrap_or_default();
        let original = find_input(manifest, tested_ix, input).ok_or_else(|| {
            invalid(format!("Unit test '{}' had an input ({input}) which was not found in the manifest.", test.name))
        })?;
        let node = input_node(manifest.node(original), test, given);
        if original == tested_ix {
            this_input = Some(node.unique_id.clone());
        }
        nodes.push(node);
        originals.push(original);
    }
    let is_function = |ix: &&NodeIndex| manifest.node(**ix).resource_type == ResourceType::Function;
    for ix in manifest.parents(tested_ix).iter().filter(is_function) {
        nodes.push(Node { parents: Vec::new(), ..manifest.node(*ix).clone() });
        originals.push(*ix);
    }
    let parents: Vec<NodeIndex> = (0..nodes.len()).map(NodeIndex::from_usize).collect();
    let at = NodeIndex::from_usize(nodes.len());
    nodes.push(test_node(test, tested, def, this_input, parents.clone()));
    let mut edges = vec![Vec::new(); nodes.len() - 1];
    edges.push(parents);
    let small = Manifest {
        by_id: nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), NodeIndex::from_usize(ix))).collect(),
        graph: Graph::new(edges),
        nodes: nodes.into_iter().map(Box::new).collect(),
        project_name: manifest.project_name.clone(),
        adapter_type: manifest.adapter_type.clone(),
        ..Manifest::default()
    };
    Ok((small, at, originals))
}

fn test_node(
    test: &Node,
    tested: &Node,
    def: &UnitTestDef,
    this_input: Option<UniqueId>,
    parents: Vec<NodeIndex>,
) -> Node {
    let mut node = tested.clone();
    let expected = def.expect.get("rows").cloned().unwrap_or(Data::Null);
    let (rows, sql) = if expected.is_string() { (json!([]), expected) } else { (expected, Data::Null) };
    node.config = NodeConfig::default();
    node.config.set("materialized", json!("unit"));
    node.config.set("expected_rows", if rows.is_null() { json!([]) } else { rows });
    node.config.set("expected_sql", sql);
    node.unique_id = test.unique_id.clone();
    node.resource_type = ResourceType::UnitTest;
    node.name = versioned_name(test, tested);
    node.alias.clone_from(&node.name);
    node.package.clone_from(&test.package);
    node.path = format!("{}.sql", node.name);
    node.original_file_path.clone_from(&test.original_file_path);
    node.relation_name = None;
    node.columns.clear();
    node.parents = parents;
    node.kind = NodeKind::UnitTest(Box::new(UnitTestDef { tested_node: this_input, ..def.clone() }));
    node
}

/// The test's name, with the version of the model that it tests.
pub(super) fn versioned_name(test: &Node, tested: &Node) -> String {
    match &tested.version {
        Some(Data::String(version)) => format!("{}_v{version}", test.name),
        Some(version) => format!("{}_v{version}", test.name),
        None => test.name.clone(),
    }
}

/// An input as an ephemeral model of its fixture.
fn input_node(original: &Node, test: &Node, given: &Data) -> Node {
    let mut node = original.clone();
    if let NodeKind::Source(source) = &original.kind {
        node.alias = format!("{}__{}", source.source_name, original.name);
        node.unique_id = UniqueId::new(format!("model.{}.{}", original.package, node.alias));
    } else {
        node.unique_id = UniqueId::new(format!("model.{}.{}", original.package, original.name));
    }
    node.resource_type = ResourceType::Model;
    node.language = "sql".to_owned();
    node.config = NodeConfig::default();
    node.config.set("materialized", json!("ephemeral"));
    node.original_file_path.clone_from(&test.original_file_path);
    node.path = format!("{}.sql", original.name);
    node.relation_name = None;
    node.parents = Vec::new();
    node.raw_code = match given.get("rows") {
        Some(Data::String(sql)) => sql.clone(),
        rows => format!("{{{{ get_fixture_sql({}, none) }}}}", literal(rows.unwrap_or(&Data::Array(Vec::new())))),
    };
    // The template stands in no file, so places in it count in a text of its own.
    let shown = format!("{} (input `{}` of `{}`)", test.file.path(), original.name, test.name);
    node.file = SourceFile::new(shown, node.raw_code.as_str());
    node.span = Span::default();
    node.raw_code_offset = 0;
    node
}

/// Finds what `ref('orders')`, `source('shop', 'orders')` or `this` means: among the model's parents first.
fn find_input(manifest: &Manifest, tested: NodeIndex, input: &str) -> Option<NodeIndex> {
    let input = input.trim();
    if input == "this" {
        return Some(tested);
    }
    let (function, arguments) = input.strip_suffix(')')?.split_once('(')?;
    let names: Vec<&str> = arguments.split(',').map(str::trim).filter_map(unquoted).collect();
    let version = arguments.split(',').find_map(|argument| {
        let (key, value) = argument.split_once('=')?;
        let value = value.trim();
        ["v", "version"].contains(&key.trim()).then(|| unquoted(value).unwrap_or(value))
    });
    let fits = |ix: &NodeIndex| {
        let node = manifest.node(*ix);
        match (function.trim(), &node.kind, names.as_slice()) {
            ("source", NodeKind::Source(source), [source_name, table]) => {
                source.source_name == *source_name && node.name == *table
            }
            ("ref", _, [name]) => node.name == *name && is_version(node, version),
            ("ref", _, [package, name]) => node.name == *name && node.package == *package && is_version(node, version),
            _ => false,
        }
    };
    let is_input = |ix: &NodeIndex| {
        let kind = manifest.node(*ix).resource_type;
        (kind.is_refable() || kind == ResourceType::Source) && fits(ix)
    };
    manifest.parents(tested).iter().copied().find(is_input).or_else(|| manifest.indices().find(is_input))
}

fn is_version(node: &Node, wanted: Option<&str>) -> bool {
    let text = |version: &Data| version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    wanted.is_none_or(|wanted| node.version.as_ref().is_some_and(|version| text(version) == wanted))
}

fn unquoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

/// A value as a template writes it. JSON does, but for its `null`.
fn literal(value: &Data) -> String {
    match value {
        Data::Null => "none".to_owned(),
        Data::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Data::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", literal(&json!(key)), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Data::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        let manifest = fixture::manifest(&["model.a", "seed.b", "model.c: model.a, seed.b"]);
        let found = find_input(&manifest, NodeIndex::from_usize(2), input);
        assert_eq!(found.map(|ix| manifest.node(ix).unique_id.as_str()), expected);
    }

    #[test]
    fn inputs_are_found_as_they_are_written() {
        check("ref('a')", Some("model.a"));
        check(" ref( \"shop\", 'b' ) ", Some("seed.b"));
        check("this", Some("model.c"));
        check("ref('nothing')", None);
        check("ref('a', v=2)", None);
        check("a", None);
    }

    #[test]
    fn a_test_has_a_manifest_of_its_own() {
        let mut manifest = fixture::manifest(&["model.a", "model.c: model.a", "unit_test.u: model.c"]);
        manifest.nodes[1].raw_code = "select * from {{ ref('a') }}".into();
        let def = UnitTestDef {
            model: "c".into(),
            given: vec![json!({"input": "ref('a')", "rows": [{"id": 1, "name": "it's \"x\"", "gone": null}]})],
            expect: json!({"rows": [{"id": 1}]}).as_object().cloned().unwrap(),
            tested_node: Some(UniqueId::new("model.c")),
            ..UnitTestDef::default()
        };
        let (small, at, _) = small_manifest(&manifest, NodeIndex::from_usize(2), &def).unwrap();
        assert_eq!(
            small.nodes[0].raw_code,
            r#"{{ get_fixture_sql([{"id": 1, "name": "it's \"x\"", "gone": none}], none) }}"#
        );
        let test = small.node(at);
        assert_eq!(test.raw_code, "select * from {{ ref('a') }}");
        assert_eq!(test.config.materialized(), "unit");
        assert_eq!(test.parents, [NodeIndex::from_usize(0)]);
    }
}
