//! The context of compiling and running: names mean what they say.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data};

use super::base::{Builtins, Shared, VarFunction, render_with};
use super::batch::{self, Batch};
use super::failure::{ContextError, fail, fail_elsewhere, fail_with};
use super::foreign_keys;
use super::parse::{read_names, read_ref, read_source, render_test_kwargs};
use super::runtime::Runtime;
use super::session::Session;
use crate::diagnostic::{Code, SourceFile, did_you_mean};
use crate::jinja::functions::{Exceptions, callable, given, missing_config_message, none, text_of};
use crate::jinja::objects::adapter::{AdapterValue, Live, response_of, response_value};
use crate::jinja::objects::csv_table;
use crate::jinja::objects::relation::{EventTimeFilter, RelationValue};
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::jinja::{ContextSource, RenderError, TemplateSource, call_value};
use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, RefCall, ResourceType, view};
use crate::sql::{QuotePolicy, Relation, RelationKind};

/// What `on-run-end` hooks see besides.
#[derive(Clone, Debug, Default)]
pub struct HookResults {
    /// `results`: one map a node, as `run_results.json` publishes it, with the node's map under `node`.
    pub results: Vec<Data>,
    /// `schemas`.
    pub schemas: Vec<String>,
    /// `database_schemas`.
    pub database_schemas: Vec<(Option<String>, String)>,
}

/// What a context gets besides the node.
#[derive(Clone, Debug, Default)]
pub struct NodeExtras {
    /// The node's compiled SQL: `sql` and `compiled_code`. `None` while it is compiled.
    pub compiled_code: Option<Arc<str>>,
    /// What hooks at the end see.
    pub hook: Option<HookResults>,
    /// The batch of a microbatch model.
    pub batch: Option<Batch>,
}

/// Finds nodes by the names that `ref`, `source` and `function` use.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    refs: HashMap<String, Vec<NodeIndex>>,
    pub(super) sources: HashMap<(String, String), Vec<NodeIndex>>,
    functions: HashMap<String, Vec<NodeIndex>>,
}

impl Lookup {
    /// Indexes a manifest.
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let mut lookup = Self::default();
        for (ix, node) in manifest.indices().zip(&manifest.nodes) {
            match &node.kind {
                NodeKind::Source(source) => {
                    let key = (source.source_name.clone(), node.name.clone());
                    lookup.sources.entry(key).or_default().push(ix);
                }
                _ if node.resource_type.is_refable() => {
                    lookup.refs.entry(node.name.clone()).or_default().push(ix);
                }
                _ if node.resource_type == ResourceType::Function => {
                    lookup.functions.entry(node.name.clone()).or_default().push(ix);
                }
                _ => {}
            }
        }
        lookup
    }

    pub(super) fn find_ref(&self, manifest: &Manifest, call: &RefCall, root: &str, package: &str) -> Option<NodeIndex> {
        let candidates = self.refs.get(&call.name)?;
        let fits_version = |node: &Node| match (&call.version, &node.version) {
            (None, None) => true,
            (None, Some(_)) => same_version(node.version.as_ref(), node.latest_version.as_ref()),
            (Some(wanted), _) => same_version(Some(wanted), node.version.as_ref()),
        };
        let within = |package: Option<&str>| {
            candidates.iter().copied().find(|ix| {
                let node = manifest.node(*ix);
                package.is_none_or(|package| node.package == package) && fits_version(node)
            })
        };
        match call.package.as_deref() {
            Some(package) => within(Some(package)),
            None => within(Some(package)).or_else(|| within(Some(root))).or_else(|| within(None)),
        }
    }
}

fn same_version(a: Option<&Data>, b: Option<&Data>) -> bool {
    let text = |data: &Data| data.as_str().map_or_else(|| data.to_string(), str::to_string);
    a.zip(b).is_some_and(|(a, b)| text(a) == text(b))
}

pub(super) fn in_packages(manifest: &Manifest, found: &[NodeIndex], packages: &[&str]) -> Option<NodeIndex> {
    let of = |package: &str| found.iter().copied().find(|ix| manifest.node(*ix).package == package);
    packages.iter().find_map(|package| of(package)).or_else(|| found.first().copied())
}

/// The relation that a node builds or names.
pub(crate) fn node_relation(shared: &Shared, node: &Node) -> RelationValue {
    let (identifier, mut quoting) = match &node.kind {
        // Sources do not follow the project's quoting.
        NodeKind::Source(source) => (source.identifier.clone(), quoting_over(QuotePolicy::ALL, &source.quoting)),
        _ => (node.alias.clone(), shared.quoting),
    };
    if let Some(own) = node.config.get("quoting").and_then(Data::as_object) {
        quoting = quoting_over(quoting, own);
    }
    let relation = Relation {
        database: node.database.clone(),
        schema: Some(node.schema.clone()),
        identifier: Some(identifier),
        kind: None,
        quoting,
    };
    let mut value = RelationValue::new(relation, shared.dialect);
    if let NodeKind::Source(_) = &node.kind {
        value.external = external_location(node);
    }
    value
}

