//! `kiln show`: rows of a node, or of a query given on the command line.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value as Data, json};

use super::ExitStatus;
use super::args::{OutputForm, ShowArgs};
use super::pipeline::Parsed;
use super::selection;
use crate::adapter::{RowLimit, Table};
use crate::artifacts::ManifestFacts;
use crate::compile;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{Runtime, Session, SqlFailure};
use crate::manifest::{NodeIndex, NodeSet, ResourceType, UniqueId};
use crate::run::{NodeResult, RunReport, Status};
use crate::ui::{Entry, Preview, names};

const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Seed,
    ResourceType::Snapshot,
    ResourceType::Test,
    ResourceType::Analysis,
    ResourceType::Source,
];

/// What is shown.
struct Shown {
    name: String,
    /// The node; none for a query.
    ix: Option<NodeIndex>,
    unique_id: UniqueId,
    rows: Rows,
}

/// Rows and the statement that gave them.
struct Rows {
    sql: String,
    table: Table,
}

/// Runs the command.
pub(super) fn run(args: &ShowArgs, parsed: &Parsed) -> ExitStatus {
    match show(args, parsed) {
        Ok(()) => ExitStatus::Success,
        Err(status) => status,
    }
}

fn show(args: &ShowArgs, parsed: &Parsed) -> Result<(), ExitStatus> {
    let started = Instant::now();
    let shown = shown(args, parsed)?;
    parsed.write_manifest(&ManifestFacts::default())?;
    parsed.write_run_results(&report(&shown, started.elapsed().as_secs_f64()))?;
    shown.iter().for_each(|item| print(args, parsed, item));
    Ok(())
}

fn shown(args: &ShowArgs, parsed: &Parsed) -> Result<Vec<Shown>, ExitStatus> {
    let fail = |error: Box<Diagnostic>| parsed.fail(&error);
    let text = |name: &str, rows: Rows| {
        let unique_id = UniqueId::new(format!("sql_operation.{}.{name}", parsed.manifest.project_name));
        vec![Shown { name: name.to_owned(), ix: None, unique_id, rows }]
    };
    if args.inline.is_some() || args.inline_direct.is_some() {
        let runtime = parsed.runtime(&NodeSet::default());
        let session = runtime.session("show");
        return match (&args.inline_direct, &args.inline) {
            (Some(sql), _) => query(args, &session, sql).map(|rows| text("direct-query", rows)),
            (None, sql) => {
                let sql = sql.as_deref().unwrap_or_default();
                inline(args, (&runtime, &session), sql).map(|rows| text("inline_query", rows))
            }
        }
        .map_err(fail);
    }
    if args.selection.select.is_empty() && args.selection.selector.is_none() {
        let error = Diagnostic::error(Code::Usage, "`show` needs a node or a query")
            .hint("Either --select or --inline must be passed to show");
        return Err(parsed.fail(&error));
    }
    let selected = selection::pick(parsed, &args.selection, KINDS)?;
    let runtime = parsed.runtime(&selected);
    let session = runtime.session("show");
    let mut all = Vec::new();
    for ix in selection::printed(parsed, &args.selection, &selected) {
        let node = parsed.manifest.node(ix);
        let rows = node_rows(args, (&runtime, &session), ix).map_err(fail)?;
        all.push(Shown { name: selection::versioned(node), ix: Some(ix), unique_id: node.unique_id.clone(), rows });
    }
    Ok(all)
}

/// What was shown, as results.
fn report(shown: &[Shown], elapsed: f64) -> RunReport {
    let result = |item: &Shown| {
        let mut result = NodeResult::new(item.ix, item.unique_id.clone(), Status::Success);
        result.compiled_code = Some(item.rows.sql.as_str().into());
        result
    };
    RunReport { results: shown.iter().map(result).collect(), elapsed, ..RunReport::default() }
}

fn inline(args: &ShowArgs, engine: (&Arc<Runtime>, &Arc<Session>), text: &str) -> Result<Rows, Box<Diagnostic>> {
    let (runtime, session) = engine;
    let compiled = compile::compile_text(runtime, session, text)?;
    limited(args, engine, &compiled.compiled_code, None).map_err(|error| {
        // There is no model to look at, as the catalog of errors advises.
        let hint = if args.limit >= 0 && text.to_lowercase().contains("limit") {
            "`--limit -1` adds none"
        } else {
            "`kiln compile --inline` prints the query as the database gets it, but for the limit"
        };
        if error.hints.is_empty() { Box::new(error.hint(hint)) } else { error }
    })
}

fn node_rows(args: &ShowArgs, engine: (&Arc<Runtime>, &Arc<Session>), ix: NodeIndex) -> Result<Rows, Box<Diagnostic>> {
    let (runtime, session) = engine;
    let node = runtime.manifest.node(ix);
    let is_stored = matches!(node.resource_type, ResourceType::Seed | ResourceType::Source | ResourceType::Snapshot)
        || node.is_external()
        || node.is_python_model();
    match node.relation_name.as_ref().filter(|_| is_stored) {
        Some(relation) => limited(args, engine, &format!("select * from {relation}"), None),
        None => {
            let compiled = compile::compile(runtime, session, ix)?;
            limited(args, engine, &compiled.compiled_code, node.config.get("sql_header"))
        }
    }
}

/// Puts the limit into the statement by the macro that projects may override, and runs it.
fn limited(
    args: &ShowArgs,
    engine: (&Arc<Runtime>, &Arc<Session>),
    sql: &str,
    header: Option<&Data>,
) -> Result<Rows, Box<Diagnostic>> {
    let (runtime, session) = engine;
    let mut kwargs = Map::new();
    kwargs.insert("compiled_code".to_owned(), json!(sql));
    kwargs.insert("sql_header".to_owned(), header.cloned().unwrap_or_default());
    kwargs.insert("limit".to_owned(), if args.limit < 0 { Data::Null } else { json!(args.limit) });
    let made = runtime.run_macro(session, "get_show_sql", &kwargs)?;
    query(args, session, made.as_str().unwrap_or(sql))
}

fn query(args: &ShowArgs, session: &Session, sql: &str) -> Result<Rows, Box<Diagnostic>> {
    let limit = usize::try_from(args.limit).map_or(RowLimit::All, RowLimit::AtMost);
    let (_, table) = session.execute(sql, false, Some(limit)).map_err(SqlFailure::into_diagnostic)?;
    Ok(Rows { sql: sql.to_owned(), table })
}

fn print(args: &ShowArgs, parsed: &Parsed, item: &Shown) {
    let preview = Preview { table: &item.rows.table, null: "" };
    let text = match args.output {
        OutputForm::Json => {
            let whole = if item.ix.is_none() {
                json!({"show": preview.json()})
            } else {
                json!({"node": item.name, "show": preview.json()})
            };
            serde_json::to_string_pretty(&whole).unwrap_or_default()
        }
        OutputForm::Text if parsed.printer.options().quiet => format!("{}\n", preview.render()),
        OutputForm::Text if item.ix.is_none() => format!("Previewing inline node:\n{}\n", preview.render()),
        OutputForm::Text => format!("Previewing node '{}':\n{}\n", item.name, preview.render()),
    };
    let entry = Entry::info(names::SHOWN, text)
        .with("node_name", item.name.as_str())
        .with("preview", preview.json().to_string())
        .with("is_inline", item.ix.is_none())
        .with("output_format", if args.output == OutputForm::Json { "json" } else { "text" })
        .with("unique_id", item.unique_id.as_str());
    parsed.printer.data(&entry);
}
