//! What the flags of `flags:` decide about a project, and the forms that dbt calls deprecated.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value as Data, json};

use super::Setup;
use super::deprecation::Deprecation;
use super::generic_tests::{CONFIG_ARGS, Declared};
use super::properties::Entry;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label, SourceFile, Span, did_you_mean};
use crate::jinja::{self, Call, Materialization, TemplateSource};
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType};
use crate::project::yaml::{Yaml, YamlKind};

/// Checks the resolved project.
pub(super) fn check(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    check_spaces(setup, manifest, diagnostics);
    check_unique_names(setup, manifest, diagnostics);
    warn_of_unused_paths(setup, manifest, diagnostics);
    if !setup.project.settings.flag("require_ref_searches_node_package_before_root") {
        warn_of_refs_to_root(setup, manifest, diagnostics);
    }
    warn_of_package_materializations(setup, manifest, diagnostics);
    super::microbatch::warn_of_own_strategy(setup, manifest, diagnostics);
    warn_of_itertools(setup, manifest, diagnostics);
}

/// `require_resource_names_without_spaces`.
fn check_spaces(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let is_error = setup.project.settings.flag("require_resource_names_without_spaces");
    let is_checked = |kind: ResourceType| {
        kind.is_refable() || matches!(kind, ResourceType::Test | ResourceType::Analysis | ResourceType::Operation)
    };
    let has_space = |node: &&Node| is_checked(node.resource_type) && node.name.contains(' ') && !node.is_external();
    let found: Vec<&Node> = manifest.nodes.iter().map(Box::as_ref).filter(has_space).collect();
    let mut deprecation = Deprecation::new("ResourceNamesWithSpacesDeprecation", "D015");
    for node in &found {
        let id = &node.unique_id;
        if is_error {
            let message = format!("Resource names cannot contain spaces: '{id}' ({})", node.original_file_path);
            let error = Diagnostic::error(Code::PropertyInvalid, message);
            let hint = "rename it, or set `require_resource_names_without_spaces: false` under `flags:`";
            diagnostics.push(at_node(error, node).hint(hint));
        } else {
            let message = format!("the name of `{id}` has a space, which is deprecated");
            let facts = json!({"count_invalid_names": found.len(), "show_debug_hint": false});
            deprecation.add(at_node(Diagnostic::warning(Code::Deprecated, message), node), facts);
        }
    }
    deprecation.report(setup.project, diagnostics);
}

fn at_node(mut diagnostic: Diagnostic, node: &Node) -> Diagnostic {
    diagnostic.at = Some(node.declared.clone().unwrap_or_else(|| Label::new(&node.file, node.span)));
    diagnostic
}

/// `require_unique_project_resource_names`: models, seeds and snapshots of a package have different names.
fn check_unique_names(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let is_error = setup.project.settings.flag("require_unique_project_resource_names");
    let mut first: HashMap<(&str, &str), &Node> = HashMap::new();
    let mut deprecation = Deprecation::new("DuplicateNameDistinctNodeTypesDeprecation", "D040");
    let is_named = |node: &&Node| node.resource_type.is_refable() && !node.is_external() && node.version.is_none();
    for node in manifest.nodes.iter().map(Box::as_ref).filter(is_named) {
        let Some(other) = first.insert((&node.package, &node.name), node) else { continue };
        if is_error {
            diagnostics.push(super::resolve::duplicate_name(other, node));
            continue;
        }
        let (name, package) = (&node.name, &node.package);
        let message = format!(
            "Found resources with the same name '{name}' in package '{package}': '{}' and '{}'. Please update one of \
             the resources to have a unique name.",
            other.unique_id, node.unique_id
        );
        let facts = json!({
            "resource_name": name, "unique_id1": other.unique_id.as_str(), "unique_id2": node.unique_id.as_str(),
            "package_name": package,
        });
        let place = Label::new(&other.file, other.span).with_text("the other one");
        let warning = Diagnostic::warning(Code::Deprecated, message).at(&node.file, node.span).related(place);
        deprecation.add(warning, facts);
    }
    deprecation.report(setup.project, diagnostics);
}

