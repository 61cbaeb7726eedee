//! Rules of semantic models.

use std::collections::HashMap;

use serde_json::Value as Data;

use super::{Rules, elements, is_true, names_in, quoted, text, value};
use crate::manifest::Node;

pub(super) fn check(rules: &mut Rules<'_, '_>) {
    for model in rules.models.clone() {
        check_default_time(rules, model);
        check_primary_entity(rules, model);
        check_natural_entities(rules, model);
        check_validity(rules, model);
        for measure in elements(model, "measures") {
            check_measure(rules, model, measure);
        }
    }
    check_pairs(rules);
    check_dimensions(rules);
}

fn time_dimension<'a>(model: &'a Node, name: &str) -> Option<&'a Data> {
    let fits = |dimension: &&Data| text(dimension, "name") == Some(name) && text(dimension, "type") == Some("time");
    elements(model, "dimensions").iter().find(fits)
}

fn check_default_time(rules: &mut Rules<'_, '_>, model: &Node) {
    if let Some(name) =
        text(value(model, "defaults"), "agg_time_dimension").filter(|name| time_dimension(model, name).is_none())
    {
        let message = format!(
            "Default aggregation time dimension was specified as '{name}' which doesn't exist as a time dimension in semantic model named '{}'.",
            model.name
        );
        rules.error(model, name, message);
    }
}

fn entities_of<'a>(model: &'a Node, kinds: &[&str]) -> Vec<&'a str> {
    let fits = |entity: &&Data| text(entity, "type").is_some_and(|kind| kinds.contains(&kind));
    elements(model, "entities").iter().filter(fits).filter_map(|entity| text(entity, "name")).collect()
}

fn check_primary_entity(rules: &mut Rules<'_, '_>, model: &Node) {
    let (name, field) = (&model.name, value(model, "primary_entity").as_str());
    let message = match (entities_of(model, &["primary"]).as_slice(), field) {
        ([_, _, ..], _) => format!(
            "Semantic models can have only one primary entity. The semantic model `{name}` has {}",
            entities_of(model, &["primary"]).join(", ")
        ),
        ([entity], Some(field)) => format!(
            "The semantic model `{name}` has an entity named `{entity}` with type primary but it also has the `primary_entity` field set to `{field}`. Both should not be present in the model."
        ),
        ([], None) if !elements(model, "dimensions").is_empty() => format!(
            "The semantic model {name} contains dimensions, but it does not define a primary entity. Either add an entity with type PRIMARY or set a value for the primary_entity key."
        ),
        _ => return,
    };
    rules.error(model, "", message);
}

fn validity_of(model: &Node) -> Vec<&Data> {
    elements(model, "dimensions")
        .iter()
        .filter(|dimension| !dimension["type_params"]["validity_params"].is_null())
        .collect()
}

fn check_natural_entities(rules: &mut Rules<'_, '_>, model: &Node) {
    let natural = entities_of(model, &["natural"]);
    if natural.len() > 1 {
        let message = format!(
            "Semantic models can have at most one natural entity, but semantic model `{}` has {} distinct natural entities set! {}",
            model.name,
            natural.len(),
            quoted(&natural)
        );
        rules.error(model, natural[1], message);
    }
    if !natural.is_empty() && validity_of(model).is_empty() {
        let message = format!(
            "Semantic model `{}` uses a natural entity ({}) but does not define a validity window!",
            model.name,
            quoted(&natural)
        );
        rules.error(model, natural[0], message);
    }
}

