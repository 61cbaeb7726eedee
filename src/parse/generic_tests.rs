//! Generic data tests: what a `data_tests:` entry of a property file becomes.
//!
//! Names, hashes and the template text follow dbt to the letter, since people select tests by name
//! and tools keep histories by unique id.

use std::sync::Arc;

use md5::{Digest, Md5};
use regex::Regex;
use serde_json::{Map, Value as Data, json};
use std::sync::LazyLock;

use super::properties::{Entry, has_template, text_of, texts};
use super::render;
use super::{Setup, layers};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};
use crate::jinja::py;
use crate::manifest::{Checksum, Node, NodeKind, RefCall, ResourceType, TestDef, TestMetadata, UniqueId, merge_config};
use crate::project::{YamlScope, yaml};

/// Keys of a test that configure it rather than feed its macro.
pub(super) const CONFIG_ARGS: &[&str] = &[
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
];

static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:([a-zA-Z_][0-9a-zA-Z_]*)\.)?([a-zA-Z_][0-9a-zA-Z_]*)").expect("the pattern is valid")
});
static UNNAMEABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new("[^0-9a-zA-Z_]+").expect("the pattern is valid"));

/// What a test is declared on.
pub(super) enum TestTarget {
    /// A model, seed, snapshot: its name, and its version if it has one.
    Node { name: String, version: Option<Data> },
    /// A source table.
    Source { source: String, table: String },
}

/// One test as declared.
pub(super) struct Declared<'a> {
    pub(super) entry: &'a Entry,
    pub(super) target: &'a TestTarget,
    /// The column, quoted if it has to be.
    pub(super) column: Option<String>,
    /// Tags of the column, and of the source.
    pub(super) tags: Vec<String>,
    /// The entry of `data_tests:`.
    pub(super) test: &'a Data,
    /// Where it stands in the file.
    pub(super) span: Span,
}

/// A test taken apart.
struct Built {
    name: String,
    namespace: Option<String>,
    config: Map<String, Data>,
    /// The part of the configuration that has templates, as written.
    written: Map<String, Data>,
    /// The macro's arguments, `model` last.
    args: Map<String, Data>,
    description: String,
    short_name: String,
    full_name: String,
}

impl Declared<'_> {
    fn error(&self, code: Code, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(code, message).at(&self.entry.file, self.span))
    }
}

/// Makes the node of a test.
///
/// # Errors
/// When the entry is not a test, or its macro does not exist or fails.
pub(super) fn node(setup: &Setup<'_>, declared: &Declared<'_>) -> Result<Box<Node>, Box<Diagnostic>> {
    let built = build(setup, declared)?;
    let entry = declared.entry;
    let package = setup.package_name(entry.package);
    let below_folder =
        entry.original_file_path.split_once('/').map_or(entry.original_file_path.as_str(), |(_, rest)| rest);
    let metadata =
        TestMetadata { name: built.name.clone(), kwargs: built.args.clone(), namespace: built.namespace.clone() };
    let mut node = setup.blank_node(ResourceType::Test, entry.package, "", &built.full_name);
    node.unique_id = UniqueId::new(format!("test.{package}.{}.{}", built.full_name, hash(&built.full_name, &metadata)));
    node.path = format!("{}.sql", built.short_name);
    node.original_file_path.clone_from(&entry.original_file_path);
    node.file = Arc::clone(&entry.file);
    node.span = declared.span;
    node.fqn = setup.fqn(entry.package, below_folder, &[&built.full_name]);
    node.raw_code = raw_code(&built);
    node.checksum = Checksum { name: "none".to_owned(), checksum: String::new() };
    node.description.clone_from(&built.description);
    let mut tags: std::collections::BTreeSet<String> = declared.tags.iter().cloned().collect();
    tags.extend(texts(&super::properties::list_of(&built.config, "tags")));
    node.tags = tags.into_iter().collect();
    if let TestTarget::Node { version, .. } = declared.target {
        // Says which version of the model is tested, until the model is found; a test itself has no version.
        node.version.clone_from(version);
    }
    node.kind = NodeKind::Test(Box::new(TestDef {
        metadata: Some(metadata),
        column_name: declared.column.clone(),
        file_key_name: Some(file_key_name(declared)),
        attached_node: None,
    }));
    configure(setup, declared, &built, node)
}

fn file_key_name(declared: &Declared<'_>) -> String {
    match declared.target {
        TestTarget::Node { name, .. } => format!("{}.{name}", declared.entry.list),
        TestTarget::Source { source, .. } => format!("{}.{source}", declared.entry.list),
    }
}

