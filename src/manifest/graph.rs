//! The edges between nodes. The only user of petgraph.

use petgraph::algo;
use petgraph::graph::DiGraph;

use super::NodeIndex;

/// Parents and children of every node.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    parents: Vec<Vec<NodeIndex>>,
    children: Vec<Vec<NodeIndex>>,
}

impl Graph {
    /// Builds the graph from the parents of each node; repeated parents count once.
    #[must_use]
    pub fn new(mut parents: Vec<Vec<NodeIndex>>) -> Self {
        let mut children = vec![Vec::new(); parents.len()];
        for (ix, list) in parents.iter_mut().enumerate() {
            list.sort_unstable();
            list.dedup();
            for parent in list {
                children[parent.as_usize()].push(NodeIndex::from_usize(ix));
            }
        }
        Self { parents, children }
    }

    /// The parents of a node, in the order of their indices.
    #[must_use]
    pub fn parents(&self, ix: NodeIndex) -> &[NodeIndex] {
        self.parents.get(ix.as_usize()).map_or(&[], Vec::as_slice)
    }

    /// The children of a node, in the order of their indices.
    #[must_use]
    pub fn children(&self, ix: NodeIndex) -> &[NodeIndex] {
        self.children.get(ix.as_usize()).map_or(&[], Vec::as_slice)
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Every node after its parents; nodes that wait for the same come in the order of their indices. Nodes of
    /// circles, and what is below them, are left out.
    #[must_use]
    pub fn parents_first(&self) -> Vec<NodeIndex> {
        let mut waiting: Vec<usize> = self.parents.iter().map(Vec::len).collect();
        let mut order: Vec<NodeIndex> =
            (0..self.len()).filter(|ix| waiting[*ix] == 0).map(NodeIndex::from_usize).collect();
        let mut next = 0;
        while let Some(ix) = order.get(next).copied() {
            next += 1;
            for child in self.children(ix) {
                waiting[child.as_usize()] -= 1;
                if waiting[child.as_usize()] == 0 {
                    order.push(*child);
                }
            }
        }
        order
    }

    /// The circles, each as a path of nodes in which every node is a parent of the next and the last of the first.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<NodeIndex>> {
        let edges = self
            .parents
            .iter()
            .enumerate()
            .flat_map(|(ix, list)| list.iter().map(move |parent| (parent.as_usize(), ix)));
        let mut graph = DiGraph::<(), (), usize>::default();
        for _ in 0..self.len() {
            graph.add_node(());
        }
        for (from, to) in edges {
            graph.add_edge(from.into(), to.into(), ());
        }
        let components = algo::tarjan_scc(&graph);
        let mut cycles: Vec<_> = components.iter().filter_map(|component| self.cycle_in(component)).collect();
        cycles.sort();
        cycles
    }

    fn cycle_in(&self, component: &[petgraph::graph::NodeIndex<usize>]) -> Option<Vec<NodeIndex>> {
        let members: Vec<_> = component.iter().map(|ix| NodeIndex::from_usize(ix.index())).collect();
        let start = *members.iter().min()?;
        if members.len() == 1 {
            return self.children(start).contains(&start).then(|| vec![start]);
        }
        // The shortest way round from the first node: breadth first within the component.
        let mut came_from = std::collections::BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(ix) = queue.pop_front() {
            for child in self.children(ix).iter().filter(|child| members.contains(child)) {
                if *child == start {
                    return Some(path_back(&came_from, start, ix));
                }
                if !came_from.contains_key(child) {
                    came_from.insert(*child, ix);
                    queue.push_back(*child);
                }
            }
        }
        None
    }
}

fn path_back(
    came_from: &std::collections::BTreeMap<NodeIndex, NodeIndex>,
    start: NodeIndex,
    end: NodeIndex,
) -> Vec<NodeIndex> {
    let mut path = vec![end];
    let mut ix = end;
    while ix != start {
        ix = came_from[&ix];
        path.push(ix);
    }
    path.reverse();
    path
}

/// A set of nodes of one manifest, iterated in the order of their indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSet {
    words: Vec<u64>,
}

impl NodeSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node; tells whether it was new.
    pub fn insert(&mut self, ix: NodeIndex) -> bool {
        let (word, bit) = (ix.as_usize() / 64, 1 << (ix.as_usize() % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        is_new
    }

    /// Removes a node.
    pub fn remove(&mut self, ix: NodeIndex) {
        if let Some(word) = self.words.get_mut(ix.as_usize() / 64) {
            *word &= !(1 << (ix.as_usize() % 64));
        }
    }

    /// Tells whether a node is in the set.
    #[must_use]
    pub fn contains(&self, ix: NodeIndex) -> bool {
        self.words.get(ix.as_usize() / 64).is_some_and(|word| word & (1 << (ix.as_usize() % 64)) != 0)
    }

    /// Adds all nodes of another set.
    pub fn union(&mut self, other: &Self) {
        self.words.resize(self.words.len().max(other.words.len()), 0);
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word |= theirs;
        }
    }

    /// Keeps the nodes that are in both sets.
    pub fn intersect(&mut self, other: &Self) {
        for (ix, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(ix).copied().unwrap_or(0);
        }
    }

    /// Removes the nodes of another set.
    pub fn subtract(&mut self, other: &Self) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= !theirs;
        }
    }

    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no node is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Goes over the nodes in order.
    pub fn iter(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.words.iter().enumerate().flat_map(|(ix, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| NodeIndex::from_usize(ix * 64 + bit))
        })
    }
}

impl FromIterator<NodeIndex> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeIndex>>(iter: I) -> Self {
        let mut set = Self::new();
        for ix in iter {
            set.insert(ix);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ix(n: usize) -> NodeIndex {
        NodeIndex::from_usize(n)
    }

    #[test]
    fn a_circle_is_found_with_its_path() {
        let graph = Graph::new(vec![vec![ix(2)], vec![ix(0)], vec![ix(1)], vec![ix(0)]]);
        assert_eq!(graph.cycles(), vec![vec![ix(0), ix(1), ix(2)]]);
    }

    #[test]
    fn sets_combine() {
        let mut set: NodeSet = [ix(1), ix(70), ix(3)].into_iter().collect();
        set.subtract(&[ix(3)].into_iter().collect());
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![ix(1), ix(70)]);
        assert_eq!(set.len(), 2);
    }
}
