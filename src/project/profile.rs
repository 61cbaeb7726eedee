//! The chosen target of a profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::render::ValueRenderer;
use super::settings::env_of;
use super::yaml::{self, Yaml, YamlKind};
use super::{Overrides, RenderYaml, YamlScope, scan, shown_path};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Label, SourceFile, did_you_mean};

/// Where a project is built: one output of a profile.
#[derive(Clone)]
pub struct Target {
    /// The profile's name.
    pub profile_name: String,
    /// The target's name, such as `dev`.
    pub name: String,
    /// `type:`, such as `duckdb`.
    pub adapter_type: String,
    /// Worker threads; at least 1.
    pub threads: usize,
    /// The database (catalog) that nodes are built in by default.
    pub database: String,
    /// The schema that nodes are built in by default.
    pub schema: String,
    /// All keys of the output, rendered, secrets included: for the adapter alone.
    pub fields: Map<String, Data>,
    /// Where the keys stand; `None` if the target is in no file.
    pub written: Option<Written>,
}

/// An output of a profile in its file, as it was before rendering.
#[derive(Clone)]
pub struct Written {
    file: Arc<SourceFile>,
    output: Yaml,
}

impl Target {
    /// The place of a key, given by the keys and numbers of items that lead to it, or of the last one that is there.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Option<Label> {
        let written = self.written.as_ref()?;
        let mut value = &written.output;
        for step in path {
            let inner = value.get(step).or_else(|| value.items().get(step.parse::<usize>().ok()?));
            let Some(inner) = inner else { break };
            value = inner;
        }
        Some(Label::new(&written.file, value.span))
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The fields hold passwords.
        write!(f, "Target({}.{}, {})", self.profile_name, self.name, self.adapter_type)
    }
}

/// `profiles.yml` as it was read.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Where it lies, absolute.
    pub path: PathBuf,
    yaml: Yaml,
}

/// What decides about the target besides the file.
pub(super) struct Wanted<'a> {
    pub(super) overrides: &'a Overrides,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) engine: &'a dyn RenderYaml,
    /// `profile:` of the project, rendered.
    pub(super) profile: Option<String>,
}

/// The folder in which `profiles.yml` is looked for: `--profiles-dir`, `DBT_PROFILES_DIR`, the current folder or
/// the project's if it has one, `~/.dbt`.
pub(super) fn folder(overrides: &Overrides, env: &BTreeMap<String, String>, root: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    if let Some(folder) = &overrides.profiles_dir {
        return here.join(folder);
    }
    if let Some((_, folder)) = env_of(env, "profiles_dir") {
        return here.join(folder);
    }
    let has_file = |folder: &&Path| folder.join("profiles.yml").exists();
    if let Some(folder) = [here.as_path(), root].into_iter().find(has_file) {
        return folder.to_owned();
    }
    let home = env.get("HOME").or_else(|| env.get("USERPROFILE")).map_or_else(|| here.clone(), PathBuf::from);
    home.join(".dbt")
}

/// Reads `profiles.yml` in a folder.
///
/// # Errors
/// When there is none or it is not YAML.
pub(super) fn read(folder: &Path, root: &Path, diagnostics: &mut Diagnostics) -> Result<Profiles, Box<Diagnostic>> {
    let path = folder.join("profiles.yml");
    let shown = shown_path(&path, root);
    if !path.is_file() {
        let message = format!("there is no `profiles.yml` in `{}`", folder.display());
        let error = Diagnostic::error(Code::ProfileNotFound, message);
        return Err(Box::new(error.hint("put one beside dbt_project.yml, or name its folder with `--profiles-dir`")));
    }
    let file = SourceFile::new(shown.clone(), scan::read_text(&path, &shown)?);
    let yaml = yaml::parse(&file, diagnostics)?;
    if !matches!(yaml.kind, YamlKind::Map(_)) {
        let message = format!("`{shown}` holds no profile");
        return Err(Box::new(Diagnostic::error(Code::ProfileInvalid, message).in_file(&file)));
    }
    Ok(Profiles { file, path, yaml })
}

