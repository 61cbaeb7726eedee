//! The semantic layer of a project: its semantic models, metrics and time spines, read from the manifest.

use serde_json::{Map, Value as Data};

use crate::manifest::{LEGACY_SPINE, Manifest, Node, NodeKind, ResourceType, coarseness};

/// The coarser of two grains.
pub(super) fn coarser<'a>(a: &'a str, b: &'a str) -> &'a str {
    if coarseness(a) >= coarseness(b) { a } else { b }
}

/// The semantic layer.
pub(super) struct Layer<'a> {
    /// Semantic models in the order of their names.
    pub(super) models: Vec<Model<'a>>,
    /// Metrics in the order of their names.
    pub(super) metrics: Vec<Metric<'a>>,
    /// Saved queries.
    pub(super) queries: Vec<(&'a str, &'a Map<String, Data>)>,
    /// Time spines, the finest first.
    pub(super) spines: Vec<Spine<'a>>,
}

/// A semantic model.
pub(super) struct Model<'a> {
    /// Name.
    pub(super) name: &'a str,
    /// The model that it is about.
    pub(super) table: &'a Node,
    own: &'a Map<String, Data>,
}

/// A metric.
#[derive(Clone, Copy)]
pub(super) struct Metric<'a> {
    /// Name.
    pub(super) name: &'a str,
    /// Its node.
    pub(super) node: &'a Node,
    own: &'a Map<String, Data>,
}

/// A calendar.
pub(super) struct Spine<'a> {
    /// The model with a row a period.
    pub(super) table: &'a Node,
    /// The column with the beginning of the period.
    pub(super) column: &'a str,
    /// How long a period is.
    pub(super) grain: &'a str,
    /// The grains that it adds: their names and the columns with their periods.
    pub(super) added: Vec<(&'a str, &'a str)>,
}

impl<'a> Layer<'a> {
    /// Reads the layer.
    pub(super) fn read(manifest: &'a Manifest) -> Self {
        let mut layer = Self { models: Vec::new(), metrics: Vec::new(), queries: Vec::new(), spines: Vec::new() };
        for ix in manifest.indices() {
            let node = manifest.node(ix);
            if let Some(spine) = spine(node) {
                layer.spines.push(spine);
            }
            let NodeKind::Document(own) = &node.kind else { continue };
            match node.resource_type {
                ResourceType::SemanticModel => {
                    let Some(table) = manifest.parents(ix).first() else { continue };
                    layer.models.push(Model { name: &node.name, table: manifest.node(*table), own });
                }
                ResourceType::Metric => layer.metrics.push(Metric { name: &node.name, node, own }),
                ResourceType::SavedQuery => layer.queries.push((&node.name, own)),
                _ => {}
            }
        }
        layer.spines.sort_by_key(|spine| coarseness(spine.grain));
        layer
    }

    /// The metric of a name.
    pub(super) fn metric(&self, name: &str) -> Option<Metric<'a>> {
        self.metrics.iter().find(|metric| metric.name == name).copied()
    }

    /// The semantic model that has a measure, and the measure.
    pub(super) fn measure(&self, name: &str) -> Option<(usize, &'a Data)> {
        self.models.iter().enumerate().find_map(|(ix, model)| Some((ix, model.element("measures", name)?)))
    }

    /// The coarsest spine that is as fine as a grain, or the finest.
    pub(super) fn spine(&self, grain: &str) -> Option<&Spine<'a>> {
        let fits = |spine: &&Spine<'_>| coarseness(spine.grain) <= coarseness(grain);
        self.spines.iter().rev().find(fits).or_else(|| self.spines.first())
    }

    /// The names of the grains that time spines add.
    pub(super) fn added_grains(&self) -> Vec<&'a str> {
        self.spines.iter().flat_map(|spine| spine.added.iter().map(|(name, _)| *name)).collect()
    }

    /// The time spine that adds a grain, and its column with the periods.
    pub(super) fn added_grain(&self, name: &str) -> Option<(&Spine<'a>, &'a str)> {
        self.spines.iter().find_map(|spine| {
            let (_, column) = spine.added.iter().find(|(grain, _)| grain.to_lowercase() == name)?;
            Some((spine, *column))
        })
    }

    /// The unit of time that a grain is made of: that of its time spine, or the grain itself.
    pub(super) fn unit_of<'g>(&self, grain: &'g str) -> &'g str
    where
        'a: 'g,
    {
        self.added_grain(grain).map_or(grain, |(spine, _)| spine.grain)
    }
}