fn quoting_over(policy: QuotePolicy, own: &Map<String, Data>) -> QuotePolicy {
    let flag = |key: &str, old: bool| own.get(key).and_then(Data::as_bool).unwrap_or(old);
    QuotePolicy {
        database: flag("database", policy.database),
        schema: flag("schema", policy.schema),
        identifier: flag("identifier", policy.identifier),
    }
}

/// The file that a source of DuckDB reads, from `external_location` in its config or meta.
fn external_location(node: &Node) -> Option<String> {
    let option = |key: &str| {
        node.config.str(key).or_else(|| node.meta.get(key).and_then(Data::as_str)).or_else(|| {
            let meta = node.config.get("meta").and_then(Data::as_object)?;
            meta.get(key).and_then(Data::as_str)
        })
    };
    let template = option("external_location")?;
    let NodeKind::Source(source) = &node.kind else { return None };
    let value = |name: &str| match name {
        "name" => Some(node.name.clone()),
        "identifier" => Some(source.identifier.clone()),
        "schema" => Some(node.schema.clone()),
        "database" => node.database.clone(),
        other => option(other).map(str::to_string),
    };
    let location = match option("formatter").unwrap_or("newstyle") {
        "oldstyle" => fill(template, "%(", ")s", &value),
        "template" => fill(&fill(template, "${", "}", &value), "$", "", &value),
        _ => fill(template, "{", "}", &value),
    };
    if location.contains('(') || location.starts_with('\'') {
        return Some(location);
    }
    Some(format!("'{location}'"))
}

