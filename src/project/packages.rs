//! Packages: which a project declares, and which are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Data;

use super::render::ValueRenderer;
use super::yaml::{self, Yaml};
use super::{scan, shown_path};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, SourceFile, Span, did_you_mean};

/// A package that `packages.yml` or `dependencies.yml` asks for.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The word for it in messages: `dbt-labs/dbt_utils`, a path or an address.
    pub name: String,
    /// Its keys, with templates filled in. They may hold secrets.
    pub data: Data,
    /// Its keys as written.
    pub unrendered: Data,
    /// The folder of a local package, absolute.
    pub local: Option<PathBuf>,
    /// The file that declares it.
    pub file: Arc<SourceFile>,
    /// Where in it.
    pub span: Span,
}

/// Another project whose public models refs may name: an entry of `projects:` in `dependencies.yml`.
#[derive(Clone, Debug)]
pub struct DeclaredProject {
    /// Its name.
    pub name: String,
    /// Where its manifest is, as it is written: a path or an address. It may hold secrets.
    pub manifest: Option<String>,
    /// The file that declares it.
    pub file: Arc<SourceFile>,
    /// Where in it the name stands.
    pub span: Span,
    /// Where in it the address stands, or the entry.
    pub manifest_span: Span,
}

/// Reads which projects `dependencies.yml` declares beside packages. `render` makes a renderer for the file.
pub(super) fn projects<'a>(
    files: &'a PackageFiles,
    own_name: &str,
    render: &dyn Fn(&'a Arc<SourceFile>) -> ValueRenderer<'a>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<DeclaredProject>, Box<Diagnostic>> {
    let Some((file, list)) = &files.projects else { return Ok(Vec::new()) };
    let invalid = |span: Span, message: String| Diagnostic::error(Code::UpstreamInvalid, message).at(file, span);
    let mut found: Vec<DeclaredProject> = Vec::new();
    for item in list.items() {
        let Some(name) = item.get("name").filter(|name| name.as_str().is_some_and(|name| !name.is_empty())) else {
            let error = invalid(item.span, "an entry of `projects` has no `name`".to_owned());
            return Err(Box::new(
                error.hint("write `- name: other_project` and `manifest: ../other/target/manifest.json`"),
            ));
        };
        for pair in item.entries().iter().filter(|pair| !["name", "manifest"].contains(&pair.key.as_str())) {
            if let Some(hint) = did_you_mean(&pair.key, ["name", "manifest"]) {
                let message = format!("unknown key `{}` of an entry of `projects`", pair.key);
                diagnostics.push(Diagnostic::warning(Code::UnknownKey, message).at(file, pair.key_span).hint(hint));
            }
        }
        let text = name.as_str().unwrap_or_default().to_owned();
        if text == own_name {
            let message = format!("project `{text}` names itself under `projects`");
            return Err(Box::new(invalid(name.span, message).hint("a ref to one's own model needs no project")));
        }
        if let Some(first) = found.iter().find(|other| other.name == text) {
            let other = Label::new(file, first.span).with_text("the first one");
            let error = invalid(name.span, format!("project `{text}` is declared twice")).related(other);
            return Err(Box::new(error.hint("keep one of the two")));
        }
        let manifest = item.get("manifest").filter(|manifest| !manifest.is_null());
        let address = manifest.map(|manifest| render(file).render_all(manifest)).transpose()?;
        found.push(DeclaredProject {
            name: text,
            manifest: address.and_then(|address| address.as_str().map(str::to_owned)),
            file: Arc::clone(file),
            span: name.span,
            manifest_span: manifest.map_or(item.span, |manifest| manifest.span),
        });
    }
    Ok(found)
}

/// Reads which packages a project declares. `render` makes a renderer for a file.
pub(super) fn declared<'a>(
    root: &Path,
    render: &dyn Fn(&'a Arc<SourceFile>) -> ValueRenderer<'a>,
    (files, diagnostics): (&'a PackageFiles, &mut Diagnostics),
) -> Result<Vec<Declared>, Box<Diagnostic>> {
    let _ = diagnostics;
    let Some((file, yaml)) = &files.packages else { return Ok(Vec::new()) };
    let is_rendered = !file.path().ends_with("dependencies.yml");
    let items = yaml.get("packages").map(Yaml::items).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let data = if is_rendered { render(file).render_all(item)? } else { item.to_data() };
            Declared::read(data, item, file, root)
        })
        .collect()
}

impl Declared {
    /// One entry of the list of packages.
    fn read(data: Data, item: &Yaml, file: &Arc<SourceFile>, root: &Path) -> Result<Self, Box<Diagnostic>> {
        let text = |key: &str| data.get(key).and_then(Data::as_str).map(str::to_owned);
        let keys = ["package", "local", "git", "private", "tarball"];
        let Some(name) = keys.iter().find_map(|key| text(key)).filter(|name| !name.is_empty()) else {
            let message = "a package is declared without `package`, `local`, `git`, `private` or `tarball`";
            return Err(Box::new(Diagnostic::error(Code::ProjectInvalid, message).at(file, item.span)));
        };
        let local = text("local").map(|path| root.join(path));
        let unrendered = item.to_data();
        Ok(Self { name, data, unrendered, local, file: Arc::clone(file), span: item.span })
    }
}

