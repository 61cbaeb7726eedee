//! Putting queries together: forward along the graph to know the columns of parents, then backward to find the columns
//! that are read but listed nowhere.

use std::cell::RefCell;
use std::collections::HashMap;

use super::names::Names;
use super::{Column, ColumnGraph, ColumnRef, Edge, Facts, Given, NodeColumns, Origin, snapshot};
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType};
use crate::sql::{self, Dialect, How, Known, Query, Source, TableName, Tables};

/// How often columns found at the end of the graph are taken back to its beginning.
const ROUNDS: usize = 3;

/// Finds out what every column of every node is made of.
#[must_use]
pub fn build(manifest: &Manifest, dialect: Dialect, facts: &Facts) -> ColumnGraph {
    let names = Names::new(manifest, &facts.written);
    let order = topological(manifest);
    let mut found: HashMap<NodeIndex, Vec<String>> = HashMap::new();
    let mut round = 0;
    loop {
        let mut builder = Builder { manifest, dialect, facts, names: &names, found: &found, nodes: Vec::new() };
        builder.nodes.resize_with(manifest.nodes.len(), || None);
        let graph = builder.build(&order);
        round += 1;
        let more = inferred(manifest, &graph);
        if round == ROUNDS || more == found || !graph.nodes.iter().flatten().any(|node| node.open.is_some()) {
            return graph;
        }
        found = more;
    }
}

/// The columns of roots that are known only because something reads them.
fn inferred(manifest: &Manifest, graph: &ColumnGraph) -> HashMap<NodeIndex, Vec<String>> {
    let mut found = HashMap::new();
    for ix in manifest.indices() {
        let Some(node) = graph.node(ix).filter(|node| node.print == 0) else { continue };
        let names: Vec<String> = node
            .columns
            .iter()
            .filter(|column| column.origin == Origin::Inferred)
            .map(|column| column.name.clone())
            .collect();
        if !names.is_empty() {
            found.insert(ix, names);
        }
    }
    found
}

/// Nodes that have columns.
fn has_columns(node: &Node) -> bool {
    use ResourceType::{Analysis, Model, Seed, Snapshot, Source, Test};
    matches!(node.resource_type, Model | Seed | Snapshot | Source | Test | Analysis)
}

/// Nodes with columns, parents first.
fn topological(manifest: &Manifest) -> Vec<NodeIndex> {
    let mut order = manifest.graph.parents_first();
    order.retain(|ix| has_columns(manifest.node(*ix)));
    // A query may name a source or seed without `source` or `ref`, so these come before everything.
    let (mut order, rest): (Vec<_>, Vec<_>) = order
        .into_iter()
        .partition(|ix| matches!(manifest.node(*ix).resource_type, ResourceType::Source | ResourceType::Seed));
    order.extend(rest);
    order
}

/// A node before its edges are made.
#[derive(Default)]
struct Draft {
    /// What is known of its columns without its query, or beside it.
    columns: NodeColumns,
    query: Option<Query>,
    /// The nodes that the query's tables are.
    tables: Vec<Option<NodeIndex>>,
}

struct Builder<'a> {
    manifest: &'a Manifest,
    dialect: Dialect,
    facts: &'a Facts,
    names: &'a Names,
    found: &'a HashMap<NodeIndex, Vec<String>>,
    nodes: Vec<Option<Draft>>,
}

/// The tables of one node's query.
struct Parents<'a, 'b> {
    builder: &'a Builder<'b>,
    own: NodeIndex,
    asked: RefCell<Vec<(TableName, NodeIndex)>>,
}

impl Tables for Parents<'_, '_> {
    fn columns(&self, name: &TableName) -> Known {
        let Some(ix) = self.builder.names.find(name) else {
            return Known { columns: Vec::new(), open: Some(format!("`{name}` is no node of the project")) };
        };
        self.asked.borrow_mut().push((name.clone(), ix));
        if ix == self.own {
            return Known { columns: Vec::new(), open: Some("it reads what it built before".to_owned()) };
        }
        match self.builder.nodes[ix.as_usize()].as_ref() {
            Some(draft) => draft.known(),
            None => Known { columns: Vec::new(), open: Some(format!("`{name}` comes later in the graph")) },
        }
    }

    fn identity(&self, name: &TableName) -> String {
        match self.builder.names.find(name) {
            Some(ix) => self.builder.manifest.node(ix).unique_id.to_string(),
            None => name.to_string().to_lowercase(),
        }
    }

    fn is_table(&self, expression: &str) -> bool {
        self.builder.names.ephemeral(expression).is_some_and(|ix| ix != self.own)
    }

    fn written(&self, text: &str) -> Option<TableName> {
        let ix = self.builder.names.written(text)?;
        let name = TableName { parts: vec![text.to_owned()] };
        self.asked.borrow_mut().push((name.clone(), ix));
        Some(name)
    }
}

