//! A set that changes in place. It keeps the order of insertion, which Python
//! leaves open.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{CallArgs, bind};
use super::list::none;
use super::text;
use crate::jinja::error::value_error;

/// Python's `set`.
#[derive(Default)]
pub(crate) struct PySet(Mutex<IndexSet<Value>>);

impl fmt::Debug for PySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PySet(len {})", self.lock().len())
    }
}

impl PySet {
    /// Makes a set.
    pub(crate) fn new(values: impl IntoIterator<Item = Value>) -> PySet {
        PySet(Mutex::new(values.into_iter().filter(super::is_hashable).collect()))
    }

    /// The set as a value.
    pub(crate) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn lock(&self) -> MutexGuard<'_, IndexSet<Value>> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// A copy of the elements.
    pub(crate) fn items(&self) -> IndexSet<Value> {
        self.lock().clone()
    }

    fn combine(&self, method: &str, args: &[Value]) -> Result<IndexSet<Value>, Error> {
        let mut result = self.items();
        for other in CallArgs::split(args).positional {
            let other: IndexSet<Value> = super::iterate(&other)?.into_iter().collect();
            result = combine(method, &result, &other);
        }
        Ok(result)
    }

    fn compare(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let [other] = bind(method, ["other"], 1, args)?;
        let other: IndexSet<Value> = super::iterate(&other.unwrap_or_default())?.into_iter().collect();
        let mine = self.items();
        Ok(Value::from(match method {
            "issubset" => mine.is_subset(&other),
            "issuperset" => mine.is_superset(&other),
            _ => mine.is_disjoint(&other),
        }))
    }
}

/// Set algebra by method name.
pub(crate) fn combine(method: &str, left: &IndexSet<Value>, right: &IndexSet<Value>) -> IndexSet<Value> {
    match method {
        "union" | "update" => left.union(right).cloned().collect(),
        "intersection" | "intersection_update" => left.intersection(right).cloned().collect(),
        "difference" | "difference_update" => left.difference(right).cloned().collect(),
        _ => left.symmetric_difference(right).cloned().collect(),
    }
}

impl Object for PySet {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items().into_iter().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        let other = other.downcast_ref::<PySet>()?.items();
        let mut mine: Vec<Value> = self.items().into_iter().collect();
        let mut theirs: Vec<Value> = other.into_iter().collect();
        mine.sort();
        theirs.sort();
        Some(mine.cmp(&theirs))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "add" => {
                let [item] = bind("add", ["element"], 1, args)?;
                let item = item.unwrap_or_default();
                super::check_hashable(&item)?;
                self.lock().insert(item);
                Ok(none())
            }
            "discard" | "remove" => {
                let [item] = bind(method, ["element"], 1, args)?;
                let item = item.unwrap_or_default();
                super::check_hashable(&item)?;
                let was_there = self.lock().shift_remove(&item);
                if method == "remove" && !was_there {
                    return Err(value_error(text::to_repr(&item)));
                }
                Ok(none())
            }
            "pop" => {
                let first = self.lock().shift_remove_index(0);
                first.ok_or_else(|| value_error("pop from an empty set"))
            }
            "clear" => {
                self.lock().clear();
                Ok(none())
            }
            "copy" => Ok(PySet::new(self.items()).into_value()),
            "union" | "intersection" | "difference" | "symmetric_difference" => {
                Ok(PySet::new(self.combine(method, args)?).into_value())
            }
            "update" | "intersection_update" | "difference_update" | "symmetric_difference_update" => {
                let result = self.combine(method, args)?;
                *self.lock() = result;
                Ok(none())
            }
            "issubset" | "issuperset" | "isdisjoint" => self.compare(method, args),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<Value> = self.items().into_iter().collect();
        if items.is_empty() {
            return f.write_str("set()");
        }
        text::write_sequence(f, "{", &items, "}")
    }
}
