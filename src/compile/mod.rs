//! Compiling: one node to the SQL that runs, and running it through its materialization.
//!
//! Nothing is written to disk here. The contexts that templates see are `jinja`'s.

mod contract;
mod ephemeral;
mod hooks;
mod materialize;
mod source_map;

pub use ephemeral::InjectedCte;
pub use hooks::{CompiledHook, HookSource, compile_hook, hook_statement, render_hook};
pub use materialize::{
    MaterializeOutcome, TestOutcome, UnitTestOutcome, clone_relation, materialize, run_test, run_unit_test,
};
pub use source_map::SqlMap;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Label, SourceFile, Span};
use crate::jinja::{
    Batch, EphemeralCode, NodeExtras, RenderError, RunContext, Runtime, Session, SqlFailure, TemplateSource, diagnose,
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
    /// The batch that it was compiled for.
    pub batch: Option<Batch>,
    /// Which parts of it are the SQL of ephemeral models.
    pub ephemerals: Vec<EphemeralPart>,
}

/// The SQL of an ephemeral model within that of another node.
#[derive(Clone, Debug)]
pub struct EphemeralPart {
    /// The ephemeral model.
    pub ix: NodeIndex,
    /// Bytes of the compiled SQL.
    pub range: Range<usize>,
    /// From that part back to the model's template.
    pub map: SqlMap,
}

/// Rendered SQL with everything it needs.
struct Injected {
    code: String,
    map: SqlMap,
    ctes: Vec<InjectedCte>,
    parts: Vec<EphemeralPart>,
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
    compile_batch(runtime, session, ix, None)
}

/// Compiles a node for one of its batches.
///
/// # Errors
/// As [`compile`].
pub fn compile_batch(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    batch: Option<Batch>,
) -> Result<CompiledNode, Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    if node.is_python_model() {
        return compile_python(runtime, session, ix, batch);
    }
    let rendered = render_node(runtime, session, ix, NodeExtras { batch: batch.clone(), ..NodeExtras::default() })?;
    let injected = inject(runtime, session, rendered)?;
    Ok(CompiledNode { batch, ..injected.into_node(Some(ix), relation_name(runtime, ix)) })
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
    let rendered = render_template(runtime, &context, &file, 0, text).map_err(|mut error| {
        error.message = format!("Error parsing inline query: {}", error.message);
        error
    })?;
    Ok(inject(runtime, session, rendered)?.into_node(None, None))
}

/// Compares the columns of a compiled node with its contract, with the macro that builds it.
///
/// # Errors
/// When they differ.
pub fn check_contract(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    compiled: &CompiledNode,
) -> Result<(), Box<Diagnostic>> {
    let extras = NodeExtras { compiled_code: Some(Arc::clone(&compiled.compiled_code)), ..NodeExtras::default() };
    let context = RunContext::for_node(runtime, session, ix, extras);
    let checked = context.call_with_sql("get_assert_columns_equivalent", &compiled.compiled_code);
    let node = runtime.manifest.node(ix);
    checked.map_err(|error| contract::place(node, explain(runtime, &node.file, &error, None, 0)))
}

/// A Python model is not a template: what `dbt` means in it is written below it.
fn compile_python(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    batch: Option<Batch>,
) -> Result<CompiledNode, Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    let extras = NodeExtras { batch: batch.clone(), ..NodeExtras::default() };
    let context = RunContext::for_node(runtime, session, ix, extras);
    let template = TemplateSource::new("python", "added to Python models", "{{ py_script_postfix(model) }}");
    let added = runtime
        .env
        .render(&template, Arc::new(context.clone()))
        .map_err(|error| explain(runtime, &node.file, &error, None, 0))?;
    if let Some(parent) = context.ephemerals().first() {
        let name = &runtime.manifest.node(*parent).name;
        let message = format!("Python model `{}` reads `{name}`, which is ephemeral: it has no relation", node.name);
        let call = node.refs.iter().find(|call| call.name == *name).and_then(|call| call.span);
        let error = Diagnostic::error(Code::PythonInvalid, message).at(&node.file, call.unwrap_or_default());
        return Err(Box::new(error.hint(format!("materialize `{name}` as a view or a table"))));
    }
    Ok(CompiledNode {
        ix: Some(ix),
        compiled_code: format!("{}\n\n{}", node.raw_code, added.text).into(),
        extra_ctes: Vec::new(),
        relation_name: relation_name(runtime, ix),
        map: SqlMap::identity(node.raw_code.len()),
        batch,
        ephemerals: Vec::new(),
    })
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
        let ours = diagnostic.related.remove(ix).with_text("");
        let inner = diagnostic.at.replace(ours);
        diagnostic.related.splice(0..0, inner.map(|inner| inner.with_text("it failed here")));
    }
}

impl Injected {
    fn into_node(self, ix: Option<NodeIndex>, relation_name: Option<String>) -> CompiledNode {
        CompiledNode {
            ix,
            compiled_code: self.code.into(),
            extra_ctes: self.ctes,
            relation_name,
            map: self.map,
            ephemerals: self.parts,
            batch: None,
        }
    }
}

