//! What of a node is another than it was, by the rules of dbt's `state:` selectors.

use std::collections::HashSet;

use serde_json::{Map, Value as Data};

use super::contract;
use super::manifest::{PreviousManifest, PreviousNode};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::manifest::{Exposure, MacroInfo, Manifest, Node, NodeKind, NodeSet, ResourceType, SourceDef, UniqueId};

macro_rules! questions {
    ($($variant:ident $word:literal)*) => {
        /// What can be asked about a node and its earlier self.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Question { $(#[doc = concat!("`state:", $word, "`.")] $variant,)* }

        impl Question {
            /// The words after `state:`.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// Finds a question by its word.
            #[must_use]
            pub fn find(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

questions! {
    New "new"
    Old "old"
    Modified "modified"
    Unmodified "unmodified"
    Body "modified.body"
    Configs "modified.configs"
    PersistedDescriptions "modified.persisted_descriptions"
    Relation "modified.relation"
    Macros "modified.macros"
    Contract "modified.contract"
}

/// Settings that say where a node is built, and labels: no change of what it is.
const NOT_COMPARED: &[&str] = &["alias", "schema", "database", "tags", "group"];

/// The packages of macros that come with kiln or dbt.
const BUILTIN: &[&str] = &["dbt", "dbt_duckdb", "dbt_postgres"];

/// A project and an earlier version of it.
#[derive(Debug)]
pub struct Comparison<'a> {
    new: &'a Manifest,
    old: &'a PreviousManifest,
    /// Whether values that depend on the environment are compared as they are written
    /// (`state_modified_compare_more_unrendered_values`).
    compares_written: bool,
    /// Macros that changed, or that call one that did.
    changed_macros: HashSet<&'a str>,
}

/// A node now and, if it existed, before.
#[derive(Clone, Copy)]
struct Pair<'a> {
    new: &'a Node,
    old: Option<&'a PreviousNode>,
}

impl<'a> Comparison<'a> {
    /// Compares a project with an earlier version of it.
    #[must_use]
    pub fn new(new: &'a Manifest, old: &'a PreviousManifest, compares_written: bool) -> Self {
        Self { new, old, compares_written, changed_macros: changed_macros(new, old) }
    }

    /// The nodes for which the answer is yes. Warnings tell of contracts that break their readers, and of seeds that are
    /// too large to be compared.
    ///
    /// # Errors
    /// When the contract of a versioned model broke.
    pub fn select(&self, question: Question, warnings: &mut Diagnostics) -> Result<NodeSet, Box<Diagnostic>> {
        let mut found = NodeSet::new();
        for ix in self.new.indices() {
            if self.holds(question, self.new.node(ix), warnings)? {
                found.insert(ix);
            }
        }
        if matches!(question, Question::Modified | Question::Unmodified | Question::Contract) {
            self.removed_contracts(warnings)?;
        }
        Ok(found)
    }

    fn holds(&self, question: Question, new: &Node, warnings: &mut Diagnostics) -> Result<bool, Box<Diagnostic>> {
        let pair = Pair { new, old: self.old.node(new.unique_id.as_str()) };
        let is_node = is_graph_node(new);
        // dbt asks these of what has such a thing, and takes what is new for changed.
        let of_node =
            |differs: fn(&Node, &PreviousNode) -> bool| is_node && pair.old.is_none_or(|old| differs(new, old));
        Ok(match question {
            Question::New => !self.old.contains(new.unique_id.as_str()),
            Question::Old => self.old.contains(new.unique_id.as_str()),
            Question::Modified => self.is_modified(pair, warnings)?,
            Question::Unmodified => !self.is_modified(pair, warnings)?,
            Question::Body => is_node && pair.old.is_none_or(|old| !same_body(new, old, warnings)),
            Question::Configs => self.has_other_config(pair),
            Question::PersistedDescriptions => of_node(|new, old| !same_persisted_description(new, old)),
            Question::Relation => match &new.kind {
                NodeKind::Source(source) => pair.old.is_none_or(|old| !self.same_place(new, source, old)),
                _ => of_node(|new, old| !same_relation(new, old)),
            },
            Question::Macros => self.calls_changed_macro(new),
            Question::Contract => match pair.old {
                _ if !is_node => false,
                None => true,
                Some(old) => !contract::is_same(new, old, warnings)?,
            },
        })
    }

    fn is_modified(&self, pair: Pair<'_>, warnings: &mut Diagnostics) -> Result<bool, Box<Diagnostic>> {
        let new = pair.new;
        let differs = match &new.kind {
            // What is not built is not changed by being new, as in dbt.
            NodeKind::Source(source) => pair.old.is_some_and(|old| !self.same_source(new, source, old)),
            NodeKind::Exposure(exposure) => {
                self.document(new).is_some_and(|old| !self.same_exposure(new, exposure, old))
            }
            NodeKind::UnitTest(_) => {
                let sum = self.document(new).and_then(|old| old.get("checksum")).and_then(Data::as_str);
                sum != Some(new.checksum.checksum.as_str())
            }
            NodeKind::Document(own) if new.resource_type != ResourceType::Function => {
                self.document(new).is_some_and(|old| !same_document(new, own, old))
            }
            NodeKind::Test(test) if test.metadata.is_some() => {
                pair.old.is_none_or(|old| !self.same_config(new, old) || new.fqn != old.fqn)
            }
            _ => match pair.old {
                None => true,
                Some(old) => !self.same_node(new, old, warnings)?,
            },
        };
        // Looked at in any case: it may complain.
        let breaks = match pair.old {
            Some(old) if new.resource_type == ResourceType::Model => !contract::is_same(new, old, warnings)?,
            _ => false,
        };
        Ok(differs || breaks || self.calls_changed_macro(new))
    }

    fn document(&self, new: &Node) -> Option<&'a Data> {
        self.old.document(new.unique_id.as_str())
    }

    fn same_node(&self, new: &Node, old: &PreviousNode, warnings: &mut Diagnostics) -> Result<bool, Box<Diagnostic>> {
        let same_contract = contract::is_same(new, old, warnings)?;
        Ok(same_body(new, old, warnings)
            && self.same_config(new, old)
            && same_persisted_description(new, old)
            && new.fqn == old.fqn
            && same_relation(new, old)
            && same_contract
            && (new.resource_type != ResourceType::Model || same_reference(new, old)))
    }

    fn has_other_config(&self, pair: Pair<'_>) -> bool {
        let new = pair.new;
        match &new.kind {
            NodeKind::UnitTest(_) => false,
            NodeKind::Exposure(_) | NodeKind::Document(_) if new.resource_type != ResourceType::Function => {
                self.document(new).is_none_or(|old| !same_document_config(new, old))
            }
            _ => pair.old.is_none_or(|old| !self.same_config(new, old)),
        }
    }

    /// Compares settings as they are written where they are written outside of the node's own file.
    fn same_config(&self, new: &Node, old: &PreviousNode) -> bool {
        let is_source = new.resource_type == ResourceType::Source;
        // Calls of `config` in the same text are the same; what they give may depend on the environment.
        let is_same_text = self.compares_written && !is_source && new.raw_code == old.raw_code;
        let is_compared = |key: &str| {
            (is_source || !NOT_COMPARED.contains(&key)) && !(is_same_text && new.config_call.contains_key(key))
        };
        same_maps(&new.unrendered_config, &old.unrendered_config, is_compared)
    }

    fn same_place(&self, new: &Node, source: &SourceDef, old: &PreviousNode) -> bool {
        let same = if self.compares_written {
            source.unrendered_database == old.unrendered_database && source.unrendered_schema == old.unrendered_schema
        } else {
            new.database == old.database && new.schema == old.schema
        };
        same && Some(&source.identifier) == old.identifier.as_ref()
    }

    fn same_source(&self, new: &Node, source: &SourceDef, old: &PreviousNode) -> bool {
        self.same_place(new, source, old)
            && new.fqn == old.fqn
            && self.same_config(new, old)
            && same_data(&Data::Object(source.quoting.clone()), &old.quoting)
            && same_data(&source.freshness, &old.freshness)
            && source.loaded_at_field == old.loaded_at_field
            && same_data(&source.external, &old.external)
    }

    fn same_exposure(&self, new: &Node, exposure: &Exposure, old: &Data) -> bool {
        let text = |key: &str| old.get(key).and_then(Data::as_str);
        let parents: HashSet<&str> = ids(old.get("depends_on").and_then(|parents| parents.get("nodes")));
        let own: HashSet<&str> = new.parents.iter().map(|ix| self.new.node(*ix).unique_id.as_str()).collect();
        fqn_of(old) == new.fqn
            && text("type") == Some(exposure.exposure_type.as_str())
            && old.get("owner").is_some_and(|owner| same_data(owner, &Data::Object(exposure.owner.fields.clone())))
            && text("maturity") == exposure.maturity.as_deref()
            && text("url") == exposure.url.as_deref()
            && text("description").unwrap_or_default() == new.description
            && text("label") == exposure.label.as_deref()
            && parents == own
            && same_document_config(new, old)
    }

    fn calls_changed_macro(&self, new: &Node) -> bool {
        new.macro_calls.iter().any(|id| self.changed_macros.contains(id.as_str()))
    }

    /// Models with a contract that are gone, or disabled now.
    fn removed_contracts(&self, warnings: &mut Diagnostics) -> Result<(), Box<Diagnostic>> {
        for (id, old) in &self.old.nodes {
            if self.new.find(id).is_some() || !old.contract.enforced {
                continue;
            }
            let is_disabled = self.new.disabled.iter().any(|node| node.unique_id.as_str() == id);
            contract::gone(id, old, is_disabled, warnings)?;
        }
        Ok(())
    }
}

/// Whether a node has a body, a relation and so on: not a source, exposure, unit test or document.
fn is_graph_node(node: &Node) -> bool {
    node.resource_type.is_manifest_node() || node.resource_type == ResourceType::Function
}

/// Macros of the project and its packages whose text is another, and those that call them, however far away. kiln's own
/// macros differ from dbt's and between versions, and are no change of the project.
fn changed_macros<'a>(new: &'a Manifest, old: &PreviousManifest) -> HashSet<&'a str> {
    let has_changed = |(id, own): &(&UniqueId, &MacroInfo)| {
        let is_same = old.macros.get(id.as_str()).is_some_and(|old| old.macro_sql == own.macro_sql);
        !is_same && !BUILTIN.contains(&own.package.as_str())
    };
    new.macro_callers(new.macros.iter().filter(has_changed).map(|(id, _)| id.as_str()))
}

