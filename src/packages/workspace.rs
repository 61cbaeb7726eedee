//! The folder aside in which packages are put together before they are swapped in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::artifacts::unwritable;
use crate::diagnostic::Diagnostic;

/// What is left of an install that was killed is removed when it is so old.
const STALE: Duration = Duration::from_secs(60 * 60);

/// A folder beside the one that packages are installed in; removed at the end.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    target: PathBuf,
    next: AtomicUsize,
}

impl Workspace {
    /// Names the workspace for a folder of packages, and cleans up after installs that were killed.
    pub(super) fn new(install_path: &Path) -> Self {
        // A link to a folder elsewhere stays a link.
        let target = fs::canonicalize(install_path).unwrap_or_else(|_| install_path.to_owned());
        let name = target.file_name().map_or_else(|| "packages".into(), |name| name.to_string_lossy());
        let prefix = format!(".{name}.kiln-");
        let folder = target.with_file_name(format!("{prefix}{}", std::process::id()));
        tidy_up(&target, &prefix);
        Self { folder, target, next: AtomicUsize::new(0) }
    }

    /// The folder that becomes the folder of packages.
    pub(super) fn staging(&self) -> Result<PathBuf, Box<Diagnostic>> {
        let folder = self.folder.join("new");
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        Ok(folder)
    }

    /// A new empty folder for something that is downloaded.
    pub(super) fn download(&self) -> Result<PathBuf, Box<Diagnostic>> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("download-{n}"));
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        Ok(folder)
    }

    /// Puts what was put together in the place of the installed packages.
    pub(super) fn swap_in(&self) -> Result<(), Box<Diagnostic>> {
        let staging = self.staging()?;
        let old = self.folder.join("old");
        let is_there = fs::symlink_metadata(&self.target).is_ok();
        if is_there {
            fs::rename(&self.target, &old).map_err(|error| unwritable(&self.target, &error))?;
        }
        fs::rename(&staging, &self.target).map_err(|error| {
            if is_there {
                let _ = fs::rename(&old, &self.target);
            }
            unwritable(&self.target, &error)
        })
    }

    /// Makes a link to a folder, or copies it where links cannot be made.
    pub(super) fn link(&self, folder: &Path, target: &Path) -> Result<(), Box<Diagnostic>> {
        symlink(folder, target).or_else(|_| copy_all(folder, target)).map_err(|error| unwritable(target, &error))
    }

    /// Moves a folder that was fetched.
    pub(super) fn shift(&self, folder: &Path, target: &Path) -> Result<(), Box<Diagnostic>> {
        fs::rename(folder, target).map_err(|error| unwritable(target, &error))
    }

    /// Copies a folder.
    pub(super) fn copy(&self, folder: &Path, target: &Path) -> Result<(), Box<Diagnostic>> {
        copy_all(folder, target).map_err(|error| unwritable(target, &error))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what installs that were killed left behind. One that was killed between the two steps of the swap left no
/// packages: those that were there before are put back.
fn tidy_up(target: &Path, prefix: &str) {
    let Some(Ok(entries)) = target.parent().map(fs::read_dir) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        let old = folder.join("old");
        if old.is_dir() && fs::symlink_metadata(target).is_err() {
            let _ = fs::rename(&old, target);
        }
        if age.is_some_and(|age| age > STALE) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(unix)]
fn symlink(folder: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(folder, target)
}

#[cfg(windows)]
fn symlink(folder: &Path, target: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(folder, target)
}

fn copy_all(folder: &Path, target: &Path) -> io::Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_swapped_in_whole_and_nothing_is_left_behind() {
        let parent = tempfile::tempdir().expect("a folder");
        let target = parent.path().join("dbt_packages");
        fs::create_dir_all(target.join("a")).expect("a folder");
        {
            let workspace = Workspace::new(&target);
            fs::create_dir(workspace.staging().expect("a folder").join("b")).expect("a folder");
            assert!(target.join("a").is_dir());
            workspace.swap_in().expect("the packages are swapped in");
        }
        assert!(target.join("b").is_dir() && !target.join("a").exists());
        assert_eq!(fs::read_dir(parent.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn packages_come_back_after_a_swap_that_was_cut_off() {
        let parent = tempfile::tempdir().expect("a folder");
        let target = parent.path().join("dbt_packages");
        fs::create_dir_all(parent.path().join(".dbt_packages.kiln-1/old/a")).expect("a folder");
        let _workspace = Workspace::new(&target);
        assert!(target.join("a").is_dir());
    }
}
