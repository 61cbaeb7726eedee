//! The steps that commands share: load, parse, connect. Each ends with a value or with the exit status that follows.
//!
//! After every step the warnings are said and the errors decide whether there is a next one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::earlier::{self, Previous};
use super::{ExitStatus, is_called_dbt, upstream};
use crate::adapter::{self, Adapter, AdapterErrorKind};
use crate::artifacts::{self, ManifestFacts, RunFile};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::jinja::{MacroRegistry, Runtime, RuntimeParts, YamlRenderer, py};
use crate::manifest::{Manifest, Node, NodeSet, ResourceType};
use crate::parse;
use crate::project::{self, DBT_VERSION, Overrides, Project, Secrets, environment};
use crate::run::RunReport;
use crate::select::{Indirect, Selectors};
use crate::ui::{Entry, Level, Options, Printer, Sources, Stream, TermListener, count, escalate, names, noun};

/// A loaded project and the printer that its settings ask for.
pub(super) struct Loaded {
    pub(super) project: Arc<Project>,
    pub(super) printer: Arc<Printer>,
    pub(super) yaml: YamlRenderer,
    overrides: Overrides,
}

impl Loaded {
    /// An error with `--warn-error` only if `require_all_warnings_handled_by_warn_error` is set, as in dbt.
    fn say_unfiltered(&self, model: &Node) -> Result<(), ExitStatus> {
        let name = &model.name;
        let text = format!(
            "[{}]: The microbatch model '{name}' has no 'ref' or 'source' input with an 'event_time' configuration. \n\
             This means no filtering can be applied and can result in unexpected duplicate records in the resulting \
             microbatch model.",
            self.printer.theme().caution("WARNING")
        );
        let event = names::BATCHES_UNFILTERED;
        let entry = Entry::new(event, Level::Warn, text).with("model_name", name.as_str());
        self.warn(&entry, Code::PropertyInvalid)
    }

    fn warn(&self, entry: &Entry, code: Code) -> Result<(), ExitStatus> {
        let said = self.printer.warn(entry, code, &self.project.settings.warn_error);
        said.map_err(|error| {
            self.printer.fatal([&*error]);
            ExitStatus::Error
        })
    }

    /// What was typed.
    pub(super) const fn overrides(&self) -> &Overrides {
        &self.overrides
    }
}

/// A parsed project.
pub(super) struct Parsed {
    pub(super) project: Arc<Project>,
    pub(super) printer: Arc<Printer>,
    pub(super) manifest: Arc<Manifest>,
    pub(super) macros: Arc<MacroRegistry>,
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) selectors: Selectors,
    pub(super) previous: Previous,
}

/// Loads the project. Says so, or why not.
pub(super) fn load(overrides: &Overrides, messages: Stream) -> Result<Loaded, ExitStatus> {
    let yaml = YamlRenderer::new();
    let mut problems = Diagnostics::new();
    let loaded = project::load(overrides, &yaml, &mut problems);
    let project = match loaded {
        Ok(project) => Arc::new(project),
        Err(error) => {
            let printer = early_printer(overrides, messages);
            say_version(&printer);
            problems.push(*error);
            printer.warnings(&problems);
            printer.fatal(&problems);
            return Err(ExitStatus::Error);
        }
    };
    let printer = Arc::new(printer(&project, overrides, messages));
    say_version(&printer);
    say_variables(&printer, &project);
    let loaded = Loaded { project, printer, yaml, overrides: overrides.clone() };
    loaded.check(problems)?;
    Ok(loaded)
}

/// Tells the log which variables and names were given, as dbt does.
fn say_variables(printer: &Printer, project: &Project) {
    let given = |name: &str| project.settings.flags.get(name).cloned().unwrap_or_default();
    let vars = py::to_str(&py::from_json(&given("vars")));
    let name = |name: &str| given(name).as_str().unwrap_or_default().to_owned();
    let (profile, target) = (name("profile"), name("target"));
    let text = format!("vars: {vars}, profile: {profile}, target: {target}, version: {DBT_VERSION}");
    let entry = Entry::new(names::VARIABLES, Level::Debug, text).with("vars", vars).with("profile", profile);
    printer.say(&entry.with("target", target).with("version", DBT_VERSION));
}

