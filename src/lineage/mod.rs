//! Columns across nodes: which column of which node each column is made of, and what decides which rows there are.
//!
//! One query at a time is understood by `sql`; here the answers are put together along the graph of nodes. Nothing is
//! read, compiled or asked here: the caller brings the SQL of nodes and what it knows of their columns.

mod build;
mod difference;
mod impact;
mod inherit;
mod names;
mod repeated;
mod snapshot;
mod tags;
mod trace;

pub use build::build;
pub use difference::{Change, ColumnChange, NodeChange, Version, compare};
pub use impact::{Break, Impact, Reached, impact};
pub use inherit::inherited_description;
pub use repeated::{RepeatedTest, repeated_tests};
pub use tags::{InheritedTag, inherited_tags};
pub use trace::{Direction, Step, Trace, trace};

use std::collections::HashMap;

use crate::manifest::NodeIndex;
use crate::sql::{How, Keeping};

/// The SQL of a node, or why there is none.
pub type Sql = Result<String, String>;

/// What the caller knows of the nodes.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The compiled SQL of models, snapshots, tests and analyses.
    pub sql: HashMap<NodeIndex, Sql>,
    /// Columns known from elsewhere than a query or a property file.
    pub columns: HashMap<NodeIndex, Given>,
    /// How SQL names a node where that is not its relation: a file, a call of a function.
    pub written: HashMap<String, NodeIndex>,
}

/// Columns known from elsewhere, all of them.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Names with types, where those are known.
    pub columns: Vec<(String, Option<String>)>,
    /// From where.
    pub origin: Origin,
}

/// Where a column is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The node's own query.
    #[default]
    Query,
    /// A property file.
    Declared,
    /// The header of a seed.
    Header,
    /// The database, or the catalog that was written of it.
    Database,
    /// A query that reads it.
    Inferred,
    /// The snapshot adds it.
    Snapshot,
}

impl Origin {
    /// The word that artifacts use; none for the usual case.
    #[must_use]
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Query => None,
            Self::Declared => Some("declared"),
            Self::Header => Some("header"),
            Self::Database => Some("database"),
            Self::Inferred => Some("inferred"),
            Self::Snapshot => Some("snapshot"),
        }
    }
}

/// A column of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    /// The node.
    pub node: NodeIndex,
    /// The number of the column in [`NodeColumns::columns`].
    pub column: usize,
}

/// A column that something is made of, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The column of a parent.
    pub from: ColumnRef,
    /// How it is used.
    pub how: How,
}

/// A column and where it comes from.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, where that is declared or known.
    pub data_type: Option<String>,
    /// Where it is known from.
    pub origin: Origin,
    /// What it is made of, in order.
    pub edges: Vec<Edge>,
    /// Why not all of its sources are known, if so.
    pub unknown: Option<String>,
    /// Equal for columns that are computed in the same way; 0 where there is no query.
    pub print: u64,
}

/// The columns of a node.
#[derive(Clone, Debug, Default)]
pub struct NodeColumns {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The columns that decide which rows there are, or their order.
    pub uses: Vec<Edge>,
    /// Why there may be more columns, if so.
    pub open: Option<String>,
    /// What could not be understood.
    pub unknown: Vec<String>,
    /// Equal for queries with the same rows, as far as their text tells; 0 where there is no query.
    pub print: u64,
    /// What stays true of columns that its query passes on.
    pub keeps: Keeping,
}

impl NodeColumns {
    /// A column by name, without regard to upper and lower case unless there are two.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == name);
        exact.or_else(|| self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
    }
}

/// The columns of all nodes, and the edges between them.
#[derive(Clone, Debug, Default)]
pub struct ColumnGraph {
    /// By the number of the node; `None` for nodes without columns, such as exposures.
    pub nodes: Vec<Option<NodeColumns>>,
    /// What each column goes into: the column of a child, or the child as a whole where there is none.
    children: HashMap<ColumnRef, Vec<(NodeIndex, Option<usize>, How)>>,
}

impl ColumnGraph {
    /// The columns of a node.
    #[must_use]
    pub fn node(&self, ix: NodeIndex) -> Option<&NodeColumns> {
        self.nodes.get(ix.as_usize())?.as_ref()
    }

    /// A column.
    #[must_use]
    pub fn column(&self, at: ColumnRef) -> Option<&Column> {
        self.node(at.node)?.columns.get(at.column)
    }

    /// What a column goes into directly: columns, or nodes as a whole.
    pub fn children(&self, at: ColumnRef) -> &[(NodeIndex, Option<usize>, How)] {
        self.children.get(&at).map_or(&[], Vec::as_slice)
    }
}
