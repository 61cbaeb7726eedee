//! A small project for tests: package `shop` on DuckDB, with the built-in macros.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Data, json};

use super::{Listener, MessageLevel, Runtime, RuntimeParts, StatementEvent};
use crate::adapter::fake::Fake;
use crate::builtins;
use crate::diagnostic::{Diagnostic, SourceFile, Span};
use crate::jinja::{BlockKind, MacroDef, MacroRegistry, SourceRef, scan};
use crate::manifest::{Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, SourceDef, UniqueId};
use crate::project::{Package, Project, ProjectConfig, Quoting, Settings, Target, WarnErrorOptions};

/// The project `shop`; `vars` are its `vars:`.
pub(crate) fn project(vars: Data) -> Arc<Project> {
    let Data::Object(vars) = vars else { panic!("vars are a mapping") };
    let config = ProjectConfig {
        file: SourceFile::new("dbt_project.yml", ""),
        name: "shop".into(),
        version: None,
        profile: None,
        model_paths: Vec::new(),
        macro_paths: Vec::new(),
        seed_paths: Vec::new(),
        test_paths: Vec::new(),
        analysis_paths: Vec::new(),
        snapshot_paths: Vec::new(),
        docs_paths: Vec::new(),
        asset_paths: Vec::new(),
        function_paths: Vec::new(),
        target_path: "target".into(),
        log_path: "logs".into(),
        clean_targets: Vec::new(),
        packages_install_path: "dbt_packages".into(),
        quoting: Quoting::default(),
        layers: BTreeMap::new(),
        vars,
        on_run_start: Vec::new(),
        on_run_end: Vec::new(),
        dispatch: Vec::new(),
        query_comment: Some(Data::Null),
        require_dbt_version: Vec::new(),
        require_dbt_version_span: Span::default(),
        restrict_access: false,
        flags: Map::new(),
        cloud: Map::new(),
    };
    let target = Target {
        profile_name: "shop".into(),
        name: "dev".into(),
        adapter_type: "duckdb".into(),
        threads: 1,
        database: "db".into(),
        schema: "main".into(),
        fields: Map::new(),
        written: None,
    };
    let settings = Settings {
        windows: crate::project::TimeWindows::default(),
        command: "run".into(),
        vars: Map::new(),
        env: [("HOME_TOWN".to_string(), "Oslo".to_string())].into(),
        published_env: Vec::new(),
        target_path: PathBuf::from("target"),
        log_path: None,
        profiles_dir: PathBuf::from("."),
        full_refresh: false,
        fail_fast: false,
        empty: false,
        store_failures: false,
        write_json: true,
        introspect: true,
        version_check: true,
        warn_error: WarnErrorOptions::default(),
        flags: BTreeMap::from([("full_refresh".to_string(), json!(false))]),
        overridden: Map::new(),
        invocation_id: "0".into(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        args: Map::new(),
    };
    let package = Package { root: PathBuf::from("."), config: Arc::new(config) };
    Arc::new(Project { packages: vec![package], target, settings, upstream: Vec::new() })
}

fn macros_in<'a>(package: &'a str, path: &str, text: &str) -> impl Iterator<Item = MacroDef> + use<'a> {
    let kinds = [BlockKind::Macro, BlockKind::Test, BlockKind::DataTest, BlockKind::Materialization];
    let source = SourceRef::new(path, text);
    let scanned = scan(text, &kinds).expect("macros");
    scanned.blocks.into_iter().filter_map(move |block| MacroDef::from_block(package, &source, &block))
}

/// The built-in macros and those of a file of the project.
pub(crate) fn registry(own: &str) -> Arc<MacroRegistry> {
    let built_in = builtins::DEFAULT.iter().chain(builtins::DUCKDB);
    let built_in = built_in.flat_map(|file| macros_in(file.package, file.path, file.sql));
    MacroRegistry::builder()
        .root_package("shop")
        .internal_packages(vec!["dbt_duckdb".into(), "dbt".into()])
        .add_all(macros_in("shop", "macros/own.sql", own))
        .add_all(built_in)
        .build()
}