/// Puts values in the place of names between `open` and `close`; without `close` a name ends with its last letter.
fn fill(template: &str, open: &str, close: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find(open) {
        out.push_str(&rest[..start]);
        let after = &rest[start + open.len()..];
        let name_len = after.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(after.len());
        let (name, tail) = after.split_at(name_len);
        match (tail.strip_prefix(close), value(name)) {
            (Some(tail), Some(text)) if !name.is_empty() => {
                out.push_str(&text);
                rest = tail;
            }
            _ => {
                out.push_str(open);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What one node's run remembers.
#[derive(Debug, Default)]
struct Memory {
    results: HashMap<String, Option<Value>>,
    ephemerals: Vec<NodeIndex>,
    written: Option<String>,
    test_kwargs: Option<Value>,
}

struct Inner {
    live: Live,
    node: Option<NodeIndex>,
    package: String,
    extras: NodeExtras,
    own: HashMap<&'static str, Value>,
    memory: Mutex<Memory>,
    model: OnceLock<Value>,
    /// Edges are not checked where the node was not parsed: operations, inline queries.
    checks_parents: bool,
}

impl Inner {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        match self.memory.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    fn runtime(&self) -> &Arc<Runtime> {
        &self.live.runtime
    }

    fn node(&self) -> Option<&Node> {
        self.node.map(|ix| self.live.runtime.manifest.node(ix))
    }

    fn node_id(&self) -> Option<&str> {
        self.node().map(|node| node.unique_id.as_str())
    }

    fn model(&self) -> Value {
        self.model.get_or_init(|| self.build_model()).clone()
    }

    fn build_model(&self) -> Value {
        let Some(ix) = self.node else { return PyDict::new().into_value() };
        let mut map = view::node(&self.live.runtime.manifest, ix);
        if self.live.runtime.manifest.node(ix).resource_type == ResourceType::Model {
            foreign_keys::name_targets(self.runtime(), &self.package, &mut map);
        }
        if let NodeKind::Seed { root_path } = &self.live.runtime.manifest.node(ix).kind {
            map.entry("root_path").or_insert_with(|| root_path.clone().into());
        }
        if let Some(code) = &self.extras.compiled_code {
            map.insert("compiled".to_string(), true.into());
            map.insert("compiled_code".to_string(), (**code).into());
            map.insert("compiled_sql".to_string(), (**code).into());
        }
        // Like dbt, `model` has no keys without a value.
        map.retain(|_, value| !value.is_null());
        let model = py::from_json(&Data::Object(map));
        if let Some(batch) = &self.extras.batch {
            batch.put_into(&model);
        }
        model
    }
}

/// What a template sees while a node is compiled or run.
#[derive(Clone)]
pub struct RunContext {
    inner: Arc<Inner>,
}

impl fmt::Debug for RunContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunContext")
    }
}

/// Names that depend on the node or the session.
const NAMES: &[&str] = &[
    "adapter",
    "builtins",
    "compiled_code",
    "config",
    "context_macro_stack",
    "database",
    "defer_relation",
    "env_var",
    "exceptions",
    "execute",
    "function",
    "graph",
    "load_agate_table",
    "load_result",
    "log",
    "metric",
    "model",
    "post_hooks",
    "pre_hooks",
    "print",
    "ref",
    "render",
    "schema",
    "selected_resources",
    "source",
    "sql",
    "store_raw_result",
    "store_result",
    "submit_python_job",
    "this",
    "thread_id",
    "try_or_compiler_error",
    "var",
    "write",
];

impl RunContext {
    fn build(live: Live, node: Option<NodeIndex>, package: String, extras: NodeExtras, checks_parents: bool) -> Self {
        let inner = Inner {
            live,
            node,
            package,
            extras,
            own: HashMap::new(),
            memory: Mutex::default(),
            model: OnceLock::new(),
            checks_parents,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The context of a node.
    #[must_use]
    pub fn for_node(runtime: &Arc<Runtime>, session: &Arc<Session>, ix: NodeIndex, extras: NodeExtras) -> Self {
        let live = Live { runtime: Arc::clone(runtime), session: Arc::clone(session) };
        let node = runtime.manifest.node(ix);
        let checks_parents = node.resource_type != ResourceType::Operation;
        let mut context = Self::build(live, Some(ix), node.package.clone(), extras, checks_parents);
        if let Some(hook) = context.inner.extras.hook.clone() {
            context.set_own(hook_names(&hook));
        }
        // Like dbt, a unit test has the fixture for `this` first, whether or not the model asks for it.
        let _ = context.this_input();
        context
    }

    /// The context of a macro that runs for no node.
    pub(crate) fn for_macro(
        runtime: &Arc<Runtime>,
        session: &Arc<Session>,
        package: &str,
        own: Vec<(&'static str, Value)>,
    ) -> Self {
        let live = Live { runtime: Arc::clone(runtime), session: Arc::clone(session) };
        let mut context = Self::build(live, None, package.to_string(), NodeExtras::default(), false);
        context.set_own(own);
        context
    }

    /// The context of a text that is no node: an inline query.
    #[must_use]
    pub fn for_text(runtime: &Arc<Runtime>, session: &Arc<Session>, extras: NodeExtras) -> Self {
        let live = Live { runtime: Arc::clone(runtime), session: Arc::clone(session) };
        let package = runtime.project.root().config.name.clone();
        Self::build(live, None, package, extras, false)
    }

    pub(crate) fn set_own(&mut self, names: Vec<(&'static str, Value)>) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.own.extend(names);
        }
    }

    /// Ephemeral models that were referred to, in order, each once.
    #[must_use]
    pub fn ephemerals(&self) -> Vec<NodeIndex> {
        self.inner.memory().ephemerals.clone()
    }

    /// What `write()` was given last: the text for `target/run`.
    #[must_use]
    pub fn written(&self) -> Option<String> {
        self.inner.memory().written.clone()
    }

    /// The result that a statement stored under a name.
    pub(crate) fn result(&self, name: &str) -> Option<Value> {
        self.inner.memory().results.get(name).cloned().flatten()
    }

    fn function<F>(&self, name: &'static str, body: F) -> Value
    where
        F: Fn(&Arc<Inner>, &mut State<'_, '_>, &[Value]) -> Result<Value, Error> + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self.inner);
        callable(name, move |state, args| body(&inner, state, args))
    }

    fn find(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.inner.own.get(name) {
            return Some(value.clone());
        }
        let inner = &self.inner;
        let runtime = inner.runtime();
        Some(match name {
            "ref" => self.function("ref", |inner, _, args| resolve_ref(inner, args)),
            "source" => self.function("source", |inner, _, args| resolve_source(inner, args)),
            "function" => self.function("function", |inner, _, args| resolve_function(inner, args)),
            "metric" => {
                callable("metric", |_, args| Ok(Value::from(read_names("metric", args)?.pop().unwrap_or_default())))
            }
            "config" => Value::from_object(ConfigValue { inner: Arc::clone(inner) }),
            "var" => self.var(),
            "env_var" => self.function("env_var", |inner, _, args| inner.runtime().shared.env_var(args, |_, _| {})),
            "this" => self.this(),
            "model" => inner.model(),
            "execute" => Value::from(true),
            "adapter" => Value::from_object(AdapterValue::for_running(inner.live.clone())),
            "graph" => runtime.graph.get_or_init(|| build_graph(&runtime.manifest)).clone(),
            "log" => self.function("log", |inner, _, args| inner.runtime().shared.log(inner.node_id(), args)),
            "print" => self.function("print", |inner, _, args| inner.runtime().shared.print(inner.node_id(), args)),
            "exceptions" => Exceptions::value(Arc::clone(&runtime.listener), inner.node_id()),
            "builtins" => self.builtins(),
            "_dbt_generic_test_kwargs" => return inner.memory().test_kwargs.clone(),
            _ => return self.find_more(name),
        })
    }

    fn find_more(&self, name: &str) -> Option<Value> {
        let inner = &self.inner;
        let target = &inner.runtime().project.target;
        Some(match name {
            "load_result" => self.function("load_result", |inner, _, args| load_result(inner, args)),
            "store_result" => self.function("store_result", |inner, _, args| store_result(inner, args)),
            "store_raw_result" => self.function("store_raw_result", |inner, _, args| store_raw_result(inner, args)),
            "write" => self.function("write", |inner, _, args| write(inner, args)),
            "render" => self.function("render", |inner, state, args| render_with(&inner.runtime().env, state, args)),
            "try_or_compiler_error" => callable("try_or_compiler_error", try_or_compiler_error),
            "load_agate_table" => self.function("load_agate_table", |inner, _, _| load_agate_table(inner)),
            "submit_python_job" => callable("submit_python_job", |_, _| Err(python_refusal())),
            "selected_resources" => {
                PyList::value(inner.runtime().selected.iter().map(|id| Value::from(id.as_str())).collect())
            }
            "pre_hooks" => hooks(inner, "pre-hook"),
            "post_hooks" => hooks(inner, "post-hook"),
            "sql" | "compiled_code" => {
                inner.extras.compiled_code.as_ref().map_or_else(none, |code| Value::from(Arc::clone(code)))
            }
            "database" => {
                let own = inner.node().and_then(|node| node.database.as_deref());
                Value::from(own.unwrap_or(&target.database))
            }
            "schema" => {
                let own = inner.node().map(|node| node.schema.as_str()).filter(|schema| !schema.is_empty());
                Value::from(own.unwrap_or(&target.schema))
            }
            // Hooks and operations run on the main thread, whose session is named as dbt names it.
            "thread_id" => Value::from(match inner.live.session.name() {
                "master" => "MainThread",
                name => name,
            }),
            "defer_relation" => none(),
            "context_macro_stack" => macro_stack(),
            _ => return None,
        })
    }

    fn this(&self) -> Value {
        match self.inner.node() {
            Some(node) if node.resource_type == ResourceType::UnitTest && self.is_compiling() => {
                self.this_input().unwrap_or_else(none)
            }
            Some(node) if node.resource_type != ResourceType::Operation => {
                node_relation(&self.inner.runtime().shared, node).into_value()
            }
            _ => none(),
        }
    }

    fn is_compiling(&self) -> bool {
        self.inner.extras.compiled_code.is_none()
    }

    /// `this` while a unit test is compiled: the fixture for the model's own table, if the test has one.
    fn this_input(&self) -> Option<Value> {
        let NodeKind::UnitTest(test) = &self.inner.node()?.kind else { return None };
        let manifest = &self.inner.runtime().manifest;
        let input =
            test.tested_node.as_ref().and_then(|id| manifest.find(id.as_str())).filter(|_| self.is_compiling())?;
        ephemeral_ref(&self.inner, input, manifest.node(input)).ok()
    }

    fn var(&self) -> Value {
        let inner = &self.inner;
        Value::from_object(VarFunction {
            vars: Arc::clone(inner.runtime().shared.variables.of(&inner.package)),
            node: inner.node().map_or("<Configuration>", |node| node.name.as_str()).to_string(),
            is_required: true,
            record: Box::new(|_| {}),
        })
    }

    fn builtins(&self) -> Value {
        let context = self.clone();
        let names = self.names();
        Value::from_object(Builtins { find: Box::new(move |name| context.get(name)), names })
    }
}

impl ContextSource for RunContext {
    fn get(&self, name: &str) -> Option<Value> {
        self.find(name).or_else(|| self.inner.runtime().shared.names.get(name).cloned())
    }

    fn names(&self) -> Vec<String> {
        let shared = self.inner.runtime().shared.names.keys();
        NAMES.iter().chain(shared).chain(self.inner.own.keys()).map(|name| (*name).to_string()).collect()
    }

    fn macro_package(&self) -> &str {
        &self.inner.package
    }

    fn instead_of_macro(&self, name: &str) -> Option<Value> {
        let batch = self.inner.extras.batch.as_ref().filter(|_| self.inner.extras.compiled_code.is_some())?;
        batch.instead_of_macro(name)
    }
}

/// `context_macro_stack`, which macros only compare with what dbt itself puts there.
pub(crate) fn macro_stack() -> Value {
    PyDict::from_strings([("depth", Value::from(0)), ("call_stack", PyList::value(Vec::new()))]).into_value()
}

fn hook_names(hook: &HookResults) -> Vec<(&'static str, Value)> {
    let results = hook.results.iter().map(|result| record_value(py::from_json(result))).collect();
    let pair = |(database, schema): &(Option<String>, String)| {
        let database = database.as_deref().map_or_else(none, Value::from);
        crate::jinja::objects::table_parts::tuple(vec![database, Value::from(schema.as_str())])
    };
    vec![
        ("results", PyList::value(results)),
        ("schemas", PyList::value(hook.schemas.iter().map(|schema| Value::from(schema.as_str())).collect())),
        ("database_schemas", PyList::value(hook.database_schemas.iter().map(pair).collect())),
    ]
}

/// A mapping that also answers `to_dict()`, like dbt's results.
#[derive(Debug)]
struct Record(Value);

fn record_value(map: Value) -> Value {
    Value::from_object(Record(map))
}

impl Object for Record {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.0.get_item(key).ok().filter(|value| !value.is_undefined())?;
        Some(if key.as_str() == Some("node") { record_value(found) } else { found })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(py::iterate(&self.0).unwrap_or_default())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method == "to_dict" { Ok(self.0.clone()) } else { self.0.call_method(state, method, args) }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&py::to_str(&self.0))
    }
}

/// `graph`: every node of the manifest as its published map.
fn build_graph(manifest: &Manifest) -> Value {
    let keys = ["nodes", "sources", "exposures", "groups", "metrics", "semantic_models", "saved_queries", "functions"];
    let parts: Vec<(&str, PyDict)> = keys.iter().map(|key| (*key, PyDict::new())).collect();
    for (ix, node) in manifest.indices().zip(&manifest.nodes) {
        let key = match node.resource_type {
            ResourceType::Source => "sources",
            ResourceType::Exposure => "exposures",
            ResourceType::Metric => "metrics",
            ResourceType::SemanticModel => "semantic_models",
            ResourceType::SavedQuery => "saved_queries",
            ResourceType::Function => "functions",
            ResourceType::UnitTest => continue,
            _ => "nodes",
        };
        let map = py::from_json(&Data::Object(view::node(manifest, ix)));
        if let Some((_, part)) = parts.iter().find(|(name, _)| *name == key) {
            part.insert(Value::from(node.unique_id.as_str()), map);
        }
    }
    for (id, group) in &manifest.groups {
        let map = serde_json::json!({
            "name": group.name, "resource_type": "group", "package_name": group.package, "path": group.path,
            "original_file_path": group.original_file_path, "unique_id": id.as_str(),
            "owner": group.owner.fields, "description": group.description,
        });
        parts[3].1.insert(Value::from(id.as_str()), py::from_json(&map));
    }
    PyDict::from_strings(parts.into_iter().map(|(key, part)| (key, part.into_value()))).into_value()
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

/// Who depends on something, in dbt's words.
fn dependent(inner: &Inner) -> String {
    match inner.node() {
        Some(node) => format!("{} '{}' ({})", title(node.resource_type), node.unique_id, node.original_file_path),
        None => "Operation".to_string(),
    }
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
    fail_with(ContextError { code, message, hints: near })
}

fn resolve_ref(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_ref(args)?;
    let runtime = inner.runtime();
    let manifest = &runtime.manifest;
    let root = &runtime.project.root().config.name;
    let Some(ix) = runtime.lookup.find_ref(manifest, &call, root, &inner.package) else {
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
    let mut relation = node_relation(&runtime.shared, target);
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

fn ephemeral_ref(inner: &Inner, ix: NodeIndex, target: &Node) -> Result<Value, Error> {
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

fn resolve_source(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let key = read_source(args)?;
    let runtime = inner.runtime();
    let manifest = &runtime.manifest;
    let root = runtime.project.root().config.name.as_str();
    let found = runtime.lookup.sources.get(&key).map(Vec::as_slice).unwrap_or_default();
    let Some(ix) = in_packages(manifest, found, &[&inner.package, root]) else {
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

fn resolve_function(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let mut names = read_names("function", args)?;
    let name = names.pop().unwrap_or_default();
    let package = names.pop();
    let runtime = inner.runtime();
    let root = runtime.project.root().config.name.as_str();
    let found = runtime.lookup.functions.get(&name).map(Vec::as_slice).unwrap_or_default();
    let packages = [package.as_deref().unwrap_or(&inner.package), root];
    let Some(ix) = in_packages(&runtime.manifest, found, &packages) else {
        let call = RefCall { package, name, version: None, span: None };
        return Err(not_found(inner, "function", &call, false, Vec::new()));
    };
    let mut relation = node_relation(&runtime.shared, runtime.manifest.node(ix));
    relation.relation.kind = Some(RelationKind::Function);
    Ok(relation.into_value())
}

fn load_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [name] = CallArgs::split(args).bind("load_result", ["name"], 1)?;
    let name = text_of(name).unwrap_or_default();
    let mut memory = inner.memory();
    let Some(slot) = memory.results.get_mut(&name) else { return Ok(none()) };
    // Only `main` may be read more than once.
    let result = if name == "main" { slot.clone() } else { slot.take() };
    result.ok_or_else(|| {
        let message = format!("The 'statement' result named '{name}' has already been loaded into a variable");
        fail(Code::TemplateFailed, message)
    })
}

fn store(inner: &Inner, name: String, response: Value, table: Option<Value>) -> Value {
    let table = given(table).unwrap_or_else(|| TableValue::empty().into_value());
    let data = TableValue::of(&table).map_or_else(|| PyList::value(Vec::new()), TableValue::matrix);
    let result = PyDict::from_strings([("response", response), ("data", data), ("table", table)]);
    inner.memory().results.insert(name, Some(result.into_value()));
    Value::from("")
}

fn store_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [name, response, table] = CallArgs::split(args).bind("store_result", ["name", "response", "agate_table"], 2)?;
    Ok(store(inner, text_of(name).unwrap_or_default(), response.unwrap_or_default(), table))
}

fn store_raw_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = ["name", "message", "code", "rows_affected", "agate_table"];
    let [name, message, code, rows, table] = CallArgs::split(args).bind("store_raw_result", names, 1)?;
    let response = super::Response {
        message: text_of(message).unwrap_or_default(),
        code: text_of(code),
        rows_affected: given(rows).and_then(|rows| rows.as_i64()),
    };
    Ok(store(inner, text_of(name).unwrap_or_default(), response_value(response), table))
}

fn write(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [payload] = CallArgs::split(args).bind("write", ["payload"], 1)?;
    let text = text_of(payload).unwrap_or_default();
    inner.live.session.note_written(Some(text.clone()));
    inner.memory().written = Some(text);
    Ok(Value::from(""))
}

/// `try_or_compiler_error(message, function, …)`.
pub(crate) fn try_or_compiler_error(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (Some(message), Some(function)) = (args.first(), args.get(1)) else {
        return Err(fail(Code::WrongArguments, "try_or_compiler_error() takes a message and a function"));
    };
    call_value(state, function, &args[2..]).map_err(|_| fail(Code::RaisedInTemplate, py::to_str(message)))
}

fn python_refusal() -> Error {
    fail(Code::Unsupported, "kiln does not run Python models")
}

fn load_agate_table(inner: &Inner) -> Result<Value, Error> {
    let Some((node, root_path)) = inner.node().and_then(|node| match &node.kind {
        NodeKind::Seed { root_path } => Some((node, root_path)),
        _ => None,
    }) else {
        let kind = inner.node().map_or("macro", |node| node.resource_type.as_str());
        return Err(fail(Code::TemplateFailed, format!("can only load_agate_table for seeds (got a {kind})")));
    };
    let file = if node.file.text().is_empty() {
        let path = std::path::Path::new(root_path).join(&node.original_file_path);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| fail(Code::SeedInvalid, format!("cannot read `{}`: {error}", node.original_file_path)))?;
        SourceFile::new(node.original_file_path.as_str(), text)
    } else {
        Arc::clone(&node.file)
    };
    let types = node.config.get("column_types").and_then(Data::as_object);
    let text_columns: Vec<String> = types.map(|types| types.keys().cloned().collect()).unwrap_or_default();
    let delimiter = node.config.str("delimiter").unwrap_or(",");
    match csv_table::read(&file, &text_columns, delimiter) {
        Ok(table) => Ok(table.into_value()),
        Err(problem) => Err(fail_elsewhere(problem)),
    }
}

fn hooks(inner: &Inner, key: &str) -> Value {
    let Some(node) = inner.node() else { return PyList::value(Vec::new()) };
    if inner.extras.batch.as_ref().is_some_and(|batch| !batch.runs_hooks(key)) {
        return PyList::value(Vec::new());
    }
    if matches!(node.resource_type, ResourceType::Source | ResourceType::Test | ResourceType::UnitTest) {
        return PyList::value(Vec::new());
    }
    let hooks = node.config.get(key).and_then(Data::as_array);
    let hook = |hook: &Data| {
        let (sql, is_inside) = match hook {
            Data::Object(map) => {
                let sql = map.get("sql").and_then(Data::as_str).unwrap_or_default();
                (sql, map.get("transaction").and_then(Data::as_bool).unwrap_or(true))
            }
            other => (other.as_str().unwrap_or_default(), true),
        };
        PyDict::from_strings([("sql", Value::from(sql)), ("transaction", Value::from(is_inside))]).into_value()
    };
    PyList::value(hooks.into_iter().flatten().map(hook).collect())
}

/// The columns that a snapshot adds to those of its query.
const SNAPSHOT_COLUMNS: [&str; 5] =
    ["dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"];

/// `config` while running: answers questions.
struct ConfigValue {
    inner: Arc<Inner>,
}

impl fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}

impl ConfigValue {
    fn value(&self, key: &str) -> Option<&Data> {
        let values = &self.inner.node()?.config.values;
        let key = match key {
            "pre_hook" => "pre-hook",
            "post_hook" => "post-hook",
            other => other,
        };
        values.get(key)
    }

    fn lookup(&self, key: &str, is_meta: bool) -> Option<Value> {
        if let Some(value) = self.inner.extras.batch.as_ref().and_then(|batch| batch.config(key)) {
            return Some(value);
        }
        if key == "snapshot_table_column_names" && !is_meta {
            return self.snapshot_column_names();
        }
        let found = if is_meta { self.value("meta").and_then(|meta| meta.get(key)) } else { self.value(key) };
        found.map(py::from_json)
    }

    /// The names of the columns that a snapshot adds: configured ones, or the usual ones.
    fn snapshot_column_names(&self) -> Option<Value> {
        let configured = self.value("snapshot_meta_column_names").and_then(Data::as_object);
        self.inner.node().filter(|node| node.resource_type == ResourceType::Snapshot)?;
        let name = |key: &'static str| {
            let own = configured.and_then(|names| names.get(key)).and_then(Data::as_str);
            (key, Value::from(own.filter(|name| !name.is_empty()).unwrap_or(key)))
        };
        Some(PyDict::from_strings(SNAPSHOT_COLUMNS.map(name)).into_value())
    }

    fn get(&self, state: &mut State<'_, '_>, args: &[Value], is_meta: bool) -> Result<Value, Error> {
        let [name, default, validator] = CallArgs::split(args).bind("get", ["name", "default", "validator"], 1)?;
        let has_default = given(default.clone()).is_some();
        let found = self.lookup(&text_of(name).unwrap_or_default(), is_meta);
        let value = found.or(default).unwrap_or_else(none);
        if let Some(validator) = given(validator).filter(|_| has_default) {
            call_value(state, &validator, std::slice::from_ref(&value))?;
        }
        Ok(value)
    }

    fn require(&self, state: &mut State<'_, '_>, args: &[Value], is_meta: bool) -> Result<Value, Error> {
        let [name, validator] = CallArgs::split(args).bind("require", ["name", "validator"], 1)?;
        let name = text_of(name).unwrap_or_default();
        let Some(value) = self.lookup(&name, is_meta) else {
            let id = self.inner.node_id().unwrap_or_default();
            return Err(fail(Code::PropertyInvalid, missing_config_message(id, &name)));
        };
        if let Some(validator) = given(validator) {
            call_value(state, &validator, std::slice::from_ref(&value))?;
        }
        Ok(value)
    }

    fn persists(&self, part: &str) -> Result<Value, Error> {
        match self.value("persist_docs") {
            None | Some(Data::Null) => Ok(Value::from(false)),
            Some(Data::Object(map)) => Ok(map.get(part).map_or_else(|| Value::from(false), py::from_json)),
            Some(other) => {
                let kind = py::text::type_name(&py::from_json(other));
                let message =
                    format!("Invalid value provided for 'persist_docs'. Expected dict but received <class '{kind}'>");
                Err(fail(Code::PropertyInvalid, message))
            }
        }
    }
}

impl Object for ConfigValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        // Macros pass `config` where dbt takes the node with it.
        if key == "model" { Some(self.inner.model()) } else { self.lookup(key, false) }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys =
            self.inner.node().map(|node| node.config.values.keys().map(|key| Value::from(key.as_str())).collect());
        Enumerator::Values(keys.unwrap_or_default())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Ok(Value::from(""))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => self.get(state, args, false),
            "meta_get" => self.get(state, args, true),
            "require" => self.require(state, args, false),
            "meta_require" => self.require(state, args, true),
            "set" => Ok(Value::from("")),
            "persist_relation_docs" => self.persists("relation"),
            "persist_column_docs" => self.persists("columns"),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}

/// The schemas of a set of nodes, each once, in order.
#[must_use]
pub fn schemas_of(manifest: &Manifest, nodes: impl IntoIterator<Item = NodeIndex>) -> Vec<(Option<String>, String)> {
    let mut seen = HashSet::new();
    let schema = |ix: NodeIndex| {
        let node = manifest.node(ix);
        (node.database.clone(), node.schema.clone())
    };
    nodes.into_iter().map(schema).filter(|schema| seen.insert(schema.clone())).collect()
}

/// What a materialization returned.
#[derive(Clone, Debug)]
pub struct MaterializeResult {
    /// The relations it made, or what is wrong with what it returned.
    pub relations: Result<Vec<Relation>, String>,
}

/// The one row of a data test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRow {
    /// Rows that should not be there.
    pub failures: i64,
    /// Whether they are enough for a warning.
    pub should_warn: bool,
    /// Whether they are enough for an error.
    pub should_error: bool,
}

