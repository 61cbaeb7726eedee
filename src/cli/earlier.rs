//! What earlier runs left, as `--state`, `--defer-state`, `--defer` and `--favor-state` ask for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Data;

use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::Deferred;
use crate::manifest::ResourceType;
use crate::project::Settings;
use crate::sql::{QuotePolicy, Relation};
use crate::state::{PreviousManifest, PreviousNode, PreviousState};

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

/// The folder that `--state` names.
pub(super) fn folder(settings: &Settings, root: &Path, flag: &str) -> Option<PathBuf> {
    let path = settings.flags.get(flag).and_then(Data::as_str).filter(|path| !path.is_empty())?;
    Some(root.join(path))
}

/// The folder that `--state` names, as it was written, if this run writes its own artifacts there.
pub(super) fn overwritten(settings: &Settings, root: &Path) -> Option<String> {
    let named = settings.flags.get("state").and_then(Data::as_str)?;
    let is_target = |flag: &str| folder(settings, root, flag).is_some_and(|path| same(&path, &settings.target_path));
    is_target("state").then(|| named.to_owned())
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Reads what the flags name.
///
/// # Errors
/// When a folder does not exist, is not what it should be, or `--defer` has no manifest to defer to.
pub(super) fn read(settings: &Settings, root: &Path) -> Result<Previous, Box<Diagnostic>> {
    let read = |flag| folder(settings, root, flag).map(|folder| PreviousState::read(&folder, &settings.target_path));
    let state = read("state").transpose()?.map(Arc::new);
    let other = read("defer_state").transpose()?;
    let is_read = settings.flag("defer");
    // A clone is made of what is elsewhere, whether or not refs are read there.
    if !DEFERRING.contains(&settings.command.as_str()) || !(is_read || settings.command == "clone") {
        return Ok(Previous { state, deferred: Arc::default() });
    }
    let Some(source) = other.as_ref().or(state.as_deref()) else {
        let message = "--state or --defer-state are required for deferral, but neither was provided";
        let error = Diagnostic::error(Code::PreviousStateMissing, message);
        return Err(Box::new(error.hint("name the folder with the manifest of an earlier run: `--state DIR`")));
    };
    let manifest = source.manifest.as_ref().ok_or_else(|| {
        let message = format!("Could not find manifest in --state path: \"{}\"", source.folder.display());
        Box::new(Diagnostic::error(Code::PreviousStateMissing, message))
    })?;
    let deferred = Deferred { relations: relations(manifest), is_favored: settings.flag("favor_state"), is_read };
    Ok(Previous { state, deferred: Arc::new(deferred) })
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
