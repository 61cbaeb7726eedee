//! The template engine: reads Jinja as dbt's Python does.
//!
//! Built on stock minijinja. What Python has and minijinja does not (mutable
//! lists, `return`, macros across files, `%` formatting …) is added by
//! rewriting the source and by objects in [`py`]. The names of dbt (`ref`,
//! `config`, `adapter` …) are not here: they reach a render through
//! [`ContextSource`].

mod blocks;
mod context;
mod env;
mod error;
mod filters;
mod functions;
mod lexer;
mod macros;
mod materializations;
mod methods;
mod modules;
mod objects;
pub(crate) mod py;
mod render;
mod rewrite;
mod root;
mod source;
mod state;
mod tests;

pub(crate) use error::{raise_cause, type_error, value_error};
pub(crate) use state::{call_value, render_state};

pub use blocks::{Block, BlockError, BlockKind, Scanned, scan};
pub(crate) use context::external_location;
pub use context::{
    Batch, Catalog, CatalogRow, ContextError, Deferred, DocsIndex, EphemeralCode, HookResults, Listener, Loaded,
    MaterializeResult, MessageLevel, NameKind, NodeExtras, ParseFacts, ParseScope, ParseShared, PythonCall, Response,
    RunContext, Runtime, RuntimeParts, Session, Silent, SqlFailure, StatementEvent, StatementPhase, Template,
    TestMacros, TestRow, Variables, YamlRenderer, call_name_macro, diagnose, is_name_built_in, parse_node,
    parse_python, parse_value, render_description,
};
pub(crate) use env::return_or_print;
pub use env::{Mode, TemplateEnv};
pub use error::{MacroFrame, Place, RenderError, RenderErrorKind};
pub(crate) use functions::missing_materialization;
pub use macros::{
    DuplicateMacro, GLOBAL_PACKAGE, MacroDef, MacroEntry, MacroKind, MacroRegistry, MacroRegistryBuilder,
};
pub use materializations::{Materialization, find_materialization};
pub use objects::adapter::rows_as_data;
pub use objects::csv_table::{csv_header, seed_columns};
pub(crate) use objects::dispatch::{prefixes, search_packages};
pub use render::Rendered;
pub use rewrite::{Call, CallArg, Constant, calls_of, mentions_this};
pub use source::{ContextSource, EmptyContext, SourceRef, TemplateSource};
