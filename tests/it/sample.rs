//! The sample project at the root of the repository: the README's promise.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{root, shell};

/// What of the repository belongs to the sample project.
const PARTS: &[&str] =
    &["dbt_project.yml", "profiles.yml", "models", "seeds", "snapshots", "tests", "macros", "analyses"];

#[test]
fn sample_builds_green_twice() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    copy_to(dir.path());
    let first = build(dir.path());
    let second = build(dir.path());
    assert_eq!(first, second, "the second run does the same as the first");
    assert!(first.len() > 60, "the sample has more nodes than {}", first.len());
    let manifest = read_json(&dir.path().join("target/kiln/manifest.json"));
    assert_eq!(manifest["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/manifest/v12.json");
    for (unique_id, _) in &first {
        let part = if unique_id.starts_with("exposure.") { "exposures" } else { "nodes" };
        assert!(manifest[part].get(unique_id).is_some(), "{unique_id} ran and is in the manifest");
    }
}

/// Copies the sample project into a folder.
pub fn copy_to(dir: &Path) {
    for part in PARTS {
        copy(&root().join(part), &dir.join(part));
    }
}

/// Builds the project and returns the status of every node.
fn build(dir: &Path) -> Vec<(String, String)> {
    let outcome = shell::run(dir, "kiln build");
    assert_eq!(outcome.status, 0, "\n{}", outcome.output);
    assert!(outcome.output.contains("ERROR=0"), "\n{}", outcome.output);
    let results = read_json(&dir.join("target/kiln/run_results.json"));
    assert_eq!(results["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/run-results/v6.json");
    let results = results["results"].as_array().expect("results are a list");
    let mut statuses: Vec<(String, String)> = results
        .iter()
        .map(|result| (text(&result["unique_id"]), text(&result["status"])))
        .inspect(|(unique_id, status)| {
            assert!(["success", "pass", "no-op"].contains(&status.as_str()), "{unique_id}: {status}");
        })
        .collect();
    statuses.sort();
    statuses
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is a string")).to_owned()
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Copies a file or a folder, but not the Rust tests that lie among the sample's.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).expect("a file can be copied");
        return;
    }
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be read") {
        let name = entry.expect("a folder can be read").file_name();
        if !["it", "cases"].iter().any(|rust| name == *rust && from.ends_with("tests")) {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}