impl Profiles {
    /// `config:`, an older place of the project's `flags:`.
    pub(super) fn config(&self) -> Option<Map<String, Data>> {
        match self.yaml.get("config")?.to_data() {
            Data::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Chooses and renders a target. Only the chosen one is rendered: others may need variables that are not set.
    pub(super) fn target(&self, wanted: &Wanted<'_>) -> Result<Target, Box<Diagnostic>> {
        let renderer = ValueRenderer {
            engine: wanted.engine,
            scope: YamlScope { target: None, vars: &wanted.overrides.vars, env: wanted.env, may_read_secrets: true },
            file: &self.file,
            is_lenient: false,
        };
        let from_env = |name: &str| env_of(wanted.env, name).map(|(_, value)| value.to_owned());
        let profile_name = wanted.overrides.profile.clone().or_else(|| from_env("profile"));
        let profile_name = profile_name.or_else(|| wanted.profile.clone()).ok_or_else(|| {
            let message = "no profile is named";
            let error = Diagnostic::error(Code::ProfileNotFound, message);
            Box::new(error.hint("add `profile: <name>` to dbt_project.yml, or pass `--profile <name>`"))
        })?;
        let profile = self.profile(&profile_name)?;
        let name = match wanted.overrides.target.clone().or_else(|| from_env("target")) {
            Some(name) => name,
            None => match profile.get("target").filter(|value| !value.is_null()) {
                Some(value) => text_of(&renderer.render_all(value)?),
                None => "default".to_owned(),
            },
        };
        let output = self.output(profile, &profile_name, &name)?;
        let mut fields = self.fields(output, &renderer)?;
        let adapter_type = self.take_text(&mut fields, "type", (output, &name))?;
        let threads = self.threads(&fields, wanted.overrides.threads, output)?;
        let mut target = Target {
            profile_name,
            name,
            adapter_type,
            threads,
            database: String::new(),
            schema: String::new(),
            fields,
            written: Some(Written { file: Arc::clone(&self.file), output: output.clone() }),
        };
        self.complete(&mut target, output, wanted.env)?;
        Ok(target)
    }

    /// The profile of that name.
    pub(super) fn profile(&self, name: &str) -> Result<&Yaml, Box<Diagnostic>> {
        let Some(entry) = self.yaml.entry(name) else {
            let names: Vec<&str> =
                self.yaml.entries().iter().map(|entry| entry.key.as_str()).filter(|key| *key != "config").collect();
            let message = format!("Could not find profile named '{name}': `{}` has {}", self.file.path(), list(&names));
            let hint = did_you_mean(name, names.iter().copied());
            let error = Diagnostic::error(Code::ProfileNotFound, message).in_file(&self.file).maybe_hint(hint);
            return Err(Box::new(error.hint("`profile:` in dbt_project.yml, or `--profile`, names the profile")));
        };
        if !matches!(entry.value.kind, YamlKind::Map(_)) || entry.value.entries().is_empty() {
            let message = format!("profile `{name}` is empty");
            let error = Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, entry.key_span);
            return Err(Box::new(error.hint("give it `outputs:` with one mapping a target")));
        }
        Ok(&entry.value)
    }

    fn output<'a>(&self, profile: &'a Yaml, profile_name: &str, name: &str) -> Result<&'a Yaml, Box<Diagnostic>> {
        let Some(outputs) = profile.get("outputs") else {
            let message = format!("profile `{profile_name}` has no `outputs:`");
            return Err(Box::new(Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, profile.span)));
        };
        let Some(entry) = outputs.entry(name) else {
            let names: Vec<&str> = outputs.entries().iter().map(|entry| entry.key.as_str()).collect();
            let message =
                format!("The profile '{profile_name}' does not have a target named '{name}'. It has {}", list(&names));
            let place = profile.entry("outputs").map_or(outputs.span, |entry| entry.key_span);
            let error = Diagnostic::error(Code::TargetNotFound, message).at(&self.file, place);
            return Err(Box::new(error.maybe_hint(did_you_mean(name, names.iter().copied()))));
        };
        if !matches!(entry.value.kind, YamlKind::Map(_)) {
            let message = format!("target `{name}` is {}, not a mapping", entry.value.kind_name());
            return Err(Box::new(Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, entry.key_span)));
        }
        Ok(&entry.value)
    }

    fn fields(&self, output: &Yaml, renderer: &ValueRenderer<'_>) -> Result<Map<String, Data>, Box<Diagnostic>> {
        let mut fields = Map::new();
        for entry in output.entries() {
            let value = match renderer.render_all(&entry.value) {
                // A password may look like a template without being one.
                Err(_) if matches!(entry.key.as_str(), "password" | "pass") => entry.value.to_data(),
                value => value?,
            };
            fields.insert(entry.key.clone(), value);
        }
        Ok(fields)
    }

    fn take_text(
        &self,
        fields: &mut Map<String, Data>,
        key: &str,
        (output, target): (&Yaml, &str),
    ) -> Result<String, Box<Diagnostic>> {
        match fields.get(key) {
            Some(Data::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(other) if !other.is_null() => Err(self.wrong(output, key, "text")),
            _ => {
                let message = format!("target `{target}` has no `{key}:`");
                let error = Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, output.span);
                Err(Box::new(error))
            }
        }
    }

    fn wrong(&self, output: &Yaml, key: &str, wanted: &str) -> Box<Diagnostic> {
        let place = output.get(key).map_or(output.span, |value| value.span);
        let message = format!("`{key}` of the target is not {wanted}");
        Box::new(Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, place))
    }

    fn threads(
        &self,
        fields: &Map<String, Data>,
        said: Option<usize>,
        output: &Yaml,
    ) -> Result<usize, Box<Diagnostic>> {
        if let Some(threads) = said {
            return Ok(threads.max(1));
        }
        let number = match fields.get("threads") {
            None | Some(Data::Null) => return Ok(1),
            Some(Data::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64().and_then(|number| usize::try_from(number).ok()),
        };
        number.filter(|number| *number > 0).ok_or_else(|| self.wrong(output, "threads", "a whole number from 1"))
    }

    /// Fills in what the adapter's credentials have by default.
    fn complete(
        &self,
        target: &mut Target,
        output: &Yaml,
        env: &BTreeMap<String, String>,
    ) -> Result<(), Box<Diagnostic>> {
        match target.adapter_type.as_str() {
            "duckdb" => self.complete_duckdb(target, output)?,
            "postgres" => self.complete_postgres(target, output, env)?,
            _ => {}
        }
        let text = |key: &str| target.fields.get(key).and_then(Data::as_str).unwrap_or_default().to_owned();
        (target.database, target.schema) = (text("database"), text("schema"));
        Ok(())
    }

    fn complete_duckdb(&self, target: &mut Target, output: &Yaml) -> Result<(), Box<Diagnostic>> {
        for key in ["path", "schema", "database"] {
            match target.fields.get(key) {
                Some(Data::Null) => drop(target.fields.remove(key)),
                Some(Data::String(_)) | None => {}
                Some(_) => return Err(self.wrong(output, key, "text")),
            }
        }
        let path = target.fields.get("path").and_then(Data::as_str).unwrap_or(":memory:").to_owned();
        let derived = duckdb_name(&path);
        if derived.is_empty() {
            let message = format!("the path `{path}` names no database");
            let place = output.get("path").map_or(output.span, |value| value.span);
            return Err(Box::new(Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, place)));
        }
        let attached: Vec<&str> = target
            .fields
            .get("attach")
            .and_then(Data::as_array)
            .into_iter()
            .flatten()
            .filter_map(|item| item.get("alias")?.as_str())
            .collect();
        let has_remote = target.fields.get("remote").is_some_and(|value| !value.is_null());
        if let Some(database) = target.fields.get("database").and_then(Data::as_str)
            && database != derived
            && !has_remote
            && !attached.contains(&database)
        {
            let message = format!("`database` is `{database}`, but the database at `{path}` is called `{derived}`");
            let place = output.get("database").map_or(output.span, |value| value.span);
            let error = Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, place);
            return Err(Box::new(error.hint("leave `database` out, or attach the other database with that alias")));
        }
        let defaults = [
            ("path", json!(":memory:")),
            ("database", json!(derived)),
            ("schema", json!("main")),
            ("config_options", Data::Null),
            ("extensions", Data::Null),
            ("settings", json!({})),
            ("external_root", json!(".")),
            ("use_credential_provider", Data::Null),
            ("attach", Data::Null),
            ("filesystems", Data::Null),
            ("remote", Data::Null),
            ("plugins", Data::Null),
            ("disable_transactions", json!(false)),
        ];
        fill(&mut target.fields, defaults);
        Ok(())
    }

    /// Host, user, port and password may also come from the places that libpq reads; the adapter looks there.
    fn complete_postgres(
        &self,
        target: &mut Target,
        output: &Yaml,
        env: &BTreeMap<String, String>,
    ) -> Result<(), Box<Diagnostic>> {
        for (alias, key) in [("dbname", "database"), ("pass", "password")] {
            if let Some(value) = target.fields.get(alias).cloned() {
                fill(&mut target.fields, [(key, value)]);
            }
        }
        let is_given = |fields: &Map<String, Data>, key: &str| fields.get(key).is_some_and(|value| !value.is_null());
        if let Some(name) = env.get("PGDATABASE").filter(|_| !is_given(&target.fields, "database")) {
            target.fields.insert("database".to_owned(), json!(name));
        }
        for (key, shown) in [("database", "dbname"), ("schema", "schema")] {
            if !is_given(&target.fields, key) {
                let message = format!("target `{}` has no `{shown}:`", target.name);
                return Err(Box::new(Diagnostic::error(Code::ProfileInvalid, message).at(&self.file, output.span)));
            }
        }
        let database = target.fields.get("database").cloned().unwrap_or_default();
        let defaults = [
            ("dbname", database),
            ("connect_timeout", json!(10)),
            ("role", Data::Null),
            ("search_path", Data::Null),
            ("keepalives_idle", json!(0)),
            ("sslmode", Data::Null),
            ("sslcert", Data::Null),
            ("sslkey", Data::Null),
            ("sslrootcert", Data::Null),
            ("application_name", json!("dbt")),
            ("retries", json!(1)),
        ];
        fill(&mut target.fields, defaults);
        Ok(())
    }
}

