//! A throwaway PostgreSQL server: started when the first test wants it, gone when the tests are.
//!
//! Its files lie in a temporary folder, its port is a free one of this machine. A shell waits beside it and stops
//! it when this process ends, however that happens.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Who may connect how: roles are made by the tests that need them.
const ACCESS: &str = "\
local all all trust
hostnossl all only_tls 127.0.0.1/32 reject
hostssl all only_tls 127.0.0.1/32 trust
hostssl all carla 127.0.0.1/32 cert
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all plain 127.0.0.1/32 password
host all all 127.0.0.1/32 trust
";

/// A server of its own.
pub struct Cluster {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The folder of its socket and its files.
    pub folder: tempfile::TempDir,
    programs: PathBuf,
    keeper: Option<Child>,
}

/// The server that tests share; `None` if PostgreSQL is not installed.
pub fn shared() -> Option<&'static Server> {
    static SHARED: LazyLock<Option<(Server, Option<Cluster>)>> = LazyLock::new(|| {
        if let Ok(address) = std::env::var("KILN_TEST_POSTGRES") {
            return Some((Server::of_address(&address), None));
        }
        let cluster = Cluster::new()?;
        Some((cluster.server(), Some(cluster)))
    });
    SHARED.as_ref().map(|(server, _)| server)
}

/// How a server is reached.
#[derive(Clone, Debug)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    psql: PathBuf,
}

/// A database for one test.
pub struct Database {
    pub name: String,
    pub server: Server,
}

impl Server {
    /// Reads `host:port:user:password`.
    fn of_address(address: &str) -> Self {
        let parts: Vec<&str> = address.splitn(4, ':').collect();
        let part = |ix: usize, usual: &str| parts.get(ix).map_or(usual, |part| *part).to_owned();
        Self {
            host: part(0, "localhost"),
            port: part(1, "5432").parse().expect("KILN_TEST_POSTGRES is host:port:user:password"),
            user: part(2, "postgres"),
            password: part(3, ""),
            psql: PathBuf::from("psql"),
        }
    }

    /// Creates a database that no other test has.
    pub fn database(&self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kiln_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let database = Database { name, server: self.clone() };
        self.run("postgres", &format!("create database {}", database.name));
        database
    }

    fn run(&self, database: &str, sql: &str) -> String {
        let mut command = self.psql(database);
        let output = command.args(["-v", "ON_ERROR_STOP=1", "-c", sql]).output().expect("psql can be started");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{sql}\n{error}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(&self.psql);
        let port = self.port.to_string();
        command.args(["-XAtq", "-h", &self.host, "-p", &port, "-U", &self.user, "-d", database]);
        command.env("PGPASSWORD", &self.password).stdin(Stdio::null());
        command
    }
}

impl Database {
    /// Runs statements; the rows as text, columns separated by `|`.
    pub fn run(&self, sql: &str) -> String {
        self.server.run(&self.name, sql)
    }

    /// Starts a session that runs statements on its own, and ends with the returned process.
    pub fn start(&self, sql: &str) -> Child {
        let mut command = self.server.psql(&self.name);
        command.args(["-c", sql]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("psql can be started")
    }

    /// Starts a session that runs a query every 10 ms until it fails; answers and errors go into the file.
    pub fn watch(&self, query: &str, file: &Path) -> Child {
        let mut command = self.server.psql(&self.name);
        let output = fs::File::create(file).expect("a file can be made");
        command.stdout(output.try_clone().expect("a file can be shared")).stderr(output).stdin(Stdio::piped());
        let mut child = command.spawn().expect("psql can be started");
        let mut stdin = child.stdin.take().expect("it was asked for");
        writeln!(stdin, "{query} \\watch 0.01").expect("psql reads");
        child
    }

    /// The variables by which libpq and kiln reach the database.
    pub fn env(&self) -> String {
        let Server { host, port, user, password, .. } = &self.server;
        format!("PGHOST={host} PGPORT={port} PGUSER={user} PGPASSWORD='{password}' PGDATABASE={}", self.name)
    }
}

impl Cluster {
    /// Makes and starts a server; `None` if PostgreSQL is not installed.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub fn new() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL's server programs are not installed (`./test` installs them)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("kiln-pg-").tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let mut cluster = Self { port, folder, programs, keeper: None };
        cluster.initialize();
        cluster.start();
        Some(cluster)
    }

