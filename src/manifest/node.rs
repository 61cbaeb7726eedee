//! One node of the project: what all kinds share, and what each kind adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Data};

use super::{NodeConfig, NodeIndex, ResourceType, UniqueId, UnitTestDef};
use crate::diagnostic::{Label, SourceFile, Span};

/// How a node is written, as far as that is another thing than what it is in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// Settings of property files that have templates, as written.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Data>,
    /// The variables that the node and its macros read by name, with hashes of their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// Anything in the graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// `model.shop.orders`.
    pub unique_id: UniqueId,
    /// Its name, as refs use it.
    pub name: String,
    /// What it is.
    pub resource_type: ResourceType,
    /// The package that defines it.
    pub package: String,
    /// Path below its resource folder: `marts/orders.sql`.
    pub path: String,
    /// Path below its package's root: `models/marts/orders.sql`.
    pub original_file_path: String,
    /// The file that defines it (the property file for sources, tests and so on).
    pub file: Arc<SourceFile>,
    /// Where in `file` it is defined; the whole file for models.
    pub span: Span,
    /// Package, folders, name.
    pub fqn: Vec<String>,
    /// `sql` or `python`.
    pub language: String,
    /// The template as written, without surrounding white space where dbt strips it.
    pub raw_code: String,
    /// Where `raw_code` begins in `file`, in bytes, when it is a part of it.
    pub raw_code_offset: u32,
    /// The checksum that state comparison uses.
    pub checksum: Checksum,
    /// Where it is built: database.
    pub database: Option<String>,
    /// Where it is built: schema.
    pub schema: String,
    /// Where it is built: identifier.
    pub alias: String,
    /// The quoted name in SQL; `None` for what is not a relation.
    pub relation_name: Option<String>,
    /// The merged configuration.
    pub config: NodeConfig,
    /// The configuration as written, before templates in it were rendered.
    pub unrendered_config: Map<String, Data>,
    /// The keys given by `config()` calls in the file itself.
    pub config_call: Map<String, Data>,
    /// What tells a change of the project from one of the environment; `None` if nothing can differ by environment.
    pub written: Option<Box<Written>>,
    /// Description, docs blocks filled in.
    pub description: String,
    /// Described columns, in order.
    pub columns: IndexMap<String, Column>,
    /// `meta`.
    pub meta: Map<String, Data>,
    /// `tags`, sorted as dbt has them.
    pub tags: Vec<String>,
    /// `docs:` of the node.
    pub docs: Docs,
    /// `package://path` of the property file that describes it.
    pub patch_path: Option<String>,
    /// Where that names it.
    pub declared: Option<Label>,
    /// Names of docs blocks used in descriptions.
    pub doc_blocks: Vec<String>,
    /// Group.
    pub group: Option<String>,
    /// `private`, `protected` or `public`: models.
    pub access: Option<String>,
    /// Model-level constraints.
    pub constraints: Vec<Data>,
    /// Version of a versioned model.
    pub version: Option<Data>,
    /// The newest version of a versioned model.
    pub latest_version: Option<Data>,
    /// `deprecation_date`.
    pub deprecation_date: Option<String>,
    /// `ref` calls in order, each once.
    pub refs: Vec<RefCall>,
    /// `source` calls in order: source name and table name.
    pub source_calls: Vec<(String, String)>,
    /// `metric` calls.
    pub metric_calls: Vec<Vec<String>>,
    /// `function` calls.
    pub function_calls: Vec<Vec<String>>,
    /// Macros called by the template itself, by unique id, in order of the first call.
    pub macro_calls: Vec<String>,
    /// Nodes that it depends on, in the order of the calls.
    pub parents: Vec<NodeIndex>,
    /// Seconds since 1970 when it was parsed.
    pub created_at: f64,
    /// What its kind adds.
    pub kind: NodeKind,
}

impl Node {
    /// Whether it is a model in Python.
    #[must_use]
    pub fn is_python_model(&self) -> bool {
        self.resource_type == ResourceType::Model && self.language == "python"
    }

