//! Methods that only the DuckDB adapter has.

use std::sync::Arc;

use minijinja::{Error, State, Value};
use serde_json::Value as Data;

use super::{AdapterValue, Live, one};
use crate::adapter::RowLimit;
use crate::diagnostic::Code;
use crate::jinja::context::failure::{fail, fail_sql};
use crate::jinja::context::{KeyConstraints, MessageLevel};
use crate::jinja::functions::{given, none, text_of};
use crate::jinja::objects::index_config;
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::objects::table::{ColumnType, TableValue};
use crate::jinja::py::{self, CallArgs, PyDict, PyList};
use crate::sql::Relation;

/// Calls a method; `None` if there is none of that name.
pub(super) fn call(
    adapter: &AdapterValue,
    _state: &mut State<'_, '_>,
    method: &str,
    args: &[Value],
) -> Option<Result<Value, Error>> {
    let field = |name: &str| adapter.shared.project.target.fields.get(name);
    Some(match method {
        "is_motherduck" => {
            let path = field("path").and_then(Data::as_str).unwrap_or_default();
            Ok(Value::from(path.starts_with("md:") || path.starts_with("motherduck:")))
        }
        "disable_transactions" => Ok(field("disable_transactions").map_or_else(|| Value::from(false), py::from_json)),
        "external_root" => Ok(Value::from(field("external_root").and_then(Data::as_str).unwrap_or("."))),
        "get_binding_char" => Ok(Value::from("?")),
        "is_ducklake" => one(method, "relation", args).map(|relation| Value::from(is_ducklake(adapter, &relation))),
        "use_ducklake_table_workarounds" => Ok(Value::from(false)),
        "escape_sql_string" => {
            one(method, "value", args).map(|value| Value::from(py::to_str(&value).replace('\'', "''")))
        }
        "warn_once" => one(method, "msg", args).map(|message| warn_once(adapter, &py::to_str(&message))),
        "location_exists" => location_exists(adapter, args),
        "get_seed_file_path" => seed_file_path(args),
        "ensure_transaction" => match &adapter.live {
            Some(live) => live.session.begin_now().map(|()| none()).map_err(fail_sql),
            None => Ok(none()),
        },
        "parse_index" => one(method, "raw_index", args).and_then(|raw| index_config::parse(&raw, &[])),
        "convert_datetimes_to_strs" => convert_datetimes(args),
        "external_write_options" => write_options(args),
        "external_read_location" => read_location(args),
        "store_relation" | "use_database" => {
            Err(fail(Code::Unsupported, format!("kiln does not support plugins of DuckDB (`adapter.{method}`)")))
        }
        "catalog_supports_foreign_keys" => {
            one(method, "database", args).map(|name| Value::from(!is_lake(adapter, &py::to_str(&name))))
        }
        "existing_key_constraint_types" => key_constraints(adapter, args),
        "batch_id_for_model" => batch_id(args),
        "get_temp_relation_path" => temp_path(args),
        _ => return None,
    })
}

/// The id of the batch that a model is run for; empty if it is run as a whole.
fn batch_id(args: &[Value]) -> Result<Value, Error> {
    let [model] = CallArgs::split(args).bind("batch_id_for_model", ["model"], 1)?;
    let batch = model.and_then(|model| model.get_attr("batch").ok());
    let id = batch.and_then(|batch| batch.get_attr("id").ok()).filter(|id| id.as_str().is_some());
    Ok(id.unwrap_or_else(|| Value::from("")))
}

/// Whether a database is attached as a DuckLake.
fn is_lake(adapter: &AdapterValue, database: &str) -> bool {
    let target = &adapter.shared.project.target;
    let path = target.fields.get("path").and_then(Data::as_str).unwrap_or_default();
    let is_flagged = target.fields.get("is_ducklake").and_then(Data::as_bool).unwrap_or(false);
    if (is_flagged || path.starts_with("ducklake:")) && database.eq_ignore_ascii_case(&target.database) {
        return true;
    }
    let attached = target.fields.get("attach").and_then(Data::as_array).into_iter().flatten();
    attached.filter_map(Data::as_object).any(|attachment| {
        let text = |key: &str| attachment.get(key).and_then(Data::as_str).unwrap_or_default();
        let is_flagged = attachment.get("is_ducklake").and_then(Data::as_bool).unwrap_or(false);
        text("alias") == database && (is_flagged || text("type") == "ducklake" || text("path").starts_with("ducklake:"))
    })
}

