//! Metrics find their measures, semantic models their relation.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value as Data, json};

use super::{own, own_mut, rules};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, Span, did_you_mean};
use crate::manifest::{Node, NodeIndex, ResourceType};
use crate::parse::Setup;
use crate::parse::lookup::{Found, Lookup};

/// Fills what metrics and semantic models know only once all nodes are there; reports what does not fit together.
pub(in crate::parse) fn link(
    setup: &Setup<'_>,
    nodes: &mut [Box<Node>],
    disabled: &[Box<Node>],
    diagnostics: &mut Diagnostics,
) {
    let has_layer = nodes.iter().any(|node| own(node).is_some());
    if !has_layer {
        return;
    }
    relations(nodes);
    let lookup = Lookup::new(setup.project, nodes, disabled);
    let mut linker = Linker::new(setup, &lookup, nodes, disabled);
    let metrics = (0..nodes.len()).filter(|place| nodes[*place].resource_type == ResourceType::Metric);
    metrics.for_each(|place| linker.link(place));
    let (linked, problems) = (linker.linked, linker.problems);
    let is_sound = !problems.has_errors();
    // An entry that could not be read is not missing.
    let is_partial =
        diagnostics.iter().any(|error| error.code == Code::PropertyInvalid && error.severity == Severity::Error);
    diagnostics.extend(problems.into_iter().filter(|problem| !is_partial || problem.code != Code::UnknownRef));
    for (place, links) in linked {
        let node = &mut nodes[place];
        node.parents.extend(links.parents);
        if let Some(params) = own_mut(node).and_then(|own| own.get_mut("type_params")) {
            params["input_measures"] = Data::Array(links.measures);
        }
    }
    if is_sound {
        rules::check(&setup.project.settings, nodes, diagnostics);
    }
}

/// Semantic models name the relation of their model.
fn relations(nodes: &mut [Box<Node>]) {
    for place in 0..nodes.len() {
        if nodes[place].resource_type != ResourceType::SemanticModel {
            continue;
        }
        let Some(model) = nodes[place].parents.first().map(|ix| &nodes[ix.as_usize()]) else { continue };
        let relation = json!({
            "alias": model.alias,
            "schema_name": model.schema,
            "database": model.database,
            "relation_name": model.relation_name,
        });
        if let Some(own) = own_mut(&mut nodes[place]) {
            own.insert("node_relation".to_owned(), relation);
        }
    }
}

/// What a metric is made of.
#[derive(Clone, Debug, Default)]
struct Links {
    /// The input measures, as published.
    measures: Vec<Data>,
    parents: Vec<NodeIndex>,
}

/// Where a measure is declared.
struct Measured<'a> {
    package: &'a str,
    model: &'a Node,
    /// Place of the semantic model; none if it is disabled.
    place: Option<usize>,
}

struct Linker<'a> {
    root: &'a str,
    lookup: &'a Lookup<'a>,
    nodes: &'a [Box<Node>],
    measures: HashMap<&'a str, Vec<Measured<'a>>>,
    linked: BTreeMap<usize, Links>,
    problems: Diagnostics,
}

impl<'a> Linker<'a> {
    fn new(setup: &'a Setup<'_>, lookup: &'a Lookup<'a>, nodes: &'a [Box<Node>], disabled: &'a [Box<Node>]) -> Self {
        let mut measures: HashMap<&str, Vec<Measured<'_>>> = HashMap::new();
        let enabled = nodes.iter().enumerate().map(|(place, node)| (Some(place), node));
        for (place, model) in enabled.chain(disabled.iter().map(|node| (None, node))) {
            if model.resource_type != ResourceType::SemanticModel {
                continue;
            }
            for name in names_in(model, "measures") {
                measures.entry(name).or_default().push(Measured { package: &model.package, model, place });
            }
        }
        let root = &setup.project.root().config.name;
        Self { root, lookup, nodes, measures, linked: BTreeMap::new(), problems: Diagnostics::new() }
    }

    /// Finds what a metric is made of, once. Circles end here; the graph reports them.
    fn link(&mut self, place: usize) {
        if self.linked.contains_key(&place) {
            return;
        }
        self.linked.insert(place, Links::default());
        match self.links_of(place) {
            Ok(links) => {
                self.linked.insert(place, links);
            }
            Err(error) => self.problems.push(*error),
        }
    }

