//! The store that lives as long as one render.
//!
//! Functions reach it from the `State` that minijinja hands them. Nothing here
//! outlives the render; what must, belongs to the `ContextSource`.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::{Error, State, Value};

use super::macros::MacroEntry;
use super::root::Root;

/// What one render remembers.
#[derive(Debug, Default)]
pub(crate) struct RenderState {
    /// The value on its way out of a macro through `return(..)`.
    pub(crate) returned: Option<Value>,
    /// Where names are looked up.
    pub(crate) root: Option<Arc<Root>>,
    /// The macro that loads other macros into this render.
    pub(crate) trampoline: Option<Value>,
    /// Macros loaded so far, by index in the registry.
    pub(crate) loaded: HashMap<u32, Value>,
    /// The macros that run now, outermost first.
    pub(crate) stack: Vec<Arc<MacroEntry>>,
    /// What a native render captured.
    pub(crate) captured: Option<Value>,
}

impl RenderState {
    /// How many macros are running; 0 in the template itself.
    pub(crate) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Unique ids of the running macros, outermost first.
    pub(crate) fn macro_stack(&self) -> Vec<&str> {
        self.stack.iter().map(|m| m.def.unique_id.as_str()).collect()
    }
}

/// Returns the store of the running render.
///
/// For state of your own type use `State::get_or_insert_extension_with`.
pub(crate) fn render_state<'a>(state: &'a mut State<'_, '_>) -> &'a mut RenderState {
    state.get_or_insert_extension_with(RenderState::default)
}

/// Calls a value (macro, function, `caller`) from inside a function.
pub(crate) fn call_value(state: &mut State<'_, '_>, callee: &Value, args: &[Value]) -> Result<Value, Error> {
    callee.call(state, args)
}
