//! `kiln lineage --facts`: what columns have from the columns that they are made of.

use serde_json::json;

use super::pipeline::Parsed;
use super::say_data;
use crate::lineage::{self, ColumnGraph, ColumnRef};

/// Prints descriptions and tags that travel along lineage, for people or as JSON.
pub(super) fn show(parsed: &Parsed, graph: &ColumnGraph, is_json: bool) {
    let manifest = &parsed.manifest;
    let name = |at: ColumnRef| {
        let column = graph.column(at).map_or("", |column| column.name.as_str());
        format!("{}.{column}", manifest.node(at.node).name)
    };
    let all = manifest.indices().flat_map(|node| {
        let n_columns = graph.node(node).map_or(0, |known| known.columns.len());
        (0..n_columns).map(move |column| ColumnRef { node, column })
    });
    // Tests and analyses have columns, which nobody reads.
    let is_kept = |at: &ColumnRef| manifest.node(at.node).relation_name.is_some();
    let described: Vec<(ColumnRef, &str, ColumnRef)> = all
        .filter(is_kept)
        .filter_map(|at| lineage::inherited_description(manifest, graph, at).map(|(text, from)| (at, text, from)))
        .collect();
    let tags: Vec<_> =
        lineage::inherited_tags(manifest, graph).into_iter().filter(|found| is_kept(&found.column)).collect();
    let repeated = lineage::repeated_tests(manifest, graph);
    if is_json {
        let id = |at: ColumnRef| {
            let column = graph.column(at).map(|column| column.name.as_str());
            json!({"node": manifest.node(at.node).unique_id.as_str(), "column": column})
        };
        let descriptions: Vec<_> = described
            .iter()
            .map(|(at, text, from)| json!({"column": id(*at), "description": text.trim(), "inherited_from": id(*from)}))
            .collect();
        let tags: Vec<_> = tags
            .iter()
            .map(|found| {
                let path: Vec<_> = found.path.iter().map(|at| id(*at)).collect();
                json!({"column": id(found.column), "tag": found.tag, "path": path})
            })
            .collect();
        let tests: Vec<_> = repeated
            .iter()
            .map(|found| {
                let path: Vec<_> = found.path.iter().map(|at| id(*at)).collect();
                let unique_id = |ix| manifest.node(ix).unique_id.as_str();
                json!({"test": unique_id(found.test), "repeats": unique_id(found.of), "path": path})
            })
            .collect();
        let facts = json!({"descriptions": descriptions, "tags": tags, "repeated_tests": tests});
        let text = serde_json::to_string_pretty(&facts);
        return say_data(&parsed.printer, &text.unwrap_or_default());
    }
    let mut lines: Vec<String> = Vec::new();
    for found in &tags {
        let path: Vec<String> = found.path.iter().map(|at| name(*at)).collect();
        lines.push(format!("{}: tag `{}` ({})", name(found.column), found.tag, path.join(" → ")));
    }
    for (at, text, from) in &described {
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.push(format!("{}: described as {}: {text}", name(*at), name(*from)));
    }
    for found in &repeated {
        let path: Vec<String> = found.path.iter().map(|at| name(*at)).collect();
        let (test, of) = (&manifest.node(found.test).name, &manifest.node(found.of).name);
        lines.push(format!("{}: test `{test}` repeats `{of}` ({})", path[path.len() - 1], path.join(" → ")));
    }
    if lines.is_empty() {
        lines.push(
            "No description or tag travels to a column that does not declare it, and no test is repeated".to_owned(),
        );
    }
    say_data(&parsed.printer, &lines.join("\n"));
}
