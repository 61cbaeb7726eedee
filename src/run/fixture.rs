//! Small manifests for tests: a line for each node, `test.unique_a: model.a`.

use std::collections::HashMap;

use serde_json::{Map, json};

use crate::diagnostic::SourceFile;
use crate::manifest::{Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, UniqueId, UnitTestDef};

/// Makes a manifest of lines such as `model.b: model.a, seed.c`. `ephemeral.x` is an ephemeral model.
pub(super) fn manifest(lines: &[&str]) -> Manifest {
    let parsed: Vec<(&str, Vec<&str>)> = lines
        .iter()
        .map(|line| {
            let (id, parents) = line.split_once(':').unwrap_or((line, ""));
            (id.trim(), parents.split(',').map(str::trim).filter(|parent| !parent.is_empty()).collect())
        })
        .collect();
    let place: HashMap<&str, usize> = parsed.iter().enumerate().map(|(ix, (id, _))| (*id, ix)).collect();
    let parents: Vec<Vec<NodeIndex>> = parsed
        .iter()
        .map(|(_, parents)| parents.iter().map(|parent| NodeIndex::from_usize(place[parent])).collect())
        .collect();
    let nodes: Vec<Box<Node>> =
        parsed.iter().zip(&parents).map(|((id, names), parents)| Box::new(node(id, names, parents))).collect();
    Manifest {
        by_id: nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), NodeIndex::from_usize(ix))).collect(),
        graph: Graph::new(parents),
        nodes,
        ..Manifest::default()
    }
}

fn node(id: &str, parent_names: &[&str], parents: &[NodeIndex]) -> Node {
    let (word, name) = id.split_once('.').expect("an id has a dot");
    let is_ephemeral = word == "ephemeral";
    let resource_type = ResourceType::find(if is_ephemeral { "model" } else { word }).expect("a kind of node");
    let mut values = Map::new();
    values.insert("materialized".into(), json!(if is_ephemeral { "ephemeral" } else { "view" }));
    let kind = match resource_type {
        ResourceType::UnitTest => NodeKind::UnitTest(Box::new(UnitTestDef {
            tested_node: parent_names.first().map(|parent| UniqueId::new(*parent)),
            ..UnitTestDef::default()
        })),
        _ => NodeKind::Plain,
    };
    Node {
        unique_id: UniqueId::new(id),
        path: format!("{name}.sql"),
        original_file_path: format!("models/{name}.sql"),
        fqn: vec!["shop".into(), name.into()],
        database: Some("db".into()),
        schema: "main".into(),
        config: NodeConfig::from(values),
        parents: parents.to_vec(),
        kind,
        ..Node::blank(resource_type, "shop", name, SourceFile::new(format!("models/{name}.sql"), ""))
    }
}
