//! `adapter`: what macros ask of the database, written once for all databases.
//!
//! While parsing nothing is asked: methods answer as dbt's replacements do.

mod answers;
mod columns;
mod duckdb;
pub(crate) mod postgres;
mod relations;
mod response;
mod statements;

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Data;

use self::answers::{
    convert_type, hard_deletes, incremental_strategy, quote, quote_seed_column, standardize_grants, strategies,
};
pub(crate) use self::response::{response_of, response_value};
use super::relation::RelationValue;
use super::relation_class::RelationClass;
use super::table::TableValue;
use super::table_parts::tuple;
use super::{cells, constraints, dispatch};
use crate::diagnostic::{Code, did_you_mean};
use crate::jinja::call_value;
use crate::jinja::context::base::Shared;
use crate::jinja::context::failure::{fail, fail_sql, fail_with};
use crate::jinja::context::{ContextError, Runtime, Session};
use crate::jinja::functions::{callable, none, text_of};
use crate::jinja::py::{self, CallArgs, PyList};
use crate::jinja::render_state;
use crate::sql::Dialect;

/// What a running adapter works with.
#[derive(Clone)]
pub(crate) struct Live {
    /// What threads share.
    pub(crate) runtime: Arc<Runtime>,
    /// This thread's session.
    pub(crate) session: Arc<Session>,
}

/// The adapter of one session, or of parsing.
pub(crate) struct AdapterValue {
    pub(super) shared: Arc<Shared>,
    pub(super) live: Option<Live>,
}

impl fmt::Debug for AdapterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<adapter {}>", self.shared.adapter_type())
    }
}

impl AdapterValue {
    /// The adapter that parsing sees.
    pub(crate) fn for_parsing(shared: Arc<Shared>) -> Self {
        Self { shared, live: None }
    }

    /// The adapter of a session.
    pub(crate) fn for_running(live: Live) -> Self {
        Self { shared: Arc::clone(&live.runtime.shared), live: Some(live) }
    }
}

/// Every method there is, for `adapter.x` without a call.
const METHODS: &[&str] = &[
    "type",
    "dispatch",
    "commit",
    "quote",
    "quote_as_configured",
    "quote_seed_column",
    "convert_type",
    "standardize_grants_dict",
    "render_raw_columns_constraints",
    "render_raw_model_constraints",
    "valid_incremental_strategies",
    "get_hard_deletes_behavior",
    "cache_added",
    "cache_dropped",
    "cache_renamed",
    "get_relation",
    "list_relations",
    "get_columns_in_relation",
    "get_columns_in_table",
    "get_missing_columns",
    "get_column_schema_from_query",
    "expand_target_column_types",
    "create_schema",
    "drop_schema",
    "drop_relation",
    "truncate_relation",
    "rename_relation",
    "check_schema_exists",
    "list_schemas",
    "already_exists",
    "execute",
    "add_query",
    "valid_snapshot_target",
    "assert_valid_snapshot_target_given_strategy",
    "get_incremental_strategy_macro",
    "verify_database",
    "alter_column_type",
    "build_catalog_relation",
    "is_motherduck",
    "is_ducklake",
    "disable_transactions",
    "external_root",
    "get_binding_char",
    "warn_once",
    "escape_sql_string",
    "location_exists",
    "get_seed_file_path",
    "use_database",
    "parse_index",
    "ensure_transaction",
    "use_ducklake_table_workarounds",
    "convert_datetimes_to_strs",
    "external_write_options",
    "external_read_location",
    "store_relation",
    "catalog_supports_foreign_keys",
    "existing_key_constraint_types",
    "batch_id_for_model",
    "get_temp_relation_path",
    "copy_rows",
];

