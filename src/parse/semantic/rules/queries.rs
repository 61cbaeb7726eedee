//! Rules of saved queries.

use serde_json::Value as Data;

use super::{Rules, names_in, problem, value};
use crate::diagnostic::{Code, did_you_mean};
use crate::manifest::{GRAINS, Node};

pub(super) fn check(rules: &mut Rules<'_, '_>) {
    let mut known: Vec<&str> = vec!["metric_time"];
    known.extend(rules.metrics.iter().map(|metric| metric.name.as_str()));
    for model in &rules.models {
        known.extend(names_in(model, "dimensions"));
        known.extend(names_in(model, "entities"));
    }
    for query in rules.queries.clone() {
        let params = value(query, "query_params");
        let list = |key: &str| params[key].as_array().into_iter().flatten().filter_map(Data::as_str);
        for item in list("group_by") {
            check_group_by(rules, query, item, &known);
        }
        let mut sorted: Vec<String> = list("metrics").map(|metric| format!("Metric('{metric}')")).collect();
        sorted.extend(list("group_by").map(normal));
        for item in list("order_by").filter(|item| !sorted.contains(&normal(item))) {
            rules.error(
                query,
                "order_by",
                format!("{item} does not match any of the listed metrics or group-by items."),
            );
        }
        if let Some(limit) = params["limit"].as_i64().filter(|limit| *limit < 0) {
            rules.error(query, "limit", format!("Invalid limit value: {limit} (should be >= 0)"));
        }
    }
}

fn check_group_by(rules: &mut Rules<'_, '_>, query: &Node, item: &str, known: &[&str]) {
    let element = element_of(item);
    if element.is_some_and(|element| known.contains(&element)) {
        return;
    }
    let mut error = *problem(query, Code::PropertyInvalid, format!("`{item}` is not a valid group-by name."), item);
    error = error.maybe_hint(element.and_then(|element| did_you_mean(element, known.iter().copied())));
    rules.diagnostics.push(error);
}

/// The element that `Dimension('order__ordered_at__day')` and its kin name: `ordered_at`.
fn element_of(item: &str) -> Option<&str> {
    let (kind, arguments) = item.trim().split_once('(')?;
    if !matches!(kind.trim(), "Dimension" | "TimeDimension" | "Entity" | "Metric") {
        return None;
    }
    let quote = arguments.trim_start().chars().next().filter(|one| matches!(one, '\'' | '"'))?;
    let name = arguments.trim_start()[1..].split(quote).next()?;
    let mut parts = name.rsplit("__");
    let last = parts.next()?;
    if GRAINS.contains(&last) { parts.next().or(Some(last)) } else { Some(last) }
}

/// An item of `group_by` or `order_by` without what does not distinguish it.
fn normal(item: &str) -> String {
    let item = item.split(".descending(").next().unwrap_or(item);
    item.chars().filter(|one| !one.is_whitespace()).map(|one| if one == '"' { '\'' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_name_elements() {
        assert_eq!(element_of("TimeDimension('metric_time', 'day')"), Some("metric_time"));
        assert_eq!(element_of("Dimension(\"order__ordered_at__day\").grain('week')"), Some("ordered_at"));
        assert_eq!(element_of("Entity('customer')"), Some("customer"));
        assert_eq!(element_of("customer"), None);
    }

    #[test]
    fn the_direction_of_a_sort_does_not_matter() {
        assert_eq!(normal("Metric(\"revenue\").descending(True)"), "Metric('revenue')");
    }
}
