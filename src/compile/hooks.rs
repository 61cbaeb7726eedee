//! Hooks: texts that are rendered like a node and run beside it.

use std::sync::Arc;

use serde_json::Value as Data;

use super::{SqlMap, render_node, render_template};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::jinja::{HookResults, NodeExtras, RunContext, Runtime, Session};
use crate::manifest::NodeIndex;

/// A hook's template, and where it stands.
#[derive(Clone, Debug)]
pub struct HookSource<'a> {
    /// The template.
    pub text: &'a str,
    /// The file that it stands in.
    pub file: &'a Arc<SourceFile>,
    /// The byte of the file at which it begins.
    pub offset: usize,
}

/// A hook, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledHook {
    /// The SQL.
    pub sql: String,
    /// From the SQL back to the template, unless the template writes the SQL as JSON.
    pub map: Option<SqlMap>,
}

/// Renders a hook of a node, or a project hook, which is a node of its own.
///
/// # Errors
/// When the template fails.
pub fn compile_hook(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    source: &HookSource<'_>,
    results: Option<HookResults>,
) -> Result<CompiledHook, Box<Diagnostic>> {
    let extras = NodeExtras { hook: results, ..NodeExtras::default() };
    let context = RunContext::for_node(runtime, session, ix, extras);
    let rendered = render_template(runtime, &context, source.file, source.offset, source.text)?;
    let sql = hook_statement(&rendered.text);
    let map = (sql == rendered.text).then_some(rendered.map);
    Ok(CompiledHook { sql, map })
}

/// Renders a project hook; its text is what is to be executed.
///
/// # Errors
/// When the template fails.
pub fn render_hook(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    results: Option<HookResults>,
) -> Result<String, Box<Diagnostic>> {
    let extras = NodeExtras { compiled_code: None, hook: results, batch: None };
    render_node(runtime, session, ix, extras).map(|rendered| rendered.text)
}

/// The statement of a rendered hook: it may be written as JSON with the statement under `sql`.
#[must_use]
pub fn hook_statement(text: &str) -> String {
    let Ok(Data::Object(map)) = serde_json::from_str::<Data>(text) else { return text.to_owned() };
    map.get("sql").and_then(Data::as_str).unwrap_or_default().to_owned()
}
