//! Files in, manifest out.
//!
//! First the macros, since everything else may call them; then property files as data; then every node is rendered
//! once with what its properties say; then names become edges. Nothing here asks a database.

mod behavior;
mod colors;
mod columns;
mod contracts;
mod deprecation;
mod entries;
mod functions;
mod generic_tests;
mod layers;
mod lookup;
mod macro_arguments;
mod macros;
mod microbatch;
mod nodes;
mod others;
mod outdated_models;
mod patches;
mod properties;
mod python;
mod render;
mod resolve;
mod semantic;
mod settings;
mod shape;
mod shapes;
mod snapshots;
mod sources;
mod unit_subject;
mod unit_tests;
mod upstream;
mod written;

pub use upstream::Upstream;

pub use macros::registry;
pub use microbatch::{is_batched, unfiltered_batches};

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Data};
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::jinja::{Listener, MacroRegistry, ParseShared, TestMacros, Variables};
use crate::manifest::{Checksum, Manifest, Node, NodeIndex, Nodes, ResourceType, UniqueId};
use crate::project::yaml::Yaml;
use crate::project::{FileKind, Project, ProjectFiles, RenderYaml};
use crate::sql::{QuotePolicy, Relation};

use generic_tests::{Declared, TestTarget};
use layers::ProjectTrees;
use patches::{Assigned, Patch};
use properties::{Entry, list_of};

/// What every step of parsing needs.
pub(crate) struct Setup<'a> {
    project: &'a Project,
    yaml: &'a dyn RenderYaml,
    macros: &'a Arc<MacroRegistry>,
    upstream: &'a [Upstream],
    shared: Arc<ParseShared>,
    trees: ProjectTrees,
    vars: Variables,
    /// What [`macros::reached_by`] found, by the macro's unique id.
    test_macros: Mutex<HashMap<String, Arc<TestMacros>>>,
    created_at: f64,
}

/// What a project's files build on.
#[derive(Clone, Copy)]
pub struct Others<'a> {
    /// Other projects.
    pub upstream: &'a [Upstream],
    /// The macros of the project, its packages and kiln.
    pub macros: &'a Arc<MacroRegistry>,
}

/// Parses a project. The manifest holds everything that could be read, also when there are errors.
pub fn parse(
    project: &Arc<Project>,
    files: &ProjectFiles,
    Others { upstream, macros }: Others<'_>,
    yaml: &dyn RenderYaml,
    listener: Arc<dyn Listener>,
) -> (Manifest, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let setup = Setup {
        project,
        yaml,
        macros,
        upstream,
        shared: ParseShared::new(Arc::clone(project), Arc::clone(macros), listener),
        trees: ProjectTrees::of(project),
        vars: Variables::new(project),
        test_macros: Mutex::default(),
        created_at: project.settings.started_at.as_microsecond() as f64 / 1e6,
    };
    let manifest = setup.parse(files, &mut diagnostics);
    (manifest, diagnostics)
}

