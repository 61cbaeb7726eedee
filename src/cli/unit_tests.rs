//! What unit tests need besides the project: the types of inputs that are not built, and the engine to run in.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::pipeline::Parsed;
use super::{ExitStatus, check};
use crate::adapter::{self, Adapter};
use crate::jinja::{Runtime, RuntimeParts, Silent, SqlFailure};
use crate::manifest::{NodeIndex, NodeKind};
use crate::run::{ColumnTypes, RunPlan, inputs_of};

/// The embedded engine, if unit tests are to run there: `--compute local`.
pub(super) struct Engine {
    adapter: Arc<dyn Adapter>,
    /// The project with the engine as its database.
    pub(super) runtime: Arc<Runtime>,
}

impl Engine {
    /// Opens the engine if it is asked for.
    pub(super) fn open(parsed: &Parsed) -> Result<Option<Self>, ExitStatus> {
        let project = &parsed.project;
        let word = project.settings.flags.get("compute").and_then(serde_json::Value::as_str);
        if word != Some("local") {
            return Ok(None);
        }
        let open = || adapter::open_local(&project.target, &project.root().root, &parsed.adapter);
        let fail = |error| parsed.fail(&SqlFailure { error, sql: String::new() }.into_diagnostic());
        // Types are found out in a database of their own.
        let (adapter, own) = (open().map_err(fail)?, open().map_err(fail)?);
        let runtime = Runtime::new(RuntimeParts {
            project: Arc::clone(project),
            manifest: Arc::clone(&parsed.manifest),
            registry: Arc::clone(&parsed.macros),
            adapter: own,
            listener: Arc::new(Silent),
            selected: Vec::new(),
            deferred: Arc::default(),
        });
        Ok(Some(Self { adapter, runtime }))
    }
}

/// The columns of what unit tests read, found out when the first is asked for.
pub(super) struct Inputs<'a> {
    parsed: &'a Parsed,
    wanted: HashSet<NodeIndex>,
    engine: Option<&'a Engine>,
    found: OnceLock<HashMap<NodeIndex, Vec<(String, String)>>>,
}

impl<'a> Inputs<'a> {
    /// Of the unit tests of a plan.
    pub(super) fn of(parsed: &'a Parsed, plan: &RunPlan, engine: Option<&'a Engine>) -> Self {
        let manifest = &parsed.manifest;
        let is_test = |ix: &NodeIndex| matches!(manifest.node(*ix).kind, NodeKind::UnitTest(_));
        let mut wanted = HashSet::new();
        let mut queue: Vec<NodeIndex> = plan.all_nodes().filter(is_test).collect();
        while let Some(ix) = queue.pop() {
            let inputs = inputs_of(manifest, ix);
            queue.extend(manifest.parents(ix).iter().chain(&inputs).filter(|parent| wanted.insert(**parent)));
        }
        Self { parsed, wanted, engine, found: OnceLock::new() }
    }
}

impl ColumnTypes for Inputs<'_> {
    fn of(&self, ix: NodeIndex) -> Option<Vec<(String, String)>> {
        let engine = self.engine.map(|engine| &engine.adapter);
        self.found.get_or_init(|| check::types_of(self.parsed, &self.wanted, engine)).get(&ix).cloned()
    }
}