/// Finds the macro, renders the test for its references, and merges the configuration.
fn configure(
    setup: &Setup<'_>,
    declared: &Declared<'_>,
    built: &Built,
    mut node: Box<Node>,
) -> Result<Box<Node>, Box<Diagnostic>> {
    let package = setup.package_name(declared.entry.package).to_owned();
    let macro_id = find_macro(setup, declared, built, &package)?;
    node.macro_calls.push(macro_id.clone());
    let mut call = built.config.clone();
    if macro_id == "macro.dbt.test_unique" || macro_id == "macro.dbt.test_not_null" {
        match declared.target {
            TestTarget::Source { source, table } => node.source_calls.push((source.clone(), table.clone())),
            TestTarget::Node { name, version } => {
                node.refs.push(RefCall { package: None, name: name.clone(), version: version.clone(), span: None });
            }
        }
    } else {
        let mut facts =
            render::test(setup, &node, &macro_id, &built.args).map_err(|error| Box::new(place(*error, declared)))?;
        // The configuration is in the template's own `config()` call too; what counts twice there, counts twice here.
        merge_config(ResourceType::Model, &mut call, std::mem::take(&mut facts.config));
        keep_own_macros(setup, &macro_id, &mut facts.macros);
        render::take_facts(&mut node, facts);
    }
    let layered =
        layers::Layers { kind: ResourceType::Test, package: &package, fqn: &node.fqn, patch: None, call: &call };
    node.config = layers::merge(&setup.trees, &layered);
    node.unrendered_config = layers::merge_written(&setup.trees, &layered);
    node.config_call = call;
    super::written::note_test(&mut node, built.written.clone());
    if let Some(wrong) = super::settings::mistake(&node) {
        return Err(wrong.diagnostic(setup, &node, None));
    }
    super::nodes::settle(setup, &mut node)?;
    Ok(node)
}

/// A test depends on its macro, on what that calls, and on `get_where_subquery`; macros called by its arguments do not count.
fn keep_own_macros(setup: &Setup<'_>, macro_id: &str, called: &mut Vec<String>) {
    let is_known = |id: &String| id == macro_id || id.ends_with(".get_where_subquery");
    if called.iter().all(is_known) {
        return;
    }
    let mut reachable = vec![macro_id.to_owned()];
    let mut next = 0;
    while next < reachable.len() {
        if let Some(entry) = setup.macros.by_id(&reachable[next]) {
            for id in super::macros::depends_on(setup, entry) {
                if !reachable.contains(&id) {
                    reachable.push(id);
                }
            }
        }
        next += 1;
    }
    called.retain(|id| is_known(id) || reachable.contains(id));
}

fn place(error: Diagnostic, declared: &Declared<'_>) -> Diagnostic {
    if error.at.is_some() {
        let label =
            crate::diagnostic::Label::new(&declared.entry.file, declared.span).with_text("for the test declared here");
        return error.related(label);
    }
    error.at(&declared.entry.file, declared.span)
}

fn find_macro(
    setup: &Setup<'_>,
    declared: &Declared<'_>,
    built: &Built,
    package: &str,
) -> Result<String, Box<Diagnostic>> {
    let name = format!("test_{}", built.name);
    if let Some(id) = render::find_macro(setup, package, built.namespace.as_deref(), &name) {
        return Ok(id);
    }
    let shown =
        built.namespace.as_ref().map_or_else(|| built.name.clone(), |namespace| format!("{namespace}.{}", built.name));
    let known = render::test_names(setup);
    let message = format!("the generic test `{shown}` is not defined");
    let hint = did_you_mean(&built.name, known.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| "define it in tests/generic or install the package that has it".to_owned());
    Err(Box::new(declared.error(Code::UnknownMacro, message).hint(hint)))
}

fn build(setup: &Setup<'_>, declared: &Declared<'_>) -> Result<Built, Box<Diagnostic>> {
    let (test_name, mut args) = take_apart(declared)?;
    if args.contains_key("model") {
        return Err(declared.error(
            Code::PropertyInvalid,
            "test arguments include `model`, which is given by where the test is declared",
        ));
    }
    if let Some(column) = &declared.column {
        args.insert("column_name".to_owned(), json!(column));
    }
    if setup.project.settings.flag("require_generic_test_arguments_property") {
        args = unwrap_arguments(args);
    }
    args.insert("model".to_owned(), json!(model_text(declared.target)));
    let Some(found) = NAME.captures(&test_name) else {
        let message = format!("`{test_name}` is not the name of a test");
        return Err(declared.error(Code::PropertyInvalid, message).hint("write `name` or `package.name`").into());
    };
    let namespace = found.get(1).map(|part| part.as_str().to_owned());
    let name = found.get(2).map_or_else(String::new, |part| part.as_str().to_owned());
    let TestSettings { rendered: config, written } = take_config(setup, declared, &mut args)?;
    let description = args.shift_remove("description").as_ref().and_then(text_of).unwrap_or_default();
    let mut built = Built {
        name,
        namespace,
        config,
        written,
        args,
        description,
        short_name: String::new(),
        full_name: String::new(),
    };
    match built.args.shift_remove("name").as_ref().and_then(text_of) {
        Some(given) => {
            built.short_name.clone_from(&given);
            built.full_name = given;
        }
        None => name_by_arguments(&mut built, declared.target),
    }
    Ok(built)
}

