//! Which nodes a command runs, and what waits for what.
//!
//! The order is dbt's: nodes that are ready go by their depth in the selected graph and then by unique id.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;

use super::result::BatchResults;
use crate::manifest::{Graph, Manifest, NodeIndex, NodeKind, NodeSet, ResourceType};

/// The commands that run nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Builds models.
    Run,
    /// Loads seeds.
    Seed,
    /// Takes snapshots.
    Snapshot,
    /// Runs data tests and unit tests.
    Test,
    /// Does all of these in one order, with tests before what depends on the tested.
    Build,
    /// Renders SQL without running it.
    Compile,
    /// Makes clones of relations that are elsewhere, or views on them.
    Clone,
    /// Asks how old sources are.
    Freshness,
}

impl Command {
    /// The kinds of node that the command takes.
    #[must_use]
    pub const fn kinds(self) -> &'static [ResourceType] {
        use ResourceType as Kind;
        match self {
            Self::Run => &[Kind::Model],
            Self::Seed => &[Kind::Seed],
            Self::Snapshot => &[Kind::Snapshot],
            Self::Test => &[Kind::Test, Kind::UnitTest],
            Self::Build => &[
                Kind::Model,
                Kind::Seed,
                Kind::Snapshot,
                Kind::Test,
                Kind::UnitTest,
                Kind::SavedQuery,
                Kind::Exposure,
                Kind::Function,
            ],
            Self::Clone => &[Kind::Model, Kind::Seed, Kind::Snapshot],
            Self::Compile => &[Kind::Model, Kind::Seed, Kind::Snapshot, Kind::Test, Kind::Analysis, Kind::Function],
            Self::Freshness => &[Kind::Source],
        }
    }
}

/// What an earlier run has done of what is tried again.
#[derive(Clone, Debug, Default)]
pub struct Retried {
    /// Batches of microbatch models of which some were built: only those that failed are tried again.
    pub batches: HashMap<NodeIndex, BatchResults>,
    /// When the earlier run began: until then batches are built.
    pub started_at: Option<Timestamp>,
}

/// The nodes of a run and their order.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The command.
    pub command: Command,
    /// The selected nodes, ephemeral models among them. Unit tests of `build` are in `unit_tests` instead.
    pub nodes: Vec<NodeIndex>,
    /// Unit tests that run before their model: `build` only.
    pub unit_tests: HashMap<NodeIndex, Vec<NodeIndex>>,
    /// How many nodes are shown and counted: all but ephemeral models.
    pub total: usize,
    /// What an earlier run, which this one goes on with, has done already.
    pub retried: Retried,
    children: HashMap<NodeIndex, Vec<NodeIndex>>,
    waits_for: HashMap<NodeIndex, usize>,
    rank: HashMap<NodeIndex, (usize, usize)>,
}

/// Whether a node is an ephemeral model, which is compiled into others and never run.
#[must_use]
pub fn is_ephemeral(manifest: &Manifest, ix: NodeIndex) -> bool {
    let node = manifest.node(ix);
    node.resource_type == ResourceType::Model && node.config.materialized() == "ephemeral"
}

/// Plans the nodes of a selection that the command takes.
#[must_use]
pub fn plan(manifest: &Manifest, selected: &NodeSet, command: Command) -> RunPlan {
    let is_taken = |ix: &NodeIndex| command.kinds().contains(&manifest.node(*ix).resource_type);
    let taken: Vec<NodeIndex> = selected.iter().filter(is_taken).collect();
    let is_before_model = |ix: &NodeIndex| {
        command == Command::Build && tested_model(manifest, *ix).is_some_and(|model| selected.contains(model))
    };
    let (before_models, nodes): (Vec<_>, Vec<_>) = taken.into_iter().partition(is_before_model);
    let mut unit_tests: HashMap<NodeIndex, Vec<NodeIndex>> = HashMap::new();
    for ix in &before_models {
        if let Some(model) = tested_model(manifest, *ix) {
            unit_tests.entry(model).or_default().push(*ix);
        }
    }
    let parents = if command == Command::Clone {
        // What is cloned is elsewhere already: nothing waits.
        nodes.iter().map(|ix| (*ix, Vec::new())).collect()
    } else {
        selected_parents(manifest, &nodes.iter().copied().collect(), command == Command::Build)
    };
    let mut children: HashMap<NodeIndex, Vec<NodeIndex>> = HashMap::new();
    for child in &nodes {
        for parent in parents.get(child).into_iter().flatten() {
            children.entry(*parent).or_default().push(*child);
        }
    }
    let depths = depths(&nodes, &parents);
    let mut by_id = nodes.clone();
    by_id.sort_by(|a, b| manifest.node(*a).unique_id.cmp(&manifest.node(*b).unique_id));
    let rank =
        by_id.iter().enumerate().map(|(place, ix)| (*ix, (depths.get(ix).copied().unwrap_or(0), place))).collect();
    let shown = nodes.iter().filter(|ix| !is_ephemeral(manifest, **ix)).count();
    RunPlan {
        command,
        total: shown + before_models.len(),
        waits_for: parents.iter().map(|(ix, list)| (*ix, list.len())).collect(),
        nodes,
        unit_tests,
        retried: Retried::default(),
        children,
        rank,
    }
}

impl RunPlan {
    /// The nodes that wait for this one, directly or through nodes that are not selected.
    #[must_use]
    pub fn children(&self, ix: NodeIndex) -> &[NodeIndex] {
        self.children.get(&ix).map_or(&[], Vec::as_slice)
    }

