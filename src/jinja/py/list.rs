//! A list that changes in place.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, integer};
use super::text;
use crate::jinja::error::{type_error, value_error};
use crate::jinja::state::call_value;

/// Python's `list`.
#[derive(Default)]
pub(crate) struct PyList(Mutex<Vec<Value>>);

impl fmt::Debug for PyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PyList(len {})", self.lock().len())
    }
}

impl PyList {
    /// Makes a list.
    pub(crate) fn new(values: Vec<Value>) -> PyList {
        PyList(Mutex::new(values))
    }

    /// Makes the value of a list.
    pub(crate) fn value(values: Vec<Value>) -> Value {
        Value::from_object(PyList::new(values))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// A copy of the elements. Never compare or call anything under the lock:
    /// a list may contain itself.
    pub(crate) fn items(&self) -> Vec<Value> {
        self.lock().clone()
    }

    /// Adds an element at the end.
    pub(crate) fn push(&self, value: Value) {
        self.lock().push(value);
    }

    fn position(&self, value: &Value) -> Option<usize> {
        self.items().iter().position(|item| item == value)
    }

    fn pop(&self, args: &[Value]) -> Result<Value, Error> {
        let [index] = bind("pop", ["index"], 0, args)?;
        let index = index.map_or(Ok(-1), |index| integer(&index))?;
        let mut items = self.lock();
        if items.is_empty() {
            return Err(value_error("pop from empty list"));
        }
        match resolve_index(index, items.len()) {
            Some(ix) => Ok(items.remove(ix)),
            None => Err(value_error("pop index out of range")),
        }
    }

    fn insert(&self, args: &[Value]) -> Result<Value, Error> {
        let [index, item] = bind("insert", ["index", "object"], 2, args)?;
        let index = integer(&index.unwrap_or_default())?;
        let mut items = self.lock();
        let ix = clamp_index(index, items.len());
        items.insert(ix, item.unwrap_or_default());
        Ok(none())
    }

    fn index(&self, args: &[Value]) -> Result<Value, Error> {
        let [needle, start, stop] = bind("index", ["value", "start", "stop"], 1, args)?;
        let needle = needle.unwrap_or_default();
        let items = self.items();
        let start = start.map_or(Ok(0), |v| integer(&v))?;
        let stop = stop.map_or(Ok(i64::MAX), |v| integer(&v))?;
        let from = clamp_index(start, items.len());
        let to = clamp_index(stop, items.len());
        (from..to)
            .find(|ix| items[*ix] == needle)
            .map(Value::from)
            .ok_or_else(|| value_error(format!("{} is not in list", text::to_repr(&needle))))
    }

    fn remove(&self, args: &[Value]) -> Result<Value, Error> {
        let [needle] = bind("remove", ["value"], 1, args)?;
        match self.position(&needle.unwrap_or_default()) {
            Some(ix) => {
                self.lock().remove(ix);
                Ok(none())
            }
            None => Err(value_error("list.remove(x): x not in list")),
        }
    }

    fn sort(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [key, reverse] = bind("sort", ["key", "reverse"], 0, args)?;
        let sorted = sort_values(
            state,
            self.items(),
            key.filter(|key| !key.is_none()).as_ref(),
            reverse.is_some_and(|flag| flag.is_true()),
        )?;
        *self.lock() = sorted;
        Ok(none())
    }
}

/// Sorts as Python does: stable, in reverse keeping the order of equals.
pub(crate) fn sort_values(
    state: &mut State<'_, '_>,
    values: Vec<Value>,
    key: Option<&Value>,
    reverse: bool,
) -> Result<Vec<Value>, Error> {
    let mut keyed = Vec::with_capacity(values.len());
    for value in values {
        let sort_key = match key {
            Some(key) => call_value(state, key, std::slice::from_ref(&value))?,
            None => value.clone(),
        };
        keyed.push((sort_key, value));
    }
    if let Some((a, b)) = keyed
        .windows(2)
        .map(|pair| (&pair[0].0, &pair[1].0))
        .find(|(a, b)| a.kind() != b.kind() && !(is_numeric(a) && is_numeric(b)))
    {
        return Err(type_error(format!(
            "'<' not supported between instances of '{}' and '{}'",
            text::type_name(b),
            text::type_name(a)
        )));
    }
    if reverse {
        keyed.sort_by(|a, b| b.0.cmp(&a.0));
    } else {
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Ok(keyed.into_iter().map(|(_, value)| value).collect())
}

fn is_numeric(value: &Value) -> bool {
    value.is_number() || value.kind() == minijinja::value::ValueKind::Bool
}

/// Python's `None`.
pub(crate) fn none() -> Value {
    Value::from(())
}

/// An index counted from the end when negative; `None` when out of range.
pub(crate) fn resolve_index(index: i64, len: usize) -> Option<usize> {
    let len = i64::try_from(len).ok()?;
    let ix = if index < 0 { index + len } else { index };
    (0..len).contains(&ix).then(|| usize::try_from(ix).ok())?
}

/// An index as slices take it: clamped to the ends.
pub(crate) fn clamp_index(index: i64, len: usize) -> usize {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let ix = if index < 0 { index.saturating_add(signed) } else { index };
    usize::try_from(ix.clamp(0, signed)).unwrap_or(len)
}

impl Object for PyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(Elements { list: self.clone(), next: 0 }))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "append" => {
                let [item] = bind("append", ["object"], 1, args)?;
                self.push(item.unwrap_or_default());
                Ok(none())
            }
            "extend" => {
                let [items] = bind("extend", ["iterable"], 1, args)?;
                let items = super::iterate(&items.unwrap_or_default())?;
                self.lock().extend(items);
                Ok(none())
            }
            "insert" => self.insert(args),
            "pop" => self.pop(args),
            "remove" => self.remove(args),
            "clear" => {
                self.lock().clear();
                Ok(none())
            }
            "index" => self.index(args),
            "count" => {
                let [needle] = bind("count", ["value"], 1, args)?;
                let needle = needle.unwrap_or_default();
                let n = self.items().iter().filter(|item| **item == needle).count();
                Ok(Value::from(n))
            }
            "sort" => self.sort(state, args),
            "reverse" => {
                self.lock().reverse();
                Ok(none())
            }
            "copy" => Ok(PyList::value(self.items())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_sequence(f, "[", &self.items(), "]")
    }
}

/// Walks a list as it is, so that a loop sees what is appended meanwhile.
struct Elements {
    list: Arc<PyList>,
    next: usize,
}

impl Iterator for Elements {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let item = self.list.lock().get(self.next).cloned()?;
        self.next += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.lock().len().saturating_sub(self.next);
        (left, Some(left))
    }
}
