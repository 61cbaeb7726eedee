//! Writes data as YAML in block style, as PyYAML's `safe_dump` does.

use serde_json::Value as Data;

use crate::project::yaml;

/// Writes a document.
pub(crate) fn write(data: &Data) -> String {
    let mut out = String::new();
    match data {
        Data::Array(items) if !is_scalar(data) => write_items(&mut out, items, 0),
        Data::Object(map) if !is_scalar(data) => write_entries(&mut out, map, 0),
        scalar => {
            out.push_str(&plain(scalar));
            out.push('\n');
            // PyYAML ends a document that is a bare scalar.
            if !matches!(scalar, Data::Array(_)) && scalar.as_object().is_none_or(|map| !map.is_empty()) {
                out.push_str("...\n");
            }
        }
    }
    out
}

fn write_entries(out: &mut String, map: &serde_json::Map<String, Data>, indent: usize) {
    for (ix, (key, value)) in map.iter().enumerate() {
        if ix > 0 || indent == 0 || out.ends_with('\n') {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&plain(&Data::String(key.clone())));
        out.push(':');
        match value {
            Data::Object(inner) if !is_scalar(value) => {
                out.push('\n');
                write_entries(out, inner, indent + 2);
            }
            // Lists inside mappings are not indented.
            Data::Array(items) if !items.is_empty() => {
                out.push('\n');
                write_items(out, items, indent);
            }
            scalar => {
                out.push(' ');
                out.push_str(&plain(scalar));
                out.push('\n');
            }
        }
    }
}

fn write_items(out: &mut String, items: &[Data], indent: usize) {
    for (ix, item) in items.iter().enumerate() {
        if ix > 0 || indent == 0 || out.ends_with('\n') {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str("- ");
        match item {
            Data::Object(inner) if !is_scalar(item) => write_entries(out, inner, indent + 2),
            Data::Array(inner) if !inner.is_empty() => write_items(out, inner, indent + 2),
            scalar => {
                out.push_str(&plain(scalar));
                out.push('\n');
            }
        }
    }
}

fn plain(data: &Data) -> String {
    match data {
        Data::Object(map) if is_scalar(data) => {
            yaml::marked(map).map(|text| text.replace('T', " ")).unwrap_or_default()
        }
        Data::Null => "null".to_string(),
        Data::Array(_) => "[]".to_string(),
        Data::Object(_) => "{}".to_string(),
        Data::String(text) if needs_quotes(text) => quoted(text),
        Data::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Tells whether a value has no parts. Dates come as mappings with a mark.
fn is_scalar(data: &Data) -> bool {
    match data {
        Data::Array(items) => items.is_empty(),
        Data::Object(map) => map.is_empty() || yaml::marked(map).is_some(),
        _ => true,
    }
}

fn needs_quotes(text: &str) -> bool {
    let reads_as_text = yaml::parse_argument(text).is_ok_and(|data| data == text);
    !reads_as_text || text.contains('\n') || text.contains(": ") || text.contains(" #") || text != text.trim()
}

fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return serde_json::Value::String(text.to_string()).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn lists_in_mappings_stay_at_their_level() {
        let data = json!({"a": [1, {"b": true, "c": []}], "d": {"e": null}});
        assert_eq!(super::write(&data), "a:\n- 1\n- b: true\n  c: []\nd:\n  e: null\n");
    }
}