/// The name and the arguments of a test that is written well enough.
pub(super) fn name_and_args(test: &Data) -> Option<(&str, &Map<String, Data>)> {
    let map = test.as_object()?;
    match map.get("test_name").and_then(Data::as_str) {
        Some(name) => Some((name, map)),
        None => map.iter().next().and_then(|(name, args)| Some((name.as_str(), args.as_object()?))),
    }
}

/// Splits the entry into the test's name and everything under it.
fn take_apart(declared: &Declared<'_>) -> Result<(String, Map<String, Data>), Box<Diagnostic>> {
    match declared.test {
        Data::String(name) => Ok((name.clone(), Map::new())),
        Data::Object(map) => {
            if let Some(name) = map.get("test_name").and_then(Data::as_str) {
                let rest =
                    map.iter().filter(|(key, _)| *key != "test_name").map(|(key, value)| (key.clone(), value.clone()));
                return Ok((name.to_owned(), rest.collect()));
            }
            let mut pairs = map.iter();
            match (pairs.next(), pairs.next()) {
                (Some((name, Data::Object(args))), None) => Ok((name.clone(), args.clone())),
                (Some((name, args)), None) => {
                    let message = format!("the arguments of the test `{name}` must be a mapping");
                    let hint =
                        args.is_null().then(|| format!("write `- {name}` without a colon, or give it arguments"));
                    Err(Box::new(declared.error(Code::YamlType, message).maybe_hint(hint)))
                }
                _ => Err(Box::new(
                    declared
                        .error(
                            Code::YamlType,
                            format!("a test entry has one key, its name; this one has {}", map.len()),
                        )
                        .hint("indent the arguments below the test's name"),
                )),
            }
        }
        _ => Err(declared.error(Code::YamlType, "a test is a name, or a name with arguments")),
    }
}

/// Brings what stands under `arguments:` beside the rest.
fn unwrap_arguments(mut args: Map<String, Data>) -> Map<String, Data> {
    if let Some(Data::Object(arguments)) = args.shift_remove("arguments") {
        args.extend(arguments);
    }
    args
}

fn model_text(target: &TestTarget) -> String {
    let call = match target {
        TestTarget::Node { name, version: Some(version) } => {
            format!("ref('{name}', version='{}')", text_of(version).unwrap_or_default())
        }
        TestTarget::Node { name, version: None } => format!("ref('{name}')"),
        TestTarget::Source { source, table } => format!("source('{source}', '{table}')"),
    };
    format!("{{{{ get_where_subquery({call}) }}}}")
}

/// The configuration of a test.
struct TestSettings {
    rendered: Map<String, Data>,
    /// The part that has templates, as written.
    written: Map<String, Data>,
}

/// Takes the configuration out of the arguments and renders it.
fn take_config(
    setup: &Setup<'_>,
    declared: &Declared<'_>,
    args: &mut Map<String, Data>,
) -> Result<TestSettings, Box<Diagnostic>> {
    let mut nested = match args.shift_remove("config") {
        Some(Data::Object(nested)) => nested,
        _ => Map::new(),
    };
    let mut config = Map::new();
    for key in CONFIG_ARGS {
        let own = args.shift_remove(*key);
        let is_set = own.as_ref().is_some_and(is_truthy);
        if is_set && nested.contains_key(*key) {
            let message = format!("test cannot have the same key at the top level and in `config`: `{key}`");
            return Err(declared.error(Code::PropertyInvalid, message));
        }
        let value = if is_set { own } else { nested.shift_remove(*key).or(own) };
        config.insert((*key).to_owned(), value.unwrap_or(Data::Null));
    }
    config.extend(nested);
    let (mut rendered, mut written) = (Map::new(), Map::new());
    for (key, value) in config {
        let value = match value {
            Data::String(text) if has_template(&text) => {
                let value = render_config(setup, declared, &text)?;
                written.insert(key.clone(), Data::String(text));
                value
            }
            other => other,
        };
        if !value.is_null() {
            rendered.insert(key, value);
        }
    }
    Ok(TestSettings { rendered, written })
}

