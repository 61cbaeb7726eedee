//! Macros of the project, its packages and kiln itself.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value as Data, json};

use super::deprecation::Deprecation;
use super::properties::{Entry, list_of, map_of, text_of};
use super::{Setup, macro_arguments, render};
use crate::builtins::Builtin;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label, did_you_mean};
use crate::jinja::{self, BlockKind, MacroDef, MacroEntry, MacroKind, MacroRegistry, SourceRef, TestMacros};
use crate::manifest::{Docs, MacroArgument, MacroInfo, UniqueId};
use crate::project::{FileKind, Project, ProjectFiles};

const MACRO_BLOCKS: &[BlockKind] =
    &[BlockKind::Macro, BlockKind::Test, BlockKind::DataTest, BlockKind::Materialization];

/// Collects all macros: kiln's own, then those of the packages, then the root project's.
pub fn registry(
    project: &Project,
    files: &ProjectFiles,
    builtins: &[&'static [Builtin]],
    diagnostics: &mut Diagnostics,
) -> Arc<MacroRegistry> {
    let mut defs = Vec::new();
    let mut internal: Vec<String> = Vec::new();
    for builtin in builtins.iter().copied().flatten() {
        if !internal.iter().any(|package| package == builtin.package) {
            internal.push(builtin.package.to_owned());
        }
        let source = SourceRef::new(builtin.path, builtin.sql);
        if let Ok(scanned) = jinja::scan(builtin.sql, MACRO_BLOCKS) {
            defs.extend(
                scanned.blocks.iter().filter_map(|block| MacroDef::from_block(builtin.package, &source, block)),
            );
        }
    }
    let mut stray_tags = Deprecation::stray_tags();
    for file in files.files.iter().filter(|file| matches!(file.kind, FileKind::Macro | FileKind::GenericTest)) {
        let package = &project.packages[file.package].config.name;
        let source = SourceRef::new(file.original_file_path.as_str(), file.file.shared_text());
        match jinja::scan(file.file.text(), MACRO_BLOCKS) {
            Ok(scanned) => {
                let blocks = scanned.blocks.iter();
                defs.extend(blocks.filter_map(|block| MacroDef::from_block(package, &source, block)));
                stray_tags.add_stray_tags(&file.file, &file.original_file_path, &scanned.strays);
            }
            Err(error) => diagnostics.push(render::block_error(&file.file, &error)),
        }
    }
    stray_tags.report(project, diagnostics);
    let registry = MacroRegistry::builder()
        .internal_packages(internal)
        .root_package(project.root().config.name.clone())
        .add_all(defs)
        .build();
    for duplicate in registry.duplicates() {
        diagnostics.push(duplicate_macro(&duplicate.first, &duplicate.second));
    }
    registry
}

fn duplicate_macro(first: &MacroDef, second: &MacroDef) -> Diagnostic {
    let message = format!(
        "dbt found two macros named \"{}\" in the project \"{}\". To fix this error, rename or remove one of the following macros: {}, {}",
        first.name, first.package, first.source.path, second.source.path
    );
    let other = Label::new(&first.file(), first.head()).with_text("the other definition");
    Diagnostic::error(Code::DuplicateMacro, message)
        .at(&second.file(), second.head())
        .related(other)
        .hint("rename or remove one of the two")
}

/// Describes all macros for the manifest.
pub(super) fn infos(
    setup: &Setup<'_>,
    entries: &[Entry],
    diagnostics: &mut Diagnostics,
) -> BTreeMap<UniqueId, MacroInfo> {
    let mut infos = BTreeMap::new();
    let are_arguments_read = setup.project.settings.flag("validate_macro_args");
    for entry in setup.macros.iter() {
        let def = &entry.def;
        let info = MacroInfo {
            name: def.name.clone(),
            package: def.package.clone(),
            path: def.source.path.to_string(),
            macro_sql: def.text().to_owned(),
            depends_on: depends_on(setup, entry),
            description: String::new(),
            meta: Map::new(),
            docs: Docs::default(),
            config: json_map(json!({"meta": {}, "docs": {"show": true, "node_color": null}})),
            patch_path: None,
            arguments: if are_arguments_read && !is_generic_test_file(setup, entry) {
                inferred_arguments(entry)
            } else {
                Vec::new()
            },
            supported_languages: match &def.kind {
                MacroKind::Materialization { languages, .. } => Some(languages.clone()),
                _ => None,
            },
            created_at: setup.created_at,
        };
        infos.insert(UniqueId::new(def.unique_id.as_str()), info);
    }
    let mut described: BTreeMap<String, &Entry> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.list == "macros") {
        let package = setup.package_name(entry.package);
        let id = format!("macro.{package}.{}", entry.name());
        if let Some(info) = infos.get_mut(id.as_str()) {
            if let Some(other) = described.insert(id, entry) {
                diagnostics.push(described_twice(entry, other));
                continue;
            }
            if are_arguments_read {
                macro_arguments::check(info, entry, diagnostics);
            }
            describe(info, entry, package);
        } else {
            let names = infos.values().filter(|info| info.package == package).map(|info| info.name.as_str());
            let message = format!("Found patch for macro \"{}\" which was not found", entry.name());
            let event = DbtEvent::new(("MacroNotFoundForPatch", "I059"), json!({"patch_name": entry.name()}));
            let warning = Diagnostic::warning(Code::PatchWithoutNode, message).at(&entry.file, entry.span_of("name"));
            diagnostics.push(warning.with_event(event).maybe_hint(did_you_mean(entry.name(), names)));
        }
    }
    infos
}

