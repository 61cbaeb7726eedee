//! Rules of metrics.

use std::collections::HashMap;

use serde_json::Value as Data;

use super::names::check_name;
use super::{Rules, elements, names_in, text, value};
use crate::manifest::{GRAINS, Node};

const NO_CUSTOM_GRAIN: &str = "Custom granularities are not supported for this field yet.";

pub(super) fn check(rules: &mut Rules<'_, '_>) {
    deprecate_outer_params(rules);
    check_shared_aliases(rules);
    for metric in rules.metrics.clone() {
        let params = value(metric, "type_params");
        match value(metric, "type").as_str().unwrap_or_default() {
            "cumulative" => check_cumulative(rules, metric, params),
            "derived" => check_derived(rules, metric, params),
            "conversion" => check_conversion(rules, metric, &params["conversion_type_params"]),
            _ => {}
        }
        check_offsets(rules, metric, params);
        check_aliases(rules, metric, params);
    }
}

/// `window` and `grain_to_date` beside `cumulative_type_params` are an old form; said once.
fn deprecate_outer_params(rules: &mut Rules<'_, '_>) {
    let is_old = |metric: &&Node| {
        let params = value(metric, "type_params");
        ["window", "grain_to_date"].iter().any(|key| !params[*key].is_null())
    };
    let message = "`type_params.window` and `type_params.grain_to_date` of cumulative metrics belong under `type_params.cumulative_type_params`";
    let found: Vec<&Node> = rules.metrics.iter().copied().filter(is_old).collect();
    if rules.are_params_nested {
        found.into_iter().for_each(|metric| rules.error(metric, "type_params", message));
    } else if let Some(metric) = found.first() {
        rules.deprecate(metric, "type_params", (message.to_owned(), "MFCumulativeTypeParamsDeprecation", "D019"));
    }
}

/// Two metrics do not give the same alias to a measure.
fn check_shared_aliases(rules: &mut Rules<'_, '_>) {
    let mut users: HashMap<&str, &str> = HashMap::new();
    for metric in rules.metrics.clone() {
        for input in value(metric, "type_params")["input_measures"].as_array().into_iter().flatten() {
            let Some(alias) = text(input, "alias") else { continue };
            let earlier = *users.entry(alias).or_insert(&metric.name);
            if earlier != metric.name {
                let message = format!(
                    "Measure alias {alias} conflicts with a measure alias used elsewhere in the model! This can cause ambiguity for certain types of query. Please choose another alias. Existing metrics with that measure alias used: ['{earlier}']"
                );
                rules.error(metric, alias, message);
            }
        }
    }
}

fn check_cumulative(rules: &mut Rules<'_, '_>, metric: &Node, params: &Data) {
    let nested = &params["cumulative_type_params"];
    let (outer, window) = (&params["window"], &nested["window"]);
    if !outer.is_null() && !window.is_null() && outer != window {
        let message = format!(
            "Got differing values for `window` on cumulative metric '{}'. Please remove the value from `type_params.window`.",
            metric.name
        );
        rules.error(metric, "window", message);
    }
    let grain = text(nested, "grain_to_date").map(str::to_lowercase);
    if let Some(grain) = grain.as_deref().filter(|grain| !GRAINS.contains(grain)) {
        let message = format!("Invalid time granularity found in `grain_to_date`: '{grain}'. {NO_CUSTOM_GRAIN}");
        rules.error(metric, grain, message);
    }
    if !window.is_null() && grain.is_some() {
        let message = "Both window and grain_to_date set for cumulative metric. Please set one or the other.";
        rules.error(metric, "window", message);
    }
    check_window(rules, metric, window, false);
}

/// The grain of a window exists; custom ones only where they are supported.
fn check_window(rules: &mut Rules<'_, '_>, metric: &Node, window: &Data, may_be_custom: bool) {
    let Some(grain) = text(window, "granularity") else { return };
    if GRAINS.contains(&grain) {
        return;
    }
    let singular = grain.strip_suffix('s').unwrap_or(grain);
    let is_custom = rules.custom_grains.iter().any(|custom| *custom == grain || *custom == singular);
    if is_custom && may_be_custom {
        return;
    }
    let end = if is_custom { format!(" {NO_CUSTOM_GRAIN}") } else { String::new() };
    let message = format!("Invalid time granularity '{grain}' in window: '{} {grain}'{end}", window["count"]);
    rules.error(metric, grain, message);
}