    /// A node with nothing but its name and its file: `kind.package.name`, enabled, without configuration.
    #[must_use]
    pub fn blank(resource_type: ResourceType, package: &str, name: &str, file: Arc<SourceFile>) -> Self {
        Self {
            unique_id: UniqueId::new(format!("{resource_type}.{package}.{name}")),
            name: name.to_owned(),
            resource_type,
            package: package.to_owned(),
            path: String::new(),
            original_file_path: String::new(),
            file,
            span: Span::default(),
            fqn: Vec::new(),
            language: "sql".to_owned(),
            raw_code: String::new(),
            raw_code_offset: 0,
            checksum: Checksum::default(),
            database: None,
            schema: String::new(),
            alias: name.to_owned(),
            relation_name: None,
            config: NodeConfig::default(),
            unrendered_config: Map::new(),
            config_call: Map::new(),
            written: None,
            description: String::new(),
            columns: IndexMap::new(),
            meta: Map::new(),
            tags: Vec::new(),
            docs: Docs::default(),
            patch_path: None,
            declared: None,
            doc_blocks: Vec::new(),
            group: None,
            access: None,
            constraints: Vec::new(),
            version: None,
            latest_version: None,
            deprecation_date: None,
            refs: Vec::new(),
            source_calls: Vec::new(),
            metric_calls: Vec::new(),
            function_calls: Vec::new(),
            macro_calls: Vec::new(),
            parents: Vec::new(),
            created_at: 0.0,
            kind: NodeKind::Plain,
        }
    }
}

impl Node {
    /// Whether it is a model of another project, of which only its manifest is known: it is read and never built.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.resource_type == ResourceType::Model && self.path.is_empty() && self.original_file_path.is_empty()
    }
}

/// What a kind of node has beyond the common facts.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A model, analysis, or hook without more.
    Plain,
    /// A model with the extra facts of the manifest (`primary_key`, `time_spine`, `build`…), under their published names.
    Model(Map<String, Data>),
    /// A seed: the folder that its path counts from.
    Seed {
        /// Absolute root of its package.
        root_path: String,
    },
    /// A snapshot.
    Snapshot,
    /// A data test.
    Test(Box<TestDef>),
    /// A unit test.
    UnitTest(Box<UnitTestDef>),
    /// A source table.
    Source(Box<SourceDef>),
    /// An exposure.
    Exposure(Box<Exposure>),
    /// A project hook.
    Hook(HookSpec),
    /// A user-defined function.
    Function(Box<FunctionDef>),
    /// A metric, semantic model or saved query: its published map beyond the common keys.
    Document(Map<String, Data>),
}

/// A checksum as manifests write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// `sha256`, `path` or `none`.
    pub name: String,
    /// The sum in hex, or the path.
    pub checksum: String,
}

/// A `ref` call with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RefCall {
    /// The package of the two-argument form.
    pub package: Option<String>,
    /// The name.
    pub name: String,
    /// `v=` or `version=`.
    pub version: Option<Data>,
    /// Where the call stands in the node's file, if known.
    pub span: Option<Span>,
}

/// A described column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Description, docs blocks filled in.
    pub description: String,
    /// `meta`.
    pub meta: Map<String, Data>,
    /// `data_type`.
    pub data_type: Option<String>,
    /// Constraints, as published.
    pub constraints: Vec<Data>,
    /// `quote`.
    pub quote: Option<bool>,
    /// `tags`.
    pub tags: Vec<String>,
    /// `config` of the column: meta and tags.
    pub config: Map<String, Data>,
    /// Custom keys and the rest of the published keys (`granularity`, `dimension`, …).
    pub extra: Map<String, Data>,
    /// Names of docs blocks used in the description.
    pub doc_blocks: Vec<String>,
    /// Where it is declared.
    pub span: Span,
}

/// `docs:` of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Docs {
    /// Shown in the documentation.
    pub show: bool,
    /// Color in the documentation's graph.
    pub node_color: Option<String>,
}

impl Default for Docs {
    fn default() -> Self {
        Self { show: true, node_color: None }
    }
}

/// What a data test adds. Singular tests have no metadata.
#[derive(Clone, Debug, Default)]
pub struct TestDef {
    /// The generic test and its arguments.
    pub metadata: Option<TestMetadata>,
    /// The column it is declared on.
    pub column_name: Option<String>,
    /// `models.orders`: the property file's key for the thing it is declared on.
    pub file_key_name: Option<String>,
    /// The node it is declared on.
    pub attached_node: Option<UniqueId>,
}