/// What `package-lock.yml` says.
#[derive(Clone, Debug)]
pub struct LockFile {
    /// The packages in the order in which they are installed.
    pub packages: Vec<Declared>,
    /// A hash of what was declared when they were chosen.
    pub hash: Option<String>,
}

/// Reads `package-lock.yml` beside a project file.
pub(super) fn lock_file<'a>(
    root: &Path,
    render: &dyn Fn(&'a Arc<SourceFile>) -> ValueRenderer<'a>,
    file: &'a Arc<SourceFile>,
) -> Result<LockFile, Box<Diagnostic>> {
    let yaml = yaml::parse(file, &mut Diagnostics::new())?;
    let items = yaml.get("packages").map(Yaml::items).unwrap_or_default();
    let read = |item: &Yaml| Declared::read(render(file).render_all(item)?, item, file, root);
    let packages = items.iter().map(read).collect::<Result<_, _>>()?;
    Ok(LockFile { packages, hash: yaml.get("sha1_hash").and_then(Yaml::as_str).map(str::to_owned) })
}

/// The files that declare packages and projects: their texts and what they say.
pub(super) struct PackageFiles {
    packages: Option<(Arc<SourceFile>, Yaml)>,
    projects: Option<(Arc<SourceFile>, Yaml)>,
}

/// Reads `packages.yml` and `dependencies.yml` of a project.
pub(super) fn read_files(
    root: &Path,
    shown_root: &Path,
    diagnostics: &mut Diagnostics,
) -> Result<PackageFiles, Box<Diagnostic>> {
    let mut found: Option<(Arc<SourceFile>, Yaml)> = None;
    let mut projects = None;
    for name in ["packages.yml", "dependencies.yml"] {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        let shown = shown_path(&path, shown_root);
        let file = SourceFile::new(shown.clone(), scan::read_text(&path, &shown)?);
        let yaml = yaml::parse(&file, diagnostics)?;
        if let Some(entry) = yaml.entry("projects").filter(|_| name == "packages.yml") {
            let message = "`projects` cannot be in `packages.yml`";
            let error = Diagnostic::error(Code::ProjectInvalid, message).at(&file, entry.key_span);
            return Err(Box::new(error.hint("move it to `dependencies.yml`")));
        }
        if let Some(entry) = yaml.entry("projects").filter(|entry| !entry.value.is_null()) {
            if !matches!(entry.value.kind, yaml::YamlKind::Seq(_)) {
                let message = format!("`projects` is {}, not a list", entry.value.kind_name());
                return Err(Box::new(Diagnostic::error(Code::YamlType, message).at(&file, entry.value.span)));
            }
            projects = Some((Arc::clone(&file), entry.value.clone()));
        }
        let Some(entry) = yaml.entry("packages") else { continue };
        if let Some((other, _)) = &found {
            let message = format!("packages are declared both in `{}` and in `{shown}`", other.path());
            let error = Diagnostic::error(Code::ProjectInvalid, message).at(&file, entry.key_span);
            return Err(Box::new(error.hint("keep them in one of the two files")));
        }
        if !entry.value.is_null() && !matches!(entry.value.kind, yaml::YamlKind::Seq(_)) {
            let message = format!("`packages` is {}, not a list", entry.value.kind_name());
            return Err(Box::new(Diagnostic::error(Code::YamlType, message).at(&file, entry.value.span)));
        }
        found = Some((file, yaml));
    }
    Ok(PackageFiles { packages: found, projects })
}

/// The folders of installed packages, by name.
pub(super) fn installed(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_package = |path: &PathBuf| {
        path.is_dir() && path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with("__"))
    };
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_package).collect();
    found.sort();
    found
}

/// Tells that packages are missing, by the names of those that are probably meant.
pub(super) fn missing(declared: &[Declared], installed: &[PathBuf], folder: &str) -> Box<Diagnostic> {
    let is_there = |package: &&Declared| {
        let short = package.name.trim_end_matches('/').rsplit('/').next().unwrap_or_default().trim_end_matches(".git");
        let same = |name: &str| name.replace('-', "_") == short.replace('-', "_");
        installed.iter().any(|path| path.file_name().is_some_and(|name| same(&name.to_string_lossy())))
    };
    let mut absent: Vec<&Declared> = declared.iter().filter(|package| !is_there(package)).collect();
    if absent.is_empty() {
        absent.extend(declared);
    }
    let names: Vec<_> = absent.iter().map(|package| format!("`{}`", package.name)).collect();
    let (is, it) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
    let message = format!("{} {is} declared but not installed in `{folder}`", names.join(", "));
    let error = Diagnostic::error(Code::PackageMissing, message);
    let error = match absent.first() {
        Some(package) => error.at(&package.file, package.span),
        None => error,
    };
    Box::new(error.hint(format!("install {it} first: `kiln deps`")))
}