/// Keeps what templates said.
#[derive(Debug, Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<String>>);

impl Listener for Heard {
    fn message(&self, _node: Option<&str>, level: MessageLevel, text: &str) {
        if level != MessageLevel::Debug {
            self.0.lock().expect("no panic").push(text.to_string());
        }
    }

    fn warning(&self, _node: Option<&str>, warning: Diagnostic) -> Result<(), Box<Diagnostic>> {
        self.0.lock().expect("no panic").push(warning.message);
        Ok(())
    }

    fn statement(&self, _event: &StatementEvent<'_>) {}
}

/// One node of a test's manifest.
pub(crate) struct Spec<'a> {
    /// `model.shop.a`, `source.shop.raw.orders`.
    pub(crate) id: &'a str,
    /// Its template.
    pub(crate) code: &'a str,
    /// Its config.
    pub(crate) config: Data,
    /// Ids of its parents.
    pub(crate) parents: &'a [&'a str],
}

/// A model with a materialization.
pub(crate) fn model<'a>(id: &'a str, materialized: &str, code: &'a str, parents: &'a [&'a str]) -> Spec<'a> {
    Spec { id, code, config: json!({"materialized": materialized, "enabled": true}), parents }
}

/// A manifest of these nodes.
pub(crate) fn manifest(specs: &[Spec<'_>]) -> Manifest {
    let place = |id: &str| specs.iter().position(|spec| spec.id == id).map(NodeIndex::from_usize).expect("a known id");
    let parents: Vec<Vec<NodeIndex>> =
        specs.iter().map(|spec| spec.parents.iter().map(|id| place(id)).collect()).collect();
    let nodes: Vec<Box<Node>> =
        specs.iter().zip(&parents).map(|(spec, parents)| Box::new(node(spec, parents))).collect();
    Manifest {
        by_id: nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), NodeIndex::from_usize(ix))).collect(),
        graph: Graph::new(parents),
        nodes,
        project_name: "shop".into(),
        adapter_type: "duckdb".into(),
        ..Manifest::default()
    }
}

fn node(spec: &Spec<'_>, parents: &[NodeIndex]) -> Node {
    let parts: Vec<&str> = spec.id.split('.').collect();
    let resource_type = ResourceType::find(parts[0]).expect("a kind of node");
    let name = (*parts.last().expect("a name")).to_string();
    let path = format!("models/{name}.sql");
    let kind = match resource_type {
        ResourceType::Source => NodeKind::Source(Box::new(SourceDef {
            source_name: parts[2].into(),
            identifier: name.clone(),
            ..SourceDef::default()
        })),
        ResourceType::Seed => NodeKind::Seed { root_path: ".".into() },
        _ => NodeKind::Plain,
    };
    let Data::Object(values) = spec.config.clone() else { panic!("a config is a mapping") };
    Node {
        unique_id: UniqueId::new(spec.id),
        path: format!("{name}.sql"),
        original_file_path: path.clone(),
        fqn: vec![parts[1].into(), name.clone()],
        raw_code: spec.code.into(),
        database: Some("db".into()),
        schema: "main".into(),
        relation_name: Some(format!("\"db\".\"main\".\"{name}\"")),
        config: NodeConfig::from(values),
        parents: parents.to_vec(),
        kind,
        ..Node::blank(resource_type, parts[1], &name, SourceFile::new(path, spec.code))
    }
}

/// A runtime over these nodes.
pub(crate) fn runtime(specs: &[Spec<'_>], own_macros: &str, fake: &Fake) -> Arc<Runtime> {
    Runtime::new(RuntimeParts {
        project: project(json!({"color": "red", "nested": "{{ var('color') }}!"})),
        manifest: Arc::new(manifest(specs)),
        registry: registry(own_macros),
        adapter: Arc::new(fake.clone()),
        listener: Arc::new(Heard::default()),
        selected: vec!["model.shop.a".into()],
        deferred: Arc::default(),
    })
}
