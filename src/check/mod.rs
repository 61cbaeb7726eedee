//! Checking a project before anything runs: every model, test, snapshot and analysis is bound by a real engine against
//! empty relations, parents first, and everything that would be refused is told at its place in the node's own file.
//!
//! What cannot be known is not an error: it is said to be unchecked, with the reason.

mod bind;
mod by_name;
mod hooks;
mod locate;
mod message;
mod relations;
mod roots;
mod shape;
mod unit_tests;
mod verdict;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use shape::{Certainty, Shape};

use crate::adapter::{Bench, Column};
use crate::compile::{self, CompiledNode};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{Runtime, Session};
use crate::manifest::{Manifest, Node, NodeIndex, ResourceType};
use crate::sql::{Dialect, Query, TableName};
use bind::Refusal;
use message::Fault;
use shape::Shapes;

/// What a column is called where no column of a relation is known.
const UNKNOWN_COLUMN: &str = "columns_are_not_known";

/// How the reasons of nodes end that read what is not checked.
pub const NOT_CHECKED: &str = "has an error or is not checked";
/// How the reasons of nodes end that read what has no SQL.
pub const NOT_COMPILED: &str = "cannot be compiled";

/// What a check works with.
pub struct Setup<'a> {
    /// The project, with the bench as its database.
    pub runtime: &'a Arc<Runtime>,
    /// Where statements are tried.
    pub bench: &'a Bench,
    /// The columns of sources, as far as they are known.
    pub sources: HashMap<NodeIndex, Shape>,
    /// The nodes to check, with everything that they are made of; all if `None`.
    pub only: Option<&'a HashSet<NodeIndex>>,
    /// The project's own database, where it can be asked.
    pub database: Option<(&'a Arc<Runtime>, &'a Arc<Session>)>,
}

/// What came of a node.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The node.
    pub node: NodeIndex,
    /// What is wrong with it: errors, and warnings.
    pub problems: Vec<Diagnostic>,
    /// Why it is not checked, or not to the end, if so.
    pub unchecked: Option<String>,
    /// Its columns.
    pub shape: Shape,
}

/// Checks all nodes of a project: what others read first, one after the other, then what nothing reads, side by side.
#[must_use]
pub fn check(setup: &Setup<'_>) -> Vec<Checked> {
    let manifest = &setup.runtime.manifest;
    let session = setup.runtime.session("check");
    let mut checker = Checker::new(setup, manifest, session, Shapes::new(manifest));
    let is_wanted = |ix: &NodeIndex| setup.only.is_none_or(|only| only.contains(ix));
    let is_leaf = |ix: &NodeIndex| {
        use ResourceType::{Analysis, Test, UnitTest};
        matches!(manifest.node(*ix).resource_type, Test | Analysis | UnitTest)
    };
    let wanted = order(manifest).into_iter().filter(is_wanted);
    let (leaves, read): (Vec<_>, Vec<_>) = wanted.partition(is_leaf);
    let mut results = checker.project_hooks(false);
    for ix in read {
        if let Some(checked) = checker.node(ix) {
            checker.shapes.set(ix, checked.shape.clone());
            results.push(checked);
        }
    }
    let mut sound = beside(&checker, &leaves);
    for ix in leaves {
        results.extend(sound.remove(&ix).or_else(|| checker.node(ix)));
    }
    if setup.only.is_none() {
        results.extend(checker.project_hooks(true));
    }
    results
}

/// From how many nodes on several threads are worth it.
const FEW: usize = 64;

