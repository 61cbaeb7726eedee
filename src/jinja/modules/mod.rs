//! `modules.*`: the parts of Python's library that templates may use.

use minijinja::Value;

use super::py::PyDict;

/// The value of `modules`.
pub(crate) fn all() -> Value {
    PyDict::new().into_value()
}
