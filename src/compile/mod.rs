//! Compiling: one node to the SQL that runs, and running it through its materialization.
//!
//! Nothing is written to disk here. The contexts that templates see are `jinja`'s.

mod ephemeral;
mod materialize;
mod source_map;

pub use ephemeral::InjectedCte;
pub use materialize::{
    MaterializeOutcome, TestOutcome, UnitTestOutcome, materialize, render_hook, run_test, run_unit_test,
};
pub use source_map::SqlMap;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Label, SourceFile, Span};
use crate::jinja::{
    EphemeralCode, HookResults, NodeExtras, RenderError, RunContext, Runtime, Session, SqlFailure, TemplateSource,
    diagnose,
};
use crate::manifest::{Node, NodeIndex, NodeKind, ResourceType};

/// A node's SQL, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledNode {
    /// The node; `None` for a text that is no node.
    pub ix: Option<NodeIndex>,
    /// The SQL, with the expressions of ephemeral models in it.
    pub compiled_code: Arc<str>,
    /// Those expressions, in the order in which they stand.
    pub extra_ctes: Vec<InjectedCte>,
    /// The quoted name of what is built, where something is.
    pub relation_name: Option<String>,
    /// From compiled SQL back to the template.
    pub map: SqlMap,
}

/// A template rendered with its map.
struct RenderedSql {
    text: String,
    map: SqlMap,
    ephemerals: Vec<NodeIndex>,
}

/// Compiles a node. Templates in it may query the database through the session.
///
/// # Errors
/// When a template fails or a statement in it is rejected.
pub fn compile(runtime: &Arc<Runtime>, session: &Arc<Session>, ix: NodeIndex) -> Result<CompiledNode, Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    if node.language == "python" {
        return Err(python_refusal(node));
    }
    let rendered = render_node(runtime, session, ix, NodeExtras::default())?;
    let (compiled_code, map, extra_ctes) = inject(runtime, session, rendered)?;
    let relation_name = relation_name(runtime, ix);
    Ok(CompiledNode { ix: Some(ix), compiled_code: compiled_code.into(), extra_ctes, relation_name, map })
}

/// Compiles a text that is no node, such as `--inline` takes. It may refer to any node.
///
/// # Errors
/// As [`compile`].
pub fn compile_text(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    text: &str,
) -> Result<CompiledNode, Box<Diagnostic>> {
    let file = SourceFile::new("inline query", text);
    let context = RunContext::for_text(runtime, session, NodeExtras::default());
    let rendered = render_template(runtime, &context, &file, 0, text)?;
    let (compiled_code, map, extra_ctes) = inject(runtime, session, rendered)?;
    Ok(CompiledNode { ix: None, compiled_code: compiled_code.into(), extra_ctes, relation_name: None, map })
}

fn python_refusal(node: &Node) -> Box<Diagnostic> {
    let message = format!("model '{}' is written in Python, which kiln does not run", node.unique_id);
    let hint = "write it in SQL, or disable it with `+enabled: false`";
    Box::new(Diagnostic::error(crate::diagnostic::Code::Unsupported, message).in_file(&node.file).hint(hint))
}

fn relation_name(runtime: &Runtime, ix: NodeIndex) -> Option<String> {
    let node = runtime.manifest.node(ix);
    let is_stored_test = node.resource_type == ResourceType::Test && stores_failures(runtime, node);
    if node.relation_name.is_none() && is_stored_test {
        return Some(runtime.relation(ix).to_string());
    }
    node.relation_name.clone()
}

fn stores_failures(runtime: &Runtime, node: &Node) -> bool {
    let by_flag = runtime.project.settings.store_failures;
    match node.config.str("store_failures_as") {
        Some(kind) => kind != "ephemeral",
        None => node.config.bool("store_failures").unwrap_or(by_flag),
    }
}

/// Renders a node's own template.
fn render_node(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    extras: NodeExtras,
) -> Result<RenderedSql, Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    let context = RunContext::for_node(runtime, session, ix, extras);
    let context = match &node.kind {
        NodeKind::Test(test) => match &test.metadata {
            Some(metadata) => context
                .with_test_kwargs(&metadata.kwargs)
                .map_err(|error| explain(runtime, &node.file, &error, None, 0))?,
            None => context,
        },
        _ => context,
    };
    render_template(runtime, &context, &node.file, node.raw_code_offset as usize, &node.raw_code)
}

fn render_template(
    runtime: &Arc<Runtime>,
    context: &RunContext,
    file: &Arc<SourceFile>,
    offset: usize,
    text: &str,
) -> Result<RenderedSql, Box<Diagnostic>> {
    let marked = source_map::mark(text);
    let full = marked.as_ref().map_or(text, |marked| marked.text.as_str());
    // Offsets of marked text are mapped back before the offset in the file is added.
    let template = TemplateSource::new("node", file.path(), full);
    let rendered = runtime
        .env
        .render(&template, Arc::new(context.clone()))
        .map_err(|error| explain(runtime, file, &error, marked.as_ref(), offset))?;
    let (text, map) = source_map::unmark(text, &rendered.text);
    Ok(RenderedSql { text, map, ephemerals: context.ephemerals() })
}

