//! The context of parsing: `ref`, `source` and `config` record, nothing is executed.

mod names;
mod python;
mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data, json};

use self::names::is_simple;
pub use self::names::{NameKind, call_name_macro, is_name_built_in};
pub use self::python::{PythonCall, parse_python};
use self::record::{ParseConfig, function, metric, reference, source};
use super::arguments::render_test_kwargs;
use super::base::{Builtins, NODE_NAMES, Shared, VarFunction, macro_stack, render_with, try_or_compiler_error};
use super::diagnose;
use super::run::empty_graph;
use super::runtime::Listener;
use crate::diagnostic::{Diagnostic, SourceFile, Span};
use crate::jinja::functions::{Exceptions, callable, none};
use crate::jinja::objects::adapter::AdapterValue;
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, PyList};
use crate::jinja::{
    Call, Constant, ContextSource, MacroRegistry, Mode, RenderError, TemplateEnv, TemplateSource, calls_of,
};
use crate::manifest::RefCall;
use crate::manifest::as_model::without_unset;
use crate::project::Project;
use crate::sql::{Relation, RelationKind};

/// What all nodes share while a project is parsed.
pub struct ParseShared {
    pub(crate) base: Arc<Shared>,
    pub(crate) env: Arc<TemplateEnv>,
    adapter: Value,
    simple_names: [bool; 3],
}

impl fmt::Debug for ParseShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParseShared")
    }
}

impl ParseShared {
    /// Prepares parsing with these macros.
    #[must_use]
    pub fn new(project: Arc<Project>, registry: Arc<MacroRegistry>, listener: Arc<dyn Listener>) -> Arc<Self> {
        let base = Arc::new(Shared::new(project, listener));
        let simple_names = NameKind::ALL.map(|kind| is_simple(&base, &registry, kind));
        let adapter = Value::from_object(AdapterValue::for_parsing(Arc::clone(&base)));
        let env = Arc::new(TemplateEnv::new(registry, Mode::Parse));
        Arc::new(Self { base, env, adapter, simple_names })
    }

    /// Whether templates know a name without any macro.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        NODE_NAMES.contains(&name) || self.base.names.contains_key(name)
    }

    /// The macros it was made with.
    #[must_use]
    pub fn registry(&self) -> &Arc<MacroRegistry> {
        self.env.registry()
    }
}

/// A text to render, and where it stands.
#[derive(Clone, Debug)]
pub struct Template {
    /// The text.
    pub text: Arc<str>,
    /// The file that it is part of.
    pub file: Arc<SourceFile>,
    /// Where in the file it begins, in bytes.
    pub offset: u32,
}

impl Template {
    /// The template for the engine.
    pub(crate) fn source(&self, name: &str) -> TemplateSource {
        let mut source = TemplateSource::new(name, self.file.path(), Arc::clone(&self.text));
        source.offset = self.offset as usize;
        source
    }
}

/// One node that is parsed.
#[derive(Clone, Debug)]
pub struct ParseScope {
    /// What all nodes share.
    pub shared: Arc<ParseShared>,
    /// What is known of the node so far, under its published names: what templates see as `model`.
    pub node: Arc<Map<String, Data>>,
    /// The arguments of a generic test as written.
    pub test_kwargs: Option<Map<String, Data>>,
    /// The macros that a generic test may call by their bare names, whatever package they are in.
    pub test_macros: Arc<TestMacros>,
}

/// Macros that one macro reaches, by name.
#[derive(Debug, Default)]
pub struct TestMacros(HashMap<String, Value>);

impl TestMacros {
    /// Takes macros by their unique ids; of those with the same name the last.
    #[must_use]
    pub fn new(registry: &MacroRegistry, ids: &[String]) -> Self {
        let named = ids.iter().filter_map(|id| Some((registry.by_id(id)?.def.name.clone(), registry.value_of(id)?)));
        Self(named.collect())
    }
}

impl ParseScope {
    /// A scope of a node that is no generic test.
    #[must_use]
    pub fn new(shared: &Arc<ParseShared>, node: Map<String, Data>) -> Self {
        Self { shared: Arc::clone(shared), node: Arc::new(node), test_kwargs: None, test_macros: Arc::default() }
    }
}

