//! `kiln init`: a small project that works, on a DuckDB file beside it.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use super::args::InitArgs;
use super::{ExitStatus, plain_printer};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::jinja::YamlRenderer;
use crate::project::{self, Overrides};
use crate::ui::{Entry, Printer, names};

/// The name when nobody can be asked.
const DEFAULT_NAME: &str = "my_project";
const PROFILE: (&str, &str) = ("profiles.yml", include_str!("starter/profiles.yml"));

const FILES: &[(&str, &str)] = &[
    ("dbt_project.yml", include_str!("starter/dbt_project.yml")),
    (".gitignore", include_str!("starter/gitignore")),
    ("README.md", include_str!("starter/README.md")),
    ("seeds/raw_orders.csv", include_str!("starter/seeds/raw_orders.csv")),
    ("models/stg_orders.sql", include_str!("starter/models/stg_orders.sql")),
    ("models/customer_totals.sql", include_str!("starter/models/customer_totals.sql")),
    ("models/schema.yml", include_str!("starter/models/schema.yml")),
    ("tests/paid_amount_is_not_negative.sql", include_str!("starter/tests/paid_amount_is_not_negative.sql")),
];

/// Runs the command.
pub(super) fn run(args: &InitArgs, overrides: &Overrides) -> ExitStatus {
    let printer = plain_printer();
    match init(args, overrides, &printer) {
        Ok(()) => ExitStatus::Success,
        Err(error) => {
            printer.fatal([&*error]);
            ExitStatus::Error
        }
    }
}

fn init(args: &InitArgs, overrides: &Overrides, printer: &Printer) -> Result<(), Box<Diagnostic>> {
    let parent = overrides.project_dir.clone().unwrap_or_else(|| ".".into());
    if args.project_name.is_none() && parent.join("dbt_project.yml").exists() {
        return existing(args, overrides, printer);
    }
    if let Some(profile) = &overrides.profile {
        project::find_profile(profile, overrides, &parent)?;
    }
    let name = name(args)?;
    let folder = parent.join(&name);
    refuse_occupied(&folder, &name)?;
    let profile = format!("profile: {}", overrides.profile.as_ref().unwrap_or(&name));
    for (path, text) in FILES {
        write(&folder.join(path), &text.replace("profile: __NAME__", &profile).replace("__NAME__", &name))?;
    }
    if !args.skip_profile_setup && overrides.profile.is_none() {
        let profiles = overrides.profiles_dir.as_deref().unwrap_or(&folder);
        if !has_profile(&Overrides { project_dir: Some(folder.clone()), ..overrides.clone() }) {
            add_profile(profiles, &name)?;
        }
    }
    let shown = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
    let text = format!("Made the project `{name}` in `{shown}`. Next:\n\n  cd {shown}\n  kiln build\n");
    printer.data(&Entry::info(names::NOTE, text));
    Ok(())
}

/// Gives a project that is here a profile, if it has none.
fn existing(args: &InitArgs, overrides: &Overrides, printer: &Printer) -> Result<(), Box<Diagnostic>> {
    if overrides.profile.is_some() {
        let error = Diagnostic::error(Code::Usage, "there is a project here already, which names its own profile");
        return Err(Box::new(error.hint("change `profile:` in dbt_project.yml, and leave out `--profile`")));
    }
    let mut text = "There is a project here already: nothing to do. `kiln build` builds it.".to_owned();
    if !args.skip_profile_setup && !has_profile(overrides) {
        let root = project::load_root(overrides, &YamlRenderer::new(), &mut Diagnostics::new())?;
        let config = &root.package.config;
        let wanted = config.profile.as_ref().unwrap_or(&config.name).clone();
        let folder = overrides.profiles_dir.as_deref().unwrap_or(&root.package.root);
        let path = add_profile(folder, &wanted)?;
        text = format!("Wrote the profile `{wanted}` to `{path}`: a DuckDB file. `kiln debug` tries it.");
    }
    printer.data(&Entry::info(names::NOTE, text));
    Ok(())
}

/// Whether the profile of a project is there. One that is there but wrong is left to its author.
fn has_profile(overrides: &Overrides) -> bool {
    let found = project::load_target(overrides, &YamlRenderer::new(), &mut Diagnostics::new());
    found.err().is_none_or(|error| error.code != Code::ProfileNotFound)
}

/// Adds a profile to the file of a folder, which is made if need be, and tells the file.
fn add_profile(folder: &Path, name: &str) -> Result<String, Box<Diagnostic>> {
    let path = folder.join(PROFILE.0);
    let present = fs::read_to_string(&path).unwrap_or_default();
    let gap = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    write(&path, &format!("{present}{gap}{}", PROFILE.1.replace("__NAME__", name)))?;
    Ok(path.strip_prefix(".").unwrap_or(&path).display().to_string())
}

fn name(args: &InitArgs) -> Result<String, Box<Diagnostic>> {
    let name = match &args.project_name {
        Some(name) => name.clone(),
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => ask()?,
        None => DEFAULT_NAME.to_owned(),
    };
    let is_letter = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    let is_valid = name.chars().all(is_letter) && name.starts_with(|ch: char| ch.is_ascii_alphabetic() || ch == '_');
    if is_valid {
        return Ok(name);
    }
    Err(Box::new(
        Diagnostic::error(Code::Usage, format!("`{name}` cannot be the name of a project"))
            .hint("use letters, digits and underscores, and begin with a letter"),
    ))
}

fn ask() -> Result<String, Box<Diagnostic>> {
    let mut answer = String::new();
    let _ = write!(io::stderr(), "Name of the project [{DEFAULT_NAME}]: ");
    let _ = io::stderr().flush();
    io::stdin().lock().read_line(&mut answer).map_err(|error| {
        Box::new(
            Diagnostic::error(Code::Usage, format!("the answer could not be read: {error}"))
                .hint("give the name on the command line: `kiln init NAME`"),
        )
    })?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { DEFAULT_NAME.to_owned() } else { answer.to_owned() })
}

fn refuse_occupied(folder: &Path, name: &str) -> Result<(), Box<Diagnostic>> {
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_free {
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::error(Code::Usage, format!("`{name}` exists already and is not an empty folder"))
            .hint("choose another name, or remove it"),
    ))
}

fn write(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text)).map_err(|error| {
        Box::new(
            Diagnostic::error(Code::FileUnwritable, format!("`{}` could not be written: {error}", path.display()))
                .hint("look at the free space and the rights of the folder"),
        )
    })
}