impl Setup<'_> {
    fn parse(&self, files: &ProjectFiles, diagnostics: &mut Diagnostics) -> Manifest {
        let entries = self.read_properties(files, diagnostics);
        let mut drafts = nodes::drafts(self, files, diagnostics);
        drafts.extend(nodes::declared_snapshots(self, &entries, diagnostics));
        let assigned = patches::assign(self, &mut drafts, &entries, diagnostics);
        let mut all = parallel(&drafts, diagnostics, |ix, draft| {
            nodes::node(self, draft, assigned.patches.get(&ix).map(|patch| &**patch))
        });
        // Their texts are in the nodes now.
        drop(drafts);
        let source_entries: Vec<Entry> = entries.iter().filter(|entry| entry.list == "sources").cloned().collect();
        let tables = sources::tables(self, &source_entries, diagnostics);
        all.extend(tables.iter().map(|table| sources::node(self, table)));
        self.generic_tests(&mut all, &assigned, &tables, diagnostics);
        let exposures: Vec<&Entry> = entries.iter().filter(|entry| entry.list == "exposures").collect();
        all.extend(parallel(&exposures, diagnostics, |_, entry| others::exposure(self, entry)));
        all.extend(unit_tests::nodes(self, &entries, files, diagnostics));
        all.extend(semantic::nodes(self, &entries, diagnostics));
        self.assemble(all, files, &entries, diagnostics)
    }

    fn read_properties(&self, files: &ProjectFiles, diagnostics: &mut Diagnostics) -> Vec<Entry> {
        let property_files: Vec<_> = files.files.iter().filter(|file| file.kind == FileKind::Properties).collect();
        let read = parallel(&property_files, diagnostics, |_, file| {
            let mut found = Diagnostics::new();
            let entries = properties::read(self, file, &mut found);
            Ok((entries, found))
        });
        let mut entries = Vec::new();
        for (found, problems) in read {
            entries.extend(found);
            diagnostics.extend(problems);
        }
        entries
    }

    fn generic_tests(
        &self,
        all: &mut Nodes,
        assigned: &Assigned<'_>,
        tables: &[sources::SourceTable<'_>],
        diagnostics: &mut Diagnostics,
    ) {
        let mut declared = Vec::new();
        for (target, patch) in &assigned.targets {
            declared.extend(self.declared_on_node(target, patch));
        }
        let targets: Vec<TestTarget> = tables
            .iter()
            .map(|table| TestTarget::Source {
                source: table.source_name().to_owned(),
                table: table.table_name().to_owned(),
            })
            .collect();
        for (table, target) in tables.iter().zip(&targets) {
            declared.extend(self.declared_on_source(target, table));
        }
        all.extend(parallel(&declared, diagnostics, |_, test| generic_tests::node(self, &test.as_declared())));
        behavior::check_tests(self, declared.iter().map(OwnedTest::as_declared), diagnostics);
    }

    fn declared_on_node<'d>(&self, target: &'d TestTarget, patch: &Patch<'d>) -> Vec<OwnedTest<'d>> {
        let entry = patch.entry;
        let mut tests = Vec::new();
        for column in patch.columns.iter().filter_map(Data::as_object) {
            let Some(name) = column.get("name").and_then(Data::as_str) else { continue };
            let quotes_all = entry.data.get("quote_columns").and_then(Data::as_bool).unwrap_or(false);
            let is_quoted = column.get("quote").and_then(Data::as_bool).unwrap_or(quotes_all);
            let shown = if is_quoted { format!("\"{name}\"") } else { name.to_owned() };
            let tags = columns::tags(column);
            tests.extend(OwnedTest::all(entry, target, Some((name, shown)), &tags, patches::tests_of(column)));
        }
        tests.extend(OwnedTest::all(entry, target, None, &[], patch.tests.clone()));
        tests
    }

    fn declared_on_source<'d>(
        &self,
        target: &'d TestTarget,
        table: &'d sources::SourceTable<'_>,
    ) -> Vec<OwnedTest<'d>> {
        let mut tests = Vec::new();
        let mut tags = properties::texts(&list_of(&table.source, "tags"));
        tags.extend(properties::texts(&list_of(&table.table, "tags")));
        let quotes_all = ["quoting"]
            .iter()
            .filter_map(|key| table.table.get(*key).or_else(|| table.source.get(*key)))
            .any(|quoting| quoting.get("column").and_then(Data::as_bool).unwrap_or(false));
        tests.extend(OwnedTest::all(table.entry, target, None, &tags, patches::tests_of(&table.table)));
        for column in list_of(&table.table, "columns").iter().filter_map(Data::as_object) {
            let Some(name) = column.get("name").and_then(Data::as_str) else { continue };
            let is_quoted = column.get("quote").and_then(Data::as_bool).unwrap_or(quotes_all);
            let shown = if is_quoted { format!("\"{name}\"") } else { name.to_owned() };
            let mut all_tags = tags.clone();
            all_tags.extend(columns::tags(column));
            tests.extend(OwnedTest::all(
                table.entry,
                target,
                Some((name, shown)),
                &all_tags,
                patches::tests_of(column),
            ));
        }
        tests
    }

    fn assemble(
        &self,
        mut all: Nodes,
        files: &ProjectFiles,
        entries: &[Entry],
        diagnostics: &mut Diagnostics,
    ) -> Manifest {
        let mut disabled: Nodes = all.extract_if(.., |node| !node.config.is_enabled()).collect();
        let mut nodes = resolve::without_duplicates(all, diagnostics);
        nodes.extend(upstream::nodes(self));
        unit_tests::link(&mut nodes, &mut disabled, diagnostics);
        nodes.sort_unstable_by(|a, b| {
            (a.resource_type, &a.package, &a.name, &a.unique_id).cmp(&(
                b.resource_type,
                &b.package,
                &b.name,
                &b.unique_id,
            ))
        });
        resolve::resolve(self, &mut nodes, &mut disabled, diagnostics);
        semantic::link(self, &mut nodes, &disabled, diagnostics);
        unit_tests::parents(&mut nodes);
        upstream::link(self, &mut nodes);
        resolve::check_relations(&nodes, diagnostics);
        resolve::primary_keys(&mut nodes, &disabled);
        let mut macros = macros::infos(self, entries, diagnostics);
        written::note_variables(self, &mut nodes, &macros);
        let docs = others::docs(self, files, diagnostics);
        let groups = others::groups(self, entries, diagnostics);
        others::check_groups(&nodes, &groups, diagnostics);
        render::descriptions(self, &docs, &mut nodes, &mut macros, diagnostics);
        upstream::describe(self, &mut nodes);
        let graph = resolve::graph(&nodes, diagnostics);
        let by_id: HashMap<_, _> =
            nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), NodeIndex::from_usize(ix))).collect();
        let manifest = Manifest {
            nodes,
            by_id,
            graph,
            disabled,
            macros,
            docs,
            groups,
            selectors: Map::new(),
            project_name: self.project.root().config.name.clone(),
            adapter_type: self.project.target.adapter_type.clone(),
        };
        contracts::warn_of_ignored(&manifest, diagnostics);
        outdated_models::check(self, &manifest, diagnostics);
        behavior::check(self, &manifest, diagnostics);
        behavior::check_exposures(self, entries, diagnostics);
        entries::check(entries, diagnostics);
        manifest
    }

    fn package_name(&self, package: usize) -> &str {
        &self.project.packages[package].config.name
    }

    fn vars_of(&self, package: usize) -> &Map<String, Data> {
        self.vars.of(self.package_name(package))
    }

    /// Package, folders of the path, and what comes after them.
    fn fqn(&self, package: usize, path: &str, last: &[&str]) -> Vec<String> {
        let mut fqn = vec![self.package_name(package).to_owned()];
        if let Some((folders, _)) = path.rsplit_once('/') {
            fqn.extend(folders.split('/').map(str::to_owned));
        }
        fqn.extend(last.iter().map(|part| (*part).to_owned()));
        fqn
    }

    /// The name of a relation in SQL, quoted as the node and the project say.
    fn relation_name(
        &self,
        database: &str,
        schema: &str,
        identifier: &str,
        quoting: Option<&Map<String, Data>>,
    ) -> String {
        let project = &self.project.root().config.quoting;
        let pick = |key: &str, default: Option<bool>| {
            quoting.and_then(|quoting| quoting.get(key)).and_then(Data::as_bool).or(default).unwrap_or(true)
        };
        let mut relation = Relation::new(database, schema, identifier);
        relation.quoting = QuotePolicy {
            database: pick("database", project.database),
            schema: pick("schema", project.schema),
            identifier: pick("identifier", project.identifier),
        };
        relation.to_string()
    }

    /// A node with nothing but its name.
    fn blank_node(&self, kind: ResourceType, package: usize, unique_id: &str, name: &str) -> Box<Node> {
        let file = Arc::clone(&self.project.root().config.file);
        Box::new(Node {
            unique_id: UniqueId::new(unique_id),
            created_at: self.created_at,
            ..Node::blank(kind, self.package_name(package), name, file)
        })
    }
}

