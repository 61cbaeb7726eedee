//! Names that are the same for every node of an invocation.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data};

use super::failure::{ContextError, fail, fail_with};
use super::runtime::{Listener, MessageLevel};
use super::variables::{Variables, missing_message};
use crate::diagnostic::{Code, did_you_mean};
use crate::jinja::error::reraise;
use crate::jinja::functions::{callable, given, none, register_conversions, text_of};
use crate::jinja::objects::column::ColumnClass;
use crate::jinja::objects::relation_class::RelationClass;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::jinja::{TemplateEnv, TemplateSource, call_value, render_state};
use crate::project::{Project, SECRET_PREFIX, Target, is_secret_key};
use crate::sql::{Dialect, QuotePolicy};

/// The version of dbt whose behavior this is.
pub(crate) const DBT_VERSION: &str = "1.11.16";

/// Names whose values depend on the node or the session.
pub(super) const NODE_NAMES: &[&str] = &[
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

/// What parsing and running share.
pub(crate) struct Shared {
    /// The project.
    pub(crate) project: Arc<Project>,
    /// Who hears of messages.
    pub(crate) listener: Arc<dyn Listener>,
    /// Values of `var`.
    pub(crate) variables: Variables,
    /// The project's quoting over the adapter's.
    pub(crate) quoting: QuotePolicy,
    /// The target's dialect.
    pub(crate) dialect: Dialect,
    /// Values by name.
    pub(crate) names: HashMap<&'static str, Value>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// Builds the names once.
    pub(crate) fn new(project: Arc<Project>, listener: Arc<dyn Listener>) -> Self {
        let variables = Variables::new(&project);
        let quoting = project_quoting(&project);
        let dialect = match project.target.adapter_type.as_str() {
            "postgres" => Dialect::Postgres,
            _ => Dialect::DuckDb,
        };
        let mut names = HashMap::new();
        register_conversions(&mut names);
        register_facts(&mut names, &project);
        register_classes(&mut names, dialect, quoting);
        for (name, other) in &project.settings.overridden {
            if let Some(value) = names.get_mut(name.as_str()) {
                *value = py::from_json(other);
            }
        }
        Self { project, listener, variables, quoting, dialect, names }
    }

    /// The adapter's name.
    pub(crate) fn adapter_type(&self) -> &str {
        &self.project.target.adapter_type
    }

    /// `env_var` outside of profiles: secrets are refused.
    pub(crate) fn env_var(&self, args: &[Value], record: impl FnOnce(&str, Option<&str>)) -> Result<Value, Error> {
        let [name, default] = CallArgs::split(args).bind("env_var", ["var", "default"], 1)?;
        let name = text_of(name).unwrap_or_default();
        if name.starts_with(SECRET_PREFIX) {
            return Err(secret_error(&name));
        }
        let found = self.project.settings.env.get(&name);
        let default = given(default);
        if found.is_some() || default.is_some() {
            record(&name, found.map(String::as_str));
        }
        match (found, default) {
            (Some(value), _) => Ok(Value::from(value.as_str())),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(missing_env_var(&name, self.project.settings.env.keys())),
        }
    }

    /// `log` and `print`.
    pub(crate) fn log(&self, node: Option<&str>, args: &[Value]) -> Result<Value, Error> {
        let [message, info] = CallArgs::split(args).bind("log", ["msg", "info"], 1)?;
        let is_info = info.is_some_and(|info| info.is_true());
        let level = if is_info { MessageLevel::Info } else { MessageLevel::Debug };
        self.listener.message(node, level, &py::to_str(&message.unwrap_or_default()));
        Ok(Value::from(""))
    }

    /// `print`.
    pub(crate) fn print(&self, node: Option<&str>, args: &[Value]) -> Result<Value, Error> {
        let [message] = CallArgs::split(args).bind("print", ["msg"], 1)?;
        if self.project.settings.flags.get("print").and_then(Data::as_bool).unwrap_or(true) {
            self.listener.message(node, MessageLevel::Print, &py::to_str(&message.unwrap_or_default()));
        }
        Ok(Value::from(""))
    }
}

/// dbt's refusal of secrets where they do not belong.
pub(crate) fn secret_error(name: &str) -> Error {
    fail(
        Code::EnvVarMissing,
        format!(
            "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' referenced elsewhere."
        ),
    )
}

/// dbt's words for a variable of the environment that is required and not set.
pub(crate) fn missing_env_var<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let near = did_you_mean(name, known.map(String::as_str));
    fail_with(ContextError {
        code: Code::EnvVarMissing,
        message: format!("Env var required but not provided: '{name}'"),
        hints: near.into_iter().collect(),
    })
}

