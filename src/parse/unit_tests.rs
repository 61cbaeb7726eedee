//! Unit tests: inputs, expected rows and overrides, with fixtures read in.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::properties::{Entry, list_of, map_of, text_of};
use super::{Setup, layers, parallel, unit_subject};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, Span, did_you_mean};
use crate::jinja::py;
use crate::manifest::{Node, NodeIndex, NodeKind, Nodes, ResourceType, UniqueId, UnitSubject, UnitTestDef};
use crate::project::{FileKind, ProjectFile, ProjectFiles};

/// Makes the nodes of all unit tests.
pub(super) fn nodes(
    setup: &Setup<'_>,
    entries: &[Entry],
    files: &ProjectFiles,
    diagnostics: &mut Diagnostics,
) -> Nodes {
    let fixtures = Fixtures::of(files);
    diagnostics.extend(Fixtures::twice(files));
    let entries: Vec<&Entry> = entries.iter().filter(|entry| entry.list == "unit_tests").collect();
    parallel(&entries, diagnostics, |_, entry| node(setup, entry, &fixtures))
}

/// The files that unit tests may name, and the seeds that may stand in for rows.
struct Fixtures<'a> {
    by_name: HashMap<(usize, String), &'a ProjectFile>,
    seeds: HashMap<(usize, String), &'a ProjectFile>,
}

impl<'a> Fixtures<'a> {
    fn of(files: &'a ProjectFiles) -> Self {
        let index = |kind: FileKind| {
            let fitting = files.files.iter().filter(move |file| file.kind == kind);
            fitting.map(|file| ((file.package, stem(file).to_owned()), file)).collect()
        };
        Self { by_name: index(FileKind::Fixture), seeds: index(FileKind::Seed) }
    }

    /// Tells of fixtures that have one name.
    fn twice(files: &ProjectFiles) -> Vec<Diagnostic> {
        let mut seen: HashMap<(usize, &str), &ProjectFile> = HashMap::new();
        let mut errors = Vec::new();
        for file in files.files.iter().filter(|file| file.kind == FileKind::Fixture) {
            let Some(first) = seen.insert((file.package, stem(file)), file) else { continue };
            let message = format!("two fixtures have the name `{}`", stem(file));
            let error = Diagnostic::error(Code::DuplicateName, message).in_file(&file.file);
            let other = Label::new(&first.file, Span::default()).with_text("the other one");
            errors.push(error.related(other).hint("unit tests name fixtures without folders: rename one of the two"));
        }
        errors
    }
}

fn stem(file: &ProjectFile) -> &str {
    let base = file.path.rsplit('/').next().unwrap_or_default();
    base.rsplit_once('.').map_or(base, |(stem, _)| stem)
}

fn node(setup: &Setup<'_>, entry: &Entry, fixtures: &Fixtures<'_>) -> Result<Box<Node>, Box<Diagnostic>> {
    let package = setup.package_name(entry.package).to_owned();
    let unit_subject::Subject { name: model, subject } = unit_subject::read(setup, entry)?;
    let below_folder =
        entry.original_file_path.split_once('/').map_or(entry.original_file_path.as_str(), |(_, rest)| rest);
    let fqn = setup.fqn(entry.package, below_folder, &[&model, entry.name()]);
    let (patch, empty) = (entry.config(), Map::new());
    let layered = layers::Layers {
        kind: ResourceType::UnitTest,
        package: &package,
        fqn: &fqn,
        patch: Some(&patch),
        call: &empty,
    };
    let id = format!("unit_test.{package}.{model}.{}", entry.name());
    let mut node = setup.blank_node(ResourceType::UnitTest, entry.package, &id, entry.name());
    node.config = layers::merge(&setup.trees, &layered);
    node.unrendered_config = layers::merge_written(&setup.trees, &layered);
    super::written::note_entry(&mut node, entry, None, &patch);
    node.path.clone_from(&entry.path);
    node.original_file_path.clone_from(&entry.original_file_path);
    node.file = Arc::clone(&entry.file);
    node.span = entry.span_of("name");
    node.fqn = fqn;
    node.description = entry.text("description").unwrap_or_default();
    node.tags = node.config.tags().map(str::to_owned).collect();
    node.meta = map_of(&node.config.values, "meta");
    unit_subject::publish(&mut node, &subject);
    let mut given = Vec::new();
    for (ix, input) in list_of(&entry.data, "given").iter().enumerate() {
        let input = unit_subject::input(entry, ix, input, &subject)?;
        given.push(rows(entry, fixtures, &input, Some(ix))?);
    }
    let expected = unit_subject::expected(entry, &subject)?;
    let expect = match rows(entry, fixtures, &expected, None)? {
        Data::Object(expect) => expect,
        _ => Map::new(),
    };
    let overrides = entry.data.get("overrides").and_then(Data::as_object).map(|written| {
        let part = |key: &str| (key.to_owned(), Data::Object(map_of(written, key)));
        Map::from_iter(["macros", "vars", "env_vars"].map(part))
    });
    let has_list = |key: &str| {
        entry.data.get("versions").and_then(|versions| versions.get(key)).is_some_and(|list| !list.is_null())
    };
    if has_list("include") && has_list("exclude") {
        let message = format!("Unit tests can not both include and exclude versions: '{}'", entry.name());
        return Err(Box::new(entry.error("versions", Code::UnitTestInvalid, message).hint("keep one of the two")));
    }
    let versions = entry.data.get("versions").filter(|versions| !versions.is_null()).map(|versions| {
        json!({
            "include": versions.get("include").cloned().unwrap_or(Data::Null),
            "exclude": versions.get("exclude").cloned().unwrap_or(Data::Null),
        })
    });
    let places = unit_subject::places(entry);
    let tested_node = None;
    let def = UnitTestDef { model, subject, places, given, expect, overrides, versions, version: None, tested_node };
    node.checksum.name = "sha256".to_owned();
    node.checksum.checksum = super::sha256_of(&hashed_text(&def)).checksum;
    node.kind = NodeKind::UnitTest(Box::new(def));
    Ok(node)
}

