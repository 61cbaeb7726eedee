//! Every event as a JSON line for the program that started kiln, beside what people see.
//!
//! `KILN_EVENTS` names a file or a pipe, such as `/dev/fd/5`. The Python package reads events there, while messages
//! go wherever they went without it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;

/// The variable that names the stream.
const VARIABLE: &str = "KILN_EVENTS";

/// Where events go.
pub(super) struct EventStream {
    out: File,
}

impl EventStream {
    /// The path of the stream, if somebody asks for one.
    pub(super) fn path(env: &BTreeMap<String, String>) -> Option<String> {
        env.get(VARIABLE).filter(|path| !path.is_empty()).cloned()
    }

    /// Opens the stream; none where it cannot be opened, since nobody would read it.
    pub(super) fn open(path: &str) -> Option<Self> {
        OpenOptions::new().append(true).create(true).open(path).ok().map(|out| Self { out })
    }

    /// Writes a line at once, so that lines of several streams on one pipe do not mix. A reader that went away must
    /// not stop a run.
    pub(super) fn write(&mut self, mut line: String) {
        line.push('\n');
        let _ = self.out.write_all(line.as_bytes());
    }
}
