//! The rules of the house: a room uses only lower floors, a package stays in its room.
//!
//! The tables are those of `docs/architecture.md`.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::root;

/// The rooms by floor, highest first.
const FLOORS: &[(u8, &[&str])] = &[
    (9, &["cli"]),
    (8, &["packages", "site", "ui"]),
    (7, &["artifacts"]),
    (6, &["check", "run"]),
    (5, &["compile", "lineage"]),
    (4, &["metrics", "parse", "select"]),
    (3, &["jinja", "state"]),
    (2, &["manifest", "adapter"]),
    (1, &["project", "remote", "sql"]),
    (0, &["builtins", "diagnostic"]),
];

/// Where each package may be used: paths below `src/`; an empty list means anywhere.
const PACKAGES: &[(&str, &[&str])] = &[
    ("anstream", &["ui"]),
    ("anstyle", &["ui", "cli"]),
    ("base16ct", &[]),
    ("bigdecimal", &["jinja"]),
    ("bytes", &["adapter/postgres"]),
    ("base64", &["site"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("comfy_table", &["ui"]),
    ("csv", &["run", "jinja"]),
    ("ctrlc", &["cli"]),
    ("duckdb", &["adapter/duckdb"]),
    ("fallible_iterator", &["adapter/postgres"]),
    ("fancy_regex", &["jinja"]),
    ("flate2", &["site", "packages"]),
    ("globset", &["select", "project"]),
    ("indexmap", &[]),
    ("indicatif", &["ui"]),
    ("jiff", &[]),
    ("md5", &["artifacts", "jinja", "parse"]),
    ("mimalloc", &["main"]),
    ("minijinja", &["jinja"]),
    ("petgraph", &["manifest/graph"]),
    ("postgres_protocol", &["adapter/postgres"]),
    ("regex", &[]),
    ("rustls", &["adapter/postgres"]),
    ("rustls_native_certs", &["adapter/postgres", "remote"]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("serde_yaml", &["project/yaml"]),
    ("sha1", &["packages"]),
    ("sha2", &["project", "parse", "remote", "adapter/postgres"]),
    ("socket2", &["adapter/postgres"]),
    ("sqlparser", &["sql"]),
    ("strsim", &["diagnostic"]),
    ("tar", &["packages"]),
    ("tree_sitter", &["parse"]),
    ("tree_sitter_python", &["parse"]),
    ("ureq", &["packages", "remote"]),
    ("walkdir", &["project"]),
];

/// One source file: its path below `src/` and its text without unit tests.
struct Source {
    path: String,
    code: String,
}

#[test]
fn rooms_use_only_lower_floors() {
    let mut problems = Vec::new();
    for source in sources() {
        let room = room_of(&source.path);
        let Some(floor) = floor_of(room) else { continue };
        for used in rooms_used(&source.code) {
            let Some(other) = floor_of(&used) else { continue };
            if used != room && other >= floor {
                problems.push(format!("{}: `{room}` (floor {floor}) uses `{used}` (floor {other})", source.path));
            }
        }
    }
    report(problems);
}

#[test]
fn packages_stay_in_their_rooms() {
    let mut problems = Vec::new();
    for (package, rooms) in PACKAGES.iter().filter(|(_, rooms)| !rooms.is_empty()) {
        let used = Regex::new(&format!(r"(?m)(^|[^:\w.]){package}::")).expect("the pattern is valid");
        for source in sources() {
            let is_at_home = rooms.iter().any(|room| {
                source.path == *room
                    || source.path.starts_with(&format!("{room}/"))
                    || source.path == format!("{room}.rs")
            });
            // Modules named `adapter` say `duckdb::` for the module of that name in them.
            let is_module = *package == "duckdb" && source.path.ends_with("adapter/mod.rs");
            if !is_at_home && !is_module && used.is_match(&source.code) {
                problems.push(format!("{}: `{package}` used outside `{}`", source.path, rooms.join("`, `")));
            }
        }
    }
    report(problems);
}

#[test]
fn every_package_has_a_room() {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).expect("the package has a Cargo.toml");
    let (_, rest) = cargo.split_once("\n[dependencies]\n").expect("there are dependencies");
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let homeless: Vec<String> = names
        .map(|(name, _)| if name == "md-5" { "md5".to_owned() } else { name.replace('-', "_") })
        .filter(|name| PACKAGES.iter().all(|(package, _)| package != name))
        .map(|name| format!("`{name}` is in Cargo.toml but not in the table of tests/it/house.rs"))
        .collect();
    report(homeless);
}

#[test]
fn every_room_has_a_floor() {
    let mut problems = Vec::new();
    for source in sources() {
        let room = room_of(&source.path);
        if !["lib.rs", "main.rs"].contains(&room) && floor_of(room).is_none() {
            problems.push(format!("{}: `{room}` has no floor in tests/it/house.rs", source.path));
        }
    }
    report(problems);
}

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().into_iter().filter(|source| source.path != "main.rs" && !source.code.starts_with("//! "));
    report(silent.map(|source| format!("{}: does not start with a module comment", source.path)).collect());
}

#[test]
fn only_the_user_interface_prints() {
    let prints = Regex::new(r"\b(e?print(ln)?|dbg)!\(").expect("the pattern is valid");
    let loud = sources().into_iter().filter(|source| !source.path.starts_with("ui/") && prints.is_match(&source.code));
    report(loud.map(|source| format!("{}: prints", source.path)).collect());
}

#[track_caller]
fn report(mut problems: Vec<String>) {
    problems.sort();
    problems.dedup();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

/// The first part of a path below `src/`.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The rooms named after `crate::`, one by one or in braces.
fn rooms_used(code: &str) -> Vec<String> {
    let single = Regex::new(r"\bcrate::([a-z_]+)").expect("the pattern is valid");
    let group = Regex::new(r"\bcrate::\{([^;]*)\};").expect("the pattern is valid");
    let mut rooms: Vec<String> = single.captures_iter(code).map(|found| found[1].to_owned()).collect();
    for found in group.captures_iter(code) {
        let mut depth = 0;
        for part in found[1].split_inclusive([',', '{', '}']) {
            let name = part.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let name = name.split("::").next().unwrap_or(name);
            if depth == 0 && !name.is_empty() {
                rooms.push(name.to_owned());
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
        }
    }
    rooms
}

/// Every file of `src/` without comments and unit tests.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut sources: Vec<Source> = walkdir::WalkDir::new(&src)
        .into_iter()
        .map(|entry| entry.expect("the sources can be read").into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| source(&src, &path))
        .filter(|source| !source.path.ends_with("tests.rs") && !source.path.contains("/tests/"))
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn source(src: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a source file can be read");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| line.starts_with("//! ") || !line.trim_start().starts_with("//");
    let code: Vec<&str> = code.lines().filter(is_code).collect();
    let path = path.strip_prefix(src).expect("a source file lies in src").to_string_lossy().into_owned();
    Source { path, code: code.join("\n") }
}

#[test]
fn groups_of_rooms_are_read() {
    assert_eq!(rooms_used("use crate::{sql, run::{Plan, Event}};\ncrate::jinja::x()"), ["jinja", "sql", "run"]);
}
