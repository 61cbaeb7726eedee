//! Running a compiled node through the macro of its materialization.

use std::sync::Arc;

use super::{CompiledNode, SqlMap, contract, explain, explain_rejection};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{
    MacroKind, Materialization, MaterializeResult, NodeExtras, RenderError, Response, RunContext, Runtime, Session,
    SqlFailure, TestRow, find_materialization, missing_materialization,
};
use crate::manifest::{Node, NodeIndex, NodeKind};
use crate::sql::Relation;

/// What a materialization did.
#[derive(Clone, Debug)]
pub struct MaterializeOutcome {
    /// Relations that it made.
    pub relations: Vec<Relation>,
    /// What the database said of the main statement.
    pub response: Response,
    /// The main statement, as dbt writes it to `target/run`.
    pub run_code: Option<String>,
}

/// What a data test found.
#[derive(Clone, Debug)]
pub struct TestOutcome {
    /// Rows that should not be there.
    pub failures: i64,
    /// Whether they are enough for a warning.
    pub should_warn: bool,
    /// Whether they are enough for an error.
    pub should_error: bool,
    /// What the database said.
    pub response: Response,
    /// The statement, as dbt writes it to `target/run`.
    pub run_code: Option<String>,
    /// Relations that it made, with `store_failures`.
    pub relations: Vec<Relation>,
}

/// What a unit test returned.
#[derive(Clone, Debug)]
pub struct UnitTestOutcome {
    /// Names of the columns; one is `actual_or_expected`.
    pub columns: Vec<String>,
    /// The rows of both sides.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// What the database said.
    pub response: Response,
    /// The statement, as dbt writes it to `target/run`.
    pub run_code: Option<String>,
}

fn checked_materialization(runtime: &Runtime, node: &Node) -> Result<String, Box<Diagnostic>> {
    if let NodeKind::Function(function) = &node.kind
        && function.returns.is_none()
    {
        let message = format!("function `{}` does not say what it returns", node.name);
        let error = Diagnostic::error(Code::PropertyInvalid, message).in_file(&node.file);
        return Err(Box::new(error.hint("describe it in a property file under `functions:`, with `returns:`")));
    }
    let (name, adapter) = (node.config.materialized(), runtime.adapter.name());
    let Some(Materialization { entry, .. }) =
        find_materialization(&runtime.project, runtime.env.registry(), (name, adapter))
    else {
        let message = missing_materialization(name, adapter);
        return Err(Box::new(Diagnostic::error(Code::MaterializationMissing, message).in_file(&node.file)));
    };
    if let MacroKind::Materialization { languages, .. } = &entry.def.kind
        && !languages.contains(&node.language)
    {
        let listed: Vec<String> = languages.iter().map(|language| format!("'{language}'")).collect();
        let message = format!(
            "Materialization \"{}\" only supports languages [{}]; got \"{}\"",
            entry.def.name,
            listed.join(", "),
            node.language
        );
        return Err(Box::new(Diagnostic::error(Code::Unsupported, message).in_file(&node.file)));
    }
    Ok(entry.def.unique_id.clone())
}

/// A failure inside a materialization: rejected statements are traced back to the node's own line.
fn explain_run(runtime: &Runtime, compiled: &CompiledNode, node: &Node, error: &RenderError) -> Box<Diagnostic> {
    let diagnostic = explain(runtime, &node.file, error, None, 0);
    let Some(failure) = error.cause_as::<SqlFailure>() else { return contract::place(node, diagnostic) };
    let mut traced = explain_rejection(runtime, compiled, failure);
    if matches!(traced.code, Code::DependentsBroken | Code::RelationBusy) {
        // No macro is to blame for these.
        return traced;
    }
    traced.related.extend(diagnostic.related);
    traced.hints.extend(diagnostic.hints);
    contract::place(node, traced)
}

fn run(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    compiled: &CompiledNode,
) -> Result<(RunContext, MaterializeResult), Box<Diagnostic>> {
    let macro_id = checked_materialization(runtime, runtime.manifest.node(ix))?;
    run_macro(runtime, session, (ix, compiled), &macro_id)
}

