//! Time spines: the calendars that metrics are joined to.

use serde_json::Value as Data;

use super::{Rules, elements, text};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{GRAINS, LEGACY_SPINE, Node, NodeKind, coarseness};

fn spine(node: &Node) -> Option<&Data> {
    match &node.kind {
        NodeKind::Model(extra) => extra.get("time_spine").filter(|spine| !spine.is_null()),
        _ => None,
    }
}

/// The names of grains that time spines add.
pub(super) fn custom_grains(nodes: &[Box<Node>]) -> Vec<&str> {
    let lists =
        nodes.iter().filter_map(|node| spine(node)).filter_map(|spine| spine.get("custom_granularities")?.as_array());
    lists.flatten().filter_map(|grain| text(grain, "name")).collect()
}

fn grain_of(node: &Node) -> Option<&str> {
    let column = text(spine(node)?, "standard_granularity_column")?;
    node.columns.get(column)?.extra.get("granularity")?.as_str()
}

/// There must be a spine of days or finer.
pub(super) fn check(rules: &mut Rules<'_, '_>, nodes: &[Box<Node>]) {
    let day = coarseness("day");
    let legacy = nodes.iter().find(|node| node.name == LEGACY_SPINE && node.resource_type.is_refable());
    let has_days = nodes.iter().filter_map(|node| grain_of(node)).any(|grain| grain == "day");
    let mut finest = nodes.iter().filter_map(|node| grain_of(node)).map(coarseness).min();
    if legacy.is_some() {
        finest = finest.min(Some(day)).or(Some(day));
    }
    let Some(finest) = finest.filter(|finest| *finest <= day) else {
        let message = "The semantic layer requires a time spine model with granularity DAY or smaller in the project, but none was found.";
        let model = rules.models[0];
        let error = Diagnostic::error(Code::PropertyInvalid, message).at(&model.file, model.span);
        rules.diagnostics.push(error.hint("declare `time_spine:` on a model with one row a day"));
        return;
    };
    if let Some(legacy) = legacy.filter(|legacy| spine(legacy).is_none() && !has_days && !rules.metrics.is_empty()) {
        let message = format!("`{LEGACY_SPINE}` is a time spine by its name alone; declare `time_spine:` on it");
        if !rules.are_spines_declared {
            rules.deprecate(legacy, "", (message, "MFTimespineWithoutYamlConfigurationDeprecation", "D018"));
        }
    }
    warn_of_finer_dimensions(rules, finest);
}

fn warn_of_finer_dimensions(rules: &mut Rules<'_, '_>, finest: usize) {
    for model in rules.models.clone() {
        for dimension in elements(model, "dimensions") {
            let name = text(dimension, "name").unwrap_or_default();
            let grain = text(&dimension["type_params"], "time_granularity").unwrap_or_default();
            if !grain.is_empty() && coarseness(grain) < finest {
                let message = format!(
                    "Time dimension '{name}' of semantic model '{}' has granularity {grain}, which is smaller than that of every time spine ({}).",
                    model.name, GRAINS[finest]
                );
                rules.warn(model, name, message);
            }
        }
    }
}
