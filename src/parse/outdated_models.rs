//! Models that have passed their deprecation date, or will, and who refers to them.

use serde_json::{Value as Data, json};

use super::Setup;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label};
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
            let version = shown(node.version.as_ref());
            let facts = json!({"model_name": node.name, "model_version": version, "deprecation_date": date});
            let event = DbtEvent::new(("DeprecatedModel", "I065"), facts);
            let mut warning = Diagnostic::warning(Code::Deprecated, message).in_file(&node.file).with_event(event);
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
    let exact = calls().find(|call| call.version.is_some() && version(&call.version) == version(&node.version));
    let span = exact.or_else(|| calls().next()).and_then(|call| call.span).unwrap_or(child.span);
    let facts = json!({
        "model_name": child.name,
        "ref_model_package": node.package,
        "ref_model_name": node.name,
        "ref_model_version": shown(node.version.as_ref()),
        "ref_model_latest_version": shown(node.latest_version.as_ref()),
        "ref_model_deprecation_date": date,
    });
    let name = if is_past { ("DeprecatedReference", "I067") } else { ("UpcomingReferenceDeprecation", "I066") };
    let warning = Diagnostic::warning(Code::Deprecated, message.trim_end()).at(&child.file, span);
    Some(warning.with_event(DbtEvent::new(name, facts)))
}

/// A version as events have it: text, empty if there is none.
fn shown(version: Option<&Data>) -> Data {
    json!(version.and_then(super::properties::text_of).unwrap_or_default())
}

fn versioned(node: &Node) -> String {
    let version = node.version.as_ref().and_then(super::properties::text_of);
    version.map_or_else(|| node.name.clone(), |version| format!("{}.v{version}", node.name))
}