/// A printer before there are settings: what the command line and the environment say.
pub(super) fn early_printer(overrides: &Overrides, messages: Stream) -> Printer {
    let env = environment();
    let none = BTreeMap::new();
    let mut options = Options::resolve(Sources { resolved: &none, given: &overrides.flags, env: &env }, messages);
    options.log_folder.clone_from(&overrides.log_path);
    Printer::new(options, Secrets::new(&env).with_vars(&overrides.vars))
}

fn printer(project: &Project, overrides: &Overrides, messages: Stream) -> Printer {
    let settings = &project.settings;
    let sources = Sources { resolved: &settings.flags, given: &overrides.flags, env: &settings.env };
    let mut options = Options::resolve(sources, messages);
    options.log_folder.clone_from(&settings.log_path);
    options.invocation_id.clone_from(&settings.invocation_id);
    Printer::new(options, Secrets::new(&settings.env).with_vars(&overrides.vars))
}

pub(super) fn say_version(printer: &Printer) {
    let (name, number) = if is_called_dbt() { ("dbt", DBT_VERSION) } else { ("kiln", env!("CARGO_PKG_VERSION")) };
    let version = format!("={number}");
    let entry = Entry::info(names::VERSION, format!("Running with {name}{version}"));
    printer.say(&entry.with("version", version).with("log_version", 3));
}

impl Loaded {
    /// Says warnings, and ends the command if there are errors.
    fn check(&self, problems: Diagnostics) -> Result<(), ExitStatus> {
        check(&self.printer, &self.project, problems)
    }

    /// Parses the project.
    pub(super) fn parse(self) -> Result<Parsed, ExitStatus> {
        let adapter = self.open_adapter()?;
        let mut problems = Diagnostics::new();
        let files = project::scan(&self.project, &mut problems);
        let builtins = [adapter.builtins(), crate::builtins::DEFAULT];
        let macros = parse::registry(&self.project, &files, &builtins, &mut problems);
        let mut missing = Diagnostics::new();
        let upstream = upstream::read(&self.project, &mut missing);
        let is_complete = !missing.has_errors();
        problems.extend(missing);
        if !is_complete {
            // Every ref to it would be an error of its own.
            self.check(problems)?;
            return Err(ExitStatus::Error);
        }
        let others = parse::Others { upstream: &upstream, macros: &macros };
        let (manifest, found) = parse::parse(&self.project, &files, others, &self.yaml, self.listener());
        problems.extend(found);
        let selectors = self.selectors(&mut problems);
        self.check(problems)?;
        let mut manifest = manifest;
        manifest.selectors = selectors.published();
        // A database file may lie in the target folder, which DuckDB does not make.
        let _ = std::fs::create_dir_all(&self.project.settings.target_path);
        if let Some(folder) = earlier::overwritten(&self.project.settings, &self.project.root().root) {
            let text = format!(
                "The state and target directories are the same: '{folder}'. This run overwrites what it compares with"
            );
            let entry = Entry::new(names::STATE_IS_TARGET, Level::Warn, text).with("state_path", folder);
            self.warn(&entry, Code::PreviousStateMissing)?;
        }
        for model in parse::unfiltered_batches(&self.project, &macros, &manifest) {
            self.say_unfiltered(model)?;
        }
        let previous = earlier::read(&self)?;
        let Self { project, printer, .. } = self;
        // `show` asks for rows in any case.
        let is_asked = project.settings.introspect || project.settings.command != "compile";
        let adapter = if is_asked { adapter } else { Arc::new(adapter::Offline::listing(adapter)) };
        let manifest = Arc::new(manifest);
        // It lives as long as the process: freeing it piece by piece at the end would take a tenth of `parse`.
        std::mem::forget(Arc::clone(&manifest));
        Ok(Parsed { project, printer, manifest, macros, adapter, selectors, previous })
    }

    fn listener(&self) -> Arc<TermListener> {
        Arc::new(TermListener::new(&self.printer, &self.project.settings.warn_error))
    }

