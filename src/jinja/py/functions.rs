//! Functions of Python and Jinja that every template can call.

use crate::jinja::root::EngineNames;

/// Adds the functions.
pub(crate) fn register(names: &mut EngineNames) {
    let _ = names;
}