/// Checks nodes that nothing reads on several threads, each with a session of its own. Returns those about which there
/// is nothing to say: for others it may matter what was made for them before, so they are checked in order.
fn beside(checker: &Checker<'_>, leaves: &[NodeIndex]) -> HashMap<NodeIndex, Checked> {
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(leaves.len() / FEW + 1);
    if !checker.setup.bench.is_apart() || n_threads < 2 {
        return HashMap::new();
    }
    let is_sure = |ix: &&NodeIndex| checker.basis(**ix).certainty != Certainty::Open;
    let sure: Vec<NodeIndex> = leaves.iter().filter(is_sure).copied().collect();
    let is_sound = |checked: &Checked| {
        let asked = checked.shape.certainty == Certainty::Open;
        checked.problems.is_empty() && checked.unchecked.is_none() && !asked
    };
    let work = |part: &[NodeIndex]| -> Vec<Checked> {
        // Nothing is taken from the project's own database meanwhile: that is done in order.
        let setup = Setup { sources: HashMap::new(), database: None, ..*checker.setup };
        let session = setup.runtime.session("check");
        let shapes = checker.shapes.clone();
        let mut own = Checker::new(&setup, checker.manifest, session, shapes);
        own.is_prepared = checker.is_prepared;
        part.iter().filter_map(|ix| own.node(*ix)).filter(is_sound).collect()
    };
    std::thread::scope(|scope| {
        let chunk = sure.len().div_ceil(n_threads).max(1);
        let work = &work;
        let thread = || std::thread::Builder::new().stack_size(STACK_BYTES);
        let start = |part| thread().spawn_scoped(scope, move || work(part));
        let started: Vec<_> = sure.chunks(chunk).filter_map(|part| start(part).ok()).collect();
        // What a thread did not get to is checked in order.
        let done = started.into_iter().filter_map(|thread| thread.join().ok());
        done.flatten().map(|checked| (checked.node, checked)).collect()
    })
}

/// Templates may nest deeply; each nested macro takes stack.
const STACK_BYTES: usize = 64 << 20;

/// All nodes, sources and seeds first, then parents before children.
fn order(manifest: &Manifest) -> Vec<NodeIndex> {
    let is_root =
        |ix: &NodeIndex| matches!(manifest.node(*ix).resource_type, ResourceType::Source | ResourceType::Seed);
    let (mut roots, rest): (Vec<_>, Vec<_>) = manifest.graph.parents_first().into_iter().partition(is_root);
    // Seeds make relations that sources may name.
    roots.sort_by_key(|ix| manifest.node(*ix).resource_type != ResourceType::Seed);
    roots.extend(rest);
    roots
}

struct Checker<'a> {
    setup: &'a Setup<'a>,
    manifest: &'a Manifest,
    session: Arc<Session>,
    shapes: Shapes,
    schemas: Vec<(Option<String>, String)>,
    /// Whether a hook at the start may have made what is not known.
    is_prepared: bool,
    /// Whether a hook of the node at hand may have.
    is_prepared_here: bool,
    /// Whether the hook that was tried last may have.
    may_have_made: bool,
}

/// What is known of a node before it is bound.
struct Basis {
    /// The least that is known of a parent.
    certainty: Certainty,
    /// Why that is so.
    reason: Option<String>,
    /// The statement that its template ran on empty relations.
    asked: Option<String>,
    /// Whether its SQL names the relations that exist instead of those on the bench: they may be older than the project.
    is_elsewhere: bool,
}

impl Basis {
    /// Everything is known.
    fn certain() -> Self {
        Self { certainty: Certainty::Typed, reason: None, asked: None, is_elsewhere: false }
    }
}

impl<'a> Checker<'a> {
    fn new(setup: &'a Setup<'a>, manifest: &'a Manifest, session: Arc<Session>, shapes: Shapes) -> Self {
        let (is_prepared, is_prepared_here, may_have_made) = (false, false, false);
        Self { setup, manifest, session, shapes, schemas: Vec::new(), is_prepared, is_prepared_here, may_have_made }
    }
}