impl RunContext {
    /// Gives a generic test its rendered arguments.
    ///
    /// # Errors
    /// When a template in them fails.
    pub fn with_test_kwargs(self, kwargs: &Map<String, Data>) -> Result<Self, RenderError> {
        let env = &self.inner.runtime().env;
        let path = self.inner.node().map_or("", |node| node.file.path()).to_string();
        let render = |text: &str, is_native: bool| {
            let source = TemplateSource::new("argument", path.as_str(), text);
            let context = Arc::new(self.clone());
            if is_native {
                env.render_native(&source, context)
            } else {
                env.render(&source, context).map(|rendered| Value::from(rendered.text))
            }
        };
        let rendered = render_test_kwargs(kwargs, &render)?;
        self.inner.memory().test_kwargs = Some(rendered);
        Ok(self)
    }

    /// Calls the macro of a materialization.
    ///
    /// # Errors
    /// When the macro fails.
    pub fn materialize(&self, macro_id: &str) -> Result<MaterializeResult, RenderError> {
        let value = self.inner.runtime().env.call_macro(macro_id, &[], &[], Arc::new(self.clone()))?;
        let materialized = self.inner.node().map_or("", |node| node.config.materialized());
        Ok(MaterializeResult { relations: returned_relations(&value, materialized) })
    }