fn spine(node: &Node) -> Option<Spine<'_>> {
    let declared = match &node.kind {
        NodeKind::Model(extra) => extra.get("time_spine").filter(|spine| !spine.is_null()),
        _ => None,
    };
    match declared {
        Some(spine) => {
            let column = spine.get("standard_granularity_column")?.as_str()?;
            let grain = node.columns.get(column)?.extra.get("granularity")?.as_str()?;
            let added = spine.get("custom_granularities").and_then(Data::as_array).into_iter().flatten();
            let added = added.filter_map(|grain| {
                let name = grain["name"].as_str()?;
                Some((name, grain["column_name"].as_str().unwrap_or(name)))
            });
            Some(Spine { table: node, column, grain, added: added.collect() })
        }
        None if node.name == LEGACY_SPINE && node.resource_type.is_refable() => {
            Some(Spine { table: node, column: "date_day", grain: "day", added: Vec::new() })
        }
        None => None,
    }
}

impl<'a> Model<'a> {
    /// The elements under a key: `entities`, `dimensions` or `measures`.
    pub(super) fn elements(&self, key: &str) -> impl Iterator<Item = &'a Data> + use<'a> {
        self.own.get(key).and_then(Data::as_array).into_iter().flatten()
    }

    /// The element of a name under a key.
    pub(super) fn element(&self, key: &str, name: &str) -> Option<&'a Data> {
        self.elements(key).find(|element| element["name"] == name)
    }

    /// The entity that stands before the names of the model's own dimensions.
    pub(super) fn primary_entity(&self) -> Option<&'a str> {
        let declared = self.own.get("primary_entity").and_then(Data::as_str);
        let own = self.elements("entities").find(|entity| entity["type"] == "primary");
        declared.or_else(|| own?["name"].as_str())
    }

    /// Whether an entity names at most one row of the model.
    pub(super) fn is_key(&self, entity: &str) -> bool {
        let is_unique = |entity: &Data| ["primary", "unique", "natural"].contains(&text(entity, "type"));
        self.element("entities", entity).is_some_and(is_unique)
    }

    /// Whether the model's own dimensions may be called by an entity.
    pub(super) fn is_own_prefix(&self, entity: &str) -> bool {
        self.primary_entity() == Some(entity) || self.is_key(entity)
    }

    /// The time dimension by which a measure is aggregated.
    pub(super) fn time_of(&self, measure: &'a Data) -> Option<&'a str> {
        let own = measure["agg_time_dimension"].as_str();
        own.or_else(|| self.own.get("defaults")?.get("agg_time_dimension")?.as_str())
    }

    /// The grain of a time dimension; none for other dimensions.
    pub(super) fn grain_of(&self, dimension: &str) -> Option<&'a str> {
        self.element("dimensions", dimension)?["type_params"]["time_granularity"].as_str()
    }

    /// The dimensions that say from when until when a row holds.
    pub(super) fn validity(&self) -> Option<(&'a str, &'a str)> {
        let bound = |key: &str| {
            self.elements("dimensions")
                .find(|dimension| dimension["type_params"]["validity_params"][key] == true)?["name"]
                .as_str()
        };
        Some((bound("is_start")?, bound("is_end")?))
    }
}

impl<'a> Metric<'a> {
    /// `type`.
    pub(super) fn kind(&self) -> &'a str {
        self.own.get("type").and_then(Data::as_str).unwrap_or_default()
    }

    /// A part of `type_params`; null if there is none.
    pub(super) fn param(&self, key: &str) -> &'a Data {
        self.own.get("type_params").map_or(&Data::Null, |params| &params[key])
    }

    /// The metric's own conditions.
    pub(super) fn filters(&self) -> Vec<&'a str> {
        self.own.get("filter").map(filters_in).unwrap_or_default()
    }

    /// `time_granularity`.
    pub(super) fn grain(&self) -> Option<&'a str> {
        self.own.get("time_granularity").and_then(Data::as_str)
    }

    /// The metrics that it is made of.
    pub(super) fn inputs(&self) -> Vec<&'a Data> {
        match self.kind() {
            "ratio" => vec![self.param("numerator"), self.param("denominator")],
            "derived" => self.param("metrics").as_array().into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// The measures that it is made of itself.
    pub(super) fn measures(&self) -> Vec<&'a Data> {
        match self.kind() {
            "conversion" => {
                let params = self.param("conversion_type_params");
                vec![&params["base_measure"], &params["conversion_measure"]]
            }
            "simple" | "cumulative" => vec![self.param("measure")],
            _ => Vec::new(),
        }
    }
}

/// The conditions in a published filter.
pub(super) fn filters_in(filter: &Data) -> Vec<&str> {
    let list = filter["where_filters"].as_array().into_iter().flatten();
    list.filter_map(|filter| filter["where_sql_template"].as_str()).collect()
}

/// The text under a key; empty if there is none.
pub(super) fn text<'a>(data: &'a Data, key: &str) -> &'a str {
    data[key].as_str().unwrap_or_default()
}