/// A declared test that owns what it was cut from.
struct OwnedTest<'a> {
    entry: &'a Entry,
    target: &'a TestTarget,
    column: Option<String>,
    tags: Vec<String>,
    test: Data,
    span: Option<Span>,
}

impl<'a> OwnedTest<'a> {
    fn all(
        entry: &'a Entry,
        target: &'a TestTarget,
        column: Option<(&str, String)>,
        tags: &[String],
        tests: Vec<Data>,
    ) -> Vec<Self> {
        let name = column.as_ref().map(|(name, _)| *name);
        let spans = test_spans(entry, target, name);
        let shown = column.map(|(_, shown)| shown);
        let make = |(ix, test): (usize, Data)| Self {
            entry,
            target,
            column: shown.clone(),
            tags: tags.to_vec(),
            span: spans.get(ix).copied(),
            test,
        };
        tests.into_iter().enumerate().map(make).collect()
    }

    fn as_declared(&self) -> Declared<'_> {
        Declared {
            entry: self.entry,
            target: self.target,
            column: self.column.clone(),
            tags: self.tags.clone(),
            test: &self.test,
            span: self.span.unwrap_or(self.entry.yaml.span),
        }
    }
}

/// Where the tests of a node, table or column stand in the file.
fn test_spans(entry: &Entry, target: &TestTarget, column: Option<&str>) -> Vec<Span> {
    fn named<'y>(owner: &'y Yaml, list: &str, name: &str) -> Option<&'y Yaml> {
        let is_named = |item: &&Yaml| item.get("name").and_then(Yaml::as_str) == Some(name);
        owner.get(list)?.items().iter().find(is_named)
    }
    let owner = match target {
        TestTarget::Source { table, .. } => named(&entry.yaml, "tables", table),
        TestTarget::Node { .. } => Some(&entry.yaml),
    };
    let owner = match column {
        Some(column) => owner.and_then(|owner| named(owner, "columns", column)),
        None => owner,
    };
    let tests = owner.and_then(|owner| owner.get("data_tests").or_else(|| owner.get("tests")));
    tests.map(|tests| tests.items().iter().map(|test| test.span).collect()).unwrap_or_default()
}

