//! `modules.*`: the parts of Python's library that templates may use.

pub(crate) mod datetime;
mod itertools;
mod re;

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

/// A function of one of the modules.
pub(crate) type NativeFn = fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error>;

/// The value of `modules`.
pub(crate) fn all() -> Value {
    table([
        ("datetime", datetime::module()),
        ("itertools", itertools::module()),
        ("pytz", datetime::pytz()),
        ("re", re::module()),
    ])
}

/// A fixed table of names.
#[derive(Debug)]
struct Table(Vec<(&'static str, Value)>);

/// Makes a module of names and values.
pub(crate) fn table(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::from_object(Table(entries.into_iter().collect()))
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.iter().find_map(|(name, value)| (*name == key).then(|| value.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Value::from(*name)).collect())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.get_value_by_str(method) {
            Some(target) => target.call(state, args),
            None => super::methods::mapping_method(state, self.clone(), method, args)
                .unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod))),
        }
    }
}

/// A callable value.
struct Native {
    name: &'static str,
    call: NativeFn,
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

/// Makes a callable value of a function.
pub(crate) fn native(name: &'static str, call: NativeFn) -> Value {
    Value::from_object(Native { name, call })
}

impl Object for Native {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "__name__").then(|| Value::from(self.name))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.call)(state, args)
    }
}

/// A method taken off its object: `f = text.upper`.
#[derive(Debug)]
pub(crate) struct BoundMethod {
    pub(crate) object: Value,
    pub(crate) method: String,
}

impl Object for BoundMethod {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.object.call_method(state, &self.method, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<built-in method {}>", self.method)
    }
}

/// The method of that name as a value, if it is one of `methods`.
pub(crate) fn bound<T: Object + 'static>(object: &Arc<T>, name: &str, methods: &[&str]) -> Option<Value> {
    methods.contains(&name).then(|| {
        Value::from_object(BoundMethod { object: Value::from_dyn_object(object.clone()), method: name.to_string() })
    })
}

/// A type such as `datetime`: callable, with functions of its own.
pub(crate) struct PyType {
    /// For example `datetime.datetime`.
    pub(crate) name: &'static str,
    /// What calling it does.
    pub(crate) call: NativeFn,
    /// Its functions.
    pub(crate) functions: &'static [(&'static str, NativeFn)],
    /// Its constants.
    pub(crate) constants: Vec<(&'static str, Value)>,
}

impl fmt::Debug for PyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<class '{}'>", self.name)
    }
}

impl PyType {
    fn function(&self, name: &str) -> Option<(&'static str, NativeFn)> {
        self.functions.iter().find(|(n, _)| *n == name).copied()
    }
}

impl Object for PyType {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some((name, function)) = self.function(name) {
            return Some(native(name, function));
        }
        self.constants.iter().find_map(|(n, value)| (*n == name).then(|| value.clone()))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.call)(state, args)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if let Some((_, function)) = self.function(method) {
            return function(state, args);
        }
        // `datetime.isoformat(moment)`: a method called with its object.
        match args.split_first() {
            Some((object, rest)) => object.call_method(state, method, rest),
            None => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// Whether a value can be called. Functions that others made say so with an
/// attribute `__call__`, or are functions of minijinja.
pub(crate) fn is_callable(value: &Value) -> bool {
    if value.kind() != minijinja::value::ValueKind::Plain {
        return false;
    }
    value.downcast_object_ref::<Native>().is_some()
        || value.downcast_object_ref::<BoundMethod>().is_some()
        || value.downcast_object_ref::<PyType>().is_some()
        || value.get_attr("__call__").is_ok_and(|attr| !attr.is_undefined())
        || format!("{value:?}").contains("unction")
}
