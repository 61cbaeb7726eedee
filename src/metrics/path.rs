//! How a name is reached from a semantic model: its own elements, or others' through entities.

use super::item::ItemName;
use super::layer::{Layer, Model};
use crate::manifest::GRAINS;

/// A step to another semantic model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The entity that both have.
    pub(super) entity: String,
    /// The other model.
    pub(super) model: usize,
}

/// Where a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The steps; none for the model's own elements.
    pub(super) hops: Vec<Hop>,
    /// The element there.
    pub(super) element: String,
    /// Its own grain, if it is a time.
    pub(super) grain: Option<String>,
}

/// Finds what a name means for the rows of a semantic model.
pub(super) fn find(layer: &Layer<'_>, from: usize, item: &ItemName) -> Option<Path> {
    let model = &layer.models[from];
    let arrive = |model: &Model<'_>, hops: Vec<Hop>| Path {
        hops,
        element: item.name.clone(),
        grain: model.grain_of(&item.name).map(str::to_owned),
    };
    match item.links.as_slice() {
        [] => model.element("entities", &item.name).map(|_| arrive(model, Vec::new())),
        [prefix] if model.is_own_prefix(prefix) && has(model, &item.name) => Some(arrive(model, Vec::new())),
        links => {
            let hops = walk(layer, from, links, &item.name)?;
            let last = hops.last().map_or(from, |hop| hop.model);
            Some(arrive(&layer.models[last], hops))
        }
    }
}

fn has(model: &Model<'_>, name: &str) -> bool {
    model.element("dimensions", name).or_else(|| model.element("entities", name)).is_some()
}

fn walk(layer: &Layer<'_>, from: usize, links: &[String], name: &str) -> Option<Vec<Hop>> {
    let [entity, rest @ ..] = links else { return has(&layer.models[from], name).then(Vec::new) };
    layer.models[from].element("entities", entity)?;
    let others = (0..layer.models.len()).filter(|ix| *ix != from && layer.models[*ix].is_key(entity));
    others
        .filter_map(|model| {
            let mut hops = vec![Hop { entity: entity.clone(), model }];
            hops.extend(walk(layer, model, rest, name)?);
            Some(hops)
        })
        .next()
}

/// The names that can be reached from a semantic model over at most one other, for suggestions.
pub(super) fn names(layer: &Layer<'_>, from: usize) -> Vec<String> {
    let model = &layer.models[from];
    let mut names = vec!["metric_time".to_owned()];
    let own = || model.elements("dimensions").filter_map(|dimension| dimension["name"].as_str());
    names.extend(
        model.primary_entity().into_iter().flat_map(|prefix| own().map(move |name| format!("{prefix}__{name}"))),
    );
    for entity in model.elements("entities").filter_map(|entity| entity["name"].as_str()) {
        names.push(entity.to_owned());
        let others = layer.models.iter().enumerate().filter(|(ix, other)| *ix != from && other.is_key(entity));
        for dimension in others.flat_map(|(_, other)| other.elements("dimensions")) {
            names.extend(dimension["name"].as_str().map(|name| format!("{entity}__{name}")));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Whether a text is a unit of time.
pub(super) fn is_grain(text: &str) -> bool {
    GRAINS.contains(&text)
}
