//! `kiln clean`: removes the folders under `clean-targets`, and nothing that it should not.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::ExitStatus;
use super::pipeline::{early_printer, say_version};
use crate::diagnostic::{Code, DbtEvent, Diagnostic, Diagnostics};
use crate::jinja::YamlRenderer;
use crate::project::{self, Overrides, Package, ProjectConfig};
use crate::ui::{Entry, Printer, Stream, names};

/// Runs the command. It needs no profile.
pub(super) fn run(overrides: &Overrides) -> ExitStatus {
    let printer = early_printer(overrides, Stream::Stdout);
    say_version(&printer);
    match clean(overrides, &printer) {
        Ok(()) => ExitStatus::Success,
        Err(errors) => {
            printer.fatal(&errors);
            ExitStatus::Error
        }
    }
}

fn clean(overrides: &Overrides, printer: &Printer) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Diagnostics::new();
    let root = project::load_root(overrides, &YamlRenderer::new(), &mut problems).map_err(|error| vec![*error])?;
    printer.warnings(&problems);
    let package = &root.package;
    warn_of_modules(printer, &package.config);
    let targets: Vec<PathBuf> = package.config.clean_targets.iter().map(|path| resolve(&package.root, path)).collect();
    let refusals: Vec<Diagnostic> = targets.iter().filter_map(|target| refusal(package, target)).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    for target in &targets {
        remove(printer, target).map_err(|error| vec![*error])?;
    }
    printer.say(&Entry::info(names::CLEAN_DONE, "Finished cleaning all paths."));
    Ok(())
}

/// Packages lay in `dbt_modules` once: who still names it means another folder.
fn warn_of_modules(printer: &Printer, config: &ProjectConfig) {
    let has = |name: &str| config.clean_targets.iter().any(|target| target == name);
    if !has("dbt_modules") || has(&config.packages_install_path) {
        return;
    }
    let message = "The default package install path has changed from `dbt_modules` to `dbt_packages`";
    let event = DbtEvent::new(("PackageInstallPathDeprecation", "D002"), json!({}));
    let warning = Diagnostic::warning(Code::Deprecated, message).in_file(&config.file).with_event(event);
    let hint = "put `dbt_packages` under `clean-targets`, or set `packages-install-path: dbt_modules`";
    printer.warning(&warning.hint(hint));
}

fn remove(printer: &Printer, target: &Path) -> Result<(), Box<Diagnostic>> {
    let shown = target.display().to_string();
    let entry = |event, text: String| Entry::info(event, text).with("path", shown.clone());
    printer.say(&entry(names::CLEAN_CHECK, format!("Checking {shown}/*")));
    let removed = match fs::symlink_metadata(target) {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(target),
        Ok(_) => fs::remove_file(target),
    };
    removed.map_err(|error| {
        let error = Diagnostic::error(Code::FileUnwritable, format!("`{shown}` could not be removed: {error}"));
        Box::new(error.hint("look at who owns the folder and what is open in it"))
    })?;
    printer.say(&entry(names::CLEANED, format!("Cleaned {shown}/*")));
    Ok(())
}

/// Why a folder must stay.
fn refusal(package: &Package, target: &Path) -> Option<Diagnostic> {
    let config = &package.config;
    let why = if target == package.root || !target.starts_with(&package.root) || leaves_by_link(&package.root, target) {
        "is not inside the project"
    } else if target.join("CACHEDIR.TAG").exists() {
        "belongs to a build tool: it holds a CACHEDIR.TAG"
    } else if sources(config).any(|source| resolve(&package.root, source).starts_with(target)) {
        "holds source files of the project"
    } else {
        return None;
    };
    let message = format!("`{}` is under `clean-targets`, but {why}", target.display());
    Some(
        Diagnostic::error(Code::CleanRefused, message)
            .in_file(&config.file)
            .hint("take it out of `clean-targets:`; nothing was removed"),
    )
}

/// Whether a link on the way leads out of the project.
fn leaves_by_link(root: &Path, target: &Path) -> bool {
    let Some(parent) = target.parent() else { return true };
    match (root.canonicalize(), parent.canonicalize()) {
        (Ok(root), Ok(parent)) => !parent.starts_with(root),
        _ => false,
    }
}

fn sources(config: &ProjectConfig) -> impl Iterator<Item = &String> {
    let paths = [
        &config.model_paths,
        &config.seed_paths,
        &config.macro_paths,
        &config.test_paths,
        &config.snapshot_paths,
        &config.analysis_paths,
        &config.docs_paths,
        &config.asset_paths,
        &config.function_paths,
    ];
    paths.into_iter().flatten()
}

/// A path of the project without `.` and `..` in it, whether or not it exists.
fn resolve(root: &Path, path: &str) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in root.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(resolve(Path::new("/a/b"), "./x/../../y"), Path::new("/a/y"));
    }
}
