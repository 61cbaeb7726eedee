//! Names and labels: valid, unique, and used for one kind of thing only.

use std::collections::{BTreeMap, HashMap};

use super::{Rules, elements, names_in, text, value};
use crate::manifest::{GRAINS, Node};

/// The lists of a semantic model and what their elements are called.
const ELEMENTS: [(&str, &str); 3] = [("measures", "measure"), ("entities", "entity"), ("dimensions", "dimension")];

/// Words that no database takes as a bare name.
const RESERVED: &[&str] = &[
    "and", "as", "create", "distinct", "for", "from", "full", "having", "in", "inner", "into", "is", "join", "left",
    "like", "natural", "not", "null", "on", "or", "right", "select", "union", "using", "where", "with",
];

pub(super) fn check(rules: &mut Rules<'_, '_>) {
    for node in [rules.models.clone(), rules.metrics.clone(), rules.queries.clone()].concat() {
        check_name(rules, node, &node.name, "");
    }
    for model in rules.models.clone() {
        check_elements(rules, model);
        for (list, kind) in ELEMENTS {
            unique_labels(rules, model, list, kind);
        }
    }
    check_kinds(rules);
    check_labels(rules);
    check_custom_grains(rules);
}

/// A name that the metrics engine takes.
pub(super) fn is_valid(name: &str) -> bool {
    let is_part = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_';
    name.len() >= 2
        && name.starts_with(|one: char| one.is_ascii_lowercase())
        && !name.ends_with('_')
        && name.chars().all(is_part)
        && !name.get(1..).is_some_and(|rest| rest.contains("__"))
}

/// Reports a name that the metrics engine does not take.
pub(super) fn check_name(rules: &mut Rules<'_, '_>, node: &Node, name: &str, word: &str) {
    if !is_valid(name) {
        let message = format!(
            "Invalid name `{name}` - names may only contain lower case letters, numbers, and underscores. Additionally, names must start with a lower case letter, cannot end with an underscore, cannot contain dunders (double underscores, or __), and must be at least 2 characters long."
        );
        rules.error(node, word, message);
    }
    let lower = name.to_lowercase();
    if GRAINS.contains(&lower.as_str()) {
        rules.error(
            node,
            word,
            format!("Invalid name `{name}` - names cannot match reserved time granularity keywords"),
        );
    }
    if matches!(lower.as_str(), "metric_time" | "mf_internal_uuid") {
        rules.error(node, word, format!("Invalid name `{name}` - this name is reserved by MetricFlow."));
    }
}

fn check_elements(rules: &mut Rules<'_, '_>, model: &Node) {
    let mut used: HashMap<&str, &str> = HashMap::new();
    for (list, kind) in ELEMENTS {
        for name in names_in(model, list) {
            check_name(rules, model, name, name);
            if RESERVED.contains(&name.to_lowercase().as_str()) {
                let message =
                    format!("'{name}' is an SQL reserved keyword, and thus cannot be used as a {kind} 'name'.");
                rules.error(model, name, message);
            }
            match used.get(name) {
                Some(earlier) => {
                    let message = format!(
                        "In semantic model `{}`, can't use name `{name}` for a {kind} when it was already used for a {earlier}",
                        model.name
                    );
                    rules.error(model, name, message);
                }
                None => {
                    used.insert(name, kind);
                }
            }
        }
    }
}

/// A name means the same kind of element in all models; measures stand in one model only.
fn check_kinds(rules: &mut Rules<'_, '_>) {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, Vec<&Node>>> = BTreeMap::new();
    for model in &rules.models {
        for (list, kind) in ELEMENTS {
            for name in names_in(model, list) {
                kinds.entry(name).or_default().entry(kind).or_default().push(model);
            }
        }
    }
    for (name, uses) in kinds {
        if let Some([first, second, ..]) = uses.get("measure").map(Vec::as_slice)
            && first.unique_id != second.unique_id
        {
            let message = format!(
                "Found measure with name {name} in multiple semantic models with names ({})",
                super::quoted(&[&first.name])
            );
            rules.error(second, name, message);
        }
        if uses.len() > 1 {
            let shown: Vec<_> = uses.keys().copied().collect();
            for (kind, models) in &uses {
                let message = format!(
                    "In semantic model {}, element `{name}` is of type {kind}, but it is used as types {} across the model.",
                    models[0].name,
                    shown.join(", ")
                );
                rules.error(models[0], name, message);
            }
        }
    }
}

fn unique_labels(rules: &mut Rules<'_, '_>, model: &Node, list: &str, kind: &str) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for label in elements(model, list).iter().filter_map(|element| text(element, "label")) {
        *counts.entry(label).or_default() += 1;
    }
    for (label, count) in counts.into_iter().filter(|(_, count)| *count > 1) {
        let message = format!(
            "{kind} labels must be unique within a semantic model. The label `{label}` was used for {count} {list} on semantic model `{}`",
            model.name
        );
        rules.error(model, label, message);
    }
}

/// Labels of metrics and of semantic models are unique; an entity has one label in all models.
fn check_labels(rules: &mut Rules<'_, '_>) {
    for (nodes, kind) in [(rules.metrics.clone(), "metric"), (rules.models.clone(), "semantic model")] {
        let mut labels: HashMap<&str, &str> = HashMap::new();
        for node in nodes {
            let Some(label) = value(node, "label").as_str() else { continue };
            if let Some(earlier) = labels.get(label) {
                let message = format!(
                    "Can't use label `{label}` for {kind} `{}` as it's already used for {kind} `{earlier}`",
                    node.name
                );
                rules.error(node, label, message);
            } else {
                labels.insert(label, &node.name);
            }
        }
    }
    let mut entities: HashMap<&str, (&str, &str)> = HashMap::new();
    for model in rules.models.clone() {
        for entity in elements(model, "entities") {
            let (Some(name), Some(label)) = (text(entity, "name"), text(entity, "label")) else { continue };
            let (first, other) = *entities.entry(name).or_insert((label, &model.name));
            if first != label {
                let message = format!(
                    "Entities with the same name must have the same label or none. Entity `{name}` on semantic model `{}` has label `{label}`, on semantic model `{other}` it has `{first}`",
                    model.name
                );
                rules.error(model, label, message);
            }
        }
    }
}

fn check_custom_grains(rules: &mut Rules<'_, '_>) {
    let grains = rules.custom_grains.clone();
    let place = rules.models[0];
    for (ix, grain) in grains.iter().enumerate() {
        check_name(rules, place, grain, "");
        if grains[..ix].contains(grain) {
            rules.error(
                place,
                "",
                format!("Custom granularity names must be unique, but `{grain}` is declared twice."),
            );
        }
        let is_taken = rules.metrics.iter().chain(&rules.models).any(|node| node.name == **grain)
            || rules.models.iter().any(|model| ELEMENTS.iter().any(|(list, _)| names_in(model, list).contains(grain)));
        if is_taken {
            rules.error(
                place,
                "",
                format!("Can't use name `{grain}` for a custom granularity when it was already used."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn names_are_lower_case_without_double_underscores() {
        for name in ["ab", "order_id", "a1"] {
            assert!(is_valid(name), "{name}");
        }
        for name in ["a", "Ab", "a__b", "ab_", "1a", "a b", ""] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