/// A failed render as a diagnostic with places in the file.
fn explain(
    runtime: &Runtime,
    file: &Arc<SourceFile>,
    error: &RenderError,
    marked: Option<&source_map::Marked>,
    offset: usize,
) -> Box<Diagnostic> {
    let mut error = error.clone();
    let places = error.at.iter_mut().chain(error.stack.iter_mut().filter_map(|frame| frame.called_at.as_mut()));
    for place in places.filter(|place| &*place.path == file.path()) {
        let back = |at: usize| marked.map_or(at, |marked| marked.to_template(at)) + offset;
        place.span = back(place.span.start)..back(place.span.end);
    }
    let mut diagnostic = diagnose(&error, Some(file), runtime.env.registry());
    prefer_file(&mut diagnostic, file);
    diagnostic
}

/// A place in the user's own file says more than one in a built-in macro.
fn prefer_file(diagnostic: &mut Diagnostic, file: &Arc<SourceFile>) {
    let is_ours = |label: &Label| Arc::ptr_eq(&label.file, file);
    if diagnostic.at.as_ref().is_some_and(is_ours) {
        return;
    }
    if let Some(ix) = diagnostic.related.iter().position(is_ours) {
        let ours = diagnostic.related.remove(ix);
        let inner = diagnostic.at.replace(ours);
        diagnostic.related.extend(inner);
    }
}

/// Puts the expressions of ephemeral models into rendered SQL, theirs first.
fn inject(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    rendered: RenderedSql,
) -> Result<(String, SqlMap, Vec<InjectedCte>), Box<Diagnostic>> {
    let mut ctes = Vec::new();
    for ix in &rendered.ephemerals {
        collect(runtime, session, *ix, &mut ctes, 0)?;
    }
    let (mut sql, mut map) = (rendered.text, rendered.map);
    if let Some(insertion) = ephemeral::insertion(&sql, &ctes) {
        sql.insert_str(insertion.at, &insertion.text);
        map.insert(insertion.at, insertion.text.len());
    }
    Ok((sql, map, ctes))
}

/// Adds an ephemeral model after its own ephemeral parents, each once.
fn collect(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    ctes: &mut Vec<InjectedCte>,
    depth: usize,
) -> Result<(), Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    // Parsing refuses circles; this only keeps a mistake there from ending in a crash.
    if depth > 500 || ctes.iter().any(|cte| cte.id == node.unique_id.as_str()) {
        return Ok(());
    }
    let code = ephemeral_code(runtime, session, ix)?;
    for parent in &code.parents {
        collect(runtime, session, *parent, ctes, depth + 1)?;
    }
    let sql = format!(" __dbt__cte__{} as (\n{}\n)", node.alias, code.code);
    ctes.push(InjectedCte { id: node.unique_id.to_string(), sql });
    Ok(())
}

fn ephemeral_code(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
) -> Result<EphemeralCode, Box<Diagnostic>> {
    let known = runtime.ephemerals.lock().ok().and_then(|known| known.get(&ix).cloned());
    if let Some(code) = known {
        return Ok(code);
    }
    let rendered = render_node(runtime, session, ix, NodeExtras::default())?;
    let code = EphemeralCode { code: rendered.text.into(), parents: rendered.ephemerals };
    if let Ok(mut known) = runtime.ephemerals.lock() {
        known.insert(ix, code.clone());
    }
    Ok(code)
}

/// Turns the rejection of a statement that contains a node's SQL into a diagnostic at the node's own line.
#[must_use]
pub fn explain_rejection(runtime: &Runtime, compiled: &CompiledNode, failure: &SqlFailure) -> Box<Diagnostic> {
    let mut diagnostic = failure.clone().into_diagnostic();
    let Some(ix) = compiled.ix else { return diagnostic };
    let node = runtime.manifest.node(ix);
    let place = template_place(compiled, failure);
    let (start, end) = match place {
        Some(place) => {
            let start = node.raw_code_offset as usize + place;
            (start, start + token_len(node.file.text(), start))
        }
        None => (node.span.start as usize, node.span.start as usize),
    };
    diagnostic.at = Some(Label::new(&node.file, Span::new(start, end)));
    diagnostic
}

/// The byte of the template that a rejection points at.
fn template_place(compiled: &CompiledNode, failure: &SqlFailure) -> Option<usize> {
    let position = failure.error.position?;
    let start = failure.sql.find(compiled.compiled_code.trim())?;
    let lead = compiled.compiled_code.len() - compiled.compiled_code.trim_start().len();
    compiled.map.to_template(position.checked_sub(start)? + lead)
}

fn token_len(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with("{{") {
        return rest.find("}}").map_or(2, |end| end + 2);
    }
    rest.find(|ch: char| !ch.is_alphanumeric() && ch != '_').filter(|len| *len > 0).unwrap_or(1)
}
