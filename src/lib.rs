//! kiln runs SQL transformation projects.
//!
//! The pipeline, each step a function from one named type to the next:
//! `project` loads files and settings, `parse` makes a [`manifest::Manifest`] of them, `select` picks nodes,
//! `compile` renders them, `lineage` follows their columns, `metrics` plans answers about metrics, `check` tries them on empty relations, `run` executes them
//! against an `adapter`, `artifacts` writes what happened, `ui` shows it and `cli` holds it all together. A room uses only rooms listed below it.

pub mod adapter;
pub mod artifacts;
pub mod builtins;
pub mod check;
pub mod cli;
pub mod compile;
pub mod diagnostic;
pub mod jinja;
pub mod lineage;
pub mod manifest;
pub mod metrics;
pub mod packages;
pub mod parse;
pub mod project;
pub mod remote;
pub mod run;
pub mod select;
pub mod site;
pub mod sql;
pub mod state;
pub mod ui;
