//! Every file of the project and its packages that means something, read once.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::ignore::Ignore;
use super::{Package, Project, ProjectConfig};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile, Span};

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

/// Seeds above this size are told apart by their path, not their text.
const BIG_SEED: u64 = 1024 * 1024;

/// Reads every relevant file. What cannot be read is reported and left out.
#[must_use]
pub fn scan(project: &Project, diagnostics: &mut Diagnostics) -> ProjectFiles {
    let mut found = Vec::new();
    for (ix, package) in project.packages.iter().enumerate() {
        find(package, ix, &project.root().root, (&mut found, diagnostics));
    }
    let mut files = Vec::with_capacity(found.len());
    for read in read_all(&found) {
        match read {
            Ok(file) => files.push(file),
            Err(problem) => diagnostics.push(*problem),
        }
    }
    ProjectFiles { files }
}

/// Reads one file as text.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn read_text(path: &Path, shown: &str) -> Result<String, Box<Diagnostic>> {
    text_of(std::fs::read(path).map_err(|error| unreadable(shown, &error))?, shown)
}

fn unreadable(shown: &str, error: &std::io::Error) -> Box<Diagnostic> {
    let message = format!("`{shown}` cannot be read: {}", super::reason(error));
    Box::new(Diagnostic::error(Code::FileUnreadable, message))
}

fn text_of(bytes: Vec<u8>, shown: &str) -> Result<String, Box<Diagnostic>> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let message = format!("`{shown}` is not UTF-8: byte {valid} begins no character");
        let file = SourceFile::new(shown, String::from_utf8_lossy(error.as_bytes()).as_ref());
        let hint = format!("convert the file, for example with `iconv -f latin1 -t utf-8 {shown}`");
        Box::new(Diagnostic::error(Code::NotUtf8, message).at(&file, Span::new(valid, valid + 3)).hint(hint))
    })
}

/// A file that was found and not yet read.
struct Found {
    package: usize,
    kind: FileKind,
    search_path: String,
    path: String,
    absolute_path: PathBuf,
    shown: String,
}

impl Found {
    fn original_file_path(&self) -> String {
        join(&self.search_path, &self.path)
    }
}

/// One row of what dbt looks for: a kind, its folders and its extensions.
type Row = (FileKind, Vec<String>, &'static [&'static str]);

fn rows(config: &ProjectConfig) -> Vec<Row> {
    let below = |folder: &str| config.test_paths.iter().map(|path| join(path, folder)).collect::<Vec<_>>();
    vec![
        (FileKind::Macro, config.macro_paths.clone(), &[".sql"]),
        (FileKind::GenericTest, below("generic"), &[".sql"]),
        (FileKind::Model, config.model_paths.clone(), &[".sql"]),
        (FileKind::PythonModel, config.model_paths.clone(), &[".py"]),
        (FileKind::Snapshot, config.snapshot_paths.clone(), &[".sql"]),
        (FileKind::Analysis, config.analysis_paths.clone(), &[".sql"]),
        (FileKind::SingularTest, config.test_paths.clone(), &[".sql"]),
        (FileKind::Seed, config.seed_paths.clone(), &[".csv"]),
        (FileKind::Docs, config.docs_paths.clone(), &[".md"]),
        (FileKind::Properties, config.source_paths(), &[".yml", ".yaml"]),
        (FileKind::Fixture, below("fixtures"), &[".csv", ".sql"]),
        (FileKind::Function, config.function_paths.clone(), &[".sql", ".py"]),
    ]
}

fn find(package: &Package, ix: usize, root: &Path, (found, diagnostics): (&mut Vec<Found>, &mut Diagnostics)) {
    let ignore = Ignore::read(&package.root, diagnostics);
    let rows = rows(&package.config);
    let folders: BTreeSet<&str> = rows.iter().flat_map(|(_, paths, _)| paths).map(String::as_str).collect();
    let mut listed: Vec<(&str, Vec<String>)> = Vec::new();
    for folder in folders {
        listed.push((folder, list(package, folder, (&rows, diagnostics))));
    }
    let start = found.len();
    for (kind, paths, extensions) in &rows {
        for (folder, files) in listed.iter().filter(|(folder, _)| paths.iter().any(|path| path == folder)) {
            let wanted = files.iter().filter(|path| is_wanted(*kind, path, extensions));
            for path in wanted.filter(|path| !ignore.is_ignored(&join(folder, path))) {
                let absolute_path = package.root.join(folder).join(path);
                let shown = super::shown_path(&absolute_path, root);
                let search_path = (*folder).to_owned();
                found.push(Found { package: ix, kind: *kind, search_path, path: path.clone(), absolute_path, shown });
            }
        }
    }
    found[start..].sort_by_cached_key(|file| (file.kind, file.original_file_path(), file.search_path.clone()));
    found.dedup_by(|a, b| {
        (a.package, a.kind) == (b.package, b.kind) && a.original_file_path() == b.original_file_path()
    });
}

/// The files below a folder, as paths with `/` relative to it. Linked folders are not entered, as in dbt.
fn list(package: &Package, folder: &str, (rows, diagnostics): (&[Row], &mut Diagnostics)) -> Vec<String> {
    let base = package.root.join(folder);
    if !base.exists() {
        return Vec::new();
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(&base).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let message = format!("a folder cannot be read: {error}");
                diagnostics.push(Diagnostic::error(Code::FileUnreadable, message));
                continue;
            }
        };
        let Ok(relative) = entry.path().strip_prefix(&base) else { continue };
        let Some(path) = relative.to_str().filter(|path| !path.is_empty()) else { continue };
        let path = path.replace('\\', "/");
        if entry.file_type().is_dir() {
            let takes = |row: &&Row| row.1.iter().any(|path| path == folder) && is_wanted(row.0, &path, row.2);
            if let Some(row) = rows.iter().find(takes) {
                diagnostics.push(folder_in_place_of(row.0, &join(folder, &path)));
            }
        } else if !(entry.file_type().is_symlink() && entry.path().is_dir()) {
            files.push(path);
        }
    }
    files
}

