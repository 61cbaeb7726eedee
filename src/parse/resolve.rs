//! References become edges; what cannot be, is reported.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value as Data, json};

use super::lookup::{Found, Lookup};
use super::properties::text_of;
use super::{Setup, upstream};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, Span, did_you_mean};
use crate::manifest::{Graph, Node, NodeIndex, NodeKind, Nodes, RefCall, ResourceType, UniqueId};

/// Fills the parents of all nodes.
pub(super) fn resolve(
    setup: &Setup<'_>,
    nodes: &mut [Box<Node>],
    disabled: &mut [Box<Node>],
    diagnostics: &mut Diagnostics,
) {
    let lookup = Lookup::new(setup.project, nodes, disabled);
    attach_tests(&lookup, nodes, disabled);
    let mut resolved = Vec::with_capacity(nodes.len());
    for node in nodes.iter() {
        let mut resolver =
            Resolver { setup, lookup: &lookup, nodes, node, parents: Vec::new(), is_broken: false, diagnostics };
        resolver.run();
        resolved.push((resolver.parents, resolver.is_broken));
    }
    for (node, (parents, is_broken)) in nodes.iter_mut().zip(resolved) {
        node.parents = parents;
        if is_broken {
            node.config.set("enabled", json!(false));
        }
    }
}

/// Generic tests learn which node they are declared on, and inherit its group.
fn attach_tests(lookup: &Lookup, nodes: &mut [Box<Node>], disabled: &mut [Box<Node>]) {
    let all = nodes.iter().chain(disabled.iter());
    let targets: Vec<Option<(UniqueId, Option<String>)>> =
        all.map(|node| test_target(lookup, node, nodes, disabled)).collect();
    for (node, target) in nodes.iter_mut().chain(disabled).zip(targets) {
        if node.resource_type == ResourceType::Test {
            node.version = None;
        }
        if let (NodeKind::Test(test), Some((id, group))) = (&mut node.kind, target) {
            test.attached_node = Some(id);
            node.group = group;
        }
    }
}

fn test_target(
    lookup: &Lookup,
    node: &Node,
    nodes: &[Box<Node>],
    disabled: &[Box<Node>],
) -> Option<(UniqueId, Option<String>)> {
    let NodeKind::Test(test) = &node.kind else { return None };
    let (list, name) = test.file_key_name.as_deref()?.split_once('.')?;
    if list == "sources" {
        return None;
    }
    let version = node.version.clone();
    let call = RefCall { package: Some(node.package.clone()), name: name.to_owned(), version, span: None };
    match lookup.find_ref(&call, &node.package) {
        Found::Node(place) => Some((nodes[place].unique_id.clone(), nodes[place].group.clone())),
        Found::Disabled => disabled
            .iter()
            .find(|other| other.name == name && other.resource_type.is_refable())
            .map(|other| (other.unique_id.clone(), other.group.clone())),
        Found::Nothing => None,
    }
}

struct Resolver<'a, 'd> {
    setup: &'a Setup<'a>,
    lookup: &'a Lookup<'a>,
    nodes: &'a [Box<Node>],
    node: &'a Node,
    parents: Vec<NodeIndex>,
    is_broken: bool,
    diagnostics: &'d mut Diagnostics,
}

/// What a reference names, for the message that it does not exist.
struct Missing<'a> {
    kind: &'a str,
    name: &'a str,
    package: Option<&'a str>,
    version: Option<String>,
    span: Option<Span>,
}

impl Resolver<'_, '_> {
    fn run(&mut self) {
        if self.node.resource_type == ResourceType::Seed {
            return;
        }
        for (source, table) in &self.node.source_calls {
            match self.lookup.find_source(source, table, &self.node.package) {
                Found::Node(place) => self.add(place),
                found => self.missing_source(source, table, found),
            }
        }
        for call in &self.node.refs {
            match self.lookup.find_ref(call, &self.node.package) {
                Found::Node(place) => {
                    self.check_access(place, call);
                    self.add(place);
                }
                found => self.missing_ref(call, found),
            }
        }
        self.resolve_others(ResourceType::Metric, &self.node.metric_calls);
        self.resolve_others(ResourceType::Function, &self.node.function_calls);
    }

