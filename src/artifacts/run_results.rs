//! `run_results.json` (v6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Data, json};

use super::{instant, metadata, write_json, write_text};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, ResourceType};
use crate::project::{Settings, yaml};
use crate::run::{BatchResults, NodeResult, Output, RunReport, Timing};

/// Writes what became of a run.
///
/// # Errors
/// When the file cannot be written.
pub fn write_run_results(
    path: &Path,
    settings: &Settings,
    manifest: &Manifest,
    report: &RunReport,
) -> Result<(), Box<Diagnostic>> {
    let results: Vec<Data> = report.results.iter().map(|result| wire_result(manifest, result)).collect();
    let given = settings.flags.iter().filter(|(_, value)| !value.is_null());
    let artifact = json!({
        "metadata": metadata(settings, "run-results/v6", jiff::Timestamp::now()),
        "results": results,
        "elapsed_time": report.elapsed,
        "args": given.map(|(name, value)| (name, yaml::plain(value))).collect::<BTreeMap<_, _>>(),
    });
    write_json(path, &artifact)
}

fn wire_result(manifest: &Manifest, result: &NodeResult) -> Data {
    let kind = result.node.map(|ix| manifest.node(ix).resource_type);
    // Seeds and what is not SQL have nothing to compile.
    let compiled = match kind {
        Some(ResourceType::Seed | ResourceType::Exposure) => Data::Null,
        Some(ResourceType::UnitTest) if result.compiled_code.is_none() => Data::Null,
        _ => json!(result.compiled_code.is_some()),
    };
    json!({
        "status": result.status.as_str(),
        "timing": timings(result),
        "thread_id": result.thread_id,
        "execution_time": result.execution_time,
        "adapter_response": result.adapter_response,
        "message": result.message,
        "failures": result.failures,
        "unique_id": result.unique_id.as_str(),
        "compiled": compiled,
        "compiled_code": result.compiled_code.as_deref(),
        "relation_name": result.relation_name,
        "batch_results": result.batches.as_ref().map(batch_results),
    })
}

/// The timed steps of a result, as artifacts publish them.
pub(super) fn timings(result: &NodeResult) -> Vec<Data> {
    let timing = |timing: &Timing| {
        json!({
            "name": timing.name.as_str(),
            "started_at": instant(timing.started_at),
            "completed_at": timing.completed_at.map(instant),
        })
    };
    result.timings.iter().map(timing).collect()
}

fn batch_results(batches: &BatchResults) -> Data {
    let moment = |at: &jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let list = |windows: &[(jiff::Timestamp, jiff::Timestamp)]| -> Vec<Data> {
        windows.iter().map(|(start, end)| json!([moment(start), moment(end)])).collect()
    };
    json!({"successful": list(&batches.successful), "failed": list(&batches.failed)})
}

/// Puts compiled SQL and the statements that ran below the target folder.
#[derive(Clone, Debug)]
pub struct TargetFolder {
    root: PathBuf,
}

impl TargetFolder {
    /// Names the folder; it is made when the first file is.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Output for TargetFolder {
    fn write(&self, path: &str, text: &str) -> Result<(), Box<Diagnostic>> {
        write_text(&self.root.join(path), text)
    }
}
