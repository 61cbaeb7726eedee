//! Projects of any size: a tree of small models, each reading one other.

use std::fs;
use std::path::Path;

/// How many models share a folder and a property file.
const FOLDER: usize = 100;

/// How many models read one model.
const CHILDREN: usize = 3;

/// Where a project is built.
#[derive(Clone)]
pub enum Place {
    /// In `bench.duckdb`, in the project's folder.
    DuckDb,
    /// In a database of a server.
    Postgres(Server),
}

/// A PostgreSQL server, and a database of it.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: String,
    pub user: String,
    pub password: String,
    pub database: String,
}

/// What a generated project is like.
pub struct Project {
    /// How many models it has.
    pub models: usize,
    /// Whether they have tests.
    pub tests: Tests,
    /// Where it is built.
    pub place: Place,
}

/// How many tests each model has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// None, and no property files.
    None,
    /// `unique` and `not_null` on its key, in property files with descriptions.
    Two,
}

impl Project {
    /// Writes the project into a new folder.
    pub fn write(&self, dir: &Path) {
        if dir.exists() {
            fs::remove_dir_all(dir).expect("an earlier project can be removed");
        }
        write(&dir.join("dbt_project.yml"), PROJECT);
        write(&dir.join("profiles.yml"), &self.profile());
        for ix in 0..self.models {
            write(&dir.join(format!("models/folder_{:03}/{}.sql", ix / FOLDER, name(ix))), &self.template(ix));
        }
        if self.tests == Tests::Two {
            for start in (0..self.models).step_by(FOLDER) {
                let path = dir.join(format!("models/folder_{:03}/_models.yml", start / FOLDER));
                write(&path, &properties(start..self.models.min(start + FOLDER)));
            }
        }
    }

    /// The statements that a build comes down to.
    pub fn statements(&self) -> Vec<String> {
        let (create, database) = match &self.place {
            Place::DuckDb => ("create or replace", "bench"),
            Place::Postgres(server) => ("create", server.database.as_str()),
        };
        let statement = |ix| {
            let kind = if is_table(ix) { "table" } else { "view" };
            let parent = parent(ix).map(|parent| format!("\"{database}\".\"main\".\"{}\"", name(parent)));
            format!("{create} {kind} \"main\".\"{}\" as (\n{}\n)", name(ix), self.query(ix, parent.as_deref()))
        };
        (0..self.models).map(statement).collect()
    }

    fn profile(&self) -> String {
        let output = match &self.place {
            Place::DuckDb => "type: duckdb\n      path: bench.duckdb".to_owned(),
            Place::Postgres(server) => format!(
                "type: postgres\n      host: {}\n      port: {}\n      user: {}\n      password: '{}'\n      dbname: {}\n      \
                 schema: main",
                server.host, server.port, server.user, server.password, server.database
            ),
        };
        format!("bench:\n  target: dev\n  outputs:\n    dev:\n      {output}\n      threads: 4\n")
    }

    fn template(&self, ix: usize) -> String {
        let parent = parent(ix).map(|parent| format!("{{{{ ref('{}') }}}}", name(parent)));
        let kind = if is_table(ix) { "table" } else { "view" };
        let config = format!("{{{{ config(materialized='{kind}', tags=['folder_{}']) }}}}", ix / FOLDER);
        format!("{config}\n\n{}\n", self.query(ix, parent.as_deref()))
    }

    fn query(&self, ix: usize, parent: Option<&str>) -> String {
        let numbers = match self.place {
            Place::DuckDb => "range(100)",
            Place::Postgres(_) => "generate_series(0, 99) as numbers (range)",
        };
        let source = parent.map_or(
            format!("(select range as id, range % 7 as category, range * 2 as amount from {numbers})"),
            |parent| parent.to_owned(),
        );
        format!(
            "with rows_before as (\n\n    select * from {source} as before\n\n),\n\nfinal as (\n\n    select\n        id,\n        \
             category,\n        amount + {ix} as amount\n    from rows_before\n    where category <> {}\n\n)\n\nselect * from final",
            100 + ix % 7
        )
    }
}

const PROJECT: &str = "name: bench\nversion: '1.0'\nprofile: bench\nmodels:\n  bench:\n    +materialized: view\n";

fn name(ix: usize) -> String {
    format!("model_{ix:05}")
}

/// The model that a model reads; the first ones read nothing.
fn parent(ix: usize) -> Option<usize> {
    (ix >= FOLDER).then(|| (ix - FOLDER) / CHILDREN)
}

fn is_table(ix: usize) -> bool {
    ix.is_multiple_of(2)
}

fn properties(models: std::ops::Range<usize>) -> String {
    let mut text = String::from("version: 2\n\nmodels:\n");
    for ix in models {
        text += &format!(
            "  - name: {}\n    description: Model number {ix} of the benchmark.\n    columns:\n      - name: id\n        \
             description: The key.\n        data_tests:\n          - unique\n          - not_null\n      - name: category\n        \
             description: One of seven.\n      - name: amount\n        description: What it costs.\n",
            name(ix)
        );
    }
    text
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}
