//! `manifest.json` (v12) and `graph_summary.json`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use md5::{Digest, Md5};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value as Data, json};

use super::{metadata, write_json};
use crate::diagnostic::Diagnostic;
use crate::manifest::{CompiledFacts, Docs, MacroInfo, Manifest, Node, NodeIndex, NodeView, ResourceType};
use crate::project::Project;
use crate::state::{self, PreviousManifest};

/// What a run knows of nodes beyond the manifest.
#[derive(Debug, Default)]
pub struct ManifestFacts {
    /// What was compiled.
    pub compiled: HashMap<NodeIndex, CompiledFacts>,
    /// Macros that were called while nodes ran.
    pub macros: HashMap<NodeIndex, Vec<String>>,
}

/// Writes the manifest.
///
/// # Errors
/// When the file cannot be written.
pub fn write_manifest(
    path: &Path,
    project: &Project,
    manifest: &Manifest,
    facts: &ManifestFacts,
) -> Result<(), Box<Diagnostic>> {
    write_json(path, &WireManifest { project, manifest, facts })
}

/// The manifest as an earlier one that a later project is compared with.
///
/// # Errors
/// When it does not fit its own shape, which is a bug.
pub fn previous_manifest(project: &Project, manifest: &Manifest) -> Result<PreviousManifest, serde_json::Error> {
    let written = serde_json::to_vec(&WireManifest { project, manifest, facts: &ManifestFacts::default() })?;
    serde_json::from_slice(&written)
}

struct WireManifest<'a> {
    project: &'a Project,
    manifest: &'a Manifest,
    facts: &'a ManifestFacts,
}

impl Serialize for WireManifest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let manifest = self.manifest;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", &self.metadata())?;
        map.serialize_entry("nodes", &self.section(ResourceType::is_manifest_node))?;
        map.serialize_entry("sources", &self.section(|kind| kind == ResourceType::Source))?;
        map.serialize_entry("macros", &Macros(manifest))?;
        map.serialize_entry("docs", &docs(manifest))?;
        map.serialize_entry("exposures", &self.section(|kind| kind == ResourceType::Exposure))?;
        map.serialize_entry("metrics", &self.section(|kind| kind == ResourceType::Metric))?;
        map.serialize_entry("groups", &groups(manifest))?;
        map.serialize_entry("selectors", &manifest.selectors)?;
        map.serialize_entry("disabled", &Disabled(self))?;
        map.serialize_entry("parent_map", &Edges(manifest, Manifest::parents))?;
        map.serialize_entry("child_map", &Edges(manifest, Manifest::children))?;
        map.serialize_entry("group_map", &group_map(manifest))?;
        map.serialize_entry("saved_queries", &self.section(|kind| kind == ResourceType::SavedQuery))?;
        map.serialize_entry("semantic_models", &self.section(|kind| kind == ResourceType::SemanticModel))?;
        map.serialize_entry("unit_tests", &self.section(|kind| kind == ResourceType::UnitTest))?;
        map.serialize_entry("functions", &self.section(|kind| kind == ResourceType::Function))?;
        map.end()
    }
}

impl<'a> WireManifest<'a> {
    fn section(&'a self, wanted: fn(ResourceType) -> bool) -> Section<'a> {
        Section { whole: self, wanted }
    }

    fn view(&'a self, ix: NodeIndex) -> NodeView<'a> {
        let macros = self.facts.macros.get(&ix).map_or(&[][..], Vec::as_slice);
        NodeView::new(self.manifest, self.manifest.node(ix))
            .with_compiled(self.facts.compiled.get(&ix))
            .with_macros(macros)
    }

    fn metadata(&self) -> Map<String, Data> {
        let settings = &self.project.settings;
        let mut data = metadata(settings, "manifest/v12", settings.started_at);
        let name = &self.manifest.project_name;
        let id = base16ct::lower::encode_string(&Md5::digest(name.as_bytes()));
        let quoting = &self.project.root().config.quoting;
        let started = settings.started_at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string();
        if let (Some(written), Some(Data::Object(env))) = (state::written(self.manifest), data.get_mut("env")) {
            env.insert(state::WRITTEN_KEY.to_owned(), Data::String(written));
        }
        data.insert("invocation_started_at".to_owned(), json!(started));
        data.insert("project_name".to_owned(), json!(name));
        data.insert("project_id".to_owned(), json!(id));
        data.insert("user_id".to_owned(), Data::Null);
        data.insert("send_anonymous_usage_stats".to_owned(), json!(false));
        data.insert("adapter_type".to_owned(), json!(self.manifest.adapter_type));
        let quoting = json!({
            "database": quoting.database.unwrap_or(true),
            "schema": quoting.schema.unwrap_or(true),
            "identifier": quoting.identifier.unwrap_or(true),
            "column": null,
        });
        data.insert("quoting".to_owned(), quoting);
        data.insert("run_started_at".to_owned(), json!(started));
        data
    }
}

struct Section<'a> {
    whole: &'a WireManifest<'a>,
    wanted: fn(ResourceType) -> bool,
}

impl Serialize for Section<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for ix in self.whole.manifest.indices() {
            let node = self.whole.manifest.node(ix);
            if (self.wanted)(node.resource_type) {
                map.serialize_entry(node.unique_id.as_str(), &self.whole.view(ix))?;
            }
        }
        map.end()
    }
}

struct Disabled<'a>(&'a WireManifest<'a>);