impl Draft {
    fn known(&self) -> Known {
        let columns = self.columns.columns.iter().map(|column| column.name.clone()).collect();
        Known { columns, open: self.columns.open.clone() }
    }
}

impl Builder<'_> {
    fn build(mut self, order: &[NodeIndex]) -> ColumnGraph {
        for ix in order {
            let draft = self.draft(*ix);
            self.nodes[ix.as_usize()] = Some(draft);
        }
        for ix in order.iter().rev() {
            self.connect(*ix);
        }
        let nodes: Vec<Option<NodeColumns>> = self.nodes.into_iter().map(|draft| Some(draft?.columns)).collect();
        let mut graph = ColumnGraph { nodes, ..ColumnGraph::default() };
        graph.turn();
        graph
    }

    /// The columns of a node, as far as its parents' are known.
    fn draft(&self, ix: NodeIndex) -> Draft {
        let node = self.manifest.node(ix);
        let given = self.facts.columns.get(&ix);
        let mut draft = match self.facts.sql.get(&ix) {
            Some(Ok(sql)) => self.queried(ix, sql, given),
            Some(Err(reason)) => Draft { columns: root(node, given, Some(reason)), ..Draft::default() },
            None => Draft { columns: root(node, given, None), ..Draft::default() },
        };
        for name in self.found.get(&ix).into_iter().flatten() {
            if draft.columns.find(name).is_none() {
                draft.columns.columns.push(Column {
                    name: name.clone(),
                    origin: Origin::Inferred,
                    ..Column::default()
                });
            }
        }
        draft
    }

    fn queried(&self, ix: NodeIndex, sql: &str, given: Option<&Given>) -> Draft {
        let node = self.manifest.node(ix);
        let parents = Parents { builder: self, own: ix, asked: RefCell::default() };
        let query = sql::analyze(sql, self.dialect, &parents);
        let asked = parents.asked.into_inner();
        let node_of = |table: &TableName| asked.iter().find(|(name, _)| name == table).map(|(_, ix)| *ix);
        let tables = query.tables.iter().map(node_of).collect();
        let mut columns = NodeColumns {
            open: query.unlisted.as_ref().map(|unlisted| unlisted.reason.clone()),
            unknown: query.unknown.clone(),
            print: query.print,
            keeps: query.keeps,
            ..NodeColumns::default()
        };
        let outputs = query.outputs.iter().map(|output| Column {
            name: output.name.clone(),
            data_type: declared_type(node, &output.name),
            unknown: output.unknown.clone(),
            print: output.print,
            ..Column::default()
        });
        columns.columns.extend(outputs);
        if let Some(unlisted) = &query.unlisted {
            // What the database or the property file lists must come through the star.
            let listed = given.map(|given| given.columns.iter().map(|(name, _)| (name.as_str(), Origin::Database)));
            let declared = node.columns.keys().map(|name| (name.as_str(), Origin::Declared));
            let more: Vec<_> = listed.into_iter().flatten().chain(declared).collect();
            for (name, origin) in more {
                let is_hidden = unlisted.hidden.iter().any(|hidden| hidden.eq_ignore_ascii_case(name));
                if columns.find(name).is_none() && !is_hidden {
                    let data_type = declared_type(node, name);
                    columns.columns.push(Column { name: name.to_owned(), data_type, origin, ..Column::default() });
                }
            }
            // The database lists all there are.
            if given.is_some() {
                columns.open = None;
            }
        }
        for (name, data_type) in given.iter().flat_map(|given| &given.columns) {
            if let Some(at) = columns.find(name) {
                columns.columns[at].data_type.clone_from(data_type);
            }
        }
        if node.resource_type == ResourceType::Snapshot {
            // Their edges are made when those of the query are; until then the names count.
            snapshot::add_columns(node, &mut columns);
        }
        Draft { columns, query: Some(query), tables }
    }

    /// Makes the edges of a node. Its children come before it, so that all columns that they read are listed.
    fn connect(&mut self, ix: NodeIndex) {
        let Some(mut draft) = self.nodes[ix.as_usize()].take() else { return };
        if let Some(query) = draft.query.take() {
            let tables = std::mem::take(&mut draft.tables);
            let node = self.manifest.node(ix);
            let outside = |table: usize| match tables.get(table) {
                Some(Some(_)) => None,
                _ => query
                    .tables
                    .get(table)
                    .map(|name| format!("it comes from `{name}`, which is no node of the project")),
            };
            for output in &query.outputs {
                let edges = self.edges(ix, &output.sources, &tables);
                let stray = output.sources.iter().find_map(|source| outside(source.table));
                if let Some(at) = draft.columns.columns.iter().position(|column| column.name == output.name) {
                    let column = &mut draft.columns.columns[at];
                    column.edges = edges;
                    column.unknown = column.unknown.take().or(stray);
                }
            }
            draft.columns.uses = self.edges(ix, &query.uses, &tables);
            for at in 0..draft.columns.columns.len() {
                let column = &draft.columns.columns[at];
                let is_listed = query.outputs.iter().any(|output| output.name == column.name);
                if !is_listed && column.origin != Origin::Snapshot {
                    let name = column.name.clone();
                    let (edges, unknown) = self.through(ix, &name, &query, &tables);
                    let column = &mut draft.columns.columns[at];
                    column.edges = edges;
                    column.unknown = unknown;
                    column.print = 1;
                }
            }
            if node.resource_type == ResourceType::Snapshot {
                draft.columns.columns.retain(|column| column.origin != Origin::Snapshot);
                snapshot::add_columns(node, &mut draft.columns);
            }
        }
        self.nodes[ix.as_usize()] = Some(draft);
    }

    /// Edges from what a query reads. Edges to the node itself are left out.
    fn edges(&mut self, own: NodeIndex, sources: &[Source], tables: &[Option<NodeIndex>]) -> Vec<Edge> {
        let mut edges = Vec::with_capacity(sources.len());
        for source in sources {
            let Some(parent) = tables.get(source.table).copied().flatten().filter(|parent| *parent != own) else {
                continue;
            };
            if let Some(from) = self.column_of(parent, &source.column) {
                edges.push(Edge { from, how: source.how });
            }
        }
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// A column of a parent, which has it even if it did not know.
    fn column_of(&mut self, parent: NodeIndex, name: &str) -> Option<ColumnRef> {
        let columns = &mut self.nodes[parent.as_usize()].as_mut()?.columns;
        let column = columns.find(name).unwrap_or_else(|| {
            columns.columns.push(Column { name: name.to_owned(), origin: Origin::Inferred, ..Column::default() });
            columns.columns.len() - 1
        });
        Some(ColumnRef { node: parent, column })
    }

    /// Where a column comes from that passes through a star without being listed.
    fn through(
        &mut self,
        own: NodeIndex,
        name: &str,
        query: &Query,
        tables: &[Option<NodeIndex>],
    ) -> (Vec<Edge>, Option<String>) {
        let Some(unlisted) = &query.unlisted else {
            return (Vec::new(), Some("its query does not give it".to_owned()));
        };
        let (mut edges, mut unknown) = (Vec::new(), None);
        for branch in &unlisted.branches {
            match branch.as_slice() {
                [table] => {
                    let source = Source { table: *table, column: name.to_owned(), how: How::Pass };
                    let made = self.edges(own, &[source], tables);
                    if made.is_empty() {
                        unknown = Some(unlisted.reason.clone());
                    }
                    edges.extend(made);
                }
                [] => unknown = Some(unlisted.reason.clone()),
                several => {
                    let names: Vec<String> =
                        several.iter().map(|table| format!("`{}`", query.tables[*table])).collect();
                    let names = names.join(" or ");
                    unknown = Some(format!("it may come from {names}, whose columns are not all known"));
                }
            }
        }
        (edges, unknown)
    }
}

