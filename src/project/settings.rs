//! What one invocation was told: command line over environment over project flags over defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value as Data};

/// What the command line says, before anything is resolved. `None` means: not said.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--project-dir`.
    pub project_dir: Option<PathBuf>,
    /// `--profiles-dir`.
    pub profiles_dir: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--target-path`.
    pub target_path: Option<PathBuf>,
    /// `--log-path`.
    pub log_path: Option<PathBuf>,
    /// `--threads`.
    pub threads: Option<usize>,
    /// `--vars`, parsed.
    pub vars: Map<String, Data>,
    /// Every other flag that was given, under dbt's name for it (`full_refresh`, `fail_fast`, `empty`, …).
    pub flags: BTreeMap<String, Data>,
    /// The command, such as `run` or `docs generate`.
    pub command: String,
    /// The command's arguments as `flags`-independent facts for artifacts (`select`, `exclude`, …).
    pub args: Map<String, Data>,
}

/// What holds for one invocation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The command, such as `run`.
    pub command: String,
    /// `--vars`.
    pub vars: Map<String, Data>,
    /// The environment, read once.
    pub env: BTreeMap<String, String>,
    /// Where artifacts go, absolute.
    pub target_path: PathBuf,
    /// Where the log file goes, absolute; `None` when there is none.
    pub log_path: Option<PathBuf>,
    /// Where the profile was found, absolute.
    pub profiles_dir: PathBuf,
    /// `--full-refresh`.
    pub full_refresh: bool,
    /// `--fail-fast`.
    pub fail_fast: bool,
    /// `--empty`.
    pub empty: bool,
    /// `--store-failures`.
    pub store_failures: bool,
    /// `--write-json`.
    pub write_json: bool,
    /// `--introspect`.
    pub introspect: bool,
    /// `--version-check`.
    pub version_check: bool,
    /// `--warn-error` and `--warn-error-options`.
    pub warn_error: WarnErrorOptions,
    /// All flags under dbt's names, as `flags.X` in templates and `args` in artifacts give them.
    pub flags: BTreeMap<String, Data>,
    /// The invocation's id, a UUID.
    pub invocation_id: String,
    /// When the invocation started, UTC.
    pub started_at: jiff::Timestamp,
    /// The command's own arguments, for artifacts.
    pub args: Map<String, Data>,
}

impl Settings {
    /// A flag as a truth value; absent and null are false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.flags.get(name).and_then(Data::as_bool).unwrap_or(false)
    }
}

/// Which warnings are errors, and which are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WarnErrorOptions {
    /// All warnings are errors.
    pub all: bool,
    /// Names that are errors.
    pub error: Vec<String>,
    /// Names that stay warnings.
    pub warn: Vec<String>,
    /// Names that are not shown.
    pub silence: Vec<String>,
}
