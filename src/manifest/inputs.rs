//! What the inputs of unit tests mean.

use serde_json::Value as Data;

use super::{Manifest, Node, NodeIndex, NodeKind, ResourceType};

/// Finds what `ref('orders')`, `source('shop', 'orders')` or `this` means: among the model's parents first.
#[must_use]
pub fn find_input(manifest: &Manifest, tested: Option<NodeIndex>, input: &str) -> Option<NodeIndex> {
    let input = input.trim();
    if input == "this" {
        return tested;
    }
    let (function, arguments) = input.strip_suffix(')')?.split_once('(')?;
    let names: Vec<&str> = arguments.split(',').map(str::trim).filter_map(unquoted).collect();
    let version = arguments.split(',').find_map(|argument| {
        let (key, value) = argument.split_once('=')?;
        let value = value.trim();
        ["v", "version"].contains(&key.trim()).then(|| unquoted(value).unwrap_or(value))
    });
    let fits = |ix: &NodeIndex| {
        let node = manifest.node(*ix);
        match (function.trim(), &node.kind, names.as_slice()) {
            ("source", NodeKind::Source(source), [source_name, table]) => {
                source.source_name == *source_name && node.name == *table
            }
            ("ref", _, [name]) => node.name == *name && is_version(node, version),
            ("ref", _, [package, name]) => node.name == *name && node.package == *package && is_version(node, version),
            _ => false,
        }
    };
    let is_input = |ix: &NodeIndex| {
        let kind = manifest.node(*ix).resource_type;
        (kind.is_refable() || kind == ResourceType::Source) && fits(ix)
    };
    let parents = tested.map_or(&[][..], |tested| manifest.parents(tested));
    parents.iter().copied().find(is_input).or_else(|| manifest.indices().find(is_input))
}

/// Whether an input means this version: without one it means the latest, as everywhere.
fn is_version(node: &Node, wanted: Option<&str>) -> bool {
    let text = |version: &Data| version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    match wanted {
        Some(wanted) => node.version.as_ref().is_some_and(|version| text(version) == wanted),
        None => node.version.as_ref().map(text) == node.latest_version.as_ref().map(text),
    }
}

fn unquoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}
