//! The relations and schemas that exist, looked up in the cache and changed through macros.

use std::sync::Arc;

use minijinja::{Error, State, Value};

use super::{Live, call_macro, one, relation_arg};
use crate::adapter::CachedRelation;
use crate::diagnostic::Code;
use crate::jinja::context::failure::{fail, fail_sql};
use crate::jinja::functions::{none, text_of};
use crate::jinja::objects::relation::{NameMatch, RelationValue, approximate_match, kwargs};
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, CallArgs, PyList};
use crate::sql::{Dialect, QuotePolicy, Relation};

impl Live {
    pub(super) fn find_relation(&self, search: &Relation) -> Result<Option<RelationValue>, Error> {
        let database = search.database.as_deref();
        let (schema, name) = (search.schema.as_deref().unwrap_or_default(), search.identifier.as_deref());
        self.runtime.list_schema(&self.session, database, schema).map_err(fail_sql)?;
        let Some(found) = self.runtime.relations.find(database, schema, name.unwrap_or_default()) else {
            return Ok(None);
        };
        let mut value = RelationValue::new(found.relation, self.runtime.shared.dialect);
        value.dbt_created = found.is_ours;
        match value.match_name(search) {
            NameMatch::Exact => Ok(Some(value)),
            NameMatch::Near => Err(approximate_match(search, &value)),
            NameMatch::None => Ok(None),
        }
    }

    pub(super) fn get_relation(&self, args: &[Value]) -> Result<Value, Error> {
        let names = ["database", "schema", "identifier"];
        let [database, schema, identifier] = CallArgs::split(args).bind("get_relation", names, 3)?;
        let search = self.searched([text_of(database), text_of(schema), text_of(identifier)]);
        if search.identifier.is_none() {
            return Ok(none());
        }
        Ok(self.find_relation(&search)?.map_or_else(none, RelationValue::into_value))
    }

    /// What is looked for: names that are not quoted are so in lower case.
    fn searched(&self, names: [Option<String>; 3]) -> Relation {
        let quoting = self.runtime.shared.quoting;
        let part =
            |name: Option<String>, is_quoted: bool| name.map(|text| if is_quoted { text } else { text.to_lowercase() });
        let [database, schema, identifier] = names;
        Relation {
            database: part(database, quoting.database),
            schema: part(schema, quoting.schema),
            identifier: part(identifier, quoting.identifier),
            kind: None,
            quoting: QuotePolicy::ALL,
        }
    }

    /// Whether the database has a relation of these names.
    pub(crate) fn has_relation(&self, relation: &Relation) -> Result<bool, Error> {
        let Relation { database, schema, identifier, .. } = relation.clone();
        let search = self.searched([database, schema, identifier]);
        Ok(self.find_relation(&search)?.is_some())
    }

    pub(super) fn already_exists(&self, args: &[Value]) -> Result<Value, Error> {
        let [schema, name] = CallArgs::split(args).bind("already_exists", ["schema", "name"], 2)?;
        let database = self.runtime.project.target.database.clone();
        let search = Relation::new(database, text_of(schema).unwrap_or_default(), text_of(name).unwrap_or_default());
        Ok(Value::from(self.find_relation(&search)?.is_some()))
    }

    pub(super) fn list_relations(&self, args: &[Value]) -> Result<Value, Error> {
        let [database, schema] = CallArgs::split(args).bind("list_relations", ["database", "schema"], 2)?;
        let (database, schema) = (text_of(database), text_of(schema).unwrap_or_default());
        self.runtime.list_schema(&self.session, database.as_deref(), &schema).map_err(fail_sql)?;
        let found = self.runtime.relations.relations(database.as_deref(), &schema);
        let dialect = self.runtime.shared.dialect;
        Ok(PyList::value(
            found.into_iter().map(|found| RelationValue::new(found.relation, dialect).into_value()).collect(),
        ))
    }

    pub(super) fn cache_one(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let relation = one(method, "relation", args)?;
        let Some(relation) = RelationValue::of(&relation) else {
            let verb = if method == "cache_added" { "cache" } else { "drop" };
            let name = self.session.name();
            return Err(fail(Code::WrongArguments, format!("Attempted to {verb} a null relation for {name}")));
        };
        if method == "cache_added" {
            self.runtime.relations.add(relation.relation.clone(), relation.dbt_created);
        } else {
            self.runtime.relations.remove(&relation.relation);
        }
        Ok(Value::from(""))
    }

    pub(super) fn rename_args(&self, method: &str, args: &[Value]) -> Result<[Value; 2], Error> {
        let [from, to] = CallArgs::split(args).bind(method, ["from_relation", "to_relation"], 2)?;
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        if RelationValue::of(&from).is_none() || RelationValue::of(&to).is_none() {
            let message =
                format!("Attempted to rename {} to {} for {}", py::to_str(&from), py::to_str(&to), self.session.name());
            return Err(fail(Code::WrongArguments, message));
        }
        Ok([from, to])
    }

