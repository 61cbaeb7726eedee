//! What earlier runs left, as `--state`, `--defer-state`, `--defer` and `--favor-state` ask for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Data;

use super::pipeline::Loaded;
use super::{ExitStatus, git};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::Deferred;
use crate::manifest::ResourceType;
use crate::project::Settings;
use crate::remote;
use crate::sql::{QuotePolicy, Relation};
use crate::state::{self, PreviousManifest, PreviousNode, PreviousState};

/// What earlier runs left.
#[derive(Debug, Default)]
pub(super) struct Previous {
    /// What `--state` names.
    pub(super) state: Option<Arc<PreviousState>>,
    /// Where nodes are that are not built here.
    pub(super) deferred: Arc<Deferred>,
}

/// The commands that read nodes from elsewhere with `--defer`.
const DEFERRING: &[&str] =
    &["build", "clone", "compile", "docs generate", "run", "seed", "show", "snapshot", "source freshness", "test"];

/// Where the artifacts of an earlier run are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// Behind an address, of a folder or of a manifest: `https://…` or `s3://…`.
    Address(String),
    /// Nowhere: the project is read as it was at a commit.
    Commit(String),
}

impl Place {
    /// How messages name it: a path, or the address as one.
    pub(super) fn named(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::Address(address) => PathBuf::from(remote::shown(address)),
            Self::Commit(commit) => PathBuf::from(format!("git:{commit}")),
        }
    }

    /// Reads an artifact; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what its name says.
    pub(super) fn artifact<T: state::Artifact>(
        &self,
        name: &str,
        settings: &Settings,
    ) -> Result<Option<T>, Box<Diagnostic>> {
        let reader = remote::Reader::new(&settings.env);
        state::artifact(&self.named(), name, &|name| self.file(name, &reader))
    }

    fn file(&self, name: &str, reader: &remote::Reader<'_>) -> Result<Option<Vec<u8>>, Box<Diagnostic>> {
        match self {
            Self::Folder(folder) => state::read_file(folder, name),
            Self::Address(address) => {
                let Some(address) = address_of(address, name) else { return Ok(None) };
                reader.read(&address).map_err(|why| unreadable(&address, &why))
            }
            Self::Commit(_) => Ok(None),
        }
    }

    fn is_address(&self) -> bool {
        matches!(self, Self::Address(_))
    }
}

/// The address of an artifact: in a folder, or the address itself if it is that of the file.
fn address_of(address: &str, name: &str) -> Option<String> {
    let path = address.split('?').next().unwrap_or_default();
    match path.rsplit('/').next().filter(|last| last.ends_with(".json")) {
        Some(last) => {
            let own = if matches!(last, "run_results.json" | "sources.json") { last } else { "manifest.json" };
            (own == name).then(|| address.to_owned())
        }
        None => Some(remote::join(address, name)),
    }
}

fn unreadable(address: &str, why: &str) -> Box<Diagnostic> {
    let message = format!("`{}` cannot be used: {why}", remote::shown(address));
    let error = Diagnostic::error(Code::PreviousStateMissing, message);
    Box::new(if address.starts_with("s3://") {
        error.hint("credentials and region are read from `AWS_ACCESS_KEY_ID` and so on, or from ~/.aws")
    } else {
        error
    })
}

/// What `--state` or another flag names.
pub(super) fn place(settings: &Settings, root: &Path, flag: &str) -> Option<Place> {
    let text = settings.flags.get(flag).and_then(Data::as_str).filter(|path| !path.is_empty())?;
    Some(match text.strip_prefix("git:") {
        Some(commit) => Place::Commit(commit.to_owned()),
        None if remote::is_address(text) => Place::Address(text.to_owned()),
        None => Place::Folder(root.join(text.strip_prefix("file://").unwrap_or(text))),
    })
}