/// Brings the rows of an input, by its number, or of the expectation into their published form.
fn rows(entry: &Entry, fixtures: &Fixtures<'_>, written: &Data, input: Option<usize>) -> Result<Data, Box<Diagnostic>> {
    let is_input = input.is_some();
    let fail_at = |key: &str, message: String| {
        let span = match input {
            Some(ix) => unit_subject::given_place(entry, ix, key),
            None => entry
                .yaml
                .get("expect")
                .and_then(|expect| expect.get(key))
                .map_or_else(|| entry.span_of("expect"), |value| value.span),
        };
        Box::new(Diagnostic::error(Code::UnitTestInvalid, message).at(&entry.file, span))
    };
    let fail = |message: String| fail_at("rows", message);
    let format = written.get("format").and_then(text_of).unwrap_or_else(|| "dict".to_owned());
    let fixture = written.get("fixture").and_then(text_of);
    let mut rows = written.get("rows").cloned().unwrap_or(Data::Null);
    let what = if is_input { "input" } else { "expected" };
    if let Some(name) = &fixture {
        let Some(file) = fixtures.by_name.get(&(entry.package, name.clone())) else {
            let message = format!("File not found for fixture '{name}' in unit tests in {}", entry.original_file_path);
            let names = fixtures.by_name.keys().map(|(_, name)| name.as_str());
            return Err(Box::new(fail_at("fixture", message).maybe_hint(did_you_mean(name, names))));
        };
        rows = json!(file.file.text());
    }
    let does_not_fit = || {
        let key = if FORMATS.iter().any(|(known, _)| *known == format) { "rows" } else { "format" };
        let message = format!("Unit test {} has {what} rows which do not match format {format}", entry.name());
        let takes = FORMATS.iter().find(|(known, _)| *known == format).map(|(_, takes)| (*takes).to_owned());
        let hint = takes.unwrap_or_else(|| "`format` is `dict`, `csv` or `sql`".to_owned());
        Box::new(fail_at(key, message).hint(hint))
    };
    let mut rows = match (format.as_str(), rows) {
        ("dict", Data::Null) if is_input && fixture.is_none() => seed_rows(entry, fixtures, written)?,
        ("dict", rows @ Data::Array(_)) => rows,
        ("csv", Data::String(text)) => csv_rows(&text).map_err(fail)?,
        ("sql", rows @ Data::String(_)) => rows,
        _ => return Err(does_not_fit()),
    };
    if let Data::Array(list) = &mut rows {
        let is_whole = |row: &Data| row.as_object().is_some_and(|row| row.values().all(|value| !value.is_null()));
        if let Some(ix) = list.iter().position(is_whole) {
            list.swap(0, ix);
        }
    }
    let mut published = Map::new();
    if is_input {
        published.insert("input".to_owned(), written.get("input").cloned().unwrap_or(Data::Null));
    }
    published.insert("rows".to_owned(), rows);
    published.insert("format".to_owned(), json!(format));
    published.insert("fixture".to_owned(), json!(fixture));
    Ok(Data::Object(published))
}

/// The formats of rows, and what they take.
const FORMATS: &[(&str, &str)] = &[
    ("dict", "rows of format `dict`, which holds where no `format` is given, are a list of mappings"),
    ("csv", "rows of format `csv` are a text with a line of names, or a `fixture`"),
    ("sql", "rows of format `sql` are a query, or a `fixture`"),
];