impl ColumnGraph {
    /// Makes the edges known from the other side.
    fn turn(&mut self) {
        let mut children: HashMap<ColumnRef, Vec<(NodeIndex, Option<usize>, How)>> = HashMap::new();
        for (ix, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            let ix = NodeIndex::from_usize(ix);
            for (at, column) in node.columns.iter().enumerate() {
                for edge in &column.edges {
                    children.entry(edge.from).or_default().push((ix, Some(at), edge.how));
                }
            }
            for edge in &node.uses {
                children.entry(edge.from).or_default().push((ix, None, edge.how));
            }
        }
        self.children = children;
    }
}

/// The columns of a node without a query.
fn root(node: &Node, given: Option<&Given>, reason: Option<&String>) -> NodeColumns {
    let mut columns = NodeColumns { unknown: reason.cloned().into_iter().collect(), ..NodeColumns::default() };
    if let Some(given) = given {
        let listed = given.columns.iter().map(|(name, data_type)| Column {
            name: name.clone(),
            data_type: data_type.clone().or_else(|| declared_type(node, name)),
            origin: given.origin,
            ..Column::default()
        });
        columns.columns = listed.collect();
        return columns;
    }
    let declared = node.columns.values().map(|column| Column {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        origin: Origin::Declared,
        ..Column::default()
    });
    columns.columns = declared.collect();
    columns.open = Some(match reason {
        Some(reason) => reason.clone(),
        None if columns.columns.is_empty() => "its columns are not declared".to_owned(),
        None => "its columns are declared in a property file, which may leave some out".to_owned(),
    });
    columns
}

fn declared_type(node: &Node, name: &str) -> Option<String> {
    let exact = node.columns.get(name);
    let column = exact.or_else(|| node.columns.values().find(|column| column.name.eq_ignore_ascii_case(name)));
    column.and_then(|column| column.data_type.clone())
}
