//! Merging configuration: what comes of a key that two layers set.
//!
//! Which layers there are, and in which order they count, is for `parse`.

use serde_json::{Map, Value as Data};

use super::ResourceType;

type Tree = Map<String, Data>;

/// Adds a layer of configuration to what earlier ones said.
///
/// Each key has its rule for a kind of node; what several `config()` calls of one file say is joined by those of
/// [`ResourceType::Model`], whatever the node is. Source: `mergebehavior` of dbt's `BaseConfig`.
pub fn merge_config(kind: ResourceType, config: &mut Tree, layer: Tree) {
    for (key, value) in layer {
        let key = match key.as_str() {
            "pre_hook" => "pre-hook".to_owned(),
            "post_hook" => "post-hook".to_owned(),
            _ => key,
        };
        let merged = match config.get_mut(&key) {
            Some(earlier) => combine(rule(kind, &key), earlier.take(), value),
            None => value,
        };
        config.insert(key, merged);
    }
}

/// Adds what one more `config()` call of a file says.
///
/// As [`merge_config`] for models, but grants keep their `+`: what the file says as a whole is still to be joined with
/// what other layers say.
pub fn merge_calls(config: &mut Tree, mut call: Tree) {
    if let (Some(Data::Object(earlier)), Some(Data::Object(later))) = (config.get("grants"), call.get("grants")) {
        let mut joined = earlier.clone();
        for (key, value) in later {
            let value = match joined.get(key) {
                Some(before) if key.starts_with('+') => combine(Rule::Append, before.clone(), value.clone()),
                _ => value.clone(),
            };
            joined.insert(key.clone(), value);
        }
        config.insert("grants".to_owned(), Data::Object(joined));
        call.shift_remove("grants");
    }
    merge_config(ResourceType::Model, config, call);
}

/// How two values of one key become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The later value stands.
    Replace,
    /// Lists are joined; a lone value counts as a list of one.
    Append,
    /// Mappings are joined; the later value of a key stands.
    Update,
    /// As `Update`, but of lists; a key written `+key` is joined instead of replaced.
    AppendByKey,
}

/// The rule of a key for a kind of node.
fn rule(kind: ResourceType, key: &str) -> Rule {
    use ResourceType as Kind;
    let is_node =
        matches!(kind, Kind::Model | Kind::Seed | Kind::Snapshot | Kind::Analysis | Kind::Operation | Kind::Function);
    match key {
        "tags" if is_node || matches!(kind, Kind::Test | Kind::UnitTest) => Rule::Append,
        "pre-hook" | "post-hook" | "packages" if is_node => Rule::Append,
        "meta" => Rule::Update,
        "quoting" | "column_types" | "docs" | "contract" if is_node => Rule::Update,
        "grants" if is_node => Rule::AppendByKey,
        _ => Rule::Replace,
    }
}

fn combine(rule: Rule, earlier: Data, later: Data) -> Data {
    match (rule, earlier, later) {
        (Rule::Append, earlier, later) => {
            let mut list = listed(earlier);
            list.extend(listed(later));
            Data::Array(list)
        }
        (Rule::Update, Data::Object(mut earlier), Data::Object(later)) => {
            earlier.extend(later);
            Data::Object(earlier)
        }
        (Rule::AppendByKey, Data::Object(earlier), Data::Object(later)) => Data::Object(append_by_key(earlier, later)),
        (_, _, later) => later,
    }
}

fn append_by_key(earlier: Tree, later: Tree) -> Tree {
    let mut joined: Tree = earlier.into_iter().map(|(key, value)| (key, Data::Array(listed(value)))).collect();
    for (key, value) in later {
        let name = key.trim_start_matches('+');
        let value = listed(value);
        match joined.get_mut(name).and_then(Data::as_array_mut) {
            Some(list) if key.starts_with('+') => list.extend(value),
            _ => {
                joined.insert(name.to_owned(), Data::Array(value));
            }
        }
    }
    joined
}

fn listed(value: Data) -> Vec<Data> {
    match value {
        Data::Array(list) => list,
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(key: &str, earlier: Data, later: Data, expected: Data) {
        let mut config = Map::from_iter([(key.to_owned(), earlier)]);
        merge_config(ResourceType::Model, &mut config, Map::from_iter([(key.to_owned(), later)]));
        assert_eq!(config[key], expected);
    }

    #[test]
    fn tags_are_joined_and_a_lone_tag_counts_as_a_list() {
        check("tags", json!(["a"]), json!("b"), json!(["a", "b"]));
    }

    #[test]
    fn meta_is_joined_by_key_and_persist_docs_is_not() {
        check("meta", json!({"a": 1, "b": 1}), json!({"b": 2}), json!({"a": 1, "b": 2}));
        check("persist_docs", json!({"relation": true}), json!({"columns": true}), json!({"columns": true}));
    }

    #[test]
    fn grants_replace_unless_written_with_a_plus() {
        check("grants", json!({"select": "x"}), json!({"select": ["y"]}), json!({"select": ["y"]}));
        check("grants", json!({"select": "x"}), json!({"+select": ["y"]}), json!({"select": ["x", "y"]}));
    }

    #[test]
    fn grants_of_several_calls_keep_their_plus() {
        let mut config = Map::from_iter([("grants".to_owned(), json!({"+select": "x"}))]);
        merge_calls(&mut config, Map::from_iter([("grants".to_owned(), json!({"+select": ["y"], "insert": "z"}))]));
        assert_eq!(config["grants"], json!({"+select": ["x", "y"], "insert": "z"}));
    }

    #[test]
    fn other_keys_are_replaced() {
        check("materialized", json!("view"), json!("table"), json!("table"));
        check("unique_key", json!(["a"]), json!(["b"]), json!(["b"]));
    }
}
