//! What earlier runs left: each run's results are kept beside the newest, until the tables of facts take them up.
//!
//! Keeping is a second name for a file that was just written, so it costs a run nothing that could be measured.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::Settings;

/// So many files wait for being taken up; older ones go.
const MOST: usize = 200;

/// So many bytes wait, likewise: the results of a large project have all its SQL in them.
const MOST_BYTES: u64 = 1 << 27;

/// A kind of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFile {
    /// `run_results.json`.
    Results,
    /// `sources.json`.
    Freshness,
}

impl RunFile {
    const fn ending(self) -> &'static str {
        match self {
            Self::Results => ".run_results.json",
            Self::Freshness => ".sources.json",
        }
    }
}

/// The folder of the facts below a target folder.
#[must_use]
pub fn facts_folder(target: &Path) -> PathBuf {
    target.join("metadata")
}

fn folder(target: &Path) -> PathBuf {
    facts_folder(target).join("runs")
}

/// Keeps the results of this run. A history that cannot be kept must not fail a run, so problems are ignored.
pub fn keep_run(path: &Path, kind: RunFile, settings: &Settings) {
    let folder = folder(&settings.target_path);
    let started = settings.started_at.strftime("%Y%m%dT%H%M%S%6f");
    let kept = folder.join(format!("{started}-{}{}", settings.invocation_id, kind.ending()));
    let _ = fs::create_dir_all(&folder);
    // The artifact is replaced as a whole, never written to: its old text stays under the second name.
    if fs::hard_link(path, &kept).is_err() {
        let _ = fs::copy(path, &kept);
    }
    let mut n_bytes = 0;
    for (n_newer, path) in waiting(&settings.target_path).iter().rev().enumerate() {
        n_bytes += fs::metadata(path).map_or(0, |facts| facts.len());
        // The newest stays, however large it is.
        if n_newer >= MOST || (n_newer > 0 && n_bytes > MOST_BYTES) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The files of one kind that wait, the oldest first.
#[must_use]
pub fn waiting_runs(target: &Path, kind: RunFile) -> Vec<PathBuf> {
    let mut paths = waiting(target);
    paths.retain(|path| path.to_string_lossy().ends_with(kind.ending()));
    paths
}

/// Removes files that are not needed any more; one that stays does no harm.
pub fn remove_files<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) {
    for path in paths {
        let _ = fs::remove_file(path);
    }
}

/// Every file that waits; their names begin with the time.
fn waiting(target: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