impl Checker<'_> {
    fn node(&mut self, ix: NodeIndex) -> Option<Checked> {
        use ResourceType::{Analysis, Model, Seed, Snapshot, Source, Test, UnitTest};
        let node = self.manifest.node(ix);
        match node.resource_type {
            Seed => Some(self.seed(ix)),
            Source => self.source(ix),
            // Another project's: it is there as that project built it.
            Model if node.is_external() => self.source(ix),
            Model if node.is_python_model() => Some(self.python(ix)),
            Model | Snapshot | Test | Analysis if !node.raw_code.trim().is_empty() => Some(self.query(ix)),
            UnitTest => self.unit_test(ix),
            _ => None,
        }
    }

    /// A node with a query.
    fn query(&mut self, ix: NodeIndex) -> Checked {
        let node = self.manifest.node(ix);
        let mut basis = self.basis(ix);
        let _ = self.setup.bench.take_asked();
        let mut compiled = compile::compile(self.setup.runtime, &self.session, ix);
        basis.asked = self.setup.bench.take_asked();
        if basis.asked.is_some()
            && let Some(found) = self.compiled_elsewhere(ix)
        {
            // The database knows what the template asks; empty relations do not.
            compiled = Ok(found);
            if self.was_built(ix) {
                // What is built next may be another answer, but not another shape as a rule.
                basis.asked = None;
            }
            basis.is_elsewhere = !self.setup.bench.is_apart();
        }
        let compiled = match compiled {
            Ok(compiled) => compiled,
            // It may fail because there are no relations.
            Err(error) if self.setup.bench.is_blind() => {
                let reason = format!("its template fails without a database: {}", message::headline(&error.message));
                let shape = Shape::open(Vec::new(), format!("`{}` {NOT_COMPILED}", node.unique_id));
                return Checked { node: ix, problems: Vec::new(), unchecked: Some(reason), shape };
            }
            Err(error) => return uncompiled(ix, node, *error, &basis),
        };
        let mut hooks = Checked { node: ix, problems: Vec::new(), unchecked: None, shape: Shape::open(Vec::new(), "") };
        let waiting = self.pre_hooks(ix, &mut hooks);
        let mut checked = self.bound(ix, &compiled, &basis);
        if matches!(node.resource_type, ResourceType::Model | ResourceType::Snapshot) {
            let is_made = self.exact_types(ix, &compiled, &mut checked);
            if node.resource_type == ResourceType::Snapshot {
                self.snapshot_config(ix, &mut checked);
            }
            if is_ephemeral(node) {
                self.excuse(ix, &mut checked);
            } else if !is_made {
                self.keep(ix, &mut checked);
            }
        }
        self.post_hooks(ix, waiting, &mut checked);
        checked.problems.splice(0..0, hooks.problems);
        checked.unchecked = checked.unchecked.or(hooks.unchecked);
        if checked.problems.is_empty() && checked.shape.certainty == Certainty::Typed {
            self.contract(ix, &compiled, &mut checked);
            self.second_run(ix, &basis, &mut checked);
        }
        checked
    }

    fn basis(&self, ix: NodeIndex) -> Basis {
        let mut basis = Basis::certain();
        for parent in self.manifest.parents(ix) {
            let node = self.manifest.node(*parent);
            if !has_relation(node) {
                continue;
            }
            let parent = if node.resource_type == ResourceType::Source {
                self.shapes.builder(node).unwrap_or(*parent)
            } else {
                *parent
            };
            let is_file = node.resource_type == ResourceType::Source
                && self.setup.runtime.written(parent) != self.setup.runtime.relation(parent).to_string();
            let (certainty, reason) = match self.shapes.get(parent) {
                Some(shape) => (shape.certainty, shape.reason.clone()),
                None if is_file => (Certainty::Typed, None),
                None => (Certainty::Open, Some(format!("`{}` is not checked", node.unique_id))),
            };
            if certainty > basis.certainty {
                (basis.certainty, basis.reason) = (certainty, reason);
            }
        }
        basis
    }

    /// The node compiled with answers of the project's own database.
    fn compiled_elsewhere(&self, ix: NodeIndex) -> Option<CompiledNode> {
        let (runtime, session) = self.setup.database?;
        let compiled = compile::compile(runtime, session, ix);
        session.release();
        compiled.ok()
    }

    /// Whether a node is in the project's own database, or makes nothing there.
    fn was_built(&self, ix: NodeIndex) -> bool {
        let Some((runtime, session)) = self.setup.database else { return false };
        let kind = runtime.manifest.node(ix).resource_type;
        !matches!(kind, ResourceType::Model | ResourceType::Snapshot)
            || is_ephemeral(self.manifest.node(ix))
            || session.columns(&runtime.relation(ix)).is_ok_and(|columns| !columns.is_empty())
    }

    /// Binds a compiled node.
    fn bound(&mut self, ix: NodeIndex, compiled: &CompiledNode, basis: &Basis) -> Checked {
        if self.setup.bench.is_blind() {
            return self.by_name(ix, compiled, basis);
        }
        let sql = &*compiled.compiled_code;
        let mut analysis = None;
        if basis.certainty == Certainty::Open {
            analysis = Some(self.widen(sql));
        }
        let (columns, refusals) = self.bind(sql);
        let mut checked = Checked {
            node: ix,
            problems: Vec::new(),
            unchecked: None,
            shape: Shape { columns: Vec::new(), certainty: basis.certainty, reason: basis.reason.clone() },
        };
        if let Some(columns) = columns {
            checked.problems.extend(self.duplicates(ix, &columns));
            self.shape_of_columns(&columns, sql, basis, analysis.as_ref(), &mut checked);
            return checked;
        }
        for refusal in refusals {
            match self.doubt(ix, &refusal, basis, sql) {
                Some(reason) => checked.unchecked = checked.unchecked.or(Some(reason)),
                None => checked.problems.push(self.explained(compiled, refusal)),
            }
        }
        let analysis = analysis.unwrap_or_else(|| self.analyzed(sql).0);
        checked.shape = self.shape_of_query(ix, &analysis);
        checked
    }

    /// Binds a statement, with relations that are no nodes of the project taken from its database.
    fn bind(&self, sql: &str) -> (Option<Vec<Column>>, Vec<Refusal>) {
        let mut tried: Vec<String> = Vec::new();
        loop {
            let (columns, refusals) = bind::bind(self.setup.bench, sql);
            let missing = refusals.first().filter(|refusal| refusal.fault == Fault::Relation);
            let name = missing.and_then(|refusal| Some(&sql[message::name_at(sql, refusal.error.position?)?]));
            match name.filter(|name| !tried.iter().any(|known| known == name)) {
                Some(name) if self.borrow(name).is_some() => tried.push(name.to_owned()),
                _ => return (columns, refusals),
            }
        }
    }

    /// What is known of the columns that were bound.
    fn shape_of_columns(
        &self,
        columns: &[Column],
        sql: &str,
        basis: &Basis,
        analysis: Option<&Query>,
        checked: &mut Checked,
    ) {
        let shape = &mut checked.shape;
        // A parent may only be named in a comment.
        let is_typed = basis.certainty == Certainty::Typed || self.reads_only_typed(sql);
        if is_typed {
            (shape.certainty, shape.reason) = (Certainty::Typed, None);
        }
        let column = |column: &Column| (column.name.clone(), is_typed.then(|| column.data_type.clone()));
        shape.columns = columns.iter().filter(|column| column.name != UNKNOWN_COLUMN).map(column).collect();
        if let Some(statement) = &basis.asked {
            shape.certainty = Certainty::Open;
            shape.reason = Some(format!("its template reads rows: {}", short(statement)));
        } else if !is_typed
            && basis.certainty == Certainty::Open
            && analysis.is_some_and(|query| query.unlisted.is_none())
        {
            shape.certainty = Certainty::Named;
        } else if self.pivots(sql) {
            // Without rows, a pivot makes no columns.
            shape.certainty = Certainty::Open;
            shape.reason = Some("its columns depend on the rows that it pivots".to_owned());
        }
        if self.setup.runtime.adapter.dialect() == Dialect::DuckDb {
            relations::number_duplicates(&mut shape.columns);
        }
    }

    /// Whether everything is known of all relations that a query names.
    fn reads_only_typed(&self, sql: &str) -> bool {
        let (query, tables) = self.analyzed(sql);
        let is_typed = |ix: &NodeIndex| self.shapes.get(*ix).is_some_and(|shape| shape.certainty == Certainty::Typed);
        let is_known = |name: &TableName| tables.iter().any(|(table, ix)| table == name && is_typed(ix));
        query.unknown.is_empty() && query.tables.iter().all(is_known)
    }

    fn pivots(&self, sql: &str) -> bool {
        let is_duckdb = self.setup.runtime.adapter.dialect() == Dialect::DuckDb;
        is_duckdb && sql.to_lowercase().contains("pivot") && self.analyzed(sql).0.unlisted.is_some()
    }

    /// What is known of the columns of a query that was refused.
    fn shape_of_query(&self, ix: NodeIndex, query: &Query) -> Shape {
        let columns: Vec<_> = query.outputs.iter().map(|output| (output.name.clone(), None)).collect();
        let reason = format!("`{}` {NOT_CHECKED}", self.manifest.node(ix).unique_id);
        let is_all = query.unlisted.is_none() && !columns.is_empty();
        let certainty = if is_all { Certainty::Named } else { Certainty::Open };
        Shape { columns, certainty, reason: Some(reason) }
    }

    /// An incremental model is another query when its table exists.
    fn second_run(&mut self, ix: NodeIndex, basis: &Basis, checked: &mut Checked) {
        let node = self.manifest.node(ix);
        let is_incremental = node.resource_type == ResourceType::Model && node.config.materialized() == "incremental";
        if !is_incremental || node.config.str("incremental_strategy") == Some("microbatch") {
            return;
        }
        let compiled = compile::compile(self.setup.runtime, &self.session, ix);
        let asked = self.setup.bench.take_asked();
        let basis = Basis { certainty: basis.certainty, reason: basis.reason.clone(), asked, is_elsewhere: false };
        match compiled {
            Ok(compiled) => {
                let second = self.bound(ix, &compiled, &basis);
                checked.problems.extend(second.problems);
                checked.unchecked = checked.unchecked.take().or(second.unchecked);
            }
            Err(error) => {
                let second = uncompiled(ix, node, *error, &basis);
                checked.problems.extend(second.problems);
                checked.unchecked = checked.unchecked.take().or(second.unchecked);
            }
        }
    }
}

