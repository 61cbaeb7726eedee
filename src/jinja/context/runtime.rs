//! What all threads of an invocation share while nodes run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use minijinja::Value;
use serde_json::{Value as Data, json};

use super::base::Shared;
use super::lookup::{Lookup, node_relation};
use super::run::RunContext;
use super::session::{QueryComment, Session};
use super::{SqlFailure, diagnose};
use crate::adapter::{Adapter, RelationCache};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::functions::dumps;
use crate::jinja::objects::relation::RelationValue;
use crate::jinja::objects::table::TableValue;
use crate::jinja::{MacroRegistry, Mode, TemplateEnv, TemplateSource, py, return_or_print};
use crate::manifest::{Manifest, NodeIndex};
use crate::project::Project;
use crate::sql::{QuotePolicy, Relation};

/// How loud a template's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageLevel {
    /// For the log file: `log(x)`.
    Debug,
    /// For the terminal too: `log(x, info=True)`.
    Info,
    /// For the terminal, bare, even when quiet: `print(x)`.
    Print,
}

/// Where a statement is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StatementPhase<'a> {
    /// It is about to be sent.
    Started,
    /// It is done.
    Finished {
        /// How long it took.
        seconds: f64,
    },
    /// It was rejected.
    Failed {
        /// The database's words.
        message: &'a str,
    },
}

/// A statement on its way, for logs.
#[derive(Clone, Copy, Debug)]
pub struct StatementEvent<'a> {
    /// The session's name.
    pub connection: &'a str,
    /// The unique id of the node it runs for.
    pub node: Option<&'a str>,
    /// Its text as sent.
    pub sql: &'a str,
    /// Where it is.
    pub phase: StatementPhase<'a>,
}

/// Hears what templates say and what is sent to the database.
pub trait Listener: Send + Sync {
    /// A template logged or printed a text.
    fn message(&self, node: Option<&str>, level: MessageLevel, text: &str);

    /// A template warned. With `--warn-error` the answer is `Err`: the message to fail with.
    ///
    /// # Errors
    /// When warnings are errors.
    fn warning(&self, node: Option<&str>, warning: Diagnostic) -> Result<(), Box<Diagnostic>>;

    /// A statement is sent, done or rejected.
    fn statement(&self, event: &StatementEvent<'_>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn message(&self, _node: Option<&str>, _level: MessageLevel, _text: &str) {}

    fn warning(&self, _node: Option<&str>, _warning: Diagnostic) -> Result<(), Box<Diagnostic>> {
        Ok(())
    }

    fn statement(&self, _event: &StatementEvent<'_>) {}
}

/// What a runtime is made of.
pub struct RuntimeParts {
    /// The project.
    pub project: Arc<Project>,
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// Its macros.
    pub registry: Arc<MacroRegistry>,
    /// The database.
    pub adapter: Arc<dyn Adapter>,
    /// Who hears of messages and statements.
    pub listener: Arc<dyn Listener>,
    /// Unique ids of the selected nodes.
    pub selected: Vec<String>,
    /// Where to read nodes that are not built here.
    pub deferred: Arc<Deferred>,
}

/// Nodes that an earlier run built elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Deferred {
    /// Their relations, by unique id.
    pub relations: HashMap<String, Relation>,
    /// Whether nodes that are not selected are read there even if they are here, too.
    pub is_favored: bool,
    /// Whether refs are read there; otherwise only templates ask for it.
    pub is_read: bool,
}

/// An ephemeral model, compiled once.
#[derive(Clone, Debug)]
pub struct EphemeralCode {
    /// Its SQL without the expressions of its own ephemeral parents.
    pub code: Arc<str>,
    /// Its ephemeral parents, in the order of their refs.
    pub parents: Vec<NodeIndex>,
    /// From its SQL back to its template: start and end in the SQL, start in the template.
    pub segments: Vec<(usize, usize, usize)>,
}

/// What all threads share.
pub struct Runtime {
    /// The project.
    pub project: Arc<Project>,
    /// Its manifest.
    pub manifest: Arc<Manifest>,
    /// The template engine, in run mode.
    pub env: Arc<TemplateEnv>,
    /// The database.
    pub adapter: Arc<dyn Adapter>,
    /// What is known of existing relations.
    pub relations: Arc<RelationCache>,
    /// Who hears of messages and statements.
    pub listener: Arc<dyn Listener>,
    /// Unique ids of the selected nodes.
    pub selected: Vec<String>,
    /// Where to read nodes that are not built here.
    pub deferred: Arc<Deferred>,
    /// Ephemeral models that were compiled.
    pub ephemerals: Mutex<HashMap<NodeIndex, EphemeralCode>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) lookup: Lookup,
    pub(crate) graph: OnceLock<Value>,
    /// Database, schema and name in lower case of what the selected nodes build.
    built: OnceLock<HashSet<[String; 3]>>,
    pub(crate) warned: Mutex<std::collections::HashSet<String>>,
    /// Kinds of key constraints by table, as each schema had them when it was first asked about.
    pub(crate) key_constraints: Mutex<HashMap<String, Arc<KeyConstraints>>>,
}