fn seed_rows(entry: &Entry, fixtures: &Fixtures<'_>, written: &Data) -> Result<Data, Box<Diagnostic>> {
    let input = written.get("input").and_then(text_of).unwrap_or_default();
    let name = match super::nodes::parse_ref_or_source(&input) {
        Some(super::nodes::RefOrSource::Ref(call)) => call.name,
        _ => String::new(),
    };
    let Some(seed) = fixtures.seeds.get(&(entry.package, name.clone())) else {
        let message = format!("Unable to find seed '{name}' for unit test '{}': give the input `rows`", entry.name());
        return Err(Box::new(entry.error("given", Code::UnitTestInvalid, message)));
    };
    let text = crate::project::read_text(&seed.absolute_path, &seed.original_file_path)?;
    csv_rows(&text).map_err(|message| Box::new(entry.error("given", Code::UnitTestInvalid, message)))
}

fn csv_rows(text: &str) -> Result<Data, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start().as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let value = |ix: usize| match record.get(ix) {
            None | Some("") => Data::Null,
            Some(text) => json!(text),
        };
        rows.push(Data::Object(headers.iter().enumerate().map(|(ix, name)| (name.to_owned(), value(ix))).collect()));
    }
    Ok(Data::Array(rows))
}

/// The text whose hash tells whether a unit test changed, as Python prints its parts.
fn hashed_text(def: &UnitTestDef) -> String {
    let repr = |value: &Data| py::text::to_repr(&py::from_json(value));
    let fixture = |class: &str, data: &Data| {
        let field = |key: &str| repr(data.get(key).unwrap_or(&Data::Null));
        let format = data.get("format").and_then(Data::as_str).unwrap_or_default();
        let variant = match format {
            "csv" => "CSV",
            "sql" => "SQL",
            _ => "Dict",
        };
        let input = data.get("input").map(|input| format!("input={}, ", repr(input))).unwrap_or_default();
        format!(
            "{class}({input}rows={}, format=<UnitTestFormat.{variant}: '{format}'>, fixture={})",
            field("rows"),
            field("fixture")
        )
    };
    let given: Vec<_> = def.given.iter().map(|input| fixture("UnitTestInputFixture", input)).collect();
    let expect = fixture("UnitTestOutputFixture", &Data::Object(def.expect.clone()));
    let overrides = def.overrides.as_ref().map_or_else(
        || "None".to_owned(),
        |overrides| {
            let part = |key: &str| repr(&overrides[key]);
            format!(
                "UnitTestOverrides(macros={}, vars={}, env_vars={})",
                part("macros"),
                part("vars"),
                part("env_vars")
            )
        },
    );
    let versions = def.versions.as_ref().map_or_else(
        || "None".to_owned(),
        |versions| {
            format!(
                "UnitTestNodeVersions(include={}, exclude={})",
                repr(&versions["include"]),
                repr(&versions["exclude"])
            )
        },
    );
    let mut text = format!("{}-{versions}-[{}]-{expect}-{overrides}", def.model, given.join(", "));
    match &def.subject {
        UnitSubject::Model => {}
        UnitSubject::Cte(name) => {
            let _ = write!(text, "-cte {name}");
        }
        UnitSubject::Macro { args, answer, .. } => {
            let _ = write!(text, "-macro {args} {answer:?}");
        }
    }
    for input in def.given.iter().filter(|input| input.get("fixture").is_some_and(|fixture| !fixture.is_null())) {
        let _ = write!(text, "-{}", py::text::to_str(&py::from_json(&input["rows"])));
    }
    text
}

/// Finds the models under test; a test of a versioned model becomes one a version.
pub(super) fn link(nodes: &mut Nodes, disabled: &mut Nodes, diagnostics: &mut Diagnostics) {
    let tests: Nodes = nodes.extract_if(.., |node| node.resource_type == ResourceType::UnitTest).collect();
    let mut linked = Vec::new();
    for test in tests {
        match link_one(&test, nodes, disabled) {
            Ok(Linked::To(tests)) => linked.extend(tests),
            Ok(Linked::Disabled) => {
                let mut test = test;
                test.config.set("enabled", json!(false));
                disabled.push(test);
            }
            Err(error) => diagnostics.push(*error),
        }
    }
    nodes.extend(linked);
}

enum Linked {
    To(Nodes),
    Disabled,
}

