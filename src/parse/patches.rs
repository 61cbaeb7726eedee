//! Which property entry describes which node, and what it says.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::generic_tests::TestTarget;
use super::nodes::{Draft, parse_ref_or_source};
use super::properties::{Entry, list_of, map_of, text_of};
use super::{Setup, columns, contracts, nodes};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label, Span, did_you_mean};
use crate::manifest::{Node, NodeKind, ResourceType};

/// What a property file says about one node.
#[derive(Clone, Debug)]
pub(super) struct Patch<'a> {
    pub(super) entry: &'a Entry,
    /// Package of the property file.
    pub(super) package: String,
    pub(super) name: String,
    pub(super) description: String,
    /// Columns, as rendered data.
    pub(super) columns: Vec<Data>,
    /// `config:`, with the keys that may also stand beside it.
    pub(super) config: Map<String, Data>,
    pub(super) constraints: Vec<Data>,
    pub(super) version: Option<Data>,
    pub(super) latest_version: Option<Data>,
    pub(super) deprecation_date: Option<String>,
    pub(super) time_spine: Option<Data>,
    /// Tests declared on the node itself.
    pub(super) tests: Vec<Data>,
}

/// The lists whose entries describe nodes, and the kinds they describe.
const PATCHING: &[(&str, &[ResourceType])] = &[
    ("models", &[ResourceType::Model]),
    ("seeds", &[ResourceType::Seed]),
    ("snapshots", &[ResourceType::Snapshot]),
    ("analyses", &[ResourceType::Analysis]),
    ("data_tests", &[ResourceType::Test]),
    ("functions", &[ResourceType::Function]),
];

const REFABLE: &[ResourceType] = &[ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot];

/// Assigns entries to drafts. Versioned models get their ids, names and paths here.
pub(super) struct Assigned<'a> {
    /// By index of the draft.
    pub(super) patches: HashMap<usize, Arc<Patch<'a>>>,
    /// What tests may be declared on, with the patch that declares them, in the order of the files.
    pub(super) targets: Vec<(TestTarget, Arc<Patch<'a>>)>,
}

/// Finds the drafts that the entries describe.
pub(super) fn assign<'a>(
    setup: &Setup<'_>,
    drafts: &mut [Draft],
    entries: &'a [Entry],
    diagnostics: &mut Diagnostics,
) -> Assigned<'a> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (ix, draft) in drafts.iter().enumerate() {
        by_name.entry(draft.name.clone()).or_default().push(ix);
    }
    let mut assigned = Assigned { patches: HashMap::new(), targets: Vec::new() };
    for entry in entries {
        let Some((_, kinds)) = PATCHING.iter().find(|(list, _)| *list == entry.list) else { continue };
        nodes::misspelled_keys(entry, kinds[0], diagnostics);
        if let Some(problem) = both_test_keys(entry).or_else(|| date_problem(entry, &entry.data)) {
            diagnostics.push(problem);
            continue;
        }
        let finder = Finder { setup, by_name: &by_name, kinds, entry };
        if list_of(&entry.data, "versions").is_empty() {
            assign_plain(&finder, drafts, &mut assigned, diagnostics);
        } else {
            assign_versions(&finder, drafts, &mut assigned, diagnostics);
        }
    }
    assigned
}

fn both_test_keys(entry: &Entry) -> Option<Diagnostic> {
    let both = |map: &Map<String, Data>| map.contains_key("tests") && map.contains_key("data_tests");
    let in_columns = list_of(&entry.data, "columns").iter().any(|column| column.as_object().is_some_and(both));
    (both(&entry.data) || in_columns).then(|| {
        let message = "Invalid test config: cannot have both 'tests' and 'data_tests' defined";
        entry.error("name", Code::PropertyInvalid, message).hint("move all tests under `data_tests:`")
    })
}

struct Finder<'f, 'a> {
    setup: &'f Setup<'f>,
    by_name: &'f BTreeMap<String, Vec<usize>>,
    kinds: &'static [ResourceType],
    entry: &'a Entry,
}

