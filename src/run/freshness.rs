//! How old a source may be, and how old it is.

use jiff::Timestamp;
use serde_json::Value as Data;

use super::result::Status;
use crate::jinja::Loaded;
use crate::manifest::{Node, NodeKind};

/// What was found out about a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Freshness {
    /// When its newest row came; `None` if it has no rows.
    pub max_loaded_at: Option<Timestamp>,
    /// When it was asked.
    pub snapshotted_at: Timestamp,
    /// Seconds between the two; without rows since the year 1.
    pub age: f64,
}

/// The first moment that Python knows, in seconds: dbt takes it for tables without rows.
const YEAR_ONE: i64 = -62_135_596_800;

impl Freshness {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let micros = |at: Timestamp| at.as_microsecond();
        let newest = loaded.max_loaded_at.map_or(YEAR_ONE * 1_000_000, micros);
        #[expect(clippy::cast_precision_loss, reason = "no age has so many microseconds that it matters")]
        let age = (micros(loaded.snapshotted_at) - newest) as f64 / 1e6;
        Self { max_loaded_at: loaded.max_loaded_at, snapshotted_at: loaded.snapshotted_at, age }
    }

    /// Judges by `error_after` and `warn_after` of the source.
    pub(super) fn judge(&self, criteria: &Data) -> Status {
        let is_exceeded = |key: &str| threshold(criteria, key).is_some_and(|seconds| self.age > seconds);
        if is_exceeded("error_after") {
            Status::Error
        } else if is_exceeded("warn_after") {
            Status::Warn
        } else {
            Status::Pass
        }
    }
}

/// Whether anything says how old a source may be.
#[must_use]
pub fn has_freshness(node: &Node) -> bool {
    let NodeKind::Source(source) = &node.kind else { return false };
    ["warn_after", "error_after"].iter().any(|key| threshold(&source.freshness, key).is_some())
}

/// `warn_after` or `error_after` in seconds.
fn threshold(criteria: &Data, key: &str) -> Option<f64> {
    let time = criteria.get(key)?;
    let seconds = match time.get("period")?.as_str()? {
        "minute" => 60.0,
        "hour" => 3_600.0,
        "day" => 86_400.0,
        _ => return None,
    };
    Some(time.get("count")?.as_f64()? * seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(age: f64, criteria: &Data, expected: Status) {
        let freshness = Freshness { max_loaded_at: None, snapshotted_at: Timestamp::UNIX_EPOCH, age };
        assert_eq!(freshness.judge(criteria), expected);
    }

    #[test]
    fn the_age_decides() {
        let both = json!({"warn_after": {"count": 1, "period": "hour"}, "error_after": {"count": 2, "period": "hour"}});
        check(3_600.0, &both, Status::Pass);
        check(3_600.1, &both, Status::Warn);
        check(7_200.1, &both, Status::Error);
        check(1e12, &json!({"warn_after": {"count": null, "period": null}}), Status::Pass);
        check(1e12, &json!({"warn_after": null, "error_after": {"count": 1, "period": "day"}}), Status::Error);
    }

    #[test]
    fn without_rows_the_age_counts_from_the_year_one() {
        let loaded =
            Loaded { max_loaded_at: None, snapshotted_at: Timestamp::UNIX_EPOCH, response: serde_json::Map::new() };
        assert!((Freshness::of(&loaded).age - 62_135_596_800.0).abs() < 1.0);
    }
}
