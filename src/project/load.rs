//! Loading a project: finds its folder, its profile and its packages, and decides the settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Data};

use super::engine_env;
use super::packages::{self, Declared, DeclaredProject, LockFile};
use super::profile::{self, Profiles, Wanted};
use super::project_file::{self, Rendering};
use super::render::ValueRenderer;
use super::settings::{self, ProjectSays, env_of};
use super::vars_file::VarsFile;
use super::version;
use super::yaml::{self, Yaml, YamlKind};
use super::{DBT_VERSION, Overrides, Package, Project, ProjectConfig, RenderYaml, Settings, Target, YamlScope};
use super::{notices, scan, shown_path};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};

/// A project without its profile and packages: what `clean` and `deps` need, and the first step of `debug`.
#[derive(Clone, Debug)]
pub struct Root {
    /// The root project. Its configuration trees are not rendered, since templates in them may need the target.
    pub package: Package,
    /// The settings.
    pub settings: Settings,
    /// The packages that it declares.
    pub declared: Vec<Declared>,
}

/// Loads a project with everything that a run needs.
///
/// # Errors
/// When the project, the profile or a package cannot be used.
pub fn load(
    overrides: &Overrides,
    engine: &dyn RenderYaml,
    diagnostics: &mut Diagnostics,
) -> Result<Project, Box<Diagnostic>> {
    let start = Start::find(overrides, diagnostics)?;
    let profiles = profile::read(&start.profiles_dir, &start.root, diagnostics)?;
    let target = start.target(&profiles, overrides, engine)?;
    let vars_file = VarsFile::read(&start.root, diagnostics)?;
    let vars = VarsFile::under(vars_file.as_ref(), &overrides.vars);
    let rendering = Rendering { engine, vars: &vars, env: &start.env, target: Some(&target) };
    let mut config = project_file::read(&start.file, &start.yaml, (&rendering, diagnostics))?;
    vars_file.map_or(Ok(()), |file| file.apply(&mut config))?;
    let older_flags = profiles.config().filter(|flags| !flags.is_empty());
    if older_flags.is_some() && !config.flags.is_empty() {
        let message = "flags stand in `config` of profiles.yml and in `flags` of dbt_project.yml";
        let error = Diagnostic::error(Code::ProfileInvalid, message).in_file(&profiles.file);
        return Err(Box::new(error.hint("keep those of dbt_project.yml: `config` is their older place")));
    }
    notices::of_profile(&start.profiles_dir, older_flags.as_ref(), diagnostics);
    let settings = start.settings(overrides, (&config, older_flags))?;
    notices::of_flags(&settings, &config, diagnostics);
    let root = Package { root: start.root.clone(), config: Arc::new(config) };
    // Packages do not see the variables of the command line while they are loaded.
    let no_vars = Map::new();
    let rendering = Rendering { vars: &no_vars, ..rendering };
    let mut packages = vec![root];
    load_packages(&mut packages, &rendering, diagnostics)?;
    let files = packages::read_files(&start.root, &start.root, &mut Diagnostics::new())?;
    let render = |file| rendering.values(file, true);
    let upstream = packages::projects(&files, &packages[0].config.name, &render, diagnostics)?;
    for project in &upstream {
        refuse_package(project, &packages)?;
    }
    if settings.version_check {
        packages.iter().try_for_each(|package| check_version(&package.config))?;
    }
    let threads = if settings.flag("single_threaded") { 1 } else { target.threads };
    Ok(Project { packages, target: Target { threads, ..target }, settings, upstream })
}

/// A project is either refered to by its manifest or installed.
fn refuse_package(project: &DeclaredProject, packages: &[Package]) -> Result<(), Box<Diagnostic>> {
    if !packages.iter().any(|package| package.config.name == project.name) {
        return Ok(());
    }
    let message = format!("`{}` is a project and an installed package at once", project.name);
    let error = Diagnostic::error(Code::UpstreamInvalid, message).at(&project.file, project.span);
    Err(Box::new(
        error.hint("remove it from `projects` or from `packages`; `kiln deps` takes out what is not declared"),
    ))
}

