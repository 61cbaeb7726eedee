//! Functions of Python and Jinja that every template can call.
//!
//! `tojson`, `set` and the like, whose names are dbt's, belong to the context.

use std::fmt;
use std::sync::{Arc, Mutex};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::args::{CallArgs, bind, integer};
use super::dict::pairs_of;
use super::{PyDict, PyList};
use crate::jinja::error::{type_error, value_error};
use crate::jinja::modules::native;
use crate::jinja::root::EngineNames;

/// More numbers than this are refused.
const MAX_RANGE: i64 = 5_000_000;

/// Adds the functions.
pub(crate) fn register(names: &mut EngineNames) {
    names.insert("range", native("range", range));
    names.insert("dict", native("dict", dict));
    names.insert("cycler", native("cycler", cycler));
    names.insert("joiner", native("joiner", joiner));
}

fn range(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let args: Result<Vec<i64>, Error> = args.iter().map(integer).collect();
    let (start, stop, step) = match args?.as_slice() {
        [stop] => (0, *stop, 1),
        [start, stop] => (*start, *stop, 1),
        [start, stop, step] => (*start, *stop, *step),
        other => {
            return Err(type_error(format!("range expected 1 to 3 arguments, got {}", other.len())));
        }
    };
    if step == 0 {
        return Err(value_error("range() arg 3 must not be zero"));
    }
    let distance = i128::from(stop) - i128::from(start);
    let n = (distance + i128::from(step) - i128::from(step.signum())) / i128::from(step);
    if n > i128::from(MAX_RANGE) {
        return Err(value_error(format!(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."
        )));
    }
    let n = i64::try_from(n.max(0)).unwrap_or(0);
    let items = (0..n).map(|ix| Value::from(start + ix * step)).collect();
    Ok(PyList::value(items))
}

fn dict(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    let mut pairs = match args.positional.as_slice() {
        [] => Vec::new(),
        [one] => pairs_of(one)?,
        more => {
            return Err(type_error(format!("dict expected at most 1 argument, got {}", more.len())));
        }
    };
    pairs.extend(args.keyword.into_iter().map(|(k, v)| (Value::from(k), v)));
    Ok(PyDict::from_pairs(pairs).into_value())
}

/// Jinja's `cycler`.
struct Cycler {
    items: Vec<Value>,
    at: Mutex<usize>,
}

impl fmt::Debug for Cycler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<Cycler>")
    }
}

fn cycler(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    if args.is_empty() {
        return Err(type_error("at least one item has to be provided"));
    }
    Ok(Value::from_object(Cycler { items: args.to_vec(), at: Mutex::new(0) }))
}

impl Cycler {
    fn step(&self, advance: impl FnOnce(usize) -> usize) -> Value {
        let mut at = match self.at.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        let current = self.items[*at % self.items.len()].clone();
        *at = advance(*at) % self.items.len();
        current
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "current").then(|| self.step(|at| at))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "next" => Ok(self.step(|at| at + 1)),
            "reset" => {
                self.step(|_| 0);
                Ok(Value::from(()))
            }
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// Jinja's `joiner`.
#[derive(Debug)]
struct Joiner {
    separator: Value,
    used: Mutex<bool>,
}

fn joiner(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [separator] = bind("joiner", ["sep"], 0, args)?;
    Ok(Value::from_object(Joiner {
        separator: separator.unwrap_or_else(|| Value::from(", ")),
        used: Mutex::new(false),
    }))
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        let mut used = match self.used.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        let was_used = std::mem::replace(&mut *used, true);
        Ok(if was_used { self.separator.clone() } else { Value::from("") })
    }
}
