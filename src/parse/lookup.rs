//! Finding nodes by the names that refs and sources use.

use std::collections::HashMap;

use serde_json::Value as Data;

use super::properties::text_of;
use crate::manifest::{Node, NodeKind, RefCall, ResourceType};
use crate::project::Project;

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An enabled node, by its place among the nodes.
    Node(usize),
    /// A disabled one.
    Disabled,
    /// Nothing.
    Nothing,
}

/// Names of one kind of thing in each package.
#[derive(Debug, Default)]
struct Names {
    by_name: HashMap<String, Vec<(String, usize)>>,
    /// Those of other projects, which only their project's name leads to.
    external: HashMap<String, Vec<(String, usize)>>,
}

impl Names {
    fn add(&mut self, name: String, package: &str, place: usize) {
        self.by_name.entry(name).or_default().push((package.to_owned(), place));
    }

    /// Looks in one package, or in the first that has the name.
    fn find(&self, name: &str, package: Option<&str>) -> Option<usize> {
        let found = self.by_name.get(name).into_iter().flatten();
        let external = self.external.get(name).into_iter().flatten();
        match package {
            Some(package) => found.chain(external).find(|(own, _)| own == package).map(|(_, place)| *place),
            None => found.map(|(_, place)| *place).next(),
        }
    }
}

/// All names of a project.
pub(super) struct Lookup<'a> {
    project: &'a Project,
    refs: Names,
    disabled_refs: Names,
    others: HashMap<ResourceType, (Names, Names)>,
}

impl<'a> Lookup<'a> {
    /// Indexes the names of all nodes.
    pub(super) fn new(project: &'a Project, nodes: &[Box<Node>], disabled: &[Box<Node>]) -> Self {
        let mut lookup =
            Self { project, refs: Names::default(), disabled_refs: Names::default(), others: HashMap::new() };
        for (place, node) in nodes.iter().enumerate() {
            lookup.add(node, place, true);
        }
        for (place, node) in disabled.iter().enumerate() {
            lookup.add(node, place, false);
        }
        lookup
    }

    fn add(&mut self, node: &Node, place: usize, is_enabled: bool) {
        if node.resource_type.is_refable() {
            let names = if is_enabled { &mut self.refs } else { &mut self.disabled_refs };
            let names = if node.is_external() { &mut names.external } else { &mut names.by_name };
            let mut add = |name: String| names.entry(name).or_default().push((node.package.clone(), place));
            if let Some(version) = &node.version {
                add(versioned(&node.name, version));
            }
            if node.version.is_none() || node.version == node.latest_version {
                add(node.name.clone());
            }
            return;
        }
        let name = match &node.kind {
            NodeKind::Source(source) => format!("{}.{}", source.source_name, node.name),
            _ => node.name.clone(),
        };
        let (enabled, disabled) = self.others.entry(node.resource_type).or_default();
        if is_enabled { enabled } else { disabled }.add(name, &node.package, place);
    }

    /// The packages in which a name is looked for, in order; `None` stands for all.
    fn packages<'p>(&'p self, node_package: &'p str, asked: Option<&'p str>) -> Vec<Option<&'p str>> {
        match asked {
            Some(package) => vec![Some(package)],
            None => self.project.search_order(node_package).into_iter().map(Some).chain([None]).collect(),
        }
    }

    /// Finds what a ref means within a package.
    pub(super) fn find_ref(&self, call: &RefCall, node_package: &str) -> Found {
        let name = call.version.as_ref().map_or_else(|| call.name.clone(), |version| versioned(&call.name, version));
        self.find_in(&self.refs, &self.disabled_refs, &name, node_package, call.package.as_deref())
    }

    /// Finds a source table within a package.
    pub(super) fn find_source(&self, source: &str, table: &str, node_package: &str) -> Found {
        self.find_other(ResourceType::Source, &format!("{source}.{table}"), node_package, None)
    }

    /// Finds a metric, function, semantic model or the like.
    pub(super) fn find_other(&self, kind: ResourceType, name: &str, node_package: &str, asked: Option<&str>) -> Found {
        match self.others.get(&kind) {
            Some((enabled, disabled)) => self.find_in(enabled, disabled, name, node_package, asked),
            None => Found::Nothing,
        }
    }

    fn find_in(&self, enabled: &Names, disabled: &Names, name: &str, node_package: &str, asked: Option<&str>) -> Found {
        let packages = self.packages(node_package, asked);
        if let Some(place) = packages.iter().find_map(|package| enabled.find(name, *package)) {
            return Found::Node(place);
        }
        if packages.iter().any(|package| disabled.find(name, *package).is_some()) {
            return Found::Disabled;
        }
        Found::Nothing
    }

    /// The names that refs may use, for suggestions.
    pub(super) fn ref_names(&self) -> impl Iterator<Item = &str> {
        self.refs.by_name.keys().map(String::as_str)
    }

    /// The versions of a model of that name, for suggestions.
    pub(super) fn versions_of(&self, name: &str) -> Vec<&str> {
        let known = self.refs.by_name.keys();
        let mut versions: Vec<&str> = known.filter_map(|known| known.strip_prefix(name)?.strip_prefix(".v")).collect();
        versions.sort_unstable();
        versions
    }

    /// The names of the sources' tables (`source.table`), for suggestions.
    pub(super) fn source_names(&self) -> impl Iterator<Item = &str> {
        self.other_names(ResourceType::Source)
    }

    /// The names of a kind of thing that is not for refs, for suggestions.
    pub(super) fn other_names(&self, kind: ResourceType) -> impl Iterator<Item = &str> {
        self.others.get(&kind).into_iter().flat_map(|(names, _)| names.by_name.keys().map(String::as_str))
    }
}

fn versioned(name: &str, version: &Data) -> String {
    format!("{name}.v{}", text_of(version).unwrap_or_default())
}