/// Loads the project file alone: no profile is needed, and no package.
///
/// # Errors
/// When there is no project, or its file cannot be used.
pub fn load_root(
    overrides: &Overrides,
    engine: &dyn RenderYaml,
    diagnostics: &mut Diagnostics,
) -> Result<Root, Box<Diagnostic>> {
    let start = Start::find(overrides, diagnostics)?;
    let vars_file = VarsFile::read(&start.root, diagnostics)?;
    let vars = VarsFile::under(vars_file.as_ref(), &overrides.vars);
    let rendering = Rendering { engine, vars: &vars, env: &start.env, target: None };
    let mut config = project_file::read(&start.file, &start.yaml, (&rendering, diagnostics))?;
    vars_file.map_or(Ok(()), |file| file.apply(&mut config))?;
    let settings = start.settings(overrides, (&config, None))?;
    let files = packages::read_files(&start.root, &start.root, diagnostics)?;
    let declared = packages::declared(&start.root, &|file| rendering.values(file, true), (&files, diagnostics))?;
    let package = Package { root: start.root.clone(), config: Arc::new(config) };
    Ok(Root { package, settings, declared })
}

/// What installing a package needs to know of it.
#[derive(Clone, Debug)]
pub struct PackageHead {
    /// The name in its dbt_project.yml.
    pub name: String,
    /// The packages that it declares.
    pub declared: Vec<Declared>,
}

/// Reads the name of the package in a folder, and what it declares. `shown` is the word for the folder in messages.
///
/// # Errors
/// When there is no usable dbt_project.yml in the folder, or its packages are declared wrongly.
pub fn load_package_head(
    (folder, shown): (&Path, &str),
    overrides: &Overrides,
    engine: &dyn RenderYaml,
) -> Result<PackageHead, Box<Diagnostic>> {
    let env = settings::environment();
    let rendering = Rendering { engine, vars: &overrides.vars, env: &env, target: None };
    let path = folder.join("dbt_project.yml");
    if !path.is_file() {
        let message = format!("there is no `dbt_project.yml` in {shown}: it is not a package");
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message)));
    }
    let in_package = |mut error: Box<Diagnostic>| {
        error.message = format!("{shown}: {}", error.message);
        error
    };
    let diagnostics = &mut Diagnostics::new();
    let (file, yaml) = read_project_file(folder, folder, diagnostics).map_err(in_package)?;
    let name = yaml.get("name").map(|name| rendering.strict(&file).render_all(name)).transpose()?;
    let name = name.as_ref().and_then(Data::as_str).unwrap_or_default().to_owned();
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let message = format!("{shown}: `{name}` cannot be the name of a package");
        return Err(Box::new(Diagnostic::error(Code::PackageUnavailable, message).in_file(&file)));
    }
    let files = packages::read_files(folder, folder, diagnostics).map_err(in_package)?;
    let render = |file| rendering.strict(file);
    let declared = packages::declared(folder, &render, (&files, diagnostics)).map_err(in_package)?;
    Ok(PackageHead { name, declared })
}

/// Reads `package-lock.yml` of the project in a folder, if there is one.
///
/// # Errors
/// When it cannot be read.
pub fn load_lock_file(
    folder: &Path,
    overrides: &Overrides,
    engine: &dyn RenderYaml,
) -> Result<Option<LockFile>, Box<Diagnostic>> {
    let path = folder.join("package-lock.yml");
    if !path.is_file() {
        return Ok(None);
    }
    let env = settings::environment();
    let rendering = Rendering { engine, vars: &overrides.vars, env: &env, target: None };
    let file = SourceFile::new("package-lock.yml", scan::read_text(&path, "package-lock.yml")?);
    packages::lock_file(folder, &|file| rendering.strict(file), &file).map(Some)
}

/// Finds the target of a project: the second step of `debug`. Gives the file that it was found in, too.
///
/// # Errors
/// When there is no profile or no such target, or it is not usable.
pub fn load_target(
    overrides: &Overrides,
    engine: &dyn RenderYaml,
    diagnostics: &mut Diagnostics,
) -> Result<(Target, Profiles), Box<Diagnostic>> {
    let start = Start::find(overrides, diagnostics)?;
    let profiles = profile::read(&start.profiles_dir, &start.root, diagnostics)?;
    let target = start.target(&profiles, overrides, engine)?;
    Ok((target, profiles))
}

