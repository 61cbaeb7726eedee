//! Runs command lines in a folder of their own, with an environment that does not leak in.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc;
use std::time::Duration;

use regex::Regex;

/// How long one command may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one command printed and how it ended.
pub struct Outcome {
    /// Standard output and standard error in the order they were written.
    pub output: String,
    /// The exit status; -1 for a command ended by a signal.
    pub status: i32,
}

/// Runs `line` with `sh` in `dir`, where `kiln` means the binary under test.
pub fn run(dir: &Path, line: &str) -> Outcome {
    let (mut reader, writer) = std::io::pipe().expect("a pipe can be made");
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).current_dir(dir).stdin(Stdio::null());
    command.stdout(writer.try_clone().expect("a pipe can be shared")).stderr(writer);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("DBT_") || name.starts_with("KILN_") || name.starts_with("LANTERNWORKS_") {
            command.env_remove(&*name);
        }
    }
    command.env("PATH", path_with_kiln());
    command.env("HOME", dir).env("TZ", "UTC").env("NO_COLOR", "1").env("COLUMNS", "100");
    let mut child = command.spawn().expect("sh can be started");
    // The command holds the writing ends; without this the reader would wait forever.
    drop(command);

    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        sender.send(read.map(|_| bytes)).ok();
    });
    let Ok(bytes) = receiver.recv_timeout(PATIENCE) else {
        child.kill().ok();
        child.wait().ok();
        return Outcome { output: format!("`{line}` did not end within {PATIENCE:?}\n"), status: -1 };
    };
    let status = child.wait().expect("a started command can be waited for");
    let output = String::from_utf8_lossy(&bytes.expect("a pipe can be read")).into_owned();
    Outcome { output, status: status.code().unwrap_or(-1) }
}

/// `PATH` with the folder of the binary under test in front.
fn path_with_kiln() -> std::ffi::OsString {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_kiln"));
    let mut folders = vec![binary.parent().expect("the binary lies in a folder").to_path_buf()];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).expect("folders of PATH can be joined")
}

/// Replaces what differs from run to run: times, versions, the folder.
pub fn normalized(output: &str, dir: &Path) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let rule = |pattern: &str, text| (Regex::new(pattern).expect("the pattern is valid"), text);
        vec![
            rule(r"\x1b\[[0-9;]*[A-Za-z]", ""),
            rule(r"(?m)^\d\d:\d\d:\d\d(\.\d+)?", "[time]"),
            rule(r"\b[\d,]+ macros\b", "[n] macros"),
            rule(r"\b\d+ hours? \d+ minutes? and \d+\.\d+ seconds", "[duration]"),
            rule(r"\b\d+(\.\d+)? ?(seconds|secs|ms|s)\b", "[duration]"),
            rule(r"\bkiln( version: | |=)\d+\.\d+\.\d+\S*", "kiln$1[version]"),
            rule(r"\bheld in \S+/kiln\b", "held in kiln"),
            rule(r"(?m)os info: .*$", "os info: [system]"),
            rule(r"\bDuckDB v?\d+\.\d+\.\d+", "DuckDB [version]"),
            rule(r"\bPID \d+", "PID [pid]"),
            rule(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[uuid]"),
        ]
    });
    let mut text = output.replace("\r\n", "\n").replace(&*dir.to_string_lossy(), "[dir]");
    for (pattern, replacement) in RULES.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
