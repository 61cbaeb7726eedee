//! `kiln deps`: installs the packages that the project declares.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::Value as Data;

use super::args::DepsArgs;
use super::pipeline::{early_printer, say_version};
use super::{ExitStatus, interrupt};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::jinja::YamlRenderer;
use crate::packages::{self, Addition, Event, Extent, Request, Watcher};
use crate::project::{self, Overrides, WarnErrorOptions};
use crate::run::Stop;
use crate::ui::{Entry, Level, Printer, Stream, escalate, names};

/// Runs the command. It needs no profile.
pub(super) fn run(args: &DepsArgs, overrides: &Overrides) -> ExitStatus {
    let printer = early_printer(overrides, Stream::Stdout);
    say_version(&printer);
    match deps(args, overrides, &printer) {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            let status = if error.code == Code::Interrupted { ExitStatus::Interrupted } else { ExitStatus::Error };
            printer.fatal([&*error]);
            status
        }
    }
}

fn deps(args: &DepsArgs, overrides: &Overrides, printer: &Printer) -> Result<(), Box<Diagnostic>> {
    let engine = YamlRenderer::new();
    let mut problems = Diagnostics::new();
    let root = project::load_root(overrides, &engine, &mut problems)?;
    let options = &root.settings.warn_error;
    let problems = escalate(problems, options);
    printer.warnings(&problems);
    if let Some(error) = problems.into_iter().find(|problem| problem.severity == Severity::Error) {
        return Err(Box::new(error));
    }
    let watcher = Teller {
        printer,
        options,
        refused: Mutex::new(None),
        stop: interrupt::install(),
        last: Mutex::new(Instant::now()),
    };
    if let Some(addition) = addition(args)? {
        packages::add(&root.package.root, &addition, &watcher)?;
    }
    let extent = match (args.lock, args.upgrade) {
        (false, false) => Extent::Install,
        (false, true) => Extent::Upgrade,
        (true, false) => Extent::Lock,
        (true, true) => Extent::UpgradeLock,
    };
    let config = &root.package.config;
    let request = Request {
        root: &root.package.root,
        name: &config.name,
        install_path: &root.package.root.join(&config.packages_install_path),
        env: &root.settings.env,
        checks_versions: root.settings.version_check,
        overrides,
        engine: &engine,
        extent,
    };
    packages::install(request, &watcher)?;
    watcher.refused.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn addition(args: &DepsArgs) -> Result<Option<Addition>, Box<Diagnostic>> {
    let Some(text) = &args.add_package else { return Ok(None) };
    let addition = Addition::read(text, args.source.into());
    if addition.version.is_none() && addition.origin != packages::Origin::Local {
        let message = format!("`--add-package {text}` names no version");
        let error = Diagnostic::error(Code::Usage, message);
        return Err(Box::new(error.hint(format!("add it after an @: `--add-package {text}@1.0.0`"))));
    }
    Ok(Some(addition))
}

/// Says what happens, in dbt's words.
struct Teller<'a> {
    printer: &'a Printer,
    options: &'a WarnErrorOptions,
    /// The first warning that is to be an error.
    refused: Mutex<Option<Box<Diagnostic>>>,
    stop: Arc<Stop>,
    /// When progress was told last.
    last: Mutex<Instant>,
}

/// A download that takes longer is reported on so often.
const PULSE: Duration = Duration::from_secs(3);

