//! The flags that every command or several commands take: one flat table.
//!
//! A row becomes a clap argument and, when given, an entry of [`crate::project::Overrides`] under dbt's name
//! for the flag. What a flag means, and its environment variable, is `project::settings`' affair.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde_json::Value as Data;

/// What a flag takes.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// Nothing, with a `--no-` form.
    Switch,
    /// Nothing, without a `--no-` form.
    Mark,
    /// One text, described by the word in help.
    Text(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number not below the bound.
    Number(i64),
    /// A YAML mapping in one argument.
    Yaml,
}

/// Where help lists a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// In `-h` and `--help`.
    Always,
    /// In `--help` only.
    Long,
    /// Nowhere; accepted for projects' scripts.
    Never,
}

/// One row of the table.
pub(super) struct Flag {
    /// dbt's name: `--full-refresh` is `full_refresh`.
    pub(super) name: &'static str,
    short: Option<char>,
    takes: Takes,
    shown: Shown,
    /// The commands that take it; empty means all.
    commands: &'static [&'static str],
    help: &'static str,
}

const fn global(name: &'static str, takes: Takes, shown: Shown, help: &'static str) -> Flag {
    Flag { name, short: None, takes, shown, commands: &[], help }
}

const fn own(
    name: &'static str,
    takes: Takes,
    shown: Shown,
    commands: &'static [&'static str],
    help: &'static str,
) -> Flag {
    Flag { name, short: None, takes, shown, commands, help }
}

impl Flag {
    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }
}

const LEVELS: &[&str] = &["debug", "info", "warn", "error", "none"];
const FORMATS: &[&str] = &["text", "debug", "json", "default"];
const NODE_COMMANDS: &[&str] =
    &["build", "clone", "compile", "freshness", "generate", "show", "run", "seed", "snapshot", "test"];