impl Finder<'_, '_> {
    /// The drafts of that name: those of the entry's own package, else those of the first package that has any.
    fn find(&self, drafts: &[Draft], name: &str, kinds: &[ResourceType]) -> Vec<usize> {
        let fitting: Vec<usize> = self
            .by_name
            .get(name)
            .into_iter()
            .flatten()
            .copied()
            .filter(|ix| kinds.contains(&drafts[*ix].kind))
            .collect();
        let of_package = |package: usize| -> Vec<usize> {
            fitting.iter().copied().filter(|ix| drafts[*ix].package == package).collect()
        };
        let own = of_package(self.entry.package);
        if fitting.len() == own.len() || !kinds.iter().any(|kind| kind.is_refable()) {
            return own;
        }
        // A disabled node of the own package gives way to an enabled one of another.
        let is_enabled = |ix: &usize| nodes::is_enabled_by_project(self.setup, &drafts[*ix]);
        if own.iter().any(is_enabled) {
            return own;
        }
        match fitting.iter().find(|ix| is_enabled(ix)) {
            Some(other) => of_package(drafts[*other].package),
            None => own,
        }
    }

    /// The warning that nothing has the name of the entry, or the file name of one of its versions.
    fn missing(&self, drafts: &[Draft], name: &str, version: Option<usize>) -> Diagnostic {
        let entry = self.entry;
        if let Some(ix) = self.find(drafts, name, REFABLE).first() {
            let kind = drafts[*ix].kind;
            let message = format!("`{name}` is a {kind}, but is described under `{}:`", entry.list);
            let hint = format!("move the entry under `{kind}s:`");
            let facts = json!({
                "patch_name": name, "resource_type": kind.as_str(), "plural_resource_type": format!("{kind}s"),
                "yaml_key": entry.list, "file_path": entry.original_file_path,
            });
            return Diagnostic::warning(Code::PatchWithoutNode, message)
                .at(&entry.file, entry.span_of("name"))
                .with_event(DbtEvent::new(("WrongResourceSchemaFile", "I057"), facts))
                .hint(hint);
        }
        let names = drafts.iter().filter(|draft| self.kinds.contains(&draft.kind)).map(|draft| draft.name.as_str());
        let message = format!(
            "Did not find matching node for patch with name '{name}' in the '{}' section of file '{}'",
            entry.list, entry.original_file_path
        );
        let facts = json!({"patch_name": name, "yaml_key": entry.list, "file_path": entry.original_file_path});
        let span = version.map_or_else(|| entry.span_of("name"), |ix| version_span(entry, ix));
        let near = did_you_mean(name, names);
        let of_version = version.map(|_| format!("write it in `{name}.sql`, or name its file with `defined_in`"));
        Diagnostic::warning(Code::PatchWithoutNode, message)
            .at(&entry.file, span)
            .with_event(DbtEvent::new(("NoNodeForYamlKey", "I058"), facts))
            .maybe_hint(near.filter(|_| version.is_none()).or(of_version))
    }
}

fn assign_plain<'a>(
    finder: &Finder<'_, 'a>,
    drafts: &[Draft],
    assigned: &mut Assigned<'a>,
    diagnostics: &mut Diagnostics,
) {
    let entry = finder.entry;
    let patch = Arc::new(plain_patch(finder.setup, entry));
    if !matches!(entry.list, "analyses" | "data_tests" | "functions") {
        let target = TestTarget::Node { name: entry.name().to_owned(), version: None };
        assigned.targets.push((target, patch.clone()));
    }
    let mut found = finder.find(drafts, entry.name(), finder.kinds);
    if found.is_empty() {
        // Versions that another entry has described; none of them can have a second description.
        let is_version = |ix: &usize| {
            let patch = assigned.patches.get(ix);
            drafts[*ix].package == entry.package && patch.is_some_and(|patch| patch.name == entry.name())
        };
        found.extend((0..drafts.len()).find(is_version).filter(|_| finder.kinds.contains(&ResourceType::Model)));
    }
    if found.is_empty() {
        diagnostics.push(finder.missing(drafts, entry.name(), None));
    }
    for ix in found {
        put(assigned, ix, patch.clone(), diagnostics);
    }
}

fn put<'a>(assigned: &mut Assigned<'a>, ix: usize, patch: Arc<Patch<'a>>, diagnostics: &mut Diagnostics) {
    if let Some(earlier) = assigned.patches.get(&ix) {
        let message = format!("dbt found two schema.yml entries for the same resource named {}", patch.name);
        let first = Label::new(&earlier.entry.file, earlier.entry.span_of("name")).with_text("the other entry");
        let error = patch.entry.error("name", Code::DuplicatePatch, message).related(first);
        diagnostics.push(error.hint("keep one of the two entries"));
        return;
    }
    assigned.patches.insert(ix, patch);
}