    /// How it is reached.
    pub fn server(&self) -> Server {
        Server {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "kiln".to_owned(),
            password: String::new(),
            psql: self.programs.join("psql"),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn initialize(&self) {
        let folder = self.folder.path();
        if is_root() {
            done(Command::new("chown").arg(owner()).arg(folder));
        }
        let initdb = self.programs.join("initdb");
        // A locale that knows letters beyond ASCII, where there is one.
        let options = "-U kiln --auth=trust --encoding=UTF8 --no-sync --locale";
        let (initdb, data) = (initdb.display(), self.data());
        let init = format!("'{initdb}' -D '{}' {options}", data.display());
        done(&mut as_owner(&format!("{init} C.UTF-8 >/dev/null 2>&1 || {init} C >/dev/null")));
        let tls = crate::harness::root().join("tests/it/harness/tls");
        for name in ["server.crt", "server.key", "ca.crt"] {
            copy_for_owner(&tls.join(name), &self.data().join(name));
        }
        let access = self.folder.path().join("access");
        fs::write(&access, ACCESS).expect("a file can be written");
        copy_for_owner(&access, &self.data().join("pg_hba.conf"));
    }

    /// Starts the server and waits until it answers.
    pub fn start(&mut self) {
        let (data, folder) = (self.data(), self.folder.path().display().to_string());
        let (ctl, port) = (self.programs.join("pg_ctl").display().to_string(), self.port);
        let options = format!(
            "-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c ssl=on -c ssl_ca_file=ca.crt \
             -c max_connections=60 -c log_min_messages=fatal"
        );
        let data = data.display();
        let start = format!("'{ctl}' -D '{data}' -l '{folder}/log' -w -s -o '{options}' start");
        let started = as_owner(&start).status().expect("pg_ctl can be started");
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(started.success(), "the server does not start:\n{}", log());
        // The keeper reads until it is sent away, or this process is gone: then it stops the server and removes
        // its files.
        let stop = format!("'{ctl}' -D '{data}' -m immediate -s stop");
        let keeper =
            format!("read word; [ \"$word\" = leave ] && exit; {stop} >/dev/null 2>&1; sleep 1; rm -rf '{folder}'");
        let mut command = as_owner(&keeper);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.keeper = Some(command.spawn().expect("a shell can be started"));
    }

    /// Stops the server as if its machine had lost power.
    pub fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            if let Some(mut stdin) = keeper.stdin.take() {
                stdin.write_all(b"leave\n").ok();
            }
            keeper.wait().ok();
        }
        let ctl = self.programs.join("pg_ctl");
        let stop = format!("'{}' -D '{}' -m immediate -s stop", ctl.display(), self.data().display());
        as_owner(&stop).status().expect("pg_ctl can be started");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of `initdb` and the rest: in `PATH`, or where Debian puts the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|program| program.parent().map(Path::to_owned));
    let mut of_debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("bin")))
        .collect();
    of_debian.sort();
    let has_all = |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).exists());
    in_path.chain(of_debian.into_iter().rev()).find(has_all)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id can be started");
    output.stdout.trim_ascii() == b"0"
}

/// The user that a server of root's runs as: PostgreSQL refuses root.
fn owner() -> &'static str {
    let exists = Command::new("id").arg("postgres").stderr(Stdio::null()).stdout(Stdio::null()).status();
    if exists.is_ok_and(|status| status.success()) { "postgres" } else { "nobody" }
}

/// A shell command, run by an unprivileged user if this one is root.
fn as_owner(line: &str) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("su");
        command.args(["-s", "/bin/sh", owner(), "-c", line]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    };
    // The owner may not enter this folder.
    command.current_dir("/");
    command
}

fn copy_for_owner(from: &Path, to: &Path) {
    done(Command::new("install").args(["-m", "600"]).arg(from).arg(to));
    if is_root() {
        done(Command::new("chown").arg(owner()).arg(to));
    }
}

fn done(command: &mut Command) {
    let status = command.status().expect("a program can be started");
    assert!(status.success(), "{command:?} failed");
}
