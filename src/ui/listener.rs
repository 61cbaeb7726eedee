//! What templates say while they run, and what is sent to the database.

use std::sync::Arc;

use serde_json::Value as Data;

use super::entry::{Entry, Level, names};
use super::lines::node_info;
use super::printer::Printer;
use super::problems::escalate;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::jinja::{Listener, MessageLevel, StatementEvent, StatementPhase};
use crate::manifest::Manifest;
use crate::project::WarnErrorOptions;

/// Passes messages and statements on to the printer.
pub struct TermListener {
    printer: Arc<Printer>,
    warn_error: WarnErrorOptions,
    manifest: Option<Arc<Manifest>>,
}

impl TermListener {
    /// Makes a listener.
    #[must_use]
    pub fn new(printer: &Arc<Printer>, warn_error: &WarnErrorOptions) -> Self {
        Self { printer: Arc::clone(printer), warn_error: warn_error.clone(), manifest: None }
    }

    /// Lets JSON lines about statements tell the facts of the node.
    #[must_use]
    pub fn with_manifest(self, manifest: &Arc<Manifest>) -> Self {
        Self { manifest: Some(Arc::clone(manifest)), ..self }
    }

    fn node_info(&self, id: Option<&str>) -> Option<Data> {
        let manifest = self.manifest.as_ref().filter(|_| self.printer.options().writes_json())?;
        let node = manifest.node(manifest.find(id?)?);
        Some(node_info(node, "executing", None, None))
    }
}

/// The name of the worker that speaks, as results publish it.
fn thread_name() -> String {
    std::thread::current().name().filter(|name| *name != "main").unwrap_or_default().to_owned()
}

impl Listener for TermListener {
    fn message(&self, node: Option<&str>, level: MessageLevel, text: &str) {
        let (event, level) = match level {
            MessageLevel::Debug => (names::LOG_DEBUG, Level::Debug),
            MessageLevel::Info => (names::LOG_INFO, Level::Info),
            MessageLevel::Print => (names::PRINT, Level::Info),
        };
        let mut entry = Entry::new(event, level, text).with("msg", text).from_thread(&thread_name());
        if let Some(node) = node {
            entry = entry.with("unique_id", node);
        }
        if let Some(info) = self.node_info(node) {
            entry = entry.with("node_info", info);
        }
        if event != names::PRINT {
            self.printer.say(&entry);
        } else if self.printer.options().print {
            self.printer.data(&entry);
        } else {
            self.printer.log_only(&entry);
        }
    }

    fn warning(&self, _node: Option<&str>, warning: Diagnostic) -> Result<(), Box<Diagnostic>> {
        let mut problems = Diagnostics::new();
        problems.push(warning);
        for problem in escalate(problems, &self.warn_error) {
            if problem.severity == Severity::Error {
                return Err(Box::new(problem));
            }
            self.printer.warning(&problem);
        }
        Ok(())
    }

    fn statement(&self, event: &StatementEvent<'_>) {
        let connection = event.connection;
        let mut entry = match event.phase {
            StatementPhase::Started => {
                let text = format!("On {}: {}", event.node.unwrap_or(connection), event.sql);
                Entry::new(names::SQL, Level::Debug, text).with("sql", event.sql).with("conn_name", connection)
            }
            StatementPhase::Finished { seconds } => {
                let text = format!("SQL status: OK in {seconds:.3} seconds");
                Entry::new(names::SQL_STATUS, Level::Debug, text).with("status", "OK").with("elapsed", seconds)
            }
            StatementPhase::Failed { message } => {
                Entry::new(names::SQL_FAILED, Level::Debug, format!("SQL failed: {message}")).with("exc", message)
            }
        };
        if let Some(info) = self.node_info(event.node) {
            entry = entry.with("node_info", info);
        }
        self.printer.say(&entry.from_thread(&thread_name()));
    }
}
