//! What git knows of the project's folder.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnostic::{Code, Diagnostic};

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
    let git = |args: &[&str]| {
        let asked = Command::new("git").arg("-C").arg(root).args(args).stdin(Stdio::null()).output();
        let output = asked.map_err(|error| failed(&error.to_string()))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(failed(&String::from_utf8_lossy(&output.stderr))),
        }
    };
    // Without a common ancestor, as in a shallow clone, the commit itself is compared with.
    let ancestor = git(&["merge-base", commit, "HEAD"]).map(|id| id.trim().to_owned());
    let base = ancestor.unwrap_or_else(|_| commit.to_owned());
    let changed = git(&["diff", "--name-only", "--no-renames", "--relative", "-z", &base, "--"])?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = changed.split('\0').chain(unknown.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}
