//! The Python package, with the binary under test in place of the one that wheels carry.

use std::env;
use std::process::Command;

use crate::harness::root;

#[test]
fn the_python_package_passes_its_own_tests() {
    let python = env::var("KILN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut tests = Command::new(&python);
    tests.args(["-B", "-W", "error::ResourceWarning", "-m", "unittest", "discover", "--start-directory"]);
    tests.arg(root().join("python/tests")).env("KILN_BIN", env!("CARGO_BIN_EXE_kiln"));
    match tests.output() {
        Ok(outcome) => {
            let said = String::from_utf8_lossy(&outcome.stderr);
            assert!(outcome.status.success(), "{said}");
            assert!(!said.contains("Ran 0 tests"), "{said}");
        }
        Err(error) => eprintln!("skipped: there is no Python to test with: {python}: {error}"),
    }
}
