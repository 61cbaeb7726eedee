//! Property files: YAML lists of models, sources, exposures and so on, read and rendered, not yet applied.

use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::{Setup, shape};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use crate::project::yaml::{self, Yaml, YamlEntry, YamlKind};
use crate::project::{ProjectFile, YamlScope};

/// The lists that a property file may hold.
const LISTS: &[&str] = &[
    "models",
    "seeds",
    "snapshots",
    "sources",
    "macros",
    "analyses",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "data_tests",
    "functions",
];

/// One entry of a list in a property file.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The list it stands in, such as `models`.
    pub(super) list: &'static str,
    /// Index of the package.
    pub(super) package: usize,
    /// The file.
    pub(super) file: Arc<SourceFile>,
    /// Path of the file below the package's root.
    pub(super) original_file_path: String,
    /// Path of the file below its resource folder.
    pub(super) path: String,
    /// The checksum of the file.
    pub(super) checksum: String,
    /// As written, with places.
    pub(super) yaml: Yaml,
    /// Rendered, except what is rendered later (descriptions, tests, hooks).
    pub(super) data: Map<String, Data>,
}

impl Entry {
    /// `name:`; empty if there is none, which reading has reported.
    pub(super) fn name(&self) -> &str {
        self.data.get("name").and_then(Data::as_str).unwrap_or_default()
    }

    /// The `config:` mapping.
    pub(super) fn config(&self) -> Map<String, Data> {
        map_of(&self.data, "config")
    }

    /// Text of a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.data.get(key).and_then(text_of)
    }

    /// The place of a key's value, or of the entry.
    pub(super) fn span_of(&self, key: &str) -> Span {
        self.yaml.get(key).map_or(self.yaml.span, |value| value.span)
    }

    /// An error at a key's value.
    pub(super) fn error(&self, key: &str, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(&self.file, self.span_of(key))
    }
}

/// The mapping under a key; empty if it is anything else.
pub(super) fn map_of(data: &Map<String, Data>, key: &str) -> Map<String, Data> {
    match data.get(key) {
        Some(Data::Object(map)) => map.clone(),
        _ => Map::new(),
    }
}

/// The list under a key; a lone value counts as a list of one, null as none.
pub(super) fn list_of(data: &Map<String, Data>, key: &str) -> Vec<Data> {
    match data.get(key) {
        Some(Data::Array(list)) => list.clone(),
        None | Some(Data::Null) => Vec::new(),
        Some(other) => vec![other.clone()],
    }
}

/// The texts of a list.
pub(super) fn texts(list: &[Data]) -> Vec<String> {
    list.iter().filter_map(text_of).collect()
}

