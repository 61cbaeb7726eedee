//! The root object of a render: where every free name is looked up.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::env::Mode;
use super::error::{RenderErrorKind, raise};
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
    /// Whether the render gives a value in the place of text.
    pub(crate) is_native: bool,
    /// The values that a native render of a text printed.
    pub(crate) printed: Mutex<Vec<Value>>,
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
        Root {
            source,
            namespace,
            registry,
            engine,
            mode,
            is_native: false,
            printed: Mutex::default(),
            entry: None,
            loading: AtomicUsize::new(0),
        }
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
            return self.source.instead_of_macro(name).or_else(|| Some(value.clone()));
        }
        self.source.get(name).or_else(|| self.engine.get(name).cloned())
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
        if is_engine_word(key) {
            return None;
        }
        if self.loading.load(Ordering::Relaxed) > 0 {
            return Some(Unknown::value(key, false));
        }
        (self.mode == Mode::Parse).then(|| Unknown::value(key, true))
    }
}

fn is_engine_word(name: &str) -> bool {
    name.starts_with("kiln_") || matches!(name, "caller" | "loop" | "super" | "self" | "namespace" | "debug")
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

/// A name that nothing is known of.
///
/// While parsing, anything may be done with it and nothing comes out. In the
/// text of a macro it prints as nothing, and says its name when it is used.
#[derive(Debug)]
pub(crate) struct Unknown {
    name: String,
    is_lenient: bool,
}

impl Unknown {
    /// The placeholder for a name, lenient where what is made of it is never used.
    pub(crate) fn value(name: &str, is_lenient: bool) -> Value {
        Value::from_object(Unknown { name: name.to_string(), is_lenient })
    }

    /// The placeholder behind a value, if it is one.
    pub(crate) fn of(value: &Value) -> Option<&Unknown> {
        value.downcast_object_ref::<Unknown>()
    }

    /// Python's error for using it.
    pub(crate) fn error(&self) -> Error {
        raise(RenderErrorKind::Undefined, format!("'{}' is undefined", self.name))
    }

    fn used(self: &Arc<Self>) -> Result<Value, Error> {
        if self.is_lenient { Ok(Value::from_dyn_object(self.clone())) } else { Err(self.error()) }
    }
}

/// Whether a value is undefined, in either of the forms it has here.
pub(crate) fn is_undefined(value: &Value) -> bool {
    value.is_undefined() || Unknown::of(value).is_some()
}

impl Object for Unknown {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // The engine asks for positions when it only wants to iterate.
        if key.is_number() && !self.is_lenient {
            return None;
        }
        Some(self.used().unwrap_or_else(Value::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        self.used()
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        _method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        self.used()
    }

    fn render(self: &Arc<Self>, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
