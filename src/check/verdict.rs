//! What a refusal means for a node: a fault of its own, or nothing, because too little is known.

use std::sync::LazyLock;

use regex::Regex;

use super::bind::Refusal;
use super::message::{self, Fault};
use super::shape::Certainty;
use super::{Basis, Checked, Checker, is_ephemeral, short};
use crate::adapter::{ASIDE, Column};
use crate::compile::{self, CompiledNode};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};
use crate::jinja::SqlFailure;
use crate::manifest::{Node, NodeIndex, NodeKind, ResourceType};
use crate::sql::Dialect;

impl Checker<'_> {
    /// Why a refusal says nothing about the statement, if so.
    pub(super) fn doubt(&self, ix: NodeIndex, refusal: &Refusal, basis: &Basis, sql: &str) -> Option<String> {
        let node = self.manifest.node(ix);
        let says = message::sentence(&refusal.error.message);
        if refusal.fault == Fault::Outside {
            return Some(says);
        }
        if basis.is_elsewhere {
            return Some(format!("its template reads rows, and of what was built last: {says}"));
        }
        if let Some(statement) = &basis.asked {
            return Some(format!("its template reads rows, of which there are none here: {}", short(statement)));
        }
        if !is_built_in(node) {
            return Some(format!("its materialization `{}` is not built in", node.config.materialized()));
        }
        let is_prepared = node.config.str("sql_header").is_some() || self.is_prepared || self.is_prepared_here;
        let is_unknown_function = refusal.fault == Fault::Function && !self.is_function_known(&refusal.error.message);
        let is_missing = refusal.fault == Fault::Relation || is_unknown_function;
        if is_prepared && is_missing {
            return Some(format!("a hook may make what is missing: {says}"));
        }
        if refusal.fault == Fault::Relation
            && let Some(name) = refusal.error.position.and_then(|at| message::name_at(sql, at)).map(|range| &sql[range])
            && let Some(named) = self.by_hand(name)
        {
            let named = &self.manifest.node(named).name;
            return Some(format!("it names `{named}` without a ref, so it may come before it"));
        }
        if refusal.fault == Fault::Relation && self.setup.bench.is_apart() {
            let is_near = message::hint(&refusal.error.message, sql, refusal.error.position).is_some();
            if self.setup.database.is_none() && !is_near {
                return Some(format!("it reads what is no node of the project: {says}"));
            }
        }
        // Postgres says of wrong types that there is no such function; DuckDB only of names.
        let is_named = refusal.fault != Fault::Function || self.setup.bench.is_apart() || is_unknown_function;
        let known = match basis.certainty {
            Certainty::Typed => true,
            Certainty::Named => is_named && refusal.fault != Fault::Meaning,
            Certainty::Open => is_named && matches!(refusal.fault, Fault::Syntax | Fault::Function | Fault::Relation),
        };
        let reason = basis.reason.clone().unwrap_or_default();
        (!known).then_some(reason)
    }

    /// Whether a function that is missing for these arguments is there for others. DuckDB has other words for that.
    fn is_function_known(&self, message: &str) -> bool {
        static NAMED: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r#"function ("[^"]+"|[\w.]+)\("#).expect("the pattern is valid"));
        let Some(name) = NAMED.captures(message).and_then(|found| found.get(1)) else { return false };
        let name = name.as_str().rsplit('.').next().unwrap_or_default().trim_matches('"').replace('\'', "''");
        !self.setup.bench.is_apart()
            && self.setup.bench.compute(&format!("select '{name}'::regproc")).map_or_else(
                // There are several of that name.
                |error| error.code.as_deref() == Some("42725"),
                |()| true,
            )
    }

    /// A refusal as a problem at its place in the node's own file.
    pub(super) fn explained(&self, compiled: &CompiledNode, refusal: Refusal) -> Diagnostic {
        let code = if refusal.fault == Fault::Column { Code::UnknownColumn } else { Code::BindFailed };
        let sentence = message::sentence(&refusal.error.message);
        let sentence = sentence.replace(ASIDE, "");
        let hint = message::hint(&refusal.error.message, &compiled.compiled_code, refusal.error.position);
        let hint = self.suggestion(&refusal, &compiled.compiled_code).or(hint);
        let failure = SqlFailure { error: refusal.error, sql: compiled.compiled_code.to_string() };
        let mut problem = *compile::explain_rejection(self.setup.runtime, compiled, &failure);
        let node = compiled.ix.map(|ix| self.manifest.node(ix));
        problem.code = code;
        problem.message = match node {
            Some(node) => format!("`{}`: {sentence}", node.name),
            None => sentence,
        };
        problem.maybe_hint(hint)
    }

    /// What may be meant by a name, where the database does not say: a column of what the query reads, or a function.
    fn suggestion(&self, refusal: &Refusal, sql: &str) -> Option<String> {
        let name = &sql[message::name_at(sql, refusal.error.position?)?];
        let name = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        match refusal.fault {
            Fault::Column => {
                let tables = self.analyzed(sql).1;
                let shapes = tables.iter().filter_map(|(_, ix)| self.shapes.get(*ix));
                did_you_mean(name, shapes.flat_map(|shape| &shape.columns).map(|(name, _)| name.as_str()))
            }
            Fault::Function if !self.setup.bench.is_apart() => {
                let names = self.setup.bench.function_names();
                did_you_mean(name, names.iter().map(String::as_str)).filter(|hint| !hint.contains(&format!("`{name}`")))
            }
            _ => None,
        }
    }

    /// Columns of one name, which a relation cannot have.
    pub(super) fn duplicates(&self, ix: NodeIndex, columns: &[Column]) -> Vec<Diagnostic> {
        let node = self.manifest.node(ix);
        if !matches!(node.resource_type, ResourceType::Model | ResourceType::Snapshot) || is_ephemeral(node) {
            return Vec::new();
        }
        let mut found: Vec<&str> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].iter().any(|other| other.name == column.name) && !found.contains(&column.name.as_str()) {
                found.push(&column.name);
            }
        }
        let is_duckdb = self.setup.runtime.adapter.dialect() == Dialect::DuckDb;
        let problem = |name: &&str| {
            let message = format!("`{}` has several columns named `{name}`", node.name);
            if is_duckdb {
                let hint = format!("DuckDB names the second one `{name}_1`; give it a name of its own");
                return Diagnostic::warning(Code::DuplicateColumn, message).in_file(&node.file).hint(hint);
            }
            let hint = "a relation cannot have that; give one of them another name";
            Diagnostic::error(Code::DuplicateColumn, message).in_file(&node.file).hint(hint)
        };
        found.iter().map(problem).collect()
    }

    /// The columns that a snapshot is configured with but its query does not have.
    pub(super) fn snapshot_config(&self, ix: NodeIndex, checked: &mut Checked) {
        let node = self.manifest.node(ix);
        if checked.shape.certainty == Certainty::Open || !checked.problems.is_empty() {
            return;
        }
        for key in ["unique_key", "updated_at", "check_cols"] {
            let listed = match node.config.get(key) {
                Some(serde_json::Value::Array(names)) => {
                    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
                }
                Some(serde_json::Value::String(name)) if name != "all" => vec![name.clone()],
                _ => Vec::new(),
            };
            // What is no plain name is an expression, which the database reads.
            let is_name = |name: &String| name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
            for name in listed.iter().filter(|name| is_name(name) && !checked.shape.has(name)) {
                let message = format!("`{}`: `{key}` names a column that its query does not have: `{name}`", node.name);
                let known = checked.shape.columns.iter().map(|(name, _)| name.as_str());
                let hint = did_you_mean(name, known);
                let problem = Diagnostic::error(Code::UnknownColumn, message).at(&node.file, config_span(node, key));
                checked.problems.push(problem.maybe_hint(hint));
            }
        }
    }

    pub(super) fn contract(&self, ix: NodeIndex, compiled: &CompiledNode, checked: &mut Checked) {
        let node = self.manifest.node(ix);
        if node.resource_type != ResourceType::Model || !node.config.is_contract_enforced() || is_ephemeral(node) {
            return;
        }
        if let Err(mut problem) = compile::check_contract(self.setup.runtime, &self.session, ix, compiled) {
            if problem.code != Code::ContractBroken {
                checked.unchecked = Some(problem.message);
                return;
            }
            if node.declared.is_none() {
                problem.related.clear();
                *problem = problem.in_file(&node.file);
            }
            checked.problems.push(*problem);
        }
    }

    /// An ephemeral model that nothing reads never runs, whatever is wrong with it.
    pub(super) fn excuse(&self, ix: NodeIndex, checked: &mut Checked) {
        let mut waiting = vec![ix];
        while let Some(ix) = waiting.pop() {
            for child in self.manifest.children(ix) {
                let node = self.manifest.node(*child);
                match node.resource_type {
                    ResourceType::Model if is_ephemeral(node) => waiting.push(*child),
                    ResourceType::Model | ResourceType::Snapshot | ResourceType::Test => return,
                    _ => {}
                }
            }
        }
        if !checked.problems.is_empty() {
            checked.problems.clear();
            checked.unchecked = Some("it is ephemeral, and nothing that runs reads it".to_owned());
        }
    }
}

/// Whether a node's query runs as it is compiled.
fn is_built_in(node: &Node) -> bool {
    let known = ["table", "view", "incremental", "ephemeral", "materialized_view", "snapshot", "test"];
    match &node.kind {
        NodeKind::Test(_) => true,
        _ if node.resource_type == ResourceType::Analysis => true,
        _ => known.contains(&node.config.materialized()),
    }
}

/// Where a key of a node's configuration stands in its file; where the node begins if it is not there.
fn config_span(node: &Node, key: &str) -> Span {
    let from = node.span.start as usize;
    let rest = node.file.text().get(from..).unwrap_or_default();
    match rest.find(&format!("{key}:")).or_else(|| rest.find(&format!("{key}="))) {
        Some(at) => Span::new(from + at, from + at + key.len()),
        None => node.span,
    }
}
