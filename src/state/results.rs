//! `run_results.json` and `sources.json` of an earlier run.

use serde::Deserialize;
use serde_json::{Map, Value as Data};

use super::Artifact;

/// The results of an invocation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousResults {
    /// `metadata`.
    pub metadata: Map<String, Data>,
    /// The results of nodes.
    pub results: Vec<PreviousResult>,
    /// The flags of the invocation, under dbt's names.
    pub args: Map<String, Data>,
}

impl Artifact for PreviousResults {
    const OLDEST: u64 = 4;

    fn metadata(&self) -> &Map<String, Data> {
        &self.metadata
    }
}

/// What became of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousResult {
    /// The node.
    pub unique_id: String,
    /// `success`, `error`, `skipped` and so on.
    pub status: String,
    /// The batches of a microbatch model.
    pub batch_results: Option<PreviousBatches>,
}

/// Batches, each as its beginning and end.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct PreviousBatches {
    /// Those that were built.
    pub successful: Vec<(String, String)>,
    /// Those that were not.
    pub failed: Vec<(String, String)>,
}

/// How fresh sources were.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousSources {
    /// `metadata`.
    pub metadata: Map<String, Data>,
    /// The results of sources.
    pub results: Vec<PreviousFreshness>,
}

impl Artifact for PreviousSources {
    const OLDEST: u64 = 2;

    fn metadata(&self) -> &Map<String, Data> {
        &self.metadata
    }
}

/// How fresh a source was.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousFreshness {
    /// The source.
    pub unique_id: String,
    /// When its newest row came; `None` if that could not be told.
    pub max_loaded_at: Option<String>,
}

impl PreviousSources {
    /// The sources that have newer rows than they had.
    #[must_use]
    pub fn fresher_than<'a>(&'a self, old: &Self) -> Vec<&'a str> {
        let is_fresher = |now: &&PreviousFreshness| {
            let Some(loaded) = &now.max_loaded_at else { return false };
            match old.results.iter().find(|then| then.unique_id == now.unique_id) {
                None => true,
                Some(then) => then.max_loaded_at.as_ref().is_none_or(|then| is_later(loaded, then)),
            }
        };
        self.results.iter().filter(is_fresher).map(|result| result.unique_id.as_str()).collect()
    }
}

/// Tells whether one moment is after another; as texts if they are none.
fn is_later(left: &str, right: &str) -> bool {
    let moment = |text: &str| text.parse::<jiff::Timestamp>();
    match (moment(left), moment(right)) {
        (Ok(left), Ok(right)) => left > right,
        _ => left > right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(then: &[(&str, Option<&str>)], now: &[(&str, Option<&str>)], expected: &[&str]) {
        let sources = |list: &[(&str, Option<&str>)]| PreviousSources {
            metadata: Map::new(),
            results: list
                .iter()
                .map(|(id, at)| PreviousFreshness { unique_id: (*id).to_owned(), max_loaded_at: at.map(str::to_owned) })
                .collect(),
        };
        assert_eq!(sources(now).fresher_than(&sources(then)), expected);
    }

    #[test]
    fn a_source_is_fresher_by_the_moment_of_its_newest_row() {
        check(&[("a", Some("2026-01-01T00:00:00Z"))], &[("a", Some("2026-01-01T01:00:00+01:00"))], &[]);
        check(&[("a", Some("2026-01-01T00:00:00Z"))], &[("a", Some("2026-01-01T00:00:01Z"))], &["a"]);
    }

    #[test]
    fn a_source_that_was_not_known_is_fresher_and_one_that_failed_is_not() {
        check(&[], &[("a", Some("2026-01-01T00:00:00Z")), ("b", None)], &["a"]);
        check(&[("a", None)], &[("a", Some("2026-01-01T00:00:00Z"))], &["a"]);
    }
}
