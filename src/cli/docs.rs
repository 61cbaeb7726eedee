//! `kiln docs generate` and `kiln docs serve`: the project's documentation as a page.

use std::fs;
use std::io;
use std::path::{Component, Path};

use super::args::{DocsGenerateArgs, DocsServeArgs};
use super::pipeline::{self, Parsed};
use super::{ExitStatus, check, columns, docs_server, execute, lineage, selection};
use crate::artifacts::{self, CatalogFacts};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::jinja::Catalog;
use crate::manifest::{NodeIndex, NodeSet, ResourceType};
use crate::project::{Overrides, flag_in};
use crate::run;
use crate::site;
use crate::ui::{Entry, Level, Stream, names};

/// Writes the catalog and the page.
pub(super) fn generate(args: &DocsGenerateArgs, parsed: &Parsed) -> ExitStatus {
    // Compiling writes run_results.json anew, without what the last build and tests said.
    let remembered = site::remember(&parsed.project.settings.target_path).map_err(|error| parsed.fail(&error));
    let done = remembered.and_then(|()| compiled(args, parsed)).and_then(|selected| write(args, parsed, selected));
    done.unwrap_or_else(|status| status)
}

/// Compiles the selection, and gives the nodes and sources of it. Without compiling nothing is selected, as in dbt.
fn compiled(args: &DocsGenerateArgs, parsed: &Parsed) -> Result<Option<NodeSet>, ExitStatus> {
    if args.no_compile {
        return Ok(None);
    }
    let mut kinds = run::Command::Compile.kinds().to_vec();
    kinds.push(ResourceType::Source);
    let selected = selection::pick(parsed, &args.selection, &kinds)?;
    let mut nodes = NodeSet::default();
    for ix in selected.iter().filter(|ix| parsed.manifest.node(*ix).resource_type != ResourceType::Source) {
        nodes.insert(ix);
    }
    let report = execute::execute(parsed, run::Command::Compile, &nodes)?;
    let errors: Vec<_> = report.results.iter().filter_map(|result| result.diagnostic.as_deref()).collect();
    if !errors.is_empty() {
        parsed.printer.fatal(errors);
        parsed.printer.say(&Entry::info(names::DOCS_FAILED, "compile failed, cannot generate docs"));
        return Err(ExitStatus::Error);
    }
    Ok(Some(selected))
}

fn write(args: &DocsGenerateArgs, parsed: &Parsed, selected: Option<NodeSet>) -> Result<ExitStatus, ExitStatus> {
    let fail = |error: Box<Diagnostic>| parsed.fail(&error);
    copy_assets(parsed).map_err(fail)?;
    let (catalog, selected) = match args.empty_catalog {
        true => (Catalog::default(), Some(NodeSet::default())),
        false => (ask(parsed, selected.as_ref()), selected),
    };
    let errors = complaints(parsed, &catalog)?;
    let path = parsed.target_file("catalog.json");
    let bound = if args.no_compile { Vec::new() } else { check::known_types(parsed, args.empty_catalog) };
    // Where the database could not be asked, nobody knows what is built.
    let unbuilt: &[_] = if args.empty_catalog || !errors.is_empty() { &[] } else { &bound };
    let facts = CatalogFacts { rows: &catalog.rows, selected: selected.as_ref(), errors: &errors, bound: unbuilt };
    artifacts::write_catalog(&path, &parsed.project.settings, &parsed.manifest, facts).map_err(fail)?;
    parsed.say_written("CatalogArtifact", &path);
    if !args.no_compile {
        // After the catalog, which knows the columns of sources.
        lineage::write(parsed, &columns::typed_graph(parsed, args.empty_catalog, bound))?;
    }
    write_site(args, parsed).map_err(fail)?;
    if !errors.is_empty() {
        let n = errors.len();
        let text = format!("{n} failure{} while writing the catalog", if n == 1 { "" } else { "s" });
        parsed.printer.say(&Entry::new(names::CATALOG_FAILED, Level::Error, text).with("num_exceptions", n));
    }
    let shown = path.display().to_string();
    let entry = Entry::info(names::CATALOG_WRITTEN, format!("Catalog written to {shown}"));
    parsed.printer.say(&entry.with("path", shown));
    Ok(if errors.is_empty() { ExitStatus::Success } else { ExitStatus::Failure })
}

