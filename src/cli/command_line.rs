//! Reads the command line: arguments in, a command and its overrides out.
//!
//! What may stand there is listed in [`super::args`] and [`super::flags`].

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, ValueEnum};
use serde_json::{Map, Value as Data};

use super::args::{
    CheckedBuildArgs, Cli, Command, DocsArgs, DocsCommand, KindArgs, SelectionArgs, SourceArgs, SourceCommand,
};
use super::flags;
use crate::project::Overrides;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A command with its overrides.
    Run(Box<Cli>, Box<Overrides>),
    /// The version.
    Version,
}

/// The whole command line for clap: derived commands plus the table of flags.
pub(crate) fn command() -> clap::Command {
    let version = clap::Arg::new("version")
        .short('V')
        .visible_short_alias('v')
        .long("version")
        .action(clap::ArgAction::SetTrue)
        .help("Print the version");
    let names: Vec<String> = Cli::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = Cli::command().arg(version).args(flags::arguments(None));
    for name in names {
        command = command.mut_subcommand(&name, |sub| with_flags(sub, &name));
    }
    command
}

/// Adds the flags of the table to a command and to the commands below it.
fn with_flags(command: clap::Command, name: &str) -> clap::Command {
    let below: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.args(flags::arguments(Some(name)));
    below.iter().fold(command, |command, name| command.mut_subcommand(name, |sub| with_flags(sub, name)))
}

/// Reads the command line.
///
/// # Errors
/// When it is not valid, and when help was asked for: clap's error knows which.
pub(crate) fn parse(args: &[OsString]) -> Result<Asked, clap::Error> {
    if asks_version(args) {
        return Ok(Asked::Version);
    }
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let mut overrides = overrides(&cli, &matches).map_err(|why| {
        let name = matches.subcommand_name().unwrap_or_default();
        let owner = command.find_subcommand_mut(name).map(|sub| sub.clone());
        owner.unwrap_or_default().error(clap::error::ErrorKind::ValueValidation, why)
    })?;
    let words: Vec<_> = args.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    overrides.flags.insert(
        "invocation_command".to_owned(),
        Data::from(format!("{} {}", if super::is_called_dbt() { "dbt" } else { "kiln" }, words.join(" "))),
    );
    Ok(Asked::Run(Box::new(cli), Box::new(overrides)))
}

/// `--version` wins over everything, wherever it stands, and needs no command.
fn asks_version(args: &[OsString]) -> bool {
    let words = args.iter().skip(1).filter_map(|arg| arg.to_str()).take_while(|word| *word != "--");
    words.into_iter().any(|word| matches!(word, "--version" | "-V" | "-v"))
}

fn overrides(cli: &Cli, matches: &clap::ArgMatches) -> Result<Overrides, String> {
    let mut given = flags::collect(matches, None)?;
    let Some((name, own)) = matches.subcommand() else { return Ok(Overrides::default()) };
    given.extend(flags::collect(own, Some(name))?);
    let mut command = name.to_owned();
    if let Some((name, own)) = own.subcommand() {
        given.extend(flags::collect(own, Some(name))?);
        command = format!("{command} {name}");
    }
    let mut text = |name: &str| match given.remove(name) {
        Some(Data::String(text)) => Some(text),
        _ => None,
    };
    let facts = cli.command.facts()?;
    let mut overrides = Overrides {
        project_dir: text("project_dir").map(Into::into),
        profiles_dir: text("profiles_dir").map(Into::into),
        profile: text("profile"),
        target: text("target"),
        target_path: text("target_path").map(Into::into),
        log_path: text("log_path").map(Into::into),
        command,
        args: facts.clone(),
        ..Overrides::default()
    };
    if let Some(folder) = overrides.project_dir.as_ref().filter(|folder| !folder.is_dir() && name != "init") {
        return Err(format!("the folder '{}' of '--project-dir' does not exist", folder.display()));
    }
    if let Some(Data::Object(vars)) = given.remove("vars") {
        overrides.vars = vars;
    }
    if let Some(threads) = given.remove("threads") {
        overrides.threads = threads.as_u64().and_then(|threads| usize::try_from(threads).ok());
    }
    // An empty list says nothing, so that the environment may.
    let is_said = |value: &Data| !value.as_array().is_some_and(Vec::is_empty);
    given.extend(facts.into_iter().filter(|(_, value)| is_said(value)));
    overrides.flags = given;
    Ok(overrides)
}

