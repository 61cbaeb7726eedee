//! Rows about runs: of the results that wait for being taken up.

use serde_json::{Value as Data, json};

use super::KnownFacts;

type Emit<'a> = &'a mut dyn FnMut(Data);

/// Statuses of what did not go well.
const FAILED: &[&str] = &["error", "fail", "runtime error", "partial success"];

fn invocation_id(run: &Data) -> Option<&Data> {
    run.get("metadata")?.get("invocation_id").filter(|id| id.is_string())
}

fn results_of(run: &Data) -> impl Iterator<Item = &Data> {
    run.get("results").and_then(Data::as_array).into_iter().flatten()
}

/// Every result with the invocation that it is of.
fn all_results(runs: &[Data]) -> impl Iterator<Item = (&Data, &Data)> {
    let with_id = runs.iter().filter_map(|run| Some((invocation_id(run)?, run)));
    with_id.flat_map(|(id, run)| results_of(run).map(move |result| (id, result)))
}

pub(super) fn invocations(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for run in known.results.iter().chain(&known.freshness) {
        let Some(id) = invocation_id(run) else { continue };
        let fact = |key: &str| run.get("metadata").and_then(|metadata| metadata.get(key));
        let arg = |key: &str| run.get("args").and_then(|args| args.get(key));
        let is_failed =
            |result: &&Data| result.get("status").and_then(Data::as_str).is_some_and(|status| FAILED.contains(&status));
        // sources.json does not say which command it is of, but there is only one.
        let freshness = json!("freshness");
        emit(json!({
            "invocation_id": id,
            "command": arg("which").unwrap_or(&freshness),
            "started_at": fact("invocation_started_at"),
            "ended_at": fact("generated_at"),
            "elapsed": run.get("elapsed_time"),
            "n_results": results_of(run).count(),
            "n_failed": results_of(run).filter(is_failed).count(),
            "full_refresh": arg("full_refresh"),
            "dbt_version": fact("dbt_version"),
            "args": run.get("args"),
            "env": fact("env"),
        }));
    }
}

pub(super) fn results(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for (id, result) in all_results(&known.results) {
        let response = result.get("adapter_response");
        emit(json!({
            "invocation_id": id,
            "unique_id": result.get("unique_id"),
            "status": result.get("status"),
            "execution_time": result.get("execution_time"),
            "message": result.get("message"),
            "failures": result.get("failures"),
            "rows_affected": response.and_then(|response| response.get("rows_affected")),
            "thread_id": result.get("thread_id"),
            "relation_name": result.get("relation_name"),
            "adapter_response": response,
            "batch_results": result.get("batch_results"),
        }));
    }
}

pub(super) fn timings(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for (id, result) in all_results(&known.results).chain(all_results(&known.freshness)) {
        for timing in result.get("timing").and_then(Data::as_array).into_iter().flatten() {
            emit(json!({
                "invocation_id": id,
                "unique_id": result.get("unique_id"),
                "phase": timing.get("name"),
                "started_at": timing.get("started_at"),
                "ended_at": timing.get("completed_at"),
            }));
        }
    }
}

pub(super) fn freshness(known: &KnownFacts<'_>, emit: Emit<'_>) {
    for (id, result) in all_results(&known.freshness) {
        emit(json!({
            "invocation_id": id,
            "unique_id": result.get("unique_id"),
            "status": result.get("status"),
            "max_loaded_at": result.get("max_loaded_at"),
            "snapshotted_at": result.get("snapshotted_at"),
            "age_seconds": result.get("max_loaded_at_time_ago_in_s"),
            "criteria": result.get("criteria"),
            "error": result.get("error"),
        }));
    }
}
