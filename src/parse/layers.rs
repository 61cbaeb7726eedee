//! Configuration: how the layers that say something about a node become one.
//!
//! Order, later wins: the package's `dbt_project.yml` from the outermost folder inwards, the property file,
//! the `config()` calls of the file itself, and for nodes of packages the root project's `dbt_project.yml`.
//! Each key has a merge rule; keys without one are replaced.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value as Data, json};

use crate::manifest::{NodeConfig, ResourceType, merge_config};
use crate::project::{Project, yaml::Yaml};

type Tree = Map<String, Data>;

/// The key of `dbt_project.yml` under which a kind of node is configured.
pub(super) fn tree_key(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        ResourceType::Source => "sources",
        ResourceType::Test => "data_tests",
        ResourceType::UnitTest => "unit_tests",
        ResourceType::Metric => "metrics",
        ResourceType::SemanticModel => "semantic_models",
        ResourceType::SavedQuery => "saved_queries",
        ResourceType::Exposure => "exposures",
        ResourceType::Function => "functions",
        ResourceType::Model | ResourceType::Analysis | ResourceType::Operation => "models",
    }
}

/// The configuration trees of all packages, rendered and as written.
#[derive(Debug)]
pub(super) struct ProjectTrees {
    root: String,
    /// By package and key of `dbt_project.yml`.
    trees: HashMap<String, HashMap<String, ProjectTree>>,
    /// What was merged so far, by [`Layers::key`]: most nodes of a project are configured alike.
    merged: Mutex<HashMap<String, NodeConfig>>,
}

#[derive(Debug)]
struct ProjectTree {
    rendered: Tree,
    written: Tree,
}

impl ProjectTrees {
    /// Collects the trees of a project.
    pub(super) fn of(project: &Project) -> Self {
        let mut trees: HashMap<String, HashMap<String, ProjectTree>> = HashMap::new();
        for package in &project.packages {
            let own = trees.entry(package.config.name.clone()).or_default();
            let layers = &package.config.layers;
            let written = |key: &str| match layers.get(key)?.written.as_ref().map(Yaml::to_data) {
                Some(Data::Object(map)) => Some(map),
                _ => None,
            };
            for (key, layer) in layers {
                let written = written(key).unwrap_or_default();
                own.insert(key.clone(), ProjectTree { rendered: layer.rendered.clone(), written });
            }
            // What the project says of functions as it is written, dbt looks up among the models.
            let functions = tree_key(ResourceType::Function);
            let rendered = layers.get(functions).map(|layer| layer.rendered.clone()).unwrap_or_default();
            let written = written(tree_key(ResourceType::Model)).unwrap_or_default();
            own.insert(functions.to_owned(), ProjectTree { rendered, written });
        }
        Self { root: project.root().config.name.clone(), trees, merged: Mutex::default() }
    }

    /// What stands at the top of a package's tree under a key without `+`; to [`merge`] a mapping there is a folder.
    pub(super) fn at_top(&self, package: &str, kind: ResourceType, key: &str) -> Option<&Data> {
        self.tree(package, kind)?.rendered.get(key)
    }

    fn tree(&self, package: &str, kind: ResourceType) -> Option<&ProjectTree> {
        self.trees.get(package)?.get(tree_key(kind))
    }
}

/// The levels of a tree from the outermost to the last that the parts of a name lead to.
fn levels<'t>(tree: &'t Tree, fqn: &[String]) -> Vec<&'t Tree> {
    let mut levels = vec![tree];
    for part in fqn {
        let Some(Data::Object(next)) = levels.last().and_then(|level| level.get(part)) else { break };
        levels.push(next);
    }
    levels
}

/// The keys of a level that configure it: those with `+`, and any that do not hold a mapping.
fn own_keys(level: &Tree) -> Tree {
    let mut keys = Map::new();
    for (key, value) in level {
        if let Some(name) = key.strip_prefix('+') {
            keys.insert(name.trim().to_owned(), value.clone());
        } else if !value.is_object() {
            keys.insert(key.clone(), value.clone());
        }
    }
    keys
}

