//! What a plan reads: the rows of semantic models, what is joined to them, and the calendar.

use serde_json::{Value as Data, json};

use super::layer::{Layer, Spine, coarser, text};
use super::path::Hop;
use super::plan::{Builder, Offset, question_error};
use super::rows::{Calendar, Time, alias};
use crate::diagnostic::Diagnostic;
use crate::manifest::Node;
use crate::manifest::coarseness;

impl<'b> Builder<'_, 'b> {
    /// The time by which a measure is aggregated.
    pub(super) fn time_of(&self, model: usize, measure: &Data, metric: &str) -> Result<Time, Box<Diagnostic>> {
        let model = &self.layer.models[model];
        let own = model.elements("measures").find(|own| own["name"] == measure["name"]);
        let name = own.and_then(|own| model.time_of(own)).ok_or_else(|| {
            let measure = text(measure, "name");
            let message = format!("measure `{measure}` of metric `{metric}` has no `agg_time_dimension`");
            Box::new(question_error(message).hint(format!("declare it, or in `defaults:` of `{}`", model.name)))
        })?;
        Ok(Time { name: name.to_owned(), grain: model.grain_of(name).unwrap_or("day").to_owned() })
    }

    /// The name of a semantic model's rows.
    pub(super) fn source(&mut self, model: usize) -> String {
        self.sources.entry(model).or_default();
        format!("{}_source", self.layer.models[model].name)
    }

    /// Has an element of a semantic model among the columns of its rows.
    pub(super) fn column(&mut self, model: usize, name: &str) {
        let element = ["measures", "dimensions", "entities"]
            .into_iter()
            .find_map(|key| self.layer.models[model].element(key, name));
        let expression = element.and_then(|element| element["expr"].as_str()).unwrap_or(name);
        self.sources.entry(model).or_default().insert(name.to_owned(), expression.to_owned());
    }

    /// Describes how another semantic model is joined.
    pub(super) fn join(&mut self, from: usize, hops: &[Hop], time: &str) -> Data {
        let Some((last, before)) = hops.split_last() else { return Data::Null };
        let left = before.last().map_or(from, |hop| hop.model);
        let source = self.source(last.model);
        self.column(left, &last.entity);
        self.column(last.model, &last.entity);
        let validity = self.layer.models[last.model].validity();
        if let Some((start, end)) = validity {
            self.column(last.model, start);
            self.column(last.model, end);
            self.column(from, time);
        }
        json!({
            "alias": alias(hops), "source": source, "left": alias(before), "entity": last.entity,
            "valid_from": validity.map(|(start, _)| start), "valid_to": validity.map(|(_, end)| end),
        })
    }

    pub(super) fn spine(&self, grain: &str) -> Result<&Spine<'b>, Box<Diagnostic>> {
        self.layer.spine(grain).ok_or_else(|| {
            Box::new(
                question_error("the project has no time spine")
                    .hint("declare `time_spine:` on a model with one row a day"),
            )
        })
    }

    /// The grain of the calendar that rows of some grain are joined to.
    pub(super) fn calendar_grain(&self, grain: &'b str) -> Result<&'b str, Box<Diagnostic>> {
        Ok(coarser(self.spine(grain)?.grain, grain))
    }

    /// Checks that a window or an offset is made of units of time that the database can count.
    pub(super) fn check_window(&self, unit: &str) -> Result<(), Box<Diagnostic>> {
        if self.layer.added_grain(unit).is_none() {
            return Ok(());
        }
        let message = format!("windows and offsets cannot be made of `{unit}`, a grain that a time spine adds");
        Err(Box::new(question_error(message).hint("write them in days, weeks, months, quarters or years")))
    }

    /// Describes the calendar that rows are joined to. `shown` is the finest grain of time that is shown.
    pub(super) fn calendar(
        &self,
        calendar: &Calendar,
        grain: &str,
        shown: Option<&str>,
    ) -> Result<Data, Box<Diagnostic>> {
        if let Some(unit) = calendar.unit() {
            self.check_window(unit)?;
        }
        let (how, count, unit) = match calendar {
            Calendar::None => return Ok(Data::Null),
            Calendar::Offset(Offset::Window(count, unit)) => ("offset", *count, unit.as_str()),
            Calendar::Offset(Offset::ToGrain(unit)) => ("to_grain", 0, unit.as_str()),
            Calendar::Until => ("until", 0, ""),
            Calendar::Window(count, unit) => ("window", *count, unit.as_str()),
            Calendar::SinceStart(unit) => ("since_start", 0, unit.as_str()),
        };
        let spine = self.spine(grain)?;
        let own = coarser(spine.grain, grain);
        // Months have different lengths: a month earlier than its last days is no day of its own, but the month is.
        let is_whole = |shown: &&str| {
            how == "offset" && coarseness(unit) >= coarseness(shown) && (*shown != "week" || unit == "week")
        };
        let joined = shown.filter(is_whole).map_or(own, |shown| coarser(own, shown));
        Ok(json!({
            "table": reference(spine.table), "column": spine.column, "grain": joined,
            "how": how, "count": count, "unit": unit,
        }))
    }

    /// The times that are asked for; null for all, as for metrics in conditions. Periods that are shown are whole.
    pub(super) fn range(&self) -> Data {
        let (start, end) = (&self.question.start, &self.question.end);
        let times = self.items.iter().filter(|item| item.is_metric_time());
        let shown = times.filter_map(|item| item.grain.as_deref()).map(|grain| self.layer.unit_of(grain));
        let grain = shown.min_by_key(|grain| coarseness(grain));
        let is_all = !self.conditions.is_empty() || (start.is_none() && end.is_none());
        if is_all { Data::Null } else { json!({"start": start, "end": end, "grain": grain}) }
    }

    pub(super) fn described_sources(&self) -> Data {
        let described = self.sources.iter().map(|(ix, columns)| {
            let model = &self.layer.models[*ix];
            let columns: Vec<Data> = columns.iter().map(|(name, sql)| json!({"name": name, "sql": sql})).collect();
            json!({"name": format!("{}_source", model.name), "table": reference(model.table), "columns": columns})
        });
        described.collect()
    }
}

/// Describes a grain that a time spine adds; null for a unit of time.
pub(super) fn added_grain(layer: &Layer<'_>, grain: &str) -> Data {
    layer.added_grain(grain).map_or(Data::Null, |(spine, column)| {
        json!({"table": reference(spine.table), "time": spine.column, "unit": spine.grain, "column": column})
    })
}

/// A node as `ref` takes it.
pub(super) fn reference(node: &Node) -> Data {
    json!({"package": node.package, "name": node.name, "version": node.version})
}

/// A unit of time as grains are written: windows may say `7 days`.
pub(super) fn singular(unit: &str) -> String {
    let lower = unit.to_lowercase();
    lower.strip_suffix('s').filter(|unit| super::path::is_grain(unit)).unwrap_or(&lower).to_owned()
}
