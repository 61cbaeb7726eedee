//! Files become nodes: models, seeds, snapshots, analyses, singular tests, hooks.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::deprecation::Deprecation;
use super::patches::Patch;
use super::properties::{Entry, has_template, list_of, map_of, text_of};
use super::settings::{self, Wrong};
use super::{Setup, columns, layers, render};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, SourceFile, Span, did_you_mean};
use crate::jinja::{self, BlockKind, NameKind};
use crate::manifest::{Checksum, Docs, HookSpec, Node, NodeKind, RefCall, ResourceType};
use crate::project::yaml::Yaml;
use crate::project::{FileKind, ProjectFile, ProjectFiles};

/// A node as its file gives it, before properties and templates are read.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: ResourceType,
    pub(super) package: usize,
    pub(super) name: String,
    pub(super) unique_id: String,
    pub(super) path: String,
    pub(super) original_file_path: String,
    pub(super) file: Arc<SourceFile>,
    pub(super) raw_code: String,
    pub(super) raw_code_offset: u32,
    pub(super) span: Span,
    pub(super) checksum: Checksum,
    pub(super) fqn: Vec<String>,
    pub(super) language: &'static str,
    pub(super) hook: Option<HookSpec>,
    /// `relation:` of a snapshot that a property file declares.
    pub(super) relation: Option<RefOrSource>,
}

impl Draft {
    fn is_python_model(&self) -> bool {
        self.kind == ResourceType::Model && self.language == "python"
    }
}

/// A lone `ref(..)` or `source(..)` in a property.
#[derive(Clone, Debug)]
pub(super) enum RefOrSource {
    /// A ref.
    Ref(RefCall),
    /// A source and its table.
    Source(String, String),
}

/// Lists the drafts of all files, in the order of packages and files.
pub(super) fn drafts(setup: &Setup<'_>, files: &ProjectFiles, diagnostics: &mut Diagnostics) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut stray_tags = Deprecation::stray_tags();
    for file in &files.files {
        match file.kind {
            FileKind::Model | FileKind::PythonModel => drafts.push(from_file(setup, file, ResourceType::Model)),
            FileKind::Seed => drafts.push(from_file(setup, file, ResourceType::Seed)),
            FileKind::Analysis => drafts.push(from_file(setup, file, ResourceType::Analysis)),
            FileKind::SingularTest => drafts.push(from_file(setup, file, ResourceType::Test)),
            FileKind::Snapshot => {
                let scanned = jinja::scan(file.file.text(), &[BlockKind::Snapshot]).unwrap_or_else(|error| {
                    diagnostics.push(render::block_error(&file.file, &error));
                    jinja::Scanned::default()
                });
                stray_tags.add_stray_tags(&file.file, &file.original_file_path, &scanned.strays);
                drafts.extend(snapshots_of(setup, file, &scanned.blocks));
            }
            FileKind::Function => drafts.push(from_file(setup, file, ResourceType::Function)),
            _ => {}
        }
    }
    stray_tags.report(setup.project, diagnostics);
    for package in 0..setup.project.packages.len() {
        drafts.extend(hooks_of(setup, package));
    }
    drafts
}

fn from_file(setup: &Setup<'_>, file: &ProjectFile, kind: ResourceType) -> Draft {
    let path = match kind {
        ResourceType::Analysis => format!("analysis/{}", file.path),
        _ => file.path.clone(),
    };
    let base = file.path.rsplit('/').next().unwrap_or_default();
    let name = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned();
    let text = if kind == ResourceType::Seed { "" } else { file.file.text() };
    let raw_code = text.trim();
    let offset = text.len() - text.trim_start().len();
    Draft {
        kind,
        package: file.package,
        unique_id: format!("{kind}.{}.{name}", setup.package_name(file.package)),
        fqn: setup.fqn(file.package, &path, &[&name]),
        name,
        path,
        original_file_path: file.original_file_path.clone(),
        file: Arc::clone(&file.file),
        raw_code: raw_code.to_owned(),
        raw_code_offset: u32::try_from(offset).unwrap_or(0),
        span: Span::default(),
        checksum: Checksum { name: file.checksum.name.to_owned(), checksum: file.checksum.checksum.clone() },
        language: if base.ends_with(".py") { "python" } else { "sql" },
        hook: None,
        relation: None,
    }
}

