//! From metrics to steps: each measure is aggregated, then metrics are computed of what came out, and put side by side.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value as Data, json};

use super::item::{ItemName, shown};
use super::layer::{Layer, Metric, coarser, filters_in, text};
use super::rows::{Calendar, Filter, Wanted, describe};
use super::sources::{added_grain, reference, singular};
use super::{Question, known};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::manifest::coarseness;

/// An error of a question.
pub(super) fn question_error(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::MetricsQuestion, message)
}

/// A shift of an input of a derived metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    /// So many periods earlier.
    Window(u64, String),
    /// To the beginning of the period.
    ToGrain(String),
}

/// What holds for a metric because of what asks for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    filters: Vec<Filter>,
    offset: Option<Offset>,
}

/// Where a metric's values are.
#[derive(Clone, Debug)]
pub(super) struct Output {
    step: String,
    pub(super) column: String,
    fill: Data,
}

/// Collects the parts of a plan.
pub(super) struct Builder<'a, 'b> {
    pub(super) layer: &'a Layer<'b>,
    pub(super) question: &'a Question,
    pub(super) items: Vec<ItemName>,
    pub(super) sources: BTreeMap<usize, IndexMap<String, String>>,
    steps: Vec<Map<String, Data>>,
    /// The metrics that are being planned, to tell circles.
    pub(super) open: Vec<String>,
    /// The metrics of conditions that are being planned, by the names of their columns.
    pub(super) conditions: Vec<String>,
    /// Those that are planned.
    pub(super) by_entity: BTreeMap<String, Data>,
}

/// Plans the answer to a question.
pub(super) fn plan(layer: &Layer<'_>, question: &Question) -> Result<Map<String, Data>, Box<Diagnostic>> {
    if question.metrics.is_empty() {
        let names: Vec<&str> = layer.metrics.iter().map(|metric| metric.name).collect();
        return Err(Box::new(question_error("no metric is asked for").hint(known("metrics", &names))));
    }
    let mut builder = Builder {
        layer,
        question,
        items: Vec::new(),
        sources: BTreeMap::new(),
        steps: Vec::new(),
        open: Vec::new(),
        conditions: Vec::new(),
        by_entity: BTreeMap::new(),
    };
    builder.items = builder.group_by()?;
    let context = Context { filters: filters(layer, question.filters.iter().map(String::as_str))?, offset: None };
    let mut outputs: Vec<Output> = Vec::new();
    for name in &question.metrics {
        let output = builder.metric(name, &context)?;
        if !outputs.iter().any(|known| known.column == output.column) {
            outputs.push(output);
        }
    }
    let inputs: Vec<(Output, String)> = outputs.iter().map(|output| (output.clone(), output.column.clone())).collect();
    let columns = outputs.iter().map(|output| json!({"name": output.column, "kind": "input", "of": output.column}));
    let from = builder.compute("answer", &inputs, columns.collect());
    let dims = builder.dims();
    let names: Vec<&str> = outputs.iter().map(|output| output.column.as_str()).collect();
    let order = builder.order(&dims, &names)?;
    let mut plan = Map::new();
    plan.insert("sources".to_owned(), builder.described_sources());
    plan.insert("steps".to_owned(), builder.steps.into_iter().map(Data::Object).collect());
    let shown: Vec<Data> = dims.iter().map(|column| json!({"column": column, "name": shown(column)})).collect();
    let last = json!({"from": from, "dims": shown, "metrics": names, "order": order, "limit": question.limit});
    plan.insert("answer".to_owned(), last);
    Ok(plan)
}

fn filters<'f>(layer: &Layer<'_>, texts: impl IntoIterator<Item = &'f str>) -> Result<Vec<Filter>, Box<Diagnostic>> {
    let grains = layer.added_grains();
    texts.into_iter().map(|text| Filter::read(text, &grains)).collect()
}

