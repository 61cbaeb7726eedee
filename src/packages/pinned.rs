//! A package whose version is chosen: where it is, what it is called, what it asks for.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Data};

use super::resolve::Wanted;
use super::spec::{Asker, Source, Spec, without_credentials};
use super::{Event, Shared, archive, lock};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::{self, Declared, PackageHead};

/// A chosen package.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    /// What was asked for.
    pub(super) source: Source,
    /// Who asked.
    pub(super) asker: Asker,
    /// The project name of the package, which is also its folder.
    pub(super) name: String,
    /// Its keys in the lock file, without `name`.
    pub(super) entry: lock::Entry,
    /// Such as `version 1.0.0`.
    pub(super) nice: String,
    /// The chosen and the latest version of a package of the hub.
    pub(super) versions: Option<(String, String)>,
    declared: Vec<Declared>,
    place: Place,
}

/// Where a package's files are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a folder of the user's, to be linked to.
    Linked(PathBuf),
    /// In a folder that was fetched, to be moved.
    Fetched(PathBuf),
    /// In a folder of a mirror, to be copied.
    Copied(PathBuf),
    /// In an archive at an address.
    Remote(String),
}

impl Pinned {
    /// Chooses the version that is asked for and looks into the package.
    pub(super) fn choose(shared: &Shared<'_>, wanted: &Wanted) -> Result<Self, Box<Diagnostic>> {
        shared.check_stop()?;
        let chosen = match &wanted.spec.source {
            Source::Local { path } => local(shared, wanted, path),
            Source::Hub { package, versions, with_prereleases } => {
                hub(shared, wanted, (package, versions, *with_prereleases))
            }
            Source::Git { url, revision, subdirectory, warns_unpinned } => {
                let wish =
                    super::git::Wish { url, revision: revision.as_deref(), subdirectory: subdirectory.as_deref() };
                git(shared, wanted, (wish, *warns_unpinned))
            }
            Source::Tarball { url, name } => tarball(shared, wanted, (url, name)),
        };
        chosen.map_err(|error| if error.at.is_none() { Box::new(wanted.spec.asker.at(*error)) } else { error })
    }

    fn new(wanted: &Wanted, head: PackageHead, place: Place) -> Self {
        Self {
            source: wanted.spec.source.clone(),
            asker: wanted.spec.asker.clone(),
            name: head.name,
            entry: lock::Entry::new(),
            nice: String::new(),
            versions: None,
            declared: head.declared,
            place,
        }
    }

    /// What the package itself asks for.
    pub(super) fn specs(&self) -> Result<Vec<Spec>, Box<Diagnostic>> {
        self.declared.iter().map(|declared| Spec::read(declared, &self.name)).collect()
    }

    /// Puts the package into a folder that does not exist yet.
    pub(super) fn put(&self, shared: &Shared<'_>, target: &Path) -> Result<(), Box<Diagnostic>> {
        let workspace = &shared.workspace;
        match &self.place {
            Place::Linked(folder) => workspace.link(folder, target),
            Place::Fetched(folder) => workspace.shift(folder, target),
            Place::Copied(folder) => workspace.copy(folder, target),
            Place::Remote(url) => {
                let folder = archive::fetch(shared, url, &self.source.shown())?;
                workspace.shift(&folder, target)
            }
        }?;
        if target.join("dbt_project.yml").is_file() {
            return Ok(());
        }
        let message = format!("what was fetched for `{}` holds no `dbt_project.yml`", self.source.shown());
        Err(Box::new(self.asker.at(Diagnostic::error(Code::PackageUnavailable, message))))
    }
}

fn head(shared: &Shared<'_>, folder: &Path, source: &Source) -> Result<PackageHead, Box<Diagnostic>> {
    let shown = format!("`{}`", source.shown());
    let request = &shared.request;
    project::load_package_head((folder, &shown), request.overrides, request.engine)
}

