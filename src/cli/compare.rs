//! `kiln compare`: whether the selected nodes hold the same on two targets.

use serde_json::{Map, Value as Data, json};

use super::args::{CompareArgs, OutputForm};
use super::pipeline::{self, Parsed};
use super::{ExitStatus, say_data, selection};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{NodeIndex, NodeSet, ResourceType};
use crate::project::Overrides;
use crate::run::compare::{self, Comparison, Difference, Row, Side};
use crate::ui::{CompareText, Compared, Stream};

const KINDS: &[ResourceType] = &[ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot];

/// Runs the command.
pub(super) fn run(args: &CompareArgs, overrides: &Overrides) -> ExitStatus {
    compare(args, overrides).unwrap_or_else(|status| status)
}

fn compare(args: &CompareArgs, overrides: &Overrides) -> Result<ExitStatus, ExitStatus> {
    let usage = |message: &str| {
        let error =
            Diagnostic::error(Code::Usage, message).hint("name two targets of the profile: `--targets dev,prod`");
        pipeline::early_printer(overrides, Stream::Stderr).fatal([&error]);
        ExitStatus::Error
    };
    let targets: [String; 2] =
        args.targets.clone().try_into().map_err(|_| usage("`--targets` takes the names of two targets"))?;
    if targets[0] == targets[1] {
        return Err(usage("`--targets` takes the names of two different targets"));
    }
    if overrides.target.is_some() {
        return Err(usage("`compare` reads two targets, and takes no `--target`"));
    }
    let left = load(overrides, &targets[0], false)?;
    left.say_found();
    let right = load(overrides, &targets[1], true)?;
    let selected = selection::pick(&left, &args.selection, KINDS)?;
    let all = compare_all(&left, &right, &selected);
    if let Some(Compared { outcome: Err(error), .. }) = all.iter().find(|found| is_fatal(found)) {
        return Err(left.fail(error));
    }
    let written = match args.output {
        OutputForm::Text => CompareText { targets: &targets, all: &all, limit: args.limit }.plain(),
        OutputForm::Json => serde_json::to_string_pretty(&as_json(&targets, &all, args.limit)).unwrap_or_default(),
    };
    say_data(&left.printer, &written);
    let is_equal = |found: &Compared| found.outcome.as_ref().is_ok_and(Comparison::is_equal);
    Ok(if all.iter().all(is_equal) { ExitStatus::Success } else { ExitStatus::Failure })
}

/// A database that cannot be reached is said once, and not for each relation.
fn is_fatal(found: &Compared) -> bool {
    let codes = [Code::ConnectFailed, Code::DatabaseLocked, Code::NotADatabase];
    found.outcome.as_ref().is_err_and(|error| codes.contains(&error.code))
}

/// Reads the project for a target; the second time without repeating its warnings.
fn load(overrides: &Overrides, target: &str, is_quiet: bool) -> Result<Parsed, ExitStatus> {
    let mut overrides = overrides.clone();
    overrides.target = Some(target.to_owned());
    if is_quiet {
        overrides.flags.insert("quiet".to_owned(), Data::from(true));
    }
    pipeline::load(&overrides, Stream::Stderr)?.parse()
}

fn compare_all(left: &Parsed, right: &Parsed, selected: &NodeSet) -> Vec<Compared> {
    let side = |parsed: &Parsed| {
        let runtime = parsed.runtime(&NodeSet::default());
        let session = runtime.session("compare");
        Side { runtime, session }
    };
    let sides = [side(left), side(right)];
    let is_relation = |ix: &NodeIndex| left.manifest.node(*ix).relation_name.is_some();
    let mut all = Vec::new();
    for ix in selected.iter().filter(is_relation) {
        let node = left.manifest.node(ix);
        let outcome = match right.manifest.find(node.unique_id.as_str()) {
            Some(other) => compare::compare(&sides, [ix, other]),
            // It is not enabled there.
            None => Ok(Comparison { relations: [node.relation_name.clone(), None], ..Comparison::default() }),
        };
        let unique_id = node.unique_id.as_str().to_owned();
        all.push(Compared { unique_id, name: selection::versioned(node), outcome });
        if all.last().is_some_and(is_fatal) {
            break;
        }
    }
    all
}

fn as_json(targets: &[String; 2], all: &[Compared], limit: usize) -> Data {
    let relations: Vec<Data> = all.iter().map(|compared| one(targets, compared, limit)).collect();
    let n_equal = all.iter().filter(|compared| compared.outcome.as_ref().is_ok_and(Comparison::is_equal)).count();
    json!({"targets": targets, "relations": relations, "equal": n_equal, "different": all.len() - n_equal})
}

fn one(targets: &[String; 2], compared: &Compared, limit: usize) -> Data {
    let found = match &compared.outcome {
        Ok(found) => found,
        Err(error) => {
            return json!({"unique_id": compared.unique_id, "status": "failed", "message": error.message});
        }
    };
    let status = match &found.relations {
        [Some(_), Some(_)] if found.is_equal() => "equal",
        [Some(_), Some(_)] => "different",
        _ => "missing",
    };
    let by_target =
        |left: Data, right: Data| Data::from(Map::from_iter([(targets[0].clone(), left), (targets[1].clone(), right)]));
    let types: Vec<Data> = found
        .retyped
        .iter()
        .map(|(name, [left, right])| json!({"column": name, "types": by_target(json!(left), json!(right))}))
        .collect();
    let rows = &found.difference;
    json!({
        "unique_id": compared.unique_id,
        "status": status,
        "relations": by_target(json!(found.relations[0]), json!(found.relations[1])),
        "rows": by_target(json!(found.rows[0]), json!(found.rows[1])),
        "columns_only_in": by_target(json!(found.only[0]), json!(found.only[1])),
        "types": types,
        "rows_changed": rows.changed.len(),
        "rows_only_in": by_target(json!(rows.only[0].len()), json!(rows.only[1].len())),
        "is_complete": rows.is_complete || !rows.is_some,
        "key": rows.key.iter().map(|ix| rows.columns[*ix].as_str()).collect::<Vec<_>>(),
        "sample": {
            "changed": rows.changed.iter().take(limit).map(|[left, right]| by_target(row(rows, left), row(rows, right))).collect::<Vec<_>>(),
            "only_in": by_target(sample(rows, 0, limit), sample(rows, 1, limit)),
        },
    })
}

fn sample(rows: &Difference, side: usize, limit: usize) -> Data {
    rows.only[side].iter().take(limit).map(|values| row(rows, values)).collect()
}

fn row(rows: &Difference, values: &Row) -> Data {
    Data::from(Map::from_iter(rows.columns.iter().cloned().zip(values.iter().map(|value| json!(value)))))
}
