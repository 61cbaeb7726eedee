//! The JSON files that other tools read, in dbt's published shapes.
//!
//! Converting is boring code on purpose; nothing below this room knows of files.

mod catalog;
mod column_lineage;
mod earlier;
mod facts;
mod history;
mod manifest;
mod python_json;
mod run_results;
mod semantic_manifest;
mod sources;

pub use catalog::{BoundColumns, CatalogFacts, write_catalog};
pub use column_lineage::{open_lineage, write_column_edges, write_column_lineage};
pub use earlier::{Earlier, earlier};
pub use facts::{FACT_TABLES, FactTable, KnownFacts};
pub use history::{RunFile, facts_folder, keep_run, remove_files};
pub use manifest::{ManifestFacts, previous_manifest, write_graph_summary, write_manifest};
pub use python_json::python_json;
pub use run_results::{TargetFolder, write_run_results};
pub use semantic_manifest::write_semantic_manifest;
pub use sources::write_sources;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::{Map, Value as Data, json};

use crate::diagnostic::{Code, Diagnostic};
use crate::project::{DBT_VERSION, Settings};

/// Writes a file whole or not at all: beside its place first, then renamed.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<fs::File>) -> io::Result<()>,
) -> Result<(), Box<Diagnostic>> {
    write_beside(path, |aside| {
        let mut out = BufWriter::with_capacity(1 << 18, fs::File::create(aside)?);
        fill(&mut out)?;
        out.flush()
    })
}

/// Writes a text like [`write_file`], unless the file holds it already: that is the usual case from run to run, and
/// replacing a thousand files with themselves takes longer than building some models.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    match fs::read(path) {
        Ok(present) if present == text.as_bytes() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_new(path, text),
        _ => write_beside(path, |aside| fs::write(aside, text)),
    }
}

/// Writes a file where there is none: there is nothing that could be lost, so it needs no other name at first. If
/// another worker was faster, that was a file of the same name for another node: snapshots of one file have one path.
fn write_new(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    let fail = |error: io::Error| unwritable(path, &error);
    let file = fs::File::create_new(path).or_else(|error| match path.parent() {
        Some(folder) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            fs::File::create_new(path)
        }
        _ => Err(error),
    });
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return write_beside(path, |aside| fs::write(aside, text));
        }
        file => file.map_err(fail)?,
    };
    file.write_all(text.as_bytes()).map_err(|error| {
        let _ = fs::remove_file(path);
        fail(error)
    })
}

fn write_beside(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Box<Diagnostic>> {
    let fail = |error: io::Error| unwritable(path, &error);
    let folder = path.parent().filter(|folder| !folder.is_dir());
    folder.map_or(Ok(()), fs::create_dir_all).map_err(fail)?;
    // A name of its own: other workers and other commands may be writing the same file.
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}-{}.tmp", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    let aside = Path::new(&aside);
    if let Err(error) = write(aside).and_then(|()| fs::rename(aside, path)) {
        let _ = fs::remove_file(aside);
        return Err(fail(error));
    }
    Ok(())
}

/// The error of a path that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Box<Diagnostic> {
    let code = if error.kind() == io::ErrorKind::StorageFull { Code::DiskFull } else { Code::FileUnwritable };
    let message = format!("`{}` could not be written: {error}", path.display());
    Box::new(Diagnostic::error(code, message).hint("look at the free space and the rights of the folder"))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Box<Diagnostic>> {
    write_file(path, |out| serde_json::to_writer(out, value).map_err(io::Error::from))
}

/// `metadata:` of an artifact.
fn metadata(settings: &Settings, schema: &str, generated_at: jiff::Timestamp) -> Map<String, Data> {
    let env: Map<String, Data> =
        settings.published_env.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    Map::from_iter([
        ("dbt_schema_version".to_owned(), json!(format!("https://schemas.getdbt.com/dbt/{schema}.json"))),
        ("dbt_version".to_owned(), json!(DBT_VERSION)),
        ("generated_at".to_owned(), json!(instant(generated_at))),
        ("invocation_id".to_owned(), json!(settings.invocation_id)),
        ("invocation_started_at".to_owned(), json!(instant(settings.started_at))),
        ("env".to_owned(), Data::Object(env)),
    ])
}

/// An instant as artifacts write it: microseconds, `Z`.
#[must_use]
pub fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
