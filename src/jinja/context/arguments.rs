//! What the arguments of `ref`, `source`, `metric`, `function` and of generic tests say, in both phases.

use minijinja::{Error, Value};
use serde_json::{Map, Value as Data};

use super::failure::fail;
use crate::diagnostic::Code;
use crate::jinja::RenderError;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::manifest::RefCall;
use crate::project::yaml;

/// Reads the arguments of `ref`, with dbt's refusals.
pub(super) fn read_ref(args: &[Value]) -> Result<RefCall, Error> {
    let args = CallArgs::split(args);
    let (package, name) = match &args.positional[..] {
        [name] => (None, name),
        [package, name] => (Some(package), name),
        other => {
            let message = format!("ref() takes at most two arguments ({} given)", other.len());
            return Err(fail(Code::WrongArguments, message));
        }
    };
    let wrong = |which: &str, value: &Value, expected: &str| {
        let kind = py::text::type_name(value);
        fail(Code::WrongArguments, format!("The {which} argument to ref() must be {expected}, got <class '{kind}'>"))
    };
    let text = |which: &str, value: &Value, expected: &str| {
        value.as_str().map(str::to_string).ok_or_else(|| wrong(which, value, expected))
    };
    let package = package.filter(|value| !value.is_none());
    let package = package.map(|value| text("package", value, "a string or None")).transpose()?;
    let name = text("name", name, "a string")?;
    let version = ["version", "v"].iter().find_map(|key| args.keyword(key).filter(|value| value.is_true()));
    if let Some(version) = version.filter(|version| version.as_str().is_none() && !version.is_number()) {
        return Err(wrong("version", version, "a string, int, float, or None"));
    }
    Ok(RefCall { package, name, version: version.map(py::to_json), span: None })
}

/// Reads the arguments of `source`, with dbt's refusals.
pub(super) fn read_source(args: &[Value]) -> Result<(String, String), Error> {
    let args = CallArgs::split(args).positional;
    let [source, table] = &args[..] else {
        let message = format!("source() takes exactly two arguments ({} given)", args.len());
        return Err(fail(Code::WrongArguments, message));
    };
    let text = |which: &str, value: &Value| {
        value.as_str().map(str::to_string).ok_or_else(|| {
            let kind = py::text::type_name(value);
            let message = format!("The {which} argument to source() must be a string, got <class '{kind}'>");
            fail(Code::WrongArguments, message)
        })
    };
    Ok((text("source name (first)", source)?, text("table name (second)", table)?))
}

/// Reads `[package,] name`.
pub(super) fn read_names(function: &str, args: &[Value]) -> Result<Vec<String>, Error> {
    let args = CallArgs::split(args).positional;
    if !(1..=2).contains(&args.len()) {
        let message = format!("{function}() takes at most two arguments ({} given)", args.len());
        return Err(fail(Code::WrongArguments, message));
    }
    Ok(args.iter().map(py::to_str).collect())
}

/// Renders the arguments of a generic test with a function that renders one text.
pub(super) fn render_test_kwargs(
    kwargs: &Map<String, Data>,
    render: &dyn Fn(&str, bool) -> Result<Value, RenderError>,
) -> Result<Value, RenderError> {
    let mut pairs = Vec::with_capacity(kwargs.len());
    for (key, value) in kwargs {
        pairs.push((Value::from(key.as_str()), render_data(value, key != "column_name", render)?));
    }
    Ok(PyDict::from_pairs(pairs).into_value())
}

fn render_data(
    data: &Data,
    is_native: bool,
    render: &dyn Fn(&str, bool) -> Result<Value, RenderError>,
) -> Result<Value, RenderError> {
    match data {
        Data::String(text) if is_native && looks_like_a_call(text) => render(&format!("{{{{ {text} }}}}"), true),
        Data::String(text) if text.contains("{{") || text.contains("{%") || text.contains("{#") => {
            render(text, is_native)
        }
        Data::Array(items) => {
            let items: Result<Vec<Value>, RenderError> =
                items.iter().map(|item| render_data(item, true, render)).collect();
            Ok(PyList::value(items?))
        }
        Data::Object(map) if yaml::marked(map).is_none() => {
            let mut pairs = Vec::with_capacity(map.len());
            for (key, value) in map {
                pairs.push((Value::from(key.as_str()), render_data(value, true, render)?));
            }
            Ok(PyDict::from_pairs(pairs).into_value())
        }
        other => Ok(py::from_json(other)),
    }
}

/// Whether a test's argument is a call written without braces, such as `ref('orders')`.
fn looks_like_a_call(text: &str) -> bool {
    let Some((name, rest)) = text.trim().split_once('(') else { return false };
    let is_known = ["env_var", "ref", "var", "source", "doc"].contains(&name.trim_end());
    is_known && rest.len() > 1 && rest.ends_with(')')
}