/// What says something about one node.
pub(super) struct Layers<'a> {
    pub(super) kind: ResourceType,
    pub(super) package: &'a str,
    pub(super) fqn: &'a [String],
    /// `config:` of the property file.
    pub(super) patch: Option<&'a Tree>,
    /// What `config()` calls said.
    pub(super) call: &'a Tree,
}

impl Layers<'_> {
    fn in_order(&self, trees: &ProjectTrees, pick: impl Fn(&ProjectTree) -> &Tree) -> Vec<Tree> {
        let of = |package: &str| {
            let levels = trees.tree(package, self.kind).map(|tree| levels(pick(tree), self.fqn)).unwrap_or_default();
            levels.into_iter().map(own_keys).filter(|keys| !keys.is_empty()).collect::<Vec<_>>()
        };
        let mut layers = of(self.package);
        layers.extend(self.patch.cloned());
        if !self.call.is_empty() {
            layers.push(self.call.clone());
        }
        if self.package != trees.root {
            layers.extend(of(&trees.root));
        }
        layers
    }

    /// What decides how the merged configuration looks, the order of keys included.
    fn key(&self, trees: &ProjectTrees) -> serde_json::Result<String> {
        let reached = |package: &str| {
            let n_levels = trees.tree(package, self.kind).map_or(0, |tree| levels(&tree.rendered, self.fqn).len());
            &self.fqn[..n_levels.saturating_sub(1)]
        };
        let parts = (self.kind.as_str(), self.package, reached(self.package), reached(&trees.root));
        serde_json::to_string(&(parts, self.patch, self.call))
    }

    fn merged(&self, trees: &ProjectTrees) -> NodeConfig {
        let mut config = defaults(self.kind);
        for layer in self.in_order(trees, |tree| &tree.rendered) {
            merge_config(self.kind, &mut config, layer);
        }
        finish(self.kind, &mut config);
        config.into()
    }
}

/// The merged configuration of a node, with dbt's defaults for what nothing set. Nodes with the same layers share it.
pub(super) fn merge(trees: &ProjectTrees, layers: &Layers<'_>) -> NodeConfig {
    let Ok(key) = layers.key(trees) else { return layers.merged(trees) };
    let known = || trees.merged.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = known().get(&key) {
        return config.clone();
    }
    let config = layers.merged(trees);
    known().entry(key).or_insert(config).clone()
}

/// What the layers say, as written: no defaults, no merging within a key.
pub(super) fn merge_written(trees: &ProjectTrees, layers: &Layers<'_>) -> Tree {
    let mut config = Map::new();
    for layer in layers.in_order(trees, |tree| &tree.written) {
        config.extend(layer);
    }
    config
}

/// Keys whose layers are put together.
const TOGETHER: &[&str] = &["meta", "grants", "pre-hook", "post-hook"];

/// What the project and the property file say of keys whose layers are put together, as written, where several layers
/// say something: what [`merge_written`] has of them is the last layer alone.
pub(super) fn said_twice(trees: &ProjectTrees, layers: &Layers<'_>) -> Tree {
    let all = layers.in_order(trees, |tree| &tree.written);
    let mut found = Map::new();
    for key in TOGETHER {
        let values: Vec<&Data> = all.iter().filter_map(|layer| layer.get(*key)).collect();
        // A call's values are rendered, and its text is compared anyway.
        let is_called = layers.call.contains_key(*key);
        if values.len() > 1 {
            let own = layers.call.get(*key).filter(|_| is_called);
            let written = values.into_iter().filter(|value| Some(*value) != own);
            found.insert((*key).to_owned(), written.cloned().collect());
        }
    }
    found
}

/// The configuration of a group. dbt looks for it where it looks for that of models.
pub(super) fn merge_group(trees: &ProjectTrees, package: &str, fqn: &[String], own: &Tree) -> Tree {
    let (kind, empty) = (ResourceType::Model, Map::new());
    let layers = Layers { kind, package, fqn, patch: Some(own), call: &empty };
    let mut config = Map::from_iter([("meta".to_owned(), json!({}))]);
    for layer in layers.in_order(trees, |tree| &tree.rendered) {
        merge_config(ResourceType::Exposure, &mut config, layer);
    }
    config
}

