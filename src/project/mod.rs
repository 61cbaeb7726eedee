//! What is on disk and how it is configured: project files, profile, settings.
//!
//! Templates in YAML values are rendered through [`RenderYaml`], which the template room implements:
//! this room knows nothing of Jinja.

mod config;
mod config_keys;
mod dotenv;
mod draft;
mod engine_env;
mod flags;
mod ignore;
mod load;
mod notices;
mod packages;
mod profile;
mod project_file;
mod render;
mod scan;
mod secrets;
mod selectors;
mod settings;
mod vars_file;
mod version;
mod warn_error;
mod window;
pub mod yaml;

pub use config::{DispatchRule, Package, PackageLayer, Project, ProjectConfig, Quoting};
pub use config_keys::CONFIG_KEYS;
pub use draft::{DraftColumn, add_columns, new_file};
pub use flags::is_default;
pub use load::{PackageHead, Root, find_profile, load, load_lock_file, load_package_head, load_root, load_target};
pub use packages::{Declared, DeclaredProject, LockFile};
pub use profile::{Profiles, Target, Written};
pub use scan::{FileChecksum, FileKind, ProjectFile, ProjectFiles, read_text, scan};
pub use secrets::{SECRET_PREFIX, Secrets, is_secret_key, shown_setting, shown_var};
pub use selectors::{SelectorsFile, read_selectors};
pub use settings::{Overrides, Settings, environment, flag_in, published};
pub use version::{DBT_PLUGINS, DBT_VERSION};
pub use warn_error::{Verdict, WarnErrorOptions};
pub use window::{TimeWindow, TimeWindows, read_moment};

use std::path::Path;

use serde_json::Value as Data;

/// Renders a template found in a YAML value, natively: `"{{ 1 + 1 }}"` gives the number 2.
pub trait RenderYaml: Send + Sync {
    /// Renders with the names that project files see (`var`, `env_var`, `target` where there is one).
    ///
    /// # Errors
    /// When the template fails; the diagnostic has no place yet.
    fn render_native(&self, text: &str, scope: YamlScope<'_>) -> Result<Data, Box<crate::diagnostic::Diagnostic>>;
}

/// What a YAML template may see besides `env_var` and the command line's variables.
#[derive(Clone, Copy, Debug)]
pub struct YamlScope<'a> {
    /// The target, once it is known.
    pub target: Option<&'a Target>,
    /// Variables: those of the command line, then those of the project where they are known.
    pub vars: &'a serde_json::Map<String, Data>,
    /// The environment.
    pub env: &'a std::collections::BTreeMap<String, String>,
    /// Whether secrets (`DBT_ENV_SECRET_…`) may be read: in profiles and packages only.
    pub may_read_secrets: bool,
}

/// A path as messages show it: below the root project where it lies there.
#[must_use]
pub fn shown_path(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Why the operating system refused, without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
