//! `kiln check`: what the database would refuse, found without running anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::args::{CheckArgs, SelectionArgs};
use super::pipeline::Parsed;
use super::{ExitStatus, columns, selection, sources};
use crate::adapter::{self, AdapterErrorKind, Bench};
use crate::artifacts::{self, ManifestFacts};
use crate::check::{self, Certainty, Checked, Setup, Shape};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::jinja::{Runtime, RuntimeParts, Session, Silent};
use crate::manifest::{Column, Manifest, Node, NodeIndex, NodeKind, ResourceType};
use crate::sql::{Dialect, QuotePolicy, Relation};
use crate::ui::{Entry, Level, count, escalate, names};

/// The project with its own database, and a session there.
type Database = (Arc<Runtime>, Arc<Session>);

/// How many reasons for not checking are told.
const REASONS: usize = 20;

/// Runs the command.
pub(super) fn run(args: &CheckArgs, parsed: &Parsed) -> ExitStatus {
    match checked(parsed, &args.selection, args.offline) {
        Ok(true) => ExitStatus::Success,
        Ok(false) => ExitStatus::Failure,
        Err(status) => status,
    }
}

/// Checks the selected nodes and tells what was found. Whether there was nothing wrong.
pub(super) fn checked(parsed: &Parsed, selection: &SelectionArgs, is_offline: bool) -> Result<bool, ExitStatus> {
    use ResourceType::{Analysis, Model, Seed, Snapshot, Test, UnitTest};
    let selected = selection::pick(parsed, selection, &[Model, Snapshot, Test, Analysis, Seed, UnitTest])?;
    let is_ours = |ix: &NodeIndex| !parsed.manifest.node(*ix).is_external();
    let selected: HashSet<NodeIndex> = selected.iter().filter(is_ours).collect();
    let extent = Extent { is_offline, tells: true, only: None, takes_declared: false };
    let bench = seeing(parsed, is_offline)?;
    let results = inspect(parsed, &bench, &extent).map_err(|error| parsed.fail(&error))?;
    write_types(parsed, &results)?;
    let is_told = |checked: &Checked| selected.contains(&checked.node) || is_hook(parsed, checked);
    let results: Vec<Checked> = results.into_iter().filter(is_told).collect();
    let is_sound = report(parsed, &results);
    if bench.is_blind() {
        let text = "Names of columns were checked; types, functions and syntax need the server";
        parsed.printer.say(&Entry::info(names::NOTE, text));
    }
    Ok(is_sound)
}

/// Opens the bench of the target; if its server is not to be asked or cannot be reached, one for names alone.
fn seeing(parsed: &Parsed, is_offline: bool) -> Result<Arc<Bench>, ExitStatus> {
    let project = &parsed.project;
    let is_within_kiln = parsed.adapter.dialect() == Dialect::DuckDb;
    if is_offline && !is_within_kiln {
        return Ok(Bench::blind(Arc::clone(&parsed.adapter)));
    }
    match adapter::open_bench(&project.target, &project.root().root, &parsed.adapter) {
        Ok(bench) => Ok(bench),
        Err(error) if error.kind == AdapterErrorKind::Connect && !is_within_kiln => {
            let message = format!("only names are checked, since the database cannot be reached: {error}");
            let warning = Diagnostic::warning(Code::ConnectFailed, message);
            parsed.check([warning.hint("`kiln check --offline` does not try")].into_iter().collect())?;
            Ok(Bench::blind(Arc::clone(&parsed.adapter)))
        }
        Err(error) => Err(parsed.fail(&refused(error))),
    }
}

/// Writes manifest.json with the columns and types that were found, beside what property files declare.
fn write_types(parsed: &Parsed, results: &[Checked]) -> Result<(), ExitStatus> {
    let settings = &parsed.project.settings;
    if !settings.write_json {
        return Ok(());
    }
    let mut manifest = Manifest::clone(&parsed.manifest);
    for checked in results {
        let columns = &mut manifest.nodes[checked.node.as_usize()].columns;
        for (name, data_type) in types(checked) {
            let known = columns.values_mut().find(|column| column.name.eq_ignore_ascii_case(&name));
            match known {
                Some(column) => column.data_type = column.data_type.take().or(Some(data_type)),
                None => {
                    let column = Column { name: name.clone(), data_type: Some(data_type), ..Column::default() };
                    columns.insert(name, column);
                }
            }
        }
    }
    let (path, facts) = (parsed.target_file("manifest.json"), ManifestFacts::default());
    artifacts::write_manifest(&path, &parsed.project, &manifest, &facts).map_err(|error| parsed.fail(&error))
}