fn fill<const N: usize>(fields: &mut Map<String, Data>, defaults: [(&str, Data); N]) {
    for (key, value) in defaults {
        fields.entry(key).or_insert(value);
    }
}

/// The catalog's name that DuckDB gives to a database file.
fn duckdb_name(path: &str) -> String {
    if path == ":memory:" {
        return "memory".to_owned();
    }
    let (scheme, rest) = split_scheme(path);
    let base = rest.rsplit('/').next().unwrap_or_default();
    let stem = match base.rfind('.') {
        Some(ix) if !base[..ix].trim_start_matches('.').is_empty() => &base[..ix],
        _ => base,
    };
    match scheme.to_lowercase().as_str() {
        "md" | "motherduck" if stem.is_empty() => "my_db".to_owned(),
        "md" | "motherduck" => stem.to_owned(),
        "ducklake" => split_scheme(stem).1.to_owned(),
        _ => base.trim_start_matches('.').split('.').next().unwrap_or_default().to_owned(),
    }
}

/// Splits a URL into its scheme and its path, without host, query and fragment.
fn split_scheme(url: &str) -> (&str, &str) {
    let is_scheme = |text: &str| {
        text.starts_with(|char: char| char.is_ascii_alphabetic())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '.' | '-'))
    };
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", url),
    };
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or("", |ix| &rest[ix..]),
        None => rest,
    };
    (scheme, path.split(['?', '#']).next().unwrap_or_default())
}

