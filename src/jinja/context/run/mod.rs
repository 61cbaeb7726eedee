//! The context of compiling and running: names mean what they say.

mod config;
mod graph;
mod hooks;
mod outcome;
mod references;
mod statements;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Data};

use self::config::ConfigValue;
use self::graph::build_graph;
pub(super) use self::graph::empty_graph;
pub use self::hooks::HookResults;
use self::hooks::{hook_names, hooks};
pub use self::outcome::{MaterializeResult, TestRow};
use self::references::{elsewhere, ephemeral_ref, resolve_function, resolve_ref, resolve_source};
use self::statements::{load_agate_table, load_result, store_raw_result, store_result, submit_python_job, write};
use super::arguments::read_names;
use super::base::{Builtins, NODE_NAMES, VarFunction, macro_stack, render_with, try_or_compiler_error};
use super::batch::Batch;
use super::foreign_keys;
use super::lookup::node_relation;
use super::runtime::Runtime;
use super::session::Session;
use crate::jinja::ContextSource;
use crate::jinja::functions::{Exceptions, callable, none};
use crate::jinja::objects::adapter::{AdapterValue, Live};
use crate::jinja::objects::column;
use crate::jinja::py::{self, PyDict, PyList};
use crate::manifest::as_model::without_unset;
use crate::manifest::{Node, NodeIndex, NodeKind, NodeView, ResourceType, view};

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
        let manifest = &self.live.runtime.manifest;
        let mut map = view::to_map(&NodeView::new(manifest, manifest.node(ix)).as_query());
        if self.live.runtime.manifest.node(ix).resource_type == ResourceType::Model {
            foreign_keys::name_targets(self.runtime(), &self.package, &mut map);
        }
        if let NodeKind::Seed { root_path } = &self.live.runtime.manifest.node(ix).kind {
            map.entry("root_path").or_insert_with(|| root_path.clone().into());
        }
        if let Some(code) = self.extras.compiled_code.as_ref().filter(|_| map.contains_key("language")) {
            map.insert("compiled".to_string(), true.into());
            map.insert("compiled_code".to_string(), (**code).into());
            map.insert("compiled_sql".to_string(), (**code).into());
        }
        if map.get("contract").is_some_and(|contract| contract["alias_types"] == true) {
            translate_types(&mut map);
        }
        without_unset(&mut map);
        let model = py::from_json(&Data::Object(map));
        if let Some(batch) = &self.extras.batch {
            batch.put_into(&model);
        }
        model
    }
}

/// Gives the declared types of columns the names that the database has for them.
fn translate_types(model: &mut Map<String, Data>) {
    let Some(Data::Object(columns)) = model.get_mut("columns") else { return };
    for column in columns.values_mut() {
        if let Some(Data::String(data_type)) = column.get_mut("data_type") {
            *data_type = column::translate(data_type);
        }
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
            "submit_python_job" => self.function("submit_python_job", |inner, _, args| submit_python_job(inner, args)),
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
            "defer_relation" => self.defer_relation(),
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

    /// Where an earlier run built the node itself.
    fn defer_relation(&self) -> Value {
        let runtime = self.inner.runtime();
        let found = self.inner.node.and_then(|ix| runtime.deferred_relation(ix));
        found.map_or_else(none, |relation| elsewhere(&runtime.shared, &relation).into_value())
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
        NODE_NAMES.iter().chain(shared).chain(self.inner.own.keys()).map(|name| (*name).to_string()).collect()
    }

    fn macro_package(&self) -> &str {
        &self.inner.package
    }

    fn instead_of_macro(&self, name: &str) -> Option<Value> {
        let batch = self.inner.extras.batch.as_ref().filter(|_| self.inner.extras.compiled_code.is_some())?;
        batch.instead_of_macro(name)
    }
}
