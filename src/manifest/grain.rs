//! Units of time in the semantic layer.

/// The units of time that windows, dimensions and time spines may have, the finest first.
pub const GRAINS: &[&str] = &[
    "nanosecond",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];

/// The model that is a time spine of days by its name alone.
pub const LEGACY_SPINE: &str = "metricflow_time_spine";

/// How coarse a grain is: its place among [`GRAINS`]; one of the project's own is the coarsest.
#[must_use]
pub fn coarseness(grain: &str) -> usize {
    GRAINS.iter().position(|name| *name == grain).unwrap_or(GRAINS.len())
}
