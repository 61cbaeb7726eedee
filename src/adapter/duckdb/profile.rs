//! The keys of a DuckDB target, as dbt-duckdb knows them, made into a path, options and statements.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Data};

use super::super::{AdapterError, AdapterErrorKind};
use crate::diagnostic::{Label, Span};
use crate::project::{Target, is_secret_key};

/// What a target says about its DuckDB database.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    /// The file, or `:memory:`.
    pub(super) path: PathBuf,
    /// The file's folder, if it lies in the project: it is made if it is missing.
    pub(super) own_folder: Option<PathBuf>,
    /// `config_options`: given when the database is opened.
    pub(super) config_options: Vec<Setting>,
    /// `extensions`: loaded once.
    pub(super) extensions: Vec<Extension>,
    /// `secrets`, then `attach`: made once.
    pub(super) secrets: Vec<Declared>,
    pub(super) attachments: Vec<Declared>,
    /// `settings`: set in every session.
    pub(super) settings: Vec<Setting>,
    /// `retries`.
    pub(super) retries: Retries,
    /// `module_paths`: where Python models may import from, absolute.
    pub(super) module_paths: Vec<String>,
    /// `python`: the interpreter of Python models.
    pub(super) python: Option<String>,
    /// Whether it stands for another database, without what is in that.
    pub(super) is_emptied: bool,
    /// What makes names mean relations of the database, where that is not the one that was opened.
    pub(super) use_database: Option<String>,
}

/// A statement that an entry of the target stands for.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// The statement.
    pub(super) sql: String,
    /// The entry.
    pub(super) at: Option<Label>,
}

/// A setting of the database or of a session.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: String,
    /// The value.
    pub(super) at: Option<Label>,
}

/// An extension and where it is installed from.
#[derive(Clone, Debug)]
pub(super) struct Extension {
    /// Name.
    pub(super) name: String,
    /// `repo`, such as `community`.
    pub(super) repository: Option<String>,
    /// Its entry.
    pub(super) at: Option<Label>,
}

/// `retries:` how often to try again, and on which errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retries {
    /// Attempts to open the database; at least 1.
    pub(super) connect_attempts: u32,
    /// Attempts to run a statement; at least 1.
    pub(super) query_attempts: u32,
    /// Names of errors, such as `IOException`.
    pub(super) retryable: Vec<String>,
}

impl Retries {
    /// Tells whether a message of DuckDB is of a kind that is tried again.
    pub(super) fn admits(&self, message: &str) -> bool {
        let Some((prefix, _)) = message.split_once(" Error:") else { return false };
        let name = match prefix {
            "IO" => "IOException".to_owned(),
            "TransactionContext" => "TransactionException".to_owned(),
            other => format!("{}Exception", other.replace(' ', "")),
        };
        self.retryable.contains(&name)
    }
}

/// Keys that name things which only Python or a server can do.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("plugins", "plugins are Python modules"),
    ("filesystems", "`filesystems` are Python modules; DuckDB's own httpfs extension reads most of them"),
    ("remote", "a remote Buena Vista server cannot be used"),
];

/// Keys that are mappings, and keys that are lists.
const MAPPINGS: &[&str] = &["config_options", "settings", "retries"];
const LISTS: &[&str] = &["extensions", "secrets", "attach", "module_paths"];