/// The columns of a node whose types are known.
pub(super) fn types(checked: &Checked) -> Vec<(String, String)> {
    let is_sure = checked.shape.certainty == Certainty::Typed;
    let columns = checked.shape.columns.iter().filter(|_| is_sure);
    columns.filter_map(|(name, data_type)| Some((name.clone(), data_type.clone()?))).collect()
}

/// What is checked, and how.
pub(super) struct Extent<'a> {
    /// Whether the project's database is left alone.
    pub(super) is_offline: bool,
    /// Whether sources that have changed are told.
    pub(super) tells: bool,
    /// The nodes to check, with everything that they are made of; all if `None`.
    pub(super) only: Option<&'a HashSet<NodeIndex>>,
    /// Whether sources that are not there count as they are declared, if types are declared for all of their columns.
    pub(super) takes_declared: bool,
}

/// Opens the bench of the project's target.
fn bench(parsed: &Parsed) -> Result<Arc<Bench>, Box<Diagnostic>> {
    let project = &parsed.project;
    adapter::open_bench(&project.target, &project.root().root, &parsed.adapter).map_err(refused)
}

fn refused(error: adapter::AdapterError) -> Box<Diagnostic> {
    crate::jinja::SqlFailure { error, sql: String::new() }.into_diagnostic()
}

/// Checks nodes of a project on a bench, which is closed then.
fn inspect(parsed: &Parsed, bench: &Arc<Bench>, extent: &Extent<'_>) -> Result<Vec<Checked>, Box<Diagnostic>> {
    let project = &parsed.project;
    let manifest = if bench.is_apart() {
        Arc::clone(&parsed.manifest)
    } else {
        let missing = if extent.takes_declared { missing(parsed, bench, extent.only) } else { HashSet::new() };
        Arc::new(set_aside(&parsed.manifest, &missing))
    };
    let mut project = Arc::clone(project);
    if !bench.is_apart() {
        // What templates make or name in the target's schema is where what they refer to is.
        let target = &mut Arc::make_mut(&mut project).target;
        target.schema = format!("{}{}", adapter::ASIDE, target.schema);
    }
    let runtime = Runtime::new(RuntimeParts {
        project,
        manifest,
        registry: Arc::clone(&parsed.macros),
        adapter: Arc::clone(bench) as Arc<dyn adapter::Adapter>,
        // What templates log while they are tried is not what the user asked for.
        listener: Arc::new(Silent),
        selected: parsed.manifest.nodes.iter().map(|node| node.unique_id.to_string()).collect(),
        deferred: Arc::default(),
    });
    let database = if extent.is_offline { None } else { database(parsed, bench) };
    let (sources, drift) = sources(parsed, &runtime, bench, (database.as_ref(), extent.takes_declared));
    let database = database.as_ref().map(|(runtime, session)| (runtime, session));
    if extent.tells {
        parsed.printer.warnings(&drift.into_iter().collect());
    }
    let results = check::check(&Setup { runtime: &runtime, bench, sources, only: extent.only, database });
    if let Some((_, session)) = database {
        session.close();
    }
    bench.close();
    Ok(results)
}

/// Sources that the database does not have.
fn missing(parsed: &Parsed, bench: &Bench, only: Option<&HashSet<NodeIndex>>) -> HashSet<NodeIndex> {
    let is_asked = |ix: &NodeIndex| only.is_none_or(|only| only.contains(ix)) && is_source(parsed.manifest.node(*ix));
    let is_missing = |ix: &NodeIndex| {
        let node = parsed.manifest.node(*ix);
        let identifier = match &node.kind {
            NodeKind::Source(source) => &source.identifier,
            _ => &node.alias,
        };
        let (database, schema) = (node.database.clone(), Some(node.schema.clone()));
        let identifier = Some(identifier.clone());
        let relation = Relation { database, schema, identifier, kind: None, quoting: QuotePolicy::ALL };
        bench.columns(&relation).is_ok_and(|columns| columns.is_empty())
    };
    parsed.manifest.indices().filter(is_asked).filter(is_missing).collect()
}

/// What is read and not built: sources, and models of other projects.
fn is_source(node: &Node) -> bool {
    node.resource_type == ResourceType::Source || node.is_external()
}

