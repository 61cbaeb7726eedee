//! `adapter`: what macros ask of the database, written once for all databases.
//!
//! While parsing nothing is asked: methods answer as dbt's replacements do.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use serde_json::Value as Data;

use super::column::ColumnValue;
use super::csv_table::database_type;
use super::relation::{NameMatch, RelationValue, approximate_match, kwargs};
use super::relation_class::RelationClass;
use super::table::TableValue;
use super::table_parts::tuple;
use super::{adapter_duckdb, adapter_postgres, cells, constraints, dispatch};
use crate::adapter::{AdapterErrorKind, RowLimit};
use crate::diagnostic::{Code, did_you_mean};
use crate::jinja::call_value;
use crate::jinja::context::base::Shared;
use crate::jinja::context::failure::{fail, fail_sql, fail_with};
use crate::jinja::context::{ContextError, Response, Runtime, Session};
use crate::jinja::functions::{callable, given, none, text_of};
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::jinja::render_state;
use crate::sql::{Dialect, QuotePolicy, Relation};

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
            Dialect::DuckDb => adapter_duckdb::call(self, state, method, args),
            Dialect::Postgres => adapter_postgres::call(self, method, args),
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

fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

fn quote_seed_column(args: &[Value]) -> Result<Value, Error> {
    let [column, config] = CallArgs::split(args).bind("quote_seed_column", ["column", "quote_config"], 2)?;
    let column = text_of(column).unwrap_or_default();
    let config = given(config);
    if let Some(config) = config.as_ref().filter(|config| config.kind() != minijinja::value::ValueKind::Bool) {
        let kind = py::text::type_name(config);
        let message = format!("The seed configuration value of \"quote_columns\" has an invalid type <class '{kind}'>");
        return Err(fail(Code::PropertyInvalid, message));
    }
    let is_quoted = config.is_none_or(|config| config.is_true());
    Ok(Value::from(if is_quoted { quote(&column) } else { column }))
}

fn convert_type(args: &[Value]) -> Result<Value, Error> {
    let [table, ix] = CallArgs::split(args).bind("convert_type", ["agate_table", "col_idx"], 2)?;
    let table = table.unwrap_or_default();
    let found = TableValue::of(&table).zip(ix.and_then(|ix| ix.as_usize()));
    Ok(found.and_then(|(table, ix)| database_type(table, ix)).map_or_else(none, Value::from))
}

fn standardize_grants(args: &[Value]) -> Result<Value, Error> {
    let table = one("standardize_grants_dict", "grants_table", args)?;
    let mut grants: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for row in py::iterate(&table)? {
        let privilege = py::to_str(&row.get_attr("privilege_type")?);
        grants.entry(privilege).or_default().push(row.get_attr("grantee")?);
    }
    let pairs = grants.into_iter().map(|(privilege, grantees)| (Value::from(privilege), PyList::value(grantees)));
    Ok(PyDict::from_pairs(pairs).into_value())
}

fn strategies(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::DuckDb => &["append", "delete+insert", "merge", "microbatch"],
        Dialect::Postgres => &["append", "delete+insert", "merge", "microbatch"],
    }
}

fn hard_deletes(args: &[Value]) -> Result<Value, Error> {
    let config = one("get_hard_deletes_behavior", "config", args)?;
    // `config` is the config object or a mapping: both answer `get`.
    let data = py::to_json(&config);
    let get = |key: &str| data.get(key).filter(|value| !value.is_null()).cloned();
    let (invalidate, hard_deletes) = (get("invalidate_hard_deletes"), get("hard_deletes"));
    if invalidate.is_some() && hard_deletes.is_some() {
        let message =
            "You cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot.";
        return Err(fail(Code::PropertyInvalid, message));
    }
    if invalidate.and_then(|flag| flag.as_bool()) == Some(true) {
        return Ok(Value::from("invalidate"));
    }
    match hard_deletes.as_ref().map(|value| value.as_str().unwrap_or_default()) {
        None => Ok(Value::from("ignore")),
        Some(behavior @ ("ignore" | "invalidate" | "new_record")) => Ok(Value::from(behavior)),
        Some(_) => Err(fail(Code::PropertyInvalid, "Invalid setting for property hard_deletes.")),
    }
}

/// A statement's response as templates see it: prints as its message.
struct ResponseValue(Response);