fn snapshots_of(setup: &Setup<'_>, file: &ProjectFile, blocks: &[jinja::Block]) -> Vec<Draft> {
    let stem = file.path.rsplit_once('.').map_or(file.path.as_str(), |(stem, _)| stem);
    let draft = |block: &jinja::Block| {
        let mut draft = from_file(setup, file, ResourceType::Snapshot);
        let mut fqn = vec![setup.package_name(file.package).to_owned()];
        fqn.extend(stem.split('/').map(str::to_owned));
        fqn.push(block.name.clone());
        draft.fqn = fqn;
        draft.unique_id = format!("snapshot.{}.{}", setup.package_name(file.package), block.name);
        draft.name.clone_from(&block.name);
        draft.raw_code = file.file.text()[block.body.clone()].to_owned();
        draft.raw_code_offset = u32::try_from(block.body.start).unwrap_or(0);
        draft.span = Span::new(block.span.start, block.span.end);
        draft
    };
    blocks.iter().map(draft).collect()
}

fn hooks_of(setup: &Setup<'_>, package: usize) -> Vec<Draft> {
    let config = &setup.project.packages[package].config;
    let name = &config.name;
    let mut drafts = Vec::new();
    for (is_end, hooks) in [(false, &config.on_run_start), (true, &config.on_run_end)] {
        let word = if is_end { "on-run-end" } else { "on-run-start" };
        for (index, hook) in hooks.iter().enumerate() {
            let hook_name = format!("{name}-{word}-{index}");
            let path = format!("hooks/{hook_name}.sql");
            drafts.push(Draft {
                kind: ResourceType::Operation,
                package,
                unique_id: format!("operation.{name}.{hook_name}"),
                fqn: setup.fqn(package, &path, &[&hook_name]),
                name: hook_name,
                path,
                original_file_path: "./dbt_project.yml".to_owned(),
                file: Arc::clone(&config.file),
                raw_code: hook.as_str().unwrap_or_default().to_owned(),
                raw_code_offset: hook.span.start,
                span: hook.span,
                checksum: super::sha256_of(config.file.text()),
                language: "sql",
                hook: Some(HookSpec { is_end, index }),
                relation: None,
            });
        }
    }
    drafts
}

/// Makes the drafts of snapshots that property files declare by `relation:`.
pub(super) fn declared_snapshots(setup: &Setup<'_>, entries: &[Entry], diagnostics: &mut Diagnostics) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for entry in entries.iter().filter(|entry| entry.list == "snapshots" && entry.data.contains_key("relation")) {
        let relation = entry.text("relation").unwrap_or_default();
        let Some(parsed) = parse_ref_or_source(&relation) else {
            let message =
                format!("`relation` of snapshot `{}` must be a ref or a source, not `{relation}`", entry.name());
            diagnostics
                .push(entry.error("relation", Code::PropertyInvalid, message).hint("write `relation: ref('orders')`"));
            continue;
        };
        let package = setup.package_name(entry.package);
        drafts.push(Draft {
            kind: ResourceType::Snapshot,
            package: entry.package,
            name: entry.name().to_owned(),
            unique_id: format!("snapshot.{package}.{}", entry.name()),
            path: format!("{}/{}.sql", entry.path, entry.name()),
            original_file_path: entry.original_file_path.clone(),
            file: Arc::clone(&entry.file),
            raw_code: format!("select * from {{{{ {relation} }}}}"),
            raw_code_offset: entry.span_of("relation").start,
            span: entry.span_of("name"),
            checksum: Checksum { name: "sha256".to_owned(), checksum: entry.checksum.clone() },
            fqn: setup.fqn(entry.package, &entry.path, &[entry.name()]),
            language: "sql",
            hook: None,
            relation: Some(parsed),
        });
    }
    drafts
}

