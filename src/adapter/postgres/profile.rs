//! Where and how to connect: the profile first, then the service file, then `PG*` variables, then libpq's defaults.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Data};

use super::super::{AdapterError, AdapterErrorKind};
use super::files::{self, Passwords};
use super::tls::TlsSettings;
use crate::project::Target;

/// Everything that a connection needs.
pub(super) struct Profile {
    /// Servers in the order in which they are tried; at least one.
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) passwords: Passwords,
    /// Parameters of the start-up message, besides user and database.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// `set role` follows the connection.
    pub(super) role: Option<String>,
    pub(super) tls: TlsSettings,
    /// For the whole of one attempt; `None`: as long as it takes.
    pub(super) connect_timeout: Option<Duration>,
    /// Idle time before the first keepalive; `None`: what the system says.
    pub(super) keepalives_idle: Option<Duration>,
    /// How often a connection that could not be made is tried again.
    pub(super) retries: u32,
}

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The name as it was given: for certificates, the password file and messages.
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) port: u16,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket in this folder.
    Folder(PathBuf),
    /// The addresses of this name.
    Name(String),
    /// This address, whatever the name is.
    Ip(IpAddr),
}

/// Keys that the service file and the environment may give: libpq's name, the profile's, the variable.
const KEYS: &[(&str, &str, &str)] = &[
    ("host", "host", "PGHOST"),
    ("hostaddr", "hostaddr", "PGHOSTADDR"),
    ("port", "port", "PGPORT"),
    ("user", "user", "PGUSER"),
    ("password", "password", "PGPASSWORD"),
    ("passfile", "passfile", "PGPASSFILE"),
    ("dbname", "database", "PGDATABASE"),
    ("sslmode", "sslmode", "PGSSLMODE"),
    ("sslcert", "sslcert", "PGSSLCERT"),
    ("sslkey", "sslkey", "PGSSLKEY"),
    ("sslrootcert", "sslrootcert", "PGSSLROOTCERT"),
    ("connect_timeout", "connect_timeout", "PGCONNECT_TIMEOUT"),
    ("application_name", "application_name", "PGAPPNAME"),
    ("options", "options", "PGOPTIONS"),
];

fn invalid(message: impl Into<String>) -> AdapterError {
    AdapterError::new(AdapterErrorKind::Settings, message)
}

/// The sources of settings, best first.
struct Sources<'a> {
    fields: &'a Map<String, Data>,
    service: BTreeMap<String, String>,
    env: &'a BTreeMap<String, String>,
}

impl Sources<'_> {
    /// A setting by libpq's name; empty text counts as not given, as in libpq.
    fn text(&self, key: &str) -> Option<String> {
        let (_, field, variable) = KEYS.iter().find(|(name, _, _)| *name == key)?;
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        self.field(field)
            .or_else(|| self.service.get(key).and_then(said))
            .or_else(|| self.env.get(*variable).and_then(said))
    }

    /// A key of the profile alone.
    fn field(&self, key: &str) -> Option<String> {
        let text = match self.fields.get(key)? {
            Data::String(text) => text.clone(),
            Data::Number(number) => number.to_string(),
            Data::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    fn number(&self, key: &str) -> Result<Option<i64>, AdapterError> {
        let Some(text) = self.text(key).or_else(|| self.field(key)) else { return Ok(None) };
        let number = text.trim().parse().map_err(|_| invalid(format!("`{key}` of the target is not a number: {text}")));
        number.map(Some)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|path| files::expand_home(&path, self.env))
    }
}

impl Profile {
    /// Reads the settings of a target.
    pub(super) fn read(target: &Target, env: &BTreeMap<String, String>) -> Result<Self, AdapterError> {
        let text = |key: &str| target.fields.get(key).and_then(Data::as_str).filter(|text| !text.is_empty());
        let service = match text("service").or_else(|| env.get("PGSERVICE").map(String::as_str)) {
            Some(name) => files::service(name, env)?,
            None => BTreeMap::new(),
        };
        let sources = Sources { fields: &target.fields, service, env };
        let user = sources.text("user").or_else(|| env.get("USER").cloned());
        let user = user.ok_or_else(|| invalid("the target names no `user`, and there is no PGUSER"))?;
        let database = sources.text("dbname").unwrap_or_else(|| user.clone());
        let timeout = sources.number("connect_timeout")?.filter(|seconds| *seconds > 0);
        let seconds = |number: i64| Duration::from_secs(number.unsigned_abs());
        Ok(Self {
            hosts: hosts(&sources)?,
            passwords: Passwords::new(sources.text("password"), sources.path("passfile"), env),
            parameters: parameters(&sources),
            role: sources.field("role"),
            tls: TlsSettings::read(
                sources.text("sslmode").as_deref(),
                [sources.path("sslcert"), sources.path("sslkey"), sources.path("sslrootcert")],
                env,
            )?,
            // libpq waits at least two seconds.
            connect_timeout: timeout.map(|number| seconds(number.max(2))),
            keepalives_idle: sources.number("keepalives_idle")?.filter(|number| *number > 0).map(seconds),
            retries: sources.number("retries")?.and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
            user,
            database,
        })
    }
}