    /// All nodes that wait for this one at any distance.
    #[must_use]
    pub fn descendants(&self, ix: NodeIndex) -> Vec<NodeIndex> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([ix]);
        while let Some(ix) = queue.pop_front() {
            queue.extend(self.children(ix).iter().filter(|child| seen.insert(**child)));
        }
        seen.into_iter().collect()
    }

    /// For how many nodes each one waits.
    #[must_use]
    pub fn waits_for(&self) -> HashMap<NodeIndex, usize> {
        self.waits_for.clone()
    }

    /// Sorts nodes that are ready at the same time.
    pub fn sort(&self, ready: &mut [NodeIndex]) {
        ready.sort_by_key(|ix| self.rank.get(ix));
    }

    /// Every node with its unit tests, ephemeral models included.
    pub fn all_nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let tests_of = |ix: &NodeIndex| self.unit_tests.get(ix).map_or(&[][..], Vec::as_slice).iter().copied();
        self.nodes.iter().flat_map(move |ix| tests_of(ix).chain([*ix]))
    }

    /// How many nodes of each kind there are, ephemeral models left out.
    #[must_use]
    pub fn counts(&self, manifest: &Manifest) -> Vec<(ResourceType, usize)> {
        let mut counts = BTreeMap::new();
        for ix in self.all_nodes().filter(|ix| !is_ephemeral(manifest, *ix)) {
            *counts.entry(manifest.node(ix).resource_type).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }
}

fn tested_model(manifest: &Manifest, ix: NodeIndex) -> Option<NodeIndex> {
    match &manifest.node(ix).kind {
        NodeKind::UnitTest(test) => test.tested_node.as_ref().and_then(|id| manifest.find(id.as_str())),
        _ => None,
    }
}

/// The selected nodes that each selected node waits for: its parents, and through parents that are not
/// selected, theirs.
fn selected_parents(manifest: &Manifest, selected: &NodeSet, with_tests: bool) -> HashMap<NodeIndex, Vec<NodeIndex>> {
    let mut parents: Vec<Vec<NodeIndex>> = manifest.indices().map(|ix| manifest.parents(ix).to_vec()).collect();
    if with_tests {
        add_test_edges(manifest, &mut parents);
    }
    let graph = Graph::new(parents);
    let mut nearest: Vec<BTreeSet<NodeIndex>> = vec![BTreeSet::new(); graph.len()];
    for ix in graph.parents_first() {
        let mut found = BTreeSet::new();
        for parent in graph.parents(ix) {
            if selected.contains(*parent) {
                found.insert(*parent);
            } else {
                found.extend(nearest[parent.as_usize()].iter().copied());
            }
        }
        nearest[ix.as_usize()] = found;
    }
    selected.iter().map(|ix| (ix, nearest[ix.as_usize()].iter().copied().collect())).collect()
}

/// Lets nodes wait for the tests of what they depend on.
///
/// A test of one node is waited for by that node's children. A test of several nodes is waited for by what depends
/// on all of them, so that no circle can come of it.
fn add_test_edges(manifest: &Manifest, parents: &mut [Vec<NodeIndex>]) {
    let mut added: Vec<(NodeIndex, NodeIndex)> = Vec::new();
    let can_wait = |ix: &NodeIndex| {
        let kind = manifest.node(*ix).resource_type;
        kind.is_manifest_node() && kind != ResourceType::Test
    };
    let tests = manifest.indices().filter(|ix| manifest.node(*ix).resource_type == ResourceType::Test);
    for test in tests {
        let tested: Vec<NodeIndex> = manifest.parents(test).to_vec();
        match tested.as_slice() {
            [] => {}
            [one] => added.extend(manifest.children(*one).iter().filter(|ix| can_wait(ix)).map(|ix| (*ix, test))),
            several => {
                added.extend(first_below_all(manifest, several).into_iter().filter(can_wait).map(|ix| (ix, test)))
            }
        }
    }
    for (node, test) in added {
        parents[node.as_usize()].push(test);
    }
}

/// The nodes that depend on all the given ones and have no parent that does.
fn first_below_all(manifest: &Manifest, tested: &[NodeIndex]) -> Vec<NodeIndex> {
    let mut below_all: Option<NodeSet> = None;
    for ix in tested {
        let below = below(manifest, *ix);
        match &mut below_all {
            Some(set) => set.intersect(&below),
            None => below_all = Some(below),
        }
    }
    let below_all = below_all.unwrap_or_default();
    below_all.iter().filter(|ix| !manifest.parents(*ix).iter().any(|parent| below_all.contains(*parent))).collect()
}

fn below(manifest: &Manifest, ix: NodeIndex) -> NodeSet {
    let mut set = NodeSet::new();
    let mut queue = vec![ix];
    while let Some(ix) = queue.pop() {
        queue.extend(manifest.children(ix).iter().filter(|child| set.insert(**child)));
    }
    set
}

/// The length of the longest way to each node from a node that waits for nothing.
fn depths(nodes: &[NodeIndex], parents: &HashMap<NodeIndex, Vec<NodeIndex>>) -> HashMap<NodeIndex, usize> {
    let place: HashMap<NodeIndex, usize> = nodes.iter().enumerate().map(|(place, ix)| (*ix, place)).collect();
    let local: Vec<Vec<NodeIndex>> = nodes
        .iter()
        .map(|ix| parents.get(ix).into_iter().flatten().map(|parent| NodeIndex::from_usize(place[parent])).collect())
        .collect();
    let graph = Graph::new(local);
    let mut depths = vec![0; nodes.len()];
    for ix in graph.parents_first() {
        let deepest = graph.parents(ix).iter().map(|parent| depths[parent.as_usize()] + 1).max();
        depths[ix.as_usize()] = deepest.unwrap_or(0);
    }
    nodes.iter().copied().zip(depths).collect()
}