fn plain_patch<'a>(setup: &Setup<'_>, entry: &'a Entry) -> Patch<'a> {
    Patch {
        entry,
        package: setup.package_name(entry.package).to_owned(),
        name: entry.name().to_owned(),
        description: entry.text("description").unwrap_or_default(),
        columns: list_of(&entry.data, "columns"),
        config: config_of(&entry.data),
        constraints: list_of(&entry.data, "constraints"),
        version: None,
        latest_version: None,
        deprecation_date: entry.text("deprecation_date").map(instant),
        time_spine: entry.data.get("time_spine").cloned(),
        tests: tests_of(&entry.data),
    }
}

/// A date as an instant, as published: midnight UTC unless it says a time and a zone.
fn instant(text: String) -> String {
    let Some((day, time)) = text.split_once([' ', 'T']) else {
        return match text.parse::<jiff::civil::Date>() {
            Ok(date) => format!("{date}T00:00:00+00:00"),
            Err(_) => text,
        };
    };
    match time.strip_suffix('Z') {
        Some(time) => format!("{day}T{time}+00:00"),
        None if time.contains(['+', '-']) => format!("{day}T{time}"),
        None => format!("{day}T{time}+00:00"),
    }
}

/// `config:` with the keys that older projects write beside it.
fn config_of(data: &Map<String, Data>) -> Map<String, Data> {
    let mut config = map_of(data, "config");
    for key in ["meta", "docs", "group", "contract", "access"] {
        if let Some(value) = data.get(key) {
            config.entry(key).or_insert_with(|| value.clone());
        }
    }
    config
}

/// The tests of a node or column, under either key.
pub(super) fn tests_of(data: &Map<String, Data>) -> Vec<Data> {
    let tests = list_of(data, "data_tests");
    if tests.is_empty() { list_of(data, "tests") } else { tests }
}

fn assign_versions<'a>(
    finder: &Finder<'_, 'a>,
    drafts: &mut [Draft],
    assigned: &mut Assigned<'a>,
    diagnostics: &mut Diagnostics,
) {
    let entry = finder.entry;
    let versions: Vec<Map<String, Data>> =
        list_of(&entry.data, "versions").into_iter().filter_map(|version| version.as_object().cloned()).collect();
    let problems = version_problems(entry, &versions);
    if !problems.is_empty() {
        diagnostics.extend(problems);
        return;
    }
    let latest = entry.data.get("latest_version").filter(|value| !value.is_null()).cloned();
    let latest = latest.or_else(|| newest(&versions)).unwrap_or(Data::Null);
    for (number, version) in versions.iter().enumerate() {
        let v = version.get("v").cloned().unwrap_or(Data::Null);
        let label = format!("v{}", text_of(&v).unwrap_or_default());
        let file_name =
            version.get("defined_in").and_then(text_of).unwrap_or_else(|| format!("{}_{label}", entry.name()));
        let mut found = finder.find(drafts, &file_name, finder.kinds);
        if found.is_empty() && v == latest {
            found = finder.find(drafts, entry.name(), finder.kinds);
        }
        let patch = Arc::new(versioned_patch(finder.setup, entry, version, &v, &latest));
        let target = TestTarget::Node { name: entry.name().to_owned(), version: Some(v.clone()) };
        assigned.targets.push((target, patch.clone()));
        if found.is_empty() {
            diagnostics.push(finder.missing(drafts, &file_name, Some(number)));
        }
        for ix in found {
            let draft = &mut drafts[ix];
            draft.unique_id = format!("model.{}.{}.{label}", finder.setup.package_name(draft.package), entry.name());
            entry.name().clone_into(&mut draft.name);
            if let Some(last) = draft.fqn.last_mut() {
                entry.name().clone_into(last);
            }
            draft.fqn.push(label.clone());
            put(assigned, ix, patch.clone(), diagnostics);
        }
    }
}

/// The place of a version, by its index.
fn version_span(entry: &Entry, ix: usize) -> Span {
    let written = entry.yaml.get("versions").and_then(|list| list.items().get(ix));
    written.map_or_else(|| entry.span_of("versions"), |item| item.span)
}

