//! Functions of dbt that templates call, by family.
//!
//! What a function needs of the running node it gets when the context makes it; nothing here is global.

mod conversion;
mod exceptions;
pub(crate) mod yaml_text;

pub(crate) use conversion::{dumps, md5_hex, register as register_conversions};
pub(crate) use exceptions::{Exceptions, missing_config_message, missing_materialization};

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

type Body = dyn Fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error> + Send + Sync;

/// A function of ours as a value.
pub(crate) struct Callable {
    name: &'static str,
    body: Box<Body>,
}

impl fmt::Debug for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

impl Object for Callable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.body)(state, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

/// Makes a function value.
pub(crate) fn callable<F>(name: &'static str, body: F) -> Value
where
    F: Fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error> + Send + Sync + 'static,
{
    Value::from_object(Callable { name, body: Box::new(body) })
}

/// Python's `None`.
pub(crate) fn none() -> Value {
    Value::from(())
}

/// An argument that was given and is neither `None` nor undefined.
pub(crate) fn given(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !value.is_none() && !value.is_undefined())
}

/// The text of an optional argument.
pub(crate) fn text_of(value: Option<Value>) -> Option<String> {
    given(value).map(|value| crate::jinja::py::to_str(&value))
}