    fn links_of(&mut self, place: usize) -> Result<Links, Box<Diagnostic>> {
        let node = &self.nodes[place];
        let Some(own) = own(node) else { return Ok(Links::default()) };
        let params = own.get("type_params").unwrap_or(&Data::Null);
        let invalid = |message: String| Err(problem(node, Code::PropertyInvalid, message, ""));
        match own.get("type").and_then(Data::as_str).unwrap_or_default() {
            "conversion" => match &params["conversion_type_params"] {
                Data::Null => invalid(format!(
                    "{} is a conversion metric and must have conversion_type_params defined.",
                    node.name
                )),
                conversion => self.of_measures(node, &[&conversion["base_measure"], &conversion["conversion_measure"]]),
            },
            "ratio" => match (&params["numerator"], &params["denominator"]) {
                (Data::Null, _) | (_, Data::Null) => {
                    invalid("Invalid ratio metric. Both a numerator and denominator must be specified".to_owned())
                }
                (numerator, denominator) => self.of_metrics(node, &[numerator, denominator]),
            },
            "derived" => {
                let inputs: Vec<&Data> = params["metrics"].as_array().into_iter().flatten().collect();
                self.of_metrics(node, &inputs)
            }
            kind => match &params["measure"] {
                Data::Null => invalid(format!("{} is a {kind} metric and must have a measure defined.", node.name)),
                measure => self.of_measures(node, &[measure]),
            },
        }
    }

    fn of_measures(&self, node: &Node, measures: &[&Data]) -> Result<Links, Box<Diagnostic>> {
        let mut links = Links::default();
        for measure in measures {
            let name = measure["name"].as_str().unwrap_or_default();
            let Some(found) = self.find_measure(name, &node.package) else {
                let message = format!("A semantic model having a measure `{name}` does not exist but was referenced.");
                let hint = did_you_mean(name, self.measures.keys().copied());
                return Err(Box::new(problem(node, Code::UnknownRef, message, name).maybe_hint(hint)));
            };
            let Some(place) = found.place else {
                let message =
                    format!("The measure `{name}` is referenced on disabled semantic model `{}`.", found.model.name);
                return Err(problem(node, Code::DisabledRef, message, name));
            };
            add(&mut links.measures, measure);
            add(&mut links.parents, &NodeIndex::from_usize(place));
        }
        Ok(links)
    }

    fn find_measure(&self, name: &str, package: &str) -> Option<&Measured<'a>> {
        let found = self.measures.get(name)?;
        let within = |package: &str| found.iter().find(|measured| measured.package == package);
        within(self.root).or_else(|| within(package)).or_else(|| found.first())
    }

    fn of_metrics(&mut self, node: &Node, inputs: &[&Data]) -> Result<Links, Box<Diagnostic>> {
        let mut links = Links::default();
        for input in inputs {
            let name = input["name"].as_str().unwrap_or_default();
            let place = match self.lookup.find_other(ResourceType::Metric, name, &node.package, None) {
                Found::Node(place) => place,
                Found::Disabled => {
                    let message = format!("The metric `{name}` is disabled and thus cannot be referenced.");
                    return Err(problem(node, Code::DisabledRef, message, name));
                }
                Found::Nothing => {
                    let message =
                        format!("The metric `{name}` does not exist but was referenced by metric `{}`.", node.name);
                    let hint = did_you_mean(name, metric_names(self.nodes));
                    return Err(Box::new(problem(node, Code::UnknownRef, message, name).maybe_hint(hint)));
                }
            };
            self.link(place);
            for measure in self.linked.get(&place).map(|links| links.measures.clone()).unwrap_or_default() {
                add(&mut links.measures, &measure);
            }
            add(&mut links.parents, &NodeIndex::from_usize(place));
        }
        Ok(links)
    }
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}

fn metric_names(nodes: &[Box<Node>]) -> impl Iterator<Item = &str> {
    nodes.iter().filter(|node| node.resource_type == ResourceType::Metric).map(|node| node.name.as_str())
}

/// The names of the elements under a key of a semantic model.
pub(super) fn names_in<'a>(model: &'a Node, key: &str) -> Vec<&'a str> {
    let elements = own(model).and_then(|own| own.get(key)).and_then(Data::as_array);
    elements.into_iter().flatten().filter_map(|element| element["name"].as_str()).collect()
}

/// A problem of a node, placed at the first mention of a word after its name.
pub(super) fn problem(node: &Node, code: Code, message: String, word: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, message).at(&node.file, mention(node, word)))
}

/// The first mention of a word after the node's name, or the name.
fn mention(node: &Node, word: &str) -> Span {
    let start = node.span.end as usize;
    let Some(text) = node.file.text().get(start..).filter(|_| !word.is_empty()) else { return node.span };
    let is_part = |one: char| one.is_alphanumeric() || one == '_';
    let whole =
        |(at, found): &(usize, &str)| !text[..*at].ends_with(is_part) && !text[at + found.len()..].starts_with(is_part);
    match text.match_indices(word).find(whole) {
        Some((at, _)) => Span::new(start + at, start + at + word.len()),
        None => node.span,
    }
}
