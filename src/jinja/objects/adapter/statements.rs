//! Statements that macros send: `execute` and `add_query`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::Live;
use super::response::response_value;
use crate::adapter::RowLimit;
use crate::jinja::context::failure::fail_sql;
use crate::jinja::functions::{given, none};
use crate::jinja::objects::table::TableValue;
use crate::jinja::objects::table_parts::tuple;
use crate::jinja::py::{self, CallArgs};

impl Live {
    pub(super) fn execute(&self, args: &[Value]) -> Result<Value, Error> {
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

    pub(super) fn add_query(&self, args: &[Value]) -> Result<Value, Error> {
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
    if value.is_number() || value.kind() == ValueKind::Bool {
        return py::to_str(value).to_lowercase();
    }
    format!("'{}'", py::to_str(value).replace('\'', "''"))
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
