//! What an earlier run left behind: its manifest, its results, how fresh its sources were; and what changed since.
//!
//! The artifacts may be dbt's or kiln's. Reading them is lenient: what is missing in them is taken as unset. Nothing here
//! decides what is done about a change; that is the affair of `select` and of the commands.

mod compare;
mod contract;
mod manifest;
mod results;

pub use compare::{Comparison, Question};
pub use manifest::{PreviousColumn, PreviousManifest, PreviousNode};
pub use results::{PreviousBatches, PreviousResult, PreviousResults, PreviousSources};

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::diagnostic::{Code, Diagnostic};

/// The artifacts of a folder, as far as they are there.
#[derive(Debug, Default)]
pub struct PreviousState {
    /// The folder, as it was named.
    pub folder: PathBuf,
    /// `manifest.json`.
    pub manifest: Option<PreviousManifest>,
    /// `run_results.json`.
    pub results: Option<PreviousResults>,
    /// `sources.json`.
    pub sources: Option<PreviousSources>,
    /// `sources.json` of the folder that this run writes to.
    pub current_sources: Option<PreviousSources>,
}

impl PreviousState {
    /// Reads the artifacts of a folder, and how fresh sources are now from the target folder.
    ///
    /// # Errors
    /// When the folder does not exist, or a file in it is not what its name says.
    pub fn read(folder: &Path, target: &Path) -> Result<Self, Box<Diagnostic>> {
        if !folder.is_dir() {
            let message = format!("the folder of the earlier run does not exist: `{}`", folder.display());
            let error = Diagnostic::error(Code::PreviousStateMissing, message);
            return Err(Box::new(error.hint("the path counts from the project's folder")));
        }
        Ok(Self {
            folder: folder.to_owned(),
            manifest: read_artifact(&folder.join("manifest.json"))?,
            results: read_artifact(&folder.join("run_results.json"))?,
            sources: read_artifact(&folder.join("sources.json"))?,
            current_sources: read_artifact(&target.join("sources.json"))?,
        })
    }

    /// The manifest.
    ///
    /// # Errors
    /// When the folder has none.
    pub fn manifest(&self) -> Result<&PreviousManifest, Box<Diagnostic>> {
        self.manifest.as_ref().ok_or_else(|| missing(&self.folder.join("manifest.json"), "there is no such file"))
    }
}

/// Reads `run_results.json` of a folder; `None` if there is none.
///
/// # Errors
/// When it is not what its name says.
pub fn read_results(folder: &Path) -> Result<Option<PreviousResults>, Box<Diagnostic>> {
    read_artifact(&folder.join("run_results.json"))
}

/// Reads `manifest.json` of a folder.
///
/// # Errors
/// When there is none, or it is no manifest.
pub fn read_manifest(folder: &Path) -> Result<PreviousManifest, Box<Diagnostic>> {
    let path = folder.join("manifest.json");
    read_artifact(&path)?.ok_or_else(|| missing(&path, "there is no such file"))
}

/// Reads an artifact; `None` if there is none.
fn read_artifact<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Box<Diagnostic>> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read(path).map_err(|error| missing(path, &error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| missing(path, &error.to_string()))
}

fn missing(path: &Path, why: &str) -> Box<Diagnostic> {
    let message = format!("`{}` cannot be used: {why}", path.display());
    Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
}
