//! What of a node is another than it was, by the rules of dbt's `state:` selectors.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Data};

use super::contract;
use super::manifest::{PreviousManifest, PreviousNode};
use super::written::{self, call_texts, is_syntax, reads_variable, said_once};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::manifest::{
    Exposure, MacroInfo, Manifest, Node, NodeKind, NodeSet, ResourceType, SourceDef, UniqueId, Written,
};

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
    Variables "modified.vars"
}

/// Settings that say where a node is built, and labels: no change of what it is.
const NOT_COMPARED: &[&str] = &["alias", "schema", "database", "tags", "group"];

/// How the names of macros begin that build nodes.
const WAYS: &[&str] = &["materialization_", "get_incremental_", "snapshot_"];

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
    /// How the earlier nodes are written; `None` if the manifest does not tell.
    written: Option<HashMap<String, Written>>,
    /// Macros that changed, or that call one that did.
    changed_macros: HashSet<&'a str>,
    /// The names of those of them that may build nodes, with their settings' names in them.
    changed_ways: Vec<&'a str>,
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
        let written = written::read(&old.metadata);
        let changed_macros = changed_macros(new, old);
        let is_way = |name: &&str| WAYS.iter().any(|prefix| name.starts_with(prefix));
        let own = |id: &&'a str| new.macros.get(*id).filter(|info| !BUILTIN.contains(&info.package.as_str()));
        let changed = changed_macros.iter().filter_map(own);
        let mut changed_ways: Vec<&str> = changed.map(|info| info.name.as_str()).filter(is_way).collect();
        changed_ways.sort_unstable();
        Self { new, old, compares_written, written, changed_macros, changed_ways }
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
                _ => is_node && pair.old.is_none_or(|old| !self.same_relation(new, old)),
            },
            Question::Macros => self.calls_changed_macro(new),
            Question::Variables => self.reads_changed_variable(new),
            Question::Contract => match pair.old {
                _ if !is_node => false,
                None => true,
                Some(old) => !self.same_contract(new, old, warnings)?,
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
                self.document(new).is_some_and(|old| !self.same_document(new, own, old))
            }
            _ if is_generic_test(new) => pair.old.is_none_or(|old| !self.same_config(new, old) || new.fqn != old.fqn),
            _ => match pair.old {
                None => true,
                Some(old) => !self.same_node(new, old, warnings)?,
            },
        };
        // Looked at in any case: it may complain.
        let breaks = match pair.old {
            Some(old) if new.resource_type == ResourceType::Model => !self.same_contract(new, old, warnings)?,
            _ => false,
        };
        Ok(differs || breaks || self.calls_changed_macro(new) || self.reads_changed_variable(new))
    }

    fn document(&self, new: &Node) -> Option<&'a Data> {
        self.old.document(new.unique_id.as_str())
    }

    fn same_node(&self, new: &Node, old: &PreviousNode, warnings: &mut Diagnostics) -> Result<bool, Box<Diagnostic>> {
        let same_contract = self.same_contract(new, old, warnings)?;
        Ok(same_body(new, old, warnings)
            && self.same_config(new, old)
            && same_persisted_description(new, old)
            && new.fqn == old.fqn
            && self.same_relation(new, old)
            && same_contract
            && (new.resource_type != ResourceType::Model || same_reference(new, old)))
    }

    fn has_other_config(&self, pair: Pair<'_>) -> bool {
        let new = pair.new;
        match &new.kind {
            NodeKind::UnitTest(_) => false,
            NodeKind::Exposure(_) | NodeKind::Document(_) if new.resource_type != ResourceType::Function => {
                self.document(new).is_none_or(|old| !self.same_document_config(new, old))
            }
            _ => pair.old.is_none_or(|old| !self.same_config(new, old)),
        }
    }

    /// Compares settings; by how they are written where their values depend on the environment.
    fn same_config(&self, new: &Node, old: &PreviousNode) -> bool {
        let is_compared = |key: &str| new.resource_type == ResourceType::Source || !NOT_COMPARED.contains(&key);
        self.same_settings(new, (old, &old.unrendered_config), is_compared)
    }

    fn same_contract(
        &self,
        new: &Node,
        old: &PreviousNode,
        warnings: &mut Diagnostics,
    ) -> Result<bool, Box<Diagnostic>> {
        let is_way_same = self.same_settings(new, (old, &old.unrendered_config), |key| key == "materialized");
        contract::is_same(new, old, is_way_same, warnings)
    }

    /// Compares where nodes are configured to be built, not where they are: that differs by target.
    fn same_relation(&self, new: &Node, old: &PreviousNode) -> bool {
        self.same_settings(new, (old, &old.unrendered_config), |key| matches!(key, "database" | "schema" | "alias"))
    }

    fn same_settings(
        &self,
        new: &Node,
        (old, values): (&PreviousNode, &Map<String, Data>),
        is_compared: impl Fn(&str) -> bool,
    ) -> bool {
        let keys = new.unrendered_config.keys().chain(values.keys()).filter(|key| is_compared(key));
        let calls = OnceCell::new();
        keys.into_iter().all(|key| {
            let is_same = self.same_setting(new, key, (new.unrendered_config.get(key), values.get(key)));
            if is_same && !self.compares_written {
                return true;
            }
            // A generic test's call is made from the property file, where values are rendered already.
            let is_called = !is_generic_test(new) && new.config_call.contains_key(key);
            let is_told = !values.get(key).is_some_and(is_syntax);
            let texts = calls.get_or_init(|| Some((call_texts(&new.raw_code)?, call_texts(&old.raw_code)?)));
            match texts.as_ref().filter(|_| is_called).map(|(new, old)| (new.get(key.as_str()), old.get(key.as_str())))
            {
                // Only a manifest that tells of variables tells them from the environment.
                Some((Some(now), Some(old))) if self.written.is_some() || !is_told || !reads_variable(now) => {
                    now == old && (is_same || !is_told || !self.is_layered(new, key))
                }
                _ => is_same || !is_told,
            }
        })
    }

    /// Whether other layers than a `config()` call say something of a setting too.
    fn is_layered(&self, new: &Node, key: &str) -> bool {
        let says = |written: &Written| written.settings.contains_key(key);
        let before = self.written.as_ref().and_then(|told| told.get(new.unique_id.as_str()));
        new.written.as_deref().is_some_and(says) || before.is_some_and(says)
    }

    /// Compares a setting of a property file by how it is written, as far as that is known of both.
    fn same_setting(&self, new: &Node, key: &str, (own, earlier): (Option<&Data>, Option<&Data>)) -> bool {
        let same = |left: Option<&Data>, right: Option<&Data>| match (left, right) {
            (Some(left), Some(right)) => same_data(left, right) || same_data(&said_once(left), &said_once(right)),
            (left, right) => left.is_none() && right.is_none(),
        };
        let written = new.written.as_ref().and_then(|written| written.settings.get(key));
        match &self.written {
            Some(told) => {
                let old = told.get(new.unique_id.as_str()).and_then(|written| written.settings.get(key));
                same(written.or(own), old.or(earlier))
            }
            None => same(own, earlier) || (written.is_some() && same(written, earlier)),
        }
    }

    fn same_place(&self, new: &Node, source: &SourceDef, old: &PreviousNode) -> bool {
        let same = |written: (&Option<String>, &Option<String>), is_same: bool| match written {
            (Some(new), Some(old)) => new == old,
            _ => is_same,
        };
        same((&source.unrendered_database, &old.unrendered_database), new.database == old.database)
            && same((&source.unrendered_schema, &old.unrendered_schema), new.schema == old.schema)
            && self.same_property(new, "identifier", &Data::from(source.identifier.as_str()), || {
                old.identifier.clone().map_or(Data::Null, Data::from)
            })
    }

    fn same_property(&self, new: &Node, key: &str, own: &Data, old: impl Fn() -> Data) -> bool {
        self.same_setting(new, key, (Some(own), Some(&old())))
    }

    fn same_source(&self, new: &Node, source: &SourceDef, old: &PreviousNode) -> bool {
        let field = source.loaded_at_field.clone().map_or(Data::Null, Data::from);
        self.same_place(new, source, old)
            && new.fqn == old.fqn
            && self.same_config(new, old)
            && self.same_property(new, "quoting", &Data::Object(source.quoting.clone()), || old.quoting.clone())
            && self.same_property(new, "freshness", &source.freshness, || old.freshness.clone())
            && self.same_property(new, "loaded_at_field", &field, || {
                old.loaded_at_field.clone().map_or(Data::Null, Data::from)
            })
            && self.same_property(new, "external", &source.external, || old.external.clone())
    }

    fn same_exposure(&self, new: &Node, exposure: &Exposure, old: &Data) -> bool {
        let text = |value: Option<&str>| value.map_or(Data::Null, Data::from);
        let same =
            |key: &str, own: Data| self.same_property(new, key, &own, || old.get(key).cloned().unwrap_or_default());
        let parents: HashSet<&str> = ids(old.get("depends_on").and_then(|parents| parents.get("nodes")));
        let own: HashSet<&str> = new.parents.iter().map(|ix| self.new.node(*ix).unique_id.as_str()).collect();
        fqn_of(old) == new.fqn
            && same("type", Data::from(exposure.exposure_type.as_str()))
            && same("owner", Data::Object(exposure.owner.fields.clone()))
            && same("maturity", text(exposure.maturity.as_deref()))
            && same("url", text(exposure.url.as_deref()))
            && old.get("description").and_then(Data::as_str).unwrap_or_default() == new.description
            && same("label", text(exposure.label.as_deref()))
            && parents == own
            && self.same_document_config(new, old)
    }

    fn same_document(&self, new: &Node, own: &Map<String, Data>, old: &Data) -> bool {
        let keys: &[&str] = match new.resource_type {
            ResourceType::Metric => &["type", "label"],
            ResourceType::SemanticModel => {
                &["model", "defaults", "entities", "dimensions", "measures", "primary_entity"]
            }
            ResourceType::SavedQuery => &["query_params", "label"],
            _ => &[],
        };
        let part = |data: &Data, key: &str| data.get(key).cloned().unwrap_or_default();
        let same = |key: &&str| same_data(own.get(*key).unwrap_or(&Data::Null), &part(old, key));
        let description = own.get("description").and_then(Data::as_str).unwrap_or(&new.description);
        let group = Data::from(new.group.clone());
        keys.iter().all(same)
            && same_exports(own.get("exports"), old.get("exports"))
            && part(old, "description").as_str().unwrap_or_default() == description
            && (new.resource_type == ResourceType::Metric || same_data(&group, &part(old, "group")))
            && self.same_document_config(new, old)
    }

    /// Compares settings as written; semantic models and saved queries have them only as they hold.
    fn same_document_config(&self, new: &Node, old: &Data) -> bool {
        let (own, key): (&Map<String, Data>, _) = match new.resource_type {
            ResourceType::SemanticModel | ResourceType::SavedQuery => (&new.config.values, "config"),
            _ => (&new.unrendered_config, "unrendered_config"),
        };
        let empty = Map::new();
        let old = old.get(key).and_then(Data::as_object).unwrap_or(&empty);
        let is_compared = |key: &&String| new.resource_type != ResourceType::Metric || *key != "group";
        let mut keys = own.keys().chain(old.keys()).filter(is_compared);
        keys.all(|key| self.same_setting(new, key, (own.get(key), old.get(key))))
    }

    /// Whether a variable that a node reads by name has another value. Only manifests of kiln tell.
    fn reads_changed_variable(&self, new: &Node) -> bool {
        let (Some(own), Some(told)) = (&new.written, &self.written) else { return false };
        let Some(old) = told.get(new.unique_id.as_str()) else { return false };
        own.variables.iter().any(|(name, value)| old.variables.get(name).is_some_and(|old| old != value))
    }

    fn calls_changed_macro(&self, new: &Node) -> bool {
        new.macro_calls.iter().any(|id| self.changed_macros.contains(id.as_str()))
            || self.changed_ways.iter().any(|name| self.is_built_by(new, name))
    }

    /// Whether a macro of the project or a package builds a node, named by its configuration.
    fn is_built_by(&self, new: &Node, name: &str) -> bool {
        let is_built = matches!(new.resource_type, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot);
        let setting = |key: &str| new.config.str(key).unwrap_or_default();
        let is_named = |prefix: &str, key: &str, suffix: &str| {
            let named = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
            !setting(key).is_empty() && named == Some(setting(key))
        };
        let adapter = format!("_{}", self.new.adapter_type);
        is_built
            && (is_named("materialization_", "materialized", "_default")
                || is_named("materialization_", "materialized", &adapter)
                || is_named("get_incremental_", "incremental_strategy", "_sql")
                || is_named("snapshot_", "strategy", "_strategy"))
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

/// Compares what a saved query exports, with settings as written: where it goes by default depends on the target.
fn same_exports(new: Option<&Data>, old: Option<&Data>) -> bool {
    let list = |data: Option<&Data>| data.and_then(Data::as_array).cloned().unwrap_or_default();
    let (new, old) = (list(new), list(old));
    let said = |export: &Data, key: &str| export.get("unrendered_config").and_then(|said| said.get(key)).cloned();
    let same = |(new, old): (&Data, &Data)| {
        new.get("name") == old.get("name")
            && ["export_as", "schema", "alias"].iter().all(|key| said(new, key) == said(old, key))
    };
    new.len() == old.len() && new.iter().zip(&old).all(same)
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

fn is_generic_test(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Test(test) if test.metadata.is_some())
}

fn same_body(new: &Node, old: &PreviousNode, warnings: &mut Diagnostics) -> bool {
    if is_generic_test(new) && new.written.as_ref().is_some_and(|written| !written.settings.is_empty()) {
        // Its text repeats its settings with the values that hold here.
        let body = |code: &str| code.split("{{ config(").next().map(str::to_owned);
        return body(&new.raw_code) == body(&old.raw_code);
    }
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

/// Compares what refs to a model depend on.
fn same_reference(new: &Node, old: &PreviousNode) -> bool {
    // Manifests of dbt before 1.5 know of no access.
    let access = |access: &Option<String>| access.clone().unwrap_or_else(|| "protected".to_owned());
    same_data(new.latest_version.as_ref().unwrap_or(&Data::Null), &old.latest_version)
        && access(&new.access) == access(&old.access)
        && new.deprecation_date == old.deprecation_date
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