/// Finds a profile by its name, for a project that is yet to be made in `folder`.
///
/// # Errors
/// When there is no `profiles.yml`, or it has no profile of that name.
pub fn find_profile(name: &str, overrides: &Overrides, folder: &Path) -> Result<(), Box<Diagnostic>> {
    let profiles_dir = profile::folder(overrides, &settings::environment(), folder);
    profile::read(&profiles_dir, folder, &mut Diagnostics::new())?.profile(name).map(|_| ())
}

/// What is known before anything is rendered.
struct Start {
    env: BTreeMap<String, String>,
    root: PathBuf,
    profiles_dir: PathBuf,
    file: Arc<SourceFile>,
    yaml: Yaml,
}

impl Start {
    fn find(overrides: &Overrides, diagnostics: &mut Diagnostics) -> Result<Self, Box<Diagnostic>> {
        let env = settings::environment();
        diagnostics.extend(engine_env::warnings(&env));
        let root = find_folder(overrides, &env)?;
        let (file, yaml) = read_project_file(&root, &root, diagnostics)?;
        let profiles_dir = profile::folder(overrides, &env, &root);
        Ok(Self { env, root, profiles_dir, file, yaml })
    }

    fn target(
        &self,
        profiles: &Profiles,
        overrides: &Overrides,
        engine: &dyn RenderYaml,
    ) -> Result<Target, Box<Diagnostic>> {
        let scope = YamlScope { target: None, vars: &overrides.vars, env: &self.env, may_read_secrets: true };
        let renderer = ValueRenderer { engine, scope, file: &self.file, is_lenient: false };
        let name = self.yaml.get("profile").filter(|value| !value.is_null());
        let profile = name.map(|value| renderer.render_all(value)).transpose()?;
        let profile = profile.and_then(|value| value.as_str().map(str::to_owned));
        profiles.target(&Wanted { overrides, env: &self.env, engine, profile })
    }

    fn settings(
        &self,
        overrides: &Overrides,
        (config, older): (&ProjectConfig, Option<Map<String, Data>>),
    ) -> Result<Settings, Box<Diagnostic>> {
        let flags = older.filter(|_| config.flags.is_empty()).unwrap_or_else(|| config.flags.clone());
        let project = ProjectSays {
            root: &self.root,
            profiles_dir: self.profiles_dir.clone(),
            flags: &flags,
            target_path: &config.target_path,
            log_path: &config.log_path,
        };
        settings::resolve(overrides, self.env.clone(), &project)
    }
}

/// Finds the project's folder: `--project-dir`, `DBT_PROJECT_DIR`, or the nearest folder upwards that has a project.
fn find_folder(overrides: &Overrides, env: &BTreeMap<String, String>) -> Result<PathBuf, Box<Diagnostic>> {
    let here = std::env::current_dir().map_err(|error| {
        let message = format!("the current folder is not there: {}", super::reason(&error));
        Box::new(Diagnostic::error(Code::ProjectNotFound, message))
    })?;
    let said = overrides.project_dir.clone().or_else(|| env_of(env, "project_dir").map(|(_, folder)| folder.into()));
    let has_project = |folder: &&Path| folder.join("dbt_project.yml").is_file();
    let found = match &said {
        Some(folder) => Some(here.join(folder)).filter(|folder| has_project(&folder.as_path())),
        None => here.ancestors().find(has_project).map(Path::to_owned),
    };
    if let Some(folder) = found {
        return Ok(std::path::absolute(&folder).map(|path| tidy(&path)).unwrap_or(folder));
    }
    let error = match said {
        Some(folder) => {
            let message = format!("there is no `dbt_project.yml` in `{}`", folder.display());
            Diagnostic::error(Code::ProjectNotFound, message)
        }
        None => Diagnostic::error(Code::ProjectNotFound, "there is no `dbt_project.yml` here or in a folder above"),
    };
    Err(Box::new(error.hint("change to the project's folder, or make a project with `kiln init`")))
}

/// Takes `.` and `..` out of a path, without looking at links.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => drop(out.pop()),
            _ => out.push(part),
        }
    }
    out
}

