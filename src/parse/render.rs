//! The templates that parsing renders, and what their facts do to nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::{Setup, macros};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, Span};
use crate::jinja::{
    BlockError, Call, DocsIndex, NameKind, ParseFacts, ParseScope, PythonCall, Template, TemplateSource,
    call_name_macro, calls_of, is_name_built_in, parse_node, parse_python, render_description,
};
use crate::manifest::{Doc, MacroInfo, Node, NodeKind, RefCall, ResourceType, UniqueId};

/// A file whose blocks cannot be told apart, as a diagnostic.
pub(super) fn block_error(file: &Arc<SourceFile>, error: &BlockError) -> Diagnostic {
    let span = Span::new(error.span.start, error.span.end);
    Diagnostic::error(Code::TemplateSyntax, error.message.clone()).at(file, span)
}

/// What templates see as `model` while they are parsed.
fn published(node: &Node) -> Map<String, Data> {
    let data = json!({
        "database": node.database,
        "schema": node.schema,
        "name": node.name,
        "resource_type": node.resource_type.as_str(),
        "package_name": node.package,
        "path": node.path,
        "original_file_path": node.original_file_path,
        "unique_id": node.unique_id.as_str(),
        "fqn": node.fqn,
        "alias": node.alias,
        "config": node.config.values,
        "tags": node.tags,
        "description": node.description,
        "columns": {},
        "meta": node.meta,
        "version": own_version(node),
        "latest_version": node.latest_version,
        "raw_code": node.raw_code,
        "language": node.language,
    });
    match data {
        Data::Object(map) => map,
        _ => Map::new(),
    }
}

/// The version of a model; that of a test is the tested model's until the two are joined, and never its own.
fn own_version(node: &Node) -> Option<&Data> {
    node.version.as_ref().filter(|_| node.resource_type != ResourceType::Test)
}

fn scope(setup: &Setup<'_>, node: &Node) -> ParseScope {
    ParseScope::new(&setup.shared, published(node))
}

fn template(node: &Node, text: &str, offset: u32) -> Template {
    Template { text: text.into(), file: Arc::clone(&node.file), offset }
}

/// Renders a node's own template.
///
/// # Errors
/// When the template fails.
pub(super) fn node(setup: &Setup<'_>, node: &Node) -> Result<ParseFacts, Box<Diagnostic>> {
    if node.resource_type == ResourceType::Model
        && !overrides_plain_calls(setup, &node.package)
        && let Some(facts) = plain_facts(node)
    {
        return Ok(facts);
    }
    parse_node(&scope(setup, node), &template(node, &node.raw_code, node.raw_code_offset))
}

/// Takes the calls that a Python model makes.
///
/// # Errors
/// When a call has wrong arguments.
pub(super) fn python(setup: &Setup<'_>, node: &Node, calls: &[PythonCall]) -> Result<ParseFacts, Box<Diagnostic>> {
    parse_python(&scope(setup, node), &node.file, calls)
}

/// Whether macros of the project or the package stand in for what [`plain_facts`] reads.
fn overrides_plain_calls(setup: &Setup<'_>, package: &str) -> bool {
    let registry = setup.shared.registry();
    let root = &setup.project.root().config.name;
    ["ref", "source", "config"]
        .iter()
        .any(|name| registry.in_package(root, name).is_some() || registry.in_package(package, name).is_some())
}

/// What a model tells that holds nothing but `ref`, `source` and `config` calls with constants: it need not be
/// rendered for that. As in dbt, a source then counts once.
fn plain_facts(node: &Node) -> Option<ParseFacts> {
    let text = node.raw_code.as_str();
    if text.contains("{%") || text.contains("{#") {
        return None;
    }
    let calls = calls_of(&TemplateSource::new("", "", text)).ok()?;
    if calls.len() != text.matches("{{").count() {
        return None;
    }
    let mut facts = ParseFacts::default();
    for call in &calls {
        let (before, after) = (text[..call.span.start].trim_end(), text[call.span.end..].trim_start());
        let is_alone = before.trim_end_matches('-').ends_with("{{") && after.trim_start_matches('-').starts_with("}}");
        if !is_alone || call.args.iter().any(|arg| arg.is_splat) {
            return None;
        }
        read_plain(call, node.raw_code_offset as usize, &mut facts)?;
    }
    Some(facts)
}

