//! What became of each node, and of the whole run.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Data};

use super::freshness::Freshness;
use crate::adapter::Table;
use crate::compile::CompiledNode;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Node, NodeIndex, ResourceType, UniqueId};

/// How a node ended, in dbt's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// A model, seed, snapshot or hook is done.
    Success,
    /// It could not be compiled or run.
    Error,
    /// A test found what should not be.
    Fail,
    /// A test found what should not be, and only warns.
    Warn,
    /// A test found nothing.
    Pass,
    /// It was not run, because something before it went wrong.
    Skipped,
    /// There was nothing to do, as for an exposure.
    NoOp,
    /// A source's freshness could not be told.
    RuntimeError,
    /// Some batches of a microbatch model failed.
    PartialSuccess,
}

impl Status {
    /// The word that artifacts use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Pass => "pass",
            Self::Skipped => "skipped",
            Self::NoOp => "no-op",
            Self::RuntimeError => "runtime error",
            Self::PartialSuccess => "partial success",
        }
    }

    /// Whether a run with such a result has failed.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::Fail | Self::Skipped | Self::RuntimeError | Self::PartialSuccess)
    }
}

/// The two steps that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimingName {
    /// Rendering the SQL.
    Compile,
    /// Running it.
    Execute,
}

impl TimingName {
    /// The word that artifacts use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Execute => "execute",
        }
    }
}

/// When a step began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The step.
    pub name: TimingName,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent if it failed on the way.
    pub completed_at: Option<Timestamp>,
}

/// What became of the batches of a microbatch model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchResults {
    /// Batches that were built, by their times.
    pub successful: Vec<(Timestamp, Timestamp)>,
    /// Batches that failed or were left out.
    pub failed: Vec<(Timestamp, Timestamp)>,
}

/// What became of one node.
#[derive(Clone, Debug)]
pub struct NodeResult {
    /// The node; absent for a macro run by `run-operation`.
    pub node: Option<NodeIndex>,
    /// Its unique id.
    pub unique_id: UniqueId,
    /// How it ended.
    pub status: Status,
    /// The database's word, or what went wrong, in dbt's form.
    pub message: Option<String>,
    /// Rows that a test found; 0 or 1 for hooks.
    pub failures: Option<i64>,
    /// The timed steps.
    pub timings: Vec<Timing>,
    /// The thread's name.
    pub thread_id: String,
    /// Seconds from start to end.
    pub execution_time: f64,
    /// What the database said, as published.
    pub adapter_response: Map<String, Data>,
    /// The relation that was built, as SQL writes it.
    pub relation_name: Option<String>,
    /// The compiled SQL, if it came to that.
    pub compiled_code: Option<Arc<str>>,
    /// Why it was skipped: the node that failed.
    pub skipped_because: Option<NodeIndex>,
    /// The first rows that a failed test found, or the difference of a unit test.
    pub failing_rows: Option<Table>,
    /// How a unit test's rows differ, as text.
    pub difference: Option<String>,
    /// What went wrong, with its place.
    pub diagnostic: Option<Box<Diagnostic>>,
    /// The batches of a microbatch model.
    pub batches: Option<BatchResults>,
    /// How fresh a source is.
    pub freshness: Option<Freshness>,
}

impl NodeResult {
    /// A result with nothing but a status.
    #[must_use]
    pub fn new(node: Option<NodeIndex>, unique_id: UniqueId, status: Status) -> Self {
        Self {
            node,
            unique_id,
            status,
            message: None,
            failures: None,
            timings: Vec::new(),
            thread_id: String::new(),
            execution_time: 0.0,
            adapter_response: Map::new(),
            relation_name: None,
            compiled_code: None,
            skipped_because: None,
            failing_rows: None,
            difference: None,
            diagnostic: None,
            batches: None,
            freshness: None,
        }
    }

    /// The result of a node that has not come to anything yet.
    #[must_use]
    pub fn of(ix: NodeIndex, node: &Node, status: Status) -> Self {
        let mut result = Self::new(Some(ix), node.unique_id.clone(), status);
        // Like dbt, which gives seeds none: they are never compiled.
        if node.resource_type != ResourceType::Seed {
            result.relation_name.clone_from(&node.relation_name);
        }
        result
    }

    /// The same result with a message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// Results in the order they came, hooks among them.
    pub results: Vec<NodeResult>,
    /// What was compiled, ephemeral models too, in the order of nodes.
    pub compiled: Vec<Arc<CompiledNode>>,
    /// Nodes that were not run because the run was stopped.
    pub not_run: Vec<NodeIndex>,
    /// Seconds from start to end.
    pub elapsed: f64,
    /// Whether the run was interrupted.
    pub is_interrupted: bool,
}

impl RunReport {
    /// Whether everything went well: decides the exit code.
    #[must_use]
    pub fn is_success(&self) -> bool {
        !self.is_interrupted && !self.results.iter().any(|result| result.status.is_failure())
    }

    /// How many results have one of these statuses.
    #[must_use]
    pub fn count(&self, statuses: &[Status]) -> usize {
        self.results.iter().filter(|result| statuses.contains(&result.status)).count()
    }
}
