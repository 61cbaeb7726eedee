//! How settings are written: what stays the same when only the environment is another.
//!
//! The calls of `config` are in the text of a node, which every manifest has. What property files say and which variables
//! a node reads is in manifests that kiln wrote, under [`KEY`] in `metadata.env`: a place that the published shape of
//! manifests leaves to whoever writes them, and that survives where only manifest.json is kept.

use std::collections::HashMap;

use serde_json::{Map, Value as Data};

use crate::manifest::{Manifest, Written};

/// The key in `metadata.env` of a manifest.
pub const KEY: &str = "KILN_WRITTEN";

/// What the nodes of an earlier manifest say, by unique id; `None` if the manifest tells nothing.
pub(super) fn read(metadata: &Map<String, Data>) -> Option<HashMap<String, Written>> {
    serde_json::from_str(metadata.get("env")?.get(KEY)?.as_str()?).ok()
}

/// What a manifest has to tell; `None` if nothing in it can differ by environment.
#[must_use]
pub fn write(manifest: &Manifest) -> Option<String> {
    let told = manifest.nodes.iter().filter_map(|node| Some((node.unique_id.as_str(), node.written.as_deref()?)));
    let told: std::collections::BTreeMap<&str, &Written> = told.collect();
    if told.is_empty() { None } else { serde_json::to_string(&told).ok() }
}

/// The settings that a template gives by calls of `config`, as they are written, white space made even. `None` if some
/// are given in another way than by name.
pub(super) fn call_texts(template: &str) -> Option<HashMap<&str, String>> {
    let mut found = HashMap::new();
    let mut rest = template;
    while let Some((before, call)) = split_call(rest) {
        if before.rfind("{#").is_some_and(|open| !before[open..].contains("#}")) {
            rest = call.split_once("#}").map_or("", |(_, rest)| rest);
            continue;
        }
        let (arguments, after) = arguments(call)?;
        for argument in arguments.into_iter().filter(|argument| !argument.trim().is_empty()) {
            let (name, value) = argument.split_once('=')?;
            let is_name = name.trim().chars().all(|ch| ch.is_alphanumeric() || ch == '_');
            if !is_name || value.starts_with('=') {
                return None;
            }
            found.insert(name.trim(), value.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        rest = after;
    }
    Some(found)
}

/// Whether an expression calls `var`.
pub(super) fn reads_variable(expression: &str) -> bool {
    let is_word = |ch: char| ch.is_alphanumeric() || ch == '_';
    expression.match_indices("var").any(|(at, word)| {
        let after = expression[at + word.len()..].trim_start();
        !expression[..at].ends_with(is_word) && after.starts_with(['(', '.'])
    })
}

/// Whether dbt put the syntax of a `config()` call where its value belongs, which tells nothing that could be compared.
pub(super) fn is_syntax(value: &Data) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("Keyword(key="))
}

/// A setting without the repetition of lists: dbt has those of property files twice in its manifests.
pub(super) fn said_once(value: &Data) -> Data {
    match value {
        Data::Array(items) => {
            let (first, second) = items.split_at(items.len() / 2);
            Data::Array(if first == second { first.to_vec() } else { items.clone() })
        }
        Data::Object(map) => Data::Object(map.iter().map(|(key, value)| (key.clone(), said_once(value))).collect()),
        other => other.clone(),
    }
}

/// Splits a text at the next `config(`.
fn split_call(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find("config")?;
        let (before, after) = (&text[..at], &text[at + "config".len()..]);
        let is_word = before.chars().next_back().is_none_or(|ch| !(ch.is_alphanumeric() || ch == '_' || ch == '.'));
        match after.trim_start().strip_prefix('(') {
            Some(call) if is_word && before.contains('{') => return Some((before, call)),
            _ => from = at + "config".len(),
        }
    }
}

/// Cuts a call's arguments at commas up to the closing bracket; returns what follows it too.
fn arguments(call: &str) -> Option<(Vec<&str>, &str)> {
    let (mut depth, mut quote, mut start, mut is_escaped) = (0_u32, None, 0, false);
    let mut found = Vec::new();
    for (at, ch) in call.char_indices() {
        match (quote, ch) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if open == ch => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(ch),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => {
                found.push(&call[start..at]);
                return Some((found, &call[at + 1..]));
            }
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                found.push(&call[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: Option<&[(&str, &str)]>) {
        let found = call_texts(template).map(|found| {
            let mut pairs: Vec<_> = found.into_iter().collect();
            pairs.sort();
            pairs
        });
        let expected = expected.map(|pairs| pairs.iter().map(|(key, text)| (*key, (*text).to_owned())).collect());
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn arguments_are_cut_where_they_end() {
        check("{{ config(materialized='table') }} select 1", Some(&[("materialized", "'table'")]));
        check(
            "{{ config(\n  a=f(1, [2,3]),\n  b = 'x, )' if target.name\n   == \"p\\\"q\" else {'k': 1},\n) }}",
            Some(&[("a", "f(1, [2,3])"), ("b", "'x, )' if target.name == \"p\\\"q\" else {'k': 1}")]),
        );
        check("{{ config(a=1) }}{{ config (b=2) }}", Some(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn other_things_are_no_calls() {
        check("select config(1), reconfig(2)", Some(&[]));
        check("{# config(a=1) #} {{ config(b=2) }}", Some(&[("b", "2")]));
        check("{% do config.set('a', 1) %} {{ model.config(1) }}", Some(&[]));
    }

    #[test]
    fn variables_of_the_environment_are_no_variables() {
        assert!(reads_variable("'a' ~ var('x')") && reads_variable("var.has_var ('x')"));
        assert!(!reads_variable("env_var('x')") && !reads_variable("variable(1)"));
    }

    #[test]
    fn lists_that_dbt_has_twice_count_once() {
        use serde_json::json;
        let said = json!({"tags": ["a", "b", "a", "b"], "grants": {"select": ["x", "x"]}, "meta": {"l": ["a", "b"]}});
        let expected = json!({"tags": ["a", "b"], "grants": {"select": ["x"]}, "meta": {"l": ["a", "b"]}});
        assert_eq!(said_once(&said), expected);
        assert_eq!(said_once(&json!([])), json!([]));
    }

    #[test]
    fn what_is_not_given_by_name_is_not_known() {
        check("{{ config(**settings) }}", None);
        check("{{ config({'a': 1}) }}", None);
        check("{{ config(a=1", None);
    }
}