/// Configuration in dbt_project.yml below folders or packages that have nothing of the kind. Disabled nodes count.
fn warn_of_unused_paths(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let config = &setup.project.root().config;
    for (tree, layer) in &config.layers {
        let Some(written) = layer.written.as_ref().filter(|_| tree != "analyses") else { continue };
        let is_meant = |node: &&Node| tree_of(node.resource_type) == Some(tree.as_str());
        let enabled = manifest.nodes.iter().map(Box::as_ref).filter(is_meant);
        let disabled = manifest.disabled.iter().map(Box::as_ref);
        let fqns: Vec<&[String]> = enabled.chain(disabled).map(|node| node.fqn.as_slice()).collect();
        let mut paths = Vec::new();
        config_paths(written, (&mut Vec::new(), written.span), &mut paths);
        for (path, span) in paths {
            if fqns.iter().any(|fqn| fqn.starts_with(&path)) {
                continue;
            }
            let shown = [std::slice::from_ref(tree), &path[..]].concat().join(".");
            let message = format!("the configuration under `{shown}` in dbt_project.yml applies to nothing");
            let facts = json!({"unused_config_paths": [shown]});
            let event = DbtEvent::new(("UnusedResourceConfigPath", "I051"), facts);
            let warning = Diagnostic::warning(Code::UnusedConfigPath, message).at(&config.file, span).with_event(event);
            let names = fqns.iter().filter(|fqn| fqn.starts_with(&path[..path.len().saturating_sub(1)]));
            let near = names.filter_map(|fqn| fqn.get(path.len().checked_sub(1)?)).map(String::as_str);
            let hint = path.last().and_then(|last| did_you_mean(last, near));
            diagnostics.push(warning.maybe_hint(hint));
        }
    }
}

/// The configuration tree of a kind of node.
fn tree_of(kind: ResourceType) -> Option<&'static str> {
    Some(match kind {
        ResourceType::Model => "models",
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        ResourceType::Test => "data_tests",
        ResourceType::UnitTest => "unit_tests",
        ResourceType::Source => "sources",
        ResourceType::Exposure => "exposures",
        ResourceType::Metric => "metrics",
        ResourceType::SemanticModel => "semantic_models",
        ResourceType::SavedQuery => "saved_queries",
        ResourceType::Function => "functions",
        ResourceType::Analysis | ResourceType::Operation => return None,
    })
}

/// Every path of a tree that has configuration, and where it stands.
fn config_paths(tree: &Yaml, (path, span): (&mut Vec<String>, Span), found: &mut Vec<(Vec<String>, Span)>) {
    for entry in tree.entries() {
        if matches!(entry.value.kind, YamlKind::Map(_)) && !entry.key.starts_with('+') {
            path.push(entry.key.clone());
            config_paths(&entry.value, (path, entry.key_span), found);
            path.pop();
        } else if !found.iter().any(|(other, _)| other == path) {
            found.push((path.clone(), span));
        }
    }
}

/// A node of a package that reads one of the root project without saying so.
fn warn_of_refs_to_root(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let root = &setup.project.root().config.name;
    for node in manifest.nodes.iter().filter(|node| node.package != *root && !node.is_external()) {
        for parent in node.parents.iter().map(|ix: &NodeIndex| manifest.node(*ix)) {
            let call = node.refs.iter().find(|call| call.name == parent.name && call.package.as_ref() != Some(root));
            let Some(call) = call.filter(|_| parent.package == *root && parent.resource_type.is_refable()) else {
                continue;
            };
            let (name, package) = (&node.name, &node.package);
            let message = format!(
                "the node '{name}' in package '{package}' depends on the root project node '{}', which may lead to cycles",
                parent.unique_id
            );
            let facts = json!({
                "node_name": name, "package_name": package, "root_project_unique_id": parent.unique_id.as_str(),
            });
            let event = DbtEvent::new(("PackageNodeDependsOnRootProjectNode", "I077"), facts);
            let hint =
                "set `require_ref_searches_node_package_before_root: true` under `flags:` to look in the package first";
            let warning = Diagnostic::warning(Code::PackageReadsRoot, message).with_event(event).hint(hint);
            diagnostics.push(warning.at(&node.file, call.span.unwrap_or(node.span)));
        }
    }
}

/// Materializations of packages in the place of built-in ones.
fn warn_of_package_materializations(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let used: BTreeSet<&str> = manifest.nodes.iter().map(|node| node.config.materialized()).collect();
    let mut deprecation = Deprecation::new("PackageMaterializationOverrideDeprecation", "D016");
    for name in used {
        let adapter = setup.project.target.adapter_type.as_str();
        let found = jinja::find_materialization(setup.project, setup.macros, (name, adapter));
        let Some(Materialization { entry, overrides_built_in: true }) = found else { continue };
        let package = &entry.def.package;
        let message = format!(
            "Installed package '{package}' is overriding the built-in materialization '{name}', which is deprecated"
        );
        let warning = Diagnostic::warning(Code::Deprecated, message).at(&entry.def.file(), entry.def.head());
        let hint = "define the materialization in the project, and call the package's from it";
        deprecation.add(warning.hint(hint), json!({"package_name": package, "materialization_name": name}));
    }
    deprecation.report(setup.project, diagnostics);
}

