//! Python models: the project's interpreter in a process of its own, which asks for relations and has statements run.
//!
//! DuckDB lets one process open a file, so the model works on copies. They travel as Parquet files, which DuckDB
//! writes and reads on both sides without any other package; `python_runner.py` tells how the two sides talk.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Data, json};

use super::super::{AdapterError, AdapterErrorKind, Cell, PythonJob, RowLimit};
use super::session::{Session, described_columns, literal};

/// The other side of the talk.
const RUNNER: &str = include_str!("python_runner.py");

/// How many of the last lines that Python wrote to its error output are kept.
const KEPT_REMARKS: usize = 40;

/// The process of a session, for those who want to stop it.
#[derive(Default)]
pub(super) struct Running {
    child: Mutex<Option<Child>>,
    was_stopped: AtomicBool,
    remarks: Mutex<Vec<String>>,
}

impl Running {
    /// Ends the process, if there is one, since somebody asked for it.
    pub(super) fn stop(&self) {
        self.was_stopped.fetch_or(self.kill(), Ordering::SeqCst);
    }

    /// Whether there was a process to end.
    fn kill(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself meanwhile.
        child.as_mut().map(|child| child.kill()).is_some()
    }

    /// The last lines that Python wrote to its error output.
    pub(super) fn take_remarks(&self) -> Vec<String> {
        std::mem::take(&mut *self.remarks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn remark(&self, line: String) {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if remarks.len() == KEPT_REMARKS {
            remarks.remove(0);
        }
        remarks.push(line);
    }

    /// Waits for the process to end and says how.
    fn end(&self) -> String {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(status) = child.and_then(|mut child| child.wait().ok()) else { return String::new() };
        // Ctrl-C in a terminal reaches it, too, and maybe first.
        #[cfg(unix)]
        if std::os::unix::process::ExitStatusExt::signal(&status) == Some(2) {
            self.was_stopped.store(true, Ordering::SeqCst);
        }
        status.to_string()
    }
}

/// A folder that is gone with this value, for the user's eyes alone.
struct Aside(PathBuf);

impl Aside {
    fn make() -> Result<Self, AdapterError> {
        let name = format!("kiln-python-{}-{:016x}", std::process::id(), RandomState::new().hash_one(0));
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What cannot be removed now is in the folder for temporary things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> AdapterError {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull => AdapterErrorKind::DiskFull,
        _ => AdapterErrorKind::Statement,
    };
    AdapterError::new(kind, format!("cannot write to `{}`: {error}", path.display()))
}

/// Runs a model to its end.
///
/// # Errors
/// When there is no Python or no `duckdb` for it, the model fails, or the run is interrupted.
pub(super) fn run(
    session: &Session,
    running: &Running,
    job: &PythonJob<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<(), AdapterError> {
    let aside = Aside::make()?;
    let runner = aside.0.join("kiln_runner.py");
    std::fs::write(&runner, RUNNER).map_err(|error| unusable(&runner, &error))?;
    let interpreter = interpreter(job.env, session.profile().python.as_deref());
    let mut child = Command::new(&interpreter)
        .arg(&runner)
        .current_dir(job.folder)
        .envs(job.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let message = format!("Python cannot be started as `{}`: {error}", interpreter.display());
            AdapterError::new(AdapterErrorKind::PythonMissing, message)
        })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    running.was_stopped.store(false, Ordering::SeqCst);
    running.take_remarks();
    *running.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        running.kill();
        return Err(AdapterError::new(AdapterErrorKind::Python, "Python was started without pipes"));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                running.remark(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        });
        let mut talk = Talk { session, job, folder: &aside.0, to: stdin, read: 0 };
        let ended = talk.hold(BufReader::new(stdout), said);
        drop(talk);
        if ended.is_err() {
            // It waits for an answer that does not come.
            running.kill();
        }
        let status = running.end();
        if running.was_stopped.load(Ordering::SeqCst) {
            return Err(AdapterError::new(AdapterErrorKind::Interrupted, "INTERRUPT Error: Interrupted!"));
        }
        ended?.unwrap_or_else(|| Err(died(&status, running, &interpreter)))
    })
}

/// Python ended without a word, for example because a library crashed or memory ran out.
fn died(status: &str, running: &Running, interpreter: &Path) -> AdapterError {
    let remarks = running.remarks.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    let message = format!("Python (`{}`) ended before the model was done: {status}", interpreter.display());
    AdapterError::new(
        AdapterErrorKind::Python,
        if remarks.is_empty() { message } else { format!("{message}\n{remarks}") },
    )
}

