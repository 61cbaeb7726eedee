//! The log file: appended to, rolled over when it grows too large.

use std::fs::{File, OpenOptions, create_dir_all, rename};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Older files that are kept.
const KEPT: usize = 5;

/// `dbt.log` in a folder.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    max_bytes: u64,
}

impl LogFile {
    /// Opens the file, making the folder if need be.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> std::io::Result<Self> {
        create_dir_all(folder)?;
        let path = folder.join("dbt.log");
        let file = append(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, max_bytes })
    }

    /// Writes a line. A log that cannot be written must not stop a run, so problems are ignored.
    pub(super) fn write(&mut self, line: &str) {
        let bytes = line.len() as u64 + 1;
        if self.max_bytes > 0 && self.size > 0 && self.size + bytes > self.max_bytes {
            self.roll();
        }
        let mut whole = String::with_capacity(line.len() + 1);
        whole.push_str(line);
        whole.push('\n');
        if self.file.write_all(whole.as_bytes()).is_ok() {
            self.size += bytes;
        }
    }

    fn roll(&mut self) {
        let numbered = |number: usize| PathBuf::from(format!("{}.{number}", self.path.display()));
        for number in (1..KEPT).rev() {
            let _ = rename(numbered(number), numbered(number + 1));
        }
        let _ = rename(&self.path, numbered(1));
        if let Ok(file) = append(&self.path) {
            self.file = file;
            self.size = 0;
        }
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_rolled_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut log = LogFile::open(folder.path(), 10).expect("a log file");
        log.write("123456");
        log.write("7890");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("the file");
        assert_eq!(read("dbt.log"), "7890\n");
        assert_eq!(read("dbt.log.1"), "123456\n");
    }
}