/// Kinds of key constraints by the name of the table in lower case.
pub(crate) type KeyConstraints = HashMap<String, Vec<String>>;

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

impl Runtime {
    /// Puts a runtime together.
    #[must_use]
    pub fn new(parts: RuntimeParts) -> Arc<Self> {
        let shared = Arc::new(Shared::new(Arc::clone(&parts.project), Arc::clone(&parts.listener)));
        let lookup = Lookup::new(&parts.manifest);
        Arc::new(Self {
            env: Arc::new(TemplateEnv::new(parts.registry, Mode::Run)),
            project: parts.project,
            manifest: parts.manifest,
            adapter: parts.adapter,
            relations: Arc::new(RelationCache::default()),
            listener: parts.listener,
            selected: parts.selected,
            deferred: parts.deferred,
            ephemerals: Mutex::default(),
            shared,
            lookup,
            graph: OnceLock::new(),
            built: OnceLock::new(),
            warned: Mutex::default(),
            key_constraints: Mutex::default(),
        })
    }

    /// Makes a session for a thread.
    #[must_use]
    pub fn session(&self, name: &str) -> Arc<Session> {
        let field = |key: &str| self.project.target.fields.get(key).and_then(Data::as_bool);
        // `autocommit` is the word of the Postgres profile, `disable_transactions` that of DuckDB's.
        let uses_transactions = !["disable_transactions", "autocommit"].iter().any(|key| field(key).unwrap_or(false));
        let (adapter, listener) = (Arc::clone(&self.adapter), Arc::clone(&self.listener));
        let session = Session::with_parts(name.to_string(), adapter, listener, uses_transactions);
        session.label(None, self.plain_comment(name, None).unwrap_or_default());
        Arc::new(session)
    }

    /// Where an earlier run built a node, written as this project writes relations.
    #[must_use]
    pub fn deferred_relation(&self, ix: NodeIndex) -> Option<Relation> {
        let relation = self.deferred.relations.get(self.manifest.node(ix).unique_id.as_str())?;
        Some(Relation { quoting: self.shared.quoting, ..relation.clone() })
    }

