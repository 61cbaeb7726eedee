//! Manifests of other projects: `projects:` in `dependencies.yml`. What came from an address is kept in the target
//! folder, for when it cannot be reached.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::packages;
use crate::parse::Upstream;
use crate::project::{DeclaredProject, Project};
use crate::state::PreviousManifest;

/// The least version of manifests that tell who may read a model.
const LEAST_VERSION: u32 = 9;

/// The name under which the folder is kept that paths of manifests count from, where it is not the project's own.
pub(super) const FOLDER: &str = "upstream_folder";

/// Reads the manifests of all projects that are declared.
pub(super) fn read(project: &Project, problems: &mut Diagnostics) -> Vec<Upstream> {
    let mut found = Vec::new();
    for declared in &project.upstream {
        let manifest = match &declared.manifest {
            None => None,
            Some(address) => {
                match text_at(project, declared, address, problems).and_then(|text| manifest(declared, &text)) {
                    Ok(manifest) => Some(manifest),
                    Err(error) => {
                        problems.push(*error);
                        continue;
                    }
                }
            }
        };
        found.push(Upstream { declared: declared.clone(), manifest });
    }
    found
}

fn unavailable(declared: &DeclaredProject, why: &str) -> Box<Diagnostic> {
    let message = format!("the manifest of project `{}` cannot be read: {why}", declared.name);
    Box::new(Diagnostic::error(Code::UpstreamUnavailable, message).at(&declared.file, declared.manifest_span))
}

fn text_at(
    project: &Project,
    declared: &DeclaredProject,
    address: &str,
    problems: &mut Diagnostics,
) -> Result<String, Box<Diagnostic>> {
    if address.starts_with("https://") || address.starts_with("http://") {
        return fetched(project, declared, address, problems);
    }
    let path = address.strip_prefix("file:").unwrap_or(address);
    let path = path.strip_prefix("//localhost").or_else(|| path.strip_prefix("//")).unwrap_or(path);
    let other = project.settings.flags.get(FOLDER).and_then(serde_json::Value::as_str).map(PathBuf::from);
    let path = manifest_in(other.unwrap_or_else(|| project.root().root.clone()).join(path));
    std::fs::read_to_string(&path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no `{}`", path.display()),
            _ => format!("{}: {error}", path.display()),
        };
        let hint = "`kiln parse` in that project writes `target/manifest.json`";
        Box::new(unavailable(declared, &why).hint(hint))
    })
}

/// A folder stands for the manifest in it, or in its target folder.
fn manifest_in(path: PathBuf) -> PathBuf {
    if !path.is_dir() {
        return path;
    }
    let own = path.join("manifest.json");
    if own.is_file() { own } else { path.join("target").join("manifest.json") }
}

fn fetched(
    project: &Project,
    declared: &DeclaredProject,
    address: &str,
    problems: &mut Diagnostics,
) -> Result<String, Box<Diagnostic>> {
    let folder = project.settings.target_path.join("upstream");
    let kept = folder.join(format!("{}.json", declared.name));
    let why = match packages::fetch_text(address) {
        Ok(Some(text)) => {
            keep(&folder, &kept, &text);
            return Ok(text);
        }
        Ok(None) => return Err(unavailable(declared, "there is nothing at that address")),
        Err(why) => why,
    };
    let text = std::fs::read_to_string(&kept).map_err(|_| unavailable(declared, &why))?;
    let message = format!(
        "the manifest of project `{}` could not be fetched, the one fetched last is used: {why}",
        declared.name
    );
    let warning = Diagnostic::warning(Code::UpstreamUnavailable, message);
    problems.push(warning.at(&declared.file, declared.manifest_span));
    Ok(text)
}

/// Keeps what was fetched; that it cannot be kept is no error, it only helps later.
fn keep(folder: &Path, path: &Path, text: &str) {
    let _ = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
}

fn manifest(declared: &DeclaredProject, text: &str) -> Result<PreviousManifest, Box<Diagnostic>> {
    let manifest: PreviousManifest =
        serde_json::from_str(text).map_err(|error| unavailable(declared, &format!("it is no manifest: {error}")))?;
    let said = |key: &str| manifest.metadata.get(key).and_then(serde_json::Value::as_str);
    let schema = said("dbt_schema_version").unwrap_or_default();
    let version = schema.rsplit_once("/v").and_then(|(_, rest)| rest.trim_end_matches(".json").parse::<u32>().ok());
    if version.is_none_or(|version| version < LEAST_VERSION) || !schema.contains("/manifest/") {
        let why = format!("it is no manifest of version {LEAST_VERSION} or newer");
        let hint = "name the `manifest.json` that `kiln parse` or `dbt parse` writes";
        return Err(Box::new(unavailable(declared, &why).hint(hint)));
    }
    if let Some(name) = said("project_name").filter(|name| *name != declared.name) {
        let message = format!("the manifest of project `{}` is that of `{name}`", declared.name);
        let error = Diagnostic::error(Code::UpstreamInvalid, message).at(&declared.file, declared.manifest_span);
        return Err(Box::new(error.hint(format!("write `name: {name}`, or name another manifest"))));
    }
    Ok(manifest)
}
