//! Packages in git repositories, fetched with the git command line, so that its credentials and settings hold.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::Shared;
use super::http::{Failure, persist};
use super::spec::without_credentials;
use crate::artifacts::unwritable;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};

/// What is wanted of a repository.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// Its address.
    pub(super) url: &'a str,
    /// A branch, tag or commit; the default branch if there is none.
    pub(super) revision: Option<&'a str>,
    /// The package's folder in it.
    pub(super) subdirectory: Option<&'a str>,
}

/// The files of a repository at one commit.
#[derive(Clone, Debug)]
pub(super) struct Checkout {
    /// The package's folder.
    pub(super) folder: PathBuf,
    /// The commit, whole.
    pub(super) commit: String,
    /// Whether it was fetched for this call.
    pub(super) is_first: bool,
}

/// What was fetched already: address, revision, folder.
#[derive(Debug, Default)]
pub(super) struct Checkouts {
    known: Mutex<HashMap<(String, String, String), Checkout>>,
}

impl Checkouts {
    /// Fetches a commit, unless that was done before.
    pub(super) fn get(&self, shared: &Shared<'_>, wish: Wish<'_>) -> Result<Checkout, Box<Diagnostic>> {
        let key = |revision: &str| {
            (wish.url.to_owned(), revision.to_owned(), wish.subdirectory.unwrap_or_default().to_owned())
        };
        let wanted = key(wish.revision.unwrap_or("HEAD"));
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let fetched = fetch(shared, wish)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The lock file names the commit: what it asks for next is here.
        for revision in [wanted, key(&fetched.commit)] {
            known.insert(revision, Checkout { is_first: false, ..fetched.clone() });
        }
        Ok(fetched)
    }
}

fn fetch(shared: &Shared<'_>, wish: Wish<'_>) -> Result<Checkout, Box<Diagnostic>> {
    if let Some(folder) = wish.subdirectory
        && !Path::new(folder).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    {
        let message = format!("`subdirectory: {folder}` leads out of the repository");
        return Err(Box::new(Diagnostic::error(Code::PackageInvalid, message)));
    }
    let folder = persist(shared, wish.url, || {
        let folder = shared.workspace.download()?;
        let repository = Repository { folder: &folder, url: wish.url };
        repository.git(&["init", "--quiet"])?;
        repository.fetch(wish.revision)?;
        repository.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"])?;
        Ok(folder)
    })?;
    let repository = Repository { folder: &folder, url: wish.url };
    let commit = repository.git(&["rev-parse", "HEAD"]).map_err(|failure| lasting(wish.url, failure))?;
    let dot_git = folder.join(".git");
    std::fs::remove_dir_all(&dot_git).map_err(|error| unwritable(&dot_git, &error))?;
    let inner = wish.subdirectory.map_or_else(|| folder.clone(), |inner| folder.join(inner));
    if !inner.is_dir() {
        let inner = wish.subdirectory.unwrap_or_default();
        let message = format!("{} has no folder `{inner}` at {commit}", without_credentials(wish.url));
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)));
    }
    Ok(Checkout { folder: inner, commit: commit.trim().to_owned(), is_first: true })
}

fn lasting(url: &str, failure: Failure) -> Box<Diagnostic> {
    match failure {
        Failure::Lasting(error) => error,
        Failure::Passing(why) => {
            let message = format!("{} could not be fetched: {why}", without_credentials(url));
            Box::new(Diagnostic::error(Code::PackageUnavailable, message))
        }
    }
}

/// A local repository with one remote, whose address is written nowhere.
struct Repository<'a> {
    folder: &'a Path,
    url: &'a str,
}

impl Repository<'_> {
    /// Fetches a revision as `FETCH_HEAD`: a tag before a branch of the same name.
    fn fetch(&self, revision: Option<&str>) -> Result<(), Failure> {
        let Some(revision) = revision else { return self.fetch_one("HEAD") };
        let is_hex = revision.len() >= 7 && revision.chars().all(|char| char.is_ascii_hexdigit());
        if revision.len() == 40 && is_hex && self.fetch_one(revision).is_ok() {
            return Ok(());
        }
        let listed = self.git(&["ls-remote", "--heads", "--tags", "origin"])?;
        let names: Vec<&str> = listed.lines().filter_map(|line| line.split('\t').nth(1)).collect();
        let wanted = ["refs/tags/", "refs/heads/"].map(|kind| format!("{kind}{revision}"));
        match wanted.iter().find(|name| names.contains(&name.as_str())) {
            Some(name) => self.fetch_one(name),
            // A server may refuse single commits, and a short hash names none.
            None if is_hex => self.fetch_commit(revision),
            None => Err(Failure::Lasting(self.unknown(revision, &names))),
        }
    }

    fn fetch_one(&self, name: &str) -> Result<(), Failure> {
        self.git(&["fetch", "--quiet", "--depth", "1", "--no-tags", "origin", name]).map(drop)
    }

    fn fetch_commit(&self, revision: &str) -> Result<(), Failure> {
        self.git(&["fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"])?;
        let spec = format!("{revision}^{{commit}}");
        let commit = self.git(&["rev-parse", "--verify", "--quiet", &spec]);
        let commit = commit.map_err(|_| Failure::Lasting(self.unknown(revision, &[])))?;
        self.git(&["fetch", "--quiet", ".", commit.trim()]).map(drop)
    }

    fn unknown(&self, revision: &str, names: &[&str]) -> Box<Diagnostic> {
        let message = format!("{} has no branch, tag or commit `{revision}`", without_credentials(self.url));
        let short = names.iter().filter_map(|name| name.splitn(3, '/').nth(2));
        let error = Diagnostic::error(Code::PackageUnavailable, message);
        Box::new(error.maybe_hint(did_you_mean(revision, short)))
    }

    /// Runs git in the repository. Gives what it prints.
    fn git(&self, args: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.folder).stdin(Stdio::null());
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        // Other users see arguments, and files stay: the address, which may hold a token, goes by the environment.
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "remote.origin.url");
        command.env("GIT_CONFIG_VALUE_0", self.url).env("LC_ALL", "C");
        let output = command.output().map_err(|error| {
            let message = format!("git could not be started: {error}");
            let error = Diagnostic::error(Code::PackageUnavailable, message);
            Failure::Lasting(Box::new(error.hint("install git, which fetches `git:` packages")))
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = String::from_utf8_lossy(&output.stderr).replace(self.url, &without_credentials(self.url));
        let why = complaint.trim().to_owned();
        if is_passing(&why) {
            return Err(Failure::Passing(why));
        }
        let message = format!("{} could not be fetched: {why}", without_credentials(self.url));
        let error = Diagnostic::error(Code::PackageUnavailable, message);
        let hint = "check the address and whether `git ls-remote` may read it";
        Err(Failure::Lasting(Box::new(error.hint(hint))))
    }
}

/// Whether git failed for a reason that may go away.
fn is_passing(complaint: &str) -> bool {
    let signs =
        ["timed out", "early EOF", "RPC failed", "Connection reset", "unexpected disconnect", "HTTP 5", " 502", " 503"];
    signs.iter().any(|sign| complaint.contains(sign))
}