/// Puts the expressions of ephemeral models into rendered SQL, theirs first.
fn inject(runtime: &Arc<Runtime>, session: &Arc<Session>, rendered: RenderedSql) -> Result<Injected, Box<Diagnostic>> {
    let (mut ctes, mut parts) = (Vec::new(), Vec::new());
    for ix in &rendered.ephemerals {
        collect(runtime, session, *ix, (&mut ctes, &mut parts), 0)?;
    }
    let RenderedSql { text: mut code, mut map, .. } = rendered;
    if runtime.project.settings.flags.get("inject_ephemeral_ctes") == Some(&serde_json::Value::Bool(false)) {
        return Ok(Injected { code, map, ctes: Vec::new(), parts: Vec::new() });
    }
    if let Some(insertion) = ephemeral::insertion(&code, &ctes) {
        code.insert_str(insertion.at, &insertion.text);
        map.insert(insertion.at, insertion.text.len());
        // Parts were measured within their own expressions; the expressions stand one after another.
        let mut start = insertion.at + insertion.text.find(ctes[0].sql.as_str()).unwrap_or(0);
        for (cte, part) in ctes.iter().zip(&mut parts) {
            part.range = part.range.start + start..part.range.end + start;
            start += cte.sql.len() + ephemeral::SEPARATOR.len();
        }
    }
    Ok(Injected { code, map, ctes, parts })
}

/// Adds an ephemeral model after its own ephemeral parents, each once.
fn collect(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    (ctes, parts): (&mut Vec<InjectedCte>, &mut Vec<EphemeralPart>),
    depth: usize,
) -> Result<(), Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    // Parsing refuses circles; this only keeps a mistake there from ending in a crash.
    if depth > 500 || ctes.iter().any(|cte| cte.id == node.unique_id.as_str()) {
        return Ok(());
    }
    let code = ephemeral_code(runtime, session, ix)?;
    for parent in &code.parents {
        collect(runtime, session, *parent, (ctes, parts), depth + 1)?;
    }
    let head = format!(" __dbt__cte__{} as (\n", node.alias);
    let range = head.len()..head.len() + code.code.len();
    parts.push(EphemeralPart { ix, range, map: SqlMap::from_segments(&code.segments) });
    ctes.push(InjectedCte { id: node.unique_id.to_string(), sql: format!("{head}{}\n)", code.code) });
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
    let segments = rendered.map.segments();
    let code = EphemeralCode { code: rendered.text.into(), parents: rendered.ephemerals, segments };
    if let Ok(mut known) = runtime.ephemerals.lock() {
        known.insert(ix, code.clone());
    }
    Ok(code)
}

/// Turns the rejection of a statement that contains a node's SQL into a diagnostic at the node's own line,
/// or at that of the ephemeral model whose SQL was rejected.
#[must_use]
pub fn explain_rejection(runtime: &Runtime, compiled: &CompiledNode, failure: &SqlFailure) -> Box<Diagnostic> {
    let mut diagnostic = failure.clone().into_diagnostic();
    let Some(own) = compiled.ix else { return diagnostic };
    let position = compiled_position(compiled, failure);
    let part = position.and_then(|at| compiled.ephemerals.iter().find(|part| part.range.contains(&at)));
    let (ix, place) = match (part, position) {
        (Some(part), Some(at)) => (part.ix, part.map.to_template(at - part.range.start)),
        (_, at) => (own, at.and_then(|at| compiled.map.to_template(at))),
    };
    diagnostic.at = Some(node_label(runtime.manifest.node(ix), place));
    if ix != own {
        let user = Label::new(&runtime.manifest.node(own).file, Span::default());
        let is_unit_test = runtime.manifest.node(own).resource_type == ResourceType::UnitTest;
        let who = if is_unit_test { "the model under test reads it" } else { "this model uses the ephemeral one" };
        diagnostic.related.push(user.with_text(who));
    }
    diagnostic
}

/// The place of a byte of a node's template in its file; without one, where the node begins.
fn node_label(node: &Node, place: Option<usize>) -> Label {
    // A test that is declared in a property file has no SQL of its own there.
    let is_declared = matches!(&node.kind, NodeKind::Test(test) if test.metadata.is_some());
    let (start, end) = match place {
        _ if is_declared => (node.span.start as usize, node.span.end as usize),
        Some(place) => {
            let start = node.raw_code_offset as usize + place;
            (start, start + token_len(node.file.text(), start))
        }
        None => (node.span.start as usize, node.span.start as usize),
    };
    Label::new(&node.file, Span::new(start, end))
}

/// The byte of the compiled SQL that a rejection points at.
fn compiled_position(compiled: &CompiledNode, failure: &SqlFailure) -> Option<usize> {
    let position = failure.error.position?;
    let start = failure.sql.find(compiled.compiled_code.trim())?;
    let lead = compiled.compiled_code.len() - compiled.compiled_code.trim_start().len();
    Some(position.checked_sub(start)? + lead)
}

fn token_len(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    if rest.starts_with("{{") {
        return rest.find("}}").map_or(2, |end| end + 2);
    }
    rest.find(|ch: char| !ch.is_alphanumeric() && ch != '_').filter(|len| *len > 0).unwrap_or(1)
}
