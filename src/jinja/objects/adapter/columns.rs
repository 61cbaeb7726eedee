//! The columns that relations and queries have, and what is compared or demanded of them.

use std::sync::Arc;

use minijinja::{Error, State, Value};

use super::{Live, call_macro, one, relation_arg};
use crate::adapter::AdapterErrorKind;
use crate::diagnostic::Code;
use crate::jinja::context::failure::{fail, fail_sql};
use crate::jinja::functions::{given, none, text_of};
use crate::jinja::objects::column::{ColumnValue, string_type};
use crate::jinja::objects::relation::{RelationValue, kwargs};
use crate::jinja::py::{self, CallArgs, PyList};
use crate::sql::{Dialect, Relation};

impl Live {
    /// The columns of a relation, asked of the catalog unless the project has its own macro for it.
    pub(super) fn columns_value(&self, state: &mut State<'_, '_>, relation: &RelationValue) -> Result<Value, Error> {
        if self.has_own_macro("get_columns_in_relation") {
            return call_macro(state, "get_columns_in_relation", &[relation.clone().into_value()]);
        }
        Ok(PyList::value(self.columns(state, relation)?.into_iter().map(ColumnValue::into_value).collect()))
    }

    pub(super) fn has_own_macro(&self, name: &str) -> bool {
        let registry = self.runtime.env.registry();
        let names = [name.to_string(), format!("{}__{name}", self.runtime.shared.adapter_type())];
        let packages = self.runtime.project.packages.iter().map(|package| package.config.name.as_str());
        packages.into_iter().any(|package| names.iter().any(|name| registry.in_package(package, name).is_some()))
    }

    pub(super) fn columns(
        &self,
        state: &mut State<'_, '_>,
        relation: &RelationValue,
    ) -> Result<Vec<ColumnValue>, Error> {
        if self.has_own_macro("get_columns_in_relation") {
            let columns = self.columns_value(state, relation)?;
            let columns = py::iterate(&columns)?;
            return Ok(columns.iter().filter_map(|c| c.downcast_object_ref::<ColumnValue>().cloned()).collect());
        }
        let name = relation.written();
        let mut columns = Vec::new();
        // Postgres looks up a temporary table by its name alone.
        let dialect = self.runtime.shared.dialect;
        let is_in_catalog = name.schema.is_some() || dialect == Dialect::Postgres;
        if relation.external.is_none() && is_in_catalog {
            columns = self.session.columns(&name).map_err(fail_sql)?;
        }
        if columns.is_empty() && dialect == Dialect::DuckDb {
            // Temporary tables and files are not in the catalog; a query over them still has columns.
            columns = match self.session.describe(&format!("select * from {}", relation.to_sql())) {
                Ok(columns) => columns,
                Err(failure) if failure.error.kind == AdapterErrorKind::MissingRelation => Vec::new(),
                Err(failure) if failure.error.message.to_lowercase().contains("does not exist") => Vec::new(),
                Err(failure) => return Err(fail_sql(failure)),
            };
        }
        Ok(columns.into_iter().map(|column| ColumnValue::new(column, dialect)).collect())
    }

    pub(super) fn columns_in_table(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [schema, name] = CallArgs::split(args).bind("get_columns_in_table", ["schema", "identifier"], 2)?;
        let database = self.runtime.project.target.database.clone();
        let relation = Relation::new(database, text_of(schema).unwrap_or_default(), text_of(name).unwrap_or_default());
        self.columns_value(state, &RelationValue::new(relation, self.runtime.shared.dialect))
    }

    pub(super) fn describe(&self, args: &[Value]) -> Result<Value, Error> {
        let sql = py::to_str(&one("get_column_schema_from_query", "sql", args)?);
        let columns = self.session.describe(&sql).map_err(fail_sql)?;
        let dialect = self.runtime.shared.dialect;
        let columns = columns.into_iter().flat_map(|column| ColumnValue::new(column, dialect).flatten());
        Ok(PyList::value(columns.map(ColumnValue::into_value).collect()))
    }

    pub(super) fn two_relations(&self, method: &str, args: &[Value]) -> Result<[Arc<RelationValue>; 2], Error> {
        let [from, to] = CallArgs::split(args).bind(method, ["from_relation", "to_relation"], 2)?;
        Ok([relation_arg(method, "from_relation", from)?, relation_arg(method, "to_relation", to)?])
    }

    pub(super) fn missing_columns(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.two_relations("get_missing_columns", args)?;
        let (from, to) = (self.columns(state, &from)?, self.columns(state, &to)?);
        let is_missing = |column: &ColumnValue| !to.iter().any(|other| other.column.name == column.column.name);
        Ok(PyList::value(from.into_iter().filter(is_missing).map(ColumnValue::into_value).collect()))
    }

    pub(super) fn expand_columns(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [goal, current] = self.two_relations("expand_target_column_types", args)?;
        if self.runtime.shared.dialect == Dialect::DuckDb {
            return Ok(none());
        }
        let (goals, currents) = (self.columns(state, &goal)?, self.columns(state, &current)?);
        for goal in &goals {
            let Some(column) = currents.iter().find(|column| column.column.name == goal.column.name) else { continue };
            if column.can_expand_to(goal) {
                let new_type = string_type(goal.string_size()?);
                let arguments = kwargs(&[
                    ("relation", RelationValue::clone(&current).into_value()),
                    ("column_name", Value::from(goal.column.name.as_str())),
                    ("new_column_type", Value::from(new_type)),
                ]);
                call_macro(state, "alter_column_type", &[arguments])?;
            }
        }
        Ok(none())
    }

    pub(super) fn valid_snapshot(
        &self,
        state: &mut State<'_, '_>,
        args: &[Value],
        wanted: &[&str],
    ) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        let argument = |ix: usize, name: &str| args.keyword(name).or_else(|| args.positional.get(ix)).cloned();
        let relation = relation_arg("valid_snapshot_target", "relation", argument(0, "relation"))?;
        let names = given(argument(1, "column_names"));
        let columns = self.columns(state, &relation)?;
        let mut missing = Vec::new();
        for column in wanted {
            let desired = match &names {
                Some(names) => text_of(names.get_attr(column).ok()),
                None => Some((*column).to_string()),
            };
            let Some(desired) = desired.filter(|name| !name.is_empty()) else { continue };
            if !columns.iter().any(|other| other.column.name.eq_ignore_ascii_case(&desired)) {
                missing.push(desired);
            }
        }
        if missing.is_empty() {
            return Ok(none());
        }
        let message = format!(
            "Snapshot target is missing configured columns (missing \"{}\"). See \
             https://docs.getdbt.com/docs/build/snapshots#snapshot-meta-fields for more information.",
            missing.join("\", \"")
        );
        Err(fail(Code::TemplateFailed, message))
    }

    pub(super) fn valid_snapshot_strategy(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let names = ["relation", "column_names", "strategy"];
        let [relation, columns, strategy] =
            CallArgs::split(args).bind("assert_valid_snapshot_target_given_strategy", names, 3)?;
        let args = [relation.unwrap_or_default(), columns.unwrap_or_default()];
        self.valid_snapshot(state, &args, &["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"])?;
        let hard_deletes = strategy.unwrap_or_default().get_attr("hard_deletes")?;
        if hard_deletes.as_str() == Some("new_record") {
            self.valid_snapshot(state, &args, &["dbt_is_deleted"])?;
        }
        Ok(none())
    }
}