    fn resolve_others(&mut self, kind: ResourceType, calls: &[Vec<String>]) {
        for (place, call) in calls.iter().enumerate() {
            if calls[..place].contains(call) {
                continue;
            }
            let (package, name) = match call.as_slice() {
                [name] => (None, name),
                [package, name] => (Some(package.as_str()), name),
                _ => continue,
            };
            match self.lookup.find_other(kind, name, &self.node.package, package) {
                Found::Node(place) => self.add(place),
                found => {
                    let missing = Missing { kind: kind.as_str(), name, package, version: None, span: None };
                    let hint = did_you_mean(name, self.lookup.other_names(kind));
                    let error = self.missing(&missing, found).maybe_hint(hint.filter(|_| found == Found::Nothing));
                    self.report(error, found);
                }
            }
        }
    }

    fn add(&mut self, place: usize) {
        let ix = NodeIndex::from_usize(place);
        if !self.parents.contains(&ix) {
            self.parents.push(ix);
        }
    }

    fn missing_ref(&mut self, call: &RefCall, found: Found) {
        let span = call.span.or_else(|| find_text(self.node, &call.name)).unwrap_or(self.node.span);
        if let Some(error) = upstream::missing(self.setup, self.node, call, span) {
            return self.report(error, found);
        }
        let missing = Missing {
            kind: "node",
            name: &call.name,
            package: call.package.as_deref(),
            version: call.version.as_ref().and_then(text_of),
            span: call.span,
        };
        let mut error = self.missing(&missing, found);
        if found == Found::Nothing {
            let elsewhere = upstream::hint(self.setup, call);
            error = error.maybe_hint(elsewhere.or_else(|| did_you_mean(&call.name, self.lookup.ref_names())));
        } else {
            error = error.hint(format!("enable `{}`, or remove the ref", call.name));
        }
        self.report(error, found);
    }

    fn missing_source(&mut self, source: &str, table: &str, found: Found) {
        let name = format!("{source}.{table}");
        let missing = Missing { kind: "source", name: &name, package: None, version: None, span: None };
        let mut error = self.missing(&missing, found);
        error.code = if found == Found::Disabled { Code::DisabledRef } else { Code::UnknownSource };
        let hint = did_you_mean(&name, self.lookup.source_names());
        error = error.hint(hint.unwrap_or_else(|| "declare it in a property file under `sources:`".to_owned()));
        self.report(error, found);
    }

    fn missing(&self, missing: &Missing<'_>, found: Found) -> Diagnostic {
        let (node, kind, name) = (self.node, missing.kind, missing.name);
        let (code, why) = match found {
            Found::Disabled => (Code::DisabledRef, "is disabled"),
            _ => (Code::UnknownRef, "was not found"),
        };
        let version = missing.version.as_ref().map(|version| format!(" with version '{version}'")).unwrap_or_default();
        let package = missing.package.map(|package| format!(" in package '{package}'")).unwrap_or_default();
        let message = format!(
            "{} '{}' ({}) depends on a {kind} named '{name}'{version}{package} which {why}",
            title(node.resource_type),
            node.unique_id,
            node.original_file_path
        );
        let mut error = Diagnostic::error(code, message);
        let own = missing.span.or_else(|| find_text(node, name)).map(|span| Label::new(&node.file, span));
        error.at = own.or_else(|| in_properties(node, name)).or_else(|| Some(Label::new(&node.file, node.span)));
        let versions = if missing.version.is_some() { self.lookup.versions_of(name) } else { Vec::new() };
        let hint = format!("`{name}` has these versions: {}", versions.join(", "));
        if versions.is_empty() { error } else { error.hint(hint) }
    }

    /// A test of something that is missing or disabled is left out with a warning; anything else is an error.
    fn report(&mut self, mut error: Diagnostic, found: Found) {
        self.is_broken = true;
        if self.node.resource_type == ResourceType::Test {
            if found == Found::Disabled {
                return;
            }
            error.severity = crate::diagnostic::Severity::Warning;
        }
        self.diagnostics.push(error);
    }

    fn check_access(&mut self, place: usize, call: &RefCall) {
        let (node, target) = (self.node, &self.nodes[place]);
        if target.resource_type != ResourceType::Model {
            return;
        }
        let owner = self.setup.project.package(&target.package);
        let is_root = target.package == self.setup.project.root().config.name;
        let is_restricted = !is_root && owner.is_some_and(|package| package.config.restrict_access);
        let is_outside = node.package != target.package;
        let denied = match target.access.as_deref() {
            Some("private") => {
                let same_group = node.group.is_some() && node.group == target.group;
                (!same_group || (is_restricted && is_outside))
                    .then(|| format!("private to the '{}' group", target.group.as_deref().unwrap_or_default()))
            }
            Some("protected") if is_outside && is_restricted => {
                Some(format!("protected to the '{}' package", target.package))
            }
            _ => None,
        };
        if let Some(why) = denied {
            let message = format!(
                "Node {} attempted to reference node {}, which is not allowed because the referenced node is {why}.",
                node.unique_id, target.unique_id
            );
            let span = call.span.or_else(|| find_text(node, &call.name)).unwrap_or(node.span);
            let error = Diagnostic::error(Code::AccessDenied, message).at(&node.file, span);
            let hint = match is_outside {
                true => "its package keeps it to itself (`restrict-access`); there, it would have to be `public`",
                false => "put both models into one group, or make the referenced one `protected` or `public`",
            };
            self.diagnostics.push(error.hint(hint));
        }
    }
}