fn same_body(new: &Node, old: &PreviousNode, warnings: &mut Diagnostics) -> bool {
    if new.resource_type != ResourceType::Seed {
        return new.raw_code == old.raw_code;
    }
    let is_same = old.checksum == new.checksum;
    if new.checksum.name == "path" {
        let what = match (old.checksum.name.as_str(), is_same) {
            ("path", true) => "Same file path, assuming it has not changed.",
            ("path", false) => "File path changed, assuming it has changed.",
            _ => "It was smaller before, assuming it has changed.",
        };
        let message = format!("Found a seed ({}.{}) >1MB in size. {what}", new.package, new.name);
        warn(warnings, Diagnostic::warning(Code::SeedNotCompared, message).in_file(&new.file));
    }
    is_same
}

/// Adds a warning, unless it was given already for another question.
pub(super) fn warn(warnings: &mut Diagnostics, warning: Diagnostic) {
    if !warnings.iter().any(|other| other.message == warning.message) {
        warnings.push(warning);
    }
}

fn same_persisted_description(new: &Node, old: &PreviousNode) -> bool {
    let persists = |key: &str| {
        let docs = new.config.get("persist_docs").and_then(|docs| docs.get(key));
        docs.and_then(Data::as_bool).unwrap_or(false)
    };
    let same_columns = || {
        new.columns.len() == old.columns.len()
            && new
                .columns
                .iter()
                .all(|(name, column)| old.columns.get(name).is_some_and(|old| old.description == column.description))
    };
    (!persists("relation") || new.description == old.description) && (!persists("columns") || same_columns())
}

