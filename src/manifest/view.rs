//! Nodes in the shape that dbt publishes (manifest v12): what templates see as `model` and `graph`,
//! and what `artifacts` writes.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value as Data, json};

use super::{Column, Docs, Manifest, Node, NodeIndex, NodeKind, RefCall, ResourceType};
use crate::project::yaml;

/// What compiling a node adds to its published shape.
#[derive(Clone, Debug, Default)]
pub struct CompiledFacts {
    /// Path of the compiled file, from the working directory.
    pub compiled_path: Option<String>,
    /// The compiled SQL, with its common table expressions.
    pub compiled_code: String,
    /// The ephemeral models put in front: unique id and text.
    pub extra_ctes: Vec<(String, String)>,
}

/// A node with what is needed to publish it.
#[derive(Clone, Copy)]
pub struct NodeView<'a> {
    node: &'a Node,
    manifest: &'a Manifest,
    compiled: Option<&'a CompiledFacts>,
    more_macros: &'a [String],
    is_query: bool,
}

impl<'a> NodeView<'a> {
    /// Views a node of a manifest, or a disabled one.
    #[must_use]
    pub fn new(manifest: &'a Manifest, node: &'a Node) -> Self {
        Self { node, manifest, compiled: None, more_macros: &[], is_query: false }
    }

    /// Adds what compiling found out.
    #[must_use]
    pub fn with_compiled(mut self, compiled: Option<&'a CompiledFacts>) -> Self {
        self.compiled = compiled;
        self
    }

    /// Shows a unit test as the query that it is while it runs, not as it is declared.
    #[must_use]
    pub fn as_query(mut self) -> Self {
        self.is_query = true;
        self
    }

    /// Adds macros that were called while the node ran.
    #[must_use]
    pub fn with_macros(mut self, macros: &'a [String]) -> Self {
        self.more_macros = macros;
        self
    }
}

/// The published map of a node, without what only a run knows.
#[must_use]
pub fn node(manifest: &Manifest, ix: NodeIndex) -> Map<String, Data> {
    to_map(&NodeView::new(manifest, manifest.node(ix)))
}

/// A view as plain data.
#[must_use]
pub fn to_map(view: &NodeView<'_>) -> Map<String, Data> {
    match serde_json::to_value(view) {
        Ok(Data::Object(map)) => map,
        _ => Map::new(),
    }
}

impl Serialize for NodeView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.node.resource_type {
            ResourceType::Source => self.source(&mut map)?,
            ResourceType::Exposure => self.exposure(&mut map)?,
            ResourceType::UnitTest if !self.is_query => self.unit_test(&mut map)?,
            ResourceType::Metric | ResourceType::SemanticModel | ResourceType::SavedQuery => self.document(&mut map)?,
            _ => self.manifest_node(&mut map)?,
        }
        map.end()
    }
}