fn run_macro(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    (ix, compiled): (NodeIndex, &CompiledNode),
    macro_id: &str,
) -> Result<(RunContext, MaterializeResult), Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    let extras = NodeExtras {
        compiled_code: Some(Arc::clone(&compiled.compiled_code)),
        hook: None,
        batch: compiled.batch.clone(),
    };
    let context = RunContext::for_node(runtime, session, ix, extras);
    let result = context.materialize(macro_id).map_err(|error| explain_run(runtime, compiled, node, &error));
    match result {
        Ok(result) => Ok((context, result)),
        Err(error) => {
            session.release();
            Err(error)
        }
    }
}

/// Runs a node's materialization.
///
/// # Errors
/// When there is none, a template fails or the database rejects a statement; what was open is rolled back.
pub fn materialize(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    compiled: &CompiledNode,
) -> Result<MaterializeOutcome, Box<Diagnostic>> {
    let (context, result) = run(runtime, session, ix, compiled)?;
    let node = runtime.manifest.node(ix);
    let refuse = |message: String| {
        session.release();
        Box::new(Diagnostic::error(Code::TemplateFailed, message).in_file(&node.file))
    };
    let relations = result.relations.map_err(refuse)?;
    for relation in &relations {
        runtime.relations.add(relation.clone(), true);
    }
    let Some(response) = context.main_response() else {
        return Err(refuse("main is not being called during running model".to_string()));
    };
    Ok(MaterializeOutcome { relations, response, run_code: context.written() })
}

/// Makes a clone of what an earlier run built of a node, or a view on it. Gives `None` where there was nothing to do:
/// the earlier run did not build it, or the node is there already.
///
/// # Errors
/// As [`materialize`].
pub fn clone_relation(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
) -> Result<Option<MaterializeOutcome>, Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    let registry = runtime.env.registry();
    let kind = ("clone", runtime.adapter.name());
    let Some(Materialization { entry, .. }) = find_materialization(&runtime.project, registry, kind) else {
        let message = missing_materialization("clone", runtime.adapter.name());
        return Err(Box::new(Diagnostic::error(Code::MaterializationMissing, message).in_file(&node.file)));
    };
    // What a view on the other relation says.
    let code = runtime.deferred_relation(ix).map_or_else(String::new, |other| format!("select * from {other}"));
    let compiled = CompiledNode {
        ix: Some(ix),
        map: SqlMap::identity(code.len()),
        compiled_code: Arc::from(code),
        extra_ctes: Vec::new(),
        relation_name: node.relation_name.clone(),
        ephemerals: Vec::new(),
        batch: None,
    };
    let (context, result) = run_macro(runtime, session, (ix, &compiled), &entry.def.unique_id)?;
    let relations = result.relations.map_err(|message| {
        session.release();
        Box::new(Diagnostic::error(Code::TemplateFailed, message).in_file(&node.file))
    })?;
    for relation in &relations {
        runtime.relations.add(relation.clone(), true);
    }
    let outcome = |response| MaterializeOutcome { relations, response, run_code: context.written() };
    Ok(context.main_response().map(outcome))
}

/// Runs a data test and reads what it found.
///
/// # Errors
/// As [`materialize`].
pub fn run_test(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    compiled: &CompiledNode,
) -> Result<TestOutcome, Box<Diagnostic>> {
    let (context, result) = run(runtime, session, ix, compiled)?;
    let node = runtime.manifest.node(ix);
    let TestRow { failures, should_warn, should_error } = context.test_row().map_err(|message| {
        let message = format!("dbt internally failed to execute {}: {message}", node.unique_id);
        Box::new(Diagnostic::error(Code::TemplateFailed, message).in_file(&node.file))
    })?;
    let relations = result.relations.unwrap_or_default();
    for relation in &relations {
        runtime.relations.add(relation.clone(), true);
    }
    let response = context.main_response().unwrap_or_default();
    Ok(TestOutcome { failures, should_warn, should_error, response, run_code: context.written(), relations })
}

/// Runs a unit test, which is a node of a manifest of its own, and reads the rows of both sides.
///
/// # Errors
/// As [`materialize`].
pub fn run_unit_test(
    runtime: &Arc<Runtime>,
    session: &Arc<Session>,
    ix: NodeIndex,
    compiled: &CompiledNode,
) -> Result<UnitTestOutcome, Box<Diagnostic>> {
    let (context, _) = run(runtime, session, ix, compiled)?;
    let (columns, rows) = context.main_rows().unwrap_or_default();
    let response = context.main_response().unwrap_or_default();
    Ok(UnitTestOutcome { columns, rows, response, run_code: context.written() })
}