fn link_one(test: &Node, nodes: &[Box<Node>], disabled: &[Box<Node>]) -> Result<Linked, Box<Diagnostic>> {
    let NodeKind::UnitTest(def) = &test.kind else { return Ok(Linked::Disabled) };
    if matches!(def.subject, UnitSubject::Macro { .. }) {
        return Ok(Linked::To(vec![Box::new(test.clone())]));
    }
    let fail = |message: String| Box::new(Diagnostic::error(Code::UnitTestInvalid, message).at(&test.file, test.span));
    let (name, version) =
        def.model.split_once(' ').map_or((def.model.as_str(), None), |(name, version)| (name, Some(version)));
    let fits =
        |node: &&Node| node.resource_type == ResourceType::Model && node.name == name && node.package == test.package;
    let models: Vec<&Node> = nodes.iter().map(Box::as_ref).filter(fits).collect();
    if models.is_empty() {
        if disabled.iter().any(|node| fits(&&**node)) {
            return Ok(Linked::Disabled);
        }
        let message = format!(
            "Unable to find model '{}.{}' for unit test '{}' in {}",
            test.package, def.model, test.name, test.original_file_path
        );
        let names =
            nodes.iter().filter(|node| node.resource_type == ResourceType::Model).map(|node| node.name.as_str());
        return Err(Box::new(fail(message).maybe_hint(did_you_mean(name, names))));
    }
    check_incremental(test, def, models[0]).map_err(fail)?;
    let is_list = |list: &Data| list.as_array().is_some_and(|list| !list.is_empty());
    let are_asked = def.versions.as_ref().is_some_and(|asked| is_list(&asked["include"]) || is_list(&asked["exclude"]));
    if models[0].version.is_none() && are_asked {
        return Err(fail(format!(
            "Unit test '{}' should not have a versions include or exclude when referencing non-versioned model '{name}'",
            test.name
        )));
    }
    let tested: Vec<&Node> = models
        .into_iter()
        .filter(|model| {
            version.is_none_or(|version| model.version.as_ref().and_then(text_of).as_deref() == Some(version))
        })
        .filter(|model| is_wanted(def, model))
        .collect();
    if tested.is_empty() {
        let message = format!("Unit test '{}' referenced a version of '{name}' which was not found.", test.name);
        return Err(fail(message));
    }
    Ok(Linked::To(tested.into_iter().map(|model| linked_to(test, def, model)).collect()))
}

fn is_wanted(def: &UnitTestDef, model: &Node) -> bool {
    let (Some(versions), Some(version)) = (&def.versions, &model.version) else { return true };
    let lists = |key: &str| versions.get(key).and_then(Data::as_array).map(|list| list.contains(version));
    // A mapping without either names no version.
    let is_named = lists("include").or_else(|| lists("exclude").map(|_| true));
    is_named.unwrap_or(false) && !lists("exclude").unwrap_or(false)
}

fn check_incremental(test: &Node, def: &UnitTestDef, model: &Node) -> Result<(), String> {
    if !model.macro_calls.iter().any(|id| id == "macro.dbt.is_incremental") {
        return Ok(());
    }
    let said = def.overrides.as_ref().and_then(|overrides| overrides["macros"].get("is_incremental"));
    match said.and_then(Data::as_bool) {
        None => Err(format!(
            "Boolean override for 'is_incremental' must be provided for unit test '{}' in model '{}'",
            test.name, model.name
        )),
        Some(true) if def.subject != UnitSubject::Model => Ok(()),
        Some(true) if !def.given.iter().any(|input| input.get("input").and_then(Data::as_str) == Some("this")) => {
            Err(format!("Unit test '{}' for incremental model '{}' must have a 'this' input", test.name, model.name))
        }
        Some(_) => Ok(()),
    }
}

fn linked_to(test: &Node, def: &UnitTestDef, model: &Node) -> Box<Node> {
    let mut linked = test.clone();
    let mut def = def.clone();
    def.tested_node = Some(model.unique_id.clone());
    if let Some(version) = &model.version {
        let label = text_of(version).unwrap_or_default();
        linked.unique_id = UniqueId::new(format!("{}_v{label}", test.unique_id));
        def.version = Some(version.clone());
    }
    linked.schema.clone_from(&model.schema);
    linked.kind = NodeKind::UnitTest(Box::new(def));
    Box::new(linked)
}

/// Unit tests depend on the model that they test.
pub(super) fn parents(nodes: &mut [Box<Node>]) {
    let by_id: HashMap<UniqueId, usize> =
        nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), ix)).collect();
    for node in nodes {
        if let NodeKind::UnitTest(def) = &node.kind
            && let Some(place) = def.tested_node.as_ref().and_then(|id| by_id.get(id))
        {
            node.parents = vec![NodeIndex::from_usize(*place)];
        }
    }
}
