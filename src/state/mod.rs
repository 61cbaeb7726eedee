//! What an earlier run left behind: its manifest, its results, how fresh its sources were; and what changed since.
//!
//! The artifacts may be dbt's or kiln's. Reading them is lenient: what is missing in them is taken as unset. Nothing here
//! decides what is done about a change; that is the affair of `select` and of the commands.

mod compare;
mod contract;
mod manifest;
mod results;
mod written;

pub use compare::{Comparison, Question};
pub use manifest::{PreviousColumn, PreviousManifest, PreviousNode};
pub use results::{PreviousBatches, PreviousResult, PreviousResults, PreviousSources};
pub use written::{KEY as WRITTEN_KEY, write as written};

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Data};

use crate::diagnostic::{Code, Diagnostic};

/// Reads a file of a place by its name; `None` if there is none.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, Box<Diagnostic>> + 'a;

/// The artifacts of a folder, as far as they are there.
#[derive(Debug, Default)]
pub struct PreviousState {
    /// The folder or address, for messages.
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
    /// Reads the artifacts of a place, and how fresh sources are now from the target folder. `file` reads a file of the
    /// place by its name.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what its name says.
    pub fn read(place: &Path, target: &Path, file: &ReadFile<'_>) -> Result<Self, Box<Diagnostic>> {
        Ok(Self {
            folder: place.to_owned(),
            manifest: artifact(place, "manifest.json", file)?,
            results: artifact(place, "run_results.json", file)?,
            sources: artifact(place, "sources.json", file)?,
            current_sources: artifact(target, "sources.json", &|name| read_file(target, name))?,
        })
    }

    /// The manifest.
    ///
    /// # Errors
    /// When the folder has none.
    pub fn manifest(&self) -> Result<&PreviousManifest, Box<Diagnostic>> {
        self.manifest.as_ref().ok_or_else(|| without(&self.folder, "manifest.json"))
    }
}

/// A file of an earlier run. Its schema has versions.
pub trait Artifact: DeserializeOwned {
    /// The oldest version that has what is needed.
    const OLDEST: u64;

    /// `metadata`.
    fn metadata(&self) -> &Map<String, Data>;

    /// Takes out what meant something else in an older version.
    fn upgrade(&mut self, _version: u64) {}
}

/// Reads an artifact; `None` if there is none. `file` reads a file of the place by its name.
///
/// # Errors
/// When it cannot be read, is not what its name says, or is of a version that is too old.
pub fn artifact<T: Artifact>(place: &Path, name: &str, file: &ReadFile<'_>) -> Result<Option<T>, Box<Diagnostic>> {
    let Some(bytes) = file(name)? else { return Ok(None) };
    let unusable = |why: String| missing(&place.join(name), &why);
    let mut read: T = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    let schema = read.metadata().get("dbt_schema_version").and_then(Data::as_str).unwrap_or_default().to_owned();
    if let Some(version) = version_of(&schema) {
        if version < T::OLDEST {
            return Err(unusable(format!(
                "its schema `{schema}` is too old, v{} is the oldest that is read",
                T::OLDEST
            )));
        }
        read.upgrade(version);
    }
    Ok(Some(read))
}

/// The version in the name of a schema, such as `https://schemas.getdbt.com/dbt/manifest/v12.json`.
fn version_of(schema: &str) -> Option<u64> {
    schema.rsplit_once("/v")?.1.strip_suffix(".json")?.parse().ok()
}

/// Reads a file of a folder; `None` if there is none.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Box<Diagnostic>> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    fs::read(&path).map(Some).map_err(|error| missing(&path, &error.to_string()))
}

/// The error of an artifact that is needed and not there.
#[must_use]
pub fn without(place: &Path, name: &str) -> Box<Diagnostic> {
    missing(&place.join(name), "there is no such file")
}

fn missing(path: &Path, why: &str) -> Box<Diagnostic> {
    let message = format!("`{}` cannot be used: {why}", path.display());
    Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(version: u64) -> Result<Option<PreviousManifest>, Box<Diagnostic>> {
        let schema = format!("https://schemas.getdbt.com/dbt/manifest/v{version}.json");
        let text =
            serde_json::json!({"metadata": {"dbt_schema_version": schema}, "metrics": {"metric.shop.sales": {}}});
        artifact(Path::new("state"), "manifest.json", &|_| Ok(Some(text.to_string().into_bytes())))
    }

    #[test]
    fn manifests_are_read_from_the_fourth_version_on() {
        let why = manifest(3).expect_err("it is too old").message;
        assert_eq!(
            why,
            "`state/manifest.json` cannot be used: its schema `https://schemas.getdbt.com/dbt/manifest/v3.json` is too \
             old, v4 is the oldest that is read"
        );
        assert!(manifest(12).expect("readable").is_some_and(|manifest| manifest.contains("metric.shop.sales")));
    }

    #[test]
    fn metrics_of_dbt_before_the_semantic_layer_are_none() {
        assert!(manifest(9).expect("readable").is_some_and(|manifest| !manifest.contains("metric.shop.sales")));
    }
}
