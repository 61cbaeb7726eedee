//! `kiln compile`: renders templates to SQL.

use serde_json::json;

use super::args::{CompileArgs, OutputForm};
use super::pipeline::Parsed;
use super::{ExitStatus, execute, selection};
use crate::artifacts::ManifestFacts;
use crate::compile;
use crate::manifest::{NodeIndex, NodeSet, UniqueId};
use crate::run::{self, NodeResult, RunReport, Status};
use crate::ui::{Entry, names};

/// Runs the command.
pub(super) fn run(args: &CompileArgs, parsed: &Parsed) -> ExitStatus {
    let done = match &args.inline {
        Some(text) => inline(args, parsed, text),
        None => nodes(args, parsed),
    };
    done.err().unwrap_or(ExitStatus::Success)
}

fn inline(args: &CompileArgs, parsed: &Parsed, text: &str) -> Result<(), ExitStatus> {
    let runtime = parsed.runtime(&NodeSet::default());
    let session = runtime.session("compile");
    let compiled = compile::compile_text(&runtime, &session, text).map_err(|error| parsed.fail(&error))?;
    parsed.write_manifest(&ManifestFacts::default())?;
    let id = UniqueId::new(format!("sql_operation.{}.inline_query", parsed.manifest.project_name));
    let mut result = NodeResult::new(None, id, Status::Success);
    result.compiled_code = Some(compiled.compiled_code.clone());
    parsed.write_run_results(&RunReport { results: vec![result], ..RunReport::default() })?;
    print(args, parsed, None, &compiled.compiled_code);
    Ok(())
}

fn nodes(args: &CompileArgs, parsed: &Parsed) -> Result<(), ExitStatus> {
    let kinds = run::Command::Compile.kinds();
    let selected = selection::pick(parsed, &args.selection, kinds)?;
    let report = execute::execute(parsed, run::Command::Compile, &selected)?;
    let errors: Vec<_> = report.results.iter().filter_map(|result| result.diagnostic.as_deref()).collect();
    if !errors.is_empty() {
        parsed.printer.fatal(errors);
        return Err(ExitStatus::Error);
    }
    if args.selection.select.is_empty() {
        return Ok(());
    }
    for ix in selection::printed(parsed, &args.selection, &selected) {
        let result = report.results.iter().find(|result| result.node == Some(ix));
        match result.and_then(|result| result.compiled_code.clone()) {
            Some(code) => print(args, parsed, Some(ix), &code),
            None => print(args, parsed, Some(ix), &alone(parsed, &selected, ix)?),
        }
    }
    Ok(())
}

/// Compiles a node that no run reports, such as an ephemeral model.
fn alone(parsed: &Parsed, selected: &NodeSet, ix: NodeIndex) -> Result<String, ExitStatus> {
    let runtime = parsed.runtime(selected);
    let session = runtime.session("compile");
    let compiled = compile::compile(&runtime, &session, ix).map_err(|error| parsed.fail(&error))?;
    Ok(compiled.compiled_code.to_string())
}

fn print(args: &CompileArgs, parsed: &Parsed, ix: Option<NodeIndex>, code: &str) {
    let node = ix.map(|ix| parsed.manifest.node(ix));
    let text = match (args.output, node) {
        (OutputForm::Json, Some(node)) => pretty(&json!({"node": node.name, "compiled": code})),
        (OutputForm::Json, None) => pretty(&json!({"compiled": code})),
        (OutputForm::Text, _) if parsed.printer.options().quiet => code.to_owned(),
        (OutputForm::Text, Some(node)) => format!("Compiled node '{}' is:\n{code}", node.name),
        (OutputForm::Text, None) => format!("Compiled inline node is:\n{code}"),
    };
    let entry = Entry::info(names::COMPILED, text)
        .with("node_name", node.map_or("inline_query", |node| node.name.as_str()))
        .with("unique_id", node.map_or("", |node| node.unique_id.as_str()))
        .with("is_inline", node.is_none())
        .with("output_format", if args.output == OutputForm::Json { "json" } else { "text" })
        .with("compiled", code);
    parsed.printer.data(&entry);
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