fn check_derived(rules: &mut Rules<'_, '_>, metric: &Node, params: &Data) {
    let inputs = params["metrics"].as_array().map_or(&[][..], Vec::as_slice);
    if inputs.is_empty() {
        let message = format!(
            "No input metrics found for derived metric '{}'. Please add metrics to type_params.metrics.",
            metric.name
        );
        rules.error(metric, "type_params", message);
    }
    let expr = text(params, "expr").unwrap_or_default();
    if expr.is_empty() {
        let message = format!(
            "No `expr` set for derived metric {}. Please add an `expr` that references all input metrics.",
            metric.name
        );
        rules.warn(metric, "type_params", message);
    }
    for input in inputs {
        let name = text(input, "name").unwrap_or_default();
        let alias = text(input, "alias");
        if let Some(alias) = alias {
            check_name(rules, metric, alias, alias);
            if inputs.iter().any(|other| text(other, "name") == Some(alias)) {
                let message = format!(
                    "Alias '{alias}' for input metric: '{name}' is already being used. Please choose another alias."
                );
                rules.error(metric, alias, message);
            }
        }
        let shown = alias.unwrap_or(name);
        if !expr.is_empty() && !expr.contains(shown) {
            let message = format!(
                "Input metric '{shown}' is not used in `expr`: '{expr}' for derived metric '{}'. Please update the `expr` or remove the input metric.",
                metric.name
            );
            rules.warn(metric, shown, message);
        }
    }
}

fn check_offsets(rules: &mut Rules<'_, '_>, metric: &Node, params: &Data) {
    for input in params["metrics"].as_array().into_iter().flatten() {
        let window = &input["offset_window"];
        check_window(rules, metric, window, true);
        let Some(grain) = text(input, "offset_to_grain").map(str::to_lowercase) else { continue };
        if !GRAINS.contains(&grain.as_str()) {
            let message = format!("Invalid time granularity found in `offset_to_grain`: '{grain}'. {NO_CUSTOM_GRAIN}");
            rules.error(metric, &grain, message);
        }
        if !window.is_null() {
            let message = format!(
                "Both offset_window and offset_to_grain set for derived metric '{}' on input metric '{}'. Please set one or the other.",
                metric.name,
                text(input, "name").unwrap_or_default()
            );
            rules.error(metric, "offset_window", message);
        }
    }
}

/// Aliases of measures are valid names and no measure's name; measures used twice with filters have one each.
fn check_aliases(rules: &mut Rules<'_, '_>, metric: &Node, params: &Data) {
    let inputs = params["input_measures"].as_array().map_or(&[][..], Vec::as_slice);
    for input in inputs {
        let name = text(input, "name").unwrap_or_default();
        let is_repeated = inputs.iter().filter(|other| other["name"] == input["name"]).count() > 1;
        if let Some(alias) = text(input, "alias") {
            check_name(rules, metric, alias, alias);
            if rules.models.iter().any(|model| names_in(model, "measures").contains(&alias)) {
                let message = format!(
                    "Alias `{alias}` for measure `{name}` conflicts with measure names defined elsewhere in the model! Please choose another alias."
                );
                rules.error(metric, alias, message);
            }
        } else if is_repeated && !input["filter"].is_null() {
            let message = format!(
                "Metric {} depends on multiple different constrained versions of measure {name}. In such cases, aliases must be provided.",
                metric.name
            );
            rules.error(metric, name, message);
        }
    }
}

fn check_conversion(rules: &mut Rules<'_, '_>, metric: &Node, params: &Data) {
    check_window(rules, metric, &params["window"], false);
    let entity = text(params, "entity").unwrap_or_default();
    let properties = params["constant_properties"].as_array().map_or(&[][..], Vec::as_slice);
    for (key, kind, property) in
        [("base_measure", "base", "base_property"), ("conversion_measure", "conversion", "conversion_property")]
    {
        let name = text(&params[key], "name").unwrap_or_default();
        let has = |model: &&&Node| names_in(model, "measures").contains(&name);
        let Some(model) = rules.models.iter().find(has).copied() else { continue };
        if !names_in(model, "entities").contains(&entity) {
            rules.error(
                metric,
                entity,
                format!("Entity: {entity} not found in {kind} semantic model: {}.", model.name),
            );
        }
        let measure = elements(model, "measures").iter().find(|measure| text(measure, "name") == Some(name));
        let agg = measure.and_then(|measure| text(measure, "agg")).unwrap_or_default();
        let is_one = measure.and_then(|measure| text(measure, "expr")) == Some("1");
        let counts = matches!(agg, "count" | "count_distinct") || (agg == "sum" && is_one);
        if !counts {
            let message = format!(
                "For conversion metrics, the measure must be COUNT/SUM(1)/COUNT_DISTINCT. Measure: {name} is agg type: {agg}"
            );
            rules.error(metric, name, message);
        }
        if kind == "conversion" && !params[key]["filter"].is_null() {
            let message = format!(
                "Measure input {name} has a filter. For conversion metrics, filtering on a conversion input measure is not fully supported yet."
            );
            rules.warn(metric, name, message);
        }
        let known = [names_in(model, "entities"), names_in(model, "dimensions")].concat();
        for property in properties.iter().filter_map(|pair| text(pair, property)) {
            if !known.contains(&property) {
                let message = format!(
                    "The provided constant property: {property}, cannot be found in semantic model {}",
                    model.name
                );
                rules.error(metric, property, message);
            }
        }
    }
}