/// Reads `ref('a')`, `ref('p', 'a', v=2)` or `source('s', 't')`.
pub(super) fn parse_ref_or_source(text: &str) -> Option<RefOrSource> {
    let inside = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
    let (function, arguments) = inside.strip_suffix(')')?.split_once('(')?;
    let unquote = |part: &str| part.trim().trim_matches(['\'', '"']).to_owned();
    let mut names = Vec::new();
    let mut version = None;
    for part in arguments.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if matches!(key.trim(), "v" | "version") => {
                let value = unquote(value);
                version = Some(value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)));
            }
            _ => names.push(unquote(part)),
        }
    }
    match (function.trim(), names.as_slice()) {
        ("ref", [name]) => Some(RefOrSource::Ref(RefCall { package: None, name: name.clone(), version, span: None })),
        ("ref", [package, name]) => {
            Some(RefOrSource::Ref(RefCall { package: Some(package.clone()), name: name.clone(), version, span: None }))
        }
        ("source", [source, table]) => Some(RefOrSource::Source(source.clone(), table.clone())),
        _ => None,
    }
}

/// Whether the project's own configuration leaves a draft enabled.
pub(super) fn is_enabled_by_project(setup: &Setup<'_>, draft: &Draft) -> bool {
    let (package, empty) = (setup.package_name(draft.package), Map::new());
    let layered = layers::Layers { kind: draft.kind, package, fqn: &draft.fqn, patch: None, call: &empty };
    layers::merge(&setup.trees, &layered).is_enabled()
}

/// Makes the node of a draft: applies its properties, renders it, merges its configuration.
///
/// # Errors
/// When the template fails or the configuration is not valid.
pub(super) fn node(setup: &Setup<'_>, draft: &Draft, patch: Option<&Patch<'_>>) -> Result<Box<Node>, Box<Diagnostic>> {
    let mut node = from_draft(setup, draft);
    if let Some(patch) = patch {
        apply_properties(&mut node, patch);
    }
    let mut patch_config = patch.map(|patch| patch.config.clone()).unwrap_or_default();
    if draft.is_python_model() {
        patch_config.entry("materialized").or_insert_with(|| json!("table"));
    }
    let package = setup.package_name(draft.package).to_owned();
    let call = read_template(setup, &mut node, draft, &patch_config)?;
    let layered =
        layers::Layers { kind: draft.kind, package: &package, fqn: &node.fqn, patch: Some(&patch_config), call: &call };
    node.config = layers::merge(&setup.trees, &layered);
    node.unrendered_config = layers::merge_written(&setup.trees, &layered);
    node.config_call = call;
    if let Some(patch) = patch {
        super::written::note_entry(&mut node, patch.entry, patch.version.as_ref(), &patch_config);
    }
    let mut written = patch_config.clone();
    written.extend(node.written.iter().flat_map(|written| written.settings.clone()));
    let call = &node.config_call;
    let layered = layers::Layers { kind: draft.kind, package: &package, fqn: &node.fqn, patch: Some(&written), call };
    let twice = layers::said_twice(&setup.trees, &layered);
    super::written::note_layers(&mut node, twice);
    let refuse = |node: &Node, wrong: Option<Wrong>| {
        wrong.map_or(Ok(()), |wrong| {
            Err(wrong.diagnostic(setup, node, patch.map(|patch| (patch.entry, &patch.version))))
        })
    };
    let mistake = settings::mistake(&node).or_else(|| super::microbatch::mistake(setup, &node));
    refuse(&node, mistake.or_else(|| super::snapshots::mistake(&node)))?;
    settle(setup, &mut node)?;
    refuse(&node, settings::access_mistake(&node))?;
    if let Some(patch) = patch {
        super::patches::finish_model(&mut node, patch)?;
        super::functions::finish(&mut node, patch.entry)?;
    }
    Ok(node)
}

