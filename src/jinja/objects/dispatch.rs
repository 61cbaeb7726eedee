//! `adapter.dispatch`: the macro of the first package and adapter that has one.

use minijinja::{Error, State, Value};

use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{given, text_of};
use crate::jinja::py::{self, CallArgs};
use crate::jinja::render_state;
use crate::jinja::root::Root;
use crate::project::Project;

/// Prefixes of macro names for an adapter, the best first.
pub(crate) fn prefixes(adapter_type: &str) -> [&str; 2] {
    [adapter_type, "default"]
}

/// The packages that a namespace is searched in; `None` is what the node sees without a prefix.
pub(crate) fn search_packages(project: &Project, namespace: Option<&str>) -> Vec<Option<String>> {
    let Some(namespace) = namespace else { return vec![None] };
    let root = &project.root().config;
    if let Some(rule) = root.dispatch.iter().find(|rule| rule.macro_namespace == namespace) {
        return rule.search_order.iter().map(|package| Some(package.clone())).collect();
    }
    let adapter = project.target.adapter_type.as_str();
    let is_internal = namespace == "dbt" || namespace.strip_prefix("dbt_") == Some(adapter);
    if is_internal || project.package(namespace).is_some() {
        return vec![Some(root.name.clone()), Some(namespace.to_string())];
    }
    vec![None]
}

/// Finds the macro.
pub(crate) fn dispatch(
    project: &Project,
    adapter_type: &str,
    state: &mut State<'_, '_>,
    args: &[Value],
) -> Result<Value, Error> {
    let names = ["macro_name", "macro_namespace", "packages"];
    let [name, namespace, packages] = CallArgs::split(args).bind("dispatch", names, 1)?;
    let name = text_of(name).unwrap_or_default();
    if let Some((package, rest)) = name.split_once('.') {
        return Err(fail(
            Code::UnknownMacro,
            format!(
                "In adapter.dispatch, got a macro name of \"{name}\", but \".\" is not a valid macro name component. \
                 Did you mean `adapter.dispatch(\"{rest}\", macro_namespace=\"{package}\")`?"
            ),
        ));
    }
    if given(packages).is_some() {
        return Err(fail(
            Code::Deprecated,
            format!(
                "The \"packages\" argument of adapter.dispatch() has been deprecated.\nUse the \"macro_namespace\" \
                 argument instead.\n\nRaised during dispatch for: {name}"
            ),
        ));
    }
    let namespace = match given(namespace) {
        None => None,
        Some(value) => Some(value.as_str().map(str::to_string).ok_or_else(|| {
            let message = format!(
                "In adapter.dispatch, got a macro_namespace argument (\"{}\"), but macro_namespace should be None or \
                 a string.",
                py::to_str(&value)
            );
            fail(Code::WrongArguments, message)
        })?),
    };
    find(project, adapter_type, state, &name, namespace.as_deref())
}

fn find(
    project: &Project,
    adapter_type: &str,
    state: &mut State<'_, '_>,
    name: &str,
    namespace: Option<&str>,
) -> Result<Value, Error> {
    let root = render_state(state).root.clone();
    let mut attempts = Vec::new();
    for package in search_packages(project, namespace) {
        for prefix in prefixes(adapter_type) {
            let full = format!("{prefix}__{name}");
            let found = root.as_ref().and_then(|root| {
                // A package that does not exist has no macros.
                let found = root.namespace.get_from_package(package.as_deref(), &full).ok().flatten();
                if package.is_some() { found } else { found.or_else(|| from_any_package(root, &full)) }
            });
            if let Some(found) = found {
                return Ok(found);
            }
            attempts.push(package.as_ref().map_or(format!("'{full}'"), |package| format!("'{package}.{full}'")));
        }
    }
    let namespace = namespace.unwrap_or("None");
    Err(fail(
        Code::UnknownMacro,
        format!(
            "In dispatch: No macro named '{name}' found within namespace: '{namespace}'\n    Searched for: {}",
            attempts.join(", ")
        ),
    ))
}

/// A macro of whatever package: generic tests see all of them without a prefix.
fn from_any_package(root: &Root, name: &str) -> Option<Value> {
    root.source.get("_dbt_generic_test_kwargs")?;
    let entry = root.registry.resolve(None, name)?;
    root.namespace.get_from_package(Some(&entry.def.package), name).ok().flatten()
}
