//! Contracts: what a model promises, and whether a change breaks that promise.
//!
//! A broken promise is a warning, and an error for versioned models: those have a way to change, a new version.

use serde_json::Value as Data;

use super::compare::warn;
use super::manifest::{PreviousColumn, PreviousNode};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::manifest::{Node, NodeKind, ResourceType};

/// Tells whether a model promises what it promised. `is_way_same`: whether it is built as it was, but for what depends on
/// the environment.
pub(super) fn is_same(
    new: &Node,
    old: &PreviousNode,
    is_way_same: bool,
    warnings: &mut Diagnostics,
) -> Result<bool, Box<Diagnostic>> {
    if new.resource_type != ResourceType::Model {
        return Ok(true);
    }
    let is_enforced = new.config.is_contract_enforced();
    if !old.contract.enforced {
        return Ok(!is_enforced);
    }
    let sum = match &new.kind {
        NodeKind::Model(extra) => extra.get("contract_checksum").and_then(Data::as_str),
        _ => None,
    };
    if is_enforced && sum == old.contract.checksum.as_deref() {
        return Ok(true);
    }
    // The sum tells apart what is enforced in a table and what in a view.
    if is_enforced && is_way_same && says_same(new, old) {
        return Ok(true);
    }
    let breaks = broken(new, old, is_enforced, is_way_same);
    if !breaks.is_empty() {
        let is_versioned = new.version.as_ref().is_some_and(|version| !version.is_null());
        complain(&new.name, &breaks, is_versioned, warnings, |problem| problem.in_file(&new.file))?;
    }
    Ok(false)
}

/// Complains of a model that is gone although it promised to be there.
pub(super) fn gone(
    id: &str,
    old: &PreviousNode,
    is_disabled: bool,
    warnings: &mut Diagnostics,
) -> Result<(), Box<Diagnostic>> {
    let has_ended = old.deprecation_date.as_deref().and_then(moment).is_some_and(|at| at < jiff::Timestamp::now());
    if old.resource_type != "model" || has_ended {
        return Ok(());
    }
    let how = if is_disabled { "was disabled" } else { "was deleted or renamed" };
    let what = format!("Contracted model '{id}' {how}.");
    complain(&old.name, &[what], !old.version.is_null(), warnings, |problem| problem)
}

/// Says what breaks, in the words that tools look for.
fn complain(
    name: &str,
    breaks: &[String],
    is_versioned: bool,
    warnings: &mut Diagnostics,
    place: impl Fn(Diagnostic) -> Diagnostic,
) -> Result<(), Box<Diagnostic>> {
    let list: String = breaks.iter().map(|line| format!("\n  - {line}")).collect();
    let what = if is_versioned { "an enforced contract" } else { "an unversioned model" };
    let message =
        format!("While comparing to previous project state, dbt detected a breaking change to {what}: `{name}`{list}");
    if is_versioned {
        let error = place(Diagnostic::error(Code::ContractBreaks, message));
        return Err(Box::new(error.hint("make a new version of the model for the change")));
    }
    let warning = place(Diagnostic::warning(Code::ContractBreaks, message));
    warn(warnings, warning.hint("versions let readers of the model move in their own time"));
    Ok(())
}

/// A date or moment in one of the forms that artifacts have.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    let date = || text.get(..10)?.parse::<jiff::civil::Date>().ok();
    text.parse().ok().or_else(|| date()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
}

/// Whether columns, types and constraints are the same.
fn says_same(new: &Node, old: &PreviousNode) -> bool {
    let column = |(name, old): (&String, &PreviousColumn)| {
        let now = new.columns.get(name);
        now.is_some_and(|now| now.data_type == old.data_type && now.constraints == old.constraints)
    };
    new.columns.len() == old.columns.len() && old.columns.iter().all(column) && new.constraints == old.constraints
}

