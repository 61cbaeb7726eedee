//! `version:`: how the version of a model compares with its newest one.

use std::cmp::Ordering;

use serde_json::Value as Data;

use super::methods::{Test, bad_value};
use crate::diagnostic::Diagnostic;
use crate::manifest::Node;

/// What `version:` takes.
pub(super) fn kind(value: &str) -> Result<Test, Box<Diagnostic>> {
    let test: Test = match value {
        "latest" => |node| versions(node).is_some_and(|(version, latest)| version == latest),
        "prerelease" => {
            |node| versions(node).is_some_and(|(version, latest)| compare(version, latest) == Ordering::Greater)
        }
        "old" => |node| versions(node).is_some_and(|(version, latest)| compare(version, latest) == Ordering::Less),
        "none" => |node| node.version.as_ref().is_none_or(Data::is_null),
        _ => {
            let wanted = "a kind of version: there are latest, prerelease, old and none";
            return Err(bad_value(&format!("version:{value}"), wanted));
        }
    };
    Ok(test)
}

fn versions(node: &Node) -> Option<(&Data, &Data)> {
    let version = node.version.as_ref().filter(|version| !version.is_null())?;
    Some((version, node.latest_version.as_ref()?))
}

fn compare(left: &Data, right: &Data) -> Ordering {
    let text = |value: &Data| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = |value: &Data| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => text(left).cmp(&text(right)),
    }
}
