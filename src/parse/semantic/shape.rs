//! What the semantic layer's mappings may hold, and the form in which they are published.
//!
//! A shape lists the keys of a mapping. Publishing checks the written values against it, fills in defaults
//! and brings short forms (a lone name, `28 days`) into the long form.

use crate::manifest::GRAINS;
use serde_json::{Map, Number, Value as Data, json};

use crate::diagnostic::did_you_mean;
use crate::parse::properties::text_of;

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Field {
    key: &'static str,
    kind: Kind,
    absent: Absent,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// Text; numbers and truth values become text.
    Expression,
    Flag,
    Whole,
    Number,
    /// One of a few words, in any case.
    Word(&'static [&'static str]),
    Texts,
    /// Text or a list of texts.
    Tags,
    Mapping,
    /// Text or a list of texts: conditions that all hold.
    Filter,
    /// `28 days`.
    Window,
    /// `config:`, of which only `meta` is published.
    Meta,
    Part(&'static [Field]),
    /// A mapping, or a lone name.
    Named(&'static [Field]),
    Parts(&'static [Field]),
    NamedParts(&'static [Field]),
    /// Not to be written by users.
    Fixed,
}

/// What is published for a key that is absent or null.
#[derive(Clone, Copy, Debug)]
enum Absent {
    Required,
    Null,
    False,
    Word(&'static str),
    List,
    Mapping,
    Meta,
}

/// What is wrong with a value, and the keys that lead to it.
#[derive(Debug)]
pub(super) struct Complaint {
    /// The keys and indices from the entry to the value.
    pub(super) path: Vec<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What may be done.
    pub(super) hint: Option<String>,
}

impl Complaint {
    /// Complains of a value.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { path: Vec::new(), message: message.into(), hint: None }
    }

    /// Tells that the value stands under a key.
    #[must_use]
    pub(super) fn under(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }
}

const fn must(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, absent: Absent::Required }
}

const fn may(key: &'static str, kind: Kind) -> Field {
    Field { key, kind, absent: Absent::Null }
}

const fn or(key: &'static str, kind: Kind, absent: Absent) -> Field {
    Field { key, kind, absent }
}

const AGGREGATIONS: &[&str] =
    &["sum", "min", "max", "count_distinct", "sum_boolean", "average", "percentile", "median", "count"];

const INPUT_MEASURE: &[Field] = &[
    must("name", Kind::Text),
    may("filter", Kind::Filter),
    may("alias", Kind::Text),
    or("join_to_timespine", Kind::Flag, Absent::False),
    may("fill_nulls_with", Kind::Whole),
];

const INPUT_METRIC: &[Field] = &[
    must("name", Kind::Text),
    may("filter", Kind::Filter),
    may("alias", Kind::Text),
    may("offset_window", Kind::Window),
    may("offset_to_grain", Kind::Text),
];

const CONSTANT_PROPERTY: &[Field] = &[must("base_property", Kind::Text), must("conversion_property", Kind::Text)];

const CONVERSION: &[Field] = &[
    must("base_measure", Kind::Named(INPUT_MEASURE)),
    must("conversion_measure", Kind::Named(INPUT_MEASURE)),
    must("entity", Kind::Text),
    or("calculation", Kind::Word(&["conversions", "conversion_rate"]), Absent::Word("conversion_rate")),
    may("window", Kind::Window),
    may("constant_properties", Kind::Parts(CONSTANT_PROPERTY)),
];

const CUMULATIVE: &[Field] = &[
    may("window", Kind::Window),
    may("grain_to_date", Kind::Text),
    or("period_agg", Kind::Word(&["first", "last", "average"]), Absent::Word("first")),
    may("metric", Kind::Fixed),
];

const TYPE_PARAMS: &[Field] = &[
    may("measure", Kind::Named(INPUT_MEASURE)),
    or("input_measures", Kind::Fixed, Absent::List),
    may("numerator", Kind::Named(INPUT_METRIC)),
    may("denominator", Kind::Named(INPUT_METRIC)),
    may("expr", Kind::Expression),
    may("window", Kind::Window),
    may("grain_to_date", Kind::Word(GRAINS)),
    or("metrics", Kind::NamedParts(INPUT_METRIC), Absent::List),
    may("conversion_type_params", Kind::Part(CONVERSION)),
    may("cumulative_type_params", Kind::Part(CUMULATIVE)),
    may("metric_aggregation_params", Kind::Fixed),
];

/// A metric.
pub(super) const METRIC: &[Field] = &[
    must("name", Kind::Text),
    or("description", Kind::Text, Absent::Word("")),
    must("label", Kind::Text),
    must("type", Kind::Word(&["simple", "ratio", "cumulative", "derived", "conversion"])),
    must("type_params", Kind::Part(TYPE_PARAMS)),
    may("filter", Kind::Filter),
    may("metadata", Kind::Fixed),
    may("time_granularity", Kind::Text),
    or("meta", Kind::Mapping, Absent::Mapping),
    or("tags", Kind::Texts, Absent::List),
    or("config", Kind::Mapping, Absent::Mapping),
];

const DEFAULTS: &[Field] = &[may("agg_time_dimension", Kind::Text)];

const ENTITY: &[Field] = &[
    must("name", Kind::Text),
    must("type", Kind::Word(&["foreign", "natural", "primary", "unique"])),
    may("description", Kind::Text),
    may("label", Kind::Text),
    may("role", Kind::Text),
    may("expr", Kind::Text),
    or("config", Kind::Meta, Absent::Meta),
];

const AGG_PARAMS: &[Field] = &[
    may("percentile", Kind::Number),
    or("use_discrete_percentile", Kind::Flag, Absent::False),
    or("use_approximate_percentile", Kind::Flag, Absent::False),
];

const NON_ADDITIVE_DIMENSION: &[Field] = &[
    must("name", Kind::Text),
    must("window_choice", Kind::Word(AGGREGATIONS)),
    or("window_groupings", Kind::Texts, Absent::List),
];

const MEASURE: &[Field] = &[
    must("name", Kind::Text),
    must("agg", Kind::Word(AGGREGATIONS)),
    may("description", Kind::Text),
    may("label", Kind::Text),
    or("create_metric", Kind::Flag, Absent::False),
    may("expr", Kind::Expression),
    may("agg_params", Kind::Part(AGG_PARAMS)),
    may("non_additive_dimension", Kind::Part(NON_ADDITIVE_DIMENSION)),
    may("agg_time_dimension", Kind::Text),
    or("config", Kind::Meta, Absent::Meta),
];

const VALIDITY: &[Field] = &[or("is_start", Kind::Flag, Absent::False), or("is_end", Kind::Flag, Absent::False)];

const DIMENSION_PARAMS: &[Field] =
    &[must("time_granularity", Kind::Word(GRAINS)), may("validity_params", Kind::Part(VALIDITY))];

const DIMENSION: &[Field] = &[
    must("name", Kind::Text),
    must("type", Kind::Word(&["categorical", "time"])),
    may("description", Kind::Text),
    may("label", Kind::Text),
    or("is_partition", Kind::Flag, Absent::False),
    may("type_params", Kind::Part(DIMENSION_PARAMS)),
    may("expr", Kind::Text),
    may("metadata", Kind::Fixed),
    or("config", Kind::Meta, Absent::Meta),
];

/// A semantic model.
pub(super) const SEMANTIC_MODEL: &[Field] = &[
    must("name", Kind::Text),
    must("model", Kind::Text),
    may("node_relation", Kind::Fixed),
    may("description", Kind::Text),
    may("label", Kind::Text),
    may("defaults", Kind::Part(DEFAULTS)),
    or("entities", Kind::Parts(ENTITY), Absent::List),
    or("measures", Kind::Parts(MEASURE), Absent::List),
    or("dimensions", Kind::Parts(DIMENSION), Absent::List),
    may("metadata", Kind::Fixed),
    may("primary_entity", Kind::Text),
    or("config", Kind::Mapping, Absent::Mapping),
];

const QUERY_PARAMS: &[Field] = &[
    or("metrics", Kind::Texts, Absent::List),
    or("group_by", Kind::Texts, Absent::List),
    may("where", Kind::Filter),
    or("order_by", Kind::Texts, Absent::List),
    may("limit", Kind::Whole),
];

const EXPORT: &[Field] = &[must("name", Kind::Text), or("config", Kind::Mapping, Absent::Mapping)];

/// A saved query.
pub(super) const SAVED_QUERY: &[Field] = &[
    must("name", Kind::Text),
    must("query_params", Kind::Part(QUERY_PARAMS)),
    or("exports", Kind::Parts(EXPORT), Absent::List),
    may("description", Kind::Text),
    may("label", Kind::Text),
    may("metadata", Kind::Fixed),
    or("config", Kind::Mapping, Absent::Mapping),
    or("tags", Kind::Tags, Absent::List),
];

/// The configuration of an export.
pub(super) const EXPORT_CONFIG: &[Field] = &[
    must("export_as", Kind::Word(&["table", "view"])),
    may("schema_name", Kind::Text),
    may("alias", Kind::Text),
    may("database", Kind::Text),
];

/// Checks a mapping and brings it into its published form.
pub(super) fn publish(fields: &[Field], written: &Map<String, Data>) -> Result<Map<String, Data>, Complaint> {
    let known = || fields.iter().filter(|field| !matches!(field.kind, Kind::Fixed)).map(|field| field.key);
    if let Some(key) = written.keys().find(|key| !known().any(|name| name == key.as_str())) {
        let mut complaint = Complaint::new(format!("`{key}` is not a known key here")).under(key);
        let list = || format!("the keys are {}", known().collect::<Vec<_>>().join(", "));
        complaint.hint = Some(did_you_mean(key, known()).unwrap_or_else(list));
        return Err(complaint);
    }
    let mut published = Map::new();
    for field in fields {
        let value = match written.get(field.key).filter(|value| !value.is_null()) {
            Some(value) => shape(field.kind, value).map_err(|complaint| complaint.under(field.key))?,
            None => default(field)?,
        };
        published.insert(field.key.to_owned(), value);
    }
    Ok(published)
}

fn default(field: &Field) -> Result<Data, Complaint> {
    Ok(match field.absent {
        Absent::Required => return Err(Complaint::new(format!("`{}` is missing", field.key)).under(field.key)),
        Absent::Null => Data::Null,
        Absent::False => json!(false),
        Absent::Word(word) => json!(word),
        Absent::List => json!([]),
        Absent::Mapping => json!({}),
        Absent::Meta => json!({"meta": {}}),
    })
}

fn shape(kind: Kind, value: &Data) -> Result<Data, Complaint> {
    let wrong = |expected: &str| Err(Complaint::new(format!("expected {expected}, found {}", kind_name(value))));
    match (kind, value) {
        (Kind::Text, Data::String(_))
        | (Kind::Flag, Data::Bool(_))
        | (Kind::Mapping, Data::Object(_))
        | (Kind::Tags, Data::String(_)) => Ok(value.clone()),
        (Kind::Expression, Data::String(_) | Data::Bool(_) | Data::Number(_)) => Ok(json!(text_of(value))),
        (Kind::Whole, Data::Number(number)) if number.is_i64() => Ok(value.clone()),
        (Kind::Number, Data::Number(number)) => {
            Ok(number.as_f64().and_then(Number::from_f64).map_or(Data::Null, Data::Number))
        }
        (Kind::Word(words), Data::String(text)) => word(words, text),
        (Kind::Texts | Kind::Tags, Data::Array(list)) => each(list, |item| shape(Kind::Text, item)),
        (Kind::Filter, Data::String(text)) => Ok(json!({"where_filters": [{"where_sql_template": text}]})),
        (Kind::Filter, Data::Array(list)) => {
            let filters = each(list, |item| shape(Kind::Text, item).map(|text| json!({"where_sql_template": text})))?;
            Ok(json!({"where_filters": filters}))
        }
        (Kind::Window, Data::String(text)) => window(text),
        (Kind::Meta, Data::Object(map)) => Ok(json!({"meta": map.get("meta").unwrap_or(&json!({}))})),
        (Kind::Named(fields), Data::String(_)) => {
            publish(fields, &Map::from_iter([("name".to_owned(), value.clone())])).map(Data::Object)
        }
        (Kind::Part(fields) | Kind::Named(fields), Data::Object(map)) => publish(fields, map).map(Data::Object),
        (Kind::Parts(fields), Data::Array(list)) => each(list, |item| shape(Kind::Part(fields), item)),
        (Kind::NamedParts(fields), Data::Array(list)) => each(list, |item| shape(Kind::Named(fields), item)),
        (Kind::Text | Kind::Expression | Kind::Word(_), _) => wrong("text"),
        (Kind::Window, _) => wrong("a window such as `28 days`"),
        (Kind::Flag, _) => wrong("true or false"),
        (Kind::Whole, _) => wrong("a whole number"),
        (Kind::Number, _) => wrong("a number"),
        (Kind::Texts | Kind::Parts(_) | Kind::NamedParts(_), _) => wrong("a list"),
        (Kind::Tags | Kind::Filter, _) => wrong("text or a list of texts"),
        (Kind::Mapping | Kind::Meta | Kind::Part(_), _) => wrong("a mapping"),
        (Kind::Named(_), _) => wrong("a name or a mapping"),
        (Kind::Fixed, _) => wrong("nothing"),
    }
}

fn each(list: &[Data], publish: impl Fn(&Data) -> Result<Data, Complaint>) -> Result<Data, Complaint> {
    let items =
        list.iter().enumerate().map(|(ix, item)| publish(item).map_err(|complaint| complaint.under(ix.to_string())));
    items.collect::<Result<Vec<_>, _>>().map(Data::Array)
}

fn word(words: &[&str], text: &str) -> Result<Data, Complaint> {
    let lower = text.to_lowercase();
    if words.contains(&lower.as_str()) {
        return Ok(json!(lower));
    }
    let mut complaint = Complaint::new(format!("`{text}` is not one of {}", words.join(", ")));
    complaint.hint = did_you_mean(&lower, words.iter().copied());
    Err(complaint)
}

/// Reads a window such as `28 days`.
fn window(text: &str) -> Result<Data, Complaint> {
    let lower = text.to_lowercase();
    let parts: Vec<&str> = lower.split(' ').collect();
    let [count, grain] = parts.as_slice() else {
        let message = format!(
            "Invalid window ({text}) in cumulative/conversion metric. Should be of the form `<count> <granularity>`, e.g., `28 days`"
        );
        return Err(Complaint::new(message));
    };
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let Some(number) = count.parse::<u64>().ok().filter(|_| is_count) else {
        return Err(Complaint::new(format!(
            "Invalid count ({count}) in cumulative/conversion metric window string: ({text})"
        )));
    };
    let singular = grain.strip_suffix('s').filter(|grain| GRAINS.contains(grain)).unwrap_or(grain);
    Ok(json!({"count": number, "granularity": singular}))
}

fn kind_name(value: &Data) -> &'static str {
    match value {
        Data::Null => "nothing",
        Data::Bool(_) => "true or false",
        Data::Number(_) => "a number",
        Data::String(_) => "text",
        Data::Array(_) => "a list",
        Data::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counts_of_grains() {
        assert_eq!(window("28 days").unwrap(), json!({"count": 28, "granularity": "day"}));
        assert_eq!(window("1 Month").unwrap(), json!({"count": 1, "granularity": "month"}));
        assert_eq!(window("3 fiscal_years").unwrap(), json!({"count": 3, "granularity": "fiscal_years"}));
        assert!(window("28").unwrap_err().message.contains("<count> <granularity>"));
        assert!(window("-1 day").unwrap_err().message.contains("Invalid count (-1)"));
    }

    #[test]
    fn a_lone_name_stands_for_a_mapping() {
        let published = shape(Kind::Named(INPUT_METRIC), &json!("revenue")).unwrap();
        let expected =
            json!({"name": "revenue", "filter": null, "alias": null, "offset_window": null, "offset_to_grain": null});
        assert_eq!(published, expected);
    }

    #[test]
    fn a_complaint_knows_its_path() {
        let written = json!({"name": "a", "label": "A", "type": "derived", "type_params": {"metrics": [{"nam": "b"}]}});
        let complaint = publish(METRIC, written.as_object().unwrap()).unwrap_err();
        assert_eq!(complaint.path, ["type_params", "metrics", "0", "nam"]);
        assert!(complaint.hint.unwrap().contains("name"));
    }
}