    pub(super) fn cache_renamed(&self, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.rename_args("cache_renamed", args)?;
        if let (Some(from), Some(to)) = (RelationValue::of(&from), RelationValue::of(&to)) {
            self.runtime.relations.rename(&from.relation, &to.relation);
        }
        Ok(Value::from(""))
    }

    pub(super) fn rename_relation(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.rename_args("rename_relation", args)?;
        self.cache_renamed(&[from.clone(), to.clone()])?;
        call_macro(state, "rename_relation", &[kwargs(&[("from_relation", from), ("to_relation", to)])])?;
        Ok(none())
    }

    pub(super) fn drop_relation(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let value = one("drop_relation", "relation", args)?;
        let relation = relation_arg("drop_relation", "relation", Some(value.clone()))?;
        if relation.relation.kind.is_none() {
            let message = format!("Tried to drop relation {}, but its type is null.", relation.to_sql());
            return Err(fail(Code::TemplateFailed, message));
        }
        self.runtime.relations.remove(&relation.relation);
        call_macro(state, "drop_relation", &[kwargs(&[("relation", value)])])?;
        Ok(none())
    }

    /// What reads a relation: none if nothing is known to, else the list of those that this run still builds.
    pub(super) fn known_dependents(&self, args: &[Value]) -> Result<Value, Error> {
        let relation = one("known_dependents", "relation", args)?;
        let relation = relation_arg("known_dependents", "relation", Some(relation))?;
        let Some(dependents) = self.runtime.relations.dependents(&relation.relation) else { return Ok(none()) };
        let is_to_come = |found: &CachedRelation| !found.is_ours && self.runtime.builds(&found.relation);
        let dialect = self.runtime.shared.dialect;
        let value = |found: CachedRelation| RelationValue::new(found.relation, dialect).into_value();
        Ok(PyList::value(dependents.into_iter().filter(is_to_come).map(value).collect()))
    }

    pub(super) fn pass_on(
        &self,
        state: &mut State<'_, '_>,
        method: &str,
        name: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let value = one(method, name, args)?;
        call_macro(state, method, &[kwargs(&[(name, value)])])?;
        Ok(none())
    }

    pub(super) fn change_schema(
        &self,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let relation = one(method, "relation", args)?;
        let relation = relation_arg(method, "relation", Some(relation))?.without_identifier();
        let (database, schema) = (relation.relation.database.clone(), relation.relation.schema.clone());
        call_macro(state, method, &[kwargs(&[("relation", relation.into_value())])])?;
        self.session.commit().map_err(fail_sql)?;
        if method == "drop_schema" {
            self.runtime.relations.drop_schema(database.as_deref(), schema.as_deref().unwrap_or_default());
        }
        Ok(none())
    }

    pub(super) fn check_schema_exists(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [database, schema] = CallArgs::split(args).bind("check_schema_exists", ["database", "schema"], 2)?;
        let mut relation = Relation::new(text_of(database).unwrap_or_default(), "", "");
        relation.quoting = self.runtime.shared.quoting;
        let information_schema = RelationValue::new(relation, self.runtime.shared.dialect).into_value();
        let information_schema = information_schema.call_method(state, "information_schema", &[])?;
        let arguments = kwargs(&[("information_schema", information_schema), ("schema", schema.unwrap_or_default())]);
        let table = call_macro(state, "check_schema_exists", &[arguments])?;
        let first = TableValue::of(&table).and_then(|table| table.rows.first()?.first().cloned());
        Ok(Value::from(first.is_some_and(|count| count.is_true())))
    }

    pub(super) fn list_schemas(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let database = one("list_schemas", "database", args)?;
        let table = call_macro(state, "list_schemas", &[database])?;
        let first = |row: &Arc<Vec<Value>>| row.first().cloned();
        let rows = TableValue::of(&table).map(|table| table.rows.iter().filter_map(first).collect());
        Ok(PyList::value(rows.unwrap_or_default()))
    }

    pub(super) fn verify_database(&self, args: &[Value]) -> Result<Value, Error> {
        let database = py::to_str(&one("verify_database", "database", args)?);
        let expected = &self.runtime.project.target.database;
        if self.runtime.shared.dialect == Dialect::Postgres && database.to_lowercase() != expected.to_lowercase() {
            let message = format!("Cross-db references not allowed in postgres ({database} vs {expected})");
            return Err(fail(Code::Unsupported, message));
        }
        Ok(Value::from(""))
    }
}