impl Object for AdapterValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "Relation" => {
                let class = RelationClass { dialect: self.shared.dialect, quoting: self.shared.quoting };
                Some(Value::from_object(class))
            }
            "Column" => self.shared.names.get("column").cloned(),
            "behavior" => Some(Value::from_object(Behavior { shared: Arc::clone(&self.shared) })),
            _ => {
                let name = METHODS.iter().find(|name| **name == key)?;
                let adapter = Arc::clone(self);
                Some(callable(name, move |state, args| adapter.call_method(state, name, args)))
            }
        }
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if let Some(result) = self.offline(state, method, args) {
            return result;
        }
        match &self.live {
            Some(live) => match live.call(self, state, method, args) {
                Some(result) => result,
                None => self.call_own(state, method, args),
            },
            None => while_parsing(method).unwrap_or_else(|| self.call_own(state, method, args)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What methods that need a database answer while parsing.
fn while_parsing(method: &str) -> Option<Result<Value, Error>> {
    Some(Ok(match method {
        "get_columns_in_relation"
        | "get_columns_in_table"
        | "get_missing_columns"
        | "get_column_schema_from_query"
        | "list_relations"
        | "list_schemas" => PyList::value(Vec::new()),
        "check_schema_exists" | "already_exists" => Value::from(false),
        "execute" => tuple(vec![none(), TableValue::empty().into_value()]),
        "get_relation"
        | "drop_relation"
        | "truncate_relation"
        | "rename_relation"
        | "create_schema"
        | "drop_schema"
        | "expand_target_column_types"
        | "valid_snapshot_target"
        | "assert_valid_snapshot_target_given_strategy"
        | "get_incremental_strategy_macro"
        | "add_query"
        | "alter_column_type"
        | "commit" => none(),
        "cache_added" | "cache_dropped" | "cache_renamed" | "verify_database" => Value::from(""),
        _ => return None,
    }))
}

impl AdapterValue {
    /// Methods that need no database.
    fn offline(&self, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        Some(match method {
            "type" => Ok(Value::from(self.shared.adapter_type())),
            "dispatch" => dispatch::dispatch(&self.shared.project, self.shared.adapter_type(), state, args),
            "quote" => one(method, "identifier", args).map(|name| Value::from(quote(&py::to_str(&name)))),
            "quote_as_configured" => self.quote_as_configured(args),
            "quote_seed_column" => quote_seed_column(args),
            "convert_type" => convert_type(args),
            "standardize_grants_dict" => standardize_grants(args),
            "render_raw_columns_constraints" => {
                one(method, "raw_columns", args).and_then(|raw| constraints::columns(self.shared.dialect, &raw))
            }
            "render_raw_model_constraints" => {
                one(method, "raw_constraints", args).and_then(|raw| constraints::model(self.shared.dialect, &raw))
            }
            "valid_incremental_strategies" => {
                Ok(PyList::value(strategies(self.shared.dialect).iter().map(|name| Value::from(*name)).collect()))
            }
            "get_hard_deletes_behavior" => hard_deletes(args),
            "build_catalog_relation" | "get_catalog_integration" => Ok(none()),
            _ => return None,
        })
    }

    fn quote_as_configured(&self, args: &[Value]) -> Result<Value, Error> {
        let [name, key] = CallArgs::split(args).bind("quote_as_configured", ["identifier", "quote_key"], 2)?;
        let name = text_of(name).unwrap_or_default();
        let quoting = self.shared.quoting;
        let is_quoted = match text_of(key).unwrap_or_default().as_str() {
            "database" => quoting.database,
            "schema" => quoting.schema,
            "identifier" => quoting.identifier,
            _ => false,
        };
        Ok(Value::from(if is_quoted { quote(&name) } else { name }))
    }

    fn call_own(&self, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let own = match self.shared.dialect {
            Dialect::DuckDb => duckdb::call(self, state, method, args),
            Dialect::Postgres => postgres::call(self, method, args),
        };
        if let Some(result) = own {
            return result;
        }
        if self.live.is_none() {
            // As in dbt, a method that does not exist is undefined, which parsing lets pass.
            return Ok(Value::UNDEFINED);
        }
        Err(fail_with(ContextError {
            code: Code::UnknownMacro,
            message: format!("'adapter' has no method '{method}'"),
            hints: did_you_mean(method, METHODS.iter().copied()).into_iter().collect(),
        }))
    }
}

/// Binds the one argument of a method.
pub(super) fn one(method: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let [value] = CallArgs::split(args).bind(method, [name], 1)?;
    Ok(value.unwrap_or_default())
}

/// `adapter.behavior`: flags of the project that change what macros do.
struct Behavior {
    shared: Arc<Shared>,
}

impl fmt::Debug for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<behavior>")
    }
}

