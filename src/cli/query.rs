//! `kiln query`: metrics of the semantic layer, computed.

use serde_json::{Value as Data, json};

use super::ExitStatus;
use super::args::{OutputForm, QueryArgs};
use super::pipeline::Parsed;
use crate::adapter::RowLimit;
use crate::compile;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::SqlFailure;
use crate::manifest::NodeSet;
use crate::metrics::{self, Question};
use crate::project::read_moment;
use crate::run::literal;
use crate::ui::{Entry, Preview, names};

/// Runs the command.
pub(super) fn run(args: &QueryArgs, parsed: &Parsed) -> ExitStatus {
    match answer(args, parsed) {
        Ok(()) => ExitStatus::Success,
        Err(error) => parsed.fail(&error),
    }
}

fn answer(args: &QueryArgs, parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let plan = metrics::plan(&parsed.manifest, &question(args, parsed)?)?;
    let runtime = parsed.runtime(&NodeSet::default());
    let session = runtime.session("query");
    // As a template, so that refs in it mean what they mean in models.
    let template = format!("{{{{ get_metrics_sql({}) }}}}", literal(&Data::Object(plan)));
    let compiled = compile::compile_text(&runtime, &session, &template)?;
    let sql = compiled.compiled_code.trim();
    if args.compile {
        parsed.printer.data(&Entry::info(names::SHOWN, format!("{sql}\n")).with("sql", sql));
        return Ok(());
    }
    let (_, table) = session.execute(sql, false, Some(RowLimit::All)).map_err(refused)?;
    let preview = Preview { table: &table, null: "" };
    let text = match args.output {
        OutputForm::Json => serde_json::to_string_pretty(&json!({"query": preview.json()})).unwrap_or_default(),
        OutputForm::Text => format!("{}\n", preview.render()),
    };
    parsed.printer.data(&Entry::info(names::SHOWN, text).with("preview", preview.json().to_string()));
    Ok(())
}

fn refused(failure: SqlFailure) -> Box<Diagnostic> {
    let mut error = failure.into_diagnostic();
    error.hints = vec!["`kiln query --compile …` prints the query; the models that it reads must be built".to_owned()];
    error
}

fn question(args: &QueryArgs, parsed: &Parsed) -> Result<Question, Box<Diagnostic>> {
    for (option, time) in [("--start-time", &args.start_time), ("--end-time", &args.end_time)] {
        if let Some(time) = time
            && read_moment(time).is_none()
        {
            let error = Diagnostic::error(Code::Usage, format!("`{option} {time}` is no time"));
            return Err(Box::new(error.hint("write it as `2024-01-31` or `2024-01-31 13:00:00`")));
        }
    }
    let question = Question {
        metrics: args.metrics.clone(),
        group_by: args.group_by.clone(),
        filters: args.filters.clone(),
        order_by: args.order_by.clone(),
        limit: args.limit,
        start: args.start_time.clone(),
        end: args.end_time.clone(),
    };
    match &args.saved_query {
        Some(name) => metrics::with_saved_query(&parsed.manifest, name, &question),
        None => Ok(question),
    }
}
