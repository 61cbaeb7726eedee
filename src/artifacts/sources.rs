//! `sources.json` (v3).

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value as Data, json};

use super::run_results::timings;
use super::{metadata, write_json};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, NodeKind};
use crate::project::Settings;
use crate::run::{NodeResult, RunReport};

/// Writes how fresh sources are. As in dbt, those that could not be asked are not in it.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sources(
    path: &Path,
    settings: &Settings,
    manifest: &Manifest,
    report: &RunReport,
) -> Result<(), Box<Diagnostic>> {
    let results: Vec<Data> = report.results.iter().filter_map(|result| wire_result(manifest, result)).collect();
    let artifact = json!({
        "metadata": metadata(settings, "sources/v3", Timestamp::now()),
        "results": results,
        "elapsed_time": report.elapsed,
    });
    write_json(path, &artifact)
}

fn wire_result(manifest: &Manifest, result: &NodeResult) -> Option<Data> {
    let freshness = result.freshness.as_ref()?;
    let NodeKind::Source(source) = &manifest.node(result.node?).kind else { return None };
    Some(json!({
        "unique_id": result.unique_id.as_str(),
        "max_loaded_at": freshness.max_loaded_at.map_or_else(|| "0001-01-01T00:00:00+00:00".to_owned(), moment),
        "snapshotted_at": moment(freshness.snapshotted_at),
        "max_loaded_at_time_ago_in_s": freshness.age,
        "status": result.status.as_str(),
        "criteria": source.freshness,
        "adapter_response": result.adapter_response,
        "timing": timings(result),
        "thread_id": result.thread_id,
        "execution_time": result.execution_time,
    }))
}

/// A moment as Python writes it: with microseconds if there are any.
fn moment(at: Timestamp) -> String {
    let format = if at.subsec_microsecond() == 0 { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S%.6f+00:00" };
    at.strftime(format).to_string()
}