    /// What the database said of the statement named `main`.
    #[must_use]
    pub fn main_response(&self) -> Option<super::Response> {
        let result = self.result("main")?;
        result.get_attr("response").ok().map(|response| response_of(&response))
    }

    /// Names and rows of what the statement named `main` returned.
    #[must_use]
    pub fn main_rows(&self) -> Option<(Vec<String>, Vec<Vec<Data>>)> {
        let table = self.result("main")?.get_attr("table").ok()?;
        let table = TableValue::of(&table)?;
        let rows = table.rows.iter().map(|row| row.iter().map(py::to_json).collect()).collect();
        Some((table.names.to_vec(), rows))
    }

    /// The row that a data test's main statement returned.
    ///
    /// # Errors
    /// When it is not one row of three columns.
    pub fn test_row(&self) -> Result<TestRow, String> {
        let result = self.result("main").ok_or("main is not being called during running test")?;
        let table = result.get_attr("table").map_err(|error| error.to_string())?;
        let table = TableValue::of(&table).ok_or("there is no result")?;
        let [row] = &table.rows[..] else {
            return Err(format!("Returned {} rows, but expected 1 row", table.rows.len()));
        };
        if table.names.len() != 3 {
            return Err(format!("Returned {} columns, but expected 3 columns", table.names.len()));
        }
        let field = |name: &str| {
            let ix = table.names.iter().position(|other| other.eq_ignore_ascii_case(name));
            ix.map(|ix| row[ix].clone()).ok_or_else(|| format!("there is no column `{name}`"))
        };
        let failures = whole_number(&field("failures")?)?;
        Ok(TestRow {
            failures,
            should_warn: truth("should_warn", &field("should_warn")?)?,
            should_error: truth("should_error", &field("should_error")?)?,
        })
    }
}