impl Profile {
    /// Reads the keys of a target. Relative paths count from the project's root.
    pub(super) fn read(target: &Target, project_root: &Path) -> Result<Self, AdapterError> {
        let fields = &target.fields;
        for (key, reason) in UNSUPPORTED {
            if fields.get(*key).is_some_and(is_given) {
                return Err(unsupported(format!("`{key}` is not supported: {reason}")).at(target.place(&[key])));
            }
        }
        let is_given = |key: &&&str| fields.get(**key).is_some_and(|value| !value.is_null());
        if let Some(key) = MAPPINGS.iter().filter(is_given).find(|key| !fields[**key].is_object()) {
            return Err(invalid(format!("`{key}` is not a mapping")).at(target.place(&[key])));
        }
        if let Some(key) = LISTS.iter().filter(is_given).find(|key| !fields[**key].is_array()) {
            return Err(invalid(format!("`{key}` is not a list")).at(target.place(&[key])));
        }
        let path = fields.get("path").and_then(Data::as_str).unwrap_or(":memory:");
        let path = PathBuf::from(absolute(
            refuse_motherduck(path).map_err(|error| error.at(target.place(&["path"])))?,
            project_root,
        ));
        let own_folder = path.parent().filter(|folder| folder.starts_with(project_root)).map(Path::to_owned);
        Ok(Self {
            path,
            own_folder,
            config_options: pairs(target, "config_options"),
            extensions: items(target, "extensions", |_, item, at| extension(item, at))?,
            secrets: secrets(target)?,
            attachments: items(target, "attach", |_, entry, at| {
                Ok(Declared { sql: attachment(entry, project_root)?, at })
            })?,
            settings: pairs(target, "settings"),
            retries: retries(target)?,
            module_paths: module_paths(fields.get("module_paths"), project_root),
            python: fields.get("python").and_then(Data::as_str).map(str::to_owned),
            is_emptied: false,
            use_database: None,
        })
    }

    /// The same settings for an empty database in memory that goes by the name of the target's.
    pub(super) fn emptied(self, database: &str) -> Self {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let attach =
            |name: &str| Declared { sql: format!("attach if not exists ':memory:' as {}", quoted(name)), at: None };
        // `attach if not exists 'path' as alias (options)`: of these, only the name counts here.
        let alias = |declared: &Declared| {
            let (_, rest) = declared.sql.rsplit_once("' as ")?;
            Some(attach(rest.split(" (").next().unwrap_or(rest).trim_matches('"')))
        };
        let mut attachments: Vec<Declared> = self.attachments.iter().filter_map(alias).collect();
        let is_named = !database.is_empty() && database != "memory";
        if is_named {
            attachments.insert(0, attach(database));
        }
        let path_options = ["access_mode", "temp_directory"];
        Self {
            path: PathBuf::from(":memory:"),
            own_folder: None,
            config_options: self
                .config_options
                .into_iter()
                .filter(|option| !path_options.contains(&option.key.as_str()))
                .collect(),
            secrets: Vec::new(),
            attachments,
            is_emptied: true,
            use_database: is_named.then(|| format!("use {}", quoted(database))),
            ..self
        }
    }
}

fn is_given(value: &Data) -> bool {
    match value {
        Data::Null => false,
        Data::Array(items) => !items.is_empty(),
        Data::Object(entries) => !entries.is_empty(),
        _ => true,
    }
}

fn unsupported(message: String) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Unsupported, message)
}

fn invalid(message: impl Into<String>) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Settings, message)
}

fn refuse_motherduck(path: &str) -> Result<&str, AdapterError> {
    match path.split_once(':') {
        Some(("md" | "motherduck", _)) => Err(unsupported("MotherDuck databases are not supported".to_owned())),
        _ => Ok(path),
    }
}

/// Makes a plain file path absolute; `:memory:` and paths with a scheme stay as they are.
fn absolute(path: &str, project_root: &Path) -> String {
    let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| scheme.len() != 1);
    if has_scheme || path.is_empty() {
        return path.to_owned();
    }
    project_root.join(path).to_string_lossy().into_owned()
}

fn pairs(target: &Target, key: &str) -> Vec<Setting> {
    let entries = target.fields.get(key).and_then(Data::as_object).into_iter().flatten();
    let given = entries.filter(|(_, value)| !value.is_null());
    given
        .map(|(name, value)| {
            let value = text(value);
            let secret = if is_secret_key(name) { value.as_str() } else { "" };
            let at = cautious(target.place(&[key, name]), &[secret.to_owned()]);
            Setting { key: name.clone(), value, at }
        })
        .collect()
}