/// What a template told about its node while it was rendered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParseFacts {
    /// The rendered text.
    pub text: String,
    /// `ref` calls in order.
    pub refs: Vec<RefCall>,
    /// `source` calls in order.
    pub sources: Vec<(String, String)>,
    /// `metric` calls in order.
    pub metrics: Vec<Vec<String>>,
    /// `function` calls in order.
    pub functions: Vec<Vec<String>>,
    /// What `config()` calls said, merged.
    pub config: Map<String, Data>,
    /// Macros that the template itself called, in order, each once.
    pub macros: Vec<String>,
    /// Variables of the environment that were read; `None` where the default was taken.
    pub env_vars: BTreeMap<String, Option<String>>,
    /// Variables that were asked for.
    pub vars: BTreeSet<String>,
    /// Whether `this` was used.
    pub uses_this: bool,
}

struct Inner {
    shared: Arc<ParseShared>,
    node: Arc<Map<String, Data>>,
    package: String,
    is_name_macro: bool,
    facts: Mutex<ParseFacts>,
    this: OnceLock<Value>,
    model: OnceLock<Value>,
    test_kwargs: OnceLock<Value>,
    test_macros: Arc<TestMacros>,
}

impl Inner {
    fn facts(&self) -> MutexGuard<'_, ParseFacts> {
        match self.facts.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    fn text(&self, key: &str) -> &str {
        self.node.get(key).and_then(Data::as_str).unwrap_or_default()
    }

    fn optional(&self, key: &str) -> Option<String> {
        self.node.get(key).and_then(Data::as_str).map(str::to_string)
    }

    /// Where the node is built; a node whose place is not settled yet counts as one without its own.
    fn place(&self, key: &str) -> Option<String> {
        self.optional(key).filter(|name| !name.is_empty())
    }

    fn this_relation(&self, kind: Option<RelationKind>) -> RelationValue {
        let base = &self.shared.base;
        let target = &base.project.target;
        let relation = Relation {
            database: self.place("database").or_else(|| Some(target.database.clone())),
            schema: self.place("schema").or_else(|| Some(target.schema.clone())),
            identifier: self.optional("alias").or_else(|| self.optional("name")),
            kind,
            quoting: base.quoting,
        };
        RelationValue::new(relation, base.dialect)
    }

    fn this(&self) -> Value {
        self.this.get_or_init(|| self.this_relation(None).into_value()).clone()
    }

    fn model(&self) -> Value {
        let model = || {
            let mut map = Map::clone(&self.node);
            for (key, empty) in not_known_yet() {
                map.entry(key).or_insert(empty);
            }
            without_unset(&mut map);
            py::from_json(&Data::Object(map))
        };
        self.model.get_or_init(model).clone()
    }

    fn node_id(&self) -> Option<&str> {
        Some(self.text("unique_id")).filter(|id| !id.is_empty())
    }
}

/// What `model` has while its own template is parsed, as far as the template decides about it.
fn not_known_yet() -> [(&'static str, Data); 11] {
    [
        ("checksum", json!({"name": "none", "checksum": ""})),
        ("docs", json!({"show": true})),
        ("unrendered_config", json!({})),
        ("doc_blocks", json!([])),
        ("refs", json!([])),
        ("sources", json!([])),
        ("metrics", json!([])),
        ("functions", json!([])),
        ("depends_on", json!({"macros": [], "nodes": []})),
        ("contract", json!({"enforced": false, "alias_types": true})),
        ("constraints", json!([])),
    ]
}

/// What a template sees while it is parsed.
#[derive(Clone)]
struct ParseContext {
    inner: Arc<Inner>,
}

impl fmt::Debug for ParseContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParseContext")
    }
}

impl ParseContext {
    fn new(shared: &Arc<ParseShared>, node: Arc<Map<String, Data>>, package: String) -> Self {
        Self::with_macros(shared, node, package, Arc::default())
    }

    fn with_macros(
        shared: &Arc<ParseShared>,
        node: Arc<Map<String, Data>>,
        package: String,
        test_macros: Arc<TestMacros>,
    ) -> Self {
        let inner = Inner {
            shared: Arc::clone(shared),
            node,
            package,
            is_name_macro: false,
            facts: Mutex::default(),
            this: OnceLock::new(),
            model: OnceLock::new(),
            test_kwargs: OnceLock::new(),
            test_macros,
        };
        Self { inner: Arc::new(inner) }
    }

    fn of_scope(scope: &ParseScope) -> Self {
        let package = scope.node.get("package_name").and_then(Data::as_str).unwrap_or_default();
        let macros = Arc::clone(&scope.test_macros);
        Self::with_macros(&scope.shared, Arc::clone(&scope.node), package.to_string(), macros)
    }

