//! Microbatch models: the batches of event time that a run builds one after the other.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use serde_json::Value as Data;

use super::plan::Retried;
use super::result::{BatchResults, NodeResult, Status};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{Batch, Runtime};
use crate::manifest::{Node, NodeIndex};
use crate::parse;
use crate::project::{TimeWindow, read_moment};
use crate::sql::RelationKind;

/// Whether a node is built batch by batch.
pub(super) fn is_microbatch(runtime: &Runtime, node: &Node) -> bool {
    parse::is_batched(&runtime.project, runtime.env.registry(), node)
}

/// How long a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchSize {
    Hour,
    Day,
    Month,
    Year,
}

impl BatchSize {
    fn of(node: &Node) -> Result<Self, Box<Diagnostic>> {
        match node.config.str("batch_size") {
            Some("hour") => Ok(Self::Hour),
            Some("day") => Ok(Self::Day),
            Some("month") => Ok(Self::Month),
            Some("year") => Ok(Self::Year),
            _ => Err(refuse(
                node,
                "does not have a 'batch_size' config (one of ['hour', 'day', 'month', 'year']) specified.",
            )),
        }
    }

    /// The beginning of the batch that a moment lies in.
    fn floor(self, at: DateTime) -> DateTime {
        let floor = |month, day, hour| jiff::civil::date(at.year(), month, day).at(hour, 0, 0, 0);
        match self {
            Self::Hour => floor(at.month(), at.day(), at.hour()),
            Self::Day => floor(at.month(), at.day(), 0),
            Self::Month => floor(at.month(), 1, 0),
            Self::Year => floor(1, 1, 0),
        }
    }

    /// The beginning of the batch so many batches later.
    fn step(self, at: DateTime, n: i64) -> Option<DateTime> {
        let span = match self {
            Self::Hour => Span::new().try_hours(n),
            Self::Day => Span::new().try_days(n),
            Self::Month => Span::new().try_months(n),
            Self::Year => Span::new().try_years(n),
        };
        self.floor(at).checked_add(span.ok()?).ok()
    }

    fn ceil(self, at: DateTime) -> Option<DateTime> {
        if self.floor(at) == at { Some(at) } else { self.step(at, 1) }
    }

