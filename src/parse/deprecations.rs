//! Models that have passed their deprecation date, or will, and who refers to them.

use super::Setup;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label};
use crate::manifest::{Manifest, Node, ResourceType};
use crate::project::read_moment;

/// Warns of models that should be gone, and of refs to them.
pub(super) fn check(setup: &Setup<'_>, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    for ix in manifest.indices() {
        let node = manifest.node(ix);
        let date = node.deprecation_date.as_deref().filter(|_| node.resource_type == ResourceType::Model);
        let Some((date, moment)) = date.and_then(|date| Some((date, read_moment(date)?))) else { continue };
        let is_past = moment < setup.project.settings.started_at;
        if is_past && !node.is_external() {
            let message = format!(
                "Model {} has passed its deprecation date of {date}. This model should be disabled or removed.",
                versioned(node)
            );
            let mut warning = Diagnostic::warning(Code::Deprecated, message).in_file(&node.file);
            warning.at = Some(node.declared.clone().unwrap_or_else(|| Label::new(&node.file, node.span)));
            diagnostics.push(warning);
        }
        for child in manifest.children(ix) {
            diagnostics.extend(reference(manifest.node(*child), node, (date, is_past)));
        }
    }
}

/// The warning of a model that refers to one with a deprecation date.
fn reference(child: &Node, node: &Node, (date, is_past): (&str, bool)) -> Option<Diagnostic> {
    if child.resource_type != ResourceType::Model {
        return None;
    }
    let (when, advice) = if is_past {
        (format!("which was deprecated on '{date}'. "), "Migrate now")
    } else {
        (format!("which is slated for deprecation on '{date}'. "), "Try it out")
    };
    let mut message = format!("While compiling '{}': Found a reference to {}, {when}", child.name, versioned(node));
    let version = |version: &Option<serde_json::Value>| version.as_ref().and_then(super::properties::text_of);
    if let (Some(own), Some(latest)) = (version(&node.version), version(&node.latest_version))
        && own != latest
    {
        let (package, name) = (&node.package, &node.name);
        message.push_str(&format!(
            "A new version of '{name}' is available. {advice}: {{{{ ref('{package}', '{name}', v='{latest}') }}}}."
        ));
    }
    let calls = || child.refs.iter().filter(|call| call.name == node.name);
    let exact = calls().find(|call| call.version.is_some() && call.version == node.version);
    let span = exact.or_else(|| calls().next()).and_then(|call| call.span).unwrap_or(child.span);
    Some(Diagnostic::warning(Code::Deprecated, message.trim_end()).at(&child.file, span))
}

fn versioned(node: &Node) -> String {
    let version = node.version.as_ref().and_then(super::properties::text_of);
    version.map_or_else(|| node.name.clone(), |version| format!("{}.v{version}", node.name))
}