fn from_draft(setup: &Setup<'_>, draft: &Draft) -> Box<Node> {
    let mut node = setup.blank_node(draft.kind, draft.package, &draft.unique_id, &draft.name);
    node.path.clone_from(&draft.path);
    node.original_file_path.clone_from(&draft.original_file_path);
    node.file = Arc::clone(&draft.file);
    node.span = draft.span;
    node.fqn.clone_from(&draft.fqn);
    node.language = draft.language.to_owned();
    node.raw_code.clone_from(&draft.raw_code);
    node.raw_code_offset = draft.raw_code_offset;
    node.checksum = draft.checksum.clone();
    // What its own template sees, until its configuration is known.
    node.database = Some(setup.project.target.database.clone());
    node.schema.clone_from(&setup.project.target.schema);
    node.kind = match draft.kind {
        ResourceType::Model => NodeKind::Model(Map::new()),
        ResourceType::Seed => {
            NodeKind::Seed { root_path: setup.project.packages[draft.package].root.display().to_string() }
        }
        ResourceType::Snapshot => NodeKind::Snapshot,
        ResourceType::Test => NodeKind::Test(Box::default()),
        ResourceType::Function => NodeKind::Function(Box::default()),
        _ => NodeKind::Plain,
    };
    if let Some(hook) = &draft.hook {
        node.tags = vec![if hook.is_end { "on-run-end" } else { "on-run-start" }.to_owned()];
        node.kind = NodeKind::Hook(hook.clone());
    }
    match &draft.relation {
        Some(RefOrSource::Ref(call)) => node.refs.push(call.clone()),
        Some(RefOrSource::Source(source, table)) => node.source_calls.push((source.clone(), table.clone())),
        None => {}
    }
    node
}

/// The lists of columns of an entry and of its versions, as they stand in the file.
pub(super) fn written_columns(entry: &Entry) -> Vec<&Yaml> {
    let versions = entry.yaml.get("versions").map_or(&[][..], Yaml::items);
    versions.iter().chain([&entry.yaml]).filter_map(|item| item.get("columns")).collect()
}

fn apply_properties(node: &mut Node, patch: &Patch<'_>) {
    let entry = patch.entry;
    node.patch_path = Some(format!("{}://{}", patch.package, entry.original_file_path));
    node.declared = Some(Label::new(&entry.file, entry.span_of("name")));
    node.description = patch.description.clone();
    node.columns = columns::read(&patch.columns, &written_columns(entry));
    node.name.clone_from(&patch.name);
    if let Some(version) = &patch.version {
        node.version = Some(version.clone());
        node.latest_version.clone_from(&patch.latest_version);
    }
    node.deprecation_date.clone_from(&patch.deprecation_date);
}

/// Renders the template for what it says; returns what its `config()` calls say.
fn read_template(
    setup: &Setup<'_>,
    node: &mut Node,
    draft: &Draft,
    patch_config: &Map<String, Data>,
) -> Result<Map<String, Data>, Box<Diagnostic>> {
    if draft.kind == ResourceType::Seed || draft.relation.is_some() {
        return Ok(Map::new());
    }
    if draft.is_python_model() {
        return super::python::read(setup, node);
    }
    if !has_template(&draft.raw_code) {
        return Ok(Map::new());
    }
    // What the template sees of its own configuration is what is known without it.
    let empty = Map::new();
    let package = setup.package_name(draft.package);
    let layered =
        layers::Layers { kind: draft.kind, package, fqn: &draft.fqn, patch: Some(patch_config), call: &empty };
    node.config = layers::merge(&setup.trees, &layered);
    let mut facts = render::node(setup, node)?;
    let call = std::mem::take(&mut facts.config);
    render::take_facts(node, facts);
    Ok(call)
}

