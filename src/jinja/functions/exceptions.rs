//! `exceptions`: how macros warn and fail.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::{callable, none, text_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::context::failure::fail;
use crate::jinja::context::{ContextError, Listener};
use crate::jinja::objects::table::{ColumnType, TableValue};
use crate::jinja::py::{self, CallArgs};
use crate::jinja::{RenderErrorKind, raise_cause};

/// The functions for one node.
pub(crate) struct Exceptions {
    listener: Arc<dyn Listener>,
    node: Option<String>,
}

impl fmt::Debug for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<exceptions>")
    }
}

const NAMES: &[&str] = &[
    "warn",
    "missing_config",
    "missing_materialization",
    "missing_relation",
    "raise_ambiguous_alias",
    "raise_ambiguous_catalog_match",
    "raise_cache_inconsistent",
    "raise_dataclass_not_dict",
    "raise_compiler_error",
    "raise_database_error",
    "raise_dep_not_found",
    "raise_dependency_error",
    "raise_duplicate_patch_name",
    "raise_duplicate_resource_name",
    "raise_invalid_property_yml_version",
    "raise_not_implemented",
    "relation_wrong_type",
    "raise_contract_error",
    "column_type_missing",
    "raise_fail_fast_error",
    "warn_snapshot_timestamp_data_types",
];

impl Exceptions {
    /// The functions as a value.
    pub(crate) fn value(listener: Arc<dyn Listener>, node: Option<&str>) -> Value {
        Value::from_object(Self { listener, node: node.map(str::to_string) })
    }

    fn warn(&self, message: String) -> Result<Value, Error> {
        let warning = Diagnostic::warning(Code::RaisedInTemplate, message);
        match self.listener.warning(self.node.as_deref(), warning) {
            Ok(()) => Ok(Value::from("")),
            Err(error) => Err(fail(error.code, error.message)),
        }
    }

    fn run(&self, name: &str, args: &[Value]) -> Result<Value, Error> {
        let args = CallArgs::split(args);
        match name {
            "warn" => {
                let [message, _node] = args.bind(name, ["msg", "node"], 1)?;
                self.warn(text_of(message).unwrap_or_default())
            }
            "warn_snapshot_timestamp_data_types" => {
                let [snapshot, updated_at] = args.bind(name, ["snapshot_time_data_type", "updated_at_data_type"], 2)?;
                self.warn(format!(
                    "Data type of snapshot table timestamp columns ({}) doesn't match derived column 'updated_at' \
                     ({}). Please update snapshot config 'updated_at'.",
                    text_of(snapshot).unwrap_or_default(),
                    text_of(updated_at).unwrap_or_default()
                ))
            }
            "raise_contract_error" => {
                let [yaml, sql] = args.bind(name, ["yaml_columns", "sql_columns"], 2)?;
                Err(contract_error(&yaml.unwrap_or_default(), &sql.unwrap_or_default())?)
            }
            _ => Err(failure(name, args)?),
        }
    }
}

/// The error of a function that always raises.
fn failure(name: &str, args: CallArgs) -> Result<Error, Error> {
    let first = |args: &CallArgs| {
        let value = args.positional.first().or_else(|| args.keyword.first().map(|(_, value)| value));
        value.map(py::to_str).unwrap_or_default()
    };
    Ok(match name {
        "missing_config" => {
            let [model, key] = args.bind(name, ["model", "name"], 2)?;
            let id = model.unwrap_or_default().get_attr("unique_id")?;
            let key = text_of(key).unwrap_or_default();
            fail(Code::PropertyInvalid, missing_config_message(&py::to_str(&id), &key))
        }
        "missing_materialization" => {
            let [model, adapter] = args.bind(name, ["model", "adapter_type"], 2)?;
            let materialized = model.unwrap_or_default().get_attr("config")?.get_attr("materialized")?;
            let adapter = text_of(adapter).unwrap_or_default();
            fail(Code::MaterializationMissing, missing_materialization(&py::to_str(&materialized), &adapter))
        }
        "missing_relation" => fail(Code::RaisedInTemplate, format!("Relation {} not found!", first(&args))),
        "relation_wrong_type" => {
            let [relation, expected, _model] = args.bind(name, ["relation", "expected_type", "model"], 2)?;
            let relation = relation.unwrap_or_default();
            let kind = py::to_str(&relation.get_attr("type")?);
            let (relation, expected) = (py::to_str(&relation), text_of(expected).unwrap_or_default());
            let message = format!(
                "Trying to create {expected} {relation}, but it currently exists as a {kind}. Either drop {relation} \
                 manually, or run dbt with `--full-refresh` and dbt will drop it for you."
            );
            fail(Code::RaisedInTemplate, message)
        }
        "raise_not_implemented" => fail(Code::Unsupported, format!("ERROR: {}", first(&args))),
        "raise_database_error" => fail(Code::SqlRejected, first(&args)),
        "column_type_missing" => fail(
            Code::ContractBroken,
            format!(
                "Contracted models require data_type to be defined for each column. Please ensure that the column \
                 name and data_type are defined within the YAML configuration for the {} column(s).",
                first(&args)
            ),
        ),
        "raise_compiler_error" => {
            let [message, _node] = args.bind(name, ["msg", "node"], 1)?;
            let message = text_of(message).unwrap_or_default();
            let error = ContextError { code: Code::RaisedInTemplate, message, hints: Vec::new() };
            raise_cause(RenderErrorKind::Compilation, error)
        }
        _ => {
            let all: Vec<String> = args.positional.iter().map(py::to_str).collect();
            fail(Code::RaisedInTemplate, all.join(", "))
        }
    })
}