fn local(shared: &Shared<'_>, wanted: &Wanted, path: &str) -> Result<Pinned, Box<Diagnostic>> {
    let folder = shared.root_file(path);
    let Ok(folder) = std::fs::canonicalize(&folder) else {
        let message = format!("there is no folder `{path}`");
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)));
    };
    let head = head(shared, &folder, &wanted.spec.source)?;
    let entry = Map::from_iter([("local".to_owned(), Data::from(path))]);
    let nice = format!("<local @ {path}>");
    Ok(Pinned { entry, nice, ..Pinned::new(wanted, head, Place::Linked(folder)) })
}

fn hub(
    shared: &Shared<'_>,
    wanted: &Wanted,
    (package, versions, with_prereleases): (&str, &[super::version::Version], bool),
) -> Result<Pinned, Box<Diagnostic>> {
    let range = wanted.range(versions)?;
    let with_prereleases = with_prereleases || versions.iter().any(super::version::Version::is_prerelease);
    let found = shared.hub.versions(shared, package)?;
    let choice = found.choose(&range, with_prereleases, shared.request.checks_versions);
    let choice = choice.map_err(|error| Box::new(wanted.explained(*error)))?;
    let (head, place) = shared.hub.look_into(shared, package, &choice.release)?;
    let version = choice.release.version.clone();
    let entry = Map::from_iter([
        ("package".to_owned(), Data::from(package)),
        ("version".to_owned(), Data::from(version.clone())),
    ]);
    let nice = format!("version {version}");
    let versions = Some((version, choice.latest));
    Ok(Pinned { entry, nice, versions, ..Pinned::new(wanted, head, place) })
}

fn git(
    shared: &Shared<'_>,
    wanted: &Wanted,
    (wish, warns_unpinned): (super::git::Wish<'_>, bool),
) -> Result<Pinned, Box<Diagnostic>> {
    let checkout = shared.checkouts.get(shared, wish)?;
    let revision = wish.revision.unwrap_or("HEAD");
    if checkout.is_first && warns_unpinned && ["HEAD", "main", "master"].contains(&revision) {
        shared.watcher.event(Event::Unpinned { git: &without_credentials(wish.url), revision });
    }
    let head = head(shared, &checkout.folder, &wanted.spec.source)?;
    let mut entry = Map::from_iter([
        ("git".to_owned(), written(shared, wanted, "git", wish.url)),
        ("revision".to_owned(), Data::from(checkout.commit.clone())),
    ]);
    entry.extend(wish.subdirectory.map(|folder| ("subdirectory".to_owned(), Data::from(folder))));
    let nice = format!("revision {}", checkout.commit);
    Ok(Pinned { entry, nice, ..Pinned::new(wanted, head, Place::Fetched(checkout.folder)) })
}

fn tarball(shared: &Shared<'_>, wanted: &Wanted, (url, name): (&str, &str)) -> Result<Pinned, Box<Diagnostic>> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let message = format!("`{name}` cannot be the name of a package");
        return Err(Box::new(Diagnostic::error(Code::PackageInvalid, message)));
    }
    let folder = archive::fetch(shared, url, name)?;
    let mut head = head(shared, &folder, &wanted.spec.source)?;
    name.clone_into(&mut head.name);
    let entry = Map::from_iter([("tarball".to_owned(), written(shared, wanted, "tarball", url))]);
    let nice = format!("tarball (url: {})", without_credentials(url));
    Ok(Pinned { entry, nice, ..Pinned::new(wanted, head, Place::Fetched(folder)) })
}

/// An address as the lock file has it: as it was declared, with templates, and without secrets.
fn written(shared: &Shared<'_>, wanted: &Wanted, key: &str, url: &str) -> Data {
    let declared = wanted.spec.unrendered.get(key).and_then(Data::as_str).unwrap_or(url);
    let scrubbed = shared.watcher.scrub(declared);
    if scrubbed != declared {
        shared.watcher.event(Event::Scrubbed(&scrubbed));
    }
    Data::from(scrubbed)
}