fn is_ducklake(adapter: &AdapterValue, relation: &Value) -> bool {
    let database = RelationValue::of(relation).and_then(|relation| relation.relation.database.as_deref());
    database.is_some_and(|database| is_lake(adapter, database))
}

fn warn_once(adapter: &AdapterValue, message: &str) -> Value {
    let is_new = adapter
        .live
        .as_ref()
        .is_some_and(|live| live.runtime.warned.lock().is_ok_and(|mut warned| warned.insert(message.to_string())));
    if is_new {
        adapter.shared.listener.message(None, MessageLevel::Info, message);
    }
    none()
}

fn location_exists(adapter: &AdapterValue, args: &[Value]) -> Result<Value, Error> {
    let location = py::to_str(&one("location_exists", "location", args)?);
    let Some(live) = &adapter.live else { return Ok(Value::from(false)) };
    let sql = format!("select 1 from '{}' where 1=0", location.replace('\'', "''"));
    Ok(Value::from(live.session.describe(&sql).is_ok()))
}

fn seed_file_path(args: &[Value]) -> Result<Value, Error> {
    let model = one("get_seed_file_path", "model", args)?;
    let part = |key: &str| model.get_attr(key).map(|value| py::to_str(&value));
    let path = std::path::Path::new(&part("root_path")?).join(part("original_file_path")?);
    Ok(Value::from(path.to_string_lossy().into_owned()))
}

fn convert_datetimes(args: &[Value]) -> Result<Value, Error> {
    let value = one("convert_datetimes_to_strs", "table", args)?;
    let Some(table) = TableValue::of(&value) else { return Ok(value) };
    let mut table = table.clone();
    for ix in 0..table.types.len() {
        if table.types[ix] == ColumnType::DateTime {
            table.types[ix] = ColumnType::Text;
            for row in &mut table.rows {
                let mut values = row.to_vec();
                values[ix] = Value::from(py::to_str(&values[ix]));
                *row = std::sync::Arc::new(values);
            }
        }
    }
    Ok(table.into_value())
}

/// The options of `copy … to`, from the config and the file's name.
fn write_options(args: &[Value]) -> Result<Value, Error> {
    let names = ["write_location", "rendered_options"];
    let [location, options] = CallArgs::split(args).bind("external_write_options", names, 2)?;
    let location = text_of(location).unwrap_or_default();
    let given = options.unwrap_or_default();
    let Data::Object(mut options) = py::to_json(&given) else { return Ok(Value::from("")) };
    if !options.contains_key("format") {
        let name = location.rsplit('/').next().unwrap_or_default().to_lowercase();
        let compression = [(".gz", "gzip"), (".zst", "zstd")].into_iter().find(|(suffix, _)| name.ends_with(suffix));
        let stem = compression.map_or(name.as_str(), |(suffix, _)| &name[..name.len() - suffix.len()]);
        let format = match stem.rsplit_once('.') {
            Some((_, extension)) if !extension.is_empty() => extension.to_string(),
            _ if options.contains_key("delimiter") => "csv".to_string(),
            _ => "parquet".to_string(),
        };
        options.insert("format".to_string(), format.into());
        if let Some((_, word)) = compression {
            options.entry("compression").or_insert_with(|| word.into());
        }
    }
    if options.get("format").and_then(Data::as_str) == Some("csv") {
        options.entry("header").or_insert_with(|| 1.into());
    }
    // What was found out is for the macros, too: they read the file back.
    if let Some(given) = given.downcast_object_ref::<PyDict>() {
        for key in ["format", "compression", "header"] {
            options.get(key).map(|value| given.insert(Value::from(key), py::from_json(value)));
        }
    }
    let rendered: Vec<String> = options.iter().map(|(key, value)| write_option(key, value)).collect();
    Ok(Value::from(rendered.join(", ")))
}

fn write_option(key: &str, value: &Data) -> String {
    let text = py::to_str(&py::from_json(value));
    match key.to_lowercase().as_str() {
        "delimiter" | "quote" | "escape" | "null" if !text.starts_with('\'') => format!("{key} '{text}'"),
        "partition_by" if text.contains(',') && !text.starts_with('(') => format!("{key} ({text})"),
        _ => format!("{key} {text}"),
    }
}

