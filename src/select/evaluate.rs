//! From a selection to nodes: relatives, set operations, and tests that come along with their parents.

use serde_json::json;

use super::grammar::{Criterion, Depth, Group, Spec};
use super::methods::{self, Method, Search};
use super::{Indirect, Reach};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, did_you_mean};
use crate::manifest::{Manifest, NodeIndex, NodeKind, NodeSet, ResourceType};

/// Selected nodes, and tests that may be selected once all their parents are.
struct Found {
    direct: NodeSet,
    indirect: NodeSet,
}

/// Works out one selection.
pub(super) struct Evaluation<'a> {
    pub(super) search: Search<'a>,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Evaluation<'_> {
    /// Finds the nodes of a selection.
    pub(super) fn nodes(&mut self, spec: &Spec) -> Result<NodeSet, Box<Diagnostic>> {
        self.find(spec).map(|found| found.direct)
    }

    fn find(&mut self, spec: &Spec) -> Result<Found, Box<Diagnostic>> {
        let (group, combine): (&Group, fn(&mut NodeSet, &NodeSet)) = match spec {
            Spec::One(criterion) => return self.criterion(criterion),
            Spec::Union(group) => (group, NodeSet::union),
            Spec::Intersection(group) => (group, NodeSet::intersect),
            Spec::Difference(group) => (group, NodeSet::subtract),
        };
        let mut direct: Option<NodeSet> = None;
        let mut either: Option<NodeSet> = None;
        for part in &group.parts {
            let mut found = self.find(part)?;
            found.indirect.union(&found.direct);
            for (whole, set) in [(&mut direct, found.direct), (&mut either, found.indirect)] {
                match whole {
                    Some(whole) => combine(whole, &set),
                    None => *whole = Some(set),
                }
            }
        }
        let indirect = either.unwrap_or_default();
        let direct = self.complete(direct.unwrap_or_default(), &indirect, group.indirect);
        if let Some(raw) = group.raw.as_ref().filter(|_| direct.is_empty()) {
            let warning = self.nothing_found(raw, &group.parts)?;
            self.diagnostics.push(warning);
        }
        Ok(Found { direct, indirect })
    }

    fn criterion(&mut self, criterion: &Criterion) -> Result<Found, Box<Diagnostic>> {
        let named = match criterion.method {
            Method::Selector => {
                let selectors = self.search.selectors;
                self.nodes(selectors.spec(&criterion.value)?)?
            }
            _ => methods::find(&self.search, criterion, self.diagnostics)?,
        };
        let mut selected = named.clone();
        if criterion.method == Method::Column {
            self.follow_column(criterion, &mut selected)?;
            return Ok(self.with_tests(selected, Indirect::Empty));
        }
        if criterion.has_childrens_parents {
            let mut family = self.relatives(&named, None, Manifest::children);
            family.union(&named);
            selected.union(&self.relatives(&family, None, Manifest::parents));
            selected.union(&family);
        }
        if let Some(depth) = criterion.parents {
            selected.union(&self.relatives(&named, depth, Manifest::parents));
        }
        if let Some(depth) = criterion.children {
            selected.union(&self.relatives(&named, depth, Manifest::children));
        }
        Ok(self.with_tests(selected, criterion.indirect))
    }

    /// Adds what a column comes from and goes to. Tests that do not read the column do not come along.
    fn follow_column(&self, criterion: &Criterion, selected: &mut NodeSet) -> Result<(), Box<Diagnostic>> {
        let ways = [criterion.parents.map(Reach::Upstream), criterion.children.map(Reach::Downstream)];
        for reach in ways.into_iter().flatten() {
            selected.union(&self.search.outside.column(&criterion.value, reach)?);
        }
        Ok(())
    }

    /// The nodes that can be reached in at most so many steps.
    fn relatives(
        &self,
        from: &NodeSet,
        depth: Depth,
        next: for<'m> fn(&'m Manifest, NodeIndex) -> &'m [NodeIndex],
    ) -> NodeSet {
        let mut found = NodeSet::new();
        let mut layer: Vec<NodeIndex> = from.iter().collect();
        let mut n_steps = 0;
        while !layer.is_empty() && depth.is_none_or(|depth| n_steps < depth) {
            let reached = layer.iter().flat_map(|ix| next(self.search.manifest, *ix)).copied();
            layer = reached.filter(|ix| found.insert(*ix)).collect();
            n_steps += 1;
        }
        found
    }

    /// Adds the tests of selected nodes, by the mode.
    fn with_tests(&self, selected: NodeSet, indirect: Indirect) -> Found {
        let mut found = Found { direct: selected.clone(), indirect: NodeSet::new() };
        if indirect == Indirect::Empty {
            return found;
        }
        let available = self.available(&selected, indirect);
        for ix in selected.iter() {
            for child in self.search.manifest.children(ix).iter().copied().filter(|child| self.is_test(*child)) {
                if indirect == Indirect::Eager || self.has_all_parents(child, &available) {
                    found.direct.insert(child);
                } else {
                    found.indirect.insert(child);
                }
            }
        }
        found
    }

    /// What the parents of a test may be among: in buildable mode everything above the selected nodes, too.
    fn available(&self, selected: &NodeSet, indirect: Indirect) -> NodeSet {
        let mut available = selected.clone();
        if indirect == Indirect::Buildable {
            available.union(&self.relatives(selected, None, Manifest::parents));
            let is_source = |ix: &NodeIndex| self.search.manifest.node(*ix).resource_type == ResourceType::Source;
            available.union(&self.search.manifest.indices().filter(is_source).collect());
        }
        available
    }

    /// Adds tests that were waiting, now that sets were combined.
    fn complete(&self, mut direct: NodeSet, waiting: &NodeSet, indirect: Indirect) -> NodeSet {
        if !matches!(indirect, Indirect::Cautious | Indirect::Buildable) {
            return direct;
        }
        let mut available = direct.clone();
        if indirect == Indirect::Buildable {
            available.union(&self.relatives(&direct, None, Manifest::parents));
        }
        for ix in waiting.iter().filter(|ix| self.search.manifest.node(*ix).resource_type.is_manifest_node()) {
            if self.has_all_parents(ix, &available) {
                direct.insert(ix);
            }
        }
        direct
    }

    fn is_test(&self, ix: NodeIndex) -> bool {
        matches!(self.search.manifest.node(ix).kind, NodeKind::Test(_) | NodeKind::UnitTest(_))
    }

    fn has_all_parents(&self, ix: NodeIndex, available: &NodeSet) -> bool {
        self.search.manifest.parents(ix).iter().all(|parent| available.contains(*parent))
    }

    fn nothing_found(&mut self, raw: &str, parts: &[Spec]) -> Result<Diagnostic, Box<Diagnostic>> {
        let message = format!("the selection criterion `{raw}` does not match any enabled nodes");
        let event = DbtEvent::new(("NoNodesForSelectionCriteria", "M030"), json!({"spec_raw": raw}));
        let mut warning = Diagnostic::warning(Code::NothingSelected, message).with_event(event);
        for part in parts {
            let Spec::One(criterion) = part else { continue };
            if methods::find(&self.search, criterion, self.diagnostics)?.is_empty() {
                warning = warning.maybe_hint(self.hint(criterion));
            }
        }
        Ok(warning)
    }

    fn hint(&self, criterion: &Criterion) -> Option<String> {
        let nodes = || self.search.manifest.nodes.iter();
        let value = criterion.value.as_str();
        match criterion.method {
            Method::Fqn if self.search.manifest.disabled.iter().any(|node| node.name == value) => {
                Some(format!("`{value}` is disabled"))
            }
            Method::Fqn => did_you_mean(value, nodes().map(|node| node.name.as_str())),
            Method::Tag => did_you_mean(value, nodes().flat_map(|node| &node.tags).map(String::as_str)),
            Method::Package => did_you_mean(value, nodes().map(|node| node.package.as_str())),
            Method::Group => did_you_mean(value, self.search.manifest.groups.values().map(|group| group.name.as_str())),
            Method::Source => did_you_mean(
                value,
                nodes().filter_map(|node| match &node.kind {
                    NodeKind::Source(def) => Some(def.source_name.as_str()),
                    _ => None,
                }),
            ),
            Method::Path => Some("paths count from the project's folder, such as `models/staging`".to_owned()),
            _ => None,
        }
    }
}