/// Compares where nodes are configured to be built, not where they are: that differs by target.
fn same_relation(new: &Node, old: &PreviousNode) -> bool {
    ["database", "schema", "alias"].iter().all(|key| {
        let (new, old) = (new.unrendered_config.get(*key), old.unrendered_config.get(*key));
        same_data(new.unwrap_or(&Data::Null), old.unwrap_or(&Data::Null))
    })
}

/// Compares what refs to a model depend on.
fn same_reference(new: &Node, old: &PreviousNode) -> bool {
    same_data(new.latest_version.as_ref().unwrap_or(&Data::Null), &old.latest_version)
        && new.access == old.access
        && new.deprecation_date == old.deprecation_date
}

fn same_document(new: &Node, own: &Map<String, Data>, old: &Data) -> bool {
    let keys: &[&str] = match new.resource_type {
        ResourceType::Metric => &["type", "label"],
        ResourceType::SemanticModel => &["model", "defaults", "entities", "dimensions", "measures", "primary_entity"],
        ResourceType::SavedQuery => &["query_params", "label", "exports"],
        _ => &[],
    };
    let part = |data: &Data, key: &str| data.get(key).cloned().unwrap_or_default();
    let same = |key: &&str| same_data(own.get(*key).unwrap_or(&Data::Null), &part(old, key));
    let description = own.get("description").and_then(Data::as_str).unwrap_or(&new.description);
    let group = Data::from(new.group.clone());
    keys.iter().all(same)
        && part(old, "description").as_str().unwrap_or_default() == description
        && (new.resource_type == ResourceType::Metric || same_data(&group, &part(old, "group")))
        && same_document_config(new, old)
}

