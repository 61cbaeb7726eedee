//! Names of nodes: unique ids at the edges, indices inside.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A node's name in artifacts and messages: `model.shop.orders`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Arc<str>);

impl UniqueId {
    /// Wraps an id.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for UniqueId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node's place in [`super::Manifest::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(u32);

impl NodeIndex {
    /// Makes an index; manifests have fewer than 2³² nodes.
    #[must_use]
    pub fn from_usize(ix: usize) -> Self {
        Self(u32::try_from(ix).unwrap_or(u32::MAX))
    }

    /// The index as a subscript.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// What kind of thing a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// A model.
    Model,
    /// A seed.
    Seed,
    /// A snapshot.
    Snapshot,
    /// An analysis.
    Analysis,
    /// A data test.
    Test,
    /// A unit test.
    UnitTest,
    /// A hook of the project (`on-run-start`, `on-run-end`) or a macro run by `run-operation`.
    Operation,
    /// A table of a source.
    Source,
    /// An exposure.
    Exposure,
    /// A metric.
    Metric,
    /// A semantic model.
    SemanticModel,
    /// A saved query.
    SavedQuery,
    /// A user-defined function.
    Function,
}

impl ResourceType {
    /// Every kind, in the order of the artifacts.
    pub const ALL: &'static [Self] = &[
        Self::Model,
        Self::Seed,
        Self::Snapshot,
        Self::Analysis,
        Self::Test,
        Self::UnitTest,
        Self::Operation,
        Self::Source,
        Self::Exposure,
        Self::Metric,
        Self::SemanticModel,
        Self::SavedQuery,
        Self::Function,
    ];

    /// The word that ids, artifacts and flags use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Analysis => "analysis",
            Self::Test => "test",
            Self::UnitTest => "unit_test",
            Self::Operation => "operation",
            Self::Source => "source",
            Self::Exposure => "exposure",
            Self::Metric => "metric",
            Self::SemanticModel => "semantic_model",
            Self::SavedQuery => "saved_query",
            Self::Function => "function",
        }
    }

    /// Finds a kind by its word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Whether other nodes can `ref` it.
    #[must_use]
    pub const fn is_refable(self) -> bool {
        matches!(self, Self::Model | Self::Seed | Self::Snapshot)
    }

    /// Whether it stands under `nodes` in the manifest.
    #[must_use]
    pub const fn is_manifest_node(self) -> bool {
        matches!(self, Self::Model | Self::Seed | Self::Snapshot | Self::Analysis | Self::Test | Self::Operation)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