    fn function<F>(&self, name: &'static str, body: F) -> Value
    where
        F: Fn(&Arc<Inner>, &mut State<'_, '_>, &[Value]) -> Result<Value, Error> + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self.inner);
        callable(name, move |state, args| body(&inner, state, args))
    }

    fn find(&self, name: &str) -> Option<Value> {
        let inner = &self.inner;
        Some(match name {
            "ref" => self.function("ref", |inner, _, args| reference(inner, args)),
            "source" => self.function("source", |inner, _, args| source(inner, args)),
            "metric" => self.function("metric", |inner, _, args| metric(inner, args)),
            "function" => self.function("function", |inner, _, args| function(inner, args)),
            "config" => Value::from_object(ParseConfig { inner: Arc::clone(inner) }),
            "var" => self.var(),
            "env_var" => self.function("env_var", |inner, _, args| {
                inner.shared.base.env_var(args, |name, value| {
                    inner.facts().env_vars.insert(name.to_string(), value.map(str::to_string));
                })
            }),
            "this" => {
                inner.facts().uses_this = true;
                inner.this()
            }
            "model" => inner.model(),
            "execute" => Value::from(false),
            "adapter" => inner.shared.adapter.clone(),
            "log" => self.function("log", |inner, _, args| inner.shared.base.log(inner.node_id(), args)),
            "print" => self.function("print", |inner, _, args| inner.shared.base.print(inner.node_id(), args)),
            "exceptions" => Exceptions::value(Arc::clone(&inner.shared.base.listener), inner.node_id()),
            "builtins" => self.builtins(),
            "_dbt_generic_test_kwargs" => inner.test_kwargs.get().cloned()?,
            _ => return self.find_placeholder(name),
        })
    }

    /// Names that have no meaning before the project runs.
    fn find_placeholder(&self, name: &str) -> Option<Value> {
        let target = &self.inner.shared.base.project.target;
        Some(match name {
            "database" => Value::from(self.inner.place("database").unwrap_or_else(|| target.database.clone())),
            "schema" => Value::from(self.inner.place("schema").unwrap_or_else(|| target.schema.clone())),
            "graph" => empty_graph(),
            "pre_hooks" | "post_hooks" | "selected_resources" => PyList::value(Vec::new()),
            "sql" | "compiled_code" | "defer_relation" => none(),
            "load_result" => callable("load_result", |_, _| Ok(none())),
            "store_result" | "store_raw_result" | "write" => callable("store_result", |_, _| Ok(Value::from(""))),
            "render" => self.function("render", |inner, state, args| render_with(&inner.shared.env, state, args)),
            "try_or_compiler_error" => callable("try_or_compiler_error", try_or_compiler_error),
            "load_agate_table" => callable("load_agate_table", |_, _| Ok(TableValue::empty().into_value())),
            "submit_python_job" => callable("submit_python_job", |_, _| Ok(none())),
            "thread_id" => Value::from("MainThread"),
            "context_macro_stack" => macro_stack(),
            _ => return self.inner.test_macros.0.get(name).cloned(),
        })
    }

    fn var(&self) -> Value {
        let base = &self.inner.shared.base;
        let inner = Arc::clone(&self.inner);
        Value::from_object(VarFunction {
            vars: Arc::clone(base.variables.of(&self.inner.package)),
            node: self.inner.text("name").to_string(),
            is_required: self.inner.is_name_macro,
            record: Box::new(move |name| {
                inner.facts().vars.insert(name.to_string());
            }),
        })
    }

    fn builtins(&self) -> Value {
        let context = self.clone();
        let names = self.names();
        Value::from_object(Builtins { find: Box::new(move |name| context.get(name)), names })
    }

    fn into_facts(self, text: String) -> ParseFacts {
        let mut facts = std::mem::take(&mut *self.inner.facts());
        facts.text = text;
        facts
    }
}

impl ContextSource for ParseContext {
    fn get(&self, name: &str) -> Option<Value> {
        self.find(name).or_else(|| self.inner.shared.base.names.get(name).cloned())
    }

    fn names(&self) -> Vec<String> {
        NODE_NAMES.iter().chain(self.inner.shared.base.names.keys()).map(|name| (*name).to_string()).collect()
    }

    fn macro_package(&self) -> &str {
        &self.inner.package
    }

