//! The work of `kiln deps`: lock, fetch, swap in.

use serde_json::Value as Data;

use super::pinned::Pinned;
use super::resolve::{Wanted, check_names, resolve};
use super::spec::{Source, Spec};
use super::{Event, Request, Shared, Watcher, git, http, hub, lock, workspace};
use crate::diagnostic::Diagnostic;
use crate::project::{self, LockFile};

/// Installs the packages that a project declares, as far as the request goes.
///
/// # Errors
/// When a declaration is wrong, versions do not fit together, or a package cannot be fetched. The packages that were
/// installed are then as before.
pub fn install(request: Request<'_>, watcher: &dyn Watcher) -> Result<(), Box<Diagnostic>> {
    let shared = Shared {
        request,
        watcher,
        workspace: workspace::Workspace::new(request.install_path),
        client: http::Client::new(),
        hub: hub::Hub::new(request.env),
        checkouts: git::Checkouts::default(),
    };
    let specs = declared(&shared)?;
    let is_empty = specs.is_empty();
    if is_empty {
        watcher.event(Event::NothingDeclared);
    } else {
        write_lock(&shared, specs)?;
    }
    if !request.extent.installs() {
        return Ok(());
    }
    // What an older lock file lists is not declared any more.
    let lock = if is_empty { None } else { read_lock(&shared)? };
    let packages = lock.map(|lock| lock.packages).unwrap_or_default();
    let specs = packages.iter().map(|declared| Spec::read(declared, LOCK)).collect::<Result<Vec<_>, _>>()?;
    fetch_all(&shared, specs)?;
    shared.check_stop()?;
    shared.workspace.swap_in()
}

const LOCK: &str = "package-lock.yml";

/// What the project itself declares.
fn declared(shared: &Shared<'_>) -> Result<Vec<Spec>, Box<Diagnostic>> {
    let request = &shared.request;
    let head = project::load_package_head((request.root, "this project"), request.overrides, request.engine)?;
    head.declared.iter().map(|declared| Spec::read(declared, declared.file.path())).collect()
}

fn read_lock(shared: &Shared<'_>) -> Result<Option<LockFile>, Box<Diagnostic>> {
    project::load_lock_file(shared.request.root, shared.request.overrides, shared.request.engine)
}

/// Chooses versions and writes them down, unless the file holds the choice already.
fn write_lock(shared: &Shared<'_>, specs: Vec<Spec>) -> Result<(), Box<Diagnostic>> {
    let hash = lock::hash(&specs);
    if !shared.request.extent.is_anew() && is_locked(shared, &hash)? {
        return Ok(());
    }
    let mut entries = Vec::new();
    for package in resolve(shared, specs)? {
        let mut entry = package.entry;
        entry.insert("name".to_owned(), Data::from(package.name));
        entries.push(entry);
    }
    let path = shared.root_file(LOCK);
    lock::write(&path, &entries, &hash)?;
    shared.watcher.event(Event::LockWritten(&path));
    Ok(())
}

fn is_locked(shared: &Shared<'_>, hash: &str) -> Result<bool, Box<Diagnostic>> {
    Ok(read_lock(shared)?.is_some_and(|lock| lock.hash.as_deref() == Some(hash)))
}

/// Fetches the chosen packages into the folder aside.
fn fetch_all(shared: &Shared<'_>, specs: Vec<Spec>) -> Result<(), Box<Diagnostic>> {
    let staging = shared.workspace.staging()?;
    let (mut fetched, mut outdated) = (Vec::new(), Vec::new());
    for spec in specs {
        let shown = spec.source.shown();
        shared.watcher.event(Event::Started(&shown));
        let package = Pinned::choose(shared, &Wanted::alone(spec))?;
        fetched.push(package);
        check_names(shared, &fetched)?;
        let Some(package) = fetched.last() else { continue };
        package.put(shared, &staging.join(&package.name))?;
        say_installed(shared, package);
        if package.versions.as_ref().is_some_and(|(version, latest)| version != latest) {
            outdated.push(shown);
        }
    }
    if !outdated.is_empty() {
        shared.watcher.event(Event::UpdatesAvailable(&outdated));
    }
    Ok(())
}

fn say_installed(shared: &Shared<'_>, package: &Pinned) {
    let watcher = shared.watcher;
    watcher.event(Event::Installed(&package.nice));
    match &package.versions {
        Some((version, latest)) if version != latest => watcher.event(Event::UpdateAvailable(latest)),
        Some(_) => watcher.event(Event::UpToDate),
        None => {}
    }
    if let Source::Git { subdirectory: Some(folder), .. } = &package.source {
        watcher.event(Event::Subdirectory(folder));
    }
}
