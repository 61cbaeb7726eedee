//! Times kiln on generated projects, alone and against other programs.
//!
//! ```text
//! cargo bench --bench pipeline                                  everything, kiln alone
//! cargo bench --bench pipeline -- start parse build             only these parts
//! cargo bench --bench pipeline -- parse --models 10000          another size
//! cargo bench --bench pipeline -- --against dbt=/path/to/dbt    another program, on the same projects
//! cargo bench --bench pipeline -- --keep /path                  leave the projects there
//! cargo bench --bench pipeline -- postgres --postgres localhost:5432:me:secret    builds on a server; `psql` is needed
//! ```
//!
//! Prints rows for the tables of `docs/benchmarks.md`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "a program of its own")]

mod bare;
mod generate;
mod measure;

use std::path::{Path, PathBuf};

use generate::{Place, Project, Server, Tests};
use measure::Usage;

/// What to run, as asked for on the command line.
#[derive(Default)]
struct Plan {
    parts: Vec<String>,
    models: Option<usize>,
    against: Vec<(String, PathBuf)>,
    keep: Option<PathBuf>,
    server: Option<Server>,
}

fn main() {
    let plan = match read_arguments(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(problem) => {
            eprintln!("pipeline: {problem}");
            std::process::exit(2);
        }
    };
    let temporary = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = plan.keep.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    let wants = |part: &str| plan.parts.is_empty() || plan.parts.iter().any(|wanted| wanted == part);
    println!("{}", measure::machine());
    if wants("start") {
        start(&plan);
    }
    if wants("parse") {
        parse(&plan, &folder);
    }
    if wants("build") {
        build(&plan, &folder);
    }
    if let Some(server) = plan.server.as_ref().filter(|_| wants("postgres")) {
        build_on_postgres(&plan, &folder, server);
    }
}

/// Understands the arguments; `--bench` is cargo's own.
fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--bench" => {}
            "--models" => plan.models = Some(value()?.parse().map_err(|_| "--models takes a number")?),
            "--keep" => plan.keep = Some(PathBuf::from(value()?)),
            "--postgres" => plan.server = Some(read_server(&value()?)?),
            "--against" => {
                let value = value()?;
                let (name, path) = value.split_once('=').ok_or("--against takes NAME=PATH")?;
                plan.against.push((name.to_owned(), PathBuf::from(path)));
            }
            "start" | "parse" | "build" | "postgres" => plan.parts.push(argument),
            _ => return Err(format!("{argument} is not known")),
        }
    }
    Ok(plan)
}

/// Reads `host:port:user:password`; the password may be left out.
fn read_server(address: &str) -> Result<Server, String> {
    let mut parts = address.splitn(4, ':').map(str::to_owned);
    let mut part = || parts.next().ok_or("--postgres takes HOST:PORT:USER:PASSWORD");
    let (host, port, user) = (part()?, part()?, part()?);
    Ok(Server { host, port, user, password: part().unwrap_or_default(), database: "kiln_bench".to_owned() })
}

/// The programs to compare, kiln first.
fn programs(plan: &Plan) -> Vec<(String, PathBuf)> {
    let kiln = PathBuf::from(env!("CARGO_BIN_EXE_kiln"));
    std::iter::once(("kiln".to_owned(), kiln)).chain(plan.against.iter().cloned()).collect()
}

/// How long it takes to do nothing: the best of many starts.
fn start(plan: &Plan) {
    measure::heading("start");
    for (name, program) in programs(plan) {
        for flag in ["--version", "--help"] {
            let usage = (0..10).map(|_| measure::run(&program, &[flag], Path::new("."))).min_by(Usage::faster);
            measure::row(&format!("{name} {flag}"), &usage.expect("it ran ten times"), None);
        }
    }
}

/// Reads a project from nothing: no cache, no target folder.
fn parse(plan: &Plan, folder: &Path) {
    let sizes = plan.models.map_or(vec![100, 1_000, 10_000], |models| vec![models]);
    for models in sizes {
        measure::heading(&format!("parse, {models} models, each with a description and two tests"));
        let project = Project { models, tests: Tests::Two, place: Place::DuckDb };
        let mut first = None;
        for (name, program) in programs(plan) {
            let dir = folder.join(format!("parse-{models}-{name}"));
            project.write(&dir);
            let usage = measure::run(&program, &["--quiet", "parse"], &dir);
            measure::row(&format!("{name} parse"), &usage, first.as_ref());
            first.get_or_insert(usage);
        }
    }
}

/// Builds small models on an empty database, against the bare statements on one connection.
fn build(plan: &Plan, folder: &Path) {
    let models = plan.models.unwrap_or(1_000);
    measure::heading(&format!("build, {models} small models, half tables and half views, 4 threads"));
    let project = Project { models, tests: Tests::None, place: Place::DuckDb };
    let mut first = None;
    for (name, program) in programs(plan) {
        let dir = folder.join(format!("build-{models}-{name}"));
        project.write(&dir);
        let usage = measure::run(&program, &["--quiet", "build"], &dir);
        measure::row(&format!("{name} build"), &usage, first.as_ref());
        first.get_or_insert(usage);
        let usage = measure::run(&program, &["--quiet", "build"], &dir);
        measure::row(&format!("{name} build, again"), &usage, first.as_ref());
    }
    let usage = bare::build(&project, &folder.join(format!("build-{models}-bare.duckdb")));
    measure::row("bare statements", &usage, first.as_ref());
}

/// Builds small models in a new database of a server, against the bare statements in one session of `psql`.
fn build_on_postgres(plan: &Plan, folder: &Path, server: &Server) {
    let models = plan.models.unwrap_or(1_000);
    measure::heading(&format!("build on Postgres, {models} small models, half tables and half views, 4 threads"));
    let project = Project { models, tests: Tests::None, place: Place::Postgres(server.clone()) };
    let mut first = None;
    for (name, program) in programs(plan) {
        let dir = folder.join(format!("postgres-{models}-{name}"));
        project.write(&dir);
        bare::new_database(server);
        let usage = measure::run(&program, &["--quiet", "build", "--profiles-dir", "."], &dir);
        measure::row(&format!("{name} build"), &usage, first.as_ref());
        first.get_or_insert(usage);
        let usage = measure::run(&program, &["--quiet", "build", "--profiles-dir", "."], &dir);
        measure::row(&format!("{name} build, again"), &usage, first.as_ref());
    }
    bare::new_database(server);
    let usage = bare::build_on_postgres(&project, server, folder);
    measure::row("bare statements", &usage, first.as_ref());
}