/// The place, or only its file if the line there shows what is to stay hidden: diagnostics print it.
fn cautious(at: Option<Label>, hidden: &[String]) -> Option<Label> {
    let at = at?;
    let line = at.file.line(at.file.place(at.span.start).line);
    let is_shown = hidden.iter().any(|text| !text.is_empty() && line.contains(text.as_str()));
    Some(if is_shown { Label::new(&at.file, Span::default()) } else { at })
}

/// The texts of an item that nobody need see: passwords, keys, tokens, whatever they are called.
fn hidden(item: &Data) -> Vec<String> {
    const PLAIN: &[&str] = &["name", "type", "provider", "scope", "persistent", "alias", "read_only", "repo"];
    let is_plain = |key: &str, value: &Data| {
        let path = value.as_str().filter(|_| key == "path");
        PLAIN.contains(&key) || path.is_some_and(|path| !path.contains("password") && !path.contains('@'))
    };
    let entries = item.as_object().into_iter().flatten();
    entries.filter(|(key, value)| !is_plain(key, value)).map(|(_, value)| text(value)).collect()
}

/// What the items of a list say. Errors get the place of their item.
fn items<T>(
    target: &Target,
    key: &str,
    read: impl Fn(usize, &Data, Option<Label>) -> Result<T, AdapterError>,
) -> Result<Vec<T>, AdapterError> {
    let list = target.fields.get(key).and_then(Data::as_array).into_iter().flatten().enumerate();
    list.map(|(ix, item)| {
        let at = cautious(target.place(&[key, &ix.to_string()]), &hidden(item));
        read(ix, item, at.clone()).map_err(|error| error.at(at))
    })
    .collect()
}

fn text(value: &Data) -> String {
    match value {
        Data::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escape(text: &str) -> String {
    text.replace('\'', "''")
}

fn extension(item: &Data, at: Option<Label>) -> Result<Extension, AdapterError> {
    match item {
        Data::String(name) => Ok(Extension { name: name.clone(), repository: None, at }),
        Data::Object(entry) => {
            let field = |key: &str| entry.get(key).and_then(Data::as_str).map(str::to_owned);
            let name = field("name").ok_or_else(|| invalid("an entry of `extensions` has no `name`"))?;
            Ok(Extension { name, repository: field("repo"), at })
        }
        _ => Err(invalid("an entry of `extensions` is neither a name nor a mapping with `name` and `repo`")),
    }
}

fn module_paths(list: Option<&Data>, project_root: &Path) -> Vec<String> {
    let paths = list.and_then(Data::as_array).into_iter().flatten();
    paths.filter_map(Data::as_str).map(|path| absolute(path, project_root)).collect()
}

fn retries(target: &Target) -> Result<Retries, AdapterError> {
    let map = target.fields.get("retries");
    let number = |key: &str| match map.and_then(|map| map.get(key)) {
        None | Some(Data::Null) => Ok(1),
        Some(given) => match given.as_u64() {
            Some(number) => Ok(u32::try_from(number.max(1)).unwrap_or(u32::MAX)),
            None => Err(invalid(format!("`{key}` is not a whole number")).at(target.place(&["retries", key]))),
        },
    };
    let names = map.and_then(|map| map.get("retryable_exceptions")).and_then(Data::as_array);
    let retryable = match names {
        Some(names) => names.iter().filter_map(Data::as_str).map(str::to_owned).collect(),
        None => vec!["IOException".to_owned()],
    };
    Ok(Retries { connect_attempts: number("connect_attempts")?, query_attempts: number("query_attempts")?, retryable })
}

fn attachment(entry: &Data, project_root: &Path) -> Result<String, AdapterError> {
    let path = entry.get("path").and_then(Data::as_str).ok_or_else(|| invalid("an entry of `attach` has no `path`"))?;
    let path = absolute(refuse_motherduck(path)?, project_root);
    let alias = entry.get("alias").and_then(Data::as_str).map(|alias| format!(" as {alias}")).unwrap_or_default();
    let given = entry.get("options").and_then(Data::as_object).cloned().unwrap_or_default();
    let mut options = Vec::new();
    for key in ["type", "secret", "read_only"] {
        let direct = entry.get(key).filter(|value| is_given(value) && **value != Data::Bool(false));
        if direct.is_some() && given.contains_key(key) {
            return Err(invalid(format!(
                "`{key}` of the attached `{path}` is given twice, in the entry and in its `options`"
            )));
        }
        match direct.or_else(|| given.get(key)) {
            None | Some(Data::Bool(false) | Data::Null) => {}
            Some(Data::Bool(true)) => options.push(key.to_owned()),
            Some(value) => options.push(format!("{key} {}", text(value))),
        }
    }
    let others = given.iter().filter(|(key, _)| !["type", "secret", "read_only"].contains(&key.as_str()));
    options.extend(others.filter_map(|(key, value)| attach_option(key, value)));
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) };
    Ok(format!("attach if not exists '{}'{alias}{options}", escape(&path)))
}