#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    global("project_dir", Takes::Text("DIR"), Shown::Always, "Folder of dbt_project.yml [default: here or the nearest parent]"),
    global("profiles_dir", Takes::Text("DIR"), Shown::Always, "Folder of profiles.yml [default: here if it has one, else ~/.dbt]"),
    global("profile", Takes::Text("NAME"), Shown::Always, "Use this profile instead of the project's"),
    global("target", Takes::Text("NAME"), Shown::Always, "Use this target of the profile").short('t'),
    global("target_path", Takes::Text("DIR"), Shown::Always, "Write artifacts here"),
    global("threads", Takes::Number(1), Shown::Always, "Run so many nodes at once"),
    global("vars", Takes::Yaml, Shown::Always, "Set variables, as YAML: '{key: value}'"),
    global("fail_fast", Takes::Switch, Shown::Always, "Stop at the first failure").short('x'),
    global("quiet", Takes::Switch, Shown::Always, "Print errors and asked-for data only").short('q'),
    global("debug", Takes::Switch, Shown::Always, "Print debug messages too").short('d'),
    global("warn_error", Takes::Mark, Shown::Always, "Treat warnings as errors"),
    global("warn_error_options", Takes::Yaml, Shown::Long, "Choose which warnings are errors, as YAML: '{error: all, warn: [..], silence: [..]}'"),
    global("log_format", Takes::Choice(FORMATS), Shown::Always, "How messages are written"),
    global("log_format_file", Takes::Choice(FORMATS), Shown::Long, "How messages are written to the log file"),
    global("log_level", Takes::Choice(LEVELS), Shown::Long, "The least severe messages to print"),
    global("log_level_file", Takes::Choice(LEVELS), Shown::Long, "The least severe messages to write to the log file"),
    global("log_path", Takes::Text("DIR"), Shown::Long, "Folder of the log file"),
    global("log_file_max_bytes", Takes::Number(0), Shown::Never, "Roll the log file over at this size"),
    global("log_cache_events", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("use_colors", Takes::Switch, Shown::Long, "Color the terminal [default: where it can]"),
    global("use_colors_file", Takes::Switch, Shown::Long, "Color the log file"),
    global("printer_width", Takes::Number(1), Shown::Long, "Width of the dotted lines [default: 80]"),
    global("print", Takes::Switch, Shown::Long, "Show what templates print()"),
    global("write_json", Takes::Switch, Shown::Long, "Write manifest.json and run_results.json"),
    global("version_check", Takes::Switch, Shown::Long, "Check require-dbt-version of the project and its packages"),
    global("indirect_selection", Takes::Choice(&["eager", "cautious", "buildable", "empty"]), Shown::Long, "Which tests come along with selected nodes"),
    global("state", Takes::Text("DIR"), Shown::Long, "Artifacts of an earlier run: a folder, https://, s3:// or git:COMMIT"),
    global("defer", Takes::Switch, Shown::Long, "Read unselected nodes from where --state has them"),
    global("defer_state", Takes::Text("DIR"), Shown::Long, "Folder with the manifest to defer to"),
    global("favor_state", Takes::Switch, Shown::Long, "Defer even if the node exists here"),
    global("partial_parse", Takes::Switch, Shown::Long, "Accepted: kiln reads the whole project each time"),
    global("populate_cache", Takes::Switch, Shown::Long, "Read the relations of all schemas before running"),
    global("cache_selected_only", Takes::Switch, Shown::Long, "Read only the schemas of selected nodes"),
    global("static_parser", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("use_experimental_parser", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("send_anonymous_usage_stats", Takes::Switch, Shown::Never, "Accepted: kiln sends nothing"),
    global("upload_to_artifacts_ingest_api", Takes::Switch, Shown::Never, "Accepted: kiln sends nothing"),
    global("show_all_deprecations", Takes::Switch, Shown::Long, "Print every deprecation, not one of each kind"),
    global("show_resource_report", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("single_threaded", Takes::Switch, Shown::Never, "Run one node at a time"),
    global("macro_debugging", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("partial_parse_file_diff", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("partial_parse_file_path", Takes::Text("FILE"), Shown::Never, "Accepted, without effect"),
    global("use_fast_test_edges", Takes::Switch, Shown::Never, "Accepted, without effect"),
    global("record_timing_info", Takes::Text("FILE"), Shown::Never, "Accepted, without effect").short('r'),
    global("deprecated_defer", Takes::Text("BOOL"), Shown::Never, "Older name of --defer"),
    global("deprecated_favor_state", Takes::Text("TEXT"), Shown::Never, "Older name of --favor-state"),
    global("deprecated_print", Takes::Mark, Shown::Never, "Older name of --print"),
    global("deprecated_no_print", Takes::Mark, Shown::Never, "Older name of --no-print"),
    global("deprecated_state", Takes::Text("DIR"), Shown::Never, "Older name of --state"),
    own("full_refresh", Takes::Switch, Shown::Always, &["build", "clone", "compile", "retry", "show", "run", "seed"], "Rebuild incremental models and seeds from nothing").short('f'),
    own("empty", Takes::Switch, Shown::Always, &["build", "compile", "run", "snapshot"], "Read no rows from refs and sources"),
    own("store_failures", Takes::Mark, Shown::Always, &["build", "test"], "Keep the rows that fail a test"),
    own("compute", Takes::Choice(&["target", "local"]), Shown::Always, &["build", "test"], "Where unit tests run: in the target's database, or in the embedded engine"),
    own("show", Takes::Mark, Shown::Always, &["build", "seed"], "Print a sample of each seed"),
    own("sample", Takes::Text("WINDOW"), Shown::Long, &["build", "run"], "Read only rows of this time window, such as '3 days'"),
    own("event_time_start", Takes::Text("TIME"), Shown::Long, &["build", "run"], "First moment of microbatch models"),
    own("event_time_end", Takes::Text("TIME"), Shown::Long, &["build", "run"], "End of microbatch models, exclusive"),
    own("introspect", Takes::Switch, Shown::Long, &["compile", "show"], "Let templates query the database while compiling"),
    own("inject_ephemeral_ctes", Takes::Switch, Shown::Never, &["compile"], "Put ephemeral models into their readers"),
    own("export_saved_queries", Takes::Switch, Shown::Never, &["build"], "Accepted, without effect"),
    own("include_saved_query", Takes::Switch, Shown::Never, &["build"], "Accepted, without effect"),
    own("clean_project_files_only", Takes::Switch, Shown::Long, &["clean"], "Refuse folders outside the project (kiln always does)"),
    own("sqlparse", Takes::Yaml, Shown::Never, NODE_COMMANDS, "Accepted, without effect"),
];

const ALWAYS: &str = "Global options";

/// The clap arguments of the flags that a command takes; `None` is kiln itself.
pub(super) fn arguments(command: Option<&str>) -> Vec<Arg> {
    rows(command).flat_map(arguments_of).collect()
}

/// The flags given at one level of the command line, under dbt's names.
pub(super) fn collect(matches: &ArgMatches, command: Option<&str>) -> Result<BTreeMap<String, Data>, String> {
    let mut given = BTreeMap::new();
    for flag in rows(command) {
        if let Some(value) = value_of(flag, matches)? {
            given.insert(flag.name.to_owned(), value);
        }
    }
    Ok(given)
}

fn rows(command: Option<&str>) -> impl Iterator<Item = &'static Flag> {
    FLAGS
        .iter()
        .filter(move |flag| flag.commands.is_empty() || command.is_some_and(|name| flag.commands.contains(&name)))
}

fn arguments_of(flag: &'static Flag) -> Vec<Arg> {
    let mut arg = Arg::new(flag.name).long(long(flag.name)).help(flag.help);
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    if flag.commands.is_empty() {
        arg = arg.help_heading(ALWAYS);
    }
    arg = match flag.shown {
        Shown::Always => arg,
        Shown::Long => arg.hide_short_help(true),
        Shown::Never => arg.hide(true),
    };
    match flag.takes {
        Takes::Switch => {
            let no = format!("no_{}", flag.name);
            let help = format!("{} [--no-{}]", flag.help, long(flag.name));
            let negative = Arg::new(no.clone()).long(long(&no)).hide(true).action(ArgAction::SetTrue);
            vec![
                arg.help(help).action(ArgAction::SetTrue).overrides_with_all([flag.name.to_owned(), no.clone()]),
                negative.overrides_with_all([flag.name.to_owned(), no.clone()]),
            ]
        }
        Takes::Mark => vec![arg.action(ArgAction::SetTrue).overrides_with(flag.name)],
        Takes::Text(word) => vec![arg.value_name(word).overrides_with(flag.name)],
        Takes::Choice(words) => vec![
            arg.value_name("WORD")
                .value_parser(clap::builder::PossibleValuesParser::new(words))
                .ignore_case(true)
                .overrides_with(flag.name),
        ],
        Takes::Number(least) => {
            let number = value_parser!(i64).range(least..);
            vec![arg.value_name("N").value_parser(number).allow_negative_numbers(true).overrides_with(flag.name)]
        }
        Takes::Yaml => vec![arg.value_name("YAML").allow_hyphen_values(true).overrides_with(flag.name)],
    }
}

fn long(name: &str) -> String {
    name.replace('_', "-")
}

fn value_of(flag: &Flag, matches: &ArgMatches) -> Result<Option<Data>, String> {
    let text = || matches.get_one::<String>(flag.name);
    Ok(match flag.takes {
        Takes::Switch if matches.get_flag(flag.name) => Some(Data::Bool(true)),
        Takes::Switch if matches.get_flag(&format!("no_{}", flag.name)) => Some(Data::Bool(false)),
        Takes::Mark if matches.get_flag(flag.name) => Some(Data::Bool(true)),
        Takes::Switch | Takes::Mark => None,
        Takes::Text(_) => text().map(|text| Data::String(text.clone())),
        Takes::Choice(_) => text().map(|text| Data::String(text.to_lowercase())),
        Takes::Number(_) => matches.get_one::<i64>(flag.name).map(|number| Data::from(*number)),
        Takes::Yaml => match text() {
            Some(text) => Some(mapping(flag.name, text)?),
            None => None,
        },
    })
}

/// Reads a YAML mapping given as one argument.
pub(super) fn mapping(name: &str, text: &str) -> Result<Data, String> {
    let option = long(name);
    let value = crate::project::yaml::parse_argument(text)
        .map_err(|why| format!("the value of '--{option}' is not YAML: {why}"))?;
    match value {
        Data::Null => Ok(Data::Object(serde_json::Map::new())),
        Data::Object(_) => Ok(value),
        _ => Err(format!("the value of '--{option}' is not a mapping such as '{{key: value}}'")),
    }
}
