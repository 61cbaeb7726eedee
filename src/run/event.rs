//! What happens during a run, told to whoever listens, and where files go.
//!
//! Events hold enough to rebuild a run: node, phase, statement, times, error.

use crate::diagnostic::Diagnostic;
use crate::manifest::{NodeIndex, ResourceType};

use super::result::{NodeResult, RunReport};

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its SQL is rendered.
    Compiling,
    /// Its SQL is run.
    Executing,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The run begins.
    RunStarted {
        /// How many nodes of each kind, ephemeral models left out.
        counts: &'a [(ResourceType, usize)],
        /// How many nodes in all.
        total: usize,
        /// How many threads.
        threads: usize,
        /// The target's name.
        target: &'a str,
    },
    /// A project hook begins.
    HookStarted {
        /// Its node.
        node: NodeIndex,
        /// Its name: `shop.on-run-start.0`.
        name: &'a str,
        /// Its number, from 1.
        index: usize,
        /// How many hooks there are.
        total: usize,
    },
    /// A project hook is done.
    HookFinished {
        /// Its name.
        name: &'a str,
        /// Its number, from 1.
        index: usize,
        /// How many hooks there are.
        total: usize,
        /// How it ended.
        result: &'a NodeResult,
    },
    /// A node begins. Not told of ephemeral models.
    NodeStarted {
        /// The node.
        node: NodeIndex,
        /// Its number in this run, from 1.
        index: usize,
        /// How many nodes there are.
        total: usize,
        /// The thread that works on it.
        thread: &'a str,
    },
    /// A node goes on to its next step.
    NodePhase {
        /// The node.
        node: NodeIndex,
        /// The step.
        phase: Phase,
    },
    /// A batch of a microbatch model begins.
    BatchStarted {
        /// The node.
        node: NodeIndex,
        /// The batch's name: `2024-01-31`.
        label: &'a str,
        /// Its number, from 1.
        index: usize,
        /// How many batches there are.
        total: usize,
    },
    /// A batch of a microbatch model is done or was left out.
    BatchFinished {
        /// The node.
        node: NodeIndex,
        /// The batch's name: `2024-01-31`.
        label: &'a str,
        /// Its number, from 1.
        index: usize,
        /// How many batches there are.
        total: usize,
        /// How it ended: its message is the database's word.
        result: &'a NodeResult,
    },
    /// A node is done or was skipped. Not told of ephemeral models.
    NodeFinished {
        /// Its number in this run, from 1.
        index: usize,
        /// How many nodes there are.
        total: usize,
        /// How it ended.
        result: &'a NodeResult,
    },
    /// Something that the user should know.
    Warning {
        /// The node it is about.
        node: Option<NodeIndex>,
        /// What it is.
        diagnostic: &'a Diagnostic,
    },
    /// The run was told to stop; running statements are being interrupted.
    Stopping,
    /// The run is over.
    RunFinished {
        /// What became of it.
        report: &'a RunReport,
    },
}

/// Hears what happens. Called from several threads.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event<'_>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event<'_>) {}
}

/// Takes the SQL texts of nodes; they become files below the target folder.
pub trait Output: Send + Sync {
    /// Writes a text. `path` counts from the target folder: `compiled/shop/models/orders.sql`.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn write(&self, path: &str, text: &str) -> Result<(), Box<Diagnostic>>;
}

impl Output for Silent {
    fn write(&self, _path: &str, _text: &str) -> Result<(), Box<Diagnostic>> {
        Ok(())
    }
}