    /// What selectors.yml declares.
    fn selectors(&self, problems: &mut Diagnostics) -> Selectors {
        let word = self.project.settings.flags.get("indirect_selection").and_then(serde_json::Value::as_str);
        let indirect = word.and_then(Indirect::find).unwrap_or_default();
        let read = project::read_selectors(&self.project, &self.yaml, problems).and_then(|file| match file {
            Some(file) => Selectors::read(&file, indirect),
            None => Ok(Selectors::default()),
        });
        read.unwrap_or_else(|error| {
            problems.push(*error);
            Selectors::default()
        })
    }

    fn open_adapter(&self) -> Result<Arc<dyn Adapter>, ExitStatus> {
        adapter::open(&self.project.target, &self.project.root().root).map_err(|error| {
            let code = match error.kind {
                AdapterErrorKind::Unsupported => Code::UnknownAdapter,
                AdapterErrorKind::Settings => Code::ProfileInvalid,
                AdapterErrorKind::Locked => Code::DatabaseLocked,
                AdapterErrorKind::NotADatabase => Code::NotADatabase,
                AdapterErrorKind::DiskFull => Code::DiskFull,
                AdapterErrorKind::Extension => Code::ExtensionMissing,
                _ => Code::ConnectFailed,
            };
            let target = &self.project.target;
            let message = format!("target `{}` of profile `{}`: {error}", target.name, target.profile_name);
            let mut diagnostic = Diagnostic::error(code, message).hint("`kiln debug` shows what was read");
            diagnostic.at = error.at.map(|at| *at);
            self.printer.fatal([&diagnostic]);
            ExitStatus::Error
        })
    }
}

/// Says warnings, and ends the command if there are errors.
fn check(printer: &Printer, project: &Project, problems: Diagnostics) -> Result<(), ExitStatus> {
    let problems = escalate(problems, &project.settings.warn_error);
    printer.warnings(&problems);
    if problems.has_errors() {
        printer.fatal(&problems);
        return Err(ExitStatus::Error);
    }
    Ok(())
}

impl Parsed {
    /// Says warnings, and ends the command if there are errors.
    pub(super) fn check(&self, problems: Diagnostics) -> Result<(), ExitStatus> {
        check(&self.printer, &self.project, problems)
    }

    /// Says a warning that only its event has a name for, or ends the command if it is to be an error.
    pub(super) fn warn(&self, entry: &Entry, code: Code) -> Result<(), ExitStatus> {
        let said = self.printer.warn(entry, code, &self.project.settings.warn_error);
        said.map_err(|error| self.fail(&error))
    }

    /// Ends the command with one error.
    pub(super) fn fail(&self, error: &Diagnostic) -> ExitStatus {
        let mut error = error.clone();
        let profile = self.project.target.place(&[]);
        let is_in_profile = error.at.as_ref().zip(profile).is_some_and(|(at, own)| Arc::ptr_eq(&at.file, &own.file));
        if is_about_connection(error.code) && !is_in_profile {
            // The macro that happened to ask first is not to blame.
            error.at = None;
            error.related.clear();
        }
        self.printer.fatal([&error]);
        ExitStatus::Error
    }

    /// `Found 7 models, 9 data tests, …`.
    pub(super) fn say_found(&self) {
        let line = found(&self.manifest);
        self.printer.say(&Entry::info(names::FOUND, format!("Found {line}")).with("stat_line", line));
    }

    /// The last line of the log: how the command ended.
    pub(super) fn say_completed(&self, status: ExitStatus, elapsed: std::time::Duration) {
        let command = self.project.settings.flags.get("invocation_command").and_then(serde_json::Value::as_str);
        let command = command.unwrap_or("kiln");
        let is_success = status == ExitStatus::Success;
        let word = if is_success { "succeeded" } else { "failed" };
        let seconds = elapsed.as_secs_f64();
        let at = jiff::Timestamp::now();
        let text = format!("Command `{command}` {word} at {} after {seconds:.2} seconds", at.strftime("%H:%M:%S%.6f"));
        let entry = Entry::new(names::COMPLETED, Level::Debug, text).with("command", command);
        let at = at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        self.printer.say(&entry.with("success", is_success).with("completed_at", at).with("elapsed", seconds));
    }