impl Watcher for Teller<'_> {
    fn event(&self, event: Event<'_>) {
        let Some(entry) = self.entry(event) else { return };
        if entry.level != Level::Warn {
            return self.printer.say(&entry);
        }
        if let Err(error) = self.printer.warn(&entry, Code::PackageInvalid, self.options) {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn scrub(&self, text: &str) -> String {
        self.printer.scrub(text)
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }
}

impl Teller<'_> {
    fn entry(&self, event: Event<'_>) -> Option<Entry> {
        Some(match event {
            Event::NothingDeclared => {
                Entry::info(names::DEPS_NOTHING, "Warning: No packages were found in packages.yml")
            }
            Event::LockWritten(path) => {
                let path = path.display().to_string();
                let text = format!("Updating lock file in file path: {path}");
                Entry::info(names::DEPS_LOCKED, text).with("lock_filepath", path)
            }
            Event::Started(name) => {
                Entry::info(names::DEPS_START, format!("Installing {name}")).with("package_name", name)
            }
            Event::Received { name, bytes, total } => return self.received(name, bytes, total),
            Event::Retrying { what, why } => {
                let text = format!("Trying again: {what}: {why}");
                Entry::new(names::DEPS_RETRY, Level::Info, text).with("exc", why)
            }
            Event::Installed(version) => {
                Entry::info(names::DEPS_INSTALLED, format!("Installed from {version}")).with("version_name", version)
            }
            Event::UpdateAvailable(latest) => {
                Entry::info(names::DEPS_UPDATE, format!("Updated version available: {latest}"))
                    .with("version_latest", latest)
            }
            Event::UpToDate => Entry::info(names::DEPS_UP_TO_DATE, "Up to date!"),
            Event::Subdirectory(folder) => {
                Entry::info(names::DEPS_SUBDIRECTORY, format!("and subdirectory {folder}")).with("subdirectory", folder)
            }
            Event::UpdatesAvailable(packages) => updates(packages),
            Event::Unpinned { git, revision } => unpinned(git, revision),
            Event::Renamed(old, new) => {
                let text = format!("The package `{old}` is called `{new}` in the hub now: write that name");
                Entry::new(names::DEPS_RENAMED, Level::Warn, text).with("old_name", old).with("new_name", new)
            }
            Event::Scrubbed(name) => {
                let text = format!(
                    "A secret is written out in {name}. It is left out of the lock file, which `kiln deps` cannot \
                     use then: read the secret with env_var()"
                );
                Entry::new(names::DEPS_SCRUBBED, Level::Warn, text).with("package_name", name)
            }
            Event::FileMade(name) => Entry::info(names::FORMATTING, format!("Created {name}")),
            Event::EntryRemoved(entry) => {
                let text = format!("Found duplicate package in packages.yml, removing: {entry}");
                Entry::info(names::DEPS_DUPLICATE, text)
            }
            Event::EntryAdded(name, version, path) => {
                let path = path.display().to_string();
                Entry::info(names::DEPS_ADDED, format!("Added new package {name}@{version} to {path}"))
                    .with("package_name", name)
                    .with("version", version)
                    .with("packages_filepath", path)
            }
        })
    }

    /// A line now and then while something long is downloaded.
    fn received(&self, name: &str, bytes: u64, total: Option<u64>) -> Option<Entry> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < PULSE {
            return None;
        }
        *last = Instant::now();
        let of = total.map(|total| format!(" of {}", kilobytes(total))).unwrap_or_default();
        let text = format!("  {name}: {}{of}", kilobytes(bytes));
        Some(Entry::info(names::NOTE, text.clone()).with("msg", text))
    }
}

fn kilobytes(bytes: u64) -> String {
    format!("{} kB", bytes / 1000)
}

fn updates(packages: &[String]) -> Entry {
    let names: Vec<String> = packages.iter().map(|name| format!("'{name}'")).collect();
    let text = format!(
        "Updates available for packages: [{}]\nUpdate your versions in packages.yml, then run kiln deps",
        names.join(", ")
    );
    Entry::info(names::DEPS_UPDATES, text).with("packages", Data::from(packages.to_vec()))
}

fn unpinned(git: &str, revision: &str) -> Entry {
    let how = if revision == "HEAD" {
        "not pinned, using HEAD (default branch)".to_owned()
    } else {
        format!("pinned to the \"{revision}\" branch")
    };
    let text = format!(
        "The git package \"{git}\" is {how}. What it holds may change without warning: name a tag or a commit under \
         `revision:`"
    );
    Entry::new(names::DEPS_UNPINNED, Level::Warn, text).with("git", git).with("revision", revision)
}
