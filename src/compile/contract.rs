//! Where the property file says what a model did not keep.

use crate::diagnostic::{Code, Diagnostic, Label};
use crate::manifest::{Column, Node};

/// Puts an error of a contract where the contract stands, and takes away the macros that found it.
/// Leaves other errors as they are.
pub(super) fn place(node: &Node, mut error: Box<Diagnostic>) -> Box<Diagnostic> {
    let Some(declared) = node.declared.as_ref().filter(|_| node.config.is_contract_enforced()) else { return error };
    let columns = match error.code {
        Code::ContractBroken => mismatches(node, &error.message),
        Code::SqlRejected => {
            let untyped = missing_type(node, &error.message).map(|column| vec![column]);
            let Some(columns) = untyped.or_else(|| constrained(node, &error.message)) else { return error };
            columns
        }
        _ => return error,
    };
    let mut labels = columns.into_iter().map(|column| Label::new(&declared.file, column.span));
    error.at = Some(labels.next().unwrap_or_else(|| declared.clone()));
    error.related = labels.collect();
    error.related.push(Label::new(&node.file, node.span).with_text("the query"));
    error
}

/// The declared columns of the table of mismatches; without a table those that have no type.
fn mismatches<'a>(node: &'a Node, message: &str) -> Vec<&'a Column> {
    if !message.contains('|') {
        return node.columns.values().filter(|column| column.data_type.is_none()).collect();
    }
    let rows = message.lines().filter_map(|line| line.trim().strip_prefix('|')?.split('|').next()).map(str::trim);
    rows.filter_map(|name| node.columns.values().find(|column| column.name.eq_ignore_ascii_case(name))).collect()
}

/// The columns of the constraint that the rows, or the database, did not let be; none if it is the model's.
fn constrained<'a>(node: &'a Node, message: &str) -> Option<Vec<&'a Column>> {
    let has_any = !node.constraints.is_empty() || node.columns.values().any(|column| !column.constraints.is_empty());
    let speaks_of_one =
        message.to_lowercase().contains("constraint") || message.contains("does not have a column named");
    if !speaks_of_one || !has_any {
        return None;
    }
    let expression = |constraint: &serde_json::Value| {
        constraint["expression"].as_str().is_some_and(|expression| message.contains(expression))
    };
    let is_named = |column: &&Column| {
        let words = message.split(|char: char| !char.is_alphanumeric() && char != '_');
        words.into_iter().any(|word| word.eq_ignore_ascii_case(&column.name))
    };
    let has_constraint = |column: &&Column| !column.constraints.is_empty();
    let by_expression: Vec<&Column> =
        node.columns.values().filter(|column| column.constraints.iter().any(expression)).collect();
    if !by_expression.is_empty() {
        return Some(by_expression);
    }
    Some(node.columns.values().filter(has_constraint).filter(is_named).collect())
}

/// The column whose type the database does not know.
fn missing_type<'a>(node: &'a Node, message: &str) -> Option<&'a Column> {
    let rest = message.split_once("Type with name ").or_else(|| message.split_once("type \""))?.1;
    if !rest.contains("does not exist") {
        return None;
    }
    let name = rest.split([' ', '"']).next()?.to_lowercase();
    let has_it = |column: &&Column| column.data_type.as_ref().is_some_and(|kind| kind.to_lowercase().contains(&name));
    node.columns.values().find(has_it)
}