fn parameters(sources: &Sources<'_>) -> Vec<(&'static str, String)> {
    let mut parameters = vec![("client_encoding", "UTF8".to_owned())];
    parameters.extend(sources.text("application_name").map(|name| ("application_name", name)));
    let search_path = sources.field("search_path");
    let options = match search_path {
        Some(path) => Some(format!("-c search_path={}", path.replace(' ', "\\ "))),
        None => sources.text("options"),
    };
    parameters.extend(options.map(|options| ("options", options)));
    for (name, variable) in [("DateStyle", "PGDATESTYLE"), ("TimeZone", "PGTZ")] {
        parameters.extend(sources.env.get(variable).map(|value| (name, value.clone())));
    }
    parameters
}

/// The servers: names, addresses and ports may be lists, as in libpq.
fn hosts(sources: &Sources<'_>) -> Result<Vec<Host>, AdapterError> {
    let list = |key: &str| -> Vec<String> {
        let text = sources.text(key).unwrap_or_default();
        text.split(',').map(|part| part.trim().to_owned()).collect()
    };
    let (mut names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let n_hosts = names.len().max(addresses.len());
    if names == [""] {
        names = vec![String::new(); n_hosts];
    }
    let addresses = if addresses == [""] { vec![String::new(); n_hosts] } else { addresses };
    if names.len() != addresses.len() {
        return Err(invalid(format!("the target has {} hosts but {} host addresses", names.len(), addresses.len())));
    }
    if ports.len() > 1 && ports.len() != n_hosts {
        return Err(invalid(format!("the target has {} ports for {n_hosts} hosts", ports.len())));
    }
    let one = |ix: usize, (name, address): (String, String)| {
        let port = ports.get(ix).or(ports.first()).map_or("", String::as_str);
        let port = match port {
            "" => 5432,
            text => text.parse().map_err(|_| invalid(format!("`port` of the target is not a port: {text}")))?,
        };
        let address = address_of(&name, &address)?;
        Ok(Host { name: shown_name(name, &address), address, port })
    };
    names.into_iter().zip(addresses).enumerate().map(|(ix, pair)| one(ix, pair)).collect()
}

fn address_of(name: &str, address: &str) -> Result<Address, AdapterError> {
    if !address.is_empty() {
        let ip = address.parse().map_err(|_| invalid(format!("`hostaddr` of the target is no address: {address}")))?;
        return Ok(Address::Ip(ip));
    }
    Ok(match name {
        "" => Address::Folder(files::default_socket_folder()),
        name if name.starts_with('/') => Address::Folder(PathBuf::from(name)),
        name => Address::Name(name.to_owned()),
    })
}

fn shown_name(name: String, address: &Address) -> String {
    match address {
        Address::Folder(folder) => folder.to_string_lossy().into_owned(),
        Address::Ip(ip) if name.is_empty() => ip.to_string(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(fields: Data, env: &[(&str, &str)]) -> Result<Profile, AdapterError> {
        let target = Target {
            profile_name: "shop".into(),
            name: "prod".into(),
            adapter_type: "postgres".into(),
            threads: 1,
            database: "shop".into(),
            schema: "public".into(),
            fields: fields.as_object().cloned().unwrap_or_default(),
            written: None,
        };
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Profile::read(&target, &env)
    }

    #[track_caller]
    fn check(fields: Data, env: &[(&str, &str)], expected: &[(&str, u16)]) {
        let profile = read(fields, env).unwrap();
        let found: Vec<_> = profile.hosts.iter().map(|host| (host.name.as_str(), host.port)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_profile_goes_before_the_environment() {
        let env = [("PGHOST", "other"), ("PGPORT", "1"), ("PGUSER", "ada")];
        check(json!({"host": "db", "port": 5433}), &env, &[("db", 5433)]);
        check(json!({"host": ""}), &env, &[("other", 1)]);
    }

    #[test]
    fn a_folder_is_a_socket_and_hosts_may_be_several() {
        check(json!({"host": "/tmp/pg", "user": "ada"}), &[], &[("/tmp/pg", 5432)]);
        check(json!({"host": "a,b", "port": "1,2", "user": "ada"}), &[], &[("a", 1), ("b", 2)]);
        check(json!({"host": "a,b", "port": "1", "user": "ada"}), &[], &[("a", 1), ("b", 1)]);
        check(json!({"hostaddr": "10.0.0.1", "user": "ada"}), &[], &[("10.0.0.1", 5432)]);
        assert!(read(json!({"host": "a,b", "port": "1,2,3", "user": "ada"}), &[]).is_err());
    }

    #[test]
    fn the_search_path_goes_before_other_options() {
        let fields = json!({"user": "ada", "search_path": "a, b", "application_name": "dbt"});
        let profile = read(fields, &[("PGOPTIONS", "-c geqo=off")]).unwrap();
        let expected = [
            ("client_encoding", "UTF8".to_owned()),
            ("application_name", "dbt".to_owned()),
            ("options", "-c search_path=a,\\ b".to_owned()),
        ];
        assert_eq!(profile.parameters, expected);
    }
}
