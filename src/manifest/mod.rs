//! The resolved project: nodes, ids, edges. Frozen once `parse` has made it.

pub mod as_model;
mod config;
mod grain;
mod graph;
mod id;
mod inputs;
mod merge;
mod node;
mod unit_test;
pub mod view;

pub use config::NodeConfig;
pub use grain::{GRAINS, LEGACY_SPINE, coarseness};
pub use graph::{Graph, NodeSet};
pub use id::{NodeIndex, ResourceType, UniqueId};
pub use inputs::find_input;
pub use merge::{merge_calls, merge_config};
pub use node::{
    Checksum, Column, Doc, Docs, Exposure, Group, HookSpec, MacroArgument, MacroInfo, Node, NodeKind, Owner, RefCall,
    SourceDef, TestDef, TestMetadata, Written,
};
pub use unit_test::{MacroAnswer, UnitPlaces, UnitSubject, UnitTestDef};
pub use view::{CompiledFacts, NodeView};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Data};

/// The resolved project. Shared by threads, never written.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// All enabled nodes, sources, exposures, metrics and so on, ordered by unique id within their kind.
    pub nodes: Nodes,
    /// Where a unique id is in `nodes`.
    pub by_id: HashMap<UniqueId, NodeIndex>,
    /// The edges.
    pub graph: Graph,
    /// Disabled nodes.
    pub disabled: Nodes,
    /// Macros of the project, its packages and kiln, by unique id.
    pub macros: BTreeMap<UniqueId, MacroInfo>,
    /// Docs blocks by unique id.
    pub docs: BTreeMap<UniqueId, Doc>,
    /// Groups by unique id.
    pub groups: BTreeMap<UniqueId, Group>,
    /// `selectors.yml`, as artifacts show it.
    pub selectors: Map<String, Data>,
    /// The root project's name.
    pub project_name: String,
    /// The adapter's name.
    pub adapter_type: String,
}

impl Manifest {
    /// The node of an index.
    #[must_use]
    pub fn node(&self, ix: NodeIndex) -> &Node {
        &self.nodes[ix.as_usize()]
    }

    /// All indices in order.
    pub fn indices(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len()).map(NodeIndex::from_usize)
    }

    /// Finds a node by unique id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// The parents of a node.
    #[must_use]
    pub fn parents(&self, ix: NodeIndex) -> &[NodeIndex] {
        self.graph.parents(ix)
    }

    /// The project's hooks of the start or the end: the project's own first, then those of packages by
    /// name.
    #[must_use]
    pub fn hooks(&self, is_end: bool) -> Vec<NodeIndex> {
        let mut found: Vec<(bool, &str, usize, NodeIndex)> = Vec::new();
        for ix in self.indices() {
            let node = self.node(ix);
            if let NodeKind::Hook(hook) = &node.kind
                && hook.is_end == is_end
            {
                found.push((node.package != self.project_name, &node.package, hook.index, ix));
            }
        }
        found.sort();
        found.into_iter().map(|(_, _, _, ix)| ix).collect()
    }

    /// These macros, and those that call them, however far away.
    pub fn macro_callers<'a>(&'a self, macros: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
        let mut callers: HashMap<&str, Vec<&str>> = HashMap::new();
        for (id, info) in &self.macros {
            for callee in &info.depends_on {
                callers.entry(callee).or_default().push(id.as_str());
            }
        }
        let mut front: Vec<&str> = macros.collect();
        let mut found = HashSet::new();
        while let Some(id) = front.pop() {
            if found.insert(id) {
                front.extend(callers.get(id).into_iter().flatten());
            }
        }
        found
    }

    /// The children of a node.
    #[must_use]
    pub fn children(&self, ix: NodeIndex) -> &[NodeIndex] {
        self.graph.children(ix)
    }
}

/// Nodes in one order. Boxed, since each is over a kilobyte, and lists of them are joined and sorted.
pub type Nodes = Vec<Box<Node>>;

/// A manifest that threads share.
pub type SharedManifest = Arc<Manifest>;