/// Asks the database what it has.
fn ask(parsed: &Parsed, selected: Option<&NodeSet>) -> Catalog {
    parsed.printer.say(&Entry::info(names::CATALOG_STARTED, "Building catalog"));
    let runtime = parsed.runtime(selected.unwrap_or(&NodeSet::default()));
    let wanted: Option<Vec<NodeIndex>> = selected.map(|set| set.iter().collect());
    runtime.catalog(wanted.as_deref())
}

/// What could not be asked, as the catalog lists it. Each is a warning.
fn complaints(parsed: &Parsed, catalog: &Catalog) -> Result<Vec<String>, ExitStatus> {
    let mut problems = Diagnostics::new();
    let mut errors = Vec::new();
    for error in &catalog.errors {
        let text = format!("{}\n  {}", error.family(), error.message);
        errors.push(parsed.printer.scrub(&text));
        problems.push(Diagnostic::warning(error.code, format!("the catalog is not complete: {}", error.message)));
    }
    parsed.check(problems)?;
    Ok(errors)
}

/// Writes the page with its data beside it, and as one file if that is asked for.
fn write_site(args: &DocsGenerateArgs, parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let folder = &parsed.project.settings.target_path;
    if args.is_static {
        site::write_static(folder, &parsed.target_file("static_index.html"))?;
    }
    site::write(folder)
}

/// Copies the folders of `asset-paths` into the target folder, for descriptions that show pictures.
fn copy_assets(parsed: &Parsed) -> Result<(), Box<Diagnostic>> {
    let root = parsed.project.root();
    for name in &root.config.asset_paths {
        let (from, to) = (root.root.join(name), parsed.target_file(name));
        let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !is_below {
            let message = format!("`asset-paths` has `{name}`, which is not a folder below the project's");
            return Err(Box::new(Diagnostic::error(Code::ProjectInvalid, message).in_file(&root.config.file)));
        }
        let copied = if to.is_dir() { fs::remove_dir_all(&to) } else { Ok(()) };
        let copied = copied.and_then(|()| if from.exists() { copy(&from, &to) } else { Ok(()) });
        copied.map_err(|error| {
            let message = format!("`{name}` could not be copied to the target folder: {error}");
            Box::new(Diagnostic::error(Code::FileUnwritable, message))
        })?;
    }
    Ok(())
}

/// Copies a file or a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    // Read before the copy is made, which may lie inside.
    let entries: Vec<_> = fs::read_dir(from)?.collect::<io::Result<_>>()?;
    fs::create_dir_all(to)?;
    entries
        .iter()
        .filter(|entry| entry.path() != to)
        .try_for_each(|entry| copy(&entry.path(), &to.join(entry.file_name())))
}

/// Serves what was generated.
pub(super) fn serve(args: &DocsServeArgs, overrides: &Overrides) -> ExitStatus {
    let loaded = match pipeline::load(overrides, Stream::Stdout) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let (printer, folder) = (&loaded.printer, &loaded.project.settings.target_path);
    if !folder.join("manifest.json").is_file() || !folder.join("catalog.json").is_file() {
        let message = format!("there is no documentation in `{}`", folder.display());
        let error = Diagnostic::error(Code::FileUnreadable, message).hint("run `kiln docs generate` first");
        printer.fatal([&error]);
        return ExitStatus::Error;
    }
    let from_env = || flag_in(&loaded.project.settings.env, "host");
    let host = args.host.clone().or_else(from_env).unwrap_or_else(|| "127.0.0.1".to_owned());
    let server = match docs_server::Server::bind(&host, args.port, folder) {
        Ok(server) => server,
        Err(error) => {
            let message = format!("nothing can be served at {host}:{}: {error}", args.port);
            printer.fatal([
                &Diagnostic::error(Code::Usage, message).hint("choose another port with `--port`, or 0 for any")
            ]);
            return ExitStatus::Error;
        }
    };
    let address = server.address();
    let text = format!("Serving the documentation at {address}; press Ctrl+C to end");
    printer.say(&Entry::info(names::NOTE, text.as_str()).with("msg", text.as_str()));
    if !args.no_browser && (args.browser || printer.options().is_terminal) {
        open_browser(&address);
    }
    server.run();
    ExitStatus::Success
}

/// Asks the desktop to show an address. Where there is none, the address was printed.
fn open_browser(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let nowhere = std::process::Stdio::null;
    let _ =
        std::process::Command::new(program).arg(address).stdin(nowhere()).stdout(nowhere()).stderr(nowhere()).spawn();
}