/// The folder that `--state` names, as it was written, if this run writes its own artifacts there.
pub(super) fn overwritten(settings: &Settings, root: &Path) -> Option<String> {
    let named = settings.flags.get("state").and_then(Data::as_str)?;
    let is_target = |place| matches!(&place, Place::Folder(folder) if same(folder, &settings.target_path));
    place(settings, root, "state").is_some_and(is_target).then(|| named.to_owned())
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Reads what the flags name.
///
/// # Errors
/// When a place does not exist, is not what it should be, or `--defer` has no manifest to defer to. It has been said.
pub(super) fn read(loaded: &Loaded) -> Result<Previous, ExitStatus> {
    let settings = &loaded.project.settings;
    let root = &loaded.project.root().root;
    let (state, other) = (place(settings, root, "state"), place(settings, root, "defer_state"));
    let read = |place: &Option<Place>| place.as_ref().map(|place| state_of(loaded, place)).transpose();
    let (previous, deferred) = (read(&state)?.map(Arc::new), read(&other)?);
    let is_read = settings.flag("defer");
    // A clone is made of what is elsewhere, whether or not refs are read there.
    if !DEFERRING.contains(&settings.command.as_str()) || !(is_read || settings.command == "clone") {
        return Ok(Previous { state: previous, deferred: Arc::default() });
    }
    let source = deferred.as_ref().or(previous.as_deref()).zip(other.as_ref().or(state.as_ref()));
    let relations = elsewhere(source).map_err(|error| said(loaded, &error))?;
    let deferred = Deferred { relations, is_favored: settings.flag("favor_state"), is_read };
    Ok(Previous { state: previous, deferred: Arc::new(deferred) })
}

fn said(loaded: &Loaded, error: &Diagnostic) -> ExitStatus {
    loaded.printer.fatal([error]);
    ExitStatus::Error
}

fn state_of(loaded: &Loaded, place: &Place) -> Result<PreviousState, ExitStatus> {
    let settings = &loaded.project.settings;
    if let Place::Commit(commit) = place {
        let fail = |error: Box<Diagnostic>| said(loaded, &error);
        let manifest = git::at_commit(&loaded.project, loaded.overrides(), commit, fail, |earlier| {
            artifacts::previous_manifest(&earlier.project, &earlier.manifest).map_err(|error| {
                let message = format!("the project as of `{commit}` cannot be compared with: {error}");
                said(loaded, &Diagnostic::error(Code::PreviousStateMissing, message))
            })
        })?;
        return Ok(PreviousState { folder: place.named(), manifest: Some(manifest), ..PreviousState::default() });
    }
    let reader = remote::Reader::new(&settings.env);
    let missing = |message: String| {
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        said(loaded, &error.hint("the path counts from the project's folder"))
    };
    if let Place::Folder(folder) = place
        && !folder.is_dir()
    {
        return Err(missing(format!("the folder of the earlier run does not exist: `{}`", folder.display())));
    }
    let read = PreviousState::read(&place.named(), &settings.target_path, &|name| place.file(name, &reader));
    let state = read.map_err(|error| said(loaded, &error))?;
    if place.is_address() && state.manifest.is_none() && state.results.is_none() && state.sources.is_none() {
        let message = format!("there are no artifacts of an earlier run at `{}`", place.named().display());
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        return Err(said(loaded, &error.hint("name the folder with manifest.json, or the manifest itself")));
    }
    Ok(state)
}

/// The relations of the place that is deferred to.
fn elsewhere(source: Option<(&PreviousState, &Place)>) -> Result<HashMap<String, Relation>, Box<Diagnostic>> {
    let Some((source, place)) = source else {
        let message = "--state or --defer-state are required for deferral, but neither was provided";
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        return Err(Box::new(error.hint("name the folder with the manifest of an earlier run: `--state DIR`")));
    };
    if let Place::Commit(commit) = place {
        let message = format!("`git:{commit}` cannot be deferred to: a commit does not tell where nodes are built");
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        return Err(Box::new(error.hint("name the artifacts of a run with `--defer-state`")));
    }
    let manifest = source.manifest.as_ref().ok_or_else(|| {
        let message = format!("Could not find manifest in --state path: \"{}\"", source.folder.display());
        Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
    })?;
    Ok(relations(manifest))
}

/// The relations of what refs can name, and the functions.
fn relations(manifest: &PreviousManifest) -> HashMap<String, Relation> {
    let is_relation = |node: &PreviousNode| {
        let is_refable = ResourceType::find(&node.resource_type).is_some_and(ResourceType::is_refable);
        is_refable && node.config.get("materialized").and_then(Data::as_str) != Some("ephemeral")
    };
    let nodes = manifest.nodes.iter().filter(|(_, node)| is_relation(node));
    let relation = |node: &PreviousNode| Relation {
        database: node.database.clone(),
        schema: Some(node.schema.clone()),
        identifier: Some(node.alias.clone().unwrap_or_else(|| node.name.clone())),
        kind: None,
        quoting: QuotePolicy::ALL,
    };
    nodes.chain(&manifest.functions).map(|(id, node)| (id.clone(), relation(node))).collect()
}