impl fmt::Debug for ResponseValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Object for ResponseValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "_message" | "message" => Value::from(self.0.message.as_str()),
            "code" => self.0.code.as_deref().map_or_else(none, Value::from),
            "rows_affected" => self.0.rows_affected.map_or_else(none, Value::from),
            "query_id" => none(),
            _ => return None,
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Makes the value of a response.
pub(crate) fn response_value(response: Response) -> Value {
    Value::from_object(ResponseValue(response))
}

/// Reads a response back: ours, or any value by its text.
pub(crate) fn response_of(value: &Value) -> Response {
    match value.downcast_object_ref::<ResponseValue>() {
        Some(response) => response.0.clone(),
        None => Response { message: py::to_str(value), ..Response::default() },
    }
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
            _ => return None,
        })
    }

    fn execute(&self, args: &[Value]) -> Result<Value, Error> {
        let names = ["sql", "auto_begin", "fetch", "limit"];
        let [sql, auto_begin, fetch, limit] = CallArgs::split(args).bind("execute", names, 1)?;
        let sql = py::to_str(&sql.unwrap_or_default());
        let auto_begin = auto_begin.is_some_and(|flag| flag.is_true());
        let limit = given(limit).and_then(|limit| limit.as_usize()).filter(|limit| *limit > 0);
        let rows = fetch.is_some_and(|flag| flag.is_true()).then(|| limit.map_or(RowLimit::All, RowLimit::AtMost));
        let (response, table) = self.session.execute(&sql, auto_begin, rows).map_err(fail_sql)?;
        let table = if rows.is_some() { TableValue::from_result(&table) } else { TableValue::empty() };
        Ok(tuple(vec![response_value(response), table.into_value()]))
    }

    fn add_query(&self, args: &[Value]) -> Result<Value, Error> {
        let names = ["sql", "auto_begin", "bindings", "abridge_sql_log"];
        let [sql, auto_begin, bindings, _abridge] = CallArgs::split(args).bind("add_query", names, 1)?;
        let mut sql = py::to_str(&sql.unwrap_or_default());
        if let Some(bindings) = given(bindings) {
            sql = with_bindings(&sql, &py::iterate(&bindings)?);
        }
        let auto_begin = auto_begin.is_none_or(|flag| flag.is_true());
        let (response, _) = self.session.execute(&sql, auto_begin, None).map_err(fail_sql)?;
        Ok(tuple(vec![response_value(response), none()]))
    }

    fn find_relation(&self, search: &Relation) -> Result<Option<RelationValue>, Error> {
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

    fn get_relation(&self, args: &[Value]) -> Result<Value, Error> {
        let names = ["database", "schema", "identifier"];
        let [database, schema, identifier] = CallArgs::split(args).bind("get_relation", names, 3)?;
        let quoting = self.runtime.shared.quoting;
        let part = |value: Option<Value>, is_quoted: bool| {
            text_of(value).map(|text| if is_quoted { text } else { text.to_lowercase() })
        };
        let search = Relation {
            database: part(database, quoting.database),
            schema: part(schema, quoting.schema),
            identifier: part(identifier, quoting.identifier),
            kind: None,
            quoting: QuotePolicy::ALL,
        };
        if search.identifier.is_none() {
            return Ok(none());
        }
        Ok(self.find_relation(&search)?.map_or_else(none, RelationValue::into_value))
    }

    fn already_exists(&self, args: &[Value]) -> Result<Value, Error> {
        let [schema, name] = CallArgs::split(args).bind("already_exists", ["schema", "name"], 2)?;
        let database = self.runtime.project.target.database.clone();
        let search = Relation::new(database, text_of(schema).unwrap_or_default(), text_of(name).unwrap_or_default());
        Ok(Value::from(self.find_relation(&search)?.is_some()))
    }

    fn list_relations(&self, args: &[Value]) -> Result<Value, Error> {
        let [database, schema] = CallArgs::split(args).bind("list_relations", ["database", "schema"], 2)?;
        let (database, schema) = (text_of(database), text_of(schema).unwrap_or_default());
        self.runtime.list_schema(&self.session, database.as_deref(), &schema).map_err(fail_sql)?;
        let found = self.runtime.relations.relations(database.as_deref(), &schema);
        let dialect = self.runtime.shared.dialect;
        Ok(PyList::value(
            found.into_iter().map(|found| RelationValue::new(found.relation, dialect).into_value()).collect(),
        ))
    }

    fn cache_one(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
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

    fn rename_args(&self, method: &str, args: &[Value]) -> Result<[Value; 2], Error> {
        let [from, to] = CallArgs::split(args).bind(method, ["from_relation", "to_relation"], 2)?;
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        if RelationValue::of(&from).is_none() || RelationValue::of(&to).is_none() {
            let message =
                format!("Attempted to rename {} to {} for {}", py::to_str(&from), py::to_str(&to), self.session.name());
            return Err(fail(Code::WrongArguments, message));
        }
        Ok([from, to])
    }

    fn cache_renamed(&self, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.rename_args("cache_renamed", args)?;
        if let (Some(from), Some(to)) = (RelationValue::of(&from), RelationValue::of(&to)) {
            self.runtime.relations.rename(&from.relation, &to.relation);
        }
        Ok(Value::from(""))
    }

    fn rename_relation(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.rename_args("rename_relation", args)?;
        self.cache_renamed(&[from.clone(), to.clone()])?;
        call_macro(state, "rename_relation", &[kwargs(&[("from_relation", from), ("to_relation", to)])])?;
        Ok(none())
    }

    fn drop_relation(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
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

    fn pass_on(&self, state: &mut State<'_, '_>, method: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
        let value = one(method, name, args)?;
        call_macro(state, method, &[kwargs(&[(name, value)])])?;
        Ok(none())
    }

    fn change_schema(&self, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
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

    fn check_schema_exists(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
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

    fn list_schemas(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let database = one("list_schemas", "database", args)?;
        let table = call_macro(state, "list_schemas", &[database])?;
        let first = |row: &Arc<Vec<Value>>| row.first().cloned();
        let rows = TableValue::of(&table).map(|table| table.rows.iter().filter_map(first).collect());
        Ok(PyList::value(rows.unwrap_or_default()))
    }

    /// The columns of a relation, asked of the catalog unless the project has its own macro for it.
    fn columns_value(&self, state: &mut State<'_, '_>, relation: &RelationValue) -> Result<Value, Error> {
        if self.has_own_macro("get_columns_in_relation") {
            return call_macro(state, "get_columns_in_relation", &[relation.clone().into_value()]);
        }
        Ok(PyList::value(self.columns(state, relation)?.into_iter().map(ColumnValue::into_value).collect()))
    }

    fn has_own_macro(&self, name: &str) -> bool {
        let registry = self.runtime.env.registry();
        let names = [name.to_string(), format!("{}__{name}", self.runtime.shared.adapter_type())];
        let packages = self.runtime.project.packages.iter().map(|package| package.config.name.as_str());
        packages.into_iter().any(|package| names.iter().any(|name| registry.in_package(package, name).is_some()))
    }

    fn columns(&self, state: &mut State<'_, '_>, relation: &RelationValue) -> Result<Vec<ColumnValue>, Error> {
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

    fn columns_in_table(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [schema, name] = CallArgs::split(args).bind("get_columns_in_table", ["schema", "identifier"], 2)?;
        let database = self.runtime.project.target.database.clone();
        let relation = Relation::new(database, text_of(schema).unwrap_or_default(), text_of(name).unwrap_or_default());
        self.columns_value(state, &RelationValue::new(relation, self.runtime.shared.dialect))
    }

    fn describe(&self, args: &[Value]) -> Result<Value, Error> {
        let sql = py::to_str(&one("get_column_schema_from_query", "sql", args)?);
        let columns = self.session.describe(&sql).map_err(fail_sql)?;
        let dialect = self.runtime.shared.dialect;
        let columns = columns.into_iter().flat_map(|column| ColumnValue::new(column, dialect).flatten());
        Ok(PyList::value(columns.map(ColumnValue::into_value).collect()))
    }

    fn two_relations(&self, method: &str, args: &[Value]) -> Result<[Arc<RelationValue>; 2], Error> {
        let [from, to] = CallArgs::split(args).bind(method, ["from_relation", "to_relation"], 2)?;
        Ok([relation_arg(method, "from_relation", from)?, relation_arg(method, "to_relation", to)?])
    }

    fn missing_columns(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [from, to] = self.two_relations("get_missing_columns", args)?;
        let (from, to) = (self.columns(state, &from)?, self.columns(state, &to)?);
        let is_missing = |column: &ColumnValue| !to.iter().any(|other| other.column.name == column.column.name);
        Ok(PyList::value(from.into_iter().filter(is_missing).map(ColumnValue::into_value).collect()))
    }

    fn expand_columns(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [goal, current] = self.two_relations("expand_target_column_types", args)?;
        if self.runtime.shared.dialect == Dialect::DuckDb {
            return Ok(none());
        }
        let (goals, currents) = (self.columns(state, &goal)?, self.columns(state, &current)?);
        for goal in &goals {
            let Some(column) = currents.iter().find(|column| column.column.name == goal.column.name) else { continue };
            if column.can_expand_to(goal) {
                let new_type = super::column::string_type(goal.string_size()?);
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

    fn valid_snapshot(&self, state: &mut State<'_, '_>, args: &[Value], wanted: &[&str]) -> Result<Value, Error> {
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

    fn valid_snapshot_strategy(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
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

    fn verify_database(&self, args: &[Value]) -> Result<Value, Error> {
        let database = py::to_str(&one("verify_database", "database", args)?);
        let expected = &self.runtime.project.target.database;
        if self.runtime.shared.dialect == Dialect::Postgres && database.to_lowercase() != expected.to_lowercase() {
            let message = format!("Cross-db references not allowed in postgres ({database} vs {expected})");
            return Err(fail(Code::Unsupported, message));
        }
        Ok(Value::from(""))
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

/// Puts values in the place of `?` and `%s`, outside of quotes.
fn with_bindings(sql: &str, bindings: &[Value]) -> String {
    let mut out = String::with_capacity(sql.len() + bindings.len() * 8);
    let mut values = bindings.iter();
    let mut chars = sql.chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(ch) = chars.next() {
        match (quote, ch) {
            (Some(open), _) if ch == open => quote = None,
            (None, '\'' | '"') => quote = Some(ch),
            (None, '?') => {
                out.push_str(&values.next().map(literal).unwrap_or_default());
                continue;
            }
            (None, '%') if chars.peek() == Some(&'s') => {
                chars.next();
                out.push_str(&values.next().map(literal).unwrap_or_default());
                continue;
            }
            _ => {}
        }
        out.push(ch);
    }
    out
}

fn literal(value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        return "null".to_string();
    }
    if value.is_number() || value.kind() == minijinja::value::ValueKind::Bool {
        return py::to_str(value).to_lowercase();
    }
    format!("'{}'", py::to_str(value).replace('\'', "''"))
}

fn incremental_strategy(adapter: &AdapterValue, args: &[Value]) -> Result<Value, Error> {
    let names = ["model_context", "strategy"];
    let [context, strategy] = CallArgs::split(args).bind("get_incremental_strategy_macro", names, 2)?;
    let strategy = text_of(strategy).unwrap_or_else(|| "default".to_string());
    let built_in = ["append", "delete+insert", "merge", "insert_overwrite", "microbatch"];
    let is_valid = strategies(adapter.shared.dialect).contains(&strategy.as_str());
    if built_in.contains(&strategy.as_str()) && !is_valid {
        let message = format!("The incremental strategy '{strategy}' is not valid for this adapter");
        return Err(fail(Code::PropertyInvalid, message));
    }
    let name = format!("get_incremental_{}_sql", strategy.replace('+', "_"));
    let found = context.unwrap_or_default().get_attr(&name)?;
    if found.is_undefined() {
        let project = &adapter.shared.project.root().config.name;
        let message = format!("dbt could not find an incremental strategy macro with the name \"{name}\" in {project}");
        return Err(fail(Code::UnknownMacro, message));
    }
    Ok(found)
}

/// The rows of a result as JSON, for artifacts and previews.
#[must_use]
pub fn rows_as_data(table: &crate::adapter::Table) -> Vec<Vec<Data>> {
    table.rows.iter().map(|row| row.iter().map(cells::to_data).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_fill_placeholders_outside_quotes() {
        let values = [Value::from(1), Value::from("it's"), Value::from(())];
        assert_eq!(with_bindings("values (?, ?, '?', %s)", &values), "values (1, 'it''s', '?', null)");
    }
}
