//! The context of parsing: `ref`, `source` and `config` record, nothing is executed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use minijinja::value::Object;
use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data};

use super::base::{Builtins, Shared, VarFunction, render_with};
use super::diagnose;
use super::failure::fail;
use super::runtime::Listener;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use crate::jinja::functions::{Exceptions, callable, none};
use crate::jinja::objects::adapter::AdapterValue;
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::jinja::{
    Call, Constant, ContextSource, MacroRegistry, Mode, RenderError, TemplateEnv, TemplateSource, calls_of,
};
use crate::manifest::{RefCall, ResourceType, merge_config};
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
        NAMES.contains(&name) || self.base.names.contains_key(name)
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
}

impl ParseScope {
    /// A scope of a node that is no generic test.
    #[must_use]
    pub fn new(shared: &Arc<ParseShared>, node: Map<String, Data>) -> Self {
        Self { shared: Arc::clone(shared), node: Arc::new(node), test_kwargs: None }
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
        self.model.get_or_init(|| py::from_json(&Data::Object(Map::clone(&self.node)))).clone()
    }

    fn node_id(&self) -> Option<&str> {
        Some(self.text("unique_id")).filter(|id| !id.is_empty())
    }
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

/// Names that depend on the node.
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

impl ParseContext {
    fn new(shared: &Arc<ParseShared>, node: Arc<Map<String, Data>>, package: String) -> Self {
        let inner = Inner {
            shared: Arc::clone(shared),
            node,
            package,
            is_name_macro: false,
            facts: Mutex::default(),
            this: OnceLock::new(),
            model: OnceLock::new(),
            test_kwargs: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    fn of_scope(scope: &ParseScope) -> Self {
        let package = scope.node.get("package_name").and_then(Data::as_str).unwrap_or_default();
        Self::new(&scope.shared, Arc::clone(&scope.node), package.to_string())
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
            "try_or_compiler_error" => callable("try_or_compiler_error", super::run::try_or_compiler_error),
            "load_agate_table" => {
                callable("load_agate_table", |_, _| Ok(crate::jinja::objects::table::TableValue::empty().into_value()))
            }
            "submit_python_job" => callable("submit_python_job", |_, _| Ok(none())),
            "thread_id" => Value::from("MainThread"),
            "context_macro_stack" => super::run::macro_stack(),
            _ => return None,
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
        NAMES.iter().chain(self.inner.shared.base.names.keys()).map(|name| (*name).to_string()).collect()
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

fn empty_graph() -> Value {
    let keys = ["nodes", "sources", "exposures", "groups", "metrics", "semantic_models", "saved_queries", "functions"];
    PyDict::from_strings(keys.map(|key| (key, PyDict::new().into_value()))).into_value()
}

fn reference(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_ref(args)?;
    inner.facts().refs.push(call);
    Ok(inner.this())
}

/// Reads the arguments of `ref`, with dbt's refusals.
pub(crate) fn read_ref(args: &[Value]) -> Result<RefCall, Error> {
    let args = CallArgs::split(args);
    let (package, name) = match &args.positional[..] {
        [name] => (None, name),
        [package, name] => (Some(package), name),
        other => {
            let message = format!("ref() takes at most two arguments ({} given)", other.len());
            return Err(fail(Code::WrongArguments, message));
        }
    };
    let wrong = |which: &str, value: &Value, expected: &str| {
        let kind = py::text::type_name(value);
        fail(Code::WrongArguments, format!("The {which} argument to ref() must be {expected}, got <class '{kind}'>"))
    };
    let text = |which: &str, value: &Value, expected: &str| {
        value.as_str().map(str::to_string).ok_or_else(|| wrong(which, value, expected))
    };
    let package = package.filter(|value| !value.is_none());
    let package = package.map(|value| text("package", value, "a string or None")).transpose()?;
    let name = text("name", name, "a string")?;
    let version = ["version", "v"].iter().find_map(|key| args.keyword(key).filter(|value| value.is_true()));
    if let Some(version) = version.filter(|version| version.as_str().is_none() && !version.is_number()) {
        return Err(wrong("version", version, "a string, int, float, or None"));
    }
    Ok(RefCall { package, name, version: version.map(py::to_json), span: None })
}

/// Reads the arguments of `source`, with dbt's refusals.
pub(crate) fn read_source(args: &[Value]) -> Result<(String, String), Error> {
    let args = CallArgs::split(args).positional;
    let [source, table] = &args[..] else {
        let message = format!("source() takes exactly two arguments ({} given)", args.len());
        return Err(fail(Code::WrongArguments, message));
    };
    let text = |which: &str, value: &Value| {
        value.as_str().map(str::to_string).ok_or_else(|| {
            let kind = py::text::type_name(value);
            let message = format!("The {which} argument to source() must be a string, got <class '{kind}'>");
            fail(Code::WrongArguments, message)
        })
    };
    Ok((text("source name (first)", source)?, text("table name (second)", table)?))
}

fn source(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let call = read_source(args)?;
    inner.facts().sources.push(call);
    Ok(inner.this())
}

/// Reads `[package,] name`.
pub(crate) fn read_names(function: &str, args: &[Value]) -> Result<Vec<String>, Error> {
    let args = CallArgs::split(args).positional;
    if !(1..=2).contains(&args.len()) {
        let message = format!("{function}() takes at most two arguments ({} given)", args.len());
        return Err(fail(Code::WrongArguments, message));
    }
    Ok(args.iter().map(py::to_str).collect())
}

fn metric(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = read_names("metric", args)?;
    let name = names.last().cloned().unwrap_or_default();
    inner.facts().metrics.push(names);
    Ok(Value::from(name))
}

fn function(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = read_names("function", args)?;
    inner.facts().functions.push(names);
    Ok(inner.this_relation(Some(RelationKind::Function)).into_value())
}

/// `config` while parsing: calls record, questions are answered with nothing.
struct ParseConfig {
    inner: Arc<Inner>,
}

impl fmt::Debug for ParseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<config>")
    }
}

impl ParseConfig {
    fn record(&self, args: &[Value]) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        let options: Map<String, Data> = match (&args.positional[..], &args.keyword[..]) {
            ([options], []) => match py::to_json(options) {
                Data::Object(map) => map,
                _ => return Err(fail(Code::WrongArguments, "Invalid inline model config")),
            },
            ([], keyword) if !keyword.is_empty() => {
                keyword.iter().map(|(name, value)| (name.clone(), py::to_json(value))).collect()
            }
            _ => return Err(fail(Code::WrongArguments, "Invalid inline model config")),
        };
        let options = with_hook_names(options)?;
        merge_config(ResourceType::Model, &mut self.inner.facts().config, options);
        Ok(Value::from(""))
    }
}

/// `pre_hook` and `post_hook` are published with a hyphen.
fn with_hook_names(mut options: Map<String, Data>) -> Result<Map<String, Data>, Error> {
    for (old, new) in [("pre_hook", "pre-hook"), ("post_hook", "post-hook")] {
        let Some(value) = options.shift_remove(old) else { continue };
        if options.contains_key(new) {
            let message = format!("Invalid config, has conflicting keys \"{old}\" and \"{new}\"");
            return Err(fail(Code::WrongArguments, message));
        }
        options.insert(new.to_string(), value);
    }
    Ok(options)
}

impl Object for ParseConfig {
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.record(args)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" | "require" | "meta_get" | "meta_require" => Ok(Value::from("")),
            "persist_relation_docs" | "persist_column_docs" => Ok(Value::from(false)),
            "set" => {
                let [name, value] = CallArgs::split(args).bind("set", ["name", "value"], 2)?;
                let pair = (name.unwrap_or_default(), value.unwrap_or_default());
                self.record(&[PyDict::from_pairs([pair]).into_value()])
            }
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
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

/// Renders the arguments of a generic test with a function that renders one text.
pub(crate) fn render_test_kwargs(
    kwargs: &Map<String, Data>,
    render: &dyn Fn(&str, bool) -> Result<Value, RenderError>,
) -> Result<Value, RenderError> {
    let mut pairs = Vec::with_capacity(kwargs.len());
    for (key, value) in kwargs {
        pairs.push((Value::from(key.as_str()), render_data(value, key != "column_name", render)?));
    }
    Ok(PyDict::from_pairs(pairs).into_value())
}

fn render_data(
    data: &Data,
    is_native: bool,
    render: &dyn Fn(&str, bool) -> Result<Value, RenderError>,
) -> Result<Value, RenderError> {
    match data {
        Data::String(text) if is_native && looks_like_a_call(text) => render(&format!("{{{{ {text} }}}}"), true),
        Data::String(text) if text.contains("{{") || text.contains("{%") || text.contains("{#") => {
            render(text, is_native)
        }
        Data::Array(items) => {
            let items: Result<Vec<Value>, RenderError> =
                items.iter().map(|item| render_data(item, true, render)).collect();
            Ok(PyList::value(items?))
        }
        Data::Object(map) => {
            let mut pairs = Vec::with_capacity(map.len());
            for (key, value) in map {
                pairs.push((Value::from(key.as_str()), render_data(value, true, render)?));
            }
            Ok(PyDict::from_pairs(pairs).into_value())
        }
        other => Ok(py::from_json(other)),
    }
}

/// Whether a test's argument is a call written without braces, such as `ref('orders')`.
fn looks_like_a_call(text: &str) -> bool {
    let Some((name, rest)) = text.trim().split_once('(') else { return false };
    let is_known = ["env_var", "ref", "var", "source", "doc"].contains(&name.trim_end());
    is_known && rest.len() > 1 && rest.ends_with(')')
}

/// Finds where the recorded calls stand, where their arguments are constants.
fn locate_refs(source: &TemplateSource, refs: &mut [RefCall]) {
    let Ok(calls) = calls_of(source) else { return };
    for call in calls.iter().filter(|call| matches!(call.path.as_str(), "ref" | "builtins.ref")) {
        let names = constant_names(call);
        let fits = |known: &RefCall| match &names[..] {
            [name] => known.package.is_none() && known.name == *name,
            [package, name] => known.package.as_deref() == Some(package) && known.name == *name,
            _ => false,
        };
        let span = Span::new(call.span.start + source.offset, call.span.end + source.offset);
        for known in refs.iter_mut().filter(|known| known.span.is_none() && fits(known)) {
            known.span = Some(span);
        }
    }
}

fn constant_names(call: &Call) -> Vec<&str> {
    let positional = call.args.iter().filter(|arg| arg.name.is_none());
    positional.filter_map(|arg| arg.value.as_ref().and_then(Constant::as_str)).collect()
}

/// Which part of a node's name a macro makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// `generate_schema_name`.
    Schema,
    /// `generate_alias_name`.
    Alias,
    /// `generate_database_name`.
    Database,
}

impl NameKind {
    const ALL: [Self; 3] = [Self::Schema, Self::Alias, Self::Database];

