//! `json.dumps`, character by character as Python writes it.

use std::fmt::Write;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::dict::pairs_of;
use super::json::key_text;
use super::text::{float_repr, to_str, type_name};
use crate::jinja::error::type_error;

/// How to write JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JsonStyle {
    /// Sort mappings by key.
    pub(crate) sort_keys: bool,
    /// Spaces per level; one line without.
    pub(crate) indent: Option<usize>,
    /// Write other objects (dates, relations) as their text instead of failing.
    pub(crate) default_to_text: bool,
}

/// Writes a value as JSON.
pub(crate) fn dumps(value: &Value, style: JsonStyle) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value, style, 0)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, style: JsonStyle, depth: usize) -> Result<(), Error> {
    if depth > 200 {
        return Err(type_error("Circular reference detected"));
    }
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number if value.is_integer() => out.push_str(&value.to_string()),
        ValueKind::Number => {
            let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
            out.push_str(&match float_repr(float).as_str() {
                "nan" => "NaN".to_string(),
                "inf" => "Infinity".to_string(),
                "-inf" => "-Infinity".to_string(),
                text => text.to_string(),
            });
        }
        ValueKind::String => quote(out, value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            let items = super::iterate(value)?;
            write_items(out, items.len(), ['[', ']'], style, depth, |out, ix| {
                write(out, &items[ix], style, depth + 1)
            })?;
        }
        ValueKind::Map => {
            let mut pairs: Vec<(String, Value)> =
                pairs_of(value)?.into_iter().map(|(key, value)| (key_text(&key), value)).collect();
            if style.sort_keys {
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
            }
            write_items(out, pairs.len(), ['{', '}'], style, depth, |out, ix| {
                quote(out, &pairs[ix].0);
                out.push_str(": ");
                write(out, &pairs[ix].1, style, depth + 1)
            })?;
        }
        _ if style.default_to_text => quote(out, &to_str(value)),
        _ => {
            let name = type_name(value).trim_start_matches("decimal.");
            return Err(type_error(format!("Object of type {name} is not JSON serializable")));
        }
    }
    Ok(())
}

fn write_items(
    out: &mut String,
    n: usize,
    [open, close]: [char; 2],
    style: JsonStyle,
    depth: usize,
    mut item: impl FnMut(&mut String, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = style.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * depth));
        }
    };
    out.push(open);
    for ix in 0..n {
        if ix > 0 {
            out.push_str(if style.indent.is_some() { "," } else { ", " });
        }
        line(out, depth + 1);
        item(out, ix)?;
    }
    if n > 0 {
        line(out, depth);
    }
    out.push(close);
    Ok(())
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