fn read_project_file(
    folder: &Path,
    shown_root: &Path,
    diagnostics: &mut Diagnostics,
) -> Result<(Arc<SourceFile>, Yaml), Box<Diagnostic>> {
    let path = folder.join("dbt_project.yml");
    let shown = shown_path(&path, shown_root);
    let file = SourceFile::new(shown.clone(), scan::read_text(&path, &shown)?);
    let yaml = yaml::parse(&file, diagnostics)?;
    if !matches!(yaml.kind, YamlKind::Map(_)) {
        let message = format!("`{shown}` holds {}, not a mapping", yaml.kind_name());
        let error = Diagnostic::error(Code::ProjectInvalid, message).in_file(&file);
        return Err(Box::new(error.hint("it needs at least `name:` and `profile:`")));
    }
    Ok((file, yaml))
}

/// Adds the installed packages in the order of their names, and local ones that are not installed.
fn load_packages(
    packages: &mut Vec<Package>,
    rendering: &Rendering<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<(), Box<Diagnostic>> {
    let root = packages[0].clone();
    let files = packages::read_files(&root.root, &root.root, diagnostics)?;
    let declared = packages::declared(&root.root, &|file| rendering.values(file, true), (&files, diagnostics))?;
    let install_path = &root.config.packages_install_path;
    let installed = packages::installed(&root.root.join(install_path));
    let mut found = Vec::new();
    for folder in &installed {
        found.push(load_package(folder, &root.root, rendering)?);
    }
    let n_installed = found.len();
    let locals: Vec<PathBuf> = declared.iter().filter_map(|package| package.local.clone()).collect();
    load_locals(locals, &root.root, (&mut found, rendering, diagnostics))?;
    let is_local = |package: &&Declared| package.local.as_ref().is_some_and(|folder| folder.is_dir());
    let n_local = declared.iter().filter(is_local).count().min(found.len() - n_installed);
    if declared.len() > n_installed + n_local {
        return Err(packages::missing(&declared, &installed, install_path));
    }
    found.sort_by(|a, b| a.config.name.cmp(&b.config.name));
    for package in found {
        let same = packages.iter().find(|other| other.config.name == package.config.name);
        if let Some(other) = same {
            let message = format!("two packages are called `{}`", package.config.name);
            let error = Diagnostic::error(Code::ProjectInvalid, message).in_file(&package.config.file);
            let other = crate::diagnostic::Label::new(&other.config.file, crate::diagnostic::Span::default());
            return Err(Box::new(error.related(other.with_text("the other one")).hint("rename one of them")));
        }
        packages.push(package);
    }
    Ok(())
}

fn load_package(folder: &Path, shown_root: &Path, rendering: &Rendering<'_>) -> Result<Package, Box<Diagnostic>> {
    // What is odd in a package, but not wrong, is its author's affair.
    let diagnostics = &mut Diagnostics::new();
    if !folder.join("dbt_project.yml").is_file() {
        let message = format!("the package in `{}` has no `dbt_project.yml`", shown_path(folder, shown_root));
        let error = Diagnostic::error(Code::PackageMissing, message);
        return Err(Box::new(error.hint("install it anew: `kiln deps`")));
    }
    let (file, yaml) = read_project_file(folder, shown_root, diagnostics)?;
    let config = project_file::read(&file, &yaml, (rendering, diagnostics))?;
    Ok(Package { root: folder.to_owned(), config: Arc::new(config) })
}

/// Reads local packages where they lie, unless they were installed, and the local packages that these declare.
fn load_locals(
    mut folders: Vec<PathBuf>,
    shown_root: &Path,
    (found, rendering, diagnostics): (&mut Vec<Package>, &Rendering<'_>, &mut Diagnostics),
) -> Result<(), Box<Diagnostic>> {
    let mut seen = Vec::new();
    while let Some(folder) = folders.pop() {
        let folder = tidy(&folder);
        if seen.contains(&folder) || !folder.join("dbt_project.yml").is_file() {
            continue;
        }
        seen.push(folder.clone());
        let package = load_package(&folder, shown_root, rendering)?;
        if found.iter().any(|other| other.config.name == package.config.name) {
            continue;
        }
        let files = packages::read_files(&folder, shown_root, diagnostics)?;
        let declared = packages::declared(&folder, &|file| rendering.values(file, true), (&files, diagnostics))?;
        folders.extend(declared.into_iter().filter_map(|package| package.local));
        found.push(package);
    }
    Ok(())
}

fn check_version(config: &ProjectConfig) -> Result<(), Box<Diagnostic>> {
    let ranges = &config.require_dbt_version;
    let place = config.require_dbt_version_span;
    match version::admits(ranges, DBT_VERSION) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let message =
                format!("`{}` requires dbt {}, and kiln follows dbt {DBT_VERSION}", config.name, ranges.join(", "));
            let error = Diagnostic::error(Code::VersionMismatch, message).at(&config.file, place);
            Err(Box::new(error.hint("widen `require-dbt-version`, or pass `--no-version-check`")))
        }
        Err(range) => {
            let message = format!("`{range}` is not a version range");
            let error = Diagnostic::error(Code::ProjectInvalid, message).at(&config.file, place);
            Err(Box::new(error.hint("write `>=1.6.0`, `<2.0.0` or the like")))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A template engine that knows only literals.
    pub(in crate::project) struct Literal;

    impl RenderYaml for Literal {
        fn render_native(&self, text: &str, _scope: YamlScope<'_>) -> Result<Data, Box<Diagnostic>> {
            let inner = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
            serde_json::from_str(inner).map_err(|_| Box::new(Diagnostic::error(Code::TemplateFailed, "not a literal")))
        }
    }

    pub(in crate::project) fn write(folder: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
    }

    fn overrides_for(folder: &Path) -> Overrides {
        Overrides {
            project_dir: Some(folder.to_owned()),
            profiles_dir: Some(folder.to_owned()),
            ..Overrides::default()
        }
    }

    /// Loads a project of the given files, with a project file and a profile unless they are among them.
    pub(in crate::project) fn project_in(folder: &Path, files: &[(&str, &str)]) -> Project {
        write(folder, &[("dbt_project.yml", "name: shop\nprofile: shop\n")]);
        write(folder, &[("profiles.yml", "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb}\n")]);
        write(folder, files);
        load(&overrides_for(folder), &Literal, &mut Diagnostics::new()).expect("a project")
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &[("profiles.yml", "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb}\n")]);
        write(folder.path(), files);
        let shown = match load(&overrides_for(folder.path()), &Literal, &mut Diagnostics::new()) {
            Ok(project) => {
                let names: Vec<_> = project.packages.iter().map(|package| package.config.name.as_str()).collect();
                names.join(" ")
            }
            Err(problem) => format!("{} {}", problem.code.number(), problem.message),
        };
        assert_eq!(shown.replace(&*folder.path().to_string_lossy(), "DIR"), expected);
    }

    const SHOP: (&str, &str) = ("dbt_project.yml", "name: shop\nprofile: shop\n");

    #[test]
    fn installed_and_local_packages_are_read() {
        check(
            &[
                SHOP,
                ("packages.yml", "packages:\n  - local: ./lib\n  - package: a/utils\n    version: 1.0.0\n"),
                ("lib/dbt_project.yml", "name: lib\n"),
                ("dbt_packages/utils/dbt_project.yml", "name: utils\n"),
            ],
            "shop lib utils",
        );
    }

    #[test]
    fn a_package_that_is_not_installed_is_named() {
        check(
            &[SHOP, ("packages.yml", "packages:\n  - package: a/utils\n    version: 1.0.0\n")],
            "K0107 `a/utils` is declared but not installed in `dbt_packages`",
        );
    }

    #[test]
    fn what_keeps_a_project_from_loading_is_said() {
        check(&[], "K0101 there is no `dbt_project.yml` in `DIR`");
        check(&[("dbt_project.yml", "")], "K0106 `dbt_project.yml` holds nothing, not a mapping");
        check(
            &[("dbt_project.yml", "name: shop\nprofile: other\n")],
            "K0102 Could not find profile named 'other': `profiles.yml` has `shop`",
        );
        check(
            &[("dbt_project.yml", "name: shop\nprofile: shop\nrequire-dbt-version: '>=2.0.0'\n")],
            "K0110 `shop` requires dbt >=2.0.0, and kiln follows dbt 1.11.16",
        );
        check(&[SHOP, ("dbt_packages/lib/dbt_project.yml", "name: shop\n")], "K0106 two packages are called `shop`");
    }
}
