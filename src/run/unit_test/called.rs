//! Unit tests of macros: a call, and what is made of its answer.

use serde_json::{Value as Data, json};

use super::inputs::test_config;
use super::overrides::literal;
use crate::diagnostic::{SourceFile, Span};
use crate::manifest::{MacroAnswer, Node, NodeIndex, NodeKind, UnitSubject, UnitTestDef};

/// The node of a test of a macro: a template that calls it.
pub(super) fn test_node(test: &Node, def: &UnitTestDef, parents: Vec<NodeIndex>) -> Node {
    let mut node = test.clone();
    node.config = test_config(def);
    node.path = format!("{}.sql", node.name);
    node.alias.clone_from(&node.name);
    node.language = "sql".to_owned();
    node.raw_code = template(def);
    node.parents = parents;
    node.kind = NodeKind::UnitTest(Box::new(def.clone()));
    // The template stands in no file, so places in it count in a text of its own.
    node.file = SourceFile::new(format!("{} (the call of `{}`)", test.file.path(), test.name), node.raw_code.as_str());
    node.span = Span::default();
    node.raw_code_offset = 0;
    node
}

fn template(def: &UnitTestDef) -> String {
    let UnitSubject::Macro { unique_id, args, answer } = &def.subject else { return String::new() };
    let name = unique_id.strip_prefix("macro.").unwrap_or(unique_id);
    let inputs: Vec<&str> = def.given.iter().filter_map(|given| given["input"].as_str()).map(str::trim).collect();
    let argument = |value: &Data| match value.as_str() {
        // An argument that is written as an input stands for that relation.
        Some(text) if inputs.contains(&text.trim()) && !text.trim().is_empty() => text.trim().to_owned(),
        _ => literal(value),
    };
    let args: Vec<String> = match args {
        Data::Array(list) => list.iter().map(argument).collect(),
        Data::Object(map) => map.iter().map(|(name, value)| format!("{name}={}", argument(value))).collect(),
        _ => Vec::new(),
    };
    let call = format!("{name}({})", args.join(", "));
    match answer {
        MacroAnswer::Text => format!("{{{{ {call} }}}}"),
        MacroAnswer::Value => format!("{{{{ tojson({call}) }}}}"),
        MacroAnswer::Rows => {
            let rows = def.given.iter().find(|given| given["input"].as_str() == Some(""));
            let rows = rows.map_or(Data::Null, |given| given["rows"].clone());
            format!("{{{{ get_macro_unit_test_sql({call}, {}) }}}}", literal(&rows))
        }
    }
}

/// What a macro answered, as rows of both sides.
pub(super) fn compared(def: &UnitTestDef, printed: &str) -> Option<(Vec<String>, Vec<Vec<Data>>)> {
    let UnitSubject::Macro { answer, .. } = &def.subject else { return None };
    let actual = match answer {
        MacroAnswer::Rows => return None,
        MacroAnswer::Text => answer.rows(&json!(printed)),
        MacroAnswer::Value => answer.rows(&serde_json::from_str(printed).unwrap_or_else(|_| json!(printed))),
    };
    let expected = def.expect.get("rows").and_then(Data::as_array).cloned().unwrap_or_default();
    let mut columns: Vec<String> = Vec::new();
    for key in expected.iter().chain(&actual).filter_map(Data::as_object).flat_map(serde_json::Map::keys) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    let row = |side: &str, row: &Data| -> Vec<Data> {
        columns.iter().map(|column| row[column.as_str()].clone()).chain([json!(side)]).collect()
    };
    let rows =
        actual.iter().map(|cells| row("actual", cells)).chain(expected.iter().map(|cells| row("expected", cells)));
    let rows = rows.collect();
    columns.push("actual_or_expected".to_owned());
    Some((columns, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: Data, answer: MacroAnswer, expected: &str) {
        let subject = UnitSubject::Macro { unique_id: "macro.shop.cents".to_owned(), args, answer };
        let given = vec![json!({"input": "ref('a')", "rows": []}), json!({"input": "", "rows": [{"n": 1}]})];
        assert_eq!(template(&UnitTestDef { subject, given, ..UnitTestDef::default() }), expected);
    }

    #[test]
    fn a_test_of_a_macro_is_a_call() {
        check(json!(["x", 2]), MacroAnswer::Text, r#"{{ shop.cents("x", 2) }}"#);
        check(json!({"of": "ref('a')"}), MacroAnswer::Value, "{{ tojson(shop.cents(of=ref('a'))) }}");
        check(Data::Null, MacroAnswer::Rows, r#"{{ get_macro_unit_test_sql(shop.cents(), [{"n": 1}]) }}"#);
    }
}
