//! Methods that answer from their arguments alone.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::{AdapterValue, one};
use crate::diagnostic::Code;
use crate::jinja::context::failure::fail;
use crate::jinja::functions::{given, none, text_of};
use crate::jinja::objects::csv_table::database_type;
use crate::jinja::objects::table::TableValue;
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::jinja::{ContextError, RenderErrorKind, raise_cause};
use crate::sql::Dialect;

pub(super) fn quote(name: &str) -> String {
    format!("\"{name}\"")
}

pub(super) fn quote_seed_column(args: &[Value]) -> Result<Value, Error> {
    let [column, config] = CallArgs::split(args).bind("quote_seed_column", ["column", "quote_config"], 2)?;
    let column = text_of(column).unwrap_or_default();
    let config = given(config);
    if let Some(config) = config.as_ref().filter(|config| config.kind() != ValueKind::Bool) {
        let kind = py::text::type_name(config);
        let message = format!("The seed configuration value of \"quote_columns\" has an invalid type <class '{kind}'>");
        return Err(fail(Code::PropertyInvalid, message));
    }
    let is_quoted = config.is_none_or(|config| config.is_true());
    Ok(Value::from(if is_quoted { quote(&column) } else { column }))
}

pub(super) fn convert_type(args: &[Value]) -> Result<Value, Error> {
    let [table, ix] = CallArgs::split(args).bind("convert_type", ["agate_table", "col_idx"], 2)?;
    let table = table.unwrap_or_default();
    let found = TableValue::of(&table).zip(ix.and_then(|ix| ix.as_usize()));
    Ok(found.and_then(|(table, ix)| database_type(table, ix)).map_or_else(none, Value::from))
}

pub(super) fn standardize_grants(args: &[Value]) -> Result<Value, Error> {
    let table = one("standardize_grants_dict", "grants_table", args)?;
    let mut grants: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for row in py::iterate(&table)? {
        let privilege = py::to_str(&row.get_attr("privilege_type")?);
        grants.entry(privilege).or_default().push(row.get_attr("grantee")?);
    }
    let pairs = grants.into_iter().map(|(privilege, grantees)| (Value::from(privilege), PyList::value(grantees)));
    Ok(PyDict::from_pairs(pairs).into_value())
}

pub(super) fn strategies(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::DuckDb => &["append", "delete+insert", "merge", "microbatch"],
        Dialect::Postgres => &["append", "delete+insert", "merge", "microbatch"],
    }
}

pub(super) fn hard_deletes(args: &[Value]) -> Result<Value, Error> {
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

pub(super) fn incremental_strategy(adapter: &AdapterValue, args: &[Value]) -> Result<Value, Error> {
    let names = ["model_context", "strategy"];
    let [context, strategy] = CallArgs::split(args).bind("get_incremental_strategy_macro", names, 2)?;
    let strategy = text_of(strategy).unwrap_or_else(|| "default".to_string());
    let built_in = ["append", "delete+insert", "merge", "insert_overwrite", "microbatch"];
    let is_valid = strategies(adapter.shared.dialect).contains(&strategy.as_str());
    if built_in.contains(&strategy.as_str()) && !is_valid {
        let message = format!("The incremental strategy '{strategy}' is not valid for this adapter");
        let known = strategies(adapter.shared.dialect).join("`, `");
        let hints = vec![format!("`incremental_strategy` is `{known}`, or one of the project's own")];
        let cause = ContextError { code: Code::Unsupported, message, hints };
        return Err(raise_cause(RenderErrorKind::Runtime, cause));
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