fn attach_option(key: &str, value: &Data) -> Option<String> {
    match value {
        Data::Null | Data::Bool(false) => None,
        Data::Bool(true) => Some(key.to_owned()),
        Data::String(text) => {
            let inner = text.trim();
            let is_quoted = inner.len() >= 2
                && ['\'', '"'].iter().any(|quote| inner.starts_with(*quote) && inner.ends_with(*quote));
            Some(if is_quoted { format!("{key} {text}") } else { format!("{key} '{}'", escape(text)) })
        }
        other => Some(format!("{key} {other}")),
    }
}

fn secrets(target: &Target) -> Result<Vec<Declared>, AdapterError> {
    let mut secrets = items(target, "secrets", |ix, entry, at| {
        let entry = entry.as_object().ok_or_else(|| invalid("an entry of `secrets` is not a mapping"))?;
        Ok(Declared { sql: secret(ix + 1, entry)?, at })
    })?;
    let at = target.place(&["use_credential_provider"]);
    match target.fields.get("use_credential_provider").and_then(Data::as_str) {
        None => {}
        Some("aws") => {
            let chain = [("type", "s3"), ("provider", "credential_chain")];
            let entry = chain.map(|(key, value)| (key.to_owned(), Data::from(value))).into_iter().collect();
            secrets.push(Declared { sql: secret(secrets.len() + 1, &entry)?, at });
        }
        Some(other) => {
            let message = format!("`use_credential_provider` does not know `{other}`; it knows `aws`");
            return Err(invalid(message).at(at));
        }
    }
    Ok(secrets)
}

fn secret(number: usize, entry: &Map<String, Data>) -> Result<String, AdapterError> {
    if !entry.contains_key("type") {
        return Err(invalid("an entry of `secrets` has no `type`"));
    }
    let name = entry.get("name").map_or_else(|| format!("_dbt_secret_{number}"), text);
    let persistent = if entry.get("persistent") == Some(&Data::Bool(true)) { " persistent" } else { "" };
    let mut parameters = Vec::new();
    for (key, value) in entry {
        match (key.as_str(), value) {
            ("name" | "persistent", _) | (_, Data::Null) => {}
            ("scope", Data::Array(scopes)) => {
                parameters.extend(scopes.iter().map(|scope| format!("scope '{}'", escape(&text(scope)))));
            }
            (key, value) => parameters.push(secret_parameter(key, value)),
        }
    }
    Ok(format!("create or replace{persistent} secret {name} ({})", parameters.join(", ")))
}

fn secret_parameter(key: &str, value: &Data) -> String {
    let quoted = |value: &Data| format!("'{}'", escape(&text(value)));
    match value {
        Data::Object(map) => {
            let entries: Vec<_> =
                map.iter().map(|(key, value)| format!("'{}': {}", escape(key), quoted(value))).collect();
            format!("{key} map {{{}}}", entries.join(", "))
        }
        Data::Array(items) => format!("{key} array [{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        _ if ["type", "provider", "extra_http_headers"].contains(&key) => format!("{key} {}", text(value)),
        _ => format!("{key} {}", quoted(value)),
    }
}