fn version_problems(entry: &Entry, versions: &[Map<String, Data>]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (ix, version) in versions.iter().enumerate() {
        let problem =
            |span: Span, message: String| Diagnostic::error(Code::PropertyInvalid, message).at(&entry.file, span);
        let span = version_span(entry, ix);
        let Some(v) = version.get("v").and_then(text_of) else {
            let message = format!("a version of model '{}' has no `v`", entry.name());
            problems.push(problem(span, message).hint("number it: `v: 1`"));
            continue;
        };
        if let Some((column, message, hint)) = column_problem(version) {
            let columns = entry.yaml.get("versions").and_then(|list| list.items().get(ix)?.get("columns"));
            let span = columns.and_then(|columns| columns.items().get(column)).map_or(span, |item| item.span);
            let message = format!("version {v} of model '{}': {message}", entry.name());
            problems.push(problem(span, message).hint(hint));
        }
        if !seen.insert(v.clone()) {
            let message = format!("Found duplicate version: '{v}' in versions list of model '{}'", entry.name());
            problems.push(problem(span, message).hint("give each version a number of its own"));
        }
        problems.extend(date_problem(entry, version));
    }
    let latest = entry.data.get("latest_version").filter(|value| !value.is_null()).and_then(text_of);
    if let Some(latest) = latest.filter(|latest| problems.is_empty() && !seen.contains(latest)) {
        let known = seen.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("latest_version: {latest} is not one of model '{}' versions: [{known}]", entry.name());
        let error = entry.error("latest_version", Code::PropertyInvalid, message);
        problems.push(error.hint("name one of the versions, or leave it out: the highest is the latest"));
    }
    problems
}

/// What is wrong with the columns that a version takes over: the index of the column, a sentence and a hint.
fn column_problem(version: &Map<String, Data>) -> Option<(usize, &'static str, &'static str)> {
    let own = list_of(version, "columns");
    let is_rule = |column: &Data| column.get("include").is_some() || column.get("exclude").is_some();
    let mut rules = own.iter().enumerate().filter(|(_, column)| is_rule(column));
    let (at, rule) = rules.next()?;
    if let Some((second, _)) = rules.next() {
        let hint = "put all names into one list";
        return Some((second, "its columns can have at most one include/exclude element", hint));
    }
    let list_hint = "write `include: all`, or a list of names";
    let include = match rule.get("include") {
        None => return Some((at, "`exclude` goes with `include: all` alone", "add `include: all` beside it")),
        Some(Data::String(word)) if !matches!(word.as_str(), "all" | "*") => {
            return Some((at, "`include` is neither `all` nor a list of names", list_hint));
        }
        Some(include) => include,
    };
    let excludes = list_of(rule.as_object()?, "exclude");
    let is_both = include.is_array() && !excludes.is_empty();
    is_both.then_some((at, "`exclude` goes with `include: all` alone", "leave the names out of the list of `include`"))
}

/// A deprecation date that is none.
fn date_problem(entry: &Entry, data: &Map<String, Data>) -> Option<Diagnostic> {
    let text = data.get("deprecation_date").and_then(text_of)?;
    // dbt takes dates in many forms; all of them have digits.
    (!text.contains(|ch: char| ch.is_ascii_digit())).then(|| {
        let message = format!("`deprecation_date` of model '{}' is no date: `{text}`", entry.name());
        entry.error("deprecation_date", Code::PropertyInvalid, message).hint("write it as `2025-12-31`")
    })
}

/// The highest version: by number where all are numbers, else by text.
fn newest(versions: &[Map<String, Data>]) -> Option<Data> {
    let number = |v: &Data| text_of(v).and_then(|text| text.parse::<f64>().ok());
    versions
        .iter()
        .filter_map(|version| version.get("v"))
        .max_by(|a, b| match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => text_of(a).cmp(&text_of(b)),
        })
        .cloned()
}

fn versioned_patch<'a>(
    setup: &Setup<'_>,
    entry: &'a Entry,
    version: &Map<String, Data>,
    v: &Data,
    latest: &Data,
) -> Patch<'a> {
    let own = |key: &str| version.get(key).filter(|value| !value.is_null());
    let mut patch = plain_patch(setup, entry);
    if let Some(description) = own("description").and_then(text_of).filter(|text| !text.is_empty()) {
        patch.description = description;
    }
    patch.columns = version_columns(&patch.columns, version);
    deep_merge(&mut patch.config, config_of(version));
    if let Some(access) = own("access") {
        patch.config.insert("access".to_owned(), access.clone());
    }
    if own("constraints").is_some() {
        patch.constraints = list_of(version, "constraints");
    }
    if own("data_tests").or_else(|| own("tests")).is_some() {
        patch.tests = tests_of(version);
    }
    patch.version = Some(v.clone());
    patch.latest_version = Some(latest.clone());
    patch.deprecation_date = own("deprecation_date").and_then(text_of).map(instant);
    patch
}