    /// The name of the batch that begins then: `2024-01-31`.
    pub(super) fn label(self, start: Timestamp) -> String {
        let format = match self {
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        civil(start).strftime(format).to_string()
    }
}

fn civil(at: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(at)
}

fn refuse(node: &Node, what: &str) -> Box<Diagnostic> {
    let message = format!("Microbatch model '{}' {what}", node.name);
    Box::new(Diagnostic::error(Code::PropertyInvalid, message).in_file(&node.file))
}

/// What decides which batches there are.
struct Bounds {
    /// The window that was asked for.
    window: Option<TimeWindow>,
    /// Whether the table is there and only its end is built.
    is_incremental: bool,
    /// When the run began.
    now: Timestamp,
}

/// The batches of a model, with how their names are written.
pub(super) fn batches(
    runtime: &Runtime,
    ix: NodeIndex,
    retried: &Retried,
) -> Result<(BatchSize, Vec<Batch>), Box<Diagnostic>> {
    let node = runtime.manifest.node(ix);
    let size = BatchSize::of(node)?;
    let settings = &runtime.project.settings;
    let again = retried.batches.get(&ix);
    // What was built stays.
    let is_incremental = again.is_some() || is_incremental(runtime, ix);
    let bounds = Bounds {
        window: settings.windows.sample.or(settings.windows.event_time),
        is_incremental,
        now: retried.started_at.unwrap_or(settings.started_at),
    };
    let windows = match again {
        Some(batches) => batches.failed.iter().map(|(start, end)| TimeWindow { start: *start, end: *end }).collect(),
        None => split(node, size, &bounds)?,
    };
    let last = windows.len().saturating_sub(1);
    let batch = |(place, window): (usize, TimeWindow)| Batch {
        id: size.label(window.start).replace('-', ""),
        start: window.start,
        end: window.end,
        is_incremental: place > 0 || is_incremental,
        is_first: place == 0,
        is_last: place == last,
    };
    Ok((size, windows.into_iter().enumerate().map(batch).collect()))
}

/// Whether the model's table is there and may be added to.
fn is_incremental(runtime: &Runtime, ix: NodeIndex) -> bool {
    let node = runtime.manifest.node(ix);
    let found = runtime.relations.find(node.database.as_deref(), &node.schema, &node.alias);
    let is_table = found.is_some_and(|found| found.relation.kind == Some(RelationKind::Table));
    is_table && !node.config.bool("full_refresh").unwrap_or(runtime.project.settings.full_refresh)
}

fn split(node: &Node, size: BatchSize, bounds: &Bounds) -> Result<Vec<TimeWindow>, Box<Diagnostic>> {
    let far = || refuse(node, "has batches beyond the years that can be told");
    let end = civil(bounds.window.map_or(bounds.now, |window| window.end));
    let end = size.ceil(end).ok_or_else(far)?;
    let begin = match bounds.window {
        Some(window) => size.floor(civil(window.start)),
        None if bounds.is_incremental => {
            let lookback = node.config.get("lookback").and_then(Data::as_i64).unwrap_or(1);
            // The end is the beginning of a batch that is not there yet.
            size.step(end, -(lookback + 1)).ok_or_else(far)?
        }
        None => {
            let begin = node.config.str("begin").and_then(read_moment);
            size.floor(civil(begin.ok_or_else(|| refuse(node, "requires a 'begin' configuration."))?))
        }
    };
    let moment = |at: DateTime| Offset::UTC.to_timestamp(at).map_err(|_| far());
    let mut windows = Vec::new();
    let mut start = begin;
    loop {
        let next = size.step(start, 1).ok_or_else(far)?;
        if next >= end {
            windows.push(TimeWindow { start: moment(start)?, end: moment(end)? });
            return Ok(windows);
        }
        windows.push(TimeWindow { start: moment(start)?, end: moment(next)? });
        start = next;
    }
}

/// Says in the result what became of all batches together. Those that an earlier run built are told as built.
pub(super) fn conclude(result: &mut NodeResult, mut batches: BatchResults, earlier: Option<&BatchResults>) {
    let (good, bad) = (batches.successful.len(), batches.failed.len());
    let (status, message) = match (good, bad) {
        (_, 0) => (Status::Success, "SUCCESS".to_owned()),
        (0, _) => (Status::Error, "ERROR".to_owned()),
        _ => (Status::PartialSuccess, format!("PARTIAL SUCCESS ({good}/{})", good + bad)),
    };
    result.status = status;
    result.message = Some(message);
    result.failures = Some(i64::from(bad > 0));
    batches.successful.extend(earlier.into_iter().flat_map(|earlier| &earlier.successful));
    result.batches = Some(batches);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;
    use serde_json::json;

    #[track_caller]
    fn check(size: BatchSize, window: Option<(&str, &str)>, is_incremental: bool, expected: &[&str]) {
        let mut manifest = fixture::manifest(&["model.a"]);
        let config = std::sync::Arc::make_mut(&mut manifest.nodes[0].config.values);
        config.insert("begin".to_owned(), json!("2024-01-30T05:00:00"));
        config.insert("lookback".to_owned(), json!(1));
        let at = |text: &str| read_moment(text).expect("a moment");
        let window = window.map(|(start, end)| TimeWindow { start: at(start), end: at(end) });
        let bounds = Bounds { window, is_incremental, now: at("2024-02-01 13:57:00") };
        let found = split(&manifest.nodes[0], size, &bounds).expect("batches");
        let found: Vec<String> =
            found.iter().map(|window| format!("{} {}", size.label(window.start), window.end)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn batches_reach_from_the_beginning_to_now() {
        let days =
            ["2024-01-30 2024-01-31T00:00:00Z", "2024-01-31 2024-02-01T00:00:00Z", "2024-02-01 2024-02-02T00:00:00Z"];
        check(BatchSize::Day, None, false, &days);
        check(BatchSize::Month, None, false, &["2024-01 2024-02-01T00:00:00Z", "2024-02 2024-03-01T00:00:00Z"]);
        check(BatchSize::Year, None, false, &["2024 2025-01-01T00:00:00Z"]);
    }

    #[test]
    fn later_runs_build_the_last_batches() {
        check(BatchSize::Day, None, true, &["2024-01-31 2024-02-01T00:00:00Z", "2024-02-01 2024-02-02T00:00:00Z"]);
        let hour = ["2024-02-01T12 2024-02-01T13:00:00Z", "2024-02-01T13 2024-02-01T14:00:00Z"];
        check(BatchSize::Hour, None, true, &hour);
    }

    #[test]
    fn a_window_decides() {
        let window = Some(("2023-12-31 10:00:00", "2024-01-01"));
        check(BatchSize::Day, window, true, &["2023-12-31 2024-01-01T00:00:00Z"]);
    }
}