impl<'b> Builder<'_, 'b> {
    /// The columns of the answer that it is ordered by.
    fn order(&self, dims: &[String], metrics: &[&str]) -> Result<Vec<Data>, Box<Diagnostic>> {
        let columns: Vec<&str> = dims.iter().map(String::as_str).chain(metrics.iter().copied()).collect();
        let names: Vec<&str> = columns.iter().map(|column| shown(column)).collect();
        let grains = self.layer.added_grains();
        let one = |written: &String| {
            let (name, is_descending) =
                written.strip_prefix('-').map_or((written.as_str(), false), |name| (name, true));
            let wanted = name.trim().to_lowercase();
            let found = columns.iter().find(|column| shown(column) == wanted);
            // `metric_time` stands for the one grain of it that is asked for.
            let found =
                found.or_else(|| columns.iter().find(|column| ItemName::read(column, &grains).base() == wanted));
            found.map(|column| json!({"column": column, "is_descending": is_descending})).ok_or_else(|| {
                let error =
                    question_error(format!("the answer cannot be ordered by `{name}`, which is no column of it"));
                let hint = did_you_mean(&wanted, names.iter().copied());
                Box::new(error.hint(hint.unwrap_or_else(|| known("columns", &names))))
            })
        };
        self.question.order_by.iter().map(one).collect()
    }

    /// The names to group by; `metric_time` alone has the coarsest grain that a metric needs.
    fn group_by(&self) -> Result<Vec<ItemName>, Box<Diagnostic>> {
        let grains = self.layer.added_grains();
        let mut items: Vec<ItemName> = Vec::new();
        for name in &self.question.group_by {
            let mut item = ItemName::read(name, &grains);
            if item.is_metric_time() && item.grain.is_none() && item.part.is_none() {
                let mut grain = "nanosecond";
                for metric in &self.question.metrics {
                    grain = coarser(grain, self.grain_of(self.find(&metric.to_lowercase())?)?);
                }
                item.grain = Some(grain.to_owned());
            } else if item.grain.is_none() && item.part.is_none() {
                // Another time has its own grain.
                let first = self.find(&self.question.metrics[0].to_lowercase())?;
                let path = self.model_of(first).and_then(|model| super::path::find(self.layer, model, &item));
                item.grain = path.and_then(|path| path.grain);
            }
            if !items.contains(&item) {
                items.push(item);
            }
        }
        Ok(items)
    }

    fn find(&self, name: &str) -> Result<Metric<'b>, Box<Diagnostic>> {
        self.layer.metric(name).ok_or_else(|| {
            let names: Vec<&str> = self.layer.metrics.iter().map(|metric| metric.name).collect();
            let hint = did_you_mean(name, names.iter().copied());
            let error = question_error(format!("there is no metric `{name}`"));
            Box::new(error.hint(hint.unwrap_or_else(|| known("metrics", &names))))
        })
    }

    /// The semantic model of a metric's first measure.
    fn model_of(&self, metric: Metric<'b>) -> Option<usize> {
        let own = metric.measures().first().and_then(|input| self.layer.measure(text(input, "name")));
        own.map(|(model, _)| model).or_else(|| {
            let input = metric.inputs().into_iter().next()?;
            self.model_of(self.layer.metric(text(input, "name"))?)
        })
    }

    /// The finest grain at which a metric can be shown.
    fn grain_of(&self, metric: Metric<'b>) -> Result<&'b str, Box<Diagnostic>> {
        if let Some(grain) = metric.grain() {
            return Ok(grain);
        }
        let mut grain = "nanosecond";
        for input in metric.inputs() {
            grain = coarser(grain, self.grain_of(self.find(text(input, "name"))?)?);
        }
        for input in metric.measures() {
            let Some((model, measure)) = self.layer.measure(text(input, "name")) else { continue };
            let model = &self.layer.models[model];
            let own = model.time_of(measure).and_then(|time| model.grain_of(time));
            grain = coarser(grain, own.unwrap_or("day"));
        }
        Ok(grain)
    }

    /// Plans a metric.
    pub(super) fn metric(&mut self, name: &str, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let metric = self.find(&name.to_lowercase())?;
        if self.open.iter().any(|open| open == metric.name) {
            return Err(Box::new(question_error(format!("metric `{}` is made of itself", metric.name))));
        }
        self.open.push(metric.name.to_owned());
        let mut inner = context.clone();
        let own = filters(self.layer, metric.filters())
            .map_err(|error| Box::new(error.at(&metric.node.file, metric.node.span)))?;
        inner.filters.extend(own);
        let output = match metric.kind() {
            "ratio" => self.ratio(metric, &inner),
            "derived" => self.derived(metric, &inner),
            "cumulative" => self.cumulative(metric, &inner),
            "conversion" => self.conversion(metric, &inner),
            _ => self.simple(metric, &inner),
        };
        self.open.pop();
        output
    }

    fn ratio(&mut self, metric: Metric<'b>, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let mut inputs = Vec::new();
        for key in ["numerator", "denominator"] {
            inputs.push((self.input(metric, metric.param(key), context)?, key.to_owned()));
        }
        let column = json!({"name": metric.name, "kind": "ratio", "of": "numerator", "by": "denominator"});
        let step = self.compute(metric.name, &inputs, vec![column]);
        Ok(Output { step, column: metric.name.to_owned(), fill: Data::Null })
    }

    fn derived(&mut self, metric: Metric<'b>, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let mut inputs = Vec::new();
        for input in metric.inputs() {
            let called = input["alias"].as_str().unwrap_or_else(|| text(input, "name"));
            inputs.push((self.input(metric, input, context)?, called.to_owned()));
        }
        let expression = metric.param("expr").as_str().unwrap_or_default();
        let column = json!({"name": metric.name, "kind": "expression", "sql": expression});
        let step = self.compute(metric.name, &inputs, vec![column]);
        Ok(Output { step, column: metric.name.to_owned(), fill: Data::Null })
    }

    /// Plans a metric that another is made of.
    fn input(&mut self, metric: Metric<'b>, input: &Data, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let mut inner = context.clone();
        inner.filters.extend(filters(self.layer, filters_in(&input["filter"]))?);
        let window = &input["offset_window"];
        if let Some(count) = window["count"].as_u64() {
            inner.offset = Some(Offset::Window(count, singular(text(window, "granularity"))));
        } else if let Some(grain) = input["offset_to_grain"].as_str() {
            inner.offset = Some(Offset::ToGrain(singular(grain)));
        }
        let is_shifted = inner.offset != context.offset;
        if is_shifted && context.offset.is_some() {
            let message = format!("metric `{}` shifts a metric in time that is shifted already", metric.name);
            return Err(Box::new(question_error(message)));
        }
        if is_shifted && !self.items.iter().any(ItemName::is_metric_time) {
            let message = format!("metric `{}` looks back in time and must be grouped by `metric_time`", metric.name);
            let is_condition = !self.conditions.is_empty();
            let hint = if is_condition { "a condition cannot hold it" } else { "add `--group-by metric_time`" };
            return Err(Box::new(question_error(message).hint(hint)));
        }
        self.metric(text(input, "name"), &inner)
    }

    fn simple(&mut self, metric: Metric<'b>, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let input = metric.param("measure");
        let calendar = context.offset.clone().map_or(Calendar::None, Calendar::Offset);
        let items = self.items.clone();
        let step = self.aggregate(metric, input, &calendar, (context, &items))?;
        let fill = input["fill_nulls_with"].clone();
        let column = metric.name.to_owned();
        let has_time = self.items.iter().any(ItemName::is_metric_time);
        if input["join_to_timespine"] != true || !has_time {
            return Ok(Output { step, column, fill });
        }
        let step = self.filled(&step, &column, context)?;
        Ok(Output { step, column, fill })
    }

    fn cumulative(&mut self, metric: Metric<'b>, context: &Context) -> Result<Output, Box<Diagnostic>> {
        let input = metric.param("measure");
        if context.offset.is_some() {
            let message = format!("cumulative metric `{}` cannot be shifted in time", metric.name);
            return Err(Box::new(question_error(message)));
        }
        let params = metric.param("cumulative_type_params");
        let either = |key: &str| if params[key].is_null() { metric.param(key).clone() } else { params[key].clone() };
        let (window, since) = (either("window"), either("grain_to_date"));
        let calendar = match (window["count"].as_u64(), since.as_str()) {
            (Some(count), _) => Calendar::Window(count, singular(text(&window, "granularity"))),
            (None, Some(grain)) => Calendar::SinceStart(singular(grain)),
            (None, None) => Calendar::Until,
        };
        let times: Vec<&ItemName> = self.items.iter().filter(|item| item.is_metric_time()).collect();
        let fill = input["fill_nulls_with"].clone();
        let (mut items, column) = (self.items.clone(), metric.name.to_owned());
        if times.is_empty() {
            let step = self.aggregate(metric, input, &Calendar::None, (context, &items))?;
            return Ok(Output { step, column, fill });
        }
        let finest = self.calendar_grain(self.layer.unit_of(self.grain_of(metric)?))?;
        let is_finest =
            times.iter().any(|item| item.grain.as_deref().is_some_and(|grain| coarseness(grain) <= coarseness(finest)));
        let hidden = ItemName { name: "metric_time".to_owned(), grain: Some(finest.to_owned()), ..ItemName::default() };
        if !is_finest {
            items.push(hidden.clone());
        }
        let step = self.aggregate(metric, input, &calendar, (context, &items))?;
        if is_finest {
            return Ok(Output { step, column, fill });
        }
        let choice = params["period_agg"].as_str().unwrap_or("first");
        let period = json!({
            "kind": "period", "from": step, "dims": self.dims(), "within": hidden.column(),
            "column": column, "choice": choice,
        });
        let step = self.step(&format!("{column}_by_period"), period);
        Ok(Output { step, column, fill })
    }

    /// Conversions belong to the newest event before them that has the same entity, within the window.
    fn conversion(&mut self, metric: Metric<'b>, context: &Context) -> Result<Output, Box<Diagnostic>> {
        if context.offset.is_some() {
            let message = format!("conversion metric `{}` cannot be shifted in time", metric.name);
            return Err(Box::new(question_error(message)));
        }
        let params = metric.param("conversion_type_params");
        let (base, converted) = (&params["base_measure"], &params["conversion_measure"]);
        let items = self.items.clone();
        let events = self.aggregate(metric, base, &Calendar::None, (context, &items))?;
        let conversions = self.conversions(metric, context)?;
        let output = |step: String, input: &Data| {
            let (column, fill) = (metric.name.to_owned(), input["fill_nulls_with"].clone());
            Output { step, column, fill }
        };
        let (events, conversions) = (output(events, base), output(conversions, converted));
        if params["calculation"] == "conversions" {
            return Ok(conversions);
        }
        let inputs = [(conversions, "conversions".to_owned()), (events, "events".to_owned())];
        let computed = json!({"name": metric.name, "kind": "ratio", "of": "conversions", "by": "events"});
        let step = self.compute(metric.name, &inputs, vec![computed]);
        Ok(Output { step, column: metric.name.to_owned(), fill: Data::Null })
    }

    /// The step that aggregates conversions by what their events are grouped by.
    fn conversions(&mut self, metric: Metric<'b>, context: &Context) -> Result<String, Box<Diagnostic>> {
        let params = metric.param("conversion_type_params");
        let (items, alone) = (self.items.clone(), Context::default());
        let (from, events, _) = self.rows(metric, &params["base_measure"], &Calendar::None, (context, &items))?;
        let (to, rows, aggregated) =
            self.rows(metric, &params["conversion_measure"], &Calendar::None, (&alone, &[]))?;
        let (entity, window) = (text(params, "entity"), &params["window"]);
        for model in [from, to] {
            self.column(model, entity);
        }
        self.check_window(text(window, "granularity"))?;
        let properties: Vec<&Data> = params["constant_properties"].as_array().into_iter().flatten().collect();
        for property in &properties {
            self.column(from, text(property, "base_property"));
            self.column(to, text(property, "conversion_property"));
        }
        let step = json!({
            "kind": "conversion", "base": events, "conversion": rows, "measure": aggregated, "entity": entity,
            "window": window["count"].as_u64(), "unit": singular(text(window, "granularity")),
            "properties": properties,
        });
        Ok(self.step(&format!("{}_conversions", metric.name), step))
    }

    /// The step that aggregates a measure: one that reads the same rows may aggregate several.
    fn aggregate(
        &mut self,
        metric: Metric<'b>,
        input: &Data,
        calendar: &Calendar,
        (context, items): (&Context, &[ItemName]),
    ) -> Result<String, Box<Diagnostic>> {
        let name = text(input, "name");
        let (_, rows, aggregated) = self.rows(metric, input, calendar, (context, items))?;
        let rows = Data::Object(rows);
        let same = self.steps.iter_mut().find(|step| step["kind"] == "aggregate" && step["rows"] == rows);
        if let Some(step) = same {
            let measures = step.get_mut("measures").and_then(Data::as_array_mut);
            if let Some(measures) = measures.filter(|measures| !measures.contains(&aggregated)) {
                measures.push(aggregated);
            }
            return Ok(step["name"].as_str().unwrap_or_default().to_owned());
        }
        let step = json!({"kind": "aggregate", "rows": rows, "measures": [aggregated]});
        Ok(self.step(&format!("{name}_aggregated"), step))
    }

    /// The model of a measure, the rows that it is aggregated over, and how.
    fn rows(
        &mut self,
        metric: Metric<'b>,
        input: &Data,
        calendar: &Calendar,
        (context, items): (&Context, &[ItemName]),
    ) -> Result<(usize, Map<String, Data>, Data), Box<Diagnostic>> {
        let name = text(input, "name");
        let Some((model, measure)) = self.layer.measure(name) else {
            return Err(Box::new(question_error(format!("there is no measure `{name}`"))));
        };
        let mut all = context.filters.clone();
        all.extend(filters(self.layer, filters_in(&input["filter"]))?);
        let wanted = Wanted { items, filters: &all, calendar, metric: metric.name };
        let rows = describe(self, (model, measure), &wanted)?;
        self.column(model, name);
        let params = &measure["agg_params"];
        let aggregated = json!({
            "name": metric.name, "column": name, "agg": text(measure, "agg"),
            "percentile": params["percentile"],
            "is_discrete": params["use_discrete_percentile"],
            "is_approximate": params["use_approximate_percentile"],
        });
        Ok((model, rows, aggregated))
    }

    /// Puts the periods of the calendar beside a metric, so that none is missing.
    fn filled(&mut self, from: &str, column: &str, context: &Context) -> Result<String, Box<Diagnostic>> {
        let times: Vec<&ItemName> = self.items.iter().filter(|item| item.is_metric_time()).collect();
        let layer = self.layer;
        let of = |item: &ItemName| {
            let added = item.grain.as_deref().map_or(Data::Null, |grain| added_grain(layer, grain));
            json!({"name": item.column(), "grain": item.grain, "part": item.part, "added": added})
        };
        let mut items: Vec<Data> = times.iter().map(|item| of(item)).collect();
        let mut conditions = Vec::new();
        // Conditions on nothing but time hold for the calendar, too.
        for filter in context.filters.iter().filter(|filter| filter.items().all(ItemName::is_metric_time)) {
            let mut sql = String::new();
            for piece in &filter.pieces {
                match piece {
                    super::item::Piece::Text(text) => sql.push_str(text),
                    super::item::Piece::Item(item) => {
                        let mut item = item.clone();
                        item.grain = item.grain.or_else(|| times[0].grain.clone());
                        sql.push_str(&item.column());
                        if !items.contains(&of(&item)) {
                            items.push(of(&item));
                        }
                    }
                }
            }
            conditions.push(sql.trim().to_owned());
        }
        let names: Vec<String> = times.iter().map(|item| item.column()).collect();
        let units = times.iter().filter_map(|item| item.grain.as_deref()).map(|grain| self.layer.unit_of(grain));
        let finest = units.min_by_key(|grain| coarseness(grain));
        let spine = self.spine(finest.unwrap_or("day"))?;
        let step = json!({
            "kind": "fill", "from": from, "dims": self.dims(), "times": names, "items": items, "column": column,
            "where": conditions, "range": self.range(),
            "spine": {"table": reference(spine.table), "column": spine.column},
        });
        Ok(self.step(&format!("{column}_at_all_times"), step))
    }

    /// The step that puts metrics side by side and computes others of them.
    pub(super) fn compute(&mut self, name: &str, inputs: &[(Output, String)], columns: Vec<Data>) -> String {
        let mut steps: IndexMap<String, Vec<Data>> = IndexMap::new();
        for (output, called) in inputs {
            let column = json!({"from": output.column, "name": called, "fill": output.fill});
            steps.entry(output.step.clone()).or_default().push(column);
        }
        let inputs: Vec<Data> =
            steps.into_iter().map(|(step, columns)| json!({"step": step, "columns": columns})).collect();
        let step = json!({"kind": "compute", "dims": self.dims(), "inputs": inputs, "columns": columns});
        self.step(&format!("{name}_computed"), step)
    }

    /// Adds a step under a name of its own.
    fn step(&mut self, name: &str, step: Data) -> String {
        let is_taken = |name: &str| self.steps.iter().any(|step| step["name"] == name);
        let mut unique = name.to_owned();
        let mut number = 1;
        while is_taken(&unique) {
            number += 1;
            unique = format!("{name}_{number}");
        }
        if let Data::Object(mut step) = step {
            step.insert("name".to_owned(), json!(unique));
            self.steps.push(step);
        }
        unique
    }

    fn dims(&self) -> Vec<String> {
        self.items.iter().map(ItemName::column).collect()
    }
}