fn text_of(value: &Data) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("`{}`", names.join("`, `")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::load::tests::Literal;

    #[track_caller]
    fn check(target: Option<&str>, expected: &str) {
        let text = "shop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: a/shop.db\n      threads: '4'\n    odd:\n      type: duckdb\n      path: a.db\n      database: b\n    pg:\n      type: postgres\n      host: h\n      threads: 0\n    none:\n      path: x\n";
        let file = SourceFile::new("profiles.yml", text);
        let yaml = yaml::parse(&file, &mut Diagnostics::new()).expect("valid");
        let profiles = Profiles { file, path: PathBuf::new(), yaml };
        let overrides = Overrides { target: target.map(str::to_owned), ..Overrides::default() };
        let env = BTreeMap::new();
        let wanted = Wanted { overrides: &overrides, env: &env, engine: &Literal, profile: Some("shop".to_owned()) };
        let shown = match profiles.target(&wanted) {
            Ok(target) => format!("{target:?} {} {} {}", target.threads, target.database, target.schema),
            Err(problem) => problem.message,
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_target_has_the_defaults_of_its_adapter() {
        check(None, "Target(shop.dev, duckdb) 4 shop main");
    }

    #[test]
    fn what_is_wrong_with_a_target_is_said() {
        check(
            Some("prod"),
            "The profile 'shop' does not have a target named 'prod'. It has `dev`, `odd`, `pg`, `none`",
        );
        check(Some("odd"), "`database` is `b`, but the database at `a.db` is called `a`");
        check(Some("pg"), "`threads` of the target is not a whole number from 1");
        check(Some("none"), "target `none` has no `type:`");
    }

    #[test]
    fn the_database_is_called_after_its_file() {
        for (path, name) in [
            (":memory:", "memory"),
            ("dir/my.db.duckdb", "my"),
            (".hidden.duckdb", "hidden"),
            ("md:", "my_db"),
            ("md:sales?x=1", "sales"),
            ("ducklake:sqlite:meta.sqlite", "meta"),
            ("s3://bucket/a/b.db", "b"),
        ] {
            assert_eq!(duckdb_name(path), name, "{path}");
        }
    }
}