/// A generic test's macro and arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct TestMetadata {
    /// The test's name, such as `unique`.
    pub name: String,
    /// The arguments, `model` and `column_name` included, as published.
    pub kwargs: Map<String, Data>,
    /// The package it was called with (`dbt_utils.at_least_one`).
    pub namespace: Option<String>,
}

/// What a user-defined function adds.
#[derive(Clone, Debug, Default)]
pub struct FunctionDef {
    /// Its arguments, as published: name, type, description, default.
    pub arguments: Vec<Data>,
    /// The type that it returns, and a description of it; `None` if no property file declares it.
    pub returns: Option<Data>,
}

/// What a source table adds.
#[derive(Clone, Debug, Default)]
pub struct SourceDef {
    /// The source's name.
    pub source_name: String,
    /// The source's description.
    pub source_description: String,
    /// The source's `meta`.
    pub source_meta: Map<String, Data>,
    /// `loader`.
    pub loader: String,
    /// The table's identifier in the database.
    pub identifier: String,
    /// `quoting`, as published.
    pub quoting: Map<String, Data>,
    /// `loaded_at_field`.
    pub loaded_at_field: Option<String>,
    /// `loaded_at_query`.
    pub loaded_at_query: Option<String>,
    /// `freshness`, as published; null if there is none.
    pub freshness: Data,
    /// `external`, as published; null if there is none.
    pub external: Data,
    /// Custom keys of the source and the table.
    pub extra: Map<String, Data>,
    /// `unrendered_database`.
    pub unrendered_database: Option<String>,
    /// `unrendered_schema`.
    pub unrendered_schema: Option<String>,
}

/// Who answers for something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owner {
    /// `name`, `email` and custom keys, as written.
    pub fields: Map<String, Data>,
}

/// What an exposure adds.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// `type`.
    pub exposure_type: String,
    /// `owner`.
    pub owner: Owner,
    /// `label`.
    pub label: Option<String>,
    /// `maturity`.
    pub maturity: Option<String>,
    /// `url`.
    pub url: Option<String>,
}

/// A project hook: `on-run-start` or `on-run-end`, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// Whether it runs at the end.
    pub is_end: bool,
    /// Its number among the hooks of its package, from 0.
    pub index: usize,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Package.
    pub package: String,
    /// Owner.
    pub owner: Owner,
    /// Description.
    pub description: Option<String>,
    /// `config`, as published.
    pub config: Map<String, Data>,
    /// Path of the property file, below the package's root and below the resource folder.
    pub original_file_path: String,
    /// Path below the resource folder.
    pub path: String,
}

/// A docs block.
#[derive(Clone, Debug)]
pub struct Doc {
    /// Name.
    pub name: String,
    /// Package.
    pub package: String,
    /// Path below the resource folder.
    pub path: String,
    /// Path below the package's root.
    pub original_file_path: String,
    /// The text.
    pub contents: String,
}

/// A macro as artifacts show it.
#[derive(Clone, Debug)]
pub struct MacroInfo {
    /// Name.
    pub name: String,
    /// Package.
    pub package: String,
    /// Path below the package's root.
    pub path: String,
    /// The text of the whole macro block.
    pub macro_sql: String,
    /// Macros that it calls, by unique id.
    pub depends_on: Vec<String>,
    /// Description.
    pub description: String,
    /// `meta`.
    pub meta: Map<String, Data>,
    /// `docs`.
    pub docs: Docs,
    /// `config`, as published.
    pub config: Map<String, Data>,
    /// `package://path` of the property file that describes it.
    pub patch_path: Option<String>,
    /// Declared or inferred arguments.
    pub arguments: Vec<MacroArgument>,
    /// Languages of a materialization.
    pub supported_languages: Option<Vec<String>>,
    /// Seconds since 1970 when it was parsed.
    pub created_at: f64,
}

/// An argument of a macro.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacroArgument {
    /// Name.
    pub name: String,
    /// Type, where declared.
    pub data_type: Option<String>,
    /// Description.
    pub description: String,
}