fn render_config(setup: &Setup<'_>, declared: &Declared<'_>, text: &str) -> Result<Data, Box<Diagnostic>> {
    let scope = YamlScope {
        target: Some(&setup.project.target),
        vars: setup.vars_of(declared.entry.package),
        env: &setup.project.settings.env,
        may_read_secrets: false,
    };
    setup.yaml.render_native(text, scope).map_err(|error| Box::new(error.at(&declared.entry.file, declared.span)))
}

fn is_truthy(value: &Data) -> bool {
    match value {
        Data::Null => false,
        Data::Bool(flag) => *flag,
        Data::Number(number) => number.as_f64() != Some(0.0),
        Data::String(text) => !text.is_empty(),
        Data::Array(list) => !list.is_empty(),
        Data::Object(map) => !map.is_empty(),
    }
}

/// Names a test after its macro, its target and its arguments; long names get a hash as file name and alias.
fn name_by_arguments(built: &mut Built, target: &TestTarget) {
    let (prefix, target_name) = match target {
        TestTarget::Node { name, version: Some(version) } => {
            ("", format!("{name}_v{}", text_of(version).unwrap_or_default()))
        }
        TestTarget::Node { name, version: None } => ("", name.clone()),
        TestTarget::Source { source, table } => ("source_", format!("{source}_{table}")),
    };
    let namespace = built.namespace.as_ref().map(|namespace| format!("{namespace}_")).unwrap_or_default();
    let identifier = format!("{namespace}{prefix}{}_{target_name}", built.name);
    let mut keys: Vec<&String> = built.args.keys().filter(|key| *key != "model").collect();
    keys.sort();
    let mut parts = Vec::new();
    for key in keys {
        match &built.args[key] {
            Data::Object(map) if yaml::marked(map).is_none() => parts.extend(map.values().map(python_str)),
            Data::Array(list) => parts.extend(list.iter().map(python_str)),
            other => parts.push(python_str(other)),
        }
    }
    let clean: Vec<_> = parts.iter().map(|part| UNNAMEABLE.replace_all(part, "_").into_owned()).collect();
    let full_name = format!("{identifier}_{}", clean.join("__"));
    built.short_name = if full_name.chars().count() >= 64 {
        let start: String = identifier.chars().take(30).collect();
        format!("{start}_{}", md5_hex(&full_name))
    } else {
        full_name.clone()
    };
    if built.short_name != full_name && !built.config.contains_key("alias") {
        built.config.insert("alias".to_owned(), json!(built.short_name));
    }
    built.full_name = full_name;
}

fn python_str(value: &Data) -> String {
    py::text::to_str(&py::from_json(value))
}

fn python_repr(value: &Data) -> String {
    py::text::to_repr(&py::from_json(value))
}

fn md5_hex(text: &str) -> String {
    base16ct::lower::encode_string(&Md5::digest(text.as_bytes()))
}

/// The ten letters that tell apart tests of one name.
fn hash(name: &str, metadata: &TestMetadata) -> String {
    let data = json!({"namespace": metadata.namespace, "name": metadata.name, "kwargs": metadata.kwargs});
    let sum = md5_hex(&format!("{name}{}", python_repr(&hashable(&data))));
    sum[sum.len() - 10..].to_owned()
}

/// The value with sorted keys and every scalar as text.
fn hashable(value: &Data) -> Data {
    match value {
        Data::Object(map) if yaml::marked(map).is_none() => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Data::Object(keys.into_iter().map(|key| (key.clone(), hashable(&map[key]))).collect())
        }
        Data::Array(list) => list.iter().map(hashable).collect(),
        scalar => json!(python_str(scalar)),
    }
}

/// The template text of a test: a call of its macro, and its configuration.
fn raw_code(built: &Built) -> String {
    let namespace = built.namespace.as_ref().map(|namespace| format!("{namespace}.")).unwrap_or_default();
    let config: Vec<_> = built.config.iter().map(|(key, value)| format!("{key}={}", config_text(value))).collect();
    let config = if config.is_empty() { String::new() } else { format!("{{{{ config({}) }}}}", config.join(",")) };
    format!("{{{{ {namespace}test_{}(**_dbt_generic_test_kwargs) }}}}{config}", built.name)
}

fn config_text(value: &Data) -> String {
    match value {
        Data::String(text) => format!("\"{}\"", text.replace('"', "\\\"")),
        other => python_str(other),
    }
}