/// Notes one call; `None` for any that rendering would treat in another way.
fn read_plain(call: &Call, offset: usize, facts: &mut ParseFacts) -> Option<()> {
    let constants: Vec<(Option<&str>, &Data)> =
        call.args.iter().map(|arg| Some((arg.name.as_deref(), arg.value.as_ref()?))).collect::<Option<_>>()?;
    let texts: Option<Vec<String>> =
        constants.iter().map(|(name, value)| value.as_str().filter(|_| name.is_none()).map(str::to_owned)).collect();
    match (call.path.as_str(), texts.as_deref()) {
        ("ref", Some([name])) => facts.refs.push(plain_ref(call, offset, None, name)),
        ("ref", Some([package, name])) => facts.refs.push(plain_ref(call, offset, Some(package), name)),
        ("source", Some([source, table])) => {
            let source = (source.clone(), table.clone());
            if !facts.sources.contains(&source) {
                facts.sources.push(source);
            }
        }
        // A second call merges with the first by rules that the template's own `config` knows.
        ("config", _) if facts.config.is_empty() && !constants.is_empty() => {
            for (name, value) in constants {
                let name = name?;
                if name.ends_with("_hook") {
                    return None;
                }
                facts.config.insert(name.to_owned(), value.clone());
            }
        }
        _ => return None,
    }
    Some(())
}

fn plain_ref(call: &Call, offset: usize, package: Option<&String>, name: &str) -> RefCall {
    let span = Span::new(call.span.start + offset, call.span.end + offset);
    RefCall { package: package.cloned(), name: name.to_owned(), version: None, span: Some(span) }
}

/// Renders a generic test with its arguments.
///
/// # Errors
/// When the template or an argument fails.
pub(super) fn test(
    setup: &Setup<'_>,
    node: &Node,
    macro_id: &str,
    kwargs: &Map<String, Data>,
) -> Result<ParseFacts, Box<Diagnostic>> {
    let mut scope = scope(setup, node);
    scope.test_macros = macros::reached_by(setup, macro_id);
    scope.test_kwargs = Some(kwargs.clone());
    let aside = SourceFile::new(format!("{} ({})", node.original_file_path, node.name), node.raw_code.as_str());
    let template = Template { text: node.raw_code.as_str().into(), file: aside, offset: 0 };
    parse_node(&scope, &template)
}

/// Renders a hook for its references.
///
/// # Errors
/// When the hook fails.
pub(super) fn hook(setup: &Setup<'_>, node: &Node, sql: &str) -> Result<ParseFacts, Box<Diagnostic>> {
    let offset = node.file.text().find(sql).map_or(0, |at| u32::try_from(at).unwrap_or(0));
    let file = if offset > 0 || node.file.text().starts_with(sql) {
        Arc::clone(&node.file)
    } else {
        SourceFile::new(format!("{} (hook)", node.original_file_path), sql)
    };
    parse_node(&scope(setup, node), &Template { text: sql.into(), file, offset })
}

/// Makes a part of the node's name by the macro of that part.
///
/// # Errors
/// When the macro fails.
pub(super) fn name(
    setup: &Setup<'_>,
    kind: NameKind,
    custom: Option<&str>,
    node: &Node,
) -> Result<Option<String>, Box<Diagnostic>> {
    let shown = if is_name_built_in(&setup.shared, kind, &node.package) {
        let version = json!(own_version(node));
        let pairs = [("package_name", json!(node.package)), ("name", json!(node.name)), ("version", version)];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    } else {
        published(node)
    };
    call_name_macro(&setup.shared, kind, custom, &shown)
        .map_err(|error| if error.at.is_some() { error } else { Box::new(error.in_file(&node.file)) })
}

/// Adds what a template told to its node.
pub(super) fn take_facts(node: &mut Node, facts: ParseFacts) {
    node.refs.extend(facts.refs);
    node.source_calls.extend(facts.sources);
    node.metric_calls.extend(facts.metrics);
    node.function_calls.extend(facts.functions);
    for id in facts.macros {
        if !node.macro_calls.contains(&id) {
            node.macro_calls.push(id);
        }
    }
}

