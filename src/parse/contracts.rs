//! Contracts and constraints of models: what may be declared, and what of it holds.

use serde_json::{Value as Data, json};

use super::patches::Patch;
use super::properties::text_of;
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics, Label, Span, did_you_mean};
use crate::jinja::py;
use crate::manifest::{Manifest, Node};
use crate::project::yaml::Yaml;

/// Warns of constraints of columns that the materialization does not put into the database.
pub(super) fn warn_of_ignored(manifest: &Manifest, diagnostics: &mut Diagnostics) {
    for node in manifest.indices().map(|ix| manifest.node(ix)) {
        let materialized = node.config.materialized();
        if !node.config.is_contract_enforced() || matches!(materialized, "table" | "incremental") {
            continue;
        }
        let is_told = |constraint: &Data| constraint["warn_unsupported"] != json!(false);
        let Some(column) = node.columns.values().find(|column| column.constraints.iter().any(is_told)) else {
            continue;
        };
        let message = format!(
            "Constraint types are not supported for {materialized} materializations and will be ignored.  Set 'warn_unsupported: false' on this constraint to ignore this warning."
        );
        let facts = json!({"materialized": materialized});
        let event = DbtEvent::new(("UnsupportedConstraintMaterialization", "I068"), facts);
        let mut warning = Diagnostic::warning(Code::ConstraintIgnored, message).in_file(&node.file).with_event(event);
        warning.at = node.declared.as_ref().map(|declared| Label::new(&declared.file, column.span)).or(warning.at);
        diagnostics.push(warning);
    }
}

/// The checksum that tells whether a contract changed: names, types and constraints, as Python prints them.
pub(super) fn checksum(node: &Node) -> String {
    let mut columns: Vec<_> = node.columns.values().collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    let list = |class: &str, constraints: &[Data]| {
        let shown: Vec<_> = constraints.iter().map(|constraint| constraint_repr(class, constraint)).collect();
        format!("[{}]", shown.join(", "))
    };
    let mut text = String::new();
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints = list("ColumnLevelConstraint", &column.constraints);
        text.push_str(&format!("|{}{data_type}{constraints}", column.name));
    }
    if matches!(node.config.materialized(), "table" | "incremental") {
        text.push_str(node.config.materialized());
        text.push_str(&list("ModelLevelConstraint", &node.constraints));
    }
    super::sha256_of(&text).checksum
}

fn constraint_repr(class: &str, constraint: &Data) -> String {
    let repr = |key: &str| py::text::to_repr(&py::from_json(constraint.get(key).unwrap_or(&Data::Null)));
    let kind = constraint.get("type").and_then(Data::as_str).unwrap_or_default();
    let fields: Vec<_> = ["name", "expression", "warn_unenforced", "warn_unsupported", "to", "to_columns"]
        .iter()
        .chain(constraint.get("columns").map(|_| &"columns"))
        .map(|key| format!("{key}={}", repr(key)))
        .collect();
    format!("{class}(type=<ConstraintType.{kind}: '{kind}'>, {})", fields.join(", "))
}

const CONSTRAINT_TYPES: &[&str] = &["check", "not_null", "unique", "primary_key", "foreign_key", "custom"];