/// The pattern that reads back what was written in parts.
fn read_location(args: &[Value]) -> Result<Value, Error> {
    let names = ["write_location", "rendered_options"];
    let [location, options] = CallArgs::split(args).bind("external_read_location", names, 2)?;
    let location = text_of(location).unwrap_or_default();
    let options = options.unwrap_or_default();
    let option = |key: &str| text_of(options.get_attr(key).ok()).filter(|text| !text.is_empty());
    let partitions = option("partition_by");
    let is_per_thread = given(options.get_attr("per_thread_output").ok()).is_some_and(|flag| flag.is_true());
    if partitions.is_none() && !is_per_thread {
        return Ok(Value::from(location));
    }
    let depth = partitions.map_or(0, |names| names.split(',').count());
    let globs = vec!["*"; depth + 1].join("/");
    let format = option("format").unwrap_or_else(|| "parquet".to_string());
    Ok(Value::from(format!("{location}/{globs}.{format}")))
}

/// Kinds of key constraints that a table has in the database.
///
/// A schema is asked about once: what is added during the run is in the configuration of the model that adds it.
fn key_constraints(adapter: &AdapterValue, args: &[Value]) -> Result<Value, Error> {
    let relation = one("existing_key_constraint_types", "relation", args)?;
    let found = RelationValue::of(&relation).zip(adapter.live.as_ref());
    let Some((relation, live)) = found else { return Ok(PyList::value(Vec::new())) };
    let escape = |text: Option<&String>| text.map(|text| text.replace('\'', "''").to_lowercase()).unwrap_or_default();
    let Relation { database, schema, identifier, .. } = &relation.relation;
    let place = format!(
        "lower(database_name) = '{}' and lower(schema_name) = '{}'",
        escape(database.as_ref()),
        escape(schema.as_ref())
    );
    let known = live.runtime.key_constraints.lock().ok().and_then(|known| known.get(&place).cloned());
    let known = match known {
        Some(known) => known,
        None => {
            let read = Arc::new(read_key_constraints(live, &place)?);
            if let Ok(mut known) = live.runtime.key_constraints.lock() {
                known.insert(place, Arc::clone(&read));
            }
            read
        }
    };
    let table = identifier.as_deref().unwrap_or_default().to_lowercase();
    let kinds = known.get(&table).into_iter().flatten().map(|kind| Value::from(kind.as_str()));
    Ok(PyList::value(kinds.collect()))
}

fn read_key_constraints(live: &Live, place: &str) -> Result<KeyConstraints, Error> {
    let sql = format!(
        "select distinct lower(table_name), lower(replace(constraint_type, ' ', '_')) from duckdb_constraints() \
         where {place} and constraint_type in ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') order by 1, 2"
    );
    let (_, table) = live.session.execute(&sql, false, Some(RowLimit::All)).map_err(fail_sql)?;
    let mut kinds = KeyConstraints::new();
    for row in &TableValue::from_result(&table).rows {
        if let [table, kind] = &row[..] {
            kinds.entry(py::to_str(table)).or_default().push(py::to_str(kind));
        }
    }
    Ok(kinds)
}

/// Where a remote database keeps temporary tables; kept for macros that ask.
fn temp_path(args: &[Value]) -> Result<Value, Error> {
    let [model, batch_id] = CallArgs::split(args).bind("get_temp_relation_path", ["model", "batch_id"], 1)?;
    let model = model.unwrap_or_default();
    let part = |key: &str| model.get_attr(key).map(|value| text_of(Some(value)));
    let name = part("identifier")?.or(part("alias")?).unwrap_or_default();
    let batch = text_of(batch_id).filter(|id| !id.is_empty()).map(|id| format!("__{id}")).unwrap_or_default();
    let database = part("database")?.map_or_else(none, Value::from);
    Ok(PyDict::from_strings([
        ("database", database),
        ("schema", Value::from("dbt_temp")),
        ("identifier", Value::from(format!("{name}__tmp{batch}"))),
    ])
    .into_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(location: &str, options: Data, expected: &str) {
        let args = [Value::from(location), py::from_json(&options)];
        assert_eq!(write_options(&args).map(|value| value.to_string()).ok().as_deref(), Some(expected));
    }

    #[test]
    fn the_format_of_a_file_comes_from_its_name() {
        check("a/b.parquet", json!({}), "format parquet");
        check("a/b.csv", json!({"delimiter": "|"}), "delimiter '|', format csv, header 1");
        check("a/b.csv.gz", json!({}), "format csv, compression gzip, header 1");
        check("a/b", json!({"partition_by": "x,y"}), "partition_by (x,y), format parquet");
    }
}