/// The interpreter: the one that was named, that of the active environment, that of the Python program which started
/// kiln, that which dbt runs in, or any.
fn interpreter(env: &BTreeMap<String, String>, configured: Option<&str>) -> PathBuf {
    let given = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(String::as_str);
    if let Some(named) = given("KILN_PYTHON").or(configured) {
        return PathBuf::from(named);
    }
    let names = if cfg!(windows) { ["python.exe", "python3.exe"] } else { ["python3", "python"] };
    let within = |folder: &Path| names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let folder = given(variable).map(|root| Path::new(root).join(if cfg!(windows) { "Scripts" } else { "bin" }));
        if let Some(found) = folder.and_then(|folder| within(&folder)) {
            return found;
        }
    }
    if let Some(parent) = parent_interpreter() {
        return parent;
    }
    let path: Vec<PathBuf> = std::env::split_paths(given("PATH").unwrap_or_default()).collect();
    let beside_dbt = |folder: &PathBuf| {
        let dbt = std::fs::canonicalize(folder.join("dbt")).ok()?;
        dbt.parent().and_then(within)
    };
    let found = path.iter().find_map(beside_dbt).or_else(|| path.iter().find_map(|folder| within(folder)));
    found.unwrap_or_else(|| PathBuf::from(names[0]))
}

/// The interpreter of the program that started kiln, such as an orchestrator's, as it was called: a link to it tells
/// its environment, which the file behind the link does not.
fn parent_interpreter() -> Option<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        let words = std::fs::read(format!("/proc/{}/cmdline", std::os::unix::process::parent_id())).ok()?;
        let program = PathBuf::from(std::str::from_utf8(words.split(|byte| *byte == 0).next()?).ok()?);
        let is_python = program.file_name()?.to_str()?.starts_with("python");
        (is_python && program.is_absolute() && program.is_file()).then_some(program)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// The talk with one process.
struct Talk<'a> {
    session: &'a Session,
    job: &'a PythonJob<'a>,
    folder: &'a Path,
    to: ChildStdin,
    read: usize,
}

/// How the model ended; `None` if the process ended without saying.
type Ended = Option<Result<(), AdapterError>>;

