//! What templates can see, one file a phase: YAML values, parsing, running.
//!
//! Macros are not here: the engine finds them by itself and asks a context only for the rest.

mod arguments;
pub(crate) mod base;
mod batch;
mod catalog;
mod docs;
pub(crate) mod failure;
#[cfg(test)]
pub(crate) mod fixture;
mod foreign_keys;
mod freshness;
mod lookup;
mod parse;
mod run;
mod runtime;
mod session;
#[cfg(test)]
mod tests;
mod variables;
mod yaml;

pub use batch::Batch;
pub use catalog::{Catalog, CatalogRow};
pub use docs::{DocsIndex, render_description};
pub use failure::{ContextError, SqlFailure, diagnose};
pub use freshness::Loaded;
pub(crate) use lookup::external_location;
pub use parse::{
    NameKind, ParseFacts, ParseScope, ParseShared, PythonCall, Template, TestMacros, call_name_macro, is_name_built_in,
    parse_node, parse_python, parse_value,
};
pub use run::{HookResults, MaterializeResult, NodeExtras, RunContext, TestRow};
pub(crate) use runtime::KeyConstraints;
pub use runtime::{
    Deferred, EphemeralCode, Listener, MessageLevel, Runtime, RuntimeParts, Silent, StatementEvent, StatementPhase,
};
pub use session::{Response, Session};
pub use variables::Variables;
pub use yaml::YamlRenderer;
