//! The last result of every node and test, which no one artifact has.
//!
//! `run_results.json` holds the last command's results only, and `docs generate`, which compiles, writes it too. So
//! what builds and tests said is remembered beside it, in the same shape, one result a node.

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value as Data, json};

use super::modified;
use crate::artifacts;
use crate::diagnostic::Diagnostic;

/// The file in the target folder.
pub(super) const FILE: &str = "docs_results.json";

/// Commands that only compile: their results say nothing about data.
const COMPILING: &[&str] = &["compile", "generate", "list", "parse", "show"];

/// What the page reads of a result.
const KEYS: &[&str] = &["adapter_response", "execution_time", "failures", "message", "status", "timing", "unique_id"];

/// Adds the results of the last command to those that are remembered. Call it before compiling.
///
/// # Errors
/// When the file cannot be written.
pub fn remember(folder: &Path) -> Result<(), Box<Diagnostic>> {
    let (path, news) = (folder.join(FILE), folder.join("run_results.json"));
    if modified(&news).is_none() || modified(&news) <= modified(&path) {
        return Ok(());
    }
    let read = |path: &Path| fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok());
    // A file that cannot be read is one that was not there: results are shown, not relied on.
    let (known, news): (Option<Data>, Option<Data>) = (read(&path), read(&news));
    let Some(merged) = merged(known.as_ref(), news.as_ref()) else { return Ok(()) };
    artifacts::write_file(&path, |out| Ok(serde_json::to_writer(out, &merged)?))
}

/// What is known with what is new in its place; `None` if nothing is new.
fn merged(known: Option<&Data>, news: Option<&Data>) -> Option<Data> {
    let command = news?.pointer("/args/which").and_then(Data::as_str).unwrap_or_default();
    if COMPILING.contains(&command) {
        return None;
    }
    let mut results: IndexMap<&str, Data> = IndexMap::new();
    for list in [known, news].into_iter().flatten().filter_map(|results| results["results"].as_array()) {
        for result in list {
            let id = result["unique_id"].as_str().unwrap_or_default();
            // What was left out did not run: its last result stands.
            if result["status"] == "skipped" && results.contains_key(id) {
                continue;
            }
            results.insert(id, trimmed(result));
        }
    }
    let results: Vec<Data> = results.into_values().collect();
    Some(json!({"metadata": {"generated_at": news?["metadata"]["generated_at"]}, "results": results}))
}

/// The keys that the page reads, where they have values, and of the timing when it ended.
fn trimmed(result: &Data) -> Data {
    let wanted = |(key, value): &(&String, &Data)| KEYS.contains(&key.as_str()) && !value.is_null();
    let kept = result.as_object().into_iter().flatten().filter(wanted);
    let mut kept: Map<String, Data> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(ended) = result["timing"].as_array().and_then(|timing| timing.last()) {
        kept.insert("timing".to_owned(), json!([{"completed_at": ended["completed_at"]}]));
    }
    if let Some(rows) = result.pointer("/adapter_response/rows_affected") {
        kept.insert("adapter_response".to_owned(), json!({"rows_affected": rows}));
    }
    Data::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(command: &str, statuses: &[(&str, &str)]) -> Data {
        let results: Vec<Data> =
            statuses.iter().map(|(id, status)| json!({"unique_id": id, "status": status, "compiled": true})).collect();
        json!({"args": {"which": command}, "metadata": {"generated_at": command}, "results": results})
    }

    /// Statuses by node after commands.
    #[track_caller]
    fn check(commands: &[(&str, &[(&str, &str)])], expected: &[(&str, &str)]) {
        let mut known = None;
        for (command, statuses) in commands {
            known = merged(known.as_ref(), Some(&results(command, statuses))).or(known);
        }
        let list = known.map(|known| known["results"].clone()).unwrap_or_default();
        let text = |result: &Data, key: &str| result[key].as_str().unwrap_or_default().to_owned();
        let list = list.as_array().into_iter().flatten();
        let found: Vec<_> = list.map(|result| (text(result, "unique_id"), text(result, "status"))).collect();
        let expected = expected.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned()));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_last_result_of_each_node_stands() {
        check(
            &[("build", &[("a", "success"), ("b", "fail")]), ("test", &[("b", "pass")])],
            &[("a", "success"), ("b", "pass")],
        );
    }

    #[test]
    fn compiling_changes_nothing() {
        check(&[("test", &[("a", "fail")]), ("generate", &[("a", "success")])], &[("a", "fail")]);
    }

    #[test]
    fn what_was_skipped_keeps_its_result() {
        check(
            &[("test", &[("a", "fail")]), ("build", &[("a", "skipped"), ("b", "skipped")])],
            &[("a", "fail"), ("b", "skipped")],
        );
    }
}