/// Checks the constraints and the contract that a property file gives to a model.
///
/// # Errors
/// When one cannot be meant.
pub(super) fn check(node: &Node, patch: &Patch<'_>) -> Result<(), Box<Diagnostic>> {
    let kind = |constraint: &Data| constraint.get("type").and_then(text_of).unwrap_or_default();
    let is_unknown = |constraint: &Data| !CONSTRAINT_TYPES.contains(&kind(constraint).as_str());
    let owner = node.columns.values().find(|column| column.constraints.iter().any(is_unknown));
    let own =
        || owner.map(|column| &column.constraints).unwrap_or(&patch.constraints).iter().find(|one| is_unknown(one));
    if let Some(unknown) = own() {
        let message = match owner {
            Some(column) => format!("Invalid constraint type on column {}", column.name),
            None => format!(
                "Invalid constraint type on model {}: Type must be one of ['check', 'not_null', 'unique', 'primary_key', 'foreign_key', 'custom']",
                node.name
            ),
        };
        let span = span_of(node, patch, is_unknown);
        let error = Diagnostic::error(Code::PropertyInvalid, message).at(&patch.entry.file, span);
        let all = format!("`type` is one of {}", CONSTRAINT_TYPES.join(", "));
        let near = did_you_mean(&kind(unknown), CONSTRAINT_TYPES.iter().copied());
        return Err(Box::new(error.hint(near.unwrap_or(all))));
    }
    let is_key = |constraint: &Data| kind(constraint) == "primary_key";
    let keyed = node.columns.values().filter(|column| column.constraints.iter().any(is_key)).count();
    let on_model = patch.constraints.iter().any(is_key);
    if keyed > 1 || (on_model && keyed > 0) {
        let message = format!("Primary key constraint error: ({})", node.original_file_path);
        let hint = "declare the primary key of several columns once, under the model's `constraints:`";
        let error = Diagnostic::error(Code::PropertyInvalid, message);
        let mut spans = spans_of(node, patch, is_key);
        let first = spans.next().unwrap_or_else(|| patch.entry.span_of("columns"));
        let others = spans.map(|span| Label::new(&patch.entry.file, span).with_text("another one"));
        let error = others.fold(error.at(&patch.entry.file, first), Diagnostic::related);
        return Err(Box::new(error.hint(hint)));
    }
    check_columns(node, patch)
}

/// The place of the first constraint of which something holds, as it is written; else that of the entry.
pub(super) fn span_of(node: &Node, patch: &Patch<'_>, holds: impl Fn(&Data) -> bool) -> Span {
    let first = spans_of(node, patch, holds).next();
    first.unwrap_or(patch.entry.yaml.span)
}

/// The places of the constraints of which something holds: of the columns, then of the model.
fn spans_of<'p>(node: &Node, patch: &'p Patch<'_>, holds: impl Fn(&Data) -> bool) -> impl Iterator<Item = Span> + 'p {
    let entry = patch.entry;
    let is_column = |yaml: &&Yaml| node.columns.values().any(|column| column.span == yaml.span);
    let of_columns = super::nodes::written_columns(entry).into_iter().flat_map(Yaml::items).filter(is_column);
    let is_version = |item: &&Yaml| item.get("v").map(Yaml::to_data).as_ref() == patch.version.as_ref();
    let of_version = patch.version.as_ref().and_then(|_| entry.yaml.get("versions")?.items().iter().find(is_version));
    let of_model = of_version.filter(|version| version.get("constraints").is_some()).unwrap_or(&entry.yaml);
    let owners: Vec<&Yaml> = of_columns.chain([of_model]).collect();
    let constraints = owners.into_iter().filter_map(|owner| owner.get("constraints")).flat_map(Yaml::items);
    let found: Vec<Span> = constraints.filter(|yaml| holds(&yaml.to_data())).map(|yaml| yaml.span).collect();
    found.into_iter()
}

fn check_columns(node: &Node, patch: &Patch<'_>) -> Result<(), Box<Diagnostic>> {
    if !node.config.is_contract_enforced() {
        return Ok(());
    }
    if node.language != "sql" {
        let message = format!(
            "Contract enforcement failed for: ({})\nLanguage Error: Expected 'sql' but found '{}'",
            node.original_file_path, node.language
        );
        let error = patch.entry.error("config", Code::PropertyInvalid, message);
        return Err(Box::new(error.hint("only SQL models can enforce a contract")));
    }
    if !node.columns.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Constraints must be defined in a `yml` schema configuration file like `schema.yml`: model `{}` has a contract \
         but no columns",
        node.name
    );
    let error = patch.entry.error("columns", Code::PropertyInvalid, message);
    Err(Box::new(error.hint("list them under `columns:`, each with its `data_type`")))
}