fn described_twice(entry: &Entry, first: &Entry) -> Diagnostic {
    let name = entry.name();
    let message = format!("two entries describe the macro `{name}`: macros may only be described a single time");
    let other = Label::new(&first.file, first.span_of("name")).with_text("the other one");
    let error = Diagnostic::error(Code::DuplicatePatch, message).at(&entry.file, entry.span_of("name"));
    error.related(other).hint("keep one of the two entries")
}

/// The macros that a macro's text calls, `if` or not, in the order of the calls.
pub(super) fn depends_on(setup: &Setup<'_>, entry: &MacroEntry) -> Vec<String> {
    let (registry, project) = (setup.macros, setup.project);
    let is_context_name = |name: &str| setup.shared.knows(name);
    let dispatched = |name: &str, namespace: Option<&str>| {
        dispatch(registry, project, name, namespace).map(|found| found.def.unique_id.clone())
    };
    registry.depends_on(entry, &is_context_name, &dispatched)
}

/// The macros that a macro calls, directly or through others. Where dbt parses a generic test, their bare names are
/// known, also those of packages.
pub(super) fn reached_by(setup: &Setup<'_>, macro_id: &str) -> Arc<TestMacros> {
    let mut known = setup.test_macros.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(macro_id) {
        return Arc::clone(found);
    }
    let mut reached = vec![macro_id.to_owned()];
    let mut next = 0;
    while let Some(entry) = reached.get(next).map(|id| setup.macros.by_id(id)) {
        let called = entry.map(|entry| depends_on(setup, entry)).unwrap_or_default();
        reached.extend(called.into_iter().filter(|id| !reached.contains(id)).collect::<Vec<_>>());
        next += 1;
    }
    let found = Arc::new(TestMacros::new(setup.macros, &reached));
    known.insert(macro_id.to_owned(), Arc::clone(&found));
    found
}

/// The macro that `adapter.dispatch` finds: for each package in dbt's order, the adapter's own, then the default.
fn dispatch<'r>(
    registry: &'r MacroRegistry,
    project: &Project,
    name: &str,
    namespace: Option<&str>,
) -> Option<&'r Arc<MacroEntry>> {
    let prefixes = jinja::prefixes(&project.target.adapter_type);
    jinja::search_packages(project, namespace).into_iter().find_map(|searched| {
        prefixes.iter().find_map(|prefix| {
            let name = format!("{prefix}__{name}");
            match searched.as_deref() {
                Some(searched) if registry.internal_packages().iter().any(|internal| internal == searched) => {
                    registry.internal_packages().iter().find_map(|internal| registry.in_package(internal, &name))
                }
                Some(searched) => registry.in_package(searched, &name),
                None => registry.resolve(None, &name),
            }
        })
    })
}

/// Whether a macro stands in a file of generic tests, below `tests/generic`.
fn is_generic_test_file(setup: &Setup<'_>, entry: &MacroEntry) -> bool {
    let Some(package) = setup.project.package(&entry.def.package) else { return false };
    package.config.test_paths.iter().any(|folder| entry.def.source.path.starts_with(&format!("{folder}/generic/")))
}

/// The arguments that a macro's own header names.
fn inferred_arguments(entry: &MacroEntry) -> Vec<MacroArgument> {
    let argument = |name: &String| MacroArgument { name: name.clone(), ..MacroArgument::default() };
    entry.parameters().unwrap_or_default().iter().map(argument).collect()
}

fn json_map(data: Data) -> Map<String, Data> {
    data.as_object().cloned().unwrap_or_default()
}

fn describe(info: &mut MacroInfo, entry: &Entry, package: &str) {
    info.patch_path = Some(format!("{package}://{}", entry.original_file_path));
    info.description = entry.text("description").unwrap_or_default();
    let config = entry.config();
    info.meta = map_of(&entry.data, "meta");
    info.meta.extend(map_of(&config, "meta"));
    let mut docs = map_of(&entry.data, "docs");
    docs.extend(map_of(&config, "docs"));
    info.docs = Docs {
        show: docs.get("show").and_then(Data::as_bool).unwrap_or(true),
        node_color: docs.get("node_color").and_then(text_of),
    };
    info.config = json_map(json!({
        "meta": info.meta,
        "docs": {"show": info.docs.show, "node_color": info.docs.node_color},
    }));
    let written = list_of(&entry.data, "arguments");
    if written.is_empty() {
        return;
    }
    info.arguments = written
        .iter()
        .map(|argument| MacroArgument {
            name: argument.get("name").and_then(text_of).unwrap_or_default(),
            data_type: argument.get("type").and_then(text_of),
            description: argument.get("description").and_then(text_of).unwrap_or_default(),
        })
        .collect();
}
