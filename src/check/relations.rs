//! The relations on the bench: made for what was bound, taken from the project's database where they are no nodes.

use super::shape::{Asked, Certainty, Shape};
use super::{Checked, Checker, UNKNOWN_COLUMN, is_ephemeral, message};
use crate::adapter::ASIDE;
use crate::compile::CompiledNode;
use crate::manifest::{Node, NodeIndex, ResourceType};
use crate::sql::{self, Dialect, Query, Relation, RelationKind, TableName};

impl Checker<'_> {
    /// Has the database name the types, where describing a query gives only their families. Whether the relation that
    /// it was made for is there now.
    pub(super) fn exact_types(&mut self, ix: NodeIndex, compiled: &CompiledNode, checked: &mut Checked) -> bool {
        if self.setup.bench.is_apart() || checked.shape.certainty != Certainty::Typed {
            return false;
        }
        let node = self.manifest.node(ix);
        let relation = self.place(ix);
        match self.setup.bench.create_as(&relation, &compiled.compiled_code) {
            Ok(columns) => {
                let columns: Vec<_> = columns.into_iter().map(|column| (column.name, column.data_type)).collect();
                let is_whole = node.resource_type == ResourceType::Model && !is_ephemeral(node) && !columns.is_empty();
                checked.shape = Shape::typed(columns);
                if is_whole {
                    self.announce(ix, relation);
                    return true;
                }
            }
            Err(error) => {
                checked.shape.certainty = Certainty::Named;
                checked.shape.reason = Some(message::sentence(&error.message));
            }
        }
        self.setup.bench.drop_any(&relation);
        false
    }

    /// Makes the relation of a node for its children.
    pub(super) fn keep(&mut self, ix: NodeIndex, checked: &mut Checked) {
        let node = self.manifest.node(ix);
        if node.resource_type == ResourceType::Snapshot {
            snapshot_columns(node, self.setup.runtime.adapter.dialect(), &mut checked.shape);
        }
        if let Some(columns) = checked.shape.types().filter(|columns| !columns.is_empty()) {
            match self.create_typed(ix, &columns) {
                Ok(()) => return,
                Err(reason) => {
                    checked.shape.certainty = Certainty::Named;
                    let reason = message::headline(&reason);
                    checked.shape.reason = Some(format!("the types of `{}`: {reason}", node.unique_id));
                }
            }
        }
        self.create_untyped(ix, &checked.shape);
    }

    /// The relation of a node on the bench, in a schema that exists.
    pub(super) fn place(&mut self, ix: NodeIndex) -> Relation {
        let relation = self.setup.runtime.relation(ix);
        let schema = (relation.database.clone(), relation.schema.clone().unwrap_or_default());
        if !self.schemas.contains(&schema) {
            // What comes next says what is wrong if this fails.
            let _ = self.setup.bench.create_schema(schema.0.as_deref(), &schema.1);
            self.schemas.push(schema);
        }
        relation
    }

    pub(super) fn create_typed(&mut self, ix: NodeIndex, columns: &[(String, String)]) -> Result<(), String> {
        let relation = self.place(ix);
        self.setup.bench.create_table(&relation, columns).map_err(|error| error.message)?;
        self.announce(ix, relation);
        Ok(())
    }

    /// Makes a relation whose columns fit everywhere, where their types are not known.
    pub(super) fn create_untyped(&mut self, ix: NodeIndex, shape: &Shape) {
        let relation = self.place(ix);
        let mut columns = shape.columns.clone();
        if shape.certainty == Certainty::Named {
            columns.iter_mut().for_each(|(_, data_type)| *data_type = None);
        }
        if columns.is_empty() {
            columns.push((UNKNOWN_COLUMN.to_owned(), None));
        }
        if self.setup.bench.create_view(&relation, &columns).is_err() {
            columns.iter_mut().for_each(|(_, data_type)| *data_type = None);
            // Without it, what reads it is not checked either.
            let _ = self.setup.bench.create_view(&relation, &columns);
        }
        self.announce(ix, relation);
    }

    /// Lets templates know of a relation.
    pub(super) fn announce(&self, ix: NodeIndex, relation: Relation) {
        let is_view = self.manifest.node(ix).config.materialized() == "view";
        let kind = if is_view { RelationKind::View } else { RelationKind::Table };
        self.setup.runtime.relations.add(relation.with_kind(Some(kind)), false);
    }

    /// Makes a relation as it is in the project's database.
    pub(super) fn borrow(&self, name: &str) -> Option<()> {
        if self.by_hand(name).is_some() {
            // What is there was built earlier, and may be built otherwise now.
            return None;
        }
        let (bench, relation) = (self.setup.bench, self.outside_relation(name));
        let schema = relation.schema.clone()?;
        let columns = if bench.is_apart() {
            let (_, session) = self.setup.database?;
            session.columns(&relation).ok()?
        } else {
            // Templates that name the target's schema mean the one that stands for it here.
            let real = Relation { schema: Some(schema.strip_prefix(ASIDE)?.to_owned()), ..relation.clone() };
            bench.columns(&real).ok()?
        };
        let columns: Vec<_> = columns.into_iter().map(|column| (column.name, column.data_type)).collect();
        if columns.is_empty() {
            return None;
        }
        bench.create_schema(relation.database.as_deref(), &schema).ok()?;
        bench.create_table(&relation, &columns).ok()
    }

    /// The node that builds a relation of this name.
    pub(super) fn by_hand(&self, name: &str) -> Option<NodeIndex> {
        let Relation { database, schema, identifier, .. } = self.outside_relation(name);
        let parts: Vec<String> = [database, schema, identifier].into_iter().flatten().collect();
        let named = self.shapes.named(&parts.join("."))?;
        (self.manifest.node(named).resource_type != ResourceType::Source).then_some(named)
    }

    pub(super) fn outside_relation(&self, name: &str) -> Relation {
        let parts: Vec<&str> = name.split('.').map(|part| part.trim_matches(['"', '\''])).collect();
        let target = &self.setup.runtime.project.target;
        match parts.as_slice() {
            [database, schema, identifier] => Relation::new(*database, *schema, *identifier),
            [schema, identifier] => Relation::new(target.database.as_str(), *schema, *identifier),
            _ => {
                let schema = if self.setup.bench.is_apart() { "main" } else { "public" };
                Relation::new(target.database.as_str(), schema, name.trim_matches(['"', '\'']))
            }
        }
    }

    /// Gives relations whose columns are not all known those that a query reads.
    pub(super) fn widen(&mut self, sql: &str) -> Query {
        let (query, tables) = self.analyzed(sql);
        for (name, ix) in tables {
            let Some(shape) = self.shapes.get(ix).filter(|shape| shape.certainty == Certainty::Open) else { continue };
            let number = query.tables.iter().position(|table| *table == name);
            let columns = number.and_then(|number| query.table_columns.get(number)).into_iter().flatten();
            let more: Vec<_> =
                columns.filter(|column| !shape.has(column)).map(|column| (column.clone(), None)).collect();
            if !more.is_empty() && self.manifest.node(ix).config.materialized() != "ephemeral" {
                let mut shape = shape.clone();
                shape.columns.extend(more);
                self.create_untyped(ix, &shape);
                self.shapes.set(ix, shape);
            }
        }
        query
    }

    pub(super) fn analyzed(&self, sql: &str) -> (Query, Vec<(TableName, NodeIndex)>) {
        let asked = Asked { shapes: &self.shapes, tables: Vec::new().into() };
        let query = sql::analyze(sql, self.setup.runtime.adapter.dialect(), &asked);
        (query, asked.tables.into_inner())
    }
}

