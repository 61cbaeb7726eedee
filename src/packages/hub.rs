//! The hub, where packages are published: over HTTP, or a mirror of it in a folder.
//!
//! A mirror holds `<namespace>/<package>/<version>.tar.gz`, or a folder `<namespace>/<package>/<version>`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Data;

use super::pinned::Place;
use super::version::{Range, Version};
use super::{Event, Shared, archive};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, did_you_mean};
use crate::project::{self, DBT_VERSION, Declared, PackageHead};

/// Where the hub is, if the environment does not say otherwise.
const ADDRESS: &str = "https://hub.getdbt.com/";

/// The variable that names a mirror.
const MIRROR: &str = "KILN_PACKAGE_MIRROR";

/// Knows which versions of packages there are.
#[derive(Debug)]
pub(super) struct Hub {
    place: HubPlace,
    known: Mutex<HashMap<String, Arc<Releases>>>,
}

#[derive(Debug)]
enum HubPlace {
    Address(String),
    Folder(PathBuf),
}

/// The versions of one package.
#[derive(Debug)]
pub(super) struct Releases {
    package: String,
    all: Vec<Release>,
}

/// One version of a package.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// The version as published.
    pub(super) version: String,
    parsed: Version,
    /// Whether it fits the dbt version that kiln follows.
    fits: bool,
    facts: Facts,
}

/// What is known of a version.
#[derive(Clone, Debug)]
enum Facts {
    /// What the hub says.
    Published(Data),
    /// A folder or an archive of a mirror.
    Mirrored(PathBuf),
}

/// What was chosen, and the latest that could have been.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) release: Release,
    pub(super) latest: String,
}

impl Hub {
    /// Finds out where the hub is.
    pub(super) fn new(env: &BTreeMap<String, String>) -> Self {
        let said = |name: &str| env.get(name).filter(|value| !value.is_empty());
        let place = match (said(MIRROR), said("DBT_PACKAGE_HUB_URL")) {
            (Some(folder), _) => HubPlace::Folder(folder.into()),
            (None, Some(url)) => HubPlace::Address(format!("{}/", url.trim_end_matches('/'))),
            (None, None) => HubPlace::Address(ADDRESS.to_owned()),
        };
        Self { place, known: Mutex::default() }
    }

    /// The versions of a package.
    pub(super) fn versions(&self, shared: &Shared<'_>, package: &str) -> Result<Arc<Releases>, Box<Diagnostic>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(package).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let all = match &self.place {
            HubPlace::Address(url) => published(shared, url, package)?,
            HubPlace::Folder(folder) => mirrored(folder, package)?,
        };
        let found = Arc::new(Releases { package: package.to_owned(), all });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(package.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// The name of a version, what it asks for, and where its files are.
    pub(super) fn look_into(
        &self,
        shared: &Shared<'_>,
        package: &str,
        release: &Release,
    ) -> Result<(PackageHead, Place), Box<Diagnostic>> {
        match &release.facts {
            Facts::Published(facts) => head_of(facts, package, &release.version),
            Facts::Mirrored(path) => {
                let folder = if path.is_dir() { path.clone() } else { archive::unpack(shared, path, package)? };
                let request = &shared.request;
                let shown = format!("`{package}` {}", release.version);
                let head = project::load_package_head((&folder, &shown), request.overrides, request.engine)?;
                Ok((head, if path.is_dir() { Place::Copied(folder) } else { Place::Fetched(folder) }))
            }
        }
    }
}

impl Releases {
    /// The latest version in a range.
    pub(super) fn choose(
        &self,
        range: &Range,
        with_prereleases: bool,
        checks_versions: bool,
    ) -> Result<Choice, Box<Diagnostic>> {
        let is_installable = |release: &&Release| {
            (release.fits || !checks_versions) && (with_prereleases || !release.parsed.is_prerelease())
        };
        let mut installable: Vec<&Release> = self.all.iter().filter(is_installable).collect();
        installable.sort_by(|a, b| a.parsed.compare(&b.parsed));
        let chosen = installable.iter().rev().find(|release| range.admits(&release.parsed));
        if let (Some(chosen), Some(latest)) = (chosen, installable.last()) {
            return Ok(Choice { release: (*chosen).clone(), latest: latest.version.clone() });
        }
        let message = format!("`{}` has no version that fits {range}", self.package);
        let error = Diagnostic::error(Code::PackageUnavailable, message);
        let names: Vec<&str> = installable.iter().rev().take(8).map(|release| release.version.as_str()).collect();
        let error = error.hint(if names.is_empty() {
            "there is no version that could be installed".to_owned()
        } else {
            format!("the latest are {}", names.join(", "))
        });
        let unfit = self.all.iter().filter(|release| !release.fits && range.admits(&release.parsed)).count();
        Err(Box::new(if checks_versions && unfit > 0 {
            error.hint(format!(
                "{unfit} in that range do not fit dbt {DBT_VERSION}, which kiln follows; `--no-version-check` takes them"
            ))
        } else {
            error
        }))
    }
}

fn unknown(package: &str, place: &str, names: &[String]) -> Box<Diagnostic> {
    let error = Diagnostic::error(Code::PackageUnavailable, format!("`{package}` is not in {place}"));
    Box::new(error.maybe_hint(did_you_mean(package, names.iter().map(String::as_str))))
}

/// What the hub says about a package.
fn published(shared: &Shared<'_>, hub: &str, package: &str) -> Result<Vec<Release>, Box<Diagnostic>> {
    let shown = super::spec::without_credentials(hub);
    let answer = shared.client.data(shared, &format!("{hub}api/v1/{package}.json")).map_err(|error| {
        let hint = format!("where the hub cannot be reached, `{MIRROR}` may name a folder with packages");
        Box::new(error.hint(hint))
    })?;
    let Some(answer) = answer else {
        let index = shared.client.data(shared, &format!("{hub}api/v1/index.json"))?.unwrap_or_default();
        let names: Vec<String> = serde_json::from_value(index).unwrap_or_default();
        return Err(unknown(package, &format!("the hub at {shown}"), &names));
    };
    if let Some(new) = new_name(&answer, package) {
        shared.watcher.event(Event::Renamed(package, &new));
    }
    let Some(versions) = answer.get("versions").and_then(Data::as_object) else {
        let message = format!("the hub at {shown} says nothing of versions of `{package}`");
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)));
    };
    let release = |(version, facts): (&String, &Data)| {
        let parsed = Version::read(version)?;
        let required = match facts.get("require_dbt_version") {
            Some(Data::Array(items)) => items.iter().filter_map(Data::as_str).map(str::to_owned).collect(),
            Some(Data::String(text)) => vec![text.clone()],
            _ => Vec::new(),
        };
        let facts = Facts::Published(facts.clone());
        Some(Release { version: version.clone(), parsed, fits: fits(&required), facts })
    };
    Ok(versions.iter().filter_map(release).collect())
}