fn folder_in_place_of(kind: FileKind, path: &str) -> Diagnostic {
    let what = match kind {
        FileKind::Model | FileKind::PythonModel => "a model",
        FileKind::Seed => "a seed",
        FileKind::Properties => "a property file",
        _ => "a file",
    };
    let message = format!("`{path}` is named like {what} but is a folder");
    Diagnostic::error(Code::FileUnreadable, message).hint("rename the folder, or list it in .dbtignore")
}

fn is_wanted(kind: FileKind, path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let has_extension = |extension: &&str| {
        name.len() >= extension.len()
            && name.is_char_boundary(name.len() - extension.len())
            && name[name.len() - extension.len()..].eq_ignore_ascii_case(extension)
            && name.len() > extension.len()
    };
    let is_elsewhere =
        kind == FileKind::SingularTest && matches!(path.split_once('/'), Some(("generic" | "fixtures", _)));
    !name.starts_with(['.', '#', '~']) && extensions.iter().any(has_extension) && !is_elsewhere
}

/// Reads in parallel; the results are in the order of what was found.
fn read_all(found: &[Found]) -> Vec<Result<ProjectFile, Box<Diagnostic>>> {
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from).min(found.len().div_ceil(64)).max(1);
    if n_threads == 1 {
        return found.iter().map(read).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        loop {
            let ix = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = found.get(ix) else { return results };
            results.push((ix, read(file)));
        }
    };
    let mut results = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    results.sort_by_key(|(ix, _)| *ix);
    results.into_iter().map(|(_, result)| result).collect()
}

fn read(found: &Found) -> Result<ProjectFile, Box<Diagnostic>> {
    let original_file_path = found.original_file_path();
    let fail = |error| unreadable(&found.shown, &error);
    let mut file = File::open(&found.absolute_path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let is_big = found.kind == FileKind::Seed && size > BIG_SEED;
    let mut bytes = Vec::new();
    if !is_big {
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes).map_err(fail)?;
    }
    let text = text_of(bytes, &found.shown)?;
    let checksum = if is_big {
        FileChecksum { name: "path", checksum: original_file_path.clone() }
    } else if has_checksum(found.kind) {
        FileChecksum { name: "sha256", checksum: sha256(strip(&text)) }
    } else {
        FileChecksum { name: "none", checksum: String::new() }
    };
    let text = if found.kind == FileKind::Seed { String::new() } else { text };
    Ok(ProjectFile {
        package: found.package,
        kind: found.kind,
        search_path: found.search_path.clone(),
        path: found.path.clone(),
        original_file_path,
        absolute_path: found.absolute_path.clone(),
        file: SourceFile::new(found.shown.clone(), text),
        checksum,
        size,
    })
}

fn has_checksum(kind: FileKind) -> bool {
    !matches!(kind, FileKind::Macro | FileKind::Docs | FileKind::Properties | FileKind::Fixture)
}

/// The text without the white space that Python's `strip` takes off.
fn strip(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char))
}

fn sha256(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

fn join(folder: &str, path: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() || folder == "." { path.to_owned() } else { format!("{folder}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::load::tests::project_in;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder");
        let project = project_in(folder.path(), files);
        let mut diagnostics = Diagnostics::new();
        let found = scan(&project, &mut diagnostics);
        let mut shown: Vec<String> =
            found.files.iter().map(|file| format!("{:?} {}", file.kind, file.original_file_path)).collect();
        shown.extend(diagnostics.iter().map(|problem| problem.message.clone()));
        assert_eq!(shown, expected);
    }

    #[test]
    fn files_are_known_by_folder_and_extension() {
        check(
            &[
                ("models/a.sql", "select 1"),
                ("models/b.PY", ""),
                ("models/.hidden.sql", ""),
                ("models/sub/_p.yml", ""),
                ("models/notes.md", ""),
                ("seeds/s.csv", "a\n1"),
                ("tests/t.sql", ""),
                ("tests/generic/g.sql", ""),
                ("tests/fixtures/f.csv", ""),
                ("macros/m.sql", ""),
            ],
            &[
                "Macro macros/m.sql",
                "GenericTest tests/generic/g.sql",
                "Model models/a.sql",
                "PythonModel models/b.PY",
                "SingularTest tests/t.sql",
                "Seed seeds/s.csv",
                "Docs models/notes.md",
                "Properties models/sub/_p.yml",
                "Fixture tests/fixtures/f.csv",
            ],
        );
    }

    #[test]
    fn ignored_files_are_left_out() {
        check(
            &[
                (".dbtignore", "old/\n*.tmp.sql\n"),
                ("models/old/a.sql", ""),
                ("models/b.tmp.sql", ""),
                ("models/c.sql", ""),
            ],
            &["Model models/c.sql"],
        );
    }

    #[test]
    fn a_folder_named_like_a_model_is_an_error() {
        check(
            &[("models/a.sql/b.sql", "")],
            &["Model models/a.sql/b.sql", "`models/a.sql` is named like a model but is a folder"],
        );
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_reported_with_its_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sql");
        std::fs::write(&path, b"ok\n\xff").expect("written");
        let problem = read_text(&path, "a.sql").expect_err("not UTF-8");
        assert_eq!(problem.message, "`a.sql` is not UTF-8: byte 3 begins no character");
    }

    #[test]
    fn the_checksum_is_of_the_stripped_text() {
        assert_eq!(sha256(strip(" \n")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