impl Object for Behavior {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let flag = self.shared.project.root().config.flags.get(key.as_str()?);
        Some(Value::from(flag.and_then(Data::as_bool).unwrap_or(false)))
    }
}

/// Reads a relation argument, with dbt's refusal of anything else.
fn relation_arg(method: &str, name: &str, value: Option<Value>) -> Result<Arc<RelationValue>, Error> {
    let value = value.unwrap_or_default();
    value.downcast_object::<RelationValue>().ok_or_else(|| {
        let message = format!(
            "'adapter.{method}' expects argument '{name}' to be of type 'Relation', instead got {} ({})",
            py::to_str(&value),
            py::text::type_name(&value)
        );
        fail(Code::WrongArguments, message)
    })
}

impl Live {
    /// Methods that need the database; `None` if there is none of that name.
    fn call(
        &self,
        adapter: &AdapterValue,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Option<Result<Value, Error>> {
        Some(match method {
            "commit" => self.session.commit().map(|()| none()).map_err(fail_sql),
            "execute" => self.execute(args),
            "add_query" => self.add_query(args),
            "get_relation" => self.get_relation(args),
            "list_relations" => self.list_relations(args),
            "already_exists" => self.already_exists(args),
            "cache_added" | "cache_dropped" => self.cache_one(method, args),
            "cache_renamed" => self.cache_renamed(args),
            "drop_relation" => self.drop_relation(state, args),
            "truncate_relation" => self.pass_on(state, method, "relation", args),
            "rename_relation" => self.rename_relation(state, args),
            "create_schema" | "drop_schema" => self.change_schema(state, method, args),
            "check_schema_exists" => self.check_schema_exists(state, args),
            "list_schemas" => self.list_schemas(state, args),
            "get_columns_in_relation" => one(method, "relation", args)
                .and_then(|relation| relation_arg(method, "relation", Some(relation)))
                .and_then(|relation| self.columns_value(state, &relation)),
            "get_columns_in_table" => self.columns_in_table(state, args),
            "get_column_schema_from_query" => self.describe(args),
            "get_missing_columns" => self.missing_columns(state, args),
            "expand_target_column_types" => self.expand_columns(state, args),
            "valid_snapshot_target" => {
                self.valid_snapshot(state, args, &["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"])
            }
            "assert_valid_snapshot_target_given_strategy" => self.valid_snapshot_strategy(state, args),
            "get_incremental_strategy_macro" => incremental_strategy(adapter, args),
            "verify_database" => self.verify_database(args),
            "alter_column_type" => call_macro(state, "alter_column_type", args),
            "known_dependents" => self.known_dependents(args),
            _ => return None,
        })
    }
}

/// Calls a macro by name as the adapter does: the root project's, a package's, the built-in one.
pub(super) fn call_macro(state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
    let root = render_state(state).root.clone();
    let found = root.as_ref().and_then(|root| {
        let id = &root.registry.resolve(None, name)?.def.unique_id;
        root.registry.value_of(id)
    });
    match found {
        Some(found) => call_value(state, &found, args),
        None => {
            let message = format!("dbt could not find a macro with the name \"{name}\" in any package");
            Err(fail(Code::UnknownMacro, message))
        }
    }
}

/// The rows of a result as JSON, for artifacts and previews.
#[must_use]
pub fn rows_as_data(table: &crate::adapter::Table) -> Vec<Vec<Data>> {
    table.rows.iter().map(|row| row.iter().map(cells::to_data).collect()).collect()
}