/// The name under which the hub has a package now, if it is another one.
fn new_name(answer: &Data, package: &str) -> Option<String> {
    let said = |key: &str| answer.get(key).and_then(Data::as_str).filter(|text| !text.is_empty());
    let (namespace, name) = (said("redirectnamespace"), said("redirectname"));
    if namespace.is_none() && name.is_none() {
        return None;
    }
    let (old_namespace, old_name) = package.split_once('/')?;
    Some(format!("{}/{}", namespace.unwrap_or(old_namespace), name.unwrap_or(old_name)))
}

/// Whether every range admits the dbt version that kiln follows.
fn fits(required: &[String]) -> bool {
    let ranges: Option<Vec<Version>> = required.iter().flat_map(|text| text.split(',')).map(Version::read).collect();
    let (Some(ranges), Some(dbt)) = (ranges, Version::read(DBT_VERSION)) else { return true };
    Range::of(std::iter::once(&dbt).chain(&ranges)).is_some()
}

fn head_of(facts: &Data, package: &str, version: &str) -> Result<(PackageHead, Place), Box<Diagnostic>> {
    let url = facts.pointer("/downloads/tarball").and_then(Data::as_str);
    let name = facts.get("name").and_then(Data::as_str);
    let (Some(url), Some(name)) = (url, name.filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.')))
    else {
        let message = format!("the hub does not say what `{package}` {version} is called and where it is");
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)));
    };
    let file = SourceFile::new(format!("{package} {version}"), "");
    let items = facts.get("packages").and_then(Data::as_array).cloned().unwrap_or_default();
    let declared = items.into_iter().map(|data| Declared {
        name: name.to_owned(),
        unrendered: data.clone(),
        data,
        local: None,
        file: Arc::clone(&file),
        span: Span::default(),
    });
    let head = PackageHead { name: name.to_owned(), declared: declared.collect() };
    Ok((head, Place::Remote(url.to_owned())))
}

/// The versions of a package in a mirror.
fn mirrored(mirror: &Path, package: &str) -> Result<Vec<Release>, Box<Diagnostic>> {
    let folder = mirror.join(package);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        let names = names_in(mirror);
        let error = *unknown(package, &format!("the mirror `{}`", mirror.display()), &names);
        return Err(Box::new(error.hint(format!("`{MIRROR}` names the folder"))));
    };
    let release = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let version = if path.is_dir() { name } else { name.strip_suffix(".tar.gz")? };
        let parsed = Version::read(version)?;
        let version = version.to_owned();
        Some(Release { version, parsed, fits: true, facts: Facts::Mirrored(path) })
    };
    let mut found: Vec<Release> = entries.flatten().filter_map(|entry| release(entry.path())).collect();
    found.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(found)
}

fn names_in(mirror: &Path) -> Vec<String> {
    let below = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = below(mirror).flat_map(|namespace| below(&namespace).collect::<Vec<_>>());
    let mut names: Vec<String> =
        packages.filter_map(|path| Some(path.strip_prefix(mirror).ok()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}
