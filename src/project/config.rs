//! `dbt_project.yml` as typed data, one for the root project and one for each package.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::yaml::Yaml;
use super::{DeclaredProject, Settings, Target};
use crate::diagnostic::{SourceFile, Span};

/// A loaded project: its own configuration, its packages, the target and the settings of this run.
#[derive(Clone, Debug)]
pub struct Project {
    /// The root project first, then the installed packages in the order of their names.
    pub packages: Vec<Package>,
    /// The chosen target of the profile.
    pub target: Target,
    /// What the command line, the environment and the project's `flags:` say.
    pub settings: Settings,
    /// Other projects whose public models refs may name.
    pub upstream: Vec<DeclaredProject>,
}

impl Project {
    /// The two packages in which names without a package are looked for first, from a node of a package.
    #[must_use]
    pub fn search_order<'a>(&'a self, package: &'a str) -> [&'a str; 2] {
        let root = self.root().config.name.as_str();
        let is_own_first = self.settings.flag("require_ref_searches_node_package_before_root");
        if is_own_first { [package, root] } else { [root, package] }
    }

    /// The root project.
    #[must_use]
    pub fn root(&self) -> &Package {
        &self.packages[0]
    }

    /// The package of that name.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.config.name == name)
    }
}

/// The root project or an installed package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Where it lies, absolute.
    pub root: PathBuf,
    /// Its dbt_project.yml.
    pub config: Arc<ProjectConfig>,
}

/// A package's dbt_project.yml, rendered, with dbt's defaults filled in.
#[derive(Clone, Debug)]
pub struct ProjectConfig {
    /// The file, for places in messages.
    pub file: Arc<SourceFile>,
    /// `name`.
    pub name: String,
    /// `version`, as text.
    pub version: Option<String>,
    /// `profile`.
    pub profile: Option<String>,
    /// `model-paths`.
    pub model_paths: Vec<String>,
    /// `macro-paths`.
    pub macro_paths: Vec<String>,
    /// `seed-paths`.
    pub seed_paths: Vec<String>,
    /// `test-paths`.
    pub test_paths: Vec<String>,
    /// `analysis-paths`.
    pub analysis_paths: Vec<String>,
    /// `snapshot-paths`.
    pub snapshot_paths: Vec<String>,
    /// `docs-paths`; all of the above when not given.
    pub docs_paths: Vec<String>,
    /// `asset-paths`.
    pub asset_paths: Vec<String>,
    /// `function-paths`.
    pub function_paths: Vec<String>,
    /// `target-path` as written; `settings.target_path` is what holds.
    pub target_path: String,
    /// `log-path` as written; `settings.log_path` is what holds.
    pub log_path: String,
    /// `clean-targets`.
    pub clean_targets: Vec<String>,
    /// `packages-install-path`.
    pub packages_install_path: String,
    /// `quoting`.
    pub quoting: Quoting,
    /// The trees `models`, `seeds`, `snapshots`, `data_tests` (also for `tests:`), `unit_tests`, `sources`, `analyses`,
    /// `exposures`, `metrics`, `semantic_models`, `saved_queries`, `functions`, always with underscores.
    pub layers: std::collections::BTreeMap<String, PackageLayer>,
    /// `vars:` as written, rendered: global names and package names.
    pub vars: Map<String, Data>,
    /// `on-run-start`, unrendered, with the place of each.
    pub on_run_start: Vec<Yaml>,
    /// `on-run-end`, unrendered, with the place of each.
    pub on_run_end: Vec<Yaml>,
    /// `dispatch`.
    pub dispatch: Vec<DispatchRule>,
    /// `query-comment` as written: text, or a map with comment/append/job-label; `None` if absent.
    pub query_comment: Option<Data>,
    /// `require-dbt-version`.
    pub require_dbt_version: Vec<String>,
    /// Where `require-dbt-version` stands.
    pub require_dbt_version_span: Span,
    /// `restrict-access`.
    pub restrict_access: bool,
    /// `flags:`.
    pub flags: Map<String, Data>,
    /// `dbt-cloud`, passed through to artifacts.
    pub cloud: Map<String, Data>,
}

impl ProjectConfig {
    /// All folders in which property files are looked for, each once.
    #[must_use]
    pub fn source_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        let all = [
            &self.model_paths,
            &self.seed_paths,
            &self.snapshot_paths,
            &self.analysis_paths,
            &self.macro_paths,
            &self.test_paths,
            &self.function_paths,
        ];
        for path in all.into_iter().flatten().map(|path| path.trim_end_matches('/')) {
            if !paths.iter().any(|other| other == path) {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}

/// One of the configuration trees of dbt_project.yml, unrendered and rendered.
#[derive(Clone, Debug, Default)]
pub struct PackageLayer {
    /// As written: for `unrendered_config` and for places in messages.
    pub written: Option<Yaml>,
    /// With templates rendered (hooks are kept as written).
    pub rendered: Map<String, Data>,
}

/// One entry of `dispatch:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchRule {
    /// The namespace whose macros are looked up.
    pub macro_namespace: String,
    /// The packages that are searched, in order.
    pub search_order: Vec<String>,
}

/// `quoting:`; `None` where the adapter's default holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quoting {
    /// Quote databases.
    pub database: Option<bool>,
    /// Quote schemas.
    pub schema: Option<bool>,
    /// Quote identifiers.
    pub identifier: Option<bool>,
    /// `snowflake_ignore_case`, passed through.
    pub snowflake_ignore_case: Option<bool>,
}
