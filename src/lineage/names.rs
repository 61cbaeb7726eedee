//! Which node a table in a query is.

use std::collections::HashMap;

use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, ResourceType};
use crate::sql::TableName;

/// What ephemeral models are called within the SQL of others begins with this.
const EPHEMERAL: &str = "__dbt__cte__";

/// Nodes by the names that SQL gives them.
pub(super) struct Names {
    by_name: HashMap<String, NodeIndex>,
    ephemerals: HashMap<String, NodeIndex>,
    written: HashMap<String, NodeIndex>,
}

impl Names {
    pub(super) fn new(manifest: &Manifest, written: &HashMap<String, NodeIndex>) -> Self {
        let (mut by_name, mut ephemerals) = (HashMap::new(), HashMap::new());
        // Relations that the project builds win over sources of the same name.
        let sources = manifest.indices().filter(|ix| manifest.node(*ix).resource_type == ResourceType::Source);
        let built = manifest.indices().filter(|ix| {
            matches!(
                manifest.node(*ix).resource_type,
                ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot
            )
        });
        for ix in sources.chain(built) {
            let node = manifest.node(ix);
            if node.config.materialized() == "ephemeral" {
                ephemerals.insert(format!("{EPHEMERAL}{}", node.alias).to_lowercase(), ix);
                continue;
            }
            let parts = [node.database.as_deref(), Some(node.schema.as_str()), Some(identifier(node))];
            let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            for n in 0..parts.len() {
                let name = parts[n..].join(".").to_lowercase();
                // A short name that two nodes have says nothing.
                let is_full = n == 0;
                by_name
                    .entry(name)
                    .and_modify(|known| *known = if is_full { Some(ix) } else { None })
                    .or_insert(Some(ix));
            }
        }
        let by_name = by_name.into_iter().filter_map(|(name, ix)| Some((name, ix?))).collect();
        let written = written.iter().map(|(text, ix)| (plain(text), *ix)).collect();
        Self { by_name, ephemerals, written }
    }

    /// The node that a table is.
    pub(super) fn find(&self, table: &TableName) -> Option<NodeIndex> {
        if let [name] = table.parts.as_slice()
            && let Some(ix) = self.ephemeral(name)
        {
            return Some(ix);
        }
        let name = table.to_string();
        self.by_name.get(&name.to_lowercase()).or_else(|| self.written.get(&plain(&name))).copied()
    }

    /// The ephemeral model that a common table expression is.
    pub(super) fn ephemeral(&self, expression: &str) -> Option<NodeIndex> {
        self.ephemerals.get(&expression.to_lowercase()).copied()
    }

    /// The node that a file or the call of a function stands for.
    pub(super) fn written(&self, text: &str) -> Option<NodeIndex> {
        self.written.get(&plain(text)).copied()
    }
}

fn identifier(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Source(source) => &source.identifier,
        _ => &node.alias,
    }
}

/// A text without what may differ between two ways to write it.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '"' && *letter != '\'')
        .collect::<String>()
        .to_lowercase()
}
