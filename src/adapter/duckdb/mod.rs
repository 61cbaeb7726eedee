//! DuckDB, embedded: one database that is opened once, and sessions on it.
//!
//! What the profile says is in `profile`, one session in `session`, values in `cells`, refusals in `refusal`.
//! The SQL that builds things is not here but in `builtins`.

mod cells;
pub(super) mod facts;
mod profile;
mod python;
mod refusal;
mod session;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Adapter, AdapterError, AdapterErrorKind, Connection, Features};
use crate::builtins::Builtin;
use crate::diagnostic::Label;
use crate::project::Target;
use crate::sql::Dialect;
use profile::{Declared, Extension, Profile, Setting};
use session::Session;

/// An embedded DuckDB database, opened when the first session is wanted.
///
/// DuckDB does not notice when one process opens a file twice, and the two copies ruin it.
/// So there is one root connection, and every session is its clone.
pub(super) struct DuckDb {
    profile: Arc<Profile>,
    root: Mutex<Option<duckdb::Connection>>,
}

/// Writes rows, one JSON object a line, as a Parquet file, without any database.
pub(super) fn write_parquet(rows: &Path, to: &Path) -> Result<(), AdapterError> {
    let text = |path: &Path| path.display().to_string().replace('\'', "''");
    let sql = format!(
        "copy (from read_json('{}', format = 'newline_delimited')) to '{}' (format parquet)",
        text(rows),
        text(to)
    );
    let connection = duckdb::Connection::open_in_memory().map_err(|error| refusal::read(&error, ""))?;
    connection.execute_batch(&sql).map_err(|error| refusal::read(&error, &sql))
}

impl DuckDb {
    /// Reads the settings of a target; the database is not touched yet.
    pub(super) fn open(target: &Target, project_root: &Path) -> Result<Self, AdapterError> {
        Ok(Self { profile: Arc::new(Profile::read(target, project_root)?), root: Mutex::new(None) })
    }

    /// An empty database in memory under the name of the target's, with empty ones in place of what it attaches.
    /// Extensions are loaded if they are at hand.
    pub(super) fn open_empty(target: &Target, project_root: &Path) -> Result<Self, AdapterError> {
        let profile = Profile::read(target, project_root)?.emptied(&target.database);
        Ok(Self { profile: Arc::new(profile), root: Mutex::new(None) })
    }

    fn clone_root(&self) -> Result<duckdb::Connection, AdapterError> {
        let mut root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        if root.is_none() {
            *root = Some(self.open_root()?);
        }
        match root.as_ref() {
            Some(connection) => connection.try_clone().map_err(|error| refusal::read(&error, "")),
            None => Err(AdapterError::new(AdapterErrorKind::Connect, "the database is not open")),
        }
    }

    fn open_root(&self) -> Result<duckdb::Connection, AdapterError> {
        let connection = self.open_with_retries()?;
        for extension in &self.profile.extensions {
            if self.profile.is_emptied {
                // What is missing is noticed where it is used; nothing is fetched for trying statements out.
                let _ = connection.execute_batch(&format!("load {}", extension.name));
                continue;
            }
            load(&connection, extension)?;
        }
        for (what, declared) in [("secret", &self.profile.secrets), ("attached database", &self.profile.attachments)] {
            for Declared { sql, at } in declared {
                connection.execute_batch(sql).map_err(|error| unusable(what, refusal::read(&error, sql), at))?;
            }
        }
        Ok(connection)
    }