/// Where a name stands in the node's own text, for calls whose place is not known.
fn find_text(node: &Node, name: &str) -> Option<Span> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let from = if node.span.end > node.span.start { node.span.start as usize } else { 0 };
    let found = name_in(node.file.text().get(from..)?, last)?;
    Some(Span::new(from + found.start, from + found.end))
}

/// Where a text has a name between quotes.
fn name_in(text: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let at = text.find(&format!("'{name}'")).or_else(|| text.find(&format!("\"{name}\"")))?;
    Some(at..at + name.len() + 2)
}

/// Where a node's entry in a property file names something: the target of a foreign key, for example.
fn in_properties(node: &Node, name: &str) -> Option<Label> {
    let declared = node.declared.as_ref()?;
    let from = declared.span.start as usize;
    let found = name_in(declared.file.text().get(from..)?, name)?;
    Some(Label::new(&declared.file, Span::new(from + found.start, from + found.end)))
}

fn title(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Model => "Model",
        ResourceType::Seed => "Seed",
        ResourceType::Snapshot => "Snapshot",
        ResourceType::Analysis => "Analysis",
        ResourceType::Test => "Test",
        ResourceType::UnitTest => "Unit Test",
        ResourceType::Operation => "Operation",
        ResourceType::Source => "Source",
        ResourceType::Exposure => "Exposure",
        ResourceType::Metric => "Metric",
        ResourceType::SemanticModel => "Semantic Model",
        ResourceType::SavedQuery => "Saved Query",
        ResourceType::Function => "Function",
    }
}

/// Reports two nodes of one name, and two that would write one relation. Returns the nodes to keep.
pub(super) fn without_duplicates(mut nodes: Nodes, diagnostics: &mut Diagnostics) -> Nodes {
    let mut first: HashMap<&UniqueId, &Node> = HashMap::with_capacity(nodes.len());
    let mut is_kept = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let earlier = first.get(&node.unique_id);
        is_kept.push(earlier.is_none());
        if let Some(earlier) = earlier {
            diagnostics.push(duplicate_name(earlier, node));
        } else {
            first.insert(&node.unique_id, node);
        }
    }
    // In place: nodes are many and large.
    let mut is_kept = is_kept.into_iter();
    nodes.retain(|_| is_kept.next().unwrap_or(true));
    nodes
}

/// The error of two nodes of one name.
pub(super) fn duplicate_name(first: &Node, second: &Node) -> Diagnostic {
    let kind = first.resource_type;
    let kinds = match kind {
        _ if kind != second.resource_type => "resources".to_owned(),
        ResourceType::Test => "data_tests".to_owned(),
        ResourceType::Analysis => "analyses".to_owned(),
        ResourceType::SavedQuery => "saved_queries".to_owned(),
        _ => format!("{}s", kind.as_str()),
    };
    let message = format!(
        "dbt found two {kinds} with the name \"{}\". Since these resources have the same name, dbt will be unable to find the correct resource when looking for {}. To fix this, change the name of one of these resources:\n- {} ({})\n- {} ({})",
        first.name,
        if kind.is_refable() { format!("ref(\"{}\")", first.name) } else { format!("\"{}\"", first.name) },
        first.unique_id,
        first.original_file_path,
        second.unique_id,
        second.original_file_path
    );
    let other = Label::new(&first.file, first.span).with_text("the other one");
    Diagnostic::error(Code::DuplicateName, message)
        .at(&second.file, second.span)
        .related(other)
        .hint("rename one of the two")
}

