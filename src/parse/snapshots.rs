//! What a snapshot must say about itself.

use serde_json::Value as Data;

use super::settings::Wrong;
use crate::manifest::{Node, ResourceType};

/// What a strategy misses that it goes by, or has that it does not know.
pub(super) fn mistake(node: &Node) -> Option<Wrong> {
    if node.resource_type != ResourceType::Snapshot || !node.config.is_enabled() {
        return None;
    }
    let name = &node.name;
    let find = |key: &str| node.config.get(key).filter(|value| is_said(value));
    let (Some(strategy), Some(_)) = (find("strategy"), find("unique_key")) else {
        let message = format!("Snapshots must be configured with a 'strategy' and 'unique_key': `{name}` is not");
        return Some(Wrong::new("", message, "add `strategy: timestamp` or `strategy: check`, and `unique_key`"));
    };
    match (strategy.as_str(), find("check_cols")) {
        (Some("check"), None) => Some(
            Wrong::new(
                "check_cols",
                format!("snapshot `{name}` has the check strategy, but no `check_cols`"),
                "name the columns whose changes count, or `check_cols: all`",
            )
            .because_of("strategy"),
        ),
        (Some("check"), Some(Data::String(columns))) if columns != "all" => Some(Wrong::new(
            "check_cols",
            format!("Invalid value for 'check_cols': {columns}. Expected 'all' or a list of strings."),
            "write the columns as a list",
        )),
        (Some("timestamp"), _) if find("updated_at").is_none() => Some(
            Wrong::new(
                "updated_at",
                format!("snapshot `{name}` has the timestamp strategy, but no `updated_at`"),
                "name the column that tells when a row changed last",
            )
            .because_of("strategy"),
        ),
        (Some("timestamp"), Some(_)) => Some(Wrong::new(
            "check_cols",
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