impl Serialize for Disabled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let manifest = self.0.manifest;
        let mut by_id: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in &manifest.disabled {
            by_id.entry(node.unique_id.as_str()).or_default().push(node);
        }
        let mut map = serializer.serialize_map(Some(by_id.len()))?;
        for (id, nodes) in by_id {
            let views: Vec<_> = nodes.into_iter().map(|node| NodeView::new(manifest, node)).collect();
            map.serialize_entry(id, &views)?;
        }
        map.end()
    }
}

struct Edges<'a>(&'a Manifest, fn(&Manifest, NodeIndex) -> &[NodeIndex]);

impl Serialize for Edges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(manifest, edges) = self;
        let mut map = serializer.serialize_map(Some(manifest.nodes.len()))?;
        for ix in manifest.indices() {
            let mut ids: Vec<&str> =
                edges(manifest, ix).iter().map(|ix| manifest.node(*ix).unique_id.as_str()).collect();
            ids.sort_unstable();
            map.serialize_entry(manifest.node(ix).unique_id.as_str(), &ids)?;
        }
        map.end()
    }
}

struct Macros<'a>(&'a Manifest);

impl Serialize for Macros<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.macros.len()))?;
        for (id, info) in &self.0.macros {
            map.serialize_entry(id.as_str(), &MacroView(id.as_str(), info))?;
        }
        map.end()
    }
}

struct MacroView<'a>(&'a str, &'a MacroInfo);

impl Serialize for MacroView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(id, info) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &info.name)?;
        map.serialize_entry("resource_type", "macro")?;
        map.serialize_entry("package_name", &info.package)?;
        map.serialize_entry("path", &info.path)?;
        map.serialize_entry("original_file_path", &info.path)?;
        map.serialize_entry("unique_id", id)?;
        map.serialize_entry("macro_sql", &info.macro_sql)?;
        map.serialize_entry("depends_on", &json!({"macros": info.depends_on}))?;
        map.serialize_entry("description", &info.description)?;
        map.serialize_entry("meta", &info.meta)?;
        map.serialize_entry("docs", &docs_map(&info.docs))?;
        map.serialize_entry("config", &info.config)?;
        map.serialize_entry("patch_path", &info.patch_path)?;
        map.serialize_entry("arguments", &Arguments(info))?;
        map.serialize_entry("created_at", &info.created_at)?;
        map.serialize_entry("supported_languages", &info.supported_languages)?;
        map.end()
    }
}

struct Arguments<'a>(&'a MacroInfo);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.arguments.len()))?;
        for argument in &self.0.arguments {
            let shown = json!({"name": argument.name, "type": argument.data_type, "description": argument.description});
            list.serialize_element(&shown)?;
        }
        list.end()
    }
}

fn docs_map(docs: &Docs) -> Data {
    json!({"show": docs.show, "node_color": docs.node_color})
}

fn docs(manifest: &Manifest) -> Map<String, Data> {
    let shown = manifest.docs.iter().map(|(id, doc)| {
        let data = json!({
            "name": doc.name,
            "resource_type": "doc",
            "package_name": doc.package,
            "path": doc.path,
            "original_file_path": doc.original_file_path,
            "unique_id": id.as_str(),
            "block_contents": doc.contents,
        });
        (id.as_str().to_owned(), data)
    });
    shown.collect()
}

fn groups(manifest: &Manifest) -> Map<String, Data> {
    let shown = manifest.groups.iter().map(|(id, group)| {
        let data = json!({
            "name": group.name,
            "resource_type": "group",
            "package_name": group.package,
            "path": group.path,
            "original_file_path": group.original_file_path,
            "unique_id": id.as_str(),
            "owner": group.owner.fields,
            "description": group.description,
            "config": group.config,
        });
        (id.as_str().to_owned(), data)
    });
    shown.collect()
}

fn group_map(manifest: &Manifest) -> Map<String, Data> {
    let mut by_group: BTreeMap<&str, Vec<&str>> =
        manifest.groups.values().map(|group| (group.name.as_str(), Vec::new())).collect();
    for node in &manifest.nodes {
        if let Some(members) = node.group.as_deref().and_then(|group| by_group.get_mut(group)) {
            members.push(node.unique_id.as_str());
        }
    }
    by_group.into_iter().map(|(group, members)| (group.to_owned(), json!(members))).collect()
}

/// Writes the graph in dbt's short form.
///
/// # Errors
/// When the file cannot be written.
pub fn write_graph_summary(path: &Path, project: &Project, manifest: &Manifest) -> Result<(), Box<Diagnostic>> {
    let summary = GraphSummary { invocation_id: &project.settings.invocation_id, linked: Linked(manifest) };
    write_json(path, &summary)
}

#[derive(Serialize)]
struct GraphSummary<'a> {
    #[serde(rename = "_invocation_id")]
    invocation_id: &'a str,
    linked: Linked<'a>,
}

/// The nodes by their index.
struct Linked<'a>(&'a Manifest);

#[derive(Serialize)]
struct Link<'a> {
    name: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    succ: Vec<usize>,
}

impl Serialize for Linked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.indices().map(|ix| {
            let node = self.0.node(ix);
            let succ = self.0.children(ix).iter().map(|child| child.as_usize()).collect();
            (ix.as_usize(), Link { name: node.unique_id.as_str(), r#type: node.resource_type.as_str(), succ })
        }))
    }
}