fn broken(new: &Node, old: &PreviousNode, is_enforced: bool, is_way_same: bool) -> Vec<String> {
    let mut breaks = Vec::new();
    if !is_enforced {
        breaks.push("Contract enforcement was removed".to_owned());
    }
    let enforces = |materialized: &str| matches!(materialized, "table" | "incremental");
    let was = old.config.get("materialized").and_then(Data::as_str).unwrap_or_default();
    let mut columns: Vec<_> = old.columns.iter().collect();
    columns.sort_by_key(|(name, _)| *name);
    for (name, column) in &columns {
        let Some(now) = new.columns.get(*name) else {
            breaks.push(format!("Columns were removed: {name}"));
            continue;
        };
        if base_type(column.data_type.as_deref()) != base_type(now.data_type.as_deref()) {
            let shown = |kind: &Option<String>| kind.clone().unwrap_or_else(|| "no type".to_owned());
            breaks.push(format!(
                "Columns with data_type changes: {name} ({} -> {})",
                shown(&column.data_type),
                shown(&now.data_type)
            ));
        }
        if enforces(was) {
            let lost = lost(&column.constraints, &now.constraints);
            breaks.extend(lost.map(|what| format!("Enforced column level constraints were removed: {what} on {name}")));
        }
    }
    if enforces(was) {
        breaks.extend(
            lost(&old.constraints, &new.constraints)
                .map(|what| format!("Enforced model level constraints were removed: {what}")),
        );
        let has_constraints = !old.constraints.is_empty() || columns.iter().any(|(_, old)| !old.constraints.is_empty());
        if !is_way_same && !enforces(new.config.materialized()) && has_constraints {
            let now = new.config.materialized();
            breaks.push(format!("Materialization changed with enforced constraints: {was} -> {now}"));
        }
    }
    breaks
}

/// The type without length and precision: other ones break nothing.
fn base_type(text: Option<&str>) -> Option<String> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(text.split('(').next().unwrap_or_default().trim().to_lowercase())
}

/// Constraints that the database enforced and that are gone, by name or type.
fn lost<'a>(old: &'a [Data], new: &'a [Data]) -> impl Iterator<Item = String> + 'a {
    let text = |constraint: &Data, key: &str| constraint.get(key).and_then(Data::as_str).map(str::to_owned);
    let is_enforced = move |constraint: &&Data| text(constraint, "type").is_some_and(|kind| kind != "custom");
    let gone = old.iter().filter(|constraint| !new.contains(constraint)).filter(is_enforced);
    gone.map(move |constraint| text(constraint, "name").or_else(|| text(constraint, "type")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::manifest::Column;

    /// Compares a contract of one column `id` with what it was.
    #[track_caller]
    fn check(old: &Data, data_type: &str, version: Option<i64>, expected: &str) {
        let mut new = Node::blank(ResourceType::Model, "shop", "orders", SourceFile::new("orders.sql", ""));
        new.config.set("contract", json!({"enforced": true}));
        new.config.set("materialized", json!("table"));
        new.version = version.map(Data::from);
        let column = Column { name: "id".into(), data_type: Some(data_type.into()), ..Column::default() };
        new.columns.insert("id".to_owned(), column);
        let contract = json!({"enforced": true, "checksum": "before"});
        let old = json!({"contract": contract, "columns": old, "config": {"materialized": "table"}});
        let old: PreviousNode = serde_json::from_value(old).expect("it is a node");
        let mut warnings = Diagnostics::new();
        let shown = match is_same(&new, &old, true, &mut warnings) {
            Ok(is_same) => {
                let texts: Vec<_> = warnings.iter().map(|warning| warning.message.clone()).collect();
                format!("{is_same} {}", texts.join("\n"))
            }
            Err(error) => format!("error {}", error.message),
        };
        assert_eq!(shown.trim_end(), expected);
    }

    const BREAKS: &str = "While comparing to previous project state, dbt detected a breaking change to";

    #[test]
    fn other_lengths_and_new_columns_break_nothing() {
        check(&json!({"id": {"data_type": "VARCHAR(3)"}}), "varchar(10)", None, "false");
        check(&json!({}), "int", None, "false");
    }

    #[test]
    fn other_types_lost_columns_and_lost_constraints_break_readers() {
        let old = json!({"id": {"data_type": "int"}});
        check(
            &old,
            "text",
            None,
            &format!(
                "false {BREAKS} an unversioned model: `orders`\n  - Columns with data_type changes: id (int -> text)"
            ),
        );
        let old = json!({"id": {"data_type": "text"}, "name": {}});
        check(
            &old,
            "text",
            None,
            &format!("false {BREAKS} an unversioned model: `orders`\n  - Columns were removed: name"),
        );
        let old = json!({"id": {"data_type": "text", "constraints": [{"type": "not_null"}]}});
        check(
            &old,
            "text",
            None,
            &format!(
                "false {BREAKS} an unversioned model: `orders`\n  - Enforced column level constraints were removed: not_null on id"
            ),
        );
    }

    #[test]
    fn versioned_models_must_not_break() {
        let old = json!({"id": {"data_type": "int"}});
        check(
            &old,
            "text",
            Some(1),
            &format!(
                "error {BREAKS} an enforced contract: `orders`\n  - Columns with data_type changes: id (int -> text)"
            ),
        );
    }
}