/// Calls of `modules.itertools`, in nodes and in the macros that they reach.
fn warn_of_itertools(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    const MODULE: &str = "modules.itertools.";
    let mut deprecation = Deprecation::new("ModulesItertoolsUsageDeprecation", "D034");
    let mut add = |calls: &[Call], (file, offset): (&Arc<SourceFile>, usize)| {
        for call in calls.iter().filter(|call| call.path.starts_with(MODULE)) {
            let message = "Usage of itertools modules is deprecated. Please use the built-in functions instead.";
            let span = Span::new(offset + call.span.start, offset + call.span.end);
            deprecation.add(Diagnostic::warning(Code::Deprecated, message).at(file, span), json!({}));
        }
    };
    for node in manifest.nodes.iter().filter(|node| node.raw_code.contains(MODULE)) {
        let template = TemplateSource::new("", "", node.raw_code.as_str());
        add(&jinja::calls_of(&template).unwrap_or_default(), (&node.file, node.raw_code_offset as usize));
    }
    if manifest.macros.values().any(|info| info.macro_sql.contains(MODULE)) {
        let mut reached: Vec<&str> = Vec::new();
        let mut next: Vec<&str> =
            manifest.nodes.iter().flat_map(|node| &node.macro_calls).map(String::as_str).collect();
        while let Some(id) = next.pop() {
            let Some(info) = manifest.macros.get(id).filter(|_| !reached.contains(&id)) else { continue };
            reached.push(id);
            next.extend(info.depends_on.iter().map(String::as_str));
        }
        reached.sort_unstable();
        for entry in reached.into_iter().filter_map(|id| setup.macros.by_id(id)) {
            add(entry.calls().unwrap_or_default(), (&entry.def.file(), entry.def.span.start));
        }
    }
    deprecation.report(setup.project, diagnostics);
}

/// Arguments and configuration of data tests that do not stand where they belong.
pub(super) fn check_tests<'a>(
    setup: &Setup<'_>,
    tests: impl Iterator<Item = Declared<'a>>,
    diagnostics: &mut Diagnostics,
) {
    let is_required = setup.project.settings.flag("require_generic_test_arguments_property");
    let mut moved = Deprecation::new("PropertyMovedToConfigDeprecation", "D030");
    let mut missing = Deprecation::new("MissingArgumentsPropertyInGenericTestDeprecation", "D039");
    let mut early = Deprecation::new("ArgumentsPropertyInGenericTestDeprecation", "D038");
    for test in tests {
        let Some((name, args)) = super::generic_tests::name_and_args(test.test) else { continue };
        let warning = |message: String| Diagnostic::warning(Code::Deprecated, message).at(&test.entry.file, test.span);
        let file = &test.entry.original_file_path;
        if !is_required {
            if args.contains_key("arguments") {
                let message = format!("`arguments` of the test `{name}` is taken for an argument of its own");
                let hint = "set `require_generic_test_arguments_property: true` under `flags:`";
                early.add(warning(message).hint(hint), json!({"test_name": name}));
            }
            continue;
        }
        for key in args.keys().filter(|key| CONFIG_ARGS.contains(&key.as_str())) {
            let path = format!("data_tests.{name}.{key}");
            let message = format!(
                "Found `{key}` as a top-level property of `{path}` in file `{file}`. The `{key}` top-level property \
                 should be moved into the `config` of `{path}`."
            );
            moved.add(warning(message), json!({"key": key, "file": file, "key_path": path}));
        }
        let is_argument = |key: &String| {
            !CONFIG_ARGS.contains(&key.as_str())
                && !["config", "column_name", "description", "name", "test_name"].contains(&key.as_str())
        };
        let has_arguments = args.get("arguments").and_then(Data::as_object).is_some_and(|map| !map.is_empty());
        if !has_arguments && args.keys().any(|key| key != "arguments" && is_argument(key)) {
            let message = format!(
                "Found top-level arguments to test `{name}`. Arguments to generic tests should be nested under the \
                 `arguments` property."
            );
            missing.add(warning(message), json!({"test_name": format!("`{name}` ({file})")}));
        }
    }
    for deprecation in [moved, missing, early] {
        deprecation.report(setup.project, diagnostics);
    }
}

/// Names of exposures with other signs than letters, digits, underscores and dashes.
pub(super) fn check_exposures(setup: &Setup<'_>, entries: &[Entry], diagnostics: &mut Diagnostics) {
    let mut deprecation = Deprecation::new("ExposureNameDeprecation", "D007");
    for entry in entries.iter().filter(|entry| entry.list == "exposures") {
        let name = entry.name();
        if !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-')) {
            continue;
        }
        let message = format!(
            "the 'name' of an exposure should contain only letters, numbers, and underscores. {name} does not follow \
             this pattern. Please update the 'name', and use the 'label' property for a human-friendly title."
        );
        let warning = Diagnostic::warning(Code::Deprecated, message).at(&entry.file, entry.span_of("name"));
        deprecation.add(warning, json!({"exposure": name}));
    }
    deprecation.report(setup.project, diagnostics);
}