/// Finds the macro of a generic test: as the package itself finds it, else in the named package.
pub(super) fn find_macro(setup: &Setup<'_>, package: &str, namespace: Option<&str>, name: &str) -> Option<String> {
    let in_namespace = |namespace: &str| match namespace {
        "dbt" => setup.macros.internal_packages().iter().find_map(|internal| setup.macros.in_package(internal, name)),
        _ => setup.macros.in_package(namespace, name),
    };
    if namespace.is_some_and(|namespace| in_namespace(namespace).is_none()) {
        return None;
    }
    setup.macros.resolve(Some(package), name).map(|entry| entry.def.unique_id.clone())
}

/// The names of all generic tests, for suggestions.
pub(super) fn test_names(setup: &Setup<'_>) -> Vec<String> {
    setup.macros.iter().filter_map(|entry| entry.def.name.strip_prefix("test_").map(str::to_owned)).collect()
}

/// Renders all descriptions, which may quote docs blocks.
pub(super) fn descriptions(
    setup: &Setup<'_>,
    docs: &BTreeMap<UniqueId, Doc>,
    nodes: &mut [Box<Node>],
    macros: &mut BTreeMap<UniqueId, MacroInfo>,
    diagnostics: &mut Diagnostics,
) {
    let index = Arc::new(DocsIndex::new(&setup.project.root().config.name, docs.values()));
    let mut writer = Writer { setup, index, diagnostics };
    for node in nodes {
        let (id, package) = (node.unique_id.clone(), node.package.clone());
        // Where descriptions are written, unless the node itself is: sources and the like.
        let file = Arc::clone(node.declared.as_ref().map_or(&node.file, |declared| &declared.file));
        node.doc_blocks = writer.render(&file, &package, id.as_str(), &mut node.description);
        if let NodeKind::Source(source) = &mut node.kind {
            writer.render(&file, &package, id.as_str(), &mut source.source_description);
        }
        if let NodeKind::Document(own) = &mut node.kind {
            writer.render_elements(&file, &package, id.as_str(), own);
        }
        for column in node.columns.values_mut() {
            column.doc_blocks = writer.render(&file, &package, id.as_str(), &mut column.description);
        }
    }
    let nowhere = Arc::clone(&setup.project.root().config.file);
    for (id, info) in macros {
        let package = info.package.clone();
        writer.render(&nowhere, &package, id.as_str(), &mut info.description);
        for argument in &mut info.arguments {
            writer.render(&nowhere, &package, id.as_str(), &mut argument.description);
        }
    }
}

struct Writer<'a, 'b> {
    setup: &'a Setup<'b>,
    index: Arc<DocsIndex>,
    diagnostics: &'a mut Diagnostics,
}

impl Writer<'_, '_> {
    /// Renders the descriptions of a semantic model's parts.
    fn render_elements(&mut self, file: &Arc<SourceFile>, package: &str, id: &str, own: &mut Map<String, Data>) {
        for key in ["dimensions", "measures", "entities"] {
            for element in own.get_mut(key).and_then(Data::as_array_mut).into_iter().flatten() {
                if let Some(Data::String(description)) = element.get_mut("description") {
                    self.render(file, package, id, description);
                }
            }
        }
    }

    /// Renders a description in place; returns the docs blocks that it quotes.
    fn render(&mut self, file: &Arc<SourceFile>, package: &str, id: &str, description: &mut String) -> Vec<String> {
        if !super::properties::has_template(description) {
            return Vec::new();
        }
        let offset = file.text().find(description.as_str()).and_then(|at| u32::try_from(at).ok());
        let template = Template {
            text: description.as_str().into(),
            file: if offset.is_some() { Arc::clone(file) } else { SourceFile::new(file.path(), description.as_str()) },
            offset: offset.unwrap_or(0),
        };
        match render_description(&self.setup.shared, &self.index, package, id, &template) {
            Ok((text, blocks)) => {
                *description = text;
                blocks
            }
            Err(error) => {
                self.diagnostics.push(*error);
                Vec::new()
            }
        }
    }
}
