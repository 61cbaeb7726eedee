//! What the tests share: running the binary, reading cases, showing differences.

pub mod case;
pub mod cluster;
pub mod diff;
pub mod server;
pub mod shell;

use std::path::PathBuf;

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
