//! The template engine of one invocation, shared by all threads.
//!
//! Building it registers everything that does not depend on a node; nothing a
//! user wrote is ever stored in it, except compiled macros.

use std::fmt;
use std::sync::{Arc, PoisonError};

use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value};

use super::error::{RenderErrorKind, raise, reraise};
use super::macros::MacroRegistry;
use super::render::NATIVE;
use super::rewrite::RETURN_LAST;
use super::root::{EngineNames, Root, is_undefined};
use super::source::ContextSource;
use super::state::render_state;
use super::{filters, methods, modules, py, tests};

/// How lenient a render is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Unknown names of the template are undefined values that may be used in
    /// any way and render as nothing.
    Parse,
    /// Unknown names render as nothing; using them is an error.
    Run,
}

/// The text put in front of every template: it gives the render the means to
/// load macros. On one line, so that lines stay; the `with` keeps its names
/// and later variables of the template apart.
pub(crate) const PRELUDE: &str = "{% with %}{% macro kiln_load(kiln_n, kiln_i) %}\
{% import kiln_n as kiln_mod %}{% do kiln_store(kiln_i, kiln_mod) %}{% endmacro %}\
{% do kiln_init(kiln_load) %}{% endwith %}";

/// The template that consists of one macro call.
pub(crate) const ENTRY_TEMPLATE: &str = "kiln:entry";

/// The engine: macros, functions, filters and tests; immutable.
pub struct TemplateEnv {
    pub(crate) env: Environment<'static>,
    pub(crate) registry: Arc<MacroRegistry>,
    pub(crate) engine: Arc<EngineNames>,
    pub(crate) mode: Mode,
}

impl fmt::Debug for TemplateEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateEnv").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl TemplateEnv {
    /// Builds the engine for a set of macros.
    pub fn new(registry: Arc<MacroRegistry>, mode: Mode) -> TemplateEnv {
        let mut env = Environment::new();
        env.set_auto_escape_callback(|_| AutoEscape::None);
        env.set_undefined_behavior(match mode {
            Mode::Parse => UndefinedBehavior::Chainable,
            Mode::Run => UndefinedBehavior::Lenient,
        });
        env.set_debug(true);
        env.set_recursion_limit(4000);
        let macros = registry.clone();
        env.set_loader(move |name| load(&macros, name));
        env.set_formatter(print);
        env.set_unknown_method_callback(move |state, value, method, args| {
            methods::call_method(state, value, method, args).unwrap_or_else(|| {
                if mode == Mode::Parse && (value.is_undefined() || value.as_object().is_some()) {
                    return Ok(Value::UNDEFINED);
                }
                Err(unknown_method(value, method))
            })
        });
        filters::register(&mut env);
        tests::register(&mut env);
        py::operators::register(&mut env);
        env.add_function("kiln_init", init_render);
        env.add_function("kiln_store", store_macro);
        env.add_function("kiln_capture", capture);
        env.add_function("kiln_enter", enter);
        env.add_function(RETURN_LAST, return_last);
        TemplateEnv { env, registry, engine: Arc::new(engine_names()), mode }
    }

    /// The macros it was built from.
    pub fn registry(&self) -> &Arc<MacroRegistry> {
        &self.registry
    }

    /// Whether it parses or runs.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn root(&self, source: Arc<dyn ContextSource>) -> Root {
        Root::new(source, self.registry.clone(), self.engine.clone(), self.mode)
    }
}

/// Says in Python's words that a value has no such method.
fn unknown_method(value: &Value, method: &str) -> Error {
    let message = match py::text::type_name(value) {
        "Undefined" => format!("'{method}' was called on a value that is undefined"),
        "NoneType" => format!("'None' has no attribute '{method}'"),
        other => format!("'{other}' object has no attribute '{method}'"),
    };
    raise(RenderErrorKind::UnknownName, message)
}

fn load(registry: &MacroRegistry, name: &str) -> Result<Option<String>, Error> {
    if name == ENTRY_TEMPLATE {
        return Ok(Some(format!("{PRELUDE}{{% do kiln_enter() %}}")));
    }
    match registry.by_id(name).map(|entry| entry.rewritten()) {
        Some(Ok(rewritten)) => Ok(Some(rewritten.text.clone())),
        Some(Err(err)) => Err(reraise(err)),
        None => Ok(None),
    }
}

fn engine_names() -> EngineNames {
    let mut names = EngineNames::new();
    names.insert("return", Value::from_function(return_value));
    names.insert("modules", modules::all());
    py::functions::register(&mut names);
    names
}

/// Called by the prelude, first of all.
fn init_render(state: &mut State<'_, '_>, trampoline: Value) -> Value {
    let root = state.lookup("kiln_root").and_then(|root| root.downcast_object::<Root>());
    let store = render_state(state);
    store.trampoline = Some(trampoline);
    store.root = root;
    Value::UNDEFINED
}

/// Called by the prelude's macro with what it has imported.
fn store_macro(state: &mut State<'_, '_>, index: u32, module: Value) -> Result<Value, Error> {
    let native = module.get_attr(super::rewrite::MACRO_NAME)?;
    render_state(state).loaded.insert(index, native);
    Ok(Value::UNDEFINED)
}

/// Prints a value; of a text whose value is wanted, it is kept too.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if state.name() == NATIVE
        && let Some(root) = state.lookup("kiln_root").and_then(|root| root.downcast_object::<Root>())
    {
        root.printed.lock().unwrap_or_else(PoisonError::into_inner).push(value.clone());
    }
    py::format_value(out, state, value)
}

/// Keeps the value of a native render.
fn capture(state: &mut State<'_, '_>, value: Value) -> Value {
    render_state(state).captured = Some(value);
    Value::UNDEFINED
}

/// Makes the one call of the entry template.
fn enter(state: &mut State<'_, '_>) -> Result<Value, Error> {
    let root = render_state(state).root.clone();
    let Some((target, args)) = root.as_ref().and_then(|root| root.entry.as_ref()) else {
        return Ok(Value::UNDEFINED);
    };
    let value = target.call(state, args)?;
    render_state(state).captured = Some(value);
    Ok(Value::UNDEFINED)
}

/// `return(value)` in a query comment, which is the body of a macro to dbt: what it returns is printed.
pub(crate) fn return_or_print(state: &mut State<'_, '_>, args: minijinja::value::Rest<Value>) -> Result<Value, Error> {
    if render_state(state).depth() == 0 {
        return Ok(args.first().cloned().unwrap_or_default());
    }
    return_value(state, args)
}

/// `return(value)`: leaves the macro that is running.
fn return_value(state: &mut State<'_, '_>, args: minijinja::value::Rest<Value>) -> Result<Value, Error> {
    if render_state(state).depth() == 0 {
        return Err(raise(RenderErrorKind::Compilation, "return() can only be used inside a macro"));
    }
    return_last(state, args);
    Err(raise(RenderErrorKind::Runtime, "return"))
}

/// `return(value)` where the macro ends after it.
fn return_last(state: &mut State<'_, '_>, args: minijinja::value::Rest<Value>) {
    let value = args.first().cloned().unwrap_or(Value::from(()));
    render_state(state).returned = Some(if is_undefined(&value) { Value::UNDEFINED } else { value });
}
