//! The root object of a render: where every free name is looked up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::env::Mode;
use super::macros::{MacroRegistry, Namespace};
use super::source::ContextSource;

/// Functions of the engine itself, shared by all renders.
pub(crate) type EngineNames = HashMap<&'static str, Value>;

/// Everything that one render can look up by name.
pub(crate) struct Root {
    pub(crate) source: Arc<dyn ContextSource>,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) registry: Arc<MacroRegistry>,
    pub(crate) engine: Arc<EngineNames>,
    pub(crate) mode: Mode,
    /// The macro call that a render consists of, for `call_macro`.
    pub(crate) entry: Option<(Value, Vec<Value>)>,
    loading: AtomicUsize,
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("mode", &self.mode).finish()
    }
}

impl Root {
    pub(crate) fn new(
        source: Arc<dyn ContextSource>,
        registry: Arc<MacroRegistry>,
        engine: Arc<EngineNames>,
        mode: Mode,
    ) -> Root {
        let namespace = registry.namespace(source.macro_package());
        Root { source, namespace, registry, engine, mode, entry: None, loading: AtomicUsize::new(0) }
    }

    /// The names of a macro's own text are not lenient, even when parsing.
    pub(crate) fn begin_load(&self) {
        self.loading.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_load(&self) {
        self.loading.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks a name up, without making up undefined values.
    pub(crate) fn find(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.namespace.get(name) {
            return Some(value.clone());
        }
        self.source.get(name).or_else(|| self.engine.get(name).cloned())
    }

    fn is_lenient(&self) -> bool {
        self.mode == Mode::Parse && self.loading.load(Ordering::Relaxed) == 0
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == "context" {
            return Some(Value::from_object(ContextView { root: self.clone() }));
        }
        if key == "kiln_root" {
            return Some(Value::from_dyn_object(self.clone()));
        }
        if let Some(value) = self.find(key) {
            return Some(value);
        }
        if self.is_lenient() && !is_engine_word(key) {
            return Some(ParseUndefined::value(key));
        }
        None
    }
}

fn is_engine_word(name: &str) -> bool {
    name.starts_with("kiln_") || matches!(name, "caller" | "loop" | "super" | "self")
}

/// `context` as templates see it: a mapping of everything.
#[derive(Debug)]
struct ContextView {
    root: Arc<Root>,
}

impl Object for ContextView {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == "context" {
            return Some(Value::from_dyn_object(self.clone()));
        }
        self.root.find(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<String> = self.root.source.names();
        names.extend(self.root.namespace.names().map(str::to_string));
        names.extend(self.root.engine.keys().map(|name| (*name).to_string()));
        names.retain(|name| !name.starts_with("kiln_"));
        names.push("context".to_string());
        names.sort();
        names.dedup();
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if let Some(result) = super::methods::mapping_method(state, self.clone(), method, args) {
            return result;
        }
        match self.root.find(method) {
            Some(target) => target.call(state, args),
            None => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<context>")
    }
}

/// An unknown name while parsing: anything may be done with it, nothing comes out.
#[derive(Debug)]
pub(crate) struct ParseUndefined {
    name: String,
}

impl ParseUndefined {
    fn value(name: &str) -> Value {
        Value::from_object(ParseUndefined { name: name.to_string() })
    }

    /// Whether a value is such a placeholder.
    pub(crate) fn is(value: &Value) -> bool {
        value.downcast_object_ref::<ParseUndefined>().is_some()
    }
}

impl Object for ParseUndefined {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let _ = key;
        Some(Value::from_dyn_object(self.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        Ok(Value::from_dyn_object(self.clone()))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        _method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        Ok(Value::from_dyn_object(self.clone()))
    }

    fn render(self: &Arc<Self>, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl ParseUndefined {
    /// The name that was not found.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}
