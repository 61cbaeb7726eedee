//! What statements leave for the templates after them, what is written to `target/run`, and a seed's table.

use minijinja::{Error, Value};

use super::Inner;
use crate::adapter::PythonJob;
use crate::diagnostic::Code;
use crate::jinja::context::Response;
use crate::jinja::context::failure::{fail, fail_elsewhere, fail_sql};
use crate::jinja::functions::{given, none, text_of};
use crate::jinja::objects::adapter::response_value;
use crate::jinja::objects::csv_table;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{CallArgs, PyDict, PyList};
use crate::manifest::NodeKind;

pub(super) fn load_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [name] = CallArgs::split(args).bind("load_result", ["name"], 1)?;
    let name = text_of(name).unwrap_or_default();
    let mut memory = inner.memory();
    let Some(slot) = memory.results.get_mut(&name) else { return Ok(none()) };
    // Only `main` may be read more than once.
    let result = if name == "main" { slot.clone() } else { slot.take() };
    result.ok_or_else(|| {
        let message = format!("The 'statement' result named '{name}' has already been loaded into a variable");
        fail(Code::TemplateFailed, message)
    })
}

pub(super) fn store_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [name, response, table] = CallArgs::split(args).bind("store_result", ["name", "response", "agate_table"], 2)?;
    Ok(store(inner, text_of(name).unwrap_or_default(), response.unwrap_or_default(), table))
}

pub(super) fn store_raw_result(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = ["name", "message", "code", "rows_affected", "agate_table"];
    let [name, message, code, rows, table] = CallArgs::split(args).bind("store_raw_result", names, 1)?;
    let response = Response {
        message: text_of(message).unwrap_or_default(),
        code: text_of(code),
        rows_affected: given(rows).and_then(|rows| rows.as_i64()),
    };
    Ok(store(inner, text_of(name).unwrap_or_default(), response_value(response), table))
}

fn store(inner: &Inner, name: String, response: Value, table: Option<Value>) -> Value {
    let table = given(table).unwrap_or_else(|| TableValue::empty().into_value());
    let data = TableValue::of(&table).map_or_else(|| PyList::value(Vec::new()), TableValue::matrix);
    let result = PyDict::from_strings([("response", response), ("data", data), ("table", table)]);
    inner.memory().results.insert(name, Some(result.into_value()));
    Value::from("")
}

pub(super) fn write(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let [payload] = CallArgs::split(args).bind("write", ["payload"], 1)?;
    let text = text_of(payload).unwrap_or_default();
    inner.live.session.note_written(Some(text.clone()));
    inner.memory().written = Some(text);
    Ok(Value::from(""))
}

/// Runs a Python model, whose program builds its relation.
pub(super) fn submit_python_job(inner: &Inner, args: &[Value]) -> Result<Value, Error> {
    let names = ["parsed_model", "compiled_code"];
    let [_, code] = CallArgs::split(args).bind("submit_python_job", names, 2)?;
    let code = text_of(code).unwrap_or_default();
    let Some(node) = inner.node().filter(|node| node.is_python_model()) else {
        return Err(fail(Code::Unsupported, "submit_python_job is for Python models only"));
    };
    let lines = |text: Option<&str>| text.unwrap_or_default().matches('\n').count();
    let program = code.trim_start();
    let added = program.find(&node.raw_code).and_then(|at| program.get(..at));
    let settings = &inner.runtime().project.settings;
    let job = PythonJob {
        name: &node.alias,
        path: &node.original_file_path,
        code: &code,
        lines: node.file.text().lines().count(),
        lines_before: lines(node.file.text().get(..node.raw_code_offset as usize)).saturating_sub(lines(added)),
        folder: &inner.runtime().project.root().root,
        env: &settings.env,
    };
    let response = inner.live.session.run_python(&job).map_err(fail_sql)?;
    Ok(response_value(response))
}

pub(super) fn load_agate_table(inner: &Inner) -> Result<Value, Error> {
    let Some((node, root_path)) = inner.node().and_then(|node| match &node.kind {
        NodeKind::Seed { root_path } => Some((node, root_path)),
        _ => None,
    }) else {
        let kind = inner.node().map_or("macro", |node| node.resource_type.as_str());
        return Err(fail(Code::TemplateFailed, format!("can only load_agate_table for seeds (got a {kind})")));
    };
    match csv_table::read_seed(node, root_path) {
        Ok(table) => Ok(table.into_value()),
        Err(problem) => Err(fail_elsewhere(problem)),
    }
}