/// A validity window has two dimensions, a natural entity, and no measures.
fn check_validity(rules: &mut Rules<'_, '_>, model: &Node) {
    let dimensions = validity_of(model);
    if dimensions.is_empty() {
        return;
    }
    let names: Vec<&str> = dimensions.iter().filter_map(|dimension| text(dimension, "name")).collect();
    let count = |key: &str| {
        dimensions.iter().filter(|dimension| is_true(&dimension["type_params"]["validity_params"], key)).count()
    };
    let word = names.first().copied().unwrap_or_default();
    if dimensions.len() != 2 || count("is_start") != 1 || count("is_end") != 1 {
        let message = format!(
            "Semantic model {} must have exactly two time dimensions with validity params - one marked `is_start` and the other marked `is_end`; it has {}",
            model.name,
            quoted(&names)
        );
        rules.error(model, word, message);
    }
    if entities_of(model, &["natural"]).is_empty() {
        let message = format!(
            "Semantic model {} has validity param dimensions defined, but does not have an entity with type `natural` set.",
            model.name
        );
        rules.error(model, word, message);
    }
    let joined = entities_of(model, &["primary", "unique"]);
    if !joined.is_empty() {
        let message = format!(
            "Semantic model {} has validity param dimensions defined and also has one or more entities designated as `primary` or `unique`. This is not yet supported.",
            model.name
        );
        rules.error(model, joined[0], message);
    }
    if !elements(model, "measures").is_empty() {
        let message = format!(
            "Semantic model {} has both measures and validity param dimensions defined. This is not currently supported! Please remove either the measures or the validity params.",
            model.name
        );
        rules.error(model, "measures", message);
    }
}

fn check_measure(rules: &mut Rules<'_, '_>, model: &Node, measure: &Data) {
    let name = text(measure, "name").unwrap_or_default();
    let default = text(value(model, "defaults"), "agg_time_dimension");
    match text(measure, "agg_time_dimension").or(default) {
        None => {
            let message = format!(
                "Aggregation time dimension for measure {name} on semantic model {} is not set! To fix this either specify a default `agg_time_dimension` for the semantic model or define an `agg_time_dimension` on the measure directly.",
                model.name
            );
            rules.error(model, name, message);
        }
        Some(time) => {
            if time_dimension(model, time).is_none() {
                let message = format!(
                    "In semantic model '{}', measure '{name}' has the aggregation time dimension set to '{time}', which is not a valid time dimension in the semantic model",
                    model.name
                );
                rules.error(model, time, message);
            }
            check_non_additive(rules, model, measure, time);
        }
    }
    if text(measure, "agg") == Some("count") && measure["expr"].is_null() {
        let message = format!(
            "Measure '{name}' uses a COUNT aggregation, which requires an expr to be provided. Provide 'expr: 1' if a count of all rows is desired."
        );
        rules.error(model, name, message);
    }
    let distinct = text(measure, "expr").is_some_and(|expr| expr.to_lowercase().starts_with("distinct "));
    if text(measure, "agg") == Some("count") && distinct {
        rules.error(
            model,
            name,
            format!("Measure '{name}' counts DISTINCT values. Please use COUNT_DISTINCT as the agg instead."),
        );
    }
    check_percentile(rules, model, measure, name);
}

fn check_non_additive(rules: &mut Rules<'_, '_>, model: &Node, measure: &Data, time: &str) {
    let limit = &measure["non_additive_dimension"];
    let (Some(name), Some(dimension)) = (text(measure, "name"), text(limit, "name")) else { return };
    let found = elements(model, "dimensions").iter().find(|other| text(other, "name") == Some(dimension));
    let start = format!("Measure '{name}' has a non_additive_dimension with name '{dimension}' that");
    match found {
        None => rules.error(
            model,
            dimension,
            format!("{start} is not defined as a dimension in semantic model '{}'.", model.name),
        ),
        Some(found) if text(found, "type") != Some("time") => {
            rules.error(
                model,
                dimension,
                format!("{start} is defined as a categorical dimension which is not supported."),
            );
        }
        Some(found) => {
            let grain = |dimension: &Data| dimension["type_params"]["time_granularity"].clone();
            if time_dimension(model, time).is_some_and(|time| grain(time) != grain(found)) {
                let message = format!(
                    "{start} has a base time granularity that is not equal to the measure's agg_time_dimension {time}."
                );
                rules.error(model, dimension, message);
            }
        }
    }
    if !matches!(text(limit, "window_choice"), Some("min" | "max")) {
        let message = format!(
            "Measure '{name}' has a non_additive_dimension with an invalid 'window_choice'. Only min and max are supported."
        );
        rules.error(model, dimension, message);
    }
    let entities = names_in(model, "entities");
    let groupings = limit["window_groupings"].as_array().into_iter().flatten().filter_map(Data::as_str);
    for grouping in groupings.filter(|grouping| !entities.contains(grouping)) {
        let message = format!(
            "Measure '{name}' has a non_additive_dimension with an invalid 'window_groupings'. {grouping} is not defined as an entity in semantic model '{}'.",
            model.name
        );
        rules.error(model, grouping, message);
    }
}