/// A node whose template failed.
fn uncompiled(ix: NodeIndex, node: &Node, error: Diagnostic, basis: &Basis) -> Checked {
    let reason = match (&basis.asked, error.code) {
        (Some(statement), _) => {
            Some(format!("its template reads rows, of which there are none here: {}", short(statement)))
        }
        (None, Code::Unsupported | Code::ConnectFailed) => Some(error.message.clone()),
        (None, _) if basis.certainty == Certainty::Open => basis.reason.clone(),
        _ => None,
    };
    let shape = Shape::open(Vec::new(), format!("`{}` {NOT_COMPILED}", node.unique_id));
    match reason {
        Some(reason) => Checked { node: ix, problems: Vec::new(), unchecked: Some(reason), shape },
        None => Checked { node: ix, problems: vec![error], unchecked: None, shape },
    }
}

fn is_ephemeral(node: &Node) -> bool {
    node.resource_type == ResourceType::Model && node.config.materialized() == "ephemeral"
}

/// Nodes that queries read.
fn has_relation(node: &Node) -> bool {
    use ResourceType::{Model, Seed, Snapshot, Source};
    matches!(node.resource_type, Model | Seed | Snapshot | Source)
}

/// The beginning of a statement, on one line.
fn short(statement: &str) -> String {
    let statement = statement.split("*/").last().unwrap_or(statement);
    let text: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