/// The project with schemas of its own for what it builds, so that nothing that exists is in the way, and for sources
/// that are `missing`.
fn set_aside(manifest: &Manifest, missing: &HashSet<NodeIndex>) -> Manifest {
    use ResourceType::{Model, Seed, Snapshot};
    let mut aside = manifest.clone();
    let is_built = |node: &Node| matches!(node.resource_type, Model | Seed | Snapshot) && !node.is_external();
    let name = |schema: &str, identifier: &str| (schema.to_lowercase(), identifier.to_lowercase());
    let built: HashSet<(String, String)> =
        manifest.nodes.iter().filter(|node| is_built(node)).map(|node| name(&node.schema, &node.alias)).collect();
    for (place, node) in aside.nodes.iter_mut().enumerate() {
        // A source may be what the project builds itself.
        let is_ours = match &node.kind {
            NodeKind::Source(source) => built.contains(&name(&node.schema, &source.identifier)),
            _ => is_built(node),
        };
        if is_ours || missing.contains(&NodeIndex::from_usize(place)) {
            node.schema = format!("{}{}", adapter::ASIDE, node.schema);
        }
    }
    aside
}

/// The project's own database, if it can be asked. Nothing that templates run there lasts.
fn database(parsed: &Parsed, bench: &Arc<Bench>) -> Option<Database> {
    if !columns::has_database(parsed) {
        return None;
    }
    // A second transaction could wait for the first.
    let guarded = if bench.is_apart() { Bench::within(Arc::clone(&parsed.adapter)).ok()? } else { Arc::clone(bench) };
    let runtime = columns::runtime(parsed, guarded);
    let session = runtime.session("check");
    Some((runtime, session))
}

/// The columns of sources: from the database, from what was written of it earlier, or as they are declared. Sources
/// that are not what they were are told.
fn sources(
    parsed: &Parsed,
    runtime: &Arc<Runtime>,
    bench: &Arc<Bench>,
    (database, takes_declared): (Option<&Database>, bool),
) -> (HashMap<NodeIndex, Shape>, Vec<Diagnostic>) {
    let (catalog, written) = (columns::catalog_columns(parsed), sources::read(parsed));
    let live = |ix: NodeIndex| -> Option<sources::Columns> {
        if !bench.is_apart() {
            let columns = bench.columns(&runtime.relation(ix)).ok()?;
            let columns: Vec<_> = columns.into_iter().map(|column| (column.name, column.data_type)).collect();
            return (!columns.is_empty()).then_some(columns);
        }
        let (runtime, session) = database?;
        sources::live(runtime, session, ix)
    };
    let (mut known, mut drift) = (HashMap::new(), Vec::new());
    for ix in parsed.manifest.indices() {
        let node = parsed.manifest.node(ix);
        if !is_source(node) {
            continue;
        }
        let id = node.unique_id.as_str();
        let live = live(ix);
        if let (Some(old), Some(new)) = (written.get(id), &live) {
            drift.extend(sources::drift(node, &sources::difference(old, new)));
        }
        let shape = match (live.or_else(|| written.get(id).cloned()), catalog.get(id)) {
            (Some(columns), _) => Shape::typed(columns),
            (None, Some(given)) => of_catalog(&given.columns),
            (None, None) if takes_declared => all_declared(node).map_or_else(|| declared(node), Shape::typed),
            (None, None) => declared(node),
        };
        known.insert(ix, shape);
    }
    (known, drift)
}

fn of_catalog(columns: &[(String, Option<String>)]) -> Shape {
    let is_typed = columns.iter().all(|(_, data_type)| data_type.is_some());
    let certainty = if is_typed { Certainty::Typed } else { Certainty::Named };
    Shape { columns: columns.to_vec(), certainty, reason: None }
}

/// The declared columns, if types are declared for all of them.
fn all_declared(node: &Node) -> Option<Vec<(String, String)>> {
    let column = |column: &Column| Some((column.name.clone(), column.data_type.clone()?));
    let columns: Option<Vec<_>> = node.columns.values().map(column).collect();
    columns.filter(|columns| !columns.is_empty())
}

fn declared(node: &Node) -> Shape {
    let columns: Vec<_> = node.columns.values().map(|column| (column.name.clone(), column.data_type.clone())).collect();
    let reason = format!("the columns of `{}` are not known for sure", node.unique_id);
    if node.is_external() {
        return Shape::open(columns, reason);
    }
    Shape::open(columns, format!("{reason}; `kiln sources sync` reads them from the database"))
}

