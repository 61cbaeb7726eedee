//! One thing to say: its text for people, and its name and data for tools.

use serde_json::{Map, Value as Data};

/// How severe a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For finding out what happened.
    Debug,
    /// What happens.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// dbt's word for the level.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The name and code by which tools know a kind of message: dbt's, where dbt has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventName {
    /// Such as `LogModelResult`.
    pub name: &'static str,
    /// Such as `Q012`.
    pub code: &'static str,
}

/// The kinds of message.
#[rustfmt::skip]
#[allow(missing_docs, reason = "each constant is its own name")]
pub mod names {
    use super::EventName;

    const fn event(name: &'static str, code: &'static str) -> EventName {
        EventName { name, code }
    }

    pub const VERSION: EventName = event("MainReportVersion", "A001");
    pub const ARGS: EventName = event("MainReportArgs", "A002");
    pub const ADAPTER: EventName = event("AdapterRegistered", "E034");
    pub const FOUND: EventName = event("FoundStats", "W006");
    pub const FORMATTING: EventName = event("Formatting", "Z017");
    pub const CONCURRENCY: EventName = event("ConcurrencyLine", "Q027");
    pub const HOOK_START: EventName = event("LogHookStartLine", "Q032");
    pub const HOOK_END: EventName = event("LogHookEndLine", "Q033");
    pub const START: EventName = event("LogStartLine", "Q011");
    pub const MODEL: EventName = event("LogModelResult", "Q012");
    pub const SNAPSHOT: EventName = event("LogSnapshotResult", "Q015");
    pub const SEED: EventName = event("LogSeedResult", "Q016");
    pub const FRESHNESS: EventName = event("LogFreshnessResult", "Q018");
    pub const FRESHNESS_DONE: EventName = event("FreshnessCheckComplete", "Q003");
    pub const TEST: EventName = event("LogTestResult", "Q007");
    pub const BATCH_START: EventName = event("LogStartBatch", "Q045");
    pub const BATCH: EventName = event("LogBatchResult", "Q046");
    pub const NODE: EventName = event("LogNodeResult", "Q008");
    pub const BATCHES_UNFILTERED: EventName = event("MicrobatchModelNoEventTimeInputs", "I074");
    pub const STATE_IS_TARGET: EventName = event("WarnStateTargetEqual", "I072");
    pub const FUNCTION: EventName = event("LogFunctionResult", "Q047");
    pub const NO_OP: EventName = event("LogNodeNoOpResult", "Q019");
    pub const SKIP: EventName = event("SkippingDetails", "Q034");
    pub const SKIP_BECAUSE: EventName = event("LogSkipBecauseError", "Z034");
    pub const CANCEL: EventName = event("LogCancelLine", "Q022");
    pub const NODE_STARTED: EventName = event("NodeStart", "Q024");
    pub const NODE_FAILED: EventName = event("CatchableExceptionOnRun", "W002");
    pub const VARIABLES: EventName = event("StateCheckVarsHash", "I025");
    pub const NODE_FINISHED: EventName = event("NodeFinished", "Q025");
    pub const WRITTEN: EventName = event("ArtifactWritten", "P001");
    pub const FINISHED: EventName = event("FinishedRunningStats", "E047");
    pub const END: EventName = event("EndOfRunSummary", "Z030");
    pub const FAILURE: EventName = event("RunResultFailure", "Z022");
    pub const WARNING: EventName = event("RunResultWarning", "Z021");
    pub const FAILURE_TEXT: EventName = event("RunResultError", "Z024");
    pub const FAILURE_NO_TEXT: EventName = event("RunResultErrorNoMessage", "Z025");
    pub const WARNING_TEXT: EventName = event("RunResultWarningMessage", "Z046");
    pub const COMPILED_PATH: EventName = event("SQLCompiledPath", "Z026");
    pub const STORED_FAILURES: EventName = event("CheckNodeTestFailure", "Z027");
    pub const STATS: EventName = event("StatsLine", "Z023");
    pub const COMPLETED: EventName = event("CommandCompleted", "Q039");
    pub const FATAL: EventName = event("MainEncounteredError", "Z002");
    pub const INTERRUPTED: EventName = event("MainKeyboardInterrupt", "Z001");
    pub const NOTHING_MATCHES: EventName = event("NoNodesForSelectionCriteria", "M030");
    pub const NOTHING_TO_DO: EventName = event("NothingToDo", "Q035");
    pub const NOTHING_LISTED: EventName = event("NoNodesSelected", "Q038");
    pub const LISTED: EventName = event("ListCmdOut", "Z049");
    pub const SHOWN: EventName = event("ShowNode", "Q041");
    pub const COMPILED: EventName = event("CompiledNode", "Q042");
    pub const DEBUG_LINE: EventName = event("DebugCmdOut", "Z047");
    pub const DEBUG_RESULT: EventName = event("DebugCmdResult", "Z048");
    pub const CLEAN_CHECK: EventName = event("CheckCleanPath", "Z012");
    pub const CLEANED: EventName = event("ConfirmCleanPath", "Z013");
    pub const CLEAN_PROTECTED: EventName = event("ProtectedCleanPath", "Z014");
    pub const CLEAN_DONE: EventName = event("FinishedCleanPaths", "Z015");
    pub const DEPS_NOTHING: EventName = event("DepsNoPackagesFound", "M013");
    pub const DEPS_START: EventName = event("DepsStartPackageInstall", "M014");
    pub const DEPS_INSTALLED: EventName = event("DepsInstallInfo", "M015");
    pub const DEPS_UPDATE: EventName = event("DepsUpdateAvailable", "M016");
    pub const DEPS_UP_TO_DATE: EventName = event("DepsUpToDate", "M017");
    pub const DEPS_SUBDIRECTORY: EventName = event("DepsListSubdirectory", "M018");
    pub const DEPS_UPDATES: EventName = event("DepsNotifyUpdatesAvailable", "M019");
    pub const DEPS_RETRY: EventName = event("RecordRetryException", "M021");
    pub const DEPS_UNPINNED: EventName = event("DepsUnpinned", "M029");
    pub const DEPS_LOCKED: EventName = event("DepsLockUpdating", "M031");
    pub const DEPS_ADDED: EventName = event("DepsAddPackage", "M032");
    pub const DEPS_DUPLICATE: EventName = event("DepsFoundDuplicatePackage", "M033");
    pub const DEPS_RENAMED: EventName = event("PackageRedirectDeprecation", "D001");
    pub const DEPS_SCRUBBED: EventName = event("DepsScrubbedPackageName", "M035");
    pub const SQL: EventName = event("SQLQuery", "E016");
    pub const SQL_STATUS: EventName = event("SQLQueryStatus", "E017");
    pub const SQL_FAILED: EventName = event("AdapterEventDebug", "E001");
    pub const LOG_WARN: EventName = event("JinjaLogWarning", "I061");
    pub const LOG_INFO: EventName = event("JinjaLogInfo", "I062");
    pub const LOG_DEBUG: EventName = event("JinjaLogDebug", "I063");
    pub const PRINT: EventName = event("PrintEvent", "Z052");
    pub const NOTE: EventName = event("Note", "Z050");
    pub const SEED_TABLE: EventName = event("SeedHeader", "Q004");
    pub const PARSED: EventName = event("ParsePerfInfoPath", "I010");
    pub const CATALOG_STARTED: EventName = event("BuildingCatalog", "E044");
    pub const CATALOG_WRITTEN: EventName = event("CatalogWritten", "E042");
    pub const CATALOG_WARNING: EventName = event("CatalogGenerationError", "E040");
    pub const CATALOG_FAILED: EventName = event("WriteCatalogFailure", "E041");
    pub const DOCS_FAILED: EventName = event("CannotGenerateDocs", "E043");
    pub const OPERATION_FAILED: EventName = event("RunningOperationCaughtError", "Q001");
}

/// One message.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What kind of message.
    pub event: EventName,
    /// How severe.
    pub level: Level,
    /// The text; colors are taken out where they are not wanted.
    pub text: String,
    /// Facts for tools.
    pub data: Map<String, Data>,
    /// The worker it comes from; empty for the main thread.
    pub thread: String,
}

impl Entry {
    /// Makes a message without facts.
    #[must_use]
    pub fn new(event: EventName, level: Level, text: impl Into<String>) -> Self {
        Self { event, level, text: text.into(), data: Map::new(), thread: String::new() }
    }

    /// Makes an info message.
    #[must_use]
    pub fn info(event: EventName, text: impl Into<String>) -> Self {
        Self::new(event, Level::Info, text)
    }

    /// An empty line.
    #[must_use]
    pub fn blank() -> Self {
        Self::info(names::FORMATTING, "").with("msg", "")
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Data>) -> Self {
        self.data.insert(key.to_owned(), value.into());
        self
    }

    /// Says which worker it comes from.
    #[must_use]
    pub fn from_thread(mut self, thread: &str) -> Self {
        thread.clone_into(&mut self.thread);
        self
    }
}
