//! Rows to aggregate: one semantic model with what is joined to it, the names that are asked for as columns, and the
//! conditions on them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Data, json};

use super::item::{ItemName, Piece, pieces};
use super::layer::{Layer, text};
use super::path::{self, Hop};
use super::plan::{Builder, Offset, question_error};
use super::sources::added_grain;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::manifest::{GRAINS, coarseness};

/// A condition, and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) pieces: Vec<Piece>,
}

impl Filter {
    /// Reads a condition.
    pub(super) fn read(text: &str, grains: &[&str]) -> Result<Self, Box<Diagnostic>> {
        pieces(text, grains).map(|pieces| Self { pieces }).map_err(|message| Box::new(question_error(message)))
    }

    /// The names in it.
    pub(super) fn items(&self) -> impl Iterator<Item = &ItemName> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Item(item) => Some(item),
            Piece::Text(_) => None,
        })
    }

    /// Its SQL over the columns of the rows.
    fn sql(
        &self,
        column: &mut dyn FnMut(&ItemName) -> Result<String, Box<Diagnostic>>,
    ) -> Result<String, Box<Diagnostic>> {
        let mut sql = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Item(item) => sql.push_str(&column(item)?),
            }
        }
        Ok(sql.trim().to_owned())
    }
}

/// How rows are joined to the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Calendar {
    /// They are not.
    #[default]
    None,
    /// A period earlier, or the beginning of one.
    Offset(Offset),
    /// All rows until a moment.
    Until,
    /// The rows of a window until a moment.
    Window(u64, String),
    /// The rows since the beginning of a period.
    SinceStart(String),
}

impl Calendar {
    /// The unit of time that a window or an offset is made of.
    pub(super) fn unit(&self) -> Option<&str> {
        match self {
            Self::Offset(Offset::Window(_, unit) | Offset::ToGrain(unit)) => Some(unit),
            Self::Window(_, unit) | Self::SinceStart(unit) => Some(unit),
            Self::None | Self::Until => None,
        }
    }
}

/// What rows are asked for.
pub(super) struct Wanted<'a> {
    /// What the result is grouped by.
    pub(super) items: &'a [ItemName],
    /// Conditions.
    pub(super) filters: &'a [Filter],
    /// How they are joined to the calendar.
    pub(super) calendar: &'a Calendar,
    /// The name that a measure is told by, for messages.
    pub(super) metric: &'a str,
}

/// Describes the rows of a measure for the macro. Without the measures themselves.
pub(super) fn describe(
    builder: &mut Builder<'_, '_>,
    (model, measure): (usize, &Data),
    wanted: &Wanted<'_>,
) -> Result<Map<String, Data>, Box<Diagnostic>> {
    let layer = builder.layer;
    let time = builder.time_of(model, measure, wanted.metric)?;
    let mut metrics = BTreeMap::new();
    for item in wanted.filters.iter().flat_map(Filter::items) {
        if let Some(metric) = &item.metric {
            metrics.insert(item.column(), builder.metric_by_entity(item, metric)?);
        }
    }
    let mut rows =
        Rows { layer, model, time: &time, metric: wanted.metric, metrics, joins: Vec::new(), items: Vec::new() };
    let mut dims = Vec::new();
    for item in wanted.items {
        let name = rows.add(item)?;
        if !dims.contains(&name) {
            dims.push(name);
        }
    }
    let mut conditions = Vec::new();
    for filter in wanted.filters {
        conditions.push(filter.sql(&mut |item| rows.add(item))?);
    }
    let (joins, items) = (rows.joins, rows.items);
    let source = builder.source(model);
    builder.column(model, &time.name);
    let mut described = Map::new();
    described.insert("source".to_owned(), json!(source));
    described.insert("time".to_owned(), json!(time.name));
    described.insert("time_grain".to_owned(), json!(time.grain));
    described.insert("spine".to_owned(), builder.calendar(wanted.calendar, &time.grain, finest(layer, &items))?);
    described.insert("range".to_owned(), builder.range());
    let joined: Vec<Data> = joins.iter().map(|join| builder.join(model, join, &time.name)).collect();
    described.insert("joins".to_owned(), Data::Array(joined));
    for item in &items {
        if !item.is_time_of_metric {
            builder.column(item.model, &item.element);
        }
    }
    described.insert("items".to_owned(), items.iter().map(|item| item.to_data(layer)).collect());
    described.insert("dims".to_owned(), json!(dims));
    described.insert("where".to_owned(), json!(conditions));
    let non_additive = non_additive(builder, model, measure, (&items, &dims));
    described.insert("non_additive".to_owned(), non_additive);
    Ok(described)
}

/// The finest grain of `metric_time` among columns; none if there is a part of it or no such column.
fn finest<'i>(layer: &Layer<'i>, items: &'i [Item]) -> Option<&'i str> {
    let times = items.iter().filter(|item| item.is_time_of_metric);
    times
        .map(|item| item.grain.as_deref().map(|grain| layer.unit_of(grain)))
        .min_by_key(|grain| grain.map(coarseness))
        .flatten()
}

/// A measure that cannot be summed over a time: only the rows of its first or last moment count.
fn non_additive(
    builder: &mut Builder<'_, '_>,
    model: usize,
    measure: &Data,
    (items, dims): (&[Item], &[String]),
) -> Data {
    let params = &measure["non_additive_dimension"];
    if params.is_null() {
        return Data::Null;
    }
    let dimension = text(params, "name");
    builder.column(model, dimension);
    let groupings: Vec<&str> =
        params["window_groupings"].as_array().into_iter().flatten().filter_map(Data::as_str).collect();
    for entity in &groupings {
        builder.column(model, entity);
    }
    // Within each period that is asked for, the moment is sought anew.
    let is_of_it = |item: &&Item| {
        item.model == model && (item.is_time_of_metric || item.element == dimension) && item.hops.is_empty()
    };
    let periods: Vec<&str> =
        items.iter().filter(is_of_it).filter(|item| dims.contains(&item.name)).map(|item| item.name.as_str()).collect();
    json!({
        "column": dimension,
        "choice": text(params, "window_choice"),
        "groupings": groupings,
        "periods": periods,
    })
}