impl NodeView<'_> {
    fn names<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        map.serialize_entry("name", &node.name)?;
        map.serialize_entry("resource_type", node.resource_type.as_str())?;
        map.serialize_entry("package_name", &node.package)?;
        map.serialize_entry("path", &node.path)?;
        map.serialize_entry("original_file_path", &node.original_file_path)?;
        map.serialize_entry("unique_id", node.unique_id.as_str())?;
        map.serialize_entry("fqn", &node.fqn)
    }

    fn manifest_node<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        map.serialize_entry("database", &node.database)?;
        map.serialize_entry("schema", &node.schema)?;
        self.names(map)?;
        map.serialize_entry("alias", &node.alias)?;
        map.serialize_entry("checksum", &CheckSum(node))?;
        map.serialize_entry("config", &node.config.values)?;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("columns", &Columns(node))?;
        map.serialize_entry("meta", &node.meta)?;
        map.serialize_entry("group", &node.group)?;
        map.serialize_entry("docs", &DocsView(&node.docs))?;
        map.serialize_entry("patch_path", &node.patch_path)?;
        map.serialize_entry("build_path", &())?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("relation_name", &node.relation_name)?;
        map.serialize_entry("raw_code", &node.raw_code)?;
        map.serialize_entry("doc_blocks", &node.doc_blocks)?;
        if let NodeKind::Seed { root_path } = &node.kind {
            map.serialize_entry("root_path", root_path)?;
            return map.serialize_entry("depends_on", &MacrosOnly(self));
        }
        map.serialize_entry("language", &node.language)?;
        self.references(map)?;
        map.serialize_entry("functions", &node.function_calls)?;
        map.serialize_entry("depends_on", &DependsOn(self))?;
        self.compiled(map)?;
        map.serialize_entry("contract", &contract(node))?;
        self.kind(map)
    }

    fn references<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("refs", &Refs(&self.node.refs))?;
        map.serialize_entry("sources", &self.node.source_calls)?;
        map.serialize_entry("metrics", &self.node.metric_calls)
    }

    fn compiled<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("compiled_path", &self.compiled.and_then(|facts| facts.compiled_path.as_ref()))?;
        let Some(facts) = self.compiled else { return Ok(()) };
        map.serialize_entry("compiled", &true)?;
        map.serialize_entry("compiled_code", &facts.compiled_code)?;
        map.serialize_entry("extra_ctes_injected", &true)?;
        let ctes: Vec<_> = facts.extra_ctes.iter().map(|(id, sql)| json!({"id": id, "sql": sql})).collect();
        map.serialize_entry("extra_ctes", &ctes)
    }

    fn kind<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        match &node.kind {
            NodeKind::Model(extra) => {
                map.serialize_entry("access", &node.access)?;
                map.serialize_entry("constraints", &node.constraints)?;
                map.serialize_entry("version", &node.version)?;
                map.serialize_entry("latest_version", &node.latest_version)?;
                map.serialize_entry("deprecation_date", &node.deprecation_date)?;
                map.serialize_entry("primary_key", extra.get("primary_key").unwrap_or(&json!([])))?;
                map.serialize_entry("time_spine", extra.get("time_spine").unwrap_or(&Data::Null))
            }
            NodeKind::Test(test) => {
                let Some(metadata) = &test.metadata else { return Ok(()) };
                map.serialize_entry("column_name", &test.column_name)?;
                map.serialize_entry("file_key_name", &test.file_key_name)?;
                map.serialize_entry("attached_node", &test.attached_node.as_ref().map(super::UniqueId::as_str))?;
                let metadata = json!({"name": metadata.name, "kwargs": yaml::plain_map(&metadata.kwargs), "namespace": metadata.namespace});
                map.serialize_entry("test_metadata", &metadata)
            }
            NodeKind::Hook(hook) => map.serialize_entry("index", &hook.index),
            NodeKind::Function(function) => {
                map.serialize_entry("arguments", &function.arguments)?;
                let undeclared = || json!({"data_type": "INVALID_TYPE", "description": null});
                map.serialize_entry("returns", &function.returns.clone().unwrap_or_else(undeclared))
            }
            _ => Ok(()),
        }
    }

    fn source<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        let NodeKind::Source(source) = &node.kind else { return Ok(()) };
        map.serialize_entry("database", &node.database)?;
        map.serialize_entry("schema", &node.schema)?;
        self.names(map)?;
        map.serialize_entry("source_name", &source.source_name)?;
        map.serialize_entry("source_description", &source.source_description)?;
        map.serialize_entry("loader", &source.loader)?;
        map.serialize_entry("identifier", &source.identifier)?;
        map.serialize_entry("quoting", &source.quoting)?;
        map.serialize_entry("loaded_at_field", &source.loaded_at_field)?;
        map.serialize_entry("loaded_at_query", &source.loaded_at_query)?;
        map.serialize_entry("freshness", &source.freshness)?;
        map.serialize_entry("external", &source.external)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("columns", &Columns(node))?;
        map.serialize_entry("meta", &node.meta)?;
        map.serialize_entry("source_meta", &source.source_meta)?;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("config", &node.config.values)?;
        map.serialize_entry("patch_path", &node.patch_path)?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("relation_name", &node.relation_name)?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("unrendered_database", &source.unrendered_database)?;
        map.serialize_entry("unrendered_schema", &source.unrendered_schema)?;
        map.serialize_entry("doc_blocks", &node.doc_blocks)
    }

    fn exposure<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        let NodeKind::Exposure(exposure) = &node.kind else { return Ok(()) };
        self.names(map)?;
        map.serialize_entry("type", &exposure.exposure_type)?;
        map.serialize_entry("owner", &exposure.owner.fields)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("label", &exposure.label)?;
        map.serialize_entry("maturity", &exposure.maturity)?;
        map.serialize_entry("meta", &node.meta)?;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("config", &node.config.values)?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("url", &exposure.url)?;
        map.serialize_entry("depends_on", &DependsOn(self))?;
        self.references(map)?;
        map.serialize_entry("created_at", &node.created_at)
    }

    fn unit_test<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        let NodeKind::UnitTest(test) = &node.kind else { return Ok(()) };
        map.serialize_entry("model", &test.model)?;
        map.serialize_entry("given", &test.given)?;
        map.serialize_entry("expect", &test.expect)?;
        self.names(map)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("overrides", &test.overrides)?;
        map.serialize_entry("depends_on", &DependsOn(self))?;
        map.serialize_entry("config", &node.config.values)?;
        map.serialize_entry("checksum", &node.checksum.checksum)?;
        map.serialize_entry("schema", &node.schema)?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("versions", &test.versions)?;
        map.serialize_entry("version", &test.version)
    }

    /// Metrics and their kin: names, what they say themselves, and what all nodes have.
    fn document<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        let NodeKind::Document(own) = &node.kind else { return Ok(()) };
        self.names(map)?;
        for (key, value) in own {
            map.serialize_entry(key, value)?;
        }
        let has = |key: &str| own.contains_key(key);
        if !has("description") {
            map.serialize_entry("description", &node.description)?;
        }
        match node.resource_type {
            ResourceType::Metric => {
                map.serialize_entry("meta", &node.meta)?;
                map.serialize_entry("tags", &node.tags)?;
                self.references(map)?;
            }
            ResourceType::SavedQuery => {
                map.serialize_entry("tags", &node.tags)?;
                map.serialize_entry("refs", &Refs(&node.refs))?;
            }
            _ => map.serialize_entry("refs", &Refs(&node.refs))?,
        }
        map.serialize_entry("config", &node.config.values)?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("group", &node.group)?;
        map.serialize_entry("depends_on", &DependsOn(self))?;
        map.serialize_entry("created_at", &node.created_at)
    }
}

