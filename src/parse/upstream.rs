//! Other projects, known by their manifests: their public models become nodes that are read and never built.
//!
//! Reading the manifests is the caller's affair.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value as Data, json};

use super::Setup;
use super::properties::text_of;
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};
use crate::manifest::{Column, Node, NodeIndex, NodeKind, Nodes, RefCall, ResourceType, UniqueId};
use crate::project::DeclaredProject;
use crate::state::{PreviousManifest, PreviousNode};

/// Another project.
pub struct Upstream {
    /// How it is declared.
    pub declared: DeclaredProject,
    /// Its manifest; `None` if it is not said where that is.
    pub manifest: Option<PreviousManifest>,
}

impl Upstream {
    /// The project's own models.
    fn models(&self) -> impl Iterator<Item = (&String, &PreviousNode)> {
        let nodes = self.manifest.iter().flat_map(|manifest| &manifest.nodes);
        nodes.filter(|(_, node)| node.resource_type == "model" && node.package_name == self.declared.name)
    }

    /// The models that refs may name.
    fn public(&self) -> impl Iterator<Item = (&String, &PreviousNode)> {
        self.models().filter(|(_, node)| node.access.as_deref() == Some("public") && !is_ephemeral(node))
    }
}

fn is_ephemeral(node: &PreviousNode) -> bool {
    node.config.get("materialized").and_then(Data::as_str) == Some("ephemeral")
}

/// Makes the nodes of all public models of other projects.
pub(super) fn nodes(setup: &Setup<'_>) -> Nodes {
    let of = |upstream| Upstream::public(upstream).map(move |(id, model)| node(setup, upstream, id, model));
    setup.upstream.iter().flat_map(of).map(Box::new).collect()
}

fn node(setup: &Setup<'_>, upstream: &Upstream, id: &str, model: &PreviousNode) -> Node {
    let given = |version: &Data| (!version.is_null()).then(|| version.clone());
    let mut node =
        Node::blank(ResourceType::Model, &upstream.declared.name, &model.name, upstream.declared.file.clone());
    node.unique_id = UniqueId::new(id);
    node.span = upstream.declared.span;
    node.fqn = vec![node.package.clone(), node.name.clone()];
    node.version = given(&model.version);
    node.latest_version = given(&model.latest_version);
    node.fqn.extend(node.version.as_ref().and_then(text_of).map(|version| format!("v{version}")));
    node.database.clone_from(&model.database);
    node.schema.clone_from(&model.schema);
    node.alias = model.alias.clone().unwrap_or_else(|| model.name.clone());
    node.relation_name.clone_from(&model.relation_name);
    node.access = Some("public".to_owned());
    node.deprecation_date.clone_from(&model.deprecation_date);
    node.constraints.clone_from(&model.constraints);
    node.checksum.name = "sha256".to_owned();
    node.checksum.checksum = super::sha256_of(id).checksum;
    node.created_at = setup.created_at;
    for (key, value) in [("enabled", json!(true)), ("materialized", json!("view")), ("access", json!("public"))] {
        node.config.set(key, value);
    }
    for key in ["tags", "meta"] {
        let empty = if key == "tags" { json!([]) } else { json!({}) };
        node.config.set(key, model.config.get(key).cloned().unwrap_or(empty));
    }
    node.tags = node.config.tags().map(str::to_owned).collect();
    node.meta = node.config.get("meta").and_then(Data::as_object).cloned().unwrap_or_default();
    node.kind = NodeKind::Model(serde_json::Map::new());
    node
}

/// Describes the models of other projects. Their texts are rendered already, which is why they come last.
pub(super) fn describe(setup: &Setup<'_>, nodes: &mut [Box<Node>]) {
    let known: HashMap<&str, &PreviousNode> =
        setup.upstream.iter().flat_map(Upstream::public).map(|(id, model)| (id.as_str(), model)).collect();
    for node in nodes.iter_mut().filter(|node| node.is_external()) {
        let Some(model) = known.get(node.unique_id.as_str()) else { continue };
        node.description.clone_from(&model.description);
        for (name, column) in &model.columns {
            let column = Column {
                name: column.name.clone(),
                description: column.description.clone(),
                data_type: column.data_type.clone(),
                constraints: column.constraints.clone(),
                ..Column::default()
            };
            node.columns.insert(name.clone(), column);
        }
    }
}

/// Gives the models of other projects their parents: the nearest that are known here, this project's own among them,
/// so that a circle through several projects is seen.
pub(super) fn link(setup: &Setup<'_>, nodes: &mut [Box<Node>]) {
    if setup.upstream.is_empty() {
        return;
    }
    let places: HashMap<String, usize> =
        nodes.iter().enumerate().map(|(place, node)| (node.unique_id.to_string(), place)).collect();
    for upstream in setup.upstream {
        for (id, model) in upstream.public() {
            let Some(place) = places.get(id) else { continue };
            nodes[*place].parents = nearest(upstream, model, &places);
        }
    }
}

