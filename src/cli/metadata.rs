//! `kiln metadata`: facts about the project and its runs, as Parquet files and by SQL.
//!
//! The files are written when they are asked for, so that no other command is slower for them. Runs only leave their
//! results behind, which are taken up here.

use super::args::{MetadataArgs, RowsForm};
use super::pipeline::Parsed;
use super::{ExitStatus, say_data};
use crate::adapter::{self, AdapterError, AdapterErrorKind, Cell, Column, FactRows, Table};
use crate::artifacts::{self, FACT_TABLES, FactTable, KnownFacts};
use crate::diagnostic::{Code, Diagnostic};
use crate::ui::{Preview, csv};

/// Runs the command.
pub(super) fn run(args: &MetadataArgs, parsed: &Parsed) -> ExitStatus {
    match answer(args, parsed) {
        Ok(table) => {
            let preview = Preview { table: &table, null: "" };
            let text = match args.output {
                RowsForm::Table => preview.render(),
                RowsForm::Json => serde_json::to_string_pretty(&preview.json()).unwrap_or_default(),
                RowsForm::Csv => csv(&table),
            };
            say_data(&parsed.printer, &text);
            ExitStatus::Success
        }
        Err(error) => parsed.fail(&error),
    }
}

fn answer(args: &MetadataArgs, parsed: &Parsed) -> Result<Table, Box<Diagnostic>> {
    write(parsed)?;
    match &args.query {
        Some(sql) => query(parsed, sql),
        None => list(parsed),
    }
}

/// Writes the tables, and drops the results of runs that are in them now.
fn write(parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let target = &parsed.project.settings.target_path;
    let folder = artifacts::facts_folder(target);
    let known = KnownFacts::read(&parsed.manifest, target);
    let mut files = Vec::with_capacity(FACT_TABLES.len());
    for table in FACT_TABLES {
        let path = folder.join(format!("{}.{}.jsonl", table.name, std::process::id()));
        table.write_rows(&known, &path)?;
        files.push((table, path));
    }
    let tables: Vec<FactRows<'_>> = files
        .iter()
        .map(|(table, rows)| {
            let FactTable { name, columns, stays_by, .. } = table;
            FactRows { name, columns, rows, stays_by: *stays_by }
        })
        .collect();
    let written = adapter::write_facts(&folder, &tables);
    artifacts::remove_files(files.iter().map(|(_, path)| path));
    engine(written)?.map_err(|error| {
        let message = format!("the tables in `{}` could not be written: {error}", parsed.shown(&folder));
        let hint = "delete the folder if its files are damaged: the history of runs is in it";
        Box::new(Diagnostic::error(Code::FileUnwritable, message).hint(hint))
    })?;
    artifacts::remove_files(&known.taken);
    Ok(())
}

fn query(parsed: &Parsed, sql: &str) -> Result<Table, Box<Diagnostic>> {
    ask(parsed, sql)?.map_err(|error| {
        let message = format!("the query was refused: {}", error.message);
        let problem = Diagnostic::error(Code::SqlRejected, message);
        Box::new(match error.kind {
            AdapterErrorKind::MissingRelation => problem.hint(format!("the tables are `{}`", names().join("`, `"))),
            _ => problem.hint("`kiln metadata` without a query lists the tables and their columns"),
        })
    })
}

/// The tables, with how many rows they have.
fn list(parsed: &Parsed) -> Result<Table, Box<Diagnostic>> {
    let mut rows = Vec::with_capacity(FACT_TABLES.len());
    for table in FACT_TABLES {
        let counted = ask(parsed, &format!("select count(*) from {}", table.name))?;
        let n_rows = counted.ok().and_then(|counted| counted.rows.first()?.first().cloned()).unwrap_or(Cell::Null);
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let text = |text: &str| Cell::Text(text.to_owned());
        rows.push(vec![text(table.name), n_rows, text(table.about), text(&columns.join(", "))]);
    }
    let column = |name: &str, kind: &str| Column::new(name, kind);
    let columns = ["table", "rows", "about", "columns"]
        .map(|name| column(name, if name == "rows" { "BIGINT" } else { "VARCHAR" }));
    Ok(Table { columns: columns.to_vec(), rows })
}

fn ask(parsed: &Parsed, sql: &str) -> Result<Result<Table, AdapterError>, Box<Diagnostic>> {
    engine(adapter::query_facts(&artifacts::facts_folder(&parsed.project.settings.target_path), &names(), sql))
}

fn names() -> Vec<&'static str> {
    FACT_TABLES.iter().map(|table| table.name).collect()
}

/// What DuckDB answered, if it is there.
fn engine<T>(answer: Option<T>) -> Result<T, Box<Diagnostic>> {
    answer.ok_or_else(|| {
        let message = "this kiln was built without DuckDB, which writes and reads the tables";
        Box::new(Diagnostic::error(Code::Unsupported, message).hint("read the artifacts in the target folder instead"))
    })
}