/// dbt's words for a required configuration that is not there.
pub(crate) fn missing_config_message(id: &str, key: &str) -> String {
    format!("Model '{id}' does not define a required config parameter '{key}'.")
}

/// dbt's words for a materialization that nobody defines.
pub(crate) fn missing_materialization(materialized: &str, adapter: &str) -> String {
    format!(
        "No materialization '{materialized}' was found for adapter {adapter}! (searched types 'default' and \
         '{adapter}')"
    )
}

/// Name and type of each column in a list of mappings.
fn named_types(columns: &Value) -> Result<Vec<(String, String)>, Error> {
    let mut result = Vec::new();
    for column in py::iterate(columns)? {
        let part = |key: &str| column.get_attr(key).map(|value| py::to_str(&value));
        result.push((part("name")?, part("data_type")?));
    }
    Ok(result)
}

fn contract_error(yaml: &Value, sql: &Value) -> Result<Error, Error> {
    let (yaml, sql) = (named_types(yaml)?, named_types(sql)?);
    if yaml.is_empty() {
        let message = "This model has an enforced contract, and its 'columns' specification is missing";
        return Ok(fail(Code::ContractBroken, message));
    }
    let mut mismatches: Vec<[String; 4]> = Vec::new();
    for (name, sql_type) in &sql {
        match yaml.iter().find(|(other, _)| other == name) {
            Some((_, yaml_type)) if yaml_type == sql_type => {}
            Some((_, yaml_type)) => {
                mismatches.push([name.clone(), sql_type.clone(), yaml_type.clone(), "data type mismatch".to_string()]);
            }
            None => {
                let reason = "missing in contract".to_string();
                mismatches.push([name.clone(), sql_type.clone(), String::new(), reason]);
            }
        }
    }
    for (name, yaml_type) in yaml.iter().filter(|(name, _)| !sql.iter().any(|(other, _)| other == name)) {
        mismatches.push([name.clone(), String::new(), yaml_type.clone(), "missing in definition".to_string()]);
    }
    mismatches.sort();
    let names = ["column_name", "definition_type", "contract_type", "mismatch_reason"];
    let rows = mismatches.into_iter().map(|row| Arc::new(row.map(Value::from).to_vec())).collect();
    let table =
        TableValue { names: Arc::new(names.map(str::to_string).to_vec()), types: vec![ColumnType::Text; 4], rows };
    let body = table.drawn(50, 4, 50);
    let message = format!(
        "This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number of columns \
         in your contract match the columns in your model's definition.\n\n{body}"
    );
    Ok(fail(Code::ContractBroken, message))
}

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let name = NAMES.iter().find(|name| **name == key)?;
        let exceptions = Arc::clone(self);
        Some(callable(name, move |_, args| exceptions.run(name, args)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(NAMES)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if NAMES.contains(&method) {
            return self.run(method, args);
        }
        if method == "get" {
            let [key, default] = CallArgs::split(args).bind("get", ["key", "default"], 1)?;
            return Ok(key.and_then(|key| self.get_value(&key)).or(default).unwrap_or_else(none));
        }
        Err(Error::from(ErrorKind::UnknownMethod))
    }
}