/// The columns of a version: those of the model that it includes, and its own.
fn version_columns(base: &[Data], version: &Map<String, Data>) -> Vec<Data> {
    let own = list_of(version, "columns");
    let rule = own.iter().find(|column| column.get("include").is_some() || column.get("exclude").is_some());
    let names = |key: &str| rule.and_then(|rule| rule.get(key)).cloned().unwrap_or(Data::Null);
    let (include, exclude) = (names("include"), names("exclude"));
    let lists = |list: &Data, name: &Data| list.as_array().is_some_and(|list| list.contains(name));
    let is_all = include.is_null() || include == json!("*") || include == json!("all");
    let mut columns: Vec<Data> = base
        .iter()
        .filter(|column| {
            let name = column.get("name").cloned().unwrap_or(Data::Null);
            (is_all || lists(&include, &name)) && !lists(&exclude, &name)
        })
        .cloned()
        .collect();
    columns.extend(own.iter().filter(|column| column.get("name").is_some()).cloned());
    columns
}

fn deep_merge(base: &mut Map<String, Data>, more: Map<String, Data>) {
    for (key, value) in more {
        match (base.get_mut(&key), value) {
            (Some(Data::Object(base)), Data::Object(more)) => deep_merge(base, more),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// What a patch adds to a model once its configuration is merged.
///
/// # Errors
/// When constraints are not valid.
pub(super) fn finish_model(node: &mut Node, patch: &Patch<'_>) -> Result<(), Box<Diagnostic>> {
    if node.resource_type != ResourceType::Model {
        return Ok(());
    }
    contracts::check(node, patch)?;
    node.constraints = patch.constraints.iter().map(columns::model_constraint).collect();
    let on_columns: Vec<Data> = node.columns.values().flat_map(|column| column.constraints.clone()).collect();
    for constraint in node.constraints.iter().chain(&on_columns) {
        let to = constraint.get("to").and_then(Data::as_str);
        match to.map(parse_ref_or_source) {
            Some(Some(nodes::RefOrSource::Ref(call))) => node.refs.push(call),
            Some(Some(nodes::RefOrSource::Source(source, table))) => node.source_calls.push((source, table)),
            Some(None) => {
                let message = format!(
                    "Invalid 'ref' or 'source' syntax on foreign key constraint 'to' on model {}: {}.",
                    node.name,
                    to.unwrap_or_default()
                );
                let span =
                    contracts::span_of(node, patch, |constraint| constraint.get("to").and_then(Data::as_str) == to);
                let error = Diagnostic::error(Code::PropertyInvalid, message).at(&patch.entry.file, span);
                return Err(Box::new(error.hint("write `to: ref('model')` or `to: source('source', 'table')`")));
            }
            None => {}
        }
    }
    if node.config.is_contract_enforced() {
        let sum = contracts::checksum(node);
        if let NodeKind::Model(extra) = &mut node.kind {
            extra.insert("contract_checksum".to_owned(), json!(sum));
        }
    }
    if let (NodeKind::Model(extra), Some(Data::Object(spine))) = (&mut node.kind, &patch.time_spine) {
        let spine = json!({
            "standard_granularity_column": spine.get("standard_granularity_column").cloned().unwrap_or(Data::Null),
            "custom_granularities": list_of(spine, "custom_granularities").iter().map(|item| json!({
                "name": item.get("name").cloned().unwrap_or(Data::Null),
                "column_name": item.get("column_name").cloned().unwrap_or(Data::Null),
            })).collect::<Vec<_>>(),
        });
        extra.insert("time_spine".to_owned(), spine);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_keep_the_zone_that_they_say() {
        let check = |text: &str, expected: &str| assert_eq!(super::instant(text.to_owned()), expected);
        check("2030-05-01", "2030-05-01T00:00:00+00:00");
        check("2030-05-01 00:00:00-04:00", "2030-05-01T00:00:00-04:00");
        check("2030-05-01T10:00:00Z", "2030-05-01T10:00:00+00:00");
        check("2030-05-01T10:00:00", "2030-05-01T10:00:00+00:00");
    }
}