/// Compares settings as written; semantic models and saved queries have them only as they hold.
fn same_document_config(new: &Node, old: &Data) -> bool {
    let (own, key): (&Map<String, Data>, _) = match new.resource_type {
        ResourceType::SemanticModel | ResourceType::SavedQuery => (&new.config.values, "config"),
        _ => (&new.unrendered_config, "unrendered_config"),
    };
    let empty = Map::new();
    let old = old.get(key).and_then(Data::as_object).unwrap_or(&empty);
    same_maps(own, old, |key| new.resource_type != ResourceType::Metric || key != "group")
}

fn same_maps(new: &Map<String, Data>, old: &Map<String, Data>, is_compared: impl Fn(&str) -> bool) -> bool {
    let keys = new.keys().chain(old.keys()).filter(|key| is_compared(key));
    keys.into_iter().all(|key| match (new.get(key), old.get(key)) {
        (Some(new), Some(old)) => same_data(new, old),
        _ => false,
    })
}

/// Compares values; `1` and `1.0` are the same, as in Python.
fn same_data(left: &Data, right: &Data) -> bool {
    match (left, right) {
        (Data::Number(left), Data::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Data::Array(left), Data::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_data(left, right))
        }
        (Data::Object(left), Data::Object(right)) => same_maps(left, right, |_| true),
        _ => left == right,
    }
}

fn ids(list: Option<&Data>) -> HashSet<&str> {
    list.and_then(Data::as_array).into_iter().flatten().filter_map(Data::as_str).collect()
}

fn fqn_of(old: &Data) -> Vec<&str> {
    old.get("fqn").and_then(Data::as_array).into_iter().flatten().filter_map(Data::as_str).collect()
}
