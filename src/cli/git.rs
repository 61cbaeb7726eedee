//! What git knows of the project's folder.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Data;

use super::pipeline::{self, Parsed};
use super::{ExitStatus, upstream};
use crate::diagnostic::{Code, Diagnostic};
use crate::project::{Overrides, Project};
use crate::ui::Stream;

/// The files that changed since the common ancestor of a commit and the present one, committed or not, and those that
/// git does not know yet; from the project's folder.
///
/// # Errors
/// When git is not there, or does not know the commit.
pub(super) fn changed_since(root: &Path, commit: &str) -> Result<HashSet<String>, Box<Diagnostic>> {
    let failed = |why: &str| {
        let message = format!("`git:{commit}` cannot be selected: {}", why.trim());
        let error = Diagnostic::error(Code::SelectorSyntax, message);
        Box::new(error.hint("name a commit, branch or tag of the git repository that the project lies in"))
    };
    if commit.is_empty() || commit.starts_with('-') {
        return Err(failed("a commit's name is not empty and does not begin with `-`"));
    }
    let git = |args: &[&str]| ask("git", root, args).map_err(|why| failed(&why));
    // Without a common ancestor, as in a shallow clone, the commit itself is compared with.
    let ancestor = git(&["merge-base", commit, "HEAD"]).map(|id| id.trim().to_owned());
    let base = ancestor.unwrap_or_else(|_| commit.to_owned());
    let changed = git(&["diff", "--name-only", "--no-renames", "--relative", "-z", &base, "--"])?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = changed.split('\0').chain(unknown.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}

/// Runs a program in a folder. Gives what it prints, or why it failed.
fn ask(program: &str, folder: &Path, args: &[&str]) -> Result<String, String> {
    let asked = Command::new(program).current_dir(folder).args(args).stdin(Stdio::null()).output();
    let output = asked.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Does something with the project as it was at a commit, read with today's profile, variables and packages.
///
/// # Errors
/// When git does not have it or it cannot be read, which has been said then.
pub(super) fn at_commit<T>(
    project: &Project,
    overrides: &Overrides,
    commit: &str,
    fail: impl Fn(Box<Diagnostic>) -> ExitStatus,
    work: impl FnOnce(&Parsed) -> Result<T, ExitStatus>,
) -> Result<T, ExitStatus> {
    let folder = std::env::temp_dir().join(format!("kiln-commit-{}", std::process::id()));
    let done = check_out(project, commit, &folder).map_err(fail).and_then(|()| {
        let earlier = pipeline::load(&of_commit(overrides, project, &folder), Stream::Stderr)?.parse()?;
        work(&earlier)
    });
    let _ = fs::remove_dir_all(&folder);
    done
}

/// The invocation of the same command in the folder of a commit. It compares with nothing.
fn of_commit(overrides: &Overrides, project: &Project, folder: &Path) -> Overrides {
    let mut overrides = overrides.clone();
    overrides.command = "parse".to_owned();
    overrides.project_dir = Some(folder.to_owned());
    overrides.profiles_dir = Some(project.settings.profiles_dir.clone());
    overrides.target_path = Some(folder.join(".kiln-target"));
    overrides.log_path = Some(folder.join(".kiln-logs"));
    overrides.flags.insert("quiet".to_owned(), Data::from(true));
    for flag in ["state", "defer_state", "deprecated_state"] {
        overrides.flags.insert(flag.to_owned(), Data::from(""));
    }
    overrides.flags.insert("defer".to_owned(), Data::from(false));
    // Manifests of other projects are where they are now: git has none of them.
    let root = project.root().root.display().to_string();
    overrides.flags.insert(upstream::FOLDER.to_owned(), Data::from(root));
    overrides
}

/// Puts the project as of a commit into a folder, with the packages that are installed now where git has none.
fn check_out(project: &Project, base: &str, folder: &Path) -> Result<(), Box<Diagnostic>> {
    let root = &project.root().root;
    let failed = |what: &str, why: &str| {
        let message = format!("the project as of `{base}` cannot be read: {what}: {}", why.trim());
        Box::new(
            Diagnostic::error(Code::PreviousStateMissing, message)
                .hint("name a commit, branch or tag of this project's git"),
        )
    };
    if base.starts_with('-') {
        return Err(failed("git", "a commit's name does not begin with `-`"));
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| failed("folder", &error.to_string()))?;
    let archive = folder.join(".kiln-base.tar").display().to_string();
    ask("git", root, &["archive", "--format=tar", "-o", &archive, base]).map_err(|why| failed("git", &why))?;
    ask("tar", folder, &["-xf", &archive]).map_err(|why| failed("tar", &why))?;
    let packages = &project.root().config.packages_install_path;
    let (from, to) = (root.join(packages), folder.join(packages));
    if from.is_dir() && !to.exists() {
        super::docs::copy(&from, &to).map_err(|error| failed("packages", &error.to_string()))?;
    }
    Ok(())
}