    /// What templates and nodes need to run against the database.
    pub(super) fn runtime(&self, selected: &NodeSet) -> Arc<Runtime> {
        let ids = selected.iter().map(|ix| self.manifest.node(ix).unique_id.as_str().to_owned()).collect();
        Runtime::new(RuntimeParts {
            project: Arc::clone(&self.project),
            manifest: Arc::clone(&self.manifest),
            registry: Arc::clone(&self.macros),
            adapter: Arc::clone(&self.adapter),
            listener: Arc::new(
                TermListener::new(&self.printer, &self.project.settings.warn_error).with_manifest(&self.manifest),
            ),
            selected: ids,
            deferred: Arc::clone(&self.previous.deferred),
        })
    }

    /// A file of the target folder.
    pub(super) fn target_file(&self, name: &str) -> PathBuf {
        self.project.settings.target_path.join(name)
    }

    /// Writes manifest.json and its kin, unless `--no-write-json`.
    pub(super) fn write_manifest(&self, facts: &ManifestFacts) -> Result<(), ExitStatus> {
        if !self.project.settings.write_json {
            return Ok(());
        }
        let fail = |error: Box<Diagnostic>| self.fail(&error);
        let path = self.target_file("manifest.json");
        artifacts::write_manifest(&path, &self.project, &self.manifest, facts).map_err(fail)?;
        self.say_written("WritableManifest", &path);
        let path = self.target_file("semantic_manifest.json");
        artifacts::write_semantic_manifest(&path, &self.manifest).map_err(fail)?;
        self.say_written("SemanticManifest", &path);
        artifacts::write_graph_summary(&self.target_file("graph_summary.json"), &self.project, &self.manifest)
            .map_err(fail)
    }

    /// Writes run_results.json, unless `--no-write-json`.
    pub(super) fn write_run_results(&self, report: &RunReport) -> Result<(), ExitStatus> {
        let settings = &self.project.settings;
        if !settings.write_json {
            return Ok(());
        }
        let path = self.target_file("run_results.json");
        artifacts::write_run_results(&path, settings, &self.manifest, report).map_err(|error| self.fail(&error))?;
        artifacts::keep_run(&path, RunFile::Results, settings);
        self.say_written("RunExecutionResult", &path);
        Ok(())
    }

    /// Tells programs where an artifact is; `kind` is dbt's name for what it holds.
    pub(super) fn say_written(&self, kind: &str, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        let text = format!("Wrote artifact {kind} to {path}");
        let entry = Entry::new(names::WRITTEN, Level::Debug, text).with("artifact_type", kind);
        self.printer.say(&entry.with("artifact_path", path));
    }

    /// A path as messages show it: from the project's folder where it lies inside.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.project.root().root).unwrap_or(path).display().to_string()
    }
}

const fn is_about_connection(code: Code) -> bool {
    use Code::{ConnectFailed, DatabaseLocked, DiskFull, ExtensionMissing, NotADatabase, ProfileInvalid};
    matches!(code, ConnectFailed | DatabaseLocked | DiskFull | ExtensionMissing | NotADatabase | ProfileInvalid)
}

/// The order in which dbt counts what it found.
const FOUND: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Snapshot,
    ResourceType::Analysis,
    ResourceType::Test,
    ResourceType::Seed,
    ResourceType::Operation,
    ResourceType::Source,
    ResourceType::Exposure,
    ResourceType::Metric,
];

const FOUND_LAST: &[ResourceType] =
    &[ResourceType::SemanticModel, ResourceType::SavedQuery, ResourceType::UnitTest, ResourceType::Function];

fn found(manifest: &Manifest) -> String {
    let of = |kind: &ResourceType| {
        let n = manifest.nodes.iter().filter(|node| node.resource_type == *kind).count();
        (n, noun(kind.as_str()).replace('_', " "))
    };
    let mut parts: Vec<(usize, String)> = FOUND.iter().map(of).collect();
    parts.push((manifest.macros.len(), "macro".to_owned()));
    parts.push((manifest.groups.len(), "group".to_owned()));
    parts.extend(FOUND_LAST.iter().map(of));
    let shown: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n, noun)).collect();
    shown.join(", ")
}