/// The time by which a measure is aggregated.
pub(super) struct Time {
    pub(super) name: String,
    pub(super) grain: String,
}

/// A name as a column.
struct Item {
    name: String,
    hops: Vec<Hop>,
    model: usize,
    element: String,
    is_time_of_metric: bool,
    grain: Option<String>,
    part: Option<String>,
    /// The step that has the metric of the entity; null for what is no metric.
    by_entity: Data,
}

impl Item {
    fn to_data(&self, layer: &Layer<'_>) -> Data {
        let added = self.grain.as_deref().map_or(Data::Null, |grain| added_grain(layer, grain));
        json!({
            "name": self.name,
            "alias": alias(&self.hops),
            "column": self.element,
            "is_metric_time": self.is_time_of_metric,
            "grain": self.grain,
            "part": self.part,
            "added": added,
            "metric": self.by_entity,
        })
    }
}

/// The name of a joined relation: the entities on the way to it.
pub(super) fn alias(hops: &[Hop]) -> String {
    if hops.is_empty() {
        return "base".to_owned();
    }
    format!("joined_{}", hops.iter().map(|hop| hop.entity.as_str()).collect::<Vec<_>>().join("__"))
}

struct Rows<'a, 'b> {
    layer: &'a Layer<'b>,
    model: usize,
    time: &'a Time,
    metric: &'a str,
    /// Metrics of conditions by the names of their columns.
    metrics: BTreeMap<String, Data>,
    joins: Vec<Vec<Hop>>,
    items: Vec<Item>,
}

impl Rows<'_, '_> {
    /// Adds a name, and gives that of its column.
    fn add(&mut self, item: &ItemName) -> Result<String, Box<Diagnostic>> {
        let mut item = item.clone();
        let (hops, element, own_grain) = if item.is_metric_time() {
            (Vec::new(), self.time.name.clone(), Some(self.time.grain.clone()))
        } else {
            let found = path::find(self.layer, self.model, &item).ok_or_else(|| self.unknown(&item))?;
            (found.hops, found.element, found.grain)
        };
        match (&own_grain, &item.grain) {
            (None, Some(grain)) if item.part.is_none() => {
                let message = format!("`{}` is no time: it has no grain `{grain}`", item.base());
                return Err(Box::new(question_error(message)));
            }
            (Some(_), Some(grain)) if !path::is_grain(grain) && self.layer.added_grain(grain).is_none() => {
                return Err(self.unknown_grain(&item.base(), grain));
            }
            (Some(own), Some(grain)) if coarseness(self.layer.unit_of(grain)) < coarseness(own) => {
                let unit = self.layer.unit_of(grain);
                let finer = if unit == grain { "is finer".to_owned() } else { format!("is made of `{unit}`s") };
                let message = format!("`{}` has the grain `{own}`, `{grain}` {finer}", item.base());
                return Err(Box::new(question_error(message)));
            }
            (Some(own), None) if item.part.is_none() => item.grain = Some(own.clone()),
            _ => {}
        }
        let name = item.column();
        for end in 1..=hops.len() {
            if !self.joins.iter().any(|join| *join == hops[..end]) {
                self.joins.push(hops[..end].to_vec());
            }
        }
        let model = hops.last().map_or(self.model, |hop| hop.model);
        let is_time = item.is_metric_time() || (hops.is_empty() && element == self.time.name);
        if !self.items.iter().any(|known| known.name == name) {
            self.items.push(Item {
                name: name.clone(),
                model,
                hops,
                element,
                is_time_of_metric: is_time,
                grain: item.grain,
                part: item.part,
                by_entity: self.metrics.get(&name).cloned().unwrap_or_default(),
            });
        }
        Ok(name)
    }

    fn unknown_grain(&self, time: &str, grain: &str) -> Box<Diagnostic> {
        let mut names: Vec<&str> =
            GRAINS.iter().filter(|grain| coarseness(grain) >= coarseness("hour")).copied().collect();
        names.extend(self.layer.added_grains());
        let hint = did_you_mean(grain, names.iter().copied()).unwrap_or_else(|| super::known("grains", &names));
        Box::new(question_error(format!("`{time}` has no grain `{grain}`")).hint(hint))
    }

    /// Whether a name is that of a time.
    fn is_time(&self, item: &ItemName) -> bool {
        item.is_metric_time() || path::find(self.layer, self.model, item).is_some_and(|path| path.grain.is_some())
    }

    fn unknown(&self, item: &ItemName) -> Box<Diagnostic> {
        if let Some((last, before)) = item.links.split_last() {
            let time = ItemName { links: before.to_vec(), name: last.clone(), ..ItemName::default() };
            if self.is_time(&time) {
                return self.unknown_grain(&time.base(), &item.name);
            }
        }
        let names = path::names(self.layer, self.model);
        let asked = item.base();
        let message = format!("metric `{}` cannot be grouped or filtered by `{asked}`", self.metric);
        // A name without its entity is the usual mistake.
        let suffix = format!("__{}", item.name);
        let whole = names.iter().find(|name| name.ends_with(&suffix)).map(|name| format!("did you mean `{name}`?"));
        let hint = whole.or_else(|| did_you_mean(&asked, names.iter().map(String::as_str)));
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        Box::new(question_error(message).hint(hint.unwrap_or_else(|| super::known("names here", &listed))))
    }
}
