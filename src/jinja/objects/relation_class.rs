//! `api.Relation`: making relations from parts.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::relation::{RelationValue, ephemeral_name, kind_from, path_part};
use crate::jinja::functions::callable;
use crate::jinja::py::{self, CallArgs, PyList};
use crate::sql::{Dialect, QuotePolicy, Relation, RelationKind};

/// The class of relations of one adapter and project.
pub(crate) struct RelationClass {
    /// The adapter's dialect.
    pub(crate) dialect: Dialect,
    /// The project's quoting over the adapter's.
    pub(crate) quoting: QuotePolicy,
}

impl fmt::Debug for RelationClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class Relation>")
    }
}

/// The names of relation types, as the class has them.
pub(crate) fn constant(name: &str) -> Option<Value> {
    let kind = match name {
        "Table" => RelationKind::Table,
        "View" => RelationKind::View,
        "CTE" => RelationKind::Cte,
        "External" => RelationKind::External,
        "MaterializedView" => RelationKind::MaterializedView,
        "Function" => RelationKind::Function,
        "PointerTable" => return Some(Value::from("pointer_table")),
        _ => return None,
    };
    Some(Value::from(kind.as_str()))
}

/// Calls a method of the class; `None` if there is none of that name.
pub(crate) fn class_method(
    dialect: Dialect,
    quoting: QuotePolicy,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    Some(match method {
        "create" => create(dialect, quoting, args),
        "create_from" | "create_from_node" | "create_from_source" => create_from(dialect, quoting, args),
        "add_ephemeral_prefix" => CallArgs::split(args)
            .bind(method, ["name"], 1)
            .map(|[name]| Value::from(ephemeral_name(&py::to_str(&name.unwrap_or_default())))),
        "scd_args" => scd_args(args),
        "get_relation_type" => relation_type(args),
        "get_default_quote_policy" | "get_default_include_policy" => {
            let class = RelationValue::new(Relation::new("", "", ""), dialect);
            Arc::new(class).get_value_by_str("include_policy").ok_or_else(|| Error::from(ErrorKind::UnknownMethod))
        }
        _ => return None,
    })
}

fn create(dialect: Dialect, quoting: QuotePolicy, args: &[Value]) -> Result<Value, Error> {
    let mut args = CallArgs::split(args);
    let names = ["database", "schema", "identifier", "type"];
    let positional = std::mem::take(&mut args.positional);
    let given: Vec<(String, Value)> =
        names.iter().map(|name| (*name).to_string()).zip(positional).chain(args.keyword).collect();
    let relation = Relation { database: None, schema: None, identifier: None, kind: None, quoting };
    let mut result = RelationValue::new(relation, dialect);
    for (name, value) in given {
        match name.as_str() {
            "database" => result.relation.database = path_part("database", &value)?,
            "schema" => result.relation.schema = path_part("schema", &value)?,
            "identifier" => result.relation.identifier = path_part("identifier", &value)?,
            "type" => result.relation.kind = kind_from(&value)?,
            other => result.set(other, &value)?,
        }
    }
    result.into_checked_value()
}

/// Makes the relation of a node given as a mapping (`model`, a node of `graph`).
fn create_from(dialect: Dialect, quoting: QuotePolicy, args: &[Value]) -> Result<Value, Error> {
    let args = CallArgs::split(args);
    let node = args.positional.last().cloned().unwrap_or_default();
    let attribute = |name: &str| node.get_attr(name).unwrap_or_default();
    let identifier = ["alias", "identifier", "name"].iter().map(|name| attribute(name)).find(|value| value.is_true());
    let relation = Relation {
        database: path_part("database", &attribute("database"))?,
        schema: path_part("schema", &attribute("schema"))?,
        identifier: path_part("identifier", &identifier.unwrap_or_default())?,
        kind: None,
        quoting,
    };
    let mut result = RelationValue::new(relation, dialect);
    for (name, value) in &args.keyword {
        result.set(name, value)?;
    }
    result.into_checked_value()
}

fn scd_args(args: &[Value]) -> Result<Value, Error> {
    let [key, updated_at] = CallArgs::split(args).bind("scd_args", ["primary_key", "updated_at"], 2)?;
    let key = key.unwrap_or_default();
    let mut result = if key.as_str().is_some() { vec![key] } else { py::iterate(&key)? };
    result.push(updated_at.unwrap_or_default());
    Ok(PyList::value(result))
}

/// `get_relation_type` is the class of types: called with a word it checks it.
fn relation_type(args: &[Value]) -> Result<Value, Error> {
    let [word] = CallArgs::split(args).bind("get_relation_type", ["value"], 1)?;
    let kind = kind_from(&word.unwrap_or_default())?;
    Ok(kind.map_or_else(Value::default, |kind| Value::from(kind.as_str())))
}

impl Object for RelationClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(value) = constant(key) {
            return Some(value);
        }
        let name = ["create", "create_from", "add_ephemeral_prefix", "scd_args", "get_relation_type"]
            .into_iter()
            .find(|name| *name == key)?;
        let class = Arc::clone(self);
        Some(callable(name, move |state, args| class.call_method(state, name, args)))
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        create(self.dialect, self.quoting, args)
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        class_method(self.dialect, self.quoting, method, args)
            .unwrap_or_else(|| Err(Error::from(ErrorKind::UnknownMethod)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class Relation>")
    }
}
