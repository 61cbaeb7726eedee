//! Values of YAML that have a type in Python and none in JSON: dates, moments, and numbers that are none.
//!
//! They travel to templates in a mapping whose only key no YAML file can hold.

use serde_json::{Map, Value as Data, json};

const KEY: &str = "\u{0}";

/// Marks the text of such a value: the ISO form of a date or a moment, `inf`, `-inf` or `nan`.
#[must_use]
pub fn mark(text: &str) -> Data {
    json!({ KEY: text })
}

/// The text of a value that is marked.
#[must_use]
pub fn marked(map: &Map<String, Data>) -> Option<&str> {
    map.get(KEY).filter(|_| map.len() == 1).and_then(Data::as_str)
}

/// The value as JSON has it: dates and moments in ISO form, no number where it is none.
#[must_use]
pub fn plain(data: &Data) -> Data {
    match data {
        Data::Array(items) => items.iter().map(plain).collect(),
        Data::Object(map) => match marked(map) {
            Some(text) if text.starts_with(|char: char| char.is_ascii_digit()) => Data::from(text),
            Some(_) => Data::Null,
            None => Data::Object(plain_map(map)),
        },
        other => other.clone(),
    }
}

/// [`plain`] for all values of a mapping.
#[must_use]
pub fn plain_map(map: &Map<String, Data>) -> Map<String, Data> {
    map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
}