impl Talk<'_> {
    fn hold(&mut self, from: impl BufRead, said: &mut dyn FnMut(&str)) -> Result<Ended, AdapterError> {
        let description = self.description()?;
        if self.tell(&description).is_none() {
            return Ok(None);
        }
        for line in from.split(b'\n').map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice::<Data>(&line) else { continue };
            let text = |key: &str| message.get(key).and_then(Data::as_str).unwrap_or_default();
            let answer = match text("ask") {
                "read" => self.export(text("name"))?,
                "has" => json!({ "has": self.columns(text("name")).is_ok() }),
                "execute" => self.execute(text("sql"), &message["views"])?,
                _ if message.get("said").is_some() => {
                    said(text("said"));
                    continue;
                }
                _ if message.get("done").is_some() => return Ok(Some(Ok(()))),
                _ => return Ok(Some(Err(self.failure(&message["failed"])))),
            };
            if self.tell(&answer).is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Sends a line; `None` if nobody listens any more.
    fn tell(&mut self, message: &Data) -> Option<()> {
        writeln!(self.to, "{message}").and_then(|()| self.to.flush()).ok()
    }

    fn description(&self) -> Result<Data, AdapterError> {
        let sql = "select current_database(), current_schema()";
        let (table, _) = self.session.run_once(sql, Some(RowLimit::All))?;
        let place = |ix: usize| match table.rows.first().and_then(|row| row.get(ix)) {
            Some(Cell::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let profile = self.session.profile();
        let loads = profile.extensions.iter().map(|extension| format!("load {}", extension.name));
        let settings = profile.settings.iter().map(|said| format!("set {} = {}", said.key, literal(&said.value)));
        let setup: Vec<String> =
            loads.chain(profile.secrets.iter().map(|secret| secret.sql.clone())).chain(settings).collect();
        Ok(json!({
            "name": self.job.name,
            "path": self.job.path,
            "code": self.job.code.trim_start(),
            "lines_before": self.job.lines_before,
            "lines": self.job.lines,
            "folder": self.folder,
            "database": place(0),
            "schema": place(1),
            "module_paths": profile.module_paths,
            "setup": setup,
        }))
    }

    /// Names and types of a relation's columns.
    fn columns(&self, name: &str) -> Result<Vec<(String, String)>, AdapterError> {
        let (table, _) = self.session.run_once(&format!("describe select * from {name}"), Some(RowLimit::All))?;
        Ok(described_columns(&table).into_iter().map(|column| (column.name, column.data_type)).collect())
    }

    /// Writes a relation into a file; `{}` if there is none of that name.
    fn export(&mut self, name: &str) -> Result<Data, AdapterError> {
        let columns = match self.columns(name) {
            Ok(columns) => columns,
            Err(error) if error.kind == AdapterErrorKind::Interrupted => return Err(error),
            Err(error) if is_missing(&error) => return Ok(json!({})),
            Err(error) => return Ok(json!({ "error": error.message })),
        };
        let inexact = inexact(columns);
        let casts: Vec<String> =
            inexact.iter().map(|(name, _)| format!("cast({0} as varchar) as {0}", quoted(name))).collect();
        let star = if casts.is_empty() { "*".to_owned() } else { format!("* replace ({})", casts.join(", ")) };
        self.read += 1;
        let path = self.folder.join(format!("relation_{}.parquet", self.read)).display().to_string();
        let sql = format!("copy (select {star} from {name}) to {} (format parquet)", literal(&path));
        match self.session.run_once(&sql, None) {
            Ok(_) => Ok(json!({ "path": path, "columns": inexact })),
            Err(error) if error.kind == AdapterErrorKind::Interrupted => Err(error),
            Err(error) => Ok(json!({ "error": error.message })),
        }
    }

    /// Runs a statement of the model, with views on what only Python has.
    fn execute(&self, sql: &str, views: &Data) -> Result<Data, AdapterError> {
        let views: Vec<(&str, &str)> = views.as_array().into_iter().flatten().filter_map(view).collect();
        let run = |sql: &str| self.session.run_once(sql, None).map(|_| ());
        let mut done = views
            .iter()
            .try_for_each(|(name, query)| run(&format!("create or replace temp view {} as {query}", quoted(name))));
        done = done.and_then(|()| run(sql));
        let answer = match done {
            Ok(()) => json!({}),
            Err(error) if error.kind == AdapterErrorKind::Interrupted => return Err(error),
            Err(error) => json!({ "error": error.message }),
        };
        for (name, _) in &views {
            // After a failed statement the transaction takes nothing more, and is rolled back with the views.
            let _ = run(&format!("drop view if exists temp.{}", quoted(name)));
        }
        Ok(answer)
    }

    /// What the model raised, at the line of its program.
    fn failure(&self, failed: &Data) -> AdapterError {
        let text = |key: &str| failed.get(key).and_then(Data::as_str);
        let said = text("message").unwrap_or("unknown error");
        let mut error = match text("module") {
            Some(module) => {
                let message = format!("Python does not have the module `{module}`: {said}");
                AdapterError::new(AdapterErrorKind::PythonMissing, message)
            }
            None => AdapterError::new(AdapterErrorKind::Python, format!("Python model failed: {said}")),
        };
        if let Some(trace) = text("trace") {
            error.message.push('\n');
            error.message.push_str(trace);
        }
        let line = failed.get("line").and_then(Data::as_u64).and_then(|line| usize::try_from(line).ok());
        error.position = line.and_then(|line| self.byte_of(line));
        error
    }

    /// Where a line of the file begins in the program, past its indentation.
    fn byte_of(&self, line: usize) -> Option<usize> {
        let code = self.job.code;
        let lead = code.len() - code.trim_start().len();
        let skipped: usize =
            code[lead..].split_inclusive('\n').take(line.checked_sub(self.job.lines_before + 1)?).map(str::len).sum();
        let rest = code.get(lead + skipped..)?;
        Some(lead + skipped + rest.len() - rest.trim_start_matches([' ', '\t']).len())
    }
}

fn view(entry: &Data) -> Option<(&str, &str)> {
    Some((entry.get("name")?.as_str()?, entry.get("query")?.as_str()?))
}

fn is_missing(error: &AdapterError) -> bool {
    error.kind == AdapterErrorKind::MissingRelation || error.message.to_lowercase().contains("does not exist")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Words in the names of types that Parquet keeps in another form.
const INEXACT: &[&str] = &[
    "HUGEINT",
    "UHUGEINT",
    "BIGNUM",
    "VARINT",
    "ENUM",
    "BIT",
    "UNION",
    "INTERVAL",
    "TIME",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "JSON",
    "VARIANT",
    "GEOMETRY",
    "NULL",
];

/// The columns that go as text, with the types that they are cast back to.
fn inexact(columns: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_inexact = |kind: &str| {
        let kind = kind.replace("WITH TIME ZONE", "");
        kind.split(|ch: char| !ch.is_ascii_alphanumeric() && ch != '_').any(|word| INEXACT.contains(&word))
    };
    let found = columns.into_iter().filter(|(_, kind)| is_inexact(kind));
    // A table has no column of no type; DuckDB makes it an integer.
    found
        .map(|(name, kind)| (name, if kind.trim_matches('"') == "NULL" { "INTEGER".to_owned() } else { kind }))
        .collect()
}