fn project_quoting(project: &Project) -> QuotePolicy {
    let quoting = project.root().config.quoting;
    QuotePolicy {
        database: quoting.database.unwrap_or(true),
        schema: quoting.schema.unwrap_or(true),
        identifier: quoting.identifier.unwrap_or(true),
    }
}

fn register_facts(names: &mut HashMap<&'static str, Value>, project: &Project) {
    let settings = &project.settings;
    let target = target_value(&project.target);
    names.insert("dbt_version", Value::from(DBT_VERSION));
    names.insert("project_name", Value::from(project.root().config.name.as_str()));
    names.insert("invocation_id", Value::from(settings.invocation_id.as_str()));
    names.insert("run_started_at", started_at(settings.started_at));
    names.insert("target", target.clone());
    names.insert("env", target);
    names.insert("flags", Value::from_object(Flags(settings.flags.clone(), settings.command.clone())));
    names.insert("invocation_args_dict", invocation_args(project));
    names.insert("dbt_metadata_envs", metadata_envs(project));
    names.insert("adapter_macro", callable("adapter_macro", |_, args| adapter_macro(args)));
    names.insert("sql_now", Value::from("now()"));
}

fn started_at(instant: jiff::Timestamp) -> Value {
    crate::jinja::objects::dates::datetime_value(jiff::tz::TimeZone::UTC.to_datetime(instant), true)
}

fn invocation_args(project: &Project) -> Value {
    let settings = &project.settings;
    let mut args: Map<String, Data> = settings.flags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    args.extend(settings.args.clone());
    args.insert("which".to_string(), settings.command.clone().into());
    args.insert("vars".to_string(), Data::Object(settings.vars.clone()));
    py::from_json(&Data::Object(args))
}

/// Variables of the environment that artifacts publish.
fn metadata_envs(project: &Project) -> Value {
    let published = project.settings.published_env.iter();
    PyDict::from_pairs(published.map(|(key, value)| (Value::from(key.as_str()), Value::from(value.as_str()))))
        .into_value()
}

fn adapter_macro(args: &[Value]) -> Result<Value, Error> {
    let name = args.first().map(py::to_str).unwrap_or_default();
    Err(fail(
        Code::Deprecated,
        format!(
            "The \"adapter_macro\" macro has been deprecated. Instead, use the `adapter.dispatch` method to find a \
             macro and call the result. adapter_macro was called for: {name}"
        ),
    ))
}

fn register_classes(names: &mut HashMap<&'static str, Value>, dialect: Dialect, quoting: QuotePolicy) {
    let column = Value::from_object(ColumnClass { dialect });
    let relation = Value::from_object(RelationClass { dialect, quoting });
    let api = PyDict::from_strings([("Relation", relation), ("Column", column.clone())]);
    names.insert("api", api.into_value());
    names.insert("column", column);
    let any = callable("any", |_, args| {
        let allowed = args.to_vec();
        Ok(callable("validate", move |_, args| validate_any(&allowed, args)))
    });
    names.insert("validation", PyDict::from_strings([("any", any)]).into_value());
}

fn validate_any(allowed: &[Value], args: &[Value]) -> Result<Value, Error> {
    let value = args.first().cloned().unwrap_or_default();
    if allowed.contains(&value) {
        return Ok(none());
    }
    let listed: Vec<String> = allowed.iter().map(py::to_str).collect();
    let message = format!("Expected value \"{}\" to be one of {}", py::to_str(&value), listed.join(","));
    Err(fail(Code::TemplateFailed, message))
}

/// `target`: the profile's output without secrets.
pub(crate) fn target_value(target: &Target) -> Value {
    let mut map: Map<String, Data> = Map::new();
    for (key, value) in target.fields.iter().filter(|(key, _)| !is_secret_key(key)) {
        map.insert(key.clone(), value.clone());
    }
    if target.adapter_type == "duckdb" {
        map.entry("path").or_insert_with(|| ":memory:".into());
        for key in ["extensions", "settings", "attach", "filesystems", "plugins"] {
            map.entry(key).or_insert(Data::Null);
        }
        map.entry("external_root").or_insert_with(|| ".".into());
    }
    // DuckDB's credentials do not know this name.
    let has_name = target.adapter_type != "duckdb";
    let database = target.fields.get("dbname").or_else(|| target.fields.get("database").filter(|_| has_name));
    if let Some(database) = database {
        map.insert("dbname".to_string(), database.clone());
    }
    map.insert("database".to_string(), target.database.clone().into());
    map.insert("schema".to_string(), target.schema.clone().into());
    map.insert("type".to_string(), target.adapter_type.clone().into());
    map.insert("threads".to_string(), target.threads.into());
    map.insert("name".to_string(), target.name.clone().into());
    map.insert("target_name".to_string(), target.name.clone().into());
    map.insert("profile_name".to_string(), target.profile_name.clone().into());
    py::from_json(&Data::Object(map))
}