/// The columns that a snapshot adds to those of its query.
pub(super) fn snapshot_columns(node: &Node, dialect: Dialect, shape: &mut Shape) {
    let (text, time) = match dialect {
        Dialect::DuckDb => ("VARCHAR", "TIMESTAMP"),
        Dialect::Postgres => ("text", "timestamp without time zone"),
    };
    let updated = node.config.str("updated_at");
    let own = updated.and_then(|name| shape.columns.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
    let time = own.map_or_else(|| Some(time.to_owned()), |(_, data_type)| data_type.clone());
    let mut added = vec![
        ("dbt_scd_id", Some(text.to_owned())),
        ("dbt_updated_at", time.clone()),
        ("dbt_valid_from", time.clone()),
        ("dbt_valid_to", time),
    ];
    if node.config.str("hard_deletes") == Some("new_record") {
        added.push(("dbt_is_deleted", Some(text.to_owned())));
    }
    let renamed = node.config.get("snapshot_meta_column_names").and_then(serde_json::Value::as_object);
    for (name, data_type) in added {
        let own = renamed.and_then(|names| names.get(name)).and_then(serde_json::Value::as_str);
        shape.columns.push((own.filter(|own| !own.is_empty()).unwrap_or(name).to_owned(), data_type));
    }
}

/// DuckDB gives columns of one name numbers when it makes a relation of them.
pub(super) fn number_duplicates(columns: &mut [(String, Option<String>)]) {
    for at in 1..columns.len() {
        let (before, rest) = columns.split_at_mut(at);
        let is_taken = |name: &str| before.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if is_taken(&rest[0].0) {
            let free = (1..).map(|n| format!("{}_{n}", rest[0].0)).find(|name| !is_taken(name));
            rest[0].0 = free.unwrap_or_default();
        }
    }
}
