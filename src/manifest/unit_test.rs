//! Unit tests as they are declared: what is under test, its inputs and what is expected. Running them is `run`'s.

use serde_json::{Map, Value as Data, json};

use super::UniqueId;
use crate::diagnostic::Span;

/// What a unit test adds, as published.
#[derive(Clone, Debug, Default)]
pub struct UnitTestDef {
    /// The model or macro under test.
    pub model: String,
    /// What of it is run.
    pub subject: UnitSubject,
    /// Where in the file the inputs are declared, in their order, and what [`UnitTestDef::subject`] names.
    pub places: UnitPlaces,
    /// Inputs, as published.
    pub given: Vec<Data>,
    /// Expected rows, as published.
    pub expect: Map<String, Data>,
    /// `overrides`, as published.
    pub overrides: Option<Map<String, Data>>,
    /// Which versions the test is for.
    pub versions: Option<Data>,
    /// The version it tests.
    pub version: Option<Data>,
    /// The node under test, once resolved.
    pub tested_node: Option<UniqueId>,
}

/// What a unit test runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum UnitSubject {
    /// A model's query.
    #[default]
    Model,
    /// One of the common table expressions of a model's query.
    Cte(String),
    /// A macro, called with these arguments: a list or a mapping.
    Macro {
        /// The macro's unique id.
        unique_id: String,
        /// The arguments.
        args: Data,
        /// What of its answer is compared.
        answer: MacroAnswer,
    },
}

/// What of a macro's answer a unit test looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacroAnswer {
    /// The rows that its SQL gives.
    #[default]
    Rows,
    /// The text that it prints; white space counts as one blank.
    Text,
    /// The value that it returns.
    Value,
}

impl MacroAnswer {
    /// An answer as rows, so that it is compared as those are: a text is one row, a list has one for each item and its place, a
    /// mapping one for each key.
    #[must_use]
    pub fn rows(self, answer: &Data) -> Vec<Data> {
        match (self, answer) {
            (Self::Text, Data::String(text)) => {
                vec![json!({"text": text.split_whitespace().collect::<Vec<_>>().join(" ")})]
            }
            (Self::Text, other) => vec![json!({"text": other})],
            (_, Data::Array(items)) => {
                items.iter().enumerate().map(|(ix, item)| json!({"place": ix + 1, "value": item})).collect()
            }
            (_, Data::Object(map)) => map.iter().map(|(key, value)| json!({"key": key, "value": value})).collect(),
            (_, other) => vec![json!({"value": other})],
        }
    }
}

/// Where parts of a unit test stand in its file.
#[derive(Clone, Debug, Default)]
pub struct UnitPlaces {
    /// The name of the common table expression or macro under test, else that of the test.
    pub subject: Span,
    /// Each input.
    pub given: Vec<Span>,
    /// What is expected.
    pub expect: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compared_as_rows() {
        assert_eq!(
            MacroAnswer::Value.rows(&json!([1, "a"])),
            [json!({"place": 1, "value": 1}), json!({"place": 2, "value": "a"})]
        );
        assert_eq!(MacroAnswer::Value.rows(&json!({"a": null})), [json!({"key": "a", "value": null})]);
        assert_eq!(MacroAnswer::Value.rows(&json!(true)), [json!({"value": true})]);
        assert_eq!(MacroAnswer::Text.rows(&json!(" a\n  b ")), [json!({"text": "a b"})]);
    }
}
