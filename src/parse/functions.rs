//! What property files say about user-defined functions: arguments and what they return.

use serde_json::{Map, Value as Data, json};

use super::properties::{Entry, list_of, map_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Node, NodeKind};

/// Adds arguments and return type to a function.
///
/// # Errors
/// When a type or a name is missing, or an argument that must be given comes after one that need not.
pub(super) fn finish(node: &mut Node, entry: &Entry) -> Result<(), Box<Diagnostic>> {
    let NodeKind::Function(function) = &mut node.kind else { return Ok(()) };
    let name = entry.name();
    let invalid = |key: &str, message: String| Box::new(entry.error(key, Code::PropertyInvalid, message));
    let mut has_default = false;
    for argument in list_of(&entry.data, "arguments") {
        let argument = argument.as_object().cloned().unwrap_or_default();
        if let Some(key) = ["name", "data_type"].into_iter().find(|key| !is_given(&argument, key)) {
            let message = format!("an argument of function `{name}` has no `{key}`");
            return Err(invalid("arguments", message));
        }
        if has_default && !is_given(&argument, "default_value") {
            let own = argument.get("name").and_then(Data::as_str).unwrap_or_default();
            let message = format!(
                "Non-defaulted argument '{own}' of function '{name}' comes after a defaulted argument. Non-defaulted \
                 arguments cannot come after defaulted arguments."
            );
            return Err(invalid("arguments", message));
        }
        has_default |= is_given(&argument, "default_value");
        function.arguments.push(published(&argument, &["name", "data_type", "description", "default_value"]));
    }
    let returns = map_of(&entry.data, "returns");
    if !is_given(&returns, "data_type") {
        let message = format!("function `{name}` does not say which `data_type` it returns");
        return Err(Box::new(invalid("returns", message).hint("write `returns: {data_type: integer}`")));
    }
    function.returns = Some(published(&returns, &["data_type", "description"]));
    Ok(())
}

fn is_given(map: &Map<String, Data>, key: &str) -> bool {
    map.get(key).is_some_and(|value| !value.is_null())
}

fn published(map: &Map<String, Data>, keys: &[&str]) -> Data {
    let entry = |key: &&str| ((*key).to_owned(), map.get(*key).cloned().unwrap_or(Data::Null));
    json!(Map::from_iter(keys.iter().map(entry)))
}
