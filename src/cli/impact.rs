//! `kiln impact`: what a change of the project does to columns, and what that reaches.
//!
//! The version to compare with comes from git or from the artifacts of an earlier run. Neither version asks the
//! database, so that both know the same.

use serde_json::{Value as Data, json};

use super::args::{ImpactArgs, ImpactForm};
use super::earlier::{self, Place};
use super::pipeline::Parsed;
use super::{ExitStatus, columns, git, say_data};
use crate::artifacts::{self, Earlier};
use crate::diagnostic::{Code, Diagnostic};
use crate::lineage::{self, Change, ColumnGraph, Facts, Impact};
use crate::manifest::{Manifest, NodeIndex};
use crate::project::Overrides;
use crate::state;
use crate::ui::ImpactText;

/// Runs the command.
pub(super) fn run(args: &ImpactArgs, overrides: &Overrides, parsed: &Parsed) -> ExitStatus {
    let state = earlier::place(&parsed.project.settings, &parsed.project.root().root, "state");
    let done = match (&args.base, state) {
        (Some(base), _) => against_git(args, overrides, parsed, base),
        (None, Some(Place::Commit(base))) => against_git(args, overrides, parsed, &base),
        (None, Some(place)) => against_state(args, parsed, &place),
        (None, None) => {
            let message = "there is nothing to compare with";
            let hint = "name a commit with `--base main`, or the folder of earlier artifacts with `--state DIR`";
            Err(parsed.fail(&Diagnostic::error(Code::Usage, message).hint(hint)))
        }
    };
    done.unwrap_or_else(|status| status)
}

fn against_git(
    args: &ImpactArgs,
    overrides: &Overrides,
    parsed: &Parsed,
    base: &str,
) -> Result<ExitStatus, ExitStatus> {
    let fail = |error: Box<Diagnostic>| parsed.fail(&error);
    git::at_commit(&parsed.project, overrides, base, fail, |earlier| {
        let graph = columns::offline_graph(earlier, parsed);
        Ok(report(args, parsed, (&earlier.manifest, &graph), base))
    })
}

fn against_state(args: &ImpactArgs, parsed: &Parsed, place: &Place) -> Result<ExitStatus, ExitStatus> {
    let named = place.named();
    let read = place.artifact("manifest.json", &parsed.project.settings);
    let wire = read.and_then(|found| found.ok_or_else(|| state::without(&named, "manifest.json")));
    let Earlier { manifest, sql } = artifacts::earlier(wire.map_err(|error| parsed.fail(&error))?, &named);
    if sql.values().all(Result::is_err) && !sql.is_empty() {
        let message = format!("`{}` has no compiled SQL", named.join("manifest.json").display());
        let hint = "run `kiln compile` there first, or compare with `--base GIT_REF`";
        return Err(parsed.fail(&Diagnostic::error(Code::PreviousStateMissing, message).hint(hint)));
    }
    let facts = Facts { sql, columns: columns::catalog_of(parsed, &manifest), ..Facts::default() };
    let graph = lineage::build(&manifest, parsed.adapter.dialect(), &facts);
    Ok(report(args, parsed, (&manifest, &graph), &parsed.shown(&named)))
}

fn report(args: &ImpactArgs, parsed: &Parsed, old: (&Manifest, &ColumnGraph), base: &str) -> ExitStatus {
    let graph = columns::offline_graph(parsed, parsed);
    let new = (&*parsed.manifest, &graph);
    let impact = lineage::impact(old, new, lineage::compare(old, new));
    let text = ImpactText { old, new, impact: &impact, base };
    let written = match args.format {
        ImpactForm::Text => text.plain(),
        ImpactForm::Markdown => text.markdown(),
        ImpactForm::Json => serde_json::to_string_pretty(&as_json(old, new, &impact)).unwrap_or_default(),
    };
    say_data(&parsed.printer, written.trim_end());
    if args.strict && !impact.breaks.is_empty() { ExitStatus::Failure } else { ExitStatus::Success }
}

fn as_json(old: (&Manifest, &ColumnGraph), new: (&Manifest, &ColumnGraph), impact: &Impact) -> Data {
    let id = |ix: NodeIndex| new.0.node(ix).unique_id.as_str();
    let changes: Vec<Data> = impact
        .changes
        .iter()
        .map(|change| {
            let node = change.new.map(|ix| new.0.node(ix)).or_else(|| change.old.map(|ix| old.0.node(ix)));
            let columns: Vec<Data> = change.columns.iter().map(|column| match &column.change {
                Change::Added => json!({"column": column.column, "change": "added"}),
                Change::Removed => json!({"column": column.column, "change": "removed"}),
                Change::Redefined => json!({"column": column.column, "change": "redefined"}),
                Change::Retyped(from, to) => json!({"column": column.column, "change": "retyped", "from": from, "to": to}),
            }).collect();
            json!({
                "node": node.map(|node| node.unique_id.as_str()),
                "change": match (change.old, change.new) { (None, _) => "added", (_, None) => "removed", _ => "changed" },
                "columns": columns,
                "has_other_rows": change.has_other_rows,
                "unknown": change.unknown,
            })
        })
        .collect();
    let name = |ix: NodeIndex, column: usize| {
        new.1.node(ix).and_then(|node| node.columns.get(column)).map(|column| column.name.as_str())
    };
    let reached: Vec<Data> = impact
        .reached
        .iter()
        .map(|reached| {
            json!({
                "node": id(reached.node),
                "columns": reached.columns.iter().filter_map(|column| name(reached.node, *column)).collect::<Vec<_>>(),
                "rows": reached.rows,
                "because": reached.because,
            })
        })
        .collect();
    let breaks = impact
        .breaks
        .iter()
        .map(|found| json!({"reader": id(found.reader), "node": found.node, "column": found.column}));
    let uncertain = impact.uncertain.iter().map(|(ix, reason)| json!({"node": id(*ix), "reason": reason}));
    json!({
        "changes": changes,
        "breaks": breaks.collect::<Vec<_>>(),
        "reached": reached,
        "dependents": impact.dependents.iter().map(|ix| id(*ix)).collect::<Vec<_>>(),
        "uncertain": uncertain.collect::<Vec<_>>(),
    })
}