    /// Lists schemas into the relation cache, those that are not in it yet.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn fill_cache(&self, session: &Session, schemas: &[(Option<String>, String)]) -> Result<(), SqlFailure> {
        for (database, schema) in schemas {
            self.list_schema(session, database.as_deref(), schema)?;
        }
        if !schemas.is_empty() {
            self.relations.link(session.dependencies()?);
        }
        Ok(())
    }

    /// Lists one schema into the cache unless it is there.
    pub(crate) fn list_schema(
        &self,
        session: &Session,
        database: Option<&str>,
        schema: &str,
    ) -> Result<(), SqlFailure> {
        if !self.relations.has_schema(database, schema) {
            let listing = session.relations(database, schema)?;
            self.relations.insert_listing(database, schema, listing);
        }
        Ok(())
    }

    /// The relation that a node builds or names, as SQL writes it.
    #[must_use]
    pub fn relation(&self, ix: NodeIndex) -> Relation {
        node_relation(&self.shared, self.manifest.node(ix)).relation
    }

    /// How SQL names the relation of a node: by its name, or as a file that a source reads.
    #[must_use]
    pub fn written(&self, ix: NodeIndex) -> String {
        node_relation(&self.shared, self.manifest.node(ix)).to_sql()
    }

    /// Whether a selected node builds the relation.
    pub(crate) fn builds(&self, relation: &Relation) -> bool {
        let key = |relation: &Relation| {
            [&relation.database, &relation.schema, &relation.identifier]
                .map(|part| part.as_deref().unwrap_or_default().to_lowercase())
        };
        let built = self.built.get_or_init(|| {
            let selected: HashSet<&str> = self.selected.iter().map(String::as_str).collect();
            let nodes = self.manifest.indices().filter(|ix| {
                let node = self.manifest.node(*ix);
                node.resource_type.is_refable() && selected.contains(node.unique_id.as_str())
            });
            nodes.map(|ix| key(&self.relation(ix))).collect()
        });
        built.contains(&key(relation))
    }

    /// Says for which node a session works now; `None` between nodes.
    ///
    /// # Errors
    /// When the project's own query comment cannot be rendered.
    pub fn label(self: &Arc<Self>, session: &Arc<Session>, node: Option<NodeIndex>) -> Result<(), Box<Diagnostic>> {
        let id = node.map(|ix| self.manifest.node(ix).unique_id.as_str());
        let comment = match self.plain_comment(session.name(), id) {
            Some(comment) => comment,
            None => self.rendered_comment(session, node)?,
        };
        session.label(id, comment);
        Ok(())
    }

    /// The comment where no template is needed for it.
    fn plain_comment(&self, name: &str, node: Option<&str>) -> Option<QueryComment> {
        let (text, is_appended) = match self.project.root().config.query_comment.as_ref() {
            None => (None, false),
            Some(Data::Object(map)) => {
                let is_appended = map.get("append").and_then(Data::as_bool).unwrap_or(false);
                // A mapping without a comment keeps the usual one.
                (map.get("comment").map(text_of), is_appended)
            }
            Some(other) => (Some(text_of(other)), false),
        };
        match text {
            None => Some(QueryComment { text: self.usual_comment(name, node), is_appended }),
            Some(text) if !text.contains("{{") && !text.contains("{%") => Some(QueryComment { text, is_appended }),
            Some(_) => None,
        }
    }

    fn usual_comment(&self, name: &str, node: Option<&str>) -> String {
        let target = &self.project.target;
        let mut facts = json!({
            "app": "dbt",
            "dbt_version": super::base::DBT_VERSION,
            "profile_name": target.profile_name,
            "target_name": target.name,
        });
        match node {
            Some(id) => facts["node_id"] = id.into(),
            None => facts["connection_name"] = name.into(),
        }
        dumps(&facts)
    }

    fn rendered_comment(
        self: &Arc<Self>,
        session: &Arc<Session>,
        node: Option<NodeIndex>,
    ) -> Result<QueryComment, Box<Diagnostic>> {
        let config = &self.project.root().config;
        let (text, is_appended) = match config.query_comment.as_ref() {
            Some(Data::Object(map)) => (
                map.get("comment").map(text_of).unwrap_or_default(),
                map.get("append").and_then(Data::as_bool).unwrap_or(false),
            ),
            other => (other.map(text_of).unwrap_or_default(), false),
        };
        let name = node.map_or(session.name(), |ix| self.manifest.node(ix).unique_id.as_str());
        let model = node.map_or_else(
            || Value::from(()),
            |ix| py::from_json(&Data::Object(crate::manifest::view::node(&self.manifest, ix))),
        );
        let returned = Value::from_function(return_or_print);
        let extras = vec![("connection_name", Value::from(name)), ("node", model), ("return", returned)];
        let context = RunContext::for_macro(self, session, &config.name, extras);
        let template = TemplateSource::new("query-comment", config.file.path(), text.as_str());
        let rendered = self
            .env
            .render(&template, Arc::new(context))
            .map_err(|error| diagnose(&error, Some(&config.file), self.env.registry()))?;
        if rendered.text.contains("*/") {
            let message = format!("query comment contains illegal value \"*/\": {}", rendered.text);
            return Err(Box::new(Diagnostic::error(Code::ProjectInvalid, message).in_file(&config.file)));
        }
        Ok(QueryComment { text: rendered.text, is_appended })
    }

    /// Creates those of the schemas that are not there. Who may write to a schema need not be allowed to create one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn create_schemas(
        self: &Arc<Self>,
        session: &Arc<Session>,
        schemas: &[(Option<String>, String)],
    ) -> Result<(), Box<Diagnostic>> {
        let mut existing = BTreeSet::new();
        let databases: BTreeSet<&Option<String>> = schemas.iter().map(|(database, _)| database).collect();
        let lower = |database: &Option<String>| database.as_ref().map(|name| name.to_lowercase());
        for database in databases {
            let table = self.call_macro(session, "list_schemas", &[Value::from(database.clone())], &[])?;
            session.commit().map_err(SqlFailure::into_diagnostic)?;
            let rows = TableValue::of(&table).map(|table| table.rows.clone()).unwrap_or_default();
            let names = rows.iter().filter_map(|row| row.first()?.as_str().map(str::to_lowercase));
            existing.extend(names.map(|name| (lower(database), name)));
        }
        for (database, schema) in schemas {
            if existing.insert((lower(database), schema.to_lowercase())) {
                self.create_schema(session, database.as_deref(), schema)?;
            }
        }
        Ok(())
    }

    /// Creates a schema if it does not exist, through the project's macros.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn create_schema(
        self: &Arc<Self>,
        session: &Arc<Session>,
        database: Option<&str>,
        schema: &str,
    ) -> Result<(), Box<Diagnostic>> {
        let relation = Relation {
            database: database.map(str::to_string),
            schema: Some(schema.to_string()),
            identifier: None,
            kind: None,
            quoting: self.shared.quoting,
        };
        let mut value = RelationValue::new(relation, self.shared.dialect);
        value.include = QuotePolicy { identifier: false, ..QuotePolicy::ALL };
        self.call_macro(session, "create_schema", &[value.into_value()], &[])?;
        session.commit().map_err(SqlFailure::into_diagnostic)
    }

    /// Calls a macro by name (`name` or `package.name`) outside of any node.
    pub(crate) fn call_macro(
        self: &Arc<Self>,
        session: &Arc<Session>,
        name: &str,
        args: &[Value],
        kwargs: &[(&str, Value)],
    ) -> Result<Value, Box<Diagnostic>> {
        let registry = self.env.registry();
        let (package, bare) = name.split_once('.').map_or((None, name), |(package, bare)| (Some(package), bare));
        let entry = match package {
            Some(package) => registry.in_package(package, bare),
            None => registry.resolve(None, bare),
        };
        let Some(entry) = entry else {
            let place = package.map_or("any package".to_string(), |package| format!("the \"{package}\" package"));
            let message = format!("dbt could not find a macro with the name \"{bare}\" in {place}");
            return Err(Box::new(Diagnostic::error(Code::UnknownMacro, message)));
        };
        let root = &self.project.root().config.name;
        let context = RunContext::for_macro(self, session, package.unwrap_or(root), Vec::new());
        self.env
            .call_macro(&entry.def.unique_id, args, kwargs, Arc::new(context))
            .map_err(|error| diagnose(&error, None, registry))
    }

    /// Calls a macro as `run-operation` does, and gives what it returned.
    ///
    /// # Errors
    /// When there is no such macro, or it fails.
    pub fn run_macro(
        self: &Arc<Self>,
        session: &Arc<Session>,
        name: &str,
        kwargs: &serde_json::Map<String, Data>,
    ) -> Result<Data, Box<Diagnostic>> {
        let kwargs: Vec<(&str, Value)> =
            kwargs.iter().map(|(key, value)| (key.as_str(), py::from_json(value))).collect();
        let result = self.call_macro(session, name, &[], &kwargs);
        if result.is_err() {
            session.release();
        } else {
            session.commit().map_err(SqlFailure::into_diagnostic)?;
        }
        result.map(|value| py::to_json(&value))
    }
}

fn text_of(data: &Data) -> String {
    match data {
        Data::String(text) => text.clone(),
        Data::Null => String::new(),
        other => other.to_string(),
    }
}
