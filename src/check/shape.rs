//! What is known of the columns of relations while nodes are checked, parents first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::manifest::{Manifest, Node, NodeIndex, NodeKind, ResourceType};
use crate::sql::{Known, TableName, Tables};

/// How much is known of the columns of a relation; later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// All columns with their types.
    Typed,
    /// All columns, but not all types.
    Named,
    /// There may be more columns.
    Open,
}

/// The columns of a relation.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Names and types, in order.
    pub columns: Vec<(String, Option<String>)>,
    /// How much of it is known.
    pub certainty: Certainty,
    /// Why not all is known, if so.
    pub reason: Option<String>,
}

impl Shape {
    /// A relation of which everything is known.
    #[must_use]
    pub fn typed(columns: Vec<(String, String)>) -> Self {
        let columns = columns.into_iter().map(|(name, data_type)| (name, Some(data_type))).collect();
        Self { columns, certainty: Certainty::Typed, reason: None }
    }

    /// A relation of which some columns are known.
    #[must_use]
    pub fn open(columns: Vec<(String, Option<String>)>, reason: impl Into<String>) -> Self {
        Self { columns, certainty: Certainty::Open, reason: Some(reason.into()) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Names with types, if all are known.
    #[must_use]
    pub fn types(&self) -> Option<Vec<(String, String)>> {
        let is_typed = self.certainty == Certainty::Typed;
        is_typed.then(|| self.columns.iter().filter_map(|(name, kind)| Some((name.clone(), kind.clone()?))).collect())
    }
}

/// The relations of the project, by node and by the names that SQL gives them. A copy shares what it has.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    by_node: HashMap<NodeIndex, Arc<Shape>>,
    by_name: Arc<HashMap<String, NodeIndex>>,
}

impl Shapes {
    pub(super) fn new(manifest: &Manifest) -> Self {
        let mut by_name = HashMap::new();
        // What the project builds wins over a source of the same name.
        let is_source = |ix: &NodeIndex| manifest.node(*ix).resource_type == ResourceType::Source;
        for ix in manifest.indices().filter(is_source).chain(manifest.indices().filter(|ix| !is_source(ix))) {
            let node = manifest.node(ix);
            if node.relation_name.is_some() || is_source(&ix) {
                by_name.insert(full_name(node), ix);
            }
        }
        Self { by_node: HashMap::new(), by_name: Arc::new(by_name) }
    }

    pub(super) fn get(&self, ix: NodeIndex) -> Option<&Shape> {
        self.by_node.get(&ix).map(|shape| &**shape)
    }

    pub(super) fn set(&mut self, ix: NodeIndex, shape: Shape) {
        self.by_node.insert(ix, Arc::new(shape));
    }

    /// The node that a relation of the project belongs to.
    pub(super) fn builder(&self, node: &Node) -> Option<NodeIndex> {
        self.by_name.get(&full_name(node)).copied()
    }

    pub(super) fn find(&self, name: &TableName) -> Option<NodeIndex> {
        self.named(&name.to_string())
    }

    /// The node whose relation has this full name.
    pub(super) fn named(&self, name: &str) -> Option<NodeIndex> {
        self.by_name.get(&name.to_lowercase()).copied()
    }
}

fn full_name(node: &Node) -> String {
    let identifier = match &node.kind {
        NodeKind::Source(source) => &source.identifier,
        _ => &node.alias,
    };
    let parts = [node.database.as_deref().unwrap_or_default(), &node.schema, identifier];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(".").to_lowercase()
}

/// The relations as the analysis of a query asks for them, and which of them it asked for.
pub(super) struct Asked<'a> {
    pub(super) shapes: &'a Shapes,
    pub(super) tables: RefCell<Vec<(TableName, NodeIndex)>>,
}

impl Tables for Asked<'_> {
    fn columns(&self, name: &TableName) -> Known {
        let unknown = || Known { columns: Vec::new(), open: Some(format!("the columns of `{name}` are not known")) };
        let Some(ix) = self.shapes.find(name) else { return unknown() };
        self.tables.borrow_mut().push((name.clone(), ix));
        let Some(shape) = self.shapes.get(ix) else { return unknown() };
        let columns = shape.columns.iter().map(|(name, _)| name.clone()).collect();
        let open = (shape.certainty == Certainty::Open).then(|| shape.reason.clone().unwrap_or_default());
        Known { columns, open }
    }
}