impl Command {
    /// The command's own arguments under dbt's names, as artifacts show them.
    fn facts(&self) -> Result<Map<String, Data>, String> {
        let mut facts = Map::new();
        match self {
            Self::Build(CheckedBuildArgs { build: args, .. }) | Self::Clone(args) | Self::Test(args) => {
                args.selection.facts(&mut facts);
                args.kinds.facts(&mut facts);
            }
            Self::Run(selection) | Self::Seed(selection) | Self::Snapshot(selection) => selection.facts(&mut facts),
            Self::Compile(args) => {
                args.selection.facts(&mut facts);
                facts.insert("output".to_owned(), word(args.output));
                facts.extend(args.inline.clone().map(|sql| ("inline".to_owned(), Data::String(sql))));
            }
            Self::Compare(args) => {
                args.selection.facts(&mut facts);
                facts.insert("output".to_owned(), word(args.output));
            }
            Self::Show(args) => {
                args.selection.facts(&mut facts);
                facts.insert("output".to_owned(), word(args.output));
                facts.insert("limit".to_owned(), Data::from(args.limit));
                facts.extend(args.inline.clone().map(|sql| ("inline".to_owned(), Data::String(sql))));
            }
            Self::List(args) => {
                args.selection().facts(&mut facts);
                args.kinds.facts(&mut facts);
                facts.insert("output".to_owned(), word(args.output));
                facts.insert("output_keys".to_owned(), Data::from(args.output_keys.clone()));
            }
            Self::Docs(DocsArgs { command: DocsCommand::Generate(args) }) => {
                args.selection.facts(&mut facts);
                facts.insert("compile".to_owned(), Data::from(!args.no_compile));
                facts.insert("empty_catalog".to_owned(), Data::from(args.empty_catalog));
                facts.insert("static".to_owned(), Data::from(args.is_static));
            }
            Self::Source(SourceArgs { command: SourceCommand::Freshness(args) }) => {
                args.selection.facts(&mut facts);
                let output = args.output.as_ref().map(|path| Data::from(path.display().to_string()));
                facts.extend(output.map(|path| ("output".to_owned(), path)));
            }
            Self::RunOperation(args) => {
                facts.extend(args.macro_name.clone().map(|name| ("macro".to_owned(), Data::String(name))));
                facts.extend(args.sql.clone().map(|sql| ("sql".to_owned(), Data::String(sql))));
                facts.insert("args".to_owned(), flags::mapping("args", args.args.as_deref().unwrap_or("{}"))?);
            }
            Self::Check(args) => args.selection.facts(&mut facts),
            Self::Init(_)
            | Self::Debug(_)
            | Self::Deps(_)
            | Self::Retry
            | Self::Clean
            | Self::Completions(_)
            | Self::Docs(_)
            | Self::Explain(_)
            | Self::Impact(_)
            | Self::Lineage(_)
            | Self::Metadata(_)
            | Self::Sources(_)
            | Self::Generate(_)
            | Self::Query(_)
            | Self::Parse => {}
        }
        Ok(facts)
    }
}

fn word(value: impl ValueEnum) -> Data {
    value.to_possible_value().map_or(Data::Null, |value| Data::from(value.get_name()))
}

impl SelectionArgs {
    fn facts(&self, facts: &mut Map<String, Data>) {
        facts.insert("select".to_owned(), Data::from(self.select.clone()));
        facts.insert("exclude".to_owned(), Data::from(self.exclude.clone()));
        facts.extend(self.selector.clone().map(|name| ("selector".to_owned(), Data::String(name))));
    }
}

impl KindArgs {
    fn facts(&self, facts: &mut Map<String, Data>) {
        facts.insert("resource_types".to_owned(), Data::from(self.resource_types.clone()));
        facts.insert("exclude_resource_types".to_owned(), Data::from(self.exclude_resource_types.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(line: &str) -> (Cli, Overrides) {
        let args: Vec<OsString> = std::iter::once("kiln").chain(line.split(' ')).map(OsString::from).collect();
        match parse(&args) {
            Ok(Asked::Run(cli, overrides)) => (*cli, *overrides),
            Ok(Asked::Version) => panic!("version"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn selectors_are_greedy_and_repeatable() {
        let (cli, _) = parsed("run -s a b --exclude c d -m e");
        let Command::Run(selection) = cli.command else { panic!("{cli:?}") };
        assert_eq!(selection.select, ["a", "b", "e"]);
        assert_eq!(selection.exclude, ["c", "d"]);
    }

    #[test]
    fn flags_stand_before_or_after_the_command_and_the_later_wins() {
        let (_, overrides) = parsed("--quiet --target ci -x run --no-quiet --threads 3");
        assert_eq!(overrides.flags["quiet"], Data::Bool(false));
        assert_eq!(overrides.flags["fail_fast"], Data::Bool(true));
        assert_eq!(overrides.target.as_deref(), Some("ci"));
        assert_eq!(overrides.threads, Some(3));
    }

    #[test]
    fn what_a_command_takes_is_among_its_flags() {
        let (_, overrides) = parsed("build -s a --resource-type model test");
        assert_eq!(overrides.flags["resource_types"], serde_json::json!(["model", "test"]));
        assert!(!overrides.flags.contains_key("exclude_resource_types"));
    }

    #[test]
    fn the_version_may_be_asked_for_anywhere() {
        for line in ["kiln -v", "kiln --quiet --version", "kiln build -V"] {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(matches!(parse(&args), Ok(Asked::Version)), "{line}");
        }
    }

    #[test]
    fn models_of_list_are_a_restriction() {
        let (cli, _) = parsed("ls -m a");
        let Command::List(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!(args.selection().select, ["a"]);
    }
}
