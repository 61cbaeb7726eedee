//! The chosen target of a profile.

use serde_json::{Map, Value as Data};

/// Where a project is built: one output of a profile.
#[derive(Clone, Debug)]
pub struct Target {
    /// The profile's name.
    pub profile_name: String,
    /// The target's name, such as `dev`.
    pub name: String,
    /// `type:`, such as `duckdb`.
    pub adapter_type: String,
    /// Worker threads; at least 1.
    pub threads: usize,
    /// The database (catalog) that nodes are built in by default.
    pub database: String,
    /// The schema that nodes are built in by default.
    pub schema: String,
    /// All keys of the output, rendered, secrets included: for the adapter alone.
    pub fields: Map<String, Data>,
}
