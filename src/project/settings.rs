//! What one invocation was told: command line over environment over project flags over defaults.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Data, json};

use super::flags::{BEHAVIOR, FLAGS, Flag, IN_PROJECT, Kind, OLD_ENV};
use super::secrets::{Secrets, shown_var};
use super::warn_error::WarnErrorOptions;
use super::window::{self, TimeWindows};
use super::yaml;
use super::{dotenv, engine_env};
use crate::diagnostic::{Code, Diagnostic};

/// Variables with this prefix are published.
const PUBLISHED: &str = "DBT_ENV_CUSTOM_ENV_";

/// What the command line says, before anything is resolved. `None` means: not said.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--project-dir`.
    pub project_dir: Option<PathBuf>,
    /// `--profiles-dir`.
    pub profiles_dir: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--target-path`.
    pub target_path: Option<PathBuf>,
    /// `--log-path`.
    pub log_path: Option<PathBuf>,
    /// `--threads`.
    pub threads: Option<usize>,
    /// `--vars`, parsed.
    pub vars: Map<String, Data>,
    /// Every other flag that was given, under dbt's name for it (`full_refresh`, `fail_fast`, `empty`, …).
    pub flags: BTreeMap<String, Data>,
    /// The command, such as `run` or `docs generate`.
    pub command: String,
    /// The command's arguments as `flags`-independent facts for artifacts (`select`, `exclude`, …).
    pub args: Map<String, Data>,
}

/// What holds for one invocation.
#[derive(Clone)]
pub struct Settings {
    /// The command, such as `run`.
    pub command: String,
    /// `--vars`.
    pub vars: Map<String, Data>,
    /// The environment, read once.
    pub env: BTreeMap<String, String>,
    /// `DBT_ENV_CUSTOM_ENV_…`, which artifacts publish: names without that prefix and values, in the order that they
    /// have in the environment.
    pub published_env: Vec<(String, String)>,
    /// Where artifacts go, absolute.
    pub target_path: PathBuf,
    /// Where the log file goes, absolute; `None` when there is none.
    pub log_path: Option<PathBuf>,
    /// Where the profile was found, absolute.
    pub profiles_dir: PathBuf,
    /// `--full-refresh`.
    pub full_refresh: bool,
    /// `--fail-fast`.
    pub fail_fast: bool,
    /// `--empty`.
    pub empty: bool,
    /// `--sample`, `--event-time-start` and `--event-time-end`.
    pub windows: TimeWindows,
    /// `--store-failures`.
    pub store_failures: bool,
    /// `--write-json`.
    pub write_json: bool,
    /// `--introspect`.
    pub introspect: bool,
    /// `--version-check`.
    pub version_check: bool,
    /// `--warn-error` and `--warn-error-options`.
    pub warn_error: WarnErrorOptions,
    /// All flags under dbt's names, as `flags.X` in templates and `args` in artifacts give them.
    pub flags: BTreeMap<String, Data>,
    /// Names of templates that have other values in a unit test.
    pub overridden: Map<String, Data>,
    /// The invocation's id, a UUID.
    pub invocation_id: String,
    /// When the invocation started, UTC.
    pub started_at: jiff::Timestamp,
    /// The command's own arguments, for artifacts.
    pub args: Map<String, Data>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment holds secrets, and variables may.
        write!(f, "Settings({}, {})", self.command, self.invocation_id)
    }
}

impl Settings {
    /// A flag as a truth value; absent and null are false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.flags.get(name).and_then(Data::as_bool).unwrap_or(false)
    }
}

/// The environment of this process, read once, over what `.env` in the working folder says. Text that is not UTF-8 is
/// read as well as possible. Variables of flags are there under both of their names.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    let mut env = dotenv::parse(&std::fs::read_to_string(".env").unwrap_or_default());
    env.extend(
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())),
    );
    engine_env::with_both_names(env)
}

/// The variables that the environment has published: see [`Settings::published_env`].
#[must_use]
pub fn published(env: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let order: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    let mut found: Vec<(&str, &String)> =
        env.iter().filter_map(|(name, value)| Some((name.strip_prefix(PUBLISHED)?, value))).collect();
    // What only `.env` sets comes last.
    found.sort_by_key(|(name, _)| {
        let is_it = |other: &String| other.strip_prefix(PUBLISHED) == Some(*name);
        order.iter().position(is_it).unwrap_or(usize::MAX)
    });
    found.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// The value of a flag in the environment: `DBT_ENGINE_<NAME>` or `DBT_<NAME>`.
#[must_use]
pub fn flag_in(env: &BTreeMap<String, String>, name: &str) -> Option<String> {
    env_of(env, name).map(|(_, value)| value.to_owned())
}

/// Finds the value of `DBT_ENGINE_<NAME>` or `DBT_<NAME>`; an empty one counts as not set.
pub(super) fn env_of<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<(String, &'a str)> {
    let upper = name.to_uppercase();
    [format!("DBT_ENGINE_{upper}"), format!("DBT_{upper}")].into_iter().find_map(|variable| {
        let value = env.get(&variable).filter(|value| !value.is_empty())?;
        Some((variable, value.as_str()))
    })
}

/// What is known of the project when settings are made.
pub(super) struct ProjectSays<'a> {
    /// Its folder.
    pub(super) root: &'a Path,
    /// Where the profile is looked for.
    pub(super) profiles_dir: PathBuf,
    /// `flags:`.
    pub(super) flags: &'a Map<String, Data>,
    /// `target-path`.
    pub(super) target_path: &'a str,
    /// `log-path`.
    pub(super) log_path: &'a str,
}

/// Decides every setting: command line over environment over `flags:` over default.
pub(super) fn resolve(
    overrides: &Overrides,
    env: BTreeMap<String, String>,
    project: &ProjectSays<'_>,
) -> Result<Settings, Box<Diagnostic>> {
    let (mut flags, given) = resolve_flags(overrides, &env, project.flags)?;
    follow(&mut flags, &given);
    let path_of = |said: &Option<PathBuf>, name: &str, default: &str| {
        let from_env = || env_of(&env, name).map(|(_, value)| PathBuf::from(value));
        project.root.join(said.clone().or_else(from_env).unwrap_or_else(|| PathBuf::from(default)))
    };
    let target_path = path_of(&overrides.target_path, "target_path", project.target_path);
    let log_path = path_of(&overrides.log_path, "log_path", project.log_path);
    let facts = [
        (
            "vars",
            Data::Object(overrides.vars.iter().map(|(name, value)| (name.clone(), shown_var(name, value))).collect()),
        ),
        ("which", json!(overrides.command.rsplit(' ').next().unwrap_or_default())),
        ("project_dir", json!(project.root.to_string_lossy())),
        ("profiles_dir", json!(project.profiles_dir.to_string_lossy())),
        ("target_path", json!(target_path.to_string_lossy())),
        ("log_path", json!(log_path.to_string_lossy())),
        ("threads", json!(overrides.threads)),
        ("target", json!(overrides.target.clone().or_else(|| env_of(&env, "target").map(|(_, name)| name.to_owned())))),
        (
            "profile",
            json!(overrides.profile.clone().or_else(|| env_of(&env, "profile").map(|(_, name)| name.to_owned()))),
        ),
    ];
    flags.extend(facts.map(|(name, value)| (name.to_owned(), value)));
    if let Some(Data::String(command)) = flags.get_mut("invocation_command") {
        *command = Secrets::new(&env).with_vars(&overrides.vars).scrub(command).into_owned();
    }
    let is_set = |name: &str| flags.get(name).and_then(Data::as_bool).unwrap_or(false);
    let started_at = now();
    Ok(Settings {
        windows: window::read(&flags, started_at)?,
        command: overrides.command.clone(),
        vars: overrides.vars.clone(),
        target_path,
        log_path: Some(log_path),
        profiles_dir: project.profiles_dir.clone(),
        full_refresh: is_set("full_refresh"),
        fail_fast: is_set("fail_fast"),
        empty: is_set("empty"),
        store_failures: is_set("store_failures"),
        write_json: is_set("write_json"),
        introspect: is_set("introspect"),
        version_check: is_set("version_check"),
        warn_error: WarnErrorOptions::read(&flags, &given)?,
        overridden: Map::new(),
        invocation_id: random_id(),
        published_env: published(&env),
        started_at,
        args: overrides.args.clone(),
        flags,
        env,
    })
}

/// The values of all flags, and the names of those that somebody set.
type Resolved = (BTreeMap<String, Data>, Vec<String>);

fn resolve_flags(
    overrides: &Overrides,
    env: &BTreeMap<String, String>,
    project: &Map<String, Data>,
) -> Result<Resolved, Box<Diagnostic>> {
    // To dbt the arguments of a command are flags, too; an empty list is one that was not given.
    let is_given = |value: &Data| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty());
    let mut flags: BTreeMap<String, Data> = overrides
        .args
        .iter()
        .filter(|(_, value)| is_given(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    flags.extend(overrides.flags.clone());
    follow_old_names(&mut flags);
    let mut given: Vec<String> = flags.keys().cloned().collect();
    for flag in FLAGS {
        if flags.contains_key(flag.name) {
            continue;
        }
        let in_project = || {
            project.get(flag.name).filter(|_| IN_PROJECT.contains(&flag.name)).filter(|value| fits(flag.kind, value))
        };
        let said = match from_env(flag, env)? {
            Some(value) => Some(value),
            None => in_project().cloned(),
        };
        if said.is_some() {
            given.push(flag.name.to_owned());
        }
        flags.insert(flag.name.to_owned(), said.unwrap_or_else(|| flag.default()));
    }
    for flag in BEHAVIOR {
        let value = project.get(flag.name).filter(|value| fits(flag.kind, value)).cloned();
        flags.insert(flag.name.to_owned(), value.unwrap_or_else(|| flag.default()));
    }
    Ok((flags, given))
}

/// Gives what was said under a flag's older name to the flag, unless that was said, too.
fn follow_old_names(flags: &mut BTreeMap<String, Data>) {
    let old = [
        ("deprecated_defer", "defer"),
        ("deprecated_favor_state", "favor_state"),
        ("deprecated_state", "state"),
        ("deprecated_print", "print"),
        ("deprecated_no_print", "no_print"),
    ];
    for (old, name) in old {
        let Some(value) = flags.remove(old) else { continue };
        let (name, value) = match (name, &value) {
            ("no_print", _) => ("print", Data::Bool(false)),
            ("defer" | "favor_state", Data::String(text)) => (name, Data::Bool(truth(text).unwrap_or(true))),
            _ => (name, value),
        };
        flags.entry(name.to_owned()).or_insert(value);
    }
}

fn fits(kind: Kind, value: &Data) -> bool {
    match kind {
        Kind::Bool => value.is_boolean(),
        Kind::Int => value.is_i64(),
        Kind::Text => value.is_string(),
        Kind::List => value.is_array(),
        Kind::Map => value.is_object(),
    }
}

fn from_env(flag: &Flag, env: &BTreeMap<String, String>) -> Result<Option<Data>, Box<Diagnostic>> {
    if !flag.has_env {
        return Ok(None);
    }
    // As long as the older name is set, it is the one that counts.
    let old = OLD_ENV.iter().find(|(_, name)| *name == flag.name).map(|(old, _)| *old);
    let said_by_old = old.and_then(|old| env_of(env, old));
    let is_opposite = said_by_old.is_some() && old.is_some_and(|old| old.starts_with("no_"));
    let found = said_by_old.or_else(|| env_of(env, flag.name));
    let Some((variable, text)) = found else { return Ok(None) };
    let value = match flag.kind {
        Kind::Bool => truth(text).map(|value| Data::Bool(value != is_opposite)),
        Kind::Int => text.trim().parse::<i64>().ok().map(Data::from),
        Kind::Text => Some(json!(text)),
        Kind::List => Some(text.split_whitespace().map(Data::from).collect()),
        Kind::Map => yaml::parse_argument(text).ok().map(|data| yaml::plain(&data)).filter(Data::is_object),
    };
    value.map(Some).ok_or_else(|| {
        let wanted = match flag.kind {
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            _ => "a YAML mapping",
        };
        let older = variable.replacen("_ENGINE", "", 1);
        let message = format!("the environment variable `{older}` or `{variable}` is `{text}`, but takes {wanted}");
        Box::new(Diagnostic::error(Code::Usage, message).hint("correct or unset it"))
    })
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// The log file follows the terminal where only the terminal was spoken of.
fn follow(flags: &mut BTreeMap<String, Data>, given: &[String]) {
    let is_given = |name: &str| given.iter().any(|other| other == name);
    for lead in ["use_colors", "log_level", "log_format"] {
        let follower = format!("{lead}_file");
        if is_given(lead) && !is_given(&follower) {
            let value = flags.get(lead).cloned().unwrap_or(Data::Null);
            flags.insert(follower, value);
        }
    }
}

/// The time in microseconds, as Python has it: templates print and parse it.
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// A random UUID. The standard library's hashers are seeded by the operating system.
fn random_id() -> String {
    let word = || RandomState::new().build_hasher().finish();
    let high = (word() & !0xf000) | 0x4000;
    let low = (word() & !(0b11 << 62)) | (0b10 << 62);
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(overrides: &Overrides, env: &[(&str, &str)], flags: &Data) -> Result<Settings, Box<Diagnostic>> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let empty = Map::new();
        let project = ProjectSays {
            root: Path::new("/shop"),
            profiles_dir: PathBuf::from("/home/.dbt"),
            flags: flags.as_object().unwrap_or(&empty),
            target_path: "target",
            log_path: "logs",
        };
        resolve(overrides, env, &project)
    }

    #[track_caller]
    fn check(said: Option<bool>, env: &[(&str, &str)], flags: &Data, expected: bool) {
        let mut overrides = Overrides::default();
        overrides.flags.extend(said.map(|value| ("fail_fast".to_owned(), json!(value))));
        assert_eq!(settings(&overrides, env, flags).expect("valid").fail_fast, expected);
    }

    #[test]
    fn command_line_beats_environment_beats_project_beats_default() {
        let yes = json!({"fail_fast": true});
        check(None, &[], &json!({}), false);
        check(None, &[], &yes, true);
        check(None, &[("DBT_FAIL_FAST", "0")], &yes, false);
        check(None, &[("DBT_FAIL_FAST", "0"), ("DBT_ENGINE_FAIL_FAST", "on")], &yes, true);
        check(Some(false), &[("DBT_FAIL_FAST", "1")], &yes, false);
    }

    #[test]
    fn arguments_are_flags_too() {
        let mut overrides = Overrides::default();
        overrides.args.insert("select".to_owned(), json!([]));
        overrides.args.insert("resource_types".to_owned(), json!(["test"]));
        let settings = settings(&overrides, &[("DBT_RESOURCE_TYPES", "model")], &json!({})).expect("valid");
        assert_eq!((&settings.flags["resource_types"], &settings.flags["select"]), (&json!(["test"]), &json!([])));
    }

    #[test]
    fn a_bad_variable_is_named() {
        let problem =
            settings(&Overrides::default(), &[("DBT_ENGINE_FAIL_FAST", "maybe")], &json!({})).expect_err("bad");
        assert_eq!(
            problem.message,
            "the environment variable `DBT_FAIL_FAST` or `DBT_ENGINE_FAIL_FAST` is `maybe`, but takes true or false"
        );
    }

    #[test]
    fn paths_count_from_the_project() {
        let settings = settings(&Overrides::default(), &[("DBT_TARGET_PATH", "out")], &json!({})).expect("valid");
        assert_eq!(settings.target_path, Path::new("/shop/out"));
        assert_eq!(settings.log_path, Some(PathBuf::from("/shop/logs")));
    }

    #[test]
    fn the_id_is_a_random_uuid() {
        let id = random_id();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert_ne!(id, random_id());
    }
}