/// The checksum of a text as dbt takes it: without surrounding white space.
fn sha256_of(text: &str) -> Checksum {
    let sum = Sha256::digest(text.trim().as_bytes());
    Checksum { name: "sha256".to_owned(), checksum: base16ct::lower::encode_string(&sum) }
}

/// Does the same with many things on several threads; results and problems keep the order of the things.
fn parallel<T: Sync, R: Send>(
    things: &[T],
    diagnostics: &mut Diagnostics,
    work: impl Fn(usize, &T) -> Result<R, Box<Diagnostic>> + Sync,
) -> Vec<R> {
    let mut all = Vec::with_capacity(things.len());
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(things.len() / 16 + 1);
    let chunk = things.len().div_ceil(n_threads.max(1)).max(1);
    let work = &work;
    let run = |start: usize, chunk: &[T]| -> (Vec<R>, Vec<Diagnostic>) {
        let mut done = Vec::with_capacity(chunk.len());
        let mut problems = Vec::new();
        for (ix, thing) in chunk.iter().enumerate() {
            match work(start + ix, thing) {
                Ok(value) => done.push(value),
                Err(problem) => problems.push(*problem),
            }
        }
        (done, problems)
    };
    let run = &run;
    std::thread::scope(|scope| {
        let start = |(number, part): (usize, _)| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            (number, part, thread.spawn_scoped(scope, move || run(number * chunk, part)))
        };
        let started: Vec<_> = things.chunks(chunk).enumerate().map(start).collect();
        for (number, part, handle) in started {
            let (done, problems) = match handle.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(finished)) => finished,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system gives no more threads: this one does it.
                Err(_) => run(number * chunk, part),
            };
            problems.into_iter().for_each(|problem| diagnostics.push(problem));
            all.extend(done);
        }
    });
    all
}

/// Templates may nest deeply; each nested macro takes stack.
const STACK_BYTES: usize = 64 << 20;