    fn on_macro_call(&self, unique_id: &str, depth: usize) {
        if depth > 0 {
            return;
        }
        let mut facts = self.inner.facts();
        if !facts.macros.iter().any(|known| known == unique_id) {
            facts.macros.push(unique_id.to_string());
        }
    }
}

fn explain(scope: &ParseScope, template: &Template, error: &RenderError) -> Box<Diagnostic> {
    diagnose(error, Some(&template.file), scope.shared.env.registry())
}

/// Renders a node's template and gives what it told.
///
/// # Errors
/// When the template fails.
pub fn parse_node(scope: &ParseScope, template: &Template) -> Result<ParseFacts, Box<Diagnostic>> {
    let context = ParseContext::of_scope(scope);
    if let Some(kwargs) = &scope.test_kwargs {
        let rendered =
            render_kwargs(scope, &context, kwargs, template).map_err(|error| explain(scope, template, &error))?;
        // The cell was made a line ago and is empty.
        let _ = context.inner.test_kwargs.set(rendered);
    }
    let source = template.source(context.inner.text("unique_id"));
    let rendered = scope
        .shared
        .env
        .render(&source, Arc::new(context.clone()))
        .map_err(|error| explain(scope, template, &error))?;
    let mut facts = context.into_facts(rendered.text);
    if !facts.refs.is_empty() && scope.test_kwargs.is_none() {
        locate_refs(&source, &mut facts.refs);
    }
    Ok(facts)
}

/// Renders a value of a property file natively, with everything that the node's template sees.
///
/// # Errors
/// When the template fails.
pub fn parse_value(scope: &ParseScope, template: &Template) -> Result<(Data, ParseFacts), Box<Diagnostic>> {
    let context = ParseContext::of_scope(scope);
    let source = template.source(context.inner.text("unique_id"));
    let value = scope
        .shared
        .env
        .render_native(&source, Arc::new(context.clone()))
        .map_err(|error| explain(scope, template, &error))?;
    let data = py::to_json(&value);
    let text = py::to_str(&value);
    Ok((data, context.into_facts(text)))
}

/// The arguments of a generic test: templates rendered natively, a column's name as text.
fn render_kwargs(
    scope: &ParseScope,
    context: &ParseContext,
    kwargs: &Map<String, Data>,
    template: &Template,
) -> Result<Value, RenderError> {
    let render = |text: &str, is_native: bool| {
        let source = TemplateSource::new("argument", template.file.path(), text);
        let context = Arc::new(context.clone());
        if is_native {
            scope.shared.env.render_native(&source, context)
        } else {
            scope.shared.env.render(&source, context).map(|rendered| Value::from(rendered.text))
        }
    };
    render_test_kwargs(kwargs, &render)
}

/// Finds where the recorded calls stand, where their arguments are constants.
fn locate_refs(source: &TemplateSource, refs: &mut [RefCall]) {
    let Ok(calls) = calls_of(source) else { return };
    for call in calls.iter().filter(|call| matches!(call.path.as_str(), "ref" | "builtins.ref")) {
        let names = constant_names(call);
        let version = named(call, &["v", "version"]).map(text_of);
        let is_of_version = |known: &RefCall| match (&known.version, &version) {
            (Some(known), Some(version)) => text_of(known) == *version,
            (known, version) => known.is_some() == version.is_some(),
        };
        let fits = |known: &RefCall| {
            is_of_version(known)
                && match &names[..] {
                    [name] => known.package.is_none() && known.name == *name,
                    [package, name] => known.package.as_deref() == Some(package) && known.name == *name,
                    _ => false,
                }
        };
        let span = Span::new(call.span.start + source.offset, call.span.end + source.offset);
        for known in refs.iter_mut().filter(|known| known.span.is_none() && fits(known)) {
            known.span = Some(span);
        }
    }
}

/// The constant under one of several names of an argument.
fn named<'c>(call: &'c Call, names: &[&str]) -> Option<&'c Constant> {
    let is_it = |name: &str| names.contains(&name);
    call.args.iter().find(|arg| arg.name.as_deref().is_some_and(is_it)).and_then(|arg| arg.value.as_ref())
}

fn text_of(value: &Constant) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn constant_names(call: &Call) -> Vec<&str> {
    let positional = call.args.iter().filter(|arg| arg.name.is_none());
    positional.filter_map(|arg| arg.value.as_ref().and_then(Constant::as_str)).collect()
}
