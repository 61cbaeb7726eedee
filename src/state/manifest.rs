//! `manifest.json` of an earlier run, as far as it is compared or deferred to.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Data};

use super::Artifact;
use crate::manifest::Checksum;

/// A manifest that was read back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousManifest {
    /// `metadata`.
    pub metadata: Map<String, Data>,
    /// Models, seeds, snapshots, tests, analyses and operations by unique id.
    pub nodes: IndexMap<String, PreviousNode>,
    /// Source tables.
    pub sources: IndexMap<String, PreviousNode>,
    /// Functions.
    pub functions: IndexMap<String, PreviousNode>,
    /// Macros.
    pub macros: IndexMap<String, PreviousMacro>,
    /// Exposures as published, and so on.
    pub exposures: Map<String, Data>,
    /// Metrics.
    pub metrics: Map<String, Data>,
    /// Semantic models.
    pub semantic_models: Map<String, Data>,
    /// Saved queries.
    pub saved_queries: Map<String, Data>,
    /// Unit tests.
    pub unit_tests: Map<String, Data>,
}

impl Artifact for PreviousManifest {
    const OLDEST: u64 = 4;

    fn metadata(&self) -> &Map<String, Data> {
        &self.metadata
    }

    fn upgrade(&mut self, version: u64) {
        // Metrics were something else before there were semantic models.
        if version < 10 {
            self.metrics.clear();
        }
    }
}

impl PreviousManifest {
    /// The node or source of a unique id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&PreviousNode> {
        self.nodes.get(id).or_else(|| self.sources.get(id)).or_else(|| self.functions.get(id))
    }

    /// The exposure, metric or the like of a unique id, as published.
    #[must_use]
    pub fn document(&self, id: &str) -> Option<&Data> {
        let sections = [&self.exposures, &self.metrics, &self.semantic_models, &self.saved_queries, &self.unit_tests];
        sections.into_iter().find_map(|section| section.get(id))
    }

    /// Whether it has anything of a unique id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.node(id).is_some() || self.document(id).is_some()
    }
}

/// A macro that was read back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousMacro {
    /// Its package.
    pub package_name: String,
    /// Its text.
    pub macro_sql: String,
}

/// A node or source that was read back. Texts that are null are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousNode {
    /// Name.
    pub name: String,
    /// `model`, `seed` and so on.
    pub resource_type: String,
    /// Package.
    pub package_name: String,
    /// Path below its resource folder.
    pub path: String,
    /// Path below its package's root.
    pub original_file_path: String,
    /// `sql` or `python`.
    pub language: String,
    /// Package, folders, name.
    pub fqn: Vec<String>,
    /// The template.
    #[serde(alias = "raw_sql", deserialize_with = "text")]
    pub raw_code: String,
    /// What it was compiled to.
    #[serde(alias = "compiled_sql")]
    pub compiled_code: Option<String>,
    /// The checksum of its file.
    pub checksum: PreviousChecksum,
    /// Configuration.
    pub config: Map<String, Data>,
    /// Configuration as written.
    pub unrendered_config: Map<String, Data>,
    /// Description.
    #[serde(deserialize_with = "text")]
    pub description: String,
    /// Columns by name.
    pub columns: IndexMap<String, PreviousColumn>,
    /// Database.
    pub database: Option<String>,
    /// Schema.
    #[serde(deserialize_with = "text")]
    pub schema: String,
    /// Identifier of what is built.
    pub alias: Option<String>,
    /// Identifier of a source's table.
    pub identifier: Option<String>,
    /// The quoted name in SQL.
    pub relation_name: Option<String>,
    /// What it depends on.
    pub depends_on: PreviousParents,
    /// Contract of a model.
    pub contract: PreviousContract,
    /// Constraints of a model.
    pub constraints: Vec<Data>,
    /// Version, newest version, access and deprecation date of a model.
    pub version: Data,
    /// The newest version of the model.
    pub latest_version: Data,
    /// `private`, `protected` or `public`.
    pub access: Option<String>,
    /// When a model ends.
    pub deprecation_date: Option<String>,
    /// The generic test that a data test is.
    pub test_metadata: Data,
    /// The source that a table belongs to.
    pub source_name: Option<String>,
    /// Quoting of a source.
    pub quoting: Data,
    /// Freshness of a source.
    pub freshness: Data,
    /// `loaded_at_field` of a source.
    pub loaded_at_field: Option<String>,
    /// `external` of a source.
    pub external: Data,
    /// The database of a source as written.
    pub unrendered_database: Option<String>,
    /// The schema of a source as written.
    pub unrendered_schema: Option<String>,
    /// Arguments of a function.
    pub arguments: Data,
    /// What a function returns.
    pub returns: Data,
}

/// A checksum that was read back; texts of old versions of manifests are taken as sums.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousChecksum {
    /// `sha256`, `path` or `none`.
    pub name: String,
    /// The sum or path.
    pub checksum: String,
}

impl PartialEq<Checksum> for PreviousChecksum {
    fn eq(&self, other: &Checksum) -> bool {
        self.name == other.name && self.checksum == other.checksum
    }
}

/// A column that was read back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousColumn {
    /// Name.
    pub name: String,
    /// Description.
    #[serde(deserialize_with = "text")]
    pub description: String,
    /// Declared type.
    pub data_type: Option<String>,
    /// Constraints.
    pub constraints: Vec<Data>,
}

/// `depends_on`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousParents {
    /// Nodes by unique id.
    pub nodes: Vec<String>,
    /// Macros by unique id.
    pub macros: Vec<String>,
}

/// `contract`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousContract {
    /// Whether it is enforced.
    pub enforced: bool,
    /// The sum of what it promises.
    pub checksum: Option<String>,
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(from).map(Option::unwrap_or_default)
}