fn report(parsed: &Parsed, results: &[Checked]) -> bool {
    let mut problems = Diagnostics::new();
    let mut seen: HashSet<(String, Option<(String, u32)>)> = HashSet::new();
    let all = results.iter().flat_map(|checked| checked.problems.iter().map(move |problem| (checked, problem)));
    for (checked, problem) in all {
        let at = problem.at.as_ref().map(|label| (label.file.path().to_owned(), label.span.start));
        if seen.insert((problem.message.clone(), at)) {
            problems.push(toned(parsed, checked, problem));
        }
    }
    let problems = escalate(problems, &parsed.project.settings.warn_error);
    parsed.printer.warnings(&problems);
    parsed.printer.fatal(&problems);
    let n_unchecked = say_unchecked(parsed, results);
    let n_errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let is_done = |checked: &&Checked| checked.unchecked.is_none() || !checked.problems.is_empty();
    let (hooks, nodes): (Vec<_>, Vec<_>) = results.iter().filter(is_done).partition(|checked| is_hook(parsed, checked));
    let nodes = count(nodes.len(), "node");
    let hooks = if hooks.is_empty() { String::new() } else { format!(" and {}", count(hooks.len(), "hook")) };
    let mut text = format!("Checked {nodes}{hooks} without running anything: {}", count(n_errors, "error"));
    if n_unchecked > 0 {
        text += &format!("; {n_unchecked} could not be checked");
    }
    parsed.printer.say(&Entry::info(names::NOTE, text));
    !problems.has_errors()
}

/// A problem in the words of the project's own database; one of another package's analysis, which nothing ever runs, is
/// a warning.
fn toned(parsed: &Parsed, checked: &Checked, problem: &Diagnostic) -> Diagnostic {
    let mut problem = problem.clone();
    problem.message = problem.message.replace(adapter::ASIDE, "");
    let node = parsed.manifest.node(checked.node);
    if node.resource_type == ResourceType::Analysis && node.package != parsed.manifest.project_name {
        problem.severity = Severity::Warning;
    }
    problem
}

/// Hooks of the project run with whatever is selected.
fn is_hook(parsed: &Parsed, checked: &Checked) -> bool {
    parsed.manifest.node(checked.node).resource_type == ResourceType::Operation
}

/// Tells what is not checked and why. Returns how many nodes that are.
fn say_unchecked(parsed: &Parsed, results: &[Checked]) -> usize {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for checked in results {
        let reason = checked.unchecked.as_deref().filter(|_| checked.problems.is_empty());
        if let Some(reason) = reason {
            reasons.entry(reason).or_default().push(parsed.manifest.node(checked.node).name.as_str());
        }
    }
    let n_unchecked = reasons.values().map(Vec::len).sum();
    // What follows from others is told in one line.
    let follows = |reason: &&str| reason.ends_with(check::NOT_CHECKED) || reason.ends_with(check::NOT_COMPILED);
    if reasons.keys().filter(|reason| follows(reason)).count() > 1 {
        let (following, own): (Vec<_>, Vec<_>) = reasons.into_iter().partition(|(reason, _)| follows(reason));
        reasons = own.into_iter().collect();
        let nodes = following.into_iter().flat_map(|(_, nodes)| nodes).collect();
        reasons.insert("what it reads has an error or is not checked", nodes);
    }
    for (reason, nodes) in reasons.iter().take(REASONS) {
        let text = match nodes.as_slice() {
            [node] => format!("Not checked: {node}: {reason}"),
            [node, rest @ ..] => format!("Not checked: {node} and {} more: {reason}", rest.len()),
            [] => continue,
        };
        parsed.printer.say(&Entry::new(names::NOTE, Level::Info, text.replace(adapter::ASIDE, "")));
    }
    if let Some(n_more @ 1..) = reasons.len().checked_sub(REASONS) {
        parsed.printer.say(&Entry::new(names::NOTE, Level::Info, format!("Not checked, for other reasons: {n_more}")));
    }
    n_unchecked
}

/// The types of all columns that can be found out, by node. Nothing if there is no engine to ask.
pub(super) fn known_types(parsed: &Parsed, is_offline: bool) -> Vec<(NodeIndex, Vec<(String, String)>)> {
    let extent = Extent { is_offline, tells: false, only: None, takes_declared: false };
    let results = bench(parsed).and_then(|bench| inspect(parsed, &bench, &extent)).unwrap_or_default();
    results.iter().map(|checked| (checked.node, types(checked))).collect()
}

/// The types of columns of these nodes, as the target has them or, with an `engine`, as that has them. What they are
/// made of must be among them.
pub(super) fn types_of(
    parsed: &Parsed,
    only: &HashSet<NodeIndex>,
    engine: Option<&Arc<dyn adapter::Adapter>>,
) -> HashMap<NodeIndex, Vec<(String, String)>> {
    let extent = Extent { is_offline: engine.is_some(), tells: false, only: Some(only), takes_declared: true };
    let bench = match engine {
        Some(engine) => Bench::apart(Arc::clone(engine)).map_err(refused),
        None => bench(parsed),
    };
    let results = bench.and_then(|bench| inspect(parsed, &bench, &extent)).unwrap_or_default();
    results.iter().map(|checked| (checked.node, types(checked))).collect()
}