/// A scalar as text.
pub(super) fn text_of(value: &Data) -> Option<String> {
    match value {
        Data::String(text) => Some(text.clone()),
        Data::Number(number) => Some(number.to_string()),
        Data::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

/// Reads one property file.
pub(super) fn read(setup: &Setup<'_>, file: &ProjectFile, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let document = match yaml::parse(&file.file, diagnostics) {
        Ok(document) => document,
        Err(error) => {
            diagnostics.push(*error);
            return Vec::new();
        }
    };
    let (kind_name, span) = (document.kind_name(), document.span);
    match document.kind {
        YamlKind::Null => Vec::new(),
        YamlKind::Map(lists) => read_lists(setup, file, lists, diagnostics),
        _ => {
            let message = format!("a property file holds a mapping, this one {kind_name}");
            diagnostics.push(
                Diagnostic::error(Code::YamlType, message)
                    .at(&file.file, span)
                    .hint("begin with `models:` or another list of resources"),
            );
            Vec::new()
        }
    }
}

fn read_lists(
    setup: &Setup<'_>,
    file: &ProjectFile,
    lists: Vec<YamlEntry>,
    diagnostics: &mut Diagnostics,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for pair in lists {
        let Some(list) = LISTS.iter().find(|list| **list == pair.key) else {
            if !matches!(pair.key.as_str(), "version" | "anchors") {
                diagnostics.extend(misspelled_list(file, &pair.key, pair.key_span));
            }
            continue;
        };
        let (kind_name, span) = (pair.value.kind_name(), pair.value.span);
        match pair.value.kind {
            YamlKind::Seq(items) => {
                entries.extend(items.into_iter().filter_map(|item| read_entry(setup, file, list, item, diagnostics)));
            }
            YamlKind::Null => {}
            _ => {
                let message = format!("`{list}` must be a list, not {kind_name}");
                diagnostics.push(
                    Diagnostic::error(Code::YamlType, message)
                        .at(&file.file, span)
                        .hint("begin each entry with `- name:`"),
                );
            }
        }
    }
    entries
}

fn misspelled_list(file: &ProjectFile, key: &str, span: Span) -> Option<Diagnostic> {
    let hint = did_you_mean(key, LISTS.iter().copied())?;
    Some(
        Diagnostic::warning(Code::UnknownKey, format!("unknown key `{key}` in a property file"))
            .at(&file.file, span)
            .hint(hint),
    )
}

fn read_entry(
    setup: &Setup<'_>,
    file: &ProjectFile,
    list: &'static str,
    item: Yaml,
    diagnostics: &mut Diagnostics,
) -> Option<Entry> {
    if !matches!(item.kind, YamlKind::Map(_)) {
        let message = format!("an entry of `{list}` must be a mapping, not {}", item.kind_name());
        diagnostics
            .push(Diagnostic::error(Code::YamlType, message).at(&file.file, item.span).hint("write `- name: …`"));
        return None;
    }
    if item.get("name").is_none() {
        let message = format!("an entry of `{list}` has no `name`");
        diagnostics.push(Diagnostic::error(Code::PropertyInvalid, message).at(&file.file, item.span));
        return None;
    }
    let mut problems = Diagnostics::new();
    shape::check(&file.file, list, &item, &mut problems);
    // What is read of a unit test whose keys are wrong would be told as wrong again.
    let is_lost = list == "unit_tests" && problems.has_errors();
    diagnostics.extend(problems);
    if is_lost {
        return None;
    }
    let vars = setup.vars_of(file.package);
    let scope = YamlScope {
        target: Some(&setup.project.target),
        vars,
        env: &setup.project.settings.env,
        may_read_secrets: false,
    };
    let mut renderer = EntryRenderer { setup, file, list, scope, diagnostics, failed: false };
    let data = renderer.render(&item, &mut Vec::new());
    let has_failed = renderer.failed;
    let Data::Object(data) = data else { return None };
    if has_failed {
        return None;
    }
    Some(Entry {
        list,
        package: file.package,
        file: Arc::clone(&file.file),
        original_file_path: file.original_file_path.clone(),
        path: file.path.clone(),
        checksum: file.checksum.checksum.clone(),
        yaml: item,
        data,
    })
}

struct EntryRenderer<'a, 'b> {
    setup: &'a Setup<'b>,
    file: &'a ProjectFile,
    list: &'static str,
    scope: YamlScope<'a>,
    diagnostics: &'a mut Diagnostics,
    failed: bool,
}

impl EntryRenderer<'_, '_> {
    fn render(&mut self, value: &Yaml, path: &mut Vec<String>) -> Data {
        match &value.kind {
            YamlKind::String(text) if has_template(text) && is_rendered_now(self.list, path) => {
                self.render_text(text, value.span)
            }
            // Jinja takes off one line end at the end of a template, and to dbt every text that it renders is one.
            YamlKind::String(text) if text.ends_with('\n') && is_rendered_now(self.list, path) => {
                Data::String(text.strip_suffix('\n').unwrap_or(text).to_owned())
            }
            YamlKind::Seq(items) => {
                let items = items.iter().enumerate().map(|(ix, item)| {
                    path.push(ix.to_string());
                    let data = self.render(item, path);
                    path.pop();
                    data
                });
                Data::Array(items.collect())
            }
            YamlKind::Map(entries) => {
                let pairs = entries.iter().map(|entry| {
                    path.push(entry.key.clone());
                    let data = self.render(&entry.value, path);
                    path.pop();
                    (entry.key.clone(), data)
                });
                Data::Object(pairs.collect())
            }
            // Templates of tests get dates; everywhere else they are texts.
            YamlKind::Moment(_) if path.iter().any(|part| matches!(part.as_str(), "tests" | "data_tests")) => {
                value.to_marked_data()
            }
            _ => value.to_data(),
        }
    }

    fn render_text(&mut self, text: &str, span: Span) -> Data {
        match self.setup.yaml.render_native(text, self.scope) {
            Ok(data) => data,
            Err(error) => {
                self.diagnostics.push(error.at(&self.file.file, span));
                self.failed = true;
                Data::Null
            }
        }
    }
}

/// Tells whether a text holds template markers.
pub(super) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Tells whether the value at a path of an entry is rendered when the file is read:
/// descriptions and tests are rendered later, hooks when they run, filters by the metrics engine.
fn is_rendered_now(list: &str, path: &[String]) -> bool {
    let at = |ix: usize| path.get(ix).map_or("", String::as_str);
    let is_late = |part: &str| matches!(part, "tests" | "data_tests" | "description" | "loaded_at_query");
    let is_late_path = |path: &[String]| {
        let at = |ix: usize| path.get(ix).map_or("", String::as_str);
        is_late(at(0))
            || (path.len() == 2 && is_late(at(1)))
            || (at(0) == "config"
                && matches!(at(1), "pre_hook" | "post_hook" | "pre-hook" | "post-hook" | "loaded_at_query"))
            || (path.len() == 5 && at(4) == "description")
            || (matches!(at(0), "columns" | "dimensions" | "measures" | "entities") && is_late(at(2)))
    };
    match list {
        "sources" => match at(0) {
            "description" | "loaded_at_query" => false,
            "config" => at(1) != "loaded_at_query",
            "tables" => !is_late_path(path.get(2..).unwrap_or_default()),
            _ => true,
        },
        "macros" if at(0) == "arguments" => !is_late_path(&path[1..]),
        "metrics" if path.iter().rev().take(2).any(|part| part == "filter") => false,
        "saved_queries" if at(0) == "query_params" && at(1) == "where" => false,
        // What a macro gets and prints may be a template itself.
        "unit_tests" if at(0) == "args" || (at(0) == "expect" && at(1) == "text") => false,
        _ => !is_late_path(path),
    }
}