fn whole_number(value: &Value) -> Result<i64, String> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    #[expect(clippy::cast_possible_truncation, reason = "dbt truncates too")]
    f64::try_from(value.clone())
        .ok()
        .or_else(|| py::to_str(value).parse().ok())
        .map(|number| number as i64)
        .ok_or_else(|| format!("`failures` is {}, not a number", py::to_repr(value)))
}

fn truth(name: &str, value: &Value) -> Result<bool, String> {
    let Some(text) = value.as_str() else { return Ok(value.is_true()) };
    match text.to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!(
            "the macro 'get_test_sql' returns '{text}' for `{name}`: it is not type 'bool' and cannot be converted reliably to a bool"
        )),
    }
}

/// The relations in `{'relations': [..]}`, with dbt's refusals.
fn returned_relations(value: &Value, materialized: &str) -> Result<Vec<Relation>, String> {
    if value.as_str().is_some() || value.is_undefined() {
        return Err(format!(
            "The materialization (\"{materialized}\") did not explicitly return a list of relations to add to the cache."
        ));
    }
    if value.kind() != minijinja::value::ValueKind::Map {
        return Err(format!(
            "Invalid return value from materialization, expected a dict with key \"relations\", got: {}",
            py::to_str(value)
        ));
    }
    let relations = value.get_attr("relations").unwrap_or_default();
    if relations.is_undefined() {
        let keys: Vec<String> = py::iterate(value).unwrap_or_default().iter().map(py::to_repr).collect();
        return Err(format!(
            "Invalid return value from materialization, \"relations\" not found, got keys: [{}]",
            keys.join(", ")
        ));
    }
    let Some(items) = py::iterate(&relations).ok().filter(|_| relations.kind() == minijinja::value::ValueKind::Seq)
    else {
        return Err(format!(
            "Invalid return value from materialization, \"relations\" not a list, got: {}",
            py::to_str(&relations)
        ));
    };
    let relation = |item: &Value| {
        RelationValue::of(item).map(|found| found.relation.clone()).ok_or_else(|| {
            format!(
                "Invalid return value from materialization, \"relations\" contains non-Relation: {}",
                py::to_str(item)
            )
        })
    };
    items.iter().map(relation).collect()
}