fn nearest(upstream: &Upstream, model: &PreviousNode, places: &HashMap<String, usize>) -> Vec<NodeIndex> {
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut queue: Vec<&str> = model.depends_on.nodes.iter().map(String::as_str).collect();
    while let Some(id) = queue.pop() {
        if !seen.insert(id) {
            continue;
        }
        match places.get(id) {
            Some(place) => {
                found.insert(*place);
            }
            None => {
                let behind = upstream.manifest.as_ref().and_then(|manifest| manifest.node(id));
                queue.extend(behind.into_iter().flat_map(|node| &node.depends_on.nodes).map(String::as_str));
            }
        }
    }
    found.into_iter().map(NodeIndex::from_usize).collect()
}

/// Says why a ref that names another project finds nothing. `None` if there is no such project.
pub(super) fn missing(setup: &Setup<'_>, node: &Node, call: &RefCall, span: Span) -> Option<Diagnostic> {
    let project = call.package.as_deref()?;
    let upstream = setup.upstream.iter().find(|upstream| upstream.declared.name == project)?;
    let error = |code: Code, message: String| Diagnostic::error(code, message).at(&node.file, span);
    if upstream.manifest.is_none() {
        let message = format!("`{}` refers to project `{project}`, of which no manifest is known", node.unique_id);
        let hint =
            format!("add `manifest: …` to `{project}` in {}: a path or an address", upstream.declared.file.path());
        return Some(error(Code::UpstreamUnavailable, message).hint(hint));
    }
    let of_name: Vec<&PreviousNode> =
        upstream.models().map(|(_, model)| model).filter(|model| model.name == call.name).collect();
    let Some(first) = of_name.first() else {
        let message =
            format!("`{}` refers to `{}`, which project `{project}` does not have", node.unique_id, call.name);
        let names: Vec<&str> = upstream.public().map(|(_, model)| model.name.as_str()).collect();
        let mut all = upstream.manifest.iter().flat_map(|manifest| manifest.nodes.values());
        let other = all.find(|other| other.package_name == project && other.name == call.name);
        let hint = match other {
            Some(other) => format!("`{}` is a {}: only models can be public", call.name, other.resource_type),
            None => did_you_mean(&call.name, names.iter().copied())
                .unwrap_or_else(|| format!("its public models: {}", listed(&names))),
        };
        return Some(error(Code::UnknownRef, message).hint(hint));
    };
    let access = first.access.as_deref().unwrap_or("protected");
    if access != "public" {
        let whose = if access == "private" { "private to its group" } else { "protected" };
        let message = format!(
            "Node {} attempted to reference node model.{project}.{}, which is not allowed because the referenced node is {whose} in project '{project}'.",
            node.unique_id, call.name
        );
        let hint = format!("other projects may read public models only: set `access: public` on it in `{project}`");
        return Some(error(Code::AccessDenied, message).hint(hint));
    }
    if is_ephemeral(first) {
        let message =
            format!("`{}` refers to `{}` of project `{project}`, which is ephemeral", node.unique_id, call.name);
        return Some(error(Code::AccessDenied, message).hint("an ephemeral model has no relation that could be read"));
    }
    let versions: Vec<String> = of_name.iter().filter_map(|model| text_of(&model.version)).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let wanted = call.version.as_ref().and_then(text_of).unwrap_or_default();
    let message = format!("`{}` of project `{project}` has no version `{wanted}`", call.name);
    Some(error(Code::UnknownRef, message).hint(match versions.is_empty() {
        true => "it has no versions".to_owned(),
        false => format!("it has {}", listed(&versions)),
    }))
}

/// A hint for a ref that names no project, if a project has what it names; or for one that names an unknown project.
pub(super) fn hint(setup: &Setup<'_>, call: &RefCall) -> Option<String> {
    match call.package.as_deref() {
        None => {
            let has_it = |upstream: &&Upstream| upstream.public().any(|(_, model)| model.name == call.name);
            let upstream = setup.upstream.iter().find(has_it)?;
            Some(format!("write `ref('{}', '{}')` for the model of that project", upstream.declared.name, call.name))
        }
        Some(package) if setup.project.package(package).is_none() => {
            let packages = setup.project.packages.iter().map(|package| package.config.name.as_str());
            let projects = setup.upstream.iter().map(|upstream| upstream.declared.name.as_str());
            did_you_mean(package, packages.chain(projects)).or_else(|| {
                Some(format!(
                    "there is no package or project `{package}`: declare it in dependencies.yml under `projects:`"
                ))
            })
        }
        Some(_) => None,
    }
}

fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
