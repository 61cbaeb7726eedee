//! What a snapshot must say about itself.

use serde_json::Value as Data;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Node, ResourceType};

/// Checks that the settings of a snapshot fit together.
///
/// # Errors
/// When a strategy misses what it goes by, or has what it does not know.
pub(super) fn check(node: &Node) -> Result<(), Box<Diagnostic>> {
    if node.resource_type != ResourceType::Snapshot || !node.config.is_enabled() {
        return Ok(());
    }
    let Some((message, hint)) = mistake(node) else { return Ok(()) };
    let mut error = Diagnostic::error(Code::PropertyInvalid, message).in_file(&node.file);
    error.at = node.declared.clone().or(error.at);
    Err(Box::new(error.hint(hint)))
}

fn mistake(node: &Node) -> Option<(String, &'static str)> {
    let name = &node.name;
    let find = |key: &str| node.config.get(key).filter(|value| is_said(value));
    let (Some(strategy), Some(_)) = (find("strategy"), find("unique_key")) else {
        let message = format!("Snapshots must be configured with a 'strategy' and 'unique_key': `{name}` is not");
        return Some((message, "add `strategy: timestamp` or `strategy: check`, and `unique_key`"));
    };
    match (strategy.as_str(), find("check_cols")) {
        (Some("check"), None) => Some((
            format!("snapshot `{name}` has the check strategy, but no `check_cols`"),
            "name the columns whose changes count, or `check_cols: all`",
        )),
        (Some("check"), Some(Data::String(columns))) if columns != "all" => Some((
            format!("Invalid value for 'check_cols': {columns}. Expected 'all' or a list of strings."),
            "write the columns as a list",
        )),
        (Some("timestamp"), _) if find("updated_at").is_none() => Some((
            format!("snapshot `{name}` has the timestamp strategy, but no `updated_at`"),
            "name the column that tells when a row changed last",
        )),
        (Some("timestamp"), Some(_)) => Some((
            format!("A 'timestamp' snapshot should not have 'check_cols', as `{name}` has"),
            "remove `check_cols`, or choose `strategy: check`",
        )),
        _ => None,
    }
}

/// Whether Python takes a value as true.
fn is_said(value: &Data) -> bool {
    match value {
        Data::Null | Data::Bool(false) => false,
        Data::String(text) => !text.is_empty(),
        Data::Array(items) => !items.is_empty(),
        _ => true,
    }
}