fn contract(node: &Node) -> Data {
    let said = |key: &str, default: bool| {
        node.config.get("contract").and_then(|contract| contract.get(key)).and_then(Data::as_bool).unwrap_or(default)
    };
    let checksum = match &node.kind {
        NodeKind::Model(extra) => extra.get("contract_checksum").cloned().unwrap_or(Data::Null),
        _ => Data::Null,
    };
    json!({"enforced": said("enforced", false), "alias_types": said("alias_types", true), "checksum": checksum})
}

struct CheckSum<'a>(&'a Node);

impl Serialize for CheckSum<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &self.0.checksum.name)?;
        map.serialize_entry("checksum", &self.0.checksum.checksum)?;
        map.end()
    }
}

struct DocsView<'a>(&'a Docs);

impl Serialize for DocsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("show", &self.0.show)?;
        map.serialize_entry("node_color", &self.0.node_color)?;
        map.end()
    }
}

struct Columns<'a>(&'a Node);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.columns.len()))?;
        for column in self.0.columns.values() {
            map.serialize_entry(&column.name, &ColumnView(column))?;
        }
        map.end()
    }
}

struct ColumnView<'a>(&'a Column);

impl Serialize for ColumnView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &column.name)?;
        map.serialize_entry("description", &column.description)?;
        map.serialize_entry("meta", &column.meta)?;
        map.serialize_entry("data_type", &column.data_type)?;
        map.serialize_entry("constraints", &column.constraints)?;
        map.serialize_entry("quote", &column.quote)?;
        map.serialize_entry("config", &column.config)?;
        map.serialize_entry("tags", &column.tags)?;
        map.serialize_entry("granularity", column.extra.get("granularity").unwrap_or(&Data::Null))?;
        map.serialize_entry("doc_blocks", &column.doc_blocks)?;
        for (key, value) in column.extra.iter().filter(|(key, _)| *key != "granularity") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Refs<'a>(&'a [RefCall]);

impl Serialize for Refs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for call in self.0 {
            list.serialize_element(&RefView(call))?;
        }
        list.end()
    }
}

struct RefView<'a>(&'a RefCall);

impl Serialize for RefView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("package", &self.0.package)?;
        map.serialize_entry("version", &self.0.version)?;
        map.end()
    }
}

struct MacrosOnly<'a>(&'a NodeView<'a>);

impl Serialize for MacrosOnly<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("macros", &macros(self.0))?;
        map.end()
    }
}

struct DependsOn<'a>(&'a NodeView<'a>);

impl Serialize for DependsOn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let parents: Vec<&str> =
            view.node.parents.iter().map(|ix| view.manifest.node(*ix).unique_id.as_str()).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("macros", &macros(view))?;
        map.serialize_entry("nodes", &parents)?;
        map.end()
    }
}

fn macros<'a>(view: &NodeView<'a>) -> Vec<&'a str> {
    let mut macros: Vec<&str> = view.node.macro_calls.iter().map(String::as_str).collect();
    for more in view.more_macros {
        if !macros.contains(&more.as_str()) {
            macros.push(more);
        }
    }
    macros
}
