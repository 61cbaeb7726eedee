//! Runs the literate cases of `tests/cases/<room>/<topic>.md`.
//!
//! `KILN_BLESS=1 cargo test` writes what the commands print into the documents;
//! `KILN_CASE=text` runs only the documents whose path contains the text.
//! Cases in `tests/cases/postgres` have a database each on the server that tests share, if there is one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::case::{Case, Command, Document, Step};
use crate::harness::cluster::{Database, shared};
use crate::harness::{diff, root, shell};

/// What a case has when it does not say otherwise.
const DEFAULT_FILES: &[(&str, &str)] = &[
    ("dbt_project.yml", "name: shop\nprofile: shop\n"),
    (
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: shop.duckdb\n      threads: 1\n",
    ),
];

/// The profile of cases in `tests/cases/postgres`. Where the server is, the environment says.
const POSTGRES_PROFILE: (&str, &str) = (
    "profiles.yml",
    "shop:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n      schema: main\n      threads: 1\n",
);

#[test]
fn cases_hold() {
    let is_blessing = std::env::var_os("KILN_BLESS").is_some_and(|value| value == "1");
    assert!(!is_blessing || std::env::var_os("CI").is_none(), "KILN_BLESS is set, but CI blesses nothing");
    let documents = documents();
    assert!(!documents.is_empty(), "there are cases to run");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).max(2) {
            scope.spawn(|| {
                while let Some(path) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failure = check_document(path, is_blessing);
                    if !failure.is_empty() {
                        failures.lock().expect("no thread has panicked").insert(path, failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread has panicked");
    let text: String = failures.values().map(String::as_str).collect();
    assert!(failures.is_empty(), "\n{text}\nKILN_BLESS=1 cargo test accepts what is printed now; read the diff");
}

/// The list of features names what exists, and all documents.
#[test]
fn the_list_of_features_names_cases_that_exist() {
    let folder = root().join("tests/cases");
    let list = fs::read_to_string(folder.join("README.md")).expect("the list can be read");
    let link = regex::Regex::new(r"\]\(([^)]+)\)([^\[]*)").expect("the pattern is valid");
    let title = regex::Regex::new(r#""([^"]+)""#).expect("the pattern is valid");
    let mut named = std::collections::BTreeSet::new();
    for found in link.captures_iter(&list) {
        let path = folder.join(&found[1]);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", &found[1]));
        for title in title.captures_iter(&found[2]) {
            let is_there = match path.extension().is_some_and(|ending| ending == "md") {
                true => text.lines().any(|line| line.strip_prefix("## ") == Some(&title[1])),
                false => text.contains(&format!("fn {}()", &title[1])),
            };
            assert!(is_there, "tests/cases/README.md names \"{}\", which {} does not have", &title[1], &found[1]);
        }
        named.insert(path);
    }
    let documents = documents();
    let unnamed: Vec<_> =
        documents.iter().filter(|path| !named.contains(*path) && !path.ends_with("README.md")).collect();
    assert!(unnamed.is_empty(), "tests/cases/README.md does not name {unnamed:?}");
}

/// The documents to run, in a stable order.
fn documents() -> Vec<PathBuf> {
    let wanted = std::env::var("KILN_CASE").unwrap_or_default();
    let mut documents: Vec<PathBuf> = walkdir::WalkDir::new(root().join("tests/cases"))
        .into_iter()
        .map(|entry| entry.expect("the cases can be read").into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .filter(|path| path.strip_prefix(root()).unwrap_or(path).to_string_lossy().contains(&wanted))
        .collect();
    documents.sort();
    documents
}

/// Runs every case of one document and tells what differs.
fn check_document(path: &Path, is_blessing: bool) -> String {
    let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let document = match Document::read(&text) {
        Ok(document) => document,
        Err(problem) => return format!("{name}: {problem}\n"),
    };
    let is_on_postgres = name.starts_with("tests/cases/postgres/");
    if is_on_postgres && shared().is_none() {
        return String::new();
    }
    let mut failures = String::new();
    let mut blessings = Vec::new();
    for case in &document.cases {
        let database = is_on_postgres.then(shared).flatten().map(|server| server.database());
        for (command, outcome) in run_case(case, database.as_ref()) {
            if command.status == outcome.status && diff::matches(&command.expected, &outcome.output) {
                continue;
            }
            let number = command.range.start;
            failures += &format!("{name}:{number}: {}: $ {}\n", case.name, command.line);
            if command.status != outcome.status {
                failures += &format!("    exit {} instead of {}\n", outcome.status, command.status);
            }
            failures += &diff::diff(&command.expected, &outcome.output);
            blessings.push((command.range.clone(), outcome));
        }
    }
    if is_blessing {
        bless(path, document.lines, blessings);
        return String::new();
    }
    failures
}

/// Runs the steps of a case in a new folder.
fn run_case<'a>(case: &'a Case, database: Option<&Database>) -> Vec<(&'a Command, shell::Outcome)> {
    let temporary = tempfile::tempdir().expect("a temporary folder can be made");
    // As the binary will see it: without links.
    let dir = temporary.path().canonicalize().expect("the folder exists");
    for (path, text) in DEFAULT_FILES.iter().chain(database.map(|_| &POSTGRES_PROFILE)) {
        write(&dir.join(path), text);
    }
    let mut outcomes = Vec::new();
    for step in &case.steps {
        match step {
            Step::File { path, text } => write(&dir.join(path), text),
            Step::Command(command) => {
                let env = database.map_or_else(String::new, |database| format!("export {}; ", database.env()));
                let mut outcome = shell::run(&dir, &format!("{env}{}", command.line));
                outcome.output = shell::normalized(&outcome.output, &dir);
                if let Some(database) = database {
                    outcome.output = outcome.output.replace(&database.name, "[database]");
                }
                outcomes.push((command, outcome));
            }
        }
    }
    outcomes
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

/// Rewrites the expected lines of a document, from the last to the first.
fn bless(path: &Path, mut lines: Vec<String>, mut blessings: Vec<(std::ops::Range<usize>, shell::Outcome)>) {
    blessings.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, outcome) in blessings {
        let is_last = lines.get(range.end).is_some_and(|line| line.starts_with("```"));
        let mut new: Vec<String> = outcome.output.lines().map(str::to_owned).collect();
        if outcome.status != 0 {
            new.push(format!("[exit {}]", outcome.status));
        }
        if !is_last && !new.is_empty() {
            new.push(String::new());
        }
        lines.splice(range, new);
    }
    write(path, &(lines.join("\n") + "\n"));
}
