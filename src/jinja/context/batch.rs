//! One batch of a microbatch model, as templates see it, and the part of an input that is read.

use jiff::Timestamp;
use jiff::tz::Offset;
use minijinja::Value;
use serde_json::Value as Data;

use crate::jinja::functions::callable;
use crate::jinja::modules::datetime::PyDateTime;
use crate::jinja::objects::relation::EventTimeFilter;
use crate::jinja::py::PyDict;
use crate::manifest::{Node, NodeKind, ResourceType};
use crate::project::TimeWindow;

/// One batch of a microbatch model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its first moment as digits: `20240101`.
    pub id: String,
    /// The first moment of its event times.
    pub start: Timestamp,
    /// The first moment after them.
    pub end: Timestamp,
    /// Whether it is added to the table, whatever the flags say.
    pub is_incremental: bool,
    /// Whether it is the first batch: hooks before the model run.
    pub is_first: bool,
    /// Whether it is the last batch: hooks after the model run.
    pub is_last: bool,
}

/// What older strategies ask the configuration for.
const LEGACY_KEYS: [&str; 2] =
    ["__dbt_internal_microbatch_event_time_start", "__dbt_internal_microbatch_event_time_end"];

impl Batch {
    fn bounds(&self) -> [Value; 2] {
        [self.start, self.end].map(|moment| PyDateTime::utc(moment.as_microsecond()))
    }

    /// Adds `batch` to `model`.
    pub(super) fn put_into(&self, model: &Value) {
        let Some(model) = model.downcast_object_ref::<PyDict>() else { return };
        let [start, end] = self.bounds();
        let pairs = [("id", Value::from(self.id.as_str())), ("event_time_start", start), ("event_time_end", end)];
        model.insert(Value::from("batch"), PyDict::from_strings(pairs).into_value());
        let config = model.get_str("config");
        if let Some(config) = config.as_ref().and_then(|config| config.downcast_object_ref::<PyDict>()) {
            for (key, value) in LEGACY_KEYS.into_iter().zip(self.bounds()) {
                config.insert(Value::from(key), value);
            }
        }
    }

    /// What the configuration has besides.
    pub(super) fn config(&self, key: &str) -> Option<Value> {
        LEGACY_KEYS.into_iter().zip(self.bounds()).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether hooks run with this batch, `pre-hook` or `post-hook`.
    pub(super) fn runs_hooks(&self, key: &str) -> bool {
        if key == "pre-hook" { self.is_first } else { self.is_last }
    }

    /// Batches after the first add to the table also where the model is built anew.
    pub(super) fn instead_of_macro(&self, name: &str) -> Option<Value> {
        let answer = match name {
            "is_incremental" => true,
            "should_full_refresh" => false,
            _ => return None,
        };
        self.is_incremental.then(|| callable("batch", move |_, _| Ok(Value::from(answer))))
    }
}

/// The part of an input that a node reads: of a microbatch model its batch, of any other the sample.
pub(super) fn time_filter(
    node: &Node,
    target: &Node,
    batch: Option<&Batch>,
    sample: Option<TimeWindow>,
) -> Option<EventTimeFilter> {
    if !matches!(node.resource_type, ResourceType::Model | ResourceType::Snapshot) {
        return None;
    }
    let column = target.config.str("event_time").filter(|column| !column.is_empty())?;
    let (start, end) = match (batch, sample) {
        (Some(batch), Some(sample)) => (batch.start.max(sample.start), batch.end.min(sample.end)),
        (Some(batch), None) => (batch.start, batch.end),
        (None, Some(sample)) => (sample.start, sample.end),
        (None, None) => return None,
    };
    Some(EventTimeFilter {
        field: quoted_as_configured(target, column),
        start: Some(text(start)),
        end: Some(text(end)),
    })
}

/// The column's own `quote` decides, else that of its source.
fn quoted_as_configured(target: &Node, column: &str) -> String {
    let of_source = match &target.kind {
        NodeKind::Source(source) => source.quoting.get("column").and_then(Data::as_bool),
        _ => None,
    };
    let own = target.columns.get(column).and_then(|column| column.quote);
    if own.or(of_source).unwrap_or(false) { format!("\"{column}\"") } else { column.to_string() }
}

/// A moment as Python writes it: `2024-01-01 00:00:00+00:00`.
fn text(moment: Timestamp) -> String {
    let local = Offset::UTC.to_datetime(moment);
    let micros = moment.as_microsecond().rem_euclid(1_000_000);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{}{fraction}+00:00", local.strftime("%Y-%m-%d %H:%M:%S"))
}
