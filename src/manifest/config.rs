//! The configuration of a node after all layers were merged.
//!
//! Kept as dbt's published map, since templates, artifacts and users' own keys all need that;
//! typed questions are methods.

use std::sync::Arc;

use serde_json::{Map, Value as Data};

/// A node's merged configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeConfig {
    /// Every key with its value, dbt's defaults included, in dbt's order. Nodes that are configured alike share it.
    pub values: Arc<Map<String, Data>>,
}

impl From<Map<String, Data>> for NodeConfig {
    fn from(values: Map<String, Data>) -> Self {
        Self { values: Arc::new(values) }
    }
}

impl NodeConfig {
    /// Sets a key.
    pub fn set(&mut self, key: &str, value: Data) {
        Arc::make_mut(&mut self.values).insert(key.to_owned(), value);
    }

    /// The value of a key; null counts as absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// The text of a key.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Data::as_str)
    }

    /// A truth value; `None` if absent or not one.
    #[must_use]
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Data::as_bool)
    }

    /// `materialized`.
    #[must_use]
    pub fn materialized(&self) -> &str {
        self.str("materialized").unwrap_or("view")
    }

    /// `enabled`; true unless told otherwise.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.bool("enabled").unwrap_or(true)
    }

    /// `tags`.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.get("tags").and_then(Data::as_array).into_iter().flatten().filter_map(Data::as_str)
    }

    /// `severity` of a test, in lower case.
    #[must_use]
    pub fn severity(&self) -> String {
        self.str("severity").unwrap_or("error").to_lowercase()
    }

    /// Whether the contract is enforced.
    #[must_use]
    pub fn is_contract_enforced(&self) -> bool {
        self.get("contract").and_then(|contract| contract.get("enforced")).and_then(Data::as_bool).unwrap_or(false)
    }
}
