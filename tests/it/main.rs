//! The one Rust test binary.

/// Literate cases: what a user sees, command by command.
mod cases;
/// `kiln check` against what really happens.
mod check;
/// Which columns queries make of which.
mod columns;
/// `kiln deps` against a hub, archives and repositories.
mod deps;
/// Lineage against what really changes in the sample.
mod downstream;
/// What the tests share: running the binary, reading cases, showing differences.
mod harness;
/// The rules of the house: floors, rooms of packages.
mod house;
/// The adapter for PostgreSQL, against a server that the tests start.
#[macro_use]
mod postgres;
/// Comparing targets, across databases.
mod compare;
/// How relations take the place of others on PostgreSQL, while others read them and while things break.
mod publishing;
/// The Python package's own tests.
mod python;
mod python_models;
/// The sample project at the root of the repository.
mod sample;
/// The documentation page, in a browser.
mod site;
/// `--state` with addresses.
mod state;
