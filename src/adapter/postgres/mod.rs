//! PostgreSQL over its own wire protocol: one blocking connection a session.
//!
//! What the profile, the environment and libpq's files say is in `profile`, opening a connection in `startup`,
//! one session in `session`, values in `cells`, refusals in `refusal`. The SQL that builds things is in `builtins`.
//!
//! Statements go through the simple query protocol, because dbt's do: several statements in one text, the command
//! tag of the last as the answer, and every value as the server writes it. `begin` travels together with the first
//! statement of its transaction.

mod cells;
mod cells_nested;
mod certificate;
mod copy;
mod files;
mod profile;
mod refusal;
mod session;
mod startup;
mod tls;
mod type_names;
mod wire;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Adapter, AdapterError, AdapterErrorKind, Connection, Features};
use crate::builtins::Builtin;
use crate::project::Target;
use crate::sql::Dialect;
use profile::Profile;
use session::Session;

/// A PostgreSQL server.
///
/// Sessions that were given back wait for the next user: a new one costs the server a process.
pub(super) struct Postgres {
    profile: Arc<Profile>,
    pool: Mutex<Pool>,
    came_back: Condvar,
}

/// The sessions of this process.
#[derive(Default)]
struct Pool {
    idle: Vec<Box<dyn Connection>>,
    /// How many are in use.
    n_out: usize,
}

/// What a server says that takes no more connections.
const TOO_MANY: &str = "53300";

impl Postgres {
    /// Reads the settings of a target; the server is not asked for anything yet.
    pub(super) fn open(target: &Target) -> Result<Self, AdapterError> {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let env: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(key, value)| Some((text(key)?, text(value)?))).collect();
        Ok(Self { profile: Arc::new(Profile::read(target, &env)?), pool: Mutex::default(), came_back: Condvar::new() })
    }
}

impl Postgres {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a session that another thread gives back; `None` if there is nobody to wait for.
    fn next_idle(&self) -> Option<Box<dyn Connection>> {
        let mut pool = self.pool();
        while pool.idle.is_empty() && pool.n_out > 0 {
            pool = self.came_back.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let connection = pool.idle.pop()?;
        pool.n_out += 1;
        Some(connection)
    }
}

/// Opens a connection, and tries again as often as the profile's `retries` says.
fn connect(profile: &Profile) -> Result<startup::Opened, AdapterError> {
    let mut attempt = 0;
    loop {
        let error = match startup::open(profile) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        if attempt >= profile.retries || !is_passing(&error) {
            return Err(error);
        }
        std::thread::sleep(pause(attempt));
        attempt += 1;
    }
}

/// Whether the same attempt may succeed some seconds later.
fn is_passing(error: &AdapterError) -> bool {
    error.kind == AdapterErrorKind::Connect && error.code.as_deref() != Some("3D000")
}

/// How long to wait after an attempt: 1, 4, 9 … seconds, as in dbt; the first time only a moment.
/// The random part keeps the threads of one run from knocking all at once.
fn pause(attempt: u32) -> Duration {
    let jitter = RandomState::new().hash_one(attempt) % 250;
    Duration::from_millis(u64::from(attempt).pow(2) * 1000 + 100 + jitter)
}

impl Adapter for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn features(&self) -> Features {
        Features { has_transactional_ddl: true, has_concurrent_batches: false }
    }

    fn builtins(&self) -> &'static [Builtin] {
        crate::builtins::POSTGRES
    }

    fn connect(&self) -> Result<Box<dyn Connection>, AdapterError> {
        let mut pool = self.pool();
        if let Some(connection) = pool.idle.pop() {
            pool.n_out += 1;
            return Ok(connection);
        }
        drop(pool);
        let made = connect(&self.profile).and_then(|opened| Session::new(Arc::clone(&self.profile), opened));
        match made {
            Ok(session) => {
                self.pool().n_out += 1;
                Ok(Box::new(session))
            }
            // Fewer sessions than threads are slower, but they do.
            Err(error) if error.code.as_deref() == Some(TOO_MANY) => self.next_idle().ok_or(error),
            Err(error) => Err(error),
        }
    }

    fn release(&self, mut connection: Box<dyn Connection>) {
        // What was not committed is lost, whether the server can still be told so or not.
        let _ = connection.rollback();
        connection.reset();
        let mut pool = self.pool();
        pool.idle.push(connection);
        pool.n_out = pool.n_out.saturating_sub(1);
        self.came_back.notify_all();
    }
}