    fn open_with_retries(&self) -> Result<duckdb::Connection, AdapterError> {
        let mut attempt = 0;
        loop {
            let refused = match self.open_file() {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            attempt += 1;
            if attempt >= self.profile.retries.connect_attempts || !self.profile.retries.admits(&refused.message) {
                return Err(refused);
            }
            std::thread::sleep(Duration::from_secs(1 << (attempt - 1).min(6)));
        }
    }

    fn open_file(&self) -> Result<duckdb::Connection, AdapterError> {
        if let Some(folder) = &self.profile.own_folder {
            // If that fails, DuckDB says better what is wrong with the path.
            let _ = std::fs::create_dir_all(folder);
        }
        let mut config = duckdb::Config::default();
        for Setting { key, value, at } in &self.profile.config_options {
            config = config.with(key, value).map_err(|error| {
                let message = format!("the config option `{key}` is not usable: {error}");
                AdapterError::new(AdapterErrorKind::Settings, message).at(at.clone())
            })?;
        }
        duckdb::Connection::open_with_flags(&self.profile.path, config).map_err(|error| {
            let error = refusal::read(&error, "");
            // DuckDB refuses options that it does not know only here.
            let is_named = |option: &&Setting| error.message.contains(&option.key);
            match self.profile.config_options.iter().find(is_named) {
                Some(option) if error.message.contains("options were not recognized") => {
                    unusable(&format!("config option `{}`", option.key), error, &option.at)
                }
                _ => error,
            }
        })
    }
}

/// Loads an extension, and installs it first only if it is not at hand: loading needs no network.
fn load(connection: &duckdb::Connection, extension: &Extension) -> Result<(), AdapterError> {
    let load = format!("load {}", extension.name);
    if connection.execute_batch(&load).is_ok() {
        return Ok(());
    }
    let from = extension.repository.as_ref().map(|repository| format!(" from {repository}")).unwrap_or_default();
    let sql = format!("install {}{from}; {load}", extension.name);
    connection
        .execute_batch(&sql)
        .map_err(|error| AdapterError { kind: AdapterErrorKind::Extension, ..refusal::read(&error, &sql) })
        .map_err(|error| error.at(extension.at.clone()))
}

/// The error of something that the target declares. What is wrong with files and extensions has a kind of its own.
fn unusable(what: &str, error: AdapterError, at: &Option<Label>) -> AdapterError {
    let is_about_the_entry = matches!(error.kind, AdapterErrorKind::Statement | AdapterErrorKind::Syntax);
    let error = match is_about_the_entry {
        true => AdapterError::new(AdapterErrorKind::Settings, format!("the {what} is not usable: {}", error.message)),
        false => error,
    };
    error.at(at.clone())
}

impl Adapter for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }

    fn features(&self) -> Features {
        Features { has_transactional_ddl: true, has_concurrent_batches: true }
    }

    fn builtins(&self) -> &'static [Builtin] {
        crate::builtins::DUCKDB
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        let connection = self.clone_root()?;
        if let Some(sql) = &self.profile.use_database {
            connection.execute_batch(sql).map_err(|error| refusal::read(&error, sql))?;
        }
        for Setting { key, value, at } in &self.profile.settings {
            let sql = format!("set {key} = '{}'", value.replace('\'', "''"));
            let set = connection.execute_batch(&sql);
            set.map_err(|error| unusable(&format!("setting `{key}`"), refusal::read(&error, &sql), at))?;
        }
        Ok(Box::new(Session::new(connection, Arc::clone(&self.profile))))
    }

    /// Counts the sessions among DuckDB's `threads`: each runs its own tasks, and DuckDB starts so many fewer of its
    /// own. Else these take small tasks away from sessions, which then spin until they get them back.
    fn expect_busy(&self, n_sessions: usize) {
        const SETTING: &str = "external_threads";
        let said = self.profile.settings.iter().chain(&self.profile.config_options);
        if said.into_iter().any(|said| said.key.eq_ignore_ascii_case(SETTING)) {
            return;
        }
        let root = self.root.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = root.as_ref() else { return };
        let n_threads = connection.query_row("select current_setting('threads')", [], |row| row.get(0));
        let n_external = n_sessions.clamp(1, n_threads.unwrap_or(1));
        // A database whose settings are locked works as it is.
        let _ = connection.execute_batch(&format!("set global {SETTING} = {n_external}"));
    }
}

#[cfg(test)]
mod tests;
