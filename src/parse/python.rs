//! Python models: what can be told without running them.

use serde_json::{Map, Value as Data};

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Node;

/// Reads a Python model.
///
/// # Errors
/// Always, for now: such a model is reported rather than built wrongly.
pub(super) fn read(node: &mut Node) -> Result<Map<String, Data>, Box<Diagnostic>> {
    let message = format!("`{}` is a Python model, which kiln does not run", node.name);
    Err(Box::new(
        Diagnostic::error(Code::Unsupported, message).in_file(&node.file).hint("disable it, or write it in SQL"),
    ))
}