/// The configuration keys that a kind of node knows.
pub(super) fn known_keys(kind: ResourceType) -> Vec<String> {
    defaults(kind).keys().cloned().collect()
}

/// The keys that every node has, with their defaults, in dbt's order.
fn defaults(kind: ResourceType) -> Tree {
    use ResourceType as Kind;
    let data = match kind {
        Kind::Source => source_defaults(),
        Kind::Test => test_defaults(),
        Kind::UnitTest => json!({"tags": [], "meta": {}, "enabled": true, "static_analysis": null}),
        Kind::Exposure => json!({"enabled": true, "tags": [], "meta": {}}),
        Kind::Metric => json!({"enabled": true, "group": null, "meta": {}}),
        Kind::SemanticModel => json!({"enabled": true, "group": null, "meta": {}}),
        Kind::SavedQuery => {
            json!({"enabled": true, "group": null, "meta": {}, "export_as": null, "schema": null, "cache": {"enabled": false}})
        }
        _ => node_defaults(kind),
    };
    match data {
        Data::Object(map) => map,
        _ => Map::new(),
    }
}

fn source_defaults() -> Data {
    let time = json!({"count": null, "period": null});
    json!({
        "enabled": true,
        "event_time": null,
        "freshness": {"warn_after": time, "error_after": time, "filter": null},
        "loaded_at_field": null,
        "loaded_at_query": null,
        "meta": {},
        "tags": [],
        "static_analysis": null,
    })
}

fn test_defaults() -> Data {
    json!({
        "enabled": true,
        "alias": null,
        "schema": "dbt_test__audit",
        "database": null,
        "tags": [],
        "meta": {},
        "group": null,
        "static_analysis": null,
        "materialized": "test",
        "severity": "ERROR",
        "store_failures": null,
        "store_failures_as": null,
        "where": null,
        "limit": null,
        "fail_calc": "count(*)",
        "warn_if": "!= 0",
        "error_if": "!= 0",
    })
}

