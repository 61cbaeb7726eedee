//! Tests that differ from minijinja's, or that it does not have.

use minijinja::Environment;

/// Adds the tests.
pub(crate) fn register(env: &mut Environment<'static>) {
    let _ = env;
}
