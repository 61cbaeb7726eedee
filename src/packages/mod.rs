//! `kiln deps`: fetches the packages that a project declares and puts them in place.
//!
//! [`resolve`] chooses one version of each package, [`lock`] writes the choice down, [`install`] fetches what was
//! chosen into a folder aside and then swaps it in whole: an install that ends early leaves what was there.
//! What packages mean to a project that is loaded is `project`'s affair.

mod add;
mod archive;
mod document;
mod git;
mod http;
mod hub;
mod install;
mod lock;
mod pinned;
mod resolve;
mod spec;
mod version;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::project::{Overrides, RenderYaml};

pub use add::{Addition, Origin, add};
pub use document::fetch_text;
pub use install::install;

/// What to do, and for which project.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The project's folder, absolute.
    pub root: &'a Path,
    /// The project's name, which no package may have.
    pub name: &'a str,
    /// The folder that packages are installed in.
    pub install_path: &'a Path,
    /// The environment: where the hub is.
    pub env: &'a BTreeMap<String, String>,
    /// Leave out versions of packages that do not fit the dbt version that kiln follows.
    pub checks_versions: bool,
    /// Variables and the like, for templates in files of packages.
    pub overrides: &'a Overrides,
    /// Renders these templates.
    pub engine: &'a dyn RenderYaml,
    /// Which parts of the work.
    pub extent: Extent,
}

/// Which parts of the work to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Install what the lock file says; choose versions anew only if the declared packages have changed.
    Install,
    /// Choose versions anew, then install.
    Upgrade,
    /// Write the lock file if it is out of date, and install nothing.
    Lock,
    /// Choose versions anew and write the lock file.
    UpgradeLock,
}

impl Extent {
    const fn is_anew(self) -> bool {
        matches!(self, Self::Upgrade | Self::UpgradeLock)
    }

    const fn installs(self) -> bool {
        matches!(self, Self::Install | Self::Upgrade)
    }
}

/// What happens meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// No package is declared.
    NothingDeclared,
    /// The lock file was written.
    LockWritten(&'a Path),
    /// A package is looked at.
    Started(&'a str),
    /// So many bytes of a file have come.
    Received {
        /// What is downloaded.
        name: &'a str,
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all, where the server says so.
        total: Option<u64>,
    },
    /// Something failed that may work in a moment.
    Retrying {
        /// What failed.
        what: &'a str,
        /// Why.
        why: &'a str,
    },
    /// A package is fetched; such as `version 1.0.0`.
    Installed(&'a str),
    /// There is a later version than the one installed.
    UpdateAvailable(&'a str),
    /// There is no later version.
    UpToDate,
    /// The package is a folder of a repository.
    Subdirectory(&'a str),
    /// Of these packages there are later versions.
    UpdatesAvailable(&'a [String]),
    /// A git package is taken from a revision that moves.
    Unpinned {
        /// The repository, without credentials.
        git: &'a str,
        /// The revision; `HEAD` for none.
        revision: &'a str,
    },
    /// The hub has the package under another name now: old name, new name.
    Renamed(&'a str, &'a str),
    /// A secret was written out in the declaration; it is left out of the lock file.
    Scrubbed(&'a str),
    /// `packages.yml` was made.
    FileMade(&'a str),
    /// An older entry gave way to the one that was added.
    EntryRemoved(&'a str),
    /// An entry was added: name, version, file.
    EntryAdded(&'a str, &'a str, &'a Path),
}

/// Watches the work and may end it.
pub trait Watcher {
    /// Something happened.
    fn event(&self, event: Event<'_>);

    /// The text without secrets.
    fn scrub(&self, text: &str) -> String;

    /// Whether the user wants to stop.
    fn is_stopped(&self) -> bool;
}

/// What the steps share.
struct Shared<'a> {
    request: Request<'a>,
    watcher: &'a dyn Watcher,
    workspace: workspace::Workspace,
    client: http::Client,
    hub: hub::Hub,
    checkouts: git::Checkouts,
}

impl Shared<'_> {
    /// Ends the work where the user wants that.
    fn check_stop(&self) -> Result<(), Box<Diagnostic>> {
        if self.watcher.is_stopped() { Err(Box::new(interrupted())) } else { Ok(()) }
    }

    fn root_file(&self, name: &str) -> PathBuf {
        self.request.root.join(name)
    }
}

fn interrupted() -> Diagnostic {
    Diagnostic::error(crate::diagnostic::Code::Interrupted, "installing packages was interrupted")
        .hint("the packages are as they were before; run `kiln deps` again")
}