/// Reports nodes that would write the same relation.
pub(super) fn check_relations(nodes: &[Box<Node>], diagnostics: &mut Diagnostics) {
    let mut writers: BTreeMap<&str, &Node> = BTreeMap::new();
    for node in nodes {
        let is_relational = node.resource_type.is_refable() && node.config.materialized() != "ephemeral";
        let Some(relation) = node.relation_name.as_deref().filter(|_| is_relational) else { continue };
        if let Some(first) = writers.insert(relation, node) {
            let message = format!(
                "dbt found two resources with the database representation \"{relation}\".\ndbt cannot create two resources with identical database representations. To fix this,\nchange the configuration of one of these resources:\n- {} ({})\n- {} ({})",
                first.unique_id, first.original_file_path, node.unique_id, node.original_file_path
            );
            let other = Label::new(&first.file, first.span).with_text("the other writer");
            let error = Diagnostic::error(Code::DuplicateRelation, message).at(&node.file, node.span).related(other);
            diagnostics.push(error.hint("give one of the two another `alias` or `schema`"));
        }
    }
}

/// Builds the graph and reports its circles.
pub(super) fn graph(nodes: &[Box<Node>], diagnostics: &mut Diagnostics) -> Graph {
    let graph = Graph::new(nodes.iter().map(|node| node.parents.clone()).collect());
    for cycle in graph.cycles() {
        let mut path: Vec<&str> = cycle.iter().map(|ix| nodes[ix.as_usize()].unique_id.as_str()).collect();
        path.push(path[0]);
        let (first, last) = (&nodes[cycle[0].as_usize()], &nodes[cycle[cycle.len() - 1].as_usize()]);
        let call = first.refs.iter().find(|call| call.name == last.name);
        let span = call.and_then(|call| call.span).or_else(|| find_text(first, &last.name)).unwrap_or(first.span);
        let error =
            Diagnostic::error(Code::Cycle, format!("Found a cycle: {}", path.join(" --> "))).at(&first.file, span);
        diagnostics.push(error.hint("break the circle at the edge that reads the least"));
    }
    graph
}

/// Infers the primary key of each model from its constraints and tests.
pub(super) fn primary_keys(nodes: &mut [Box<Node>], disabled: &[Box<Node>]) {
    let mut tests: HashMap<UniqueId, TestedColumns> = HashMap::new();
    for node in nodes.iter().chain(disabled) {
        if let NodeKind::Test(test) = &node.kind
            && let (Some(metadata), Some(attached)) = (&test.metadata, &test.attached_node)
        {
            tests.entry(attached.clone()).or_default().add(&metadata.name, &metadata.kwargs, node.config.is_enabled());
        }
    }
    for node in nodes.iter_mut() {
        let mut key = primary_key(node, tests.get(&node.unique_id));
        key.sort();
        if let NodeKind::Model(extra) = &mut node.kind {
            extra.insert("primary_key".to_owned(), json!(key));
        }
    }
}

#[derive(Default)]
struct TestedColumns {
    unique: Vec<String>,
    disabled_unique: Vec<String>,
    not_null: Vec<String>,
}

impl TestedColumns {
    fn add(&mut self, test: &str, kwargs: &serde_json::Map<String, Data>, is_enabled: bool) {
        let columns: Vec<String> = match (kwargs.get("column_name"), kwargs.get("combination_of_columns")) {
            (Some(Data::String(column)), _) => vec![column.clone()],
            (_, Some(Data::Array(columns))) => {
                columns.iter().filter_map(|column| column.as_str().map(str::to_owned)).collect()
            }
            _ => return,
        };
        let list = match (test, is_enabled) {
            ("unique" | "unique_combination_of_columns", true) => &mut self.unique,
            ("unique" | "unique_combination_of_columns", false) => &mut self.disabled_unique,
            ("not_null", _) => &mut self.not_null,
            _ => return,
        };
        for column in columns {
            if !list.contains(&column) {
                list.push(column);
            }
        }
    }
}

fn primary_key(node: &Node, tests: Option<&TestedColumns>) -> Vec<String> {
    let is_key = |constraint: &&Data| constraint.get("type").and_then(Data::as_str) == Some("primary_key");
    if let Some(constraint) = node.constraints.iter().find(is_key) {
        let columns = constraint.get("columns").and_then(Data::as_array);
        return columns.into_iter().flatten().filter_map(|column| column.as_str().map(str::to_owned)).collect();
    }
    if let Some(column) =
        node.columns.values().find(|column| column.constraints.iter().any(|constraint| is_key(&constraint)))
    {
        return vec![column.name.clone()];
    }
    let Some(tests) = tests else { return Vec::new() };
    let is_unique = |column: &&String| tests.unique.contains(column) || tests.disabled_unique.contains(column);
    let both: Vec<String> = tests.not_null.iter().filter(is_unique).cloned().collect();
    [both, tests.unique.clone(), tests.disabled_unique.clone()]
        .into_iter()
        .find(|list| !list.is_empty())
        .unwrap_or_default()
}
