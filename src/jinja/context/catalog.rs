//! What the database knows of a project's relations: the rows of `get_catalog` and `get_catalog_relations`.
//!
//! Projects and adapters override the two macros, so they are called as dbt calls them. Turning rows into
//! `catalog.json` is the affair of `artifacts`.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;
use serde_json::{Map, Value as Data};

use super::lookup::node_relation;
use super::runtime::Runtime;
use super::session::Session;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, PyList, PySet};
use crate::manifest::{NodeIndex, NodeKind, ResourceType};

/// One column of one relation, under the names that the macros give: `table_name`, `column_type`, `stats:…`.
pub type CatalogRow = Map<String, Data>;

/// What was read of the database's catalog.
#[derive(Debug, Default)]
pub struct Catalog {
    /// One row a column.
    pub rows: Vec<CatalogRow>,
    /// Databases that could not be asked.
    pub errors: Vec<Box<Diagnostic>>,
}

/// Above so many relations whole schemas are asked for.
const MOST_RELATIONS: usize = 100;

/// Values of these columns are texts, whatever they look like.
const TEXTS: &[&str] = &[
    "table_database",
    "table_schema",
    "table_name",
    "table_type",
    "table_comment",
    "table_owner",
    "column_name",
    "column_type",
    "column_comment",
];

/// Relations of one information schema.
struct Group {
    information_schema: RelationValue,
    relations: Vec<RelationValue>,
}

/// Database, schema and identifier without regard to case.
type Key = (Option<String>, Option<String>, Option<String>);

impl Runtime {
    /// Asks the database for the columns of selected nodes and sources, or of all with `None`.
    ///
    /// One database that cannot be asked does not hide the others.
    pub fn catalog(self: &Arc<Self>, selected: Option<&[NodeIndex]>) -> Catalog {
        let relations_of = |list: &mut dyn Iterator<Item = NodeIndex>| -> Vec<RelationValue> {
            let has_relation = list.filter(|ix| self.is_catalogued(*ix));
            has_relation.map(|ix| node_relation(&self.shared, self.manifest.node(ix))).collect()
        };
        let wanted = selected.map(|list| relations_of(&mut list.iter().copied()));
        let keys: Option<HashSet<Key>> = wanted.as_ref().map(|list| list.iter().map(key).collect());
        let by_relation = keys.as_ref().is_some_and(|keys| keys.len() <= MOST_RELATIONS);
        let asked = match wanted {
            Some(wanted) if by_relation => wanted,
            _ => relations_of(&mut self.manifest.indices()),
        };
        let mut catalog = Catalog::default();
        for group in groups(asked) {
            match self.ask(&group, by_relation) {
                Ok(rows) => catalog.rows.extend(rows),
                Err(error) => catalog.errors.push(error),
            }
        }
        let schemas = self.used_schemas();
        catalog.rows.retain(|row| {
            let (database, schema, name) = row_key(row);
            let keys = keys.as_ref().filter(|keys| !keys.is_empty());
            schemas.contains(&(database.clone(), schema.clone()))
                && keys.is_none_or(|keys| keys.contains(&(database, schema, name)))
        });
        catalog
    }

    /// Whether a node is a relation that documentation shows.
    fn is_catalogued(&self, ix: NodeIndex) -> bool {
        let node = self.manifest.node(ix);
        match &node.kind {
            NodeKind::Source(_) => true,
            _ if node.resource_type == ResourceType::Test => {
                let by_flag = self.project.settings.store_failures;
                match node.config.str("store_failures_as") {
                    Some(how) => how != "ephemeral",
                    None => node.config.bool("store_failures").unwrap_or(by_flag),
                }
            }
            _ => node.resource_type.is_refable() && node.config.materialized() != "ephemeral",
        }
    }

    /// The schemas that nodes and sources are in, without regard to case.
    fn used_schemas(&self) -> HashSet<(Option<String>, Option<String>)> {
        let nodes = self.manifest.nodes.iter();
        let with_schema =
            nodes.filter(|node| node.resource_type.is_manifest_node() || matches!(node.kind, NodeKind::Source(_)));
        with_schema
            .filter_map(|node| Some((Some(node.database.as_ref()?.to_lowercase()), Some(node.schema.to_lowercase()))))
            .collect()
    }

    /// Asks one database.
    fn ask(self: &Arc<Self>, group: &Group, by_relation: bool) -> Result<Vec<CatalogRow>, Box<Diagnostic>> {
        let database = group.information_schema.relation.database.as_deref().unwrap_or("None");
        let session = self.session(&format!("{database}.information_schema"));
        let table = self.call_catalog_macro(&session, group, by_relation);
        session.release();
        rows(&table?)
    }

    fn call_catalog_macro(
        self: &Arc<Self>,
        session: &Arc<Session>,
        group: &Group,
        by_relation: bool,
    ) -> Result<Value, Box<Diagnostic>> {
        let relations = group.relations.iter();
        let (name, argument, value) = if by_relation {
            let list = relations.map(|relation| relation.clone().into_value()).collect();
            ("get_catalog_relations", "relations", PyList::value(list))
        } else {
            let schemas: IndexSet<String> = relations
                .filter_map(|relation| relation.relation.schema.as_ref().map(|name| name.to_lowercase()))
                .collect();
            ("get_catalog", "schemas", PySet::new(schemas.into_iter().map(Value::from)).into_value())
        };
        let information_schema = group.information_schema.clone().into_value();
        self.call_macro(session, name, &[], &[("information_schema", information_schema), (argument, value)])
    }
}

/// Sorts relations by their database's information schema, each once.
fn groups(relations: Vec<RelationValue>) -> Vec<Group> {
    let mut groups: IndexMap<(Option<String>, bool), Group> = IndexMap::new();
    let mut seen = HashSet::new();
    for relation in relations {
        if !seen.insert(key(&relation)) {
            continue;
        }
        let name = (relation.relation.database.clone(), relation.relation.quoting.database);
        let group = groups
            .entry(name)
            .or_insert_with(|| Group { information_schema: relation.information_schema(None), relations: Vec::new() });
        group.relations.push(relation);
    }
    groups.into_values().collect()
}

fn key(relation: &RelationValue) -> Key {
    let lower = |part: &Option<String>| part.as_ref().map(|name| name.to_lowercase());
    let relation = &relation.relation;
    (lower(&relation.database), lower(&relation.schema), lower(&relation.identifier))
}

fn row_key(row: &CatalogRow) -> Key {
    let lower = |name: &str| row.get(name).and_then(Data::as_str).map(str::to_lowercase);
    (lower("table_database"), lower("table_schema"), lower("table_name"))
}

/// The rows of a macro's answer.
fn rows(answer: &Value) -> Result<Vec<CatalogRow>, Box<Diagnostic>> {
    let Some(table) = TableValue::of(answer) else {
        let message = format!("the catalog macro returned no table but {}", py::text::type_name(answer));
        return Err(Box::new(Diagnostic::error(Code::TemplateFailed, message).hint("return what `run_query` gives")));
    };
    let row = |values: &Arc<Vec<Value>>| {
        table.names.iter().zip(values.iter()).map(|(name, value)| (name.clone(), cell(name, value))).collect()
    };
    Ok(table.rows.iter().map(row).collect())
}

fn cell(name: &str, value: &Value) -> Data {
    match py::to_json(value) {
        data @ (Data::Null | Data::String(_)) => data,
        _ if TEXTS.contains(&name) => Data::String(py::to_str(value)),
        data => data,
    }
}