/// Draws the conclusions of the merged configuration: tags, meta, names, hooks.
///
/// # Errors
/// When a name macro or a hook fails.
pub(super) fn settle(setup: &Setup<'_>, node: &mut Node) -> Result<(), Box<Diagnostic>> {
    for tag in node.config.tags().map(str::to_owned).collect::<Vec<_>>() {
        if !node.tags.contains(&tag) {
            node.tags.push(tag);
        }
    }
    node.meta = map_of(&node.config.values, "meta");
    node.group = node.config.str("group").map(str::to_owned);
    if node.resource_type == ResourceType::Model {
        node.access = node.config.str("access").map(str::to_owned);
    }
    let docs = map_of(&node.config.values, "docs");
    node.docs = Docs {
        show: docs.get("show").and_then(Data::as_bool).unwrap_or(true),
        node_color: docs.get("node_color").and_then(text_of),
    };
    name_relation(setup, node)?;
    if node.resource_type == ResourceType::Test {
        return Ok(());
    }
    for key in ["pre-hook", "post-hook"] {
        for hook in list_of(&node.config.values, key) {
            if let Some(sql) = hook.get("sql").and_then(Data::as_str).filter(|sql| has_template(sql)) {
                let facts = render::hook(setup, node, sql)?;
                render::take_facts(node, facts);
            }
        }
    }
    if node.resource_type == ResourceType::Seed && !(node.refs.is_empty() && node.source_calls.is_empty()) {
        let message = format!("Seeds cannot depend on other nodes, as a hook of seed '{}' does", node.name);
        let error = Diagnostic::error(Code::PropertyInvalid, message).in_file(&node.file);
        return Err(Box::new(error.hint("take `ref` and `source` out of the hook, or write the relation's name")));
    }
    Ok(())
}

fn name_relation(setup: &Setup<'_>, node: &mut Node) -> Result<(), Box<Diagnostic>> {
    let target = &setup.project.target;
    node.database = Some(target.database.clone());
    node.schema.clone_from(&target.schema);
    let custom = |node: &Node, key: &str| node.config.get(key).and_then(text_of);
    let database = custom(node, "database");
    node.database = render::name(setup, NameKind::Database, database.as_deref(), node)?;
    let schema = custom(node, "schema");
    node.schema = render::name(setup, NameKind::Schema, schema.as_deref(), node)?.unwrap_or_default();
    let alias = custom(node, "alias");
    node.alias = render::name(setup, NameKind::Alias, alias.as_deref(), node)?.unwrap_or_default();
    if node.resource_type == ResourceType::Snapshot {
        if let Some(database) = custom(node, "target_database") {
            node.database = Some(database);
        }
        if let Some(schema) = custom(node, "target_schema") {
            node.schema = schema;
        }
    }
    let stores_failures = node.config.bool("store_failures").unwrap_or(setup.project.settings.store_failures);
    let is_relation = match node.resource_type {
        ResourceType::Model => node.config.materialized() != "ephemeral",
        ResourceType::Seed | ResourceType::Snapshot => true,
        ResourceType::Test => stores_failures,
        _ => false,
    };
    node.relation_name = is_relation.then(|| {
        let quoting = map_of(&node.config.values, "quoting");
        setup.relation_name(node.database.as_deref().unwrap_or_default(), &node.schema, &node.alias, Some(&quoting))
    });
    Ok(())
}

/// Warns of keys in a `config:` mapping that look like a misspelled known key.
pub(super) fn misspelled_keys(entry: &Entry, kind: ResourceType, diagnostics: &mut Diagnostics) {
    let Some(config) = entry.yaml.get("config") else { return };
    let known = layers::known_keys(kind);
    for pair in config.entries() {
        let key = pair.key.trim_start_matches('+').replace("_hook", "-hook");
        if known.contains(&key) {
            continue;
        }
        if let Some(hint) = did_you_mean(&key, known.iter().map(String::as_str)) {
            let message = format!("unknown key `{}` in the config of {kind} `{}`", pair.key, entry.name());
            let warning = Diagnostic::warning(Code::UnknownKey, message).at(&entry.file, pair.key_span);
            diagnostics.push(warning.hint(format!("{hint} Put your own keys under `meta:`")));
        }
    }
}