/// `flags`: one attribute in capitals for every flag.
struct Flags(std::collections::BTreeMap<String, Data>, String);

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<flags>")
    }
}

impl Object for Flags {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == "WHICH" {
            return Some(Value::from(self.1.as_str()));
        }
        if key.chars().any(char::is_lowercase) {
            return None;
        }
        self.0.get(&key.to_lowercase()).map(py::from_json)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// `var`: callable, with `has_var`.
pub(crate) struct VarFunction {
    /// What it sees.
    pub(crate) vars: Arc<Map<String, Data>>,
    /// Who asks, for messages.
    pub(crate) node: String,
    /// Whether a missing variable is an error.
    pub(crate) is_required: bool,
    /// Hears of every name that is asked for.
    pub(crate) record: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for VarFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<function var>")
    }
}

impl VarFunction {
    fn lookup(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [name, default] = CallArgs::split(args).bind("var", ["var_name", "default"], 1)?;
        let name = name.unwrap_or_default();
        let name = py::to_str(&name);
        (self.record)(&name);
        match self.vars.get(&name) {
            Some(Data::String(text)) if text.contains("{{") || text.contains("{%") => render_text(state, text),
            Some(value) => Ok(py::from_json(value)),
            None => match default {
                Some(default) => Ok(default),
                None if !self.is_required => Ok(none()),
                None => Err(fail_with(ContextError {
                    code: Code::VarMissing,
                    message: missing_message(&name, &self.node, &self.vars),
                    hints: did_you_mean(&name, self.vars.keys().map(String::as_str)).into_iter().collect(),
                })),
            },
        }
    }

    fn has_var(&self, args: &[Value]) -> Result<Value, Error> {
        let [name] = CallArgs::split(args).bind("has_var", ["var_name"], 1)?;
        let name = py::to_str(&name.unwrap_or_default());
        (self.record)(&name);
        Ok(Value::from(self.vars.contains_key(&name)))
    }
}

/// Renders a text with everything that the running template sees.
pub(crate) fn render_text(state: &mut State<'_, '_>, text: &str) -> Result<Value, Error> {
    let root = render_state(state).root.clone();
    let renderer = root.and_then(|root| root.source.get("render"));
    match renderer {
        Some(renderer) => renderer.call(state, &[Value::from(text)]),
        None => Ok(Value::from(text)),
    }
}

/// `render(text)`: a render of its own that sees what the running template sees.
pub(crate) fn render_with(env: &TemplateEnv, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [text] = CallArgs::split(args).bind("render", ["string"], 1)?;
    let text = py::to_str(&text.unwrap_or_default());
    let Some(root) = render_state(state).root.clone() else { return Ok(Value::from(text)) };
    let template = TemplateSource::new("render", "", text);
    env.render(&template, Arc::clone(&root.source))
        .map(|rendered| Value::from(rendered.text))
        .map_err(|error| reraise(&error))
}

impl Object for VarFunction {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.lookup(state, args)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "has_var" => self.has_var(args),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// Finds the value of a name.
pub(crate) type FindName = Box<dyn Fn(&str) -> Option<Value> + Send + Sync>;

/// `builtins`: the context's own functions, also where a macro hides them.
pub(crate) struct Builtins {
    /// Finds a function of the context.
    pub(crate) find: FindName,
    /// The names there are.
    pub(crate) names: Vec<String>,
}

impl fmt::Debug for Builtins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<builtins>")
    }
}

impl Object for Builtins {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (self.find)(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        (self.find)(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names.iter().map(|name| Value::from(name.as_str())).collect())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if let Some(function) = (self.find)(method) {
            return function.call(state, args);
        }
        match method {
            "get" => {
                let [key, default] = CallArgs::split(args).bind("get", ["key", "default"], 1)?;
                let found = key.as_ref().and_then(Value::as_str).and_then(|key| (self.find)(key));
                Ok(found.or(default).unwrap_or_else(none))
            }
            "keys" => Ok(PyList::value(self.names.iter().map(|name| Value::from(name.as_str())).collect())),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// `context_macro_stack`, which macros only compare with what dbt itself puts there.
pub(super) fn macro_stack() -> Value {
    PyDict::from_strings([("depth", Value::from(0)), ("call_stack", PyList::value(Vec::new()))]).into_value()
}

/// `try_or_compiler_error(message, function, …)`.
pub(super) fn try_or_compiler_error(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (Some(message), Some(function)) = (args.first(), args.get(1)) else {
        return Err(fail(Code::WrongArguments, "try_or_compiler_error() takes a message and a function"));
    };
    call_value(state, function, &args[2..]).map_err(|_| fail(Code::RaisedInTemplate, py::to_str(message)))
}
