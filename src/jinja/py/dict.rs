//! A dict that changes in place, and its views.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{CallArgs, bind};
use super::list::none;
use super::text;
use crate::jinja::error::{type_error, value_error};

/// Python's `dict`.
#[derive(Default)]
pub(crate) struct PyDict(Mutex<IndexMap<Value, Value>>);

impl fmt::Debug for PyDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PyDict(len {})", self.lock().len())
    }
}

impl PyDict {
    /// Makes an empty dict.
    pub(crate) fn new() -> PyDict {
        PyDict::default()
    }

    /// Makes a dict of pairs; the last of equal keys wins.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (Value, Value)>) -> PyDict {
        PyDict(Mutex::new(pairs.into_iter().filter(|(key, _)| super::is_hashable(key)).collect()))
    }

    /// Makes a dict with string keys.
    pub(crate) fn from_strings<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> PyDict {
        PyDict::from_pairs(pairs.into_iter().map(|(k, v)| (Value::from(k), v)))
    }

    /// The dict as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// A copy of the entries.
    pub(crate) fn pairs(&self) -> Vec<(Value, Value)> {
        self.lock().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The keys.
    pub(crate) fn keys(&self) -> Vec<Value> {
        self.lock().keys().cloned().collect()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &Value) -> Option<Value> {
        if !super::is_hashable(key) {
            return None;
        }
        self.lock().get(key).cloned()
    }

    /// The value of a string key.
    pub(crate) fn get_str(&self, key: &str) -> Option<Value> {
        self.get(&Value::from(key))
    }

    /// Sets a key.
    pub(crate) fn insert(&self, key: Value, value: Value) -> Option<Value> {
        if !super::is_hashable(&key) {
            return None;
        }
        self.lock().insert(key, value)
    }

    fn update(&self, args: &[Value]) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        if args.positional.len() > 1 {
            return Err(type_error(format!("update expected at most 1 argument, got {}", args.positional.len())));
        }
        let mut pairs = match args.positional.first() {
            Some(other) => pairs_of(other)?,
            None => Vec::new(),
        };
        pairs.extend(args.keyword.into_iter().map(|(k, v)| (Value::from(k), v)));
        for (key, _) in &pairs {
            super::check_hashable(key)?;
        }
        self.lock().extend(pairs);
        Ok(none())
    }

    fn pop(&self, args: &[Value]) -> Result<Value, Error> {
        let [key, default] = bind("pop", ["key", "default"], 1, args)?;
        let key = key.unwrap_or_default();
        super::check_hashable(&key)?;
        let removed = self.lock().shift_remove(&key);
        removed.or(default).ok_or_else(|| value_error(text::to_repr(&key)))
    }

    fn setdefault(&self, args: &[Value]) -> Result<Value, Error> {
        let [key, default] = bind("setdefault", ["key", "default"], 1, args)?;
        let value = default.unwrap_or_else(none);
        let key = key.unwrap_or_default();
        super::check_hashable(&key)?;
        let mut map = self.lock();
        Ok(map.entry(key).or_insert(value).clone())
    }
}

/// Reads a mapping, or an iterable of pairs.
pub(crate) fn pairs_of(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if let Some(dict) = value.downcast_object_ref::<PyDict>() {
        return Ok(dict.pairs());
    }
    if value.kind() == ValueKind::Map
        && let Some(pairs) = value.as_object().and_then(|o| o.try_iter_pairs())
    {
        return Ok(pairs.collect());
    }
    let mut pairs = Vec::new();
    for item in super::iterate(value)? {
        let mut parts = super::iterate(&item)?;
        if parts.len() != 2 {
            return Err(value_error("dictionary update sequence element does not have length 2"));
        }
        let second = parts.pop().unwrap_or_default();
        let first = parts.pop().unwrap_or_default();
        pairs.push((first, second));
    }
    Ok(pairs)
}

impl Object for PyDict {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::KeyValueIter(Box::new(self.pairs().into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => {
                let [key, default] = bind("get", ["key", "default"], 1, args)?;
                Ok(self.get(&key.unwrap_or_default()).or(default).unwrap_or_else(none))
            }
            "keys" | "values" | "items" => {
                bind(method, [], 0, args)?;
                Ok(View::of(self.clone(), method))
            }
            "update" => self.update(args),
            "pop" => self.pop(args),
            "popitem" => match self.lock().pop() {
                Some((key, value)) => Ok(Value::from(Tuple::from([key, value]))),
                None => Err(value_error("popitem(): dictionary is empty")),
            },
            "setdefault" => self.setdefault(args),
            "clear" => {
                self.lock().clear();
                Ok(none())
            }
            "copy" => Ok(PyDict::from_pairs(self.pairs()).into_value()),
            "fromkeys" => {
                let [keys, value] = bind("fromkeys", ["iterable", "value"], 1, args)?;
                let value = value.unwrap_or_else(none);
                let keys = super::iterate(&keys.unwrap_or_default())?;
                let pairs = keys.into_iter().map(|key| (key, value.clone()));
                Ok(PyDict::from_pairs(pairs).into_value())
            }
            // `d.f()` also finds a function kept under the key `f`.
            _ => match self.get_str(method) {
                Some(function) => function.call(state, args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            },
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_mapping(f, &self.pairs())
    }
}

#[derive(Debug, Clone, Copy)]
enum ViewKind {
    Keys,
    Values,
    Items,
}

/// `d.keys()`, `d.values()`, `d.items()`.
#[derive(Debug)]
pub(crate) struct View {
    dict: Arc<PyDict>,
    kind: ViewKind,
}

impl View {
    fn of(dict: Arc<PyDict>, method: &str) -> Value {
        let kind = match method {
            "keys" => ViewKind::Keys,
            "values" => ViewKind::Values,
            _ => ViewKind::Items,
        };
        Value::from_object(View { dict, kind })
    }

    fn elements(&self) -> Vec<Value> {
        match self.kind {
            ViewKind::Keys => self.dict.keys(),
            ViewKind::Values => self.dict.lock().values().cloned().collect(),
            ViewKind::Items => self.dict.pairs().into_iter().map(|(k, v)| Value::from(Tuple::from([k, v]))).collect(),
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.elements())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.dict.lock().len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            ViewKind::Keys => "dict_keys([",
            ViewKind::Values => "dict_values([",
            ViewKind::Items => "dict_items([",
        };
        text::write_sequence(f, name, &self.elements(), "])")
    }
}
