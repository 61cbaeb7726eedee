//! Chooses one version of every package that is asked for, directly or by another package.

use indexmap::IndexMap;

use super::Shared;
use super::pinned::Pinned;
use super::spec::{Asker, Source, Spec};
use super::version::{Range, Version};
use crate::diagnostic::{Code, Diagnostic};

/// A package and everyone who asks for it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What is asked for, all requests in one.
    pub(super) spec: Spec,
    /// Who asks for what, such as (`packages.yml`, `>=1.0.0`).
    askers: Vec<(Asker, String)>,
}

impl Wanted {
    /// One request alone.
    pub(super) fn alone(spec: Spec) -> Self {
        let wish = wish(&spec.source);
        Self { askers: vec![(spec.asker.clone(), wish)], spec }
    }

    /// Adds a request for the same package.
    fn add(&mut self, other: Self) -> Result<(), Box<Diagnostic>> {
        match (&mut self.spec.source, &other.spec.source) {
            (Source::Hub { versions, .. }, Source::Hub { versions: more, .. }) => {
                for version in more {
                    if !versions.contains(version) {
                        versions.push(version.clone());
                    }
                }
            }
            (
                Source::Git { revision, warns_unpinned, .. },
                Source::Git { revision: other_revision, warns_unpinned: warns, .. },
            ) => {
                *warns_unpinned &= warns;
                match (&revision, other_revision) {
                    (Some(one), Some(another)) if one != another => return Err(self.with(other).disagreement()),
                    (None, Some(another)) => *revision = Some(another.clone()),
                    _ => {}
                }
            }
            (Source::Local { .. }, Source::Local { .. }) | (Source::Tarball { .. }, Source::Tarball { .. }) => {}
            (one, another) => {
                let message = format!("`{}` is asked for as {} and as {}", one.shown(), one.kind(), another.kind());
                let error = Diagnostic::error(Code::PackageConflict, message);
                return Err(Box::new(other.spec.asker.at(self.with(other.clone()).explained(error))));
            }
        }
        self.askers.extend(other.askers);
        Ok(())
    }

    fn with(&self, other: Self) -> Self {
        let mut all = self.clone();
        all.askers.extend(other.askers);
        all
    }

    /// The versions that everyone admits.
    pub(super) fn range(&self, versions: &[Version]) -> Result<Range, Box<Diagnostic>> {
        Range::of(versions).ok_or_else(|| self.disagreement())
    }

    fn disagreement(&self) -> Box<Diagnostic> {
        let message = format!("no version of `{}` is right for all who ask for it", self.spec.source.shown());
        Box::new(self.explained(Diagnostic::error(Code::PackageConflict, message)))
    }

    /// The error with who asks for what.
    pub(super) fn explained(&self, error: Diagnostic) -> Diagnostic {
        let error = self
            .askers
            .iter()
            .fold(error, |error, (asker, wish)| error.hint(format!("`{}` asks for {wish}", asker.name)));
        if error.at.is_none() { self.spec.asker.at(error) } else { error }
    }
}

/// What a request says about the version.
fn wish(source: &Source) -> String {
    match source {
        Source::Hub { versions, .. } => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Source::Git { revision, .. } => {
            revision.as_ref().map_or_else(|| "any revision".to_owned(), |revision| format!("revision `{revision}`"))
        }
        Source::Tarball { .. } => "the archive".to_owned(),
        Source::Local { path } => format!("the folder `{path}`"),
    }
}

/// Every package that the requests lead to, in the order in which they are met.
pub(super) fn resolve(shared: &Shared<'_>, specs: Vec<Spec>) -> Result<Vec<Pinned>, Box<Diagnostic>> {
    let mut all: IndexMap<String, Wanted> = IndexMap::new();
    let mut pinned: IndexMap<String, Pinned> = IndexMap::new();
    let mut pending = specs;
    while !pending.is_empty() {
        let mut round: IndexMap<String, ()> = IndexMap::new();
        for spec in std::mem::take(&mut pending) {
            let key = spec.source.key();
            merge(&mut all, &key, Wanted::alone(spec))?;
            round.insert(key, ());
        }
        for key in round.into_keys() {
            let Some(wanted) = all.get(&key) else { continue };
            let chosen = Pinned::choose(shared, wanted)?;
            // What was chosen before and looked into needs no second look: packages may ask for each other.
            let is_known = pinned.get(&key).is_some_and(|known| known.entry == chosen.entry);
            if !is_known {
                pending.extend(chosen.specs()?);
            }
            pinned.insert(key, chosen);
        }
    }
    let pinned: Vec<Pinned> = pinned.into_values().collect();
    check_names(shared, &pinned)?;
    Ok(pinned)
}

fn merge(all: &mut IndexMap<String, Wanted>, key: &str, wanted: Wanted) -> Result<(), Box<Diagnostic>> {
    match all.get_mut(key) {
        Some(known) => known.add(wanted),
        None => {
            all.insert(key.to_owned(), wanted);
            Ok(())
        }
    }
}

/// Names of packages are folders and namespaces: there can be one of each.
pub(super) fn check_names(shared: &Shared<'_>, pinned: &[Pinned]) -> Result<(), Box<Diagnostic>> {
    let mut seen: IndexMap<&str, &Pinned> = IndexMap::new();
    for package in pinned {
        let name = package.name.as_str();
        let here = package.source.shown();
        let message = if name == shared.request.name {
            format!("the package `{here}` has the same name as this project: `{name}`")
        } else if let Some(other) = seen.insert(name, package) {
            format!("two packages are called `{name}`: `{}` and `{here}`", other.source.shown())
        } else {
            continue;
        };
        let error = Diagnostic::error(Code::PackageConflict, message).hint("names of packages are unique in a project");
        return Err(Box::new(package.asker.at(error)));
    }
    Ok(())
}
