//! Finding nodes by the names that templates use, and the relations that nodes build or name.

use std::collections::HashMap;

use serde_json::{Map, Value as Data};

use super::base::Shared;
use crate::jinja::objects::relation::RelationValue;
use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, RefCall, ResourceType};
use crate::sql::{QuotePolicy, Relation};

/// Finds nodes by the names that `ref`, `source` and `function` use.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    pub(super) refs: HashMap<String, Vec<NodeIndex>>,
    pub(super) sources: HashMap<(String, String), Vec<NodeIndex>>,
    pub(super) functions: HashMap<String, Vec<NodeIndex>>,
}

impl Lookup {
    /// Indexes a manifest.
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let mut lookup = Self::default();
        for (ix, node) in manifest.indices().zip(&manifest.nodes) {
            match &node.kind {
                NodeKind::Source(source) => {
                    let key = (source.source_name.clone(), node.name.clone());
                    lookup.sources.entry(key).or_default().push(ix);
                }
                _ if node.resource_type.is_refable() => {
                    lookup.refs.entry(node.name.clone()).or_default().push(ix);
                }
                _ if node.resource_type == ResourceType::Function => {
                    lookup.functions.entry(node.name.clone()).or_default().push(ix);
                }
                _ => {}
            }
        }
        lookup
    }

    pub(super) fn find_ref(&self, manifest: &Manifest, call: &RefCall, order: [&str; 2]) -> Option<NodeIndex> {
        let candidates = self.refs.get(&call.name)?;
        let fits_version = |node: &Node| match (&call.version, &node.version) {
            (None, None) => true,
            (None, Some(_)) => same_version(node.version.as_ref(), node.latest_version.as_ref()),
            (Some(wanted), _) => same_version(Some(wanted), node.version.as_ref()),
        };
        let within = |package: Option<&str>| {
            candidates.iter().copied().find(|ix| {
                let node = manifest.node(*ix);
                package.map_or(!node.is_external(), |package| node.package == package) && fits_version(node)
            })
        };
        match call.package.as_deref() {
            Some(package) => within(Some(package)),
            None => order.into_iter().find_map(|package| within(Some(package))).or_else(|| within(None)),
        }
    }
}

fn same_version(a: Option<&Data>, b: Option<&Data>) -> bool {
    let text = |data: &Data| data.as_str().map_or_else(|| data.to_string(), str::to_string);
    a.zip(b).is_some_and(|(a, b)| text(a) == text(b))
}

pub(super) fn in_packages(manifest: &Manifest, found: &[NodeIndex], packages: [&str; 2]) -> Option<NodeIndex> {
    let of = |package: &str| found.iter().copied().find(|ix| manifest.node(*ix).package == package);
    packages.into_iter().find_map(of).or_else(|| found.first().copied())
}

/// The relation that a node builds or names.
pub(crate) fn node_relation(shared: &Shared, node: &Node) -> RelationValue {
    let (identifier, mut quoting) = match &node.kind {
        // Sources do not follow the project's quoting.
        NodeKind::Source(source) => (source.identifier.clone(), quoting_over(QuotePolicy::ALL, &source.quoting)),
        _ => (node.alias.clone(), shared.quoting),
    };
    if let Some(own) = node.config.get("quoting").and_then(Data::as_object) {
        quoting = quoting_over(quoting, own);
    }
    let relation = Relation {
        database: node.database.clone(),
        schema: Some(node.schema.clone()),
        identifier: Some(identifier),
        kind: None,
        quoting,
    };
    let mut value = RelationValue::new(relation, shared.dialect);
    value.external = external_location(&shared.project.target.adapter_type, node);
    value
}

fn quoting_over(policy: QuotePolicy, own: &Map<String, Data>) -> QuotePolicy {
    let flag = |key: &str, old: bool| own.get(key).and_then(Data::as_bool).unwrap_or(old);
    QuotePolicy {
        database: flag("database", policy.database),
        schema: flag("schema", policy.schema),
        identifier: flag("identifier", policy.identifier),
    }
}

/// The file that a source of DuckDB reads, as SQL, from `external_location` in its config or meta.
pub(crate) fn external_location(adapter_type: &str, node: &Node) -> Option<String> {
    let NodeKind::Source(source) = &node.kind else { return None };
    if adapter_type != "duckdb" {
        return None;
    }
    let option = |key: &str| {
        node.config.str(key).or_else(|| node.meta.get(key).and_then(Data::as_str)).or_else(|| {
            let meta = node.config.get("meta").and_then(Data::as_object)?;
            meta.get(key).and_then(Data::as_str)
        })
    };
    let template = option("external_location")?;
    let value = |name: &str| match name {
        "name" => Some(node.name.clone()),
        "identifier" => Some(source.identifier.clone()),
        "schema" => Some(node.schema.clone()),
        "database" => node.database.clone(),
        other => option(other).map(str::to_string),
    };
    let location = match option("formatter").unwrap_or("newstyle") {
        "oldstyle" => fill(template, "%(", ")s", &value),
        "template" => fill(&fill(template, "${", "}", &value), "$", "", &value),
        _ => fill(template, "{", "}", &value),
    };
    if location.contains('(') || location.starts_with('\'') {
        return Some(location);
    }
    Some(format!("'{location}'"))
}

/// Puts values in the place of names between `open` and `close`; without `close` a name ends with its last letter.
fn fill(template: &str, open: &str, close: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = rest.find(open) {
        out.push_str(&rest[..start]);
        let after = &rest[start + open.len()..];
        let name_len = after.find(|ch: char| !ch.is_alphanumeric() && ch != '_').unwrap_or(after.len());
        let (name, tail) = after.split_at(name_len);
        match (tail.strip_prefix(close), value(name)) {
            (Some(tail), Some(text)) if !name.is_empty() => {
                out.push_str(&text);
                rest = tail;
            }
            _ => {
                out.push_str(open);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
