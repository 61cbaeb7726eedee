//! The files that libpq reads beside the profile: passwords and services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{AdapterError, AdapterErrorKind};
use super::profile::{Address, Host};

/// The user's home folder.
pub(super) fn home(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    env.get("HOME").or_else(|| env.get("USERPROFILE")).map(PathBuf::from)
}

/// A path with `~/` in front taken from the home folder.
pub(super) fn expand_home(path: &str, env: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~/"), home(env)) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The folder in which a server's socket is looked for unless one is named: that of Debian and Fedora, if there.
pub(super) fn default_socket_folder() -> PathBuf {
    let usual = Path::new("/var/run/postgresql");
    if usual.is_dir() { usual.to_owned() } else { PathBuf::from("/tmp") }
}

/// The password of the profile, or the lines of the password file.
pub(super) struct Passwords {
    given: Option<String>,
    entries: Vec<[String; 5]>,
    /// Why a password file that exists is not used.
    pub(super) complaint: Option<String>,
}

impl Passwords {
    /// Reads the password file (`passfile`, or `~/.pgpass`) unless a password was given.
    pub(super) fn new(given: Option<String>, file: Option<PathBuf>, env: &BTreeMap<String, String>) -> Self {
        let mut passwords = Self { given, entries: Vec::new(), complaint: None };
        let file = file.or_else(|| home(env).map(|home| home.join(".pgpass")));
        let Some(file) = file.filter(|file| passwords.given.is_none() && file.is_file()) else { return passwords };
        if is_open_to_others(&file) {
            let shown = file.display();
            passwords.complaint = Some(format!(
                "password file \"{shown}\" has group or world access; permissions should be u=rw (0600) or less"
            ));
            return passwords;
        }
        match std::fs::read_to_string(&file) {
            Ok(text) => passwords.entries = text.lines().filter_map(pass_entry).collect(),
            Err(error) => passwords.complaint = Some(format!("cannot read \"{}\": {error}", file.display())),
        }
        passwords
    }

    /// The password for a connection; the first line of the file that fits decides.
    pub(super) fn find(&self, host: &Host, database: &str, user: &str) -> Option<String> {
        if self.given.is_some() {
            return self.given.clone();
        }
        let name = match &host.address {
            Address::Folder(folder) if *folder == default_socket_folder() => "localhost",
            _ => host.name.as_str(),
        };
        let port = host.port.to_string();
        let wanted = [name, &port, database, user];
        let fits = |entry: &&[String; 5]| entry.iter().zip(wanted).all(|(field, value)| field == "*" || field == value);
        self.entries.iter().find(fits).map(|entry| entry[4].clone())
    }
}

/// Reads `host:port:database:user:password`; a backslash keeps the character after it.
fn pass_entry(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let n_fields = fields.len();
        match char {
            '\\' => fields[n_fields - 1].extend(chars.next()),
            ':' if n_fields < 5 => fields.push(String::new()),
            char => fields[n_fields - 1].push(char),
        }
    }
    fields.try_into().ok()
}

/// Whether a file that holds a secret can be read by others than its owner.
#[cfg(unix)]
pub(super) fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).is_ok_and(|found| found.mode() & 0o077 != 0)
}

/// Whether a file that holds a secret can be read by others than its owner; not known here.
#[cfg(not(unix))]
pub(super) fn is_open_to_others(_file: &Path) -> bool {
    false
}

/// The settings of a service: from the user's file, then from the system's.
pub(super) fn service(name: &str, env: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, AdapterError> {
    let own = env.get("PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| home(env).map(|home| home.join(".pg_service.conf")));
    let system = PathBuf::from(env.get("PGSYSCONFDIR").map_or("/etc/postgresql-common", String::as_str));
    for file in own.into_iter().chain([system.join("pg_service.conf")]) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if let Some(settings) = service_section(&text, name) {
            return Ok(settings);
        }
    }
    let message = format!("definition of service \"{name}\" not found");
    Err(AdapterError::new(AdapterErrorKind::Settings, message))
}

fn service_section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.find(|line| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) == Some(name))?;
    let section = lines.take_while(|line| !line.starts_with('['));
    let setting =
        |line: &str| line.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    Some(section.filter_map(setting).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_line_keeps_what_follows_a_backslash() {
        let expected = ["db", "*", "a:b", "ada", "se\\cret:x"].map(str::to_owned);
        assert_eq!(pass_entry("db:*:a\\:b:ada:se\\\\cret\\:x"), Some(expected));
        assert_eq!(pass_entry("# db:*:a:ada:x"), None);
        assert_eq!(pass_entry("db:5432"), None);
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let entries = ["other:*:*:*:no", "db:5432:*:ada:yes", "*:*:*:*:late"];
        let passwords = Passwords {
            given: None,
            entries: entries.iter().filter_map(|line| pass_entry(line)).collect(),
            complaint: None,
        };
        let host = |name: &str| Host { name: name.into(), address: Address::Name(name.into()), port: 5432 };
        assert_eq!(passwords.find(&host("db"), "shop", "ada").as_deref(), Some("yes"));
        assert_eq!(passwords.find(&host("db"), "shop", "bob").as_deref(), Some("late"));
    }

    #[test]
    fn a_service_is_a_section() {
        let text = "# mine\n[other]\nhost=x\n\n[shop]\nhost = db\nport=5433\n[last]\nhost=y\n";
        let found = service_section(text, "shop").unwrap();
        assert_eq!(found, BTreeMap::from([("host".into(), "db".into()), ("port".into(), "5433".into())]));
        assert!(service_section(text, "none").is_none());
    }
}