fn check_percentile(rules: &mut Rules<'_, '_>, model: &Node, measure: &Data, name: &str) {
    let params = &measure["agg_params"];
    let percentile = params["percentile"].as_f64();
    let message = match text(measure, "agg").unwrap_or_default() {
        "percentile" => match percentile {
            None => format!(
                "Measure '{name}' uses a PERCENTILE aggregation, which requires agg_params.percentile to be provided."
            ),
            Some(value) if value <= 0.0 || value >= 1.0 => format!(
                "Percentile aggregation parameter for measure '{name}' is '{value}', but must be between 0 and 1 (non-inclusive). For example, to indicate the 65th percentile value, set 'percentile: 0.65'."
            ),
            Some(_) => return,
        },
        "median" if percentile.is_some_and(|value| (value - 0.5).abs() > f64::EPSILON) => {
            format!(
                "Measure '{name}' uses a MEDIAN aggregation, while percentile is set to a conflicting value. Please remove the parameter or set to '0.5'."
            )
        }
        "median" if is_true(params, "use_discrete_percentile") => {
            format!(
                "Measure '{name}' uses a MEDIAN aggregation, while use_discrete_percentile is set to true. Please remove the parameter or set to False."
            )
        }
        "median" => return,
        agg => {
            let is_set = percentile.is_some_and(|value| value != 0.0)
                || is_true(params, "use_discrete_percentile")
                || is_true(params, "use_approximate_percentile");
            if !is_set {
                return;
            }
            format!("Measure '{name}' with aggregation '{agg}' uses agg_params only relevant to Percentile measures.")
        }
    };
    rules.error(model, name, message);
}

/// Two models with one primary entity have no dimension in common.
fn check_pairs(rules: &mut Rules<'_, '_>) {
    let mut pairs: HashMap<(&str, &str), &str> = HashMap::new();
    for model in rules.models.clone() {
        let primary =
            value(model, "primary_entity").as_str().or_else(|| entities_of(model, &["primary"]).first().copied());
        let Some(primary) = primary else { continue };
        for dimension in names_in(model, "dimensions") {
            let earlier = *pairs.entry((primary, dimension)).or_insert(&model.name);
            if earlier != model.name {
                let message = format!(
                    "Duplicate dimension + primary entity pairing detected, dimension + primary entity pairings must be unique. Semantic model `{}` has a primary entity of `{primary}` and dimension `{dimension}`, but this pairing is already in use on semantic model `{earlier}`.",
                    model.name
                );
                rules.error(model, dimension, message);
            }
        }
    }
}

/// A dimension has the same type in all models, and is a partition in all or none.
fn check_dimensions(rules: &mut Rules<'_, '_>) {
    let mut seen: HashMap<&str, (&str, bool)> = HashMap::new();
    for model in rules.models.clone() {
        for dimension in elements(model, "dimensions") {
            let (Some(name), Some(kind)) = (text(dimension, "name"), text(dimension, "type")) else { continue };
            let is_partition = is_true(dimension, "is_partition");
            let (first, was_partition) = *seen.entry(name).or_insert((kind, is_partition));
            if first != kind {
                let message = format!(
                    "In semantic model `{}`, type conflict for dimension `{name}` - already in model as type `{first}` but got `{kind}`",
                    model.name
                );
                rules.error(model, name, message);
            }
            if was_partition != is_partition {
                let message = format!(
                    "In semantic model `{}`, conflicting is_partition attribute for dimension `{name}` - already in model with is_partition as `{was_partition}` but got `{is_partition}`",
                    model.name
                );
                rules.error(model, name, message);
            }
        }
    }
}