    /// The macro's name.
    #[must_use]
    pub const fn macro_name(self) -> &'static str {
        match self {
            Self::Schema => "generate_schema_name",
            Self::Alias => "generate_alias_name",
            Self::Database => "generate_database_name",
        }
    }
}

/// Whether a name is made by the built-in macro and nothing else, so that no template is needed.
fn is_simple(base: &Shared, registry: &MacroRegistry, kind: NameKind) -> bool {
    let name = kind.macro_name();
    let root = base.project.root();
    let implementations = [format!("{}__{name}", base.adapter_type()), format!("default__{name}")];
    let in_root = |name: &str| registry.in_package(&root.config.name, name).is_some();
    registry.internal_packages().iter().any(|package| registry.in_package(package, name).is_some())
        && !in_root(name)
        && !implementations.iter().any(|name| in_root(name))
        && !root.config.dispatch.iter().any(|rule| rule.macro_namespace == "dbt")
}

/// Whether a name of a package's node is made by the built-in macro, which looks at `name` and `version` alone.
#[must_use]
pub fn is_name_built_in(shared: &ParseShared, kind: NameKind, package: &str) -> bool {
    shared.simple_names[kind as usize] && shared.env.registry().in_package(package, kind.macro_name()).is_none()
}

/// Calls the macro that makes a part of a node's name: the node's package's own, the root project's, the built-in.
/// `node` is what is known of the node, under its published names.
///
/// # Errors
/// When the macro fails.
pub fn call_name_macro(
    shared: &Arc<ParseShared>,
    kind: NameKind,
    custom: Option<&str>,
    node: &Map<String, Data>,
) -> Result<Option<String>, Box<Diagnostic>> {
    let registry = shared.env.registry();
    let package = node.get("package_name").and_then(Data::as_str).unwrap_or_default();
    let root = &shared.base.project.root().config.name;
    let name = kind.macro_name();
    if is_name_built_in(shared, kind, package) {
        return Ok(simple_name(shared, kind, custom, node));
    }
    let own = registry.in_package(package, name);
    let internal = || registry.internal_packages().iter().find_map(|package| registry.in_package(package, name));
    let Some(entry) = own.or_else(|| registry.in_package(root, name)).or_else(internal) else {
        return Ok(simple_name(shared, kind, custom, node));
    };
    let mut context = ParseContext::new(shared, Arc::new(Map::new()), root.clone());
    if let Some(inner) = Arc::get_mut(&mut context.inner) {
        inner.is_name_macro = true;
    }
    let custom = custom.map_or_else(none, Value::from);
    let args = [custom, py::from_json(&Data::Object(node.clone()))];
    let value = shared
        .env
        .call_macro(&entry.def.unique_id, &args, &[], Arc::new(context))
        .map_err(|error| diagnose(&error, None, registry))?;
    Ok((!value.is_none()).then(|| py::to_str(&value).trim().to_string()))
}

/// What the built-in macros would give.
fn simple_name(shared: &ParseShared, kind: NameKind, custom: Option<&str>, node: &Map<String, Data>) -> Option<String> {
    let target = &shared.base.project.target;
    let custom = custom.map(str::trim);
    match kind {
        NameKind::Schema => Some(match custom {
            None => target.schema.clone(),
            Some(custom) => format!("{}_{custom}", target.schema),
        }),
        NameKind::Database => Some(custom.unwrap_or(&target.database).to_string()),
        NameKind::Alias => {
            if let Some(custom) = custom.filter(|custom| !custom.is_empty()) {
                return Some(custom.to_string());
            }
            let name = node.get("name").and_then(Data::as_str).unwrap_or_default();
            let version = node.get("version").filter(|version| !version.is_null());
            Some(version.map_or(name.to_string(), |version| {
                let version = version.as_str().map_or_else(|| version.to_string(), str::to_string);
                format!("{name}_v{}", version.replace('.', "_"))
            }))
        }
    }
}