fn node_defaults(kind: ResourceType) -> Data {
    let mut config = json!({
        "enabled": true,
        "alias": null,
        "schema": null,
        "database": null,
        "tags": [],
        "meta": {},
        "group": null,
        "static_analysis": null,
        "materialized": "view",
        "incremental_strategy": null,
        "batch_size": null,
        "lookback": 1,
        "begin": null,
        "persist_docs": {},
        "post-hook": [],
        "pre-hook": [],
        "quoting": {},
        "column_types": {},
        "full_refresh": null,
        "unique_key": null,
        "on_schema_change": "ignore",
        "on_configuration_change": "apply",
        "grants": {},
        "packages": [],
        "docs": {"show": true, "node_color": null},
        "contract": {"enforced": false, "alias_types": true},
        "event_time": null,
        "concurrent_batches": null,
    });
    let more = match kind {
        ResourceType::Model => json!({"access": "protected", "freshness": null}),
        ResourceType::Seed => json!({"materialized": "seed", "delimiter": ",", "quote_columns": null}),
        ResourceType::Snapshot => json!({
            "materialized": "snapshot",
            "strategy": null,
            "target_schema": null,
            "target_database": null,
            "updated_at": null,
            "check_cols": null,
            "snapshot_meta_column_names": {
                "dbt_valid_to": null, "dbt_valid_from": null, "dbt_scd_id": null,
                "dbt_updated_at": null, "dbt_is_deleted": null,
            },
            "dbt_valid_to_current": null,
        }),
        ResourceType::Function => json!({
            "materialized": "function", "type": "scalar", "volatility": null,
            "runtime_version": null, "entry_point": null,
        }),
        _ => json!({}),
    };
    if let (Data::Object(config), Data::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// Brings the merged values into their published form.
fn finish(kind: ResourceType, config: &mut Tree) {
    for key in ["pre-hook", "post-hook"] {
        if let Some(Data::Array(hooks)) = config.get_mut(key) {
            hooks.iter_mut().for_each(|hook| *hook = hook_map(hook.take()));
        }
    }
    for (key, default) in [("docs", json!({"show": true, "node_color": null})), ("contract", contract_default())] {
        match config.get_mut(key) {
            // dbt keeps no other keys in these.
            Some(Data::Object(map)) => map.retain(|key, _| default.get(key).is_some()),
            Some(Data::Null) => {
                config.insert(key.to_owned(), default);
            }
            // Checked when all layers are merged.
            Some(_) | None => {}
        }
    }
    if let Some(Data::Bool(value)) = config.get("static_analysis") {
        config.insert("static_analysis".to_owned(), json!(if *value { "on" } else { "off" }));
    }
    match kind {
        ResourceType::Model => finish_freshness(config),
        ResourceType::Test => finish_store_failures(config),
        ResourceType::Snapshot => fill(config, "snapshot_meta_column_names", &defaults(kind)),
        ResourceType::Source => finish_source(config),
        ResourceType::SavedQuery => fill(config, "cache", &defaults(kind)),
        _ => {}
    }
    let has_tags = !matches!(kind, ResourceType::Metric | ResourceType::SemanticModel | ResourceType::SavedQuery);
    if let Some(Data::String(tag)) = config.get("tags").filter(|_| has_tags) {
        let tags = json!([tag]);
        config.insert("tags".to_owned(), tags);
    }
}

fn contract_default() -> Data {
    json!({"enforced": false, "alias_types": true})
}

/// Adds the keys of a nested default that a layer left out.
fn fill(config: &mut Tree, key: &str, defaults: &Tree) {
    let (Some(Data::Object(value)), Some(Data::Object(default))) = (config.get_mut(key), defaults.get(key)) else {
        return;
    };
    for (name, missing) in default {
        value.entry(name.clone()).or_insert_with(|| missing.clone());
    }
}

/// A hook as published: its SQL, whether it runs within the transaction, its index.
fn hook_map(hook: Data) -> Data {
    let written = match hook {
        Data::String(text) => match serde_json::from_str::<Data>(&text) {
            Ok(Data::Object(map)) => map,
            _ => Map::from_iter([("sql".to_owned(), Data::String(text))]),
        },
        Data::Object(map) => map,
        other => return other,
    };
    json!({
        "sql": written.get("sql").cloned().unwrap_or(Data::Null),
        "transaction": written.get("transaction").cloned().unwrap_or(Data::Bool(true)),
        "index": written.get("index").cloned().unwrap_or(Data::Null),
    })
}

fn finish_freshness(config: &mut Tree) {
    let build_after = config.get("freshness").and_then(|freshness| freshness.get("build_after")).cloned();
    let published = build_after.map_or(Data::Null, |after| {
        json!({"build_after": {
            "count": after.get("count").cloned().unwrap_or(Data::Null),
            "period": after.get("period").cloned().unwrap_or(Data::Null),
            "updates_on": after.get("updates_on").cloned().unwrap_or_else(|| json!("any")),
        }})
    });
    config.insert("freshness".to_owned(), published);
}

fn finish_store_failures(config: &mut Tree) {
    let how = config.get("store_failures_as").and_then(Data::as_str).map(str::to_owned);
    match how.as_deref() {
        Some(how) => {
            config.insert("store_failures".to_owned(), Data::Bool(how != "ephemeral"));
        }
        None => {
            let how = match config.get("store_failures").and_then(Data::as_bool) {
                Some(true) => json!("table"),
                Some(false) => json!("ephemeral"),
                None => Data::Null,
            };
            config.insert("store_failures_as".to_owned(), how);
        }
    }
}

fn finish_source(config: &mut Tree) {
    if let Some(freshness @ Data::Object(_)) = config.get("freshness") {
        let published = super::sources::freshness(freshness);
        config.insert("freshness".to_owned(), published);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_become_maps() {
        assert_eq!(hook_map(json!("select 1")), json!({"sql": "select 1", "transaction": true, "index": null}));
        assert_eq!(
            hook_map(json!("{\"sql\": \"vacuum\", \"transaction\": false}")),
            json!({"sql": "vacuum", "transaction": false, "index": null})
        );
    }
}
