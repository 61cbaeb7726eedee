//! Python models that run, with the Python that `KILN_PYTHON` names, or `python3`.
//!
//! Each test needs packages that this Python may not have; then it says that it is skipped.

use std::path::Path;
use std::process::Command;

use crate::harness::shell;

const PROFILE: &str = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 2}\n";

/// The interpreter, if it has these packages.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn python(packages: &str) -> Option<String> {
    let python = std::env::var("KILN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", &format!("import {packages}")]).output();
    let is_found = found.is_ok_and(|outcome| outcome.status.success());
    if !is_found {
        eprintln!("skipped: `{python}` does not have {packages}");
    }
    is_found.then_some(python)
}

/// A project with these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let common = [("dbt_project.yml", "name: shop\nprofile: shop\n"), ("profiles.yml", PROFILE)];
    for (path, text) in common.iter().chain(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }
    folder
}

#[track_caller]
fn check(folder: &Path, python: &str, command: &str, status: i32, expected: &[&str]) {
    let outcome = shell::run(folder, &format!("KILN_PYTHON='{python}' {command}"));
    for text in expected {
        assert!(outcome.output.contains(text), "`{text}` is not in:\n{}", outcome.output);
    }
    assert_eq!(outcome.status, status, "{}", outcome.output);
}

#[test]
fn relations_keep_their_types_and_the_database_is_written() {
    let Some(python) = python("duckdb") else { return };
    let folder = project(&[
        (
            "models/orders.sql",
            "{{ config(materialized='table') }} select i as id, sum(i) over () as total, \
             (i || ' days')::interval as age, 'b'::enum('a', 'b') as kind, [i::hugeint] as list, null as nothing, \
             timestamptz '2025-01-01 00:00:00+00' as at from range(3) t(i)",
        ),
        ("models/passed.py", "def model(dbt, session):\n    return dbt.ref('orders')\n"),
        (
            "models/worked.py",
            r#"
def model(dbt, session):
    rows = [1]
    print("hello from", dbt.this.identifier)
    session.execute("create or replace table side as select 5 as x")
    assert session.sql("select x from side").fetchone() == (5,)
    session.execute("insert into side values (6)")
    assert session.execute("select * from side order by 1").fetchall() == [(5,), (6,)]
    session.execute("create temp table own as select 1 as q")
    session.execute("insert into own values (2)")
    assert session.table("own").count("*").fetchone() == (2,)
    with session.cursor() as cursor:
        assert cursor.execute("select count(*) from main.side").fetchone() == (2,)
    return dbt.ref("orders").filter("id > 0").project("id")
"#,
        ),
    ]);
    check(folder.path(), &python, "kiln run", 0, &["hello from worked", "PASS=3"]);
    let types = "select string_agg(column_type, ' ') as t from (describe main.passed)";
    let expected = "BIGINT HUGEINT INTERVAL ENUM('a', 'b') HUGEINT[] INTEGER TIMESTAMP WITH TIME ZONE";
    check(folder.path(), &python, &format!("kiln show --inline \"{types}\""), 0, &[expected]);
    let rows = "select (select count(*) from main.worked) + (select sum(x) from main.side) as n";
    check(folder.path(), &python, &format!("kiln show -q --inline \"{rows}\""), 0, &["13"]);
}

#[test]
fn an_incremental_model_reads_itself() {
    let Some(python) = python("duckdb") else { return };
    let folder = project(&[
        ("models/orders.sql", "select * from range({{ var('n', 5) }}) t(id)"),
        (
            "models/grown.py",
            r#"
def model(dbt, session):
    dbt.config(materialized="incremental", unique_key="id")
    orders = dbt.ref("orders")
    if dbt.is_incremental:
        last = session.sql(f"select max(id) from {dbt.this}").fetchone()[0]
        orders = orders.filter(f"id > {last}")
        print("new rows:", orders.count("*").fetchone()[0])
    return orders
"#,
        ),
    ]);
    check(folder.path(), &python, "kiln run", 0, &["PASS=2"]);
    check(folder.path(), &python, "kiln run --vars 'n: 7'", 0, &["new rows: 2"]);
    let rows = "select count(*) as n, max(id) as m from main.grown";
    check(folder.path(), &python, &format!("kiln show -q --inline '{rows}'"), 0, &["| 7 | 6 |"]);
}

#[test]
fn data_frames_of_other_packages_are_results() {
    let Some(python) = python("duckdb, pandas, polars, pyarrow") else { return };
    let folder = project(&[
        ("models/orders.sql", "select * from range(5) t(id)"),
        ("models/a.py", "import pandas as pd\ndef model(dbt, session):\n    return dbt.ref('orders').df()\n"),
        ("models/b.py", "import polars as pl\ndef model(dbt, session):\n    return pl.DataFrame({'id': [1, 2]})\n"),
        ("models/c.py", "import pyarrow as pa\ndef model(dbt, session):\n    return pa.table({'id': [1, 2, 3]})\n"),
        (
            "models/d.py",
            r#"
import pyarrow as pa

def model(dbt, session):
    orders = dbt.ref("orders").arrow()
    reader = orders if isinstance(orders, pa.RecordBatchReader) else orders.to_reader()
    return pa.RecordBatchReader.from_batches(reader.schema, (batch for batch in reader))
"#,
        ),
        (
            "models/e.py",
            r#"
import pandas as pd

def model(dbt, session):
    frame = pd.DataFrame({"id": [7]})
    session.execute("create or replace table of_frame as select * from frame")
    return session.sql("select f.id from of_frame f join frame using (id)")
"#,
        ),
    ]);
    check(folder.path(), &python, "kiln run", 0, &["PASS=6"]);
    let rows = ["a", "b", "c", "d", "e"].map(|name| format!("(select count(*) from main.{name})")).join(" || ");
    check(folder.path(), &python, &format!("kiln show -q --inline \"select {rows} as n\""), 0, &["52351"]);
}

#[test]
fn an_error_is_told_at_its_line_and_loses_nothing() {
    let Some(python) = python("duckdb") else { return };
    let failing = r#"

def half(n):
    return n / 0


def model(dbt, session):
    dbt.ref("orders")
    return half(1)
"#;
    let folder = project(&[
        ("models/orders.sql", "select 1 as id"),
        ("models/totals.py", "def model(dbt, session):\n    return dbt.ref('orders')\n"),
        ("models/report.sql", "select * from {{ ref('totals') }}"),
    ]);
    check(folder.path(), &python, "kiln run", 0, &["PASS=3"]);
    std::fs::write(folder.path().join("models/totals.py"), failing).unwrap();
    let place = "--> models/totals.py:4:5\n    |\n  4 |     return n / 0";
    let expected = ["Python model failed: ZeroDivisionError: division by zero", "line 9, in model", place, "SKIP=1"];
    check(folder.path(), &python, "kiln run", 1, &expected);
    check(folder.path(), &python, "kiln show -q --inline 'select id from main.totals'", 0, &["1"]);

    let absent = "import not_there\n\ndef model(dbt, session):\n    return dbt.ref('orders')\n";
    std::fs::write(folder.path().join("models/totals.py"), absent).unwrap();
    check(folder.path(), &python, "kiln run", 1, &["K0714", "`not_there`", "models/totals.py:1:1", "PASS=1"]);

    let wrong = "def model(dbt, session):\n    frame = {'id': [1]}\n    return frame\n";
    std::fs::write(folder.path().join("models/totals.py"), wrong).unwrap();
    check(folder.path(), &python, "kiln run", 1, &["TypeError: the model returned a `dict`"]);

    let crashed =
        "import os\n\ndef model(dbt, session):\n    os.write(2, b'last words')\n    os._exit(7)\n    return 1\n";
    std::fs::write(folder.path().join("models/totals.py"), crashed).unwrap();
    check(folder.path(), &python, "kiln run", 1, &["ended before the model was done: exit status: 7", "last words"]);
}

#[test]
fn a_package_that_is_missing_is_an_error_of_the_model_alone() {
    let Some(python) = python("sys") else { return };
    let folder = project(&[
        ("none/duckdb.py", "raise ModuleNotFoundError(\"No module named 'duckdb'\", name='duckdb')"),
        ("models/orders.sql", "select 1 as id"),
        ("models/totals.py", "def model(dbt, session):\n    return dbt.ref('orders')\n"),
    ]);
    let expected = ["K0714", "Python does not have the module `duckdb`", "PASS=1", "ERROR=1"];
    check(folder.path(), &python, "PYTHONPATH=none kiln run", 1, &expected);
}

#[test]
fn an_interrupt_stops_the_model() {
    let Some(python) = python("duckdb") else { return };
    let endless = r#"
import os, pathlib, time

def model(dbt, session):
    pathlib.Path("started").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)
    return dbt.ref("orders")
"#;
    let folder = project(&[("models/orders.sql", "select 1 as id"), ("models/totals.py", endless)]);
    let script = "sh -c 'kiln run & kiln=$!; while [ ! -s started ]; do :; done; kill -TERM $kiln; wait $kiln; \
                  echo status $?; kill -0 $(cat started) 2>&1 || echo it is gone'";
    check(folder.path(), &python, script, 0, &["Not done: totals", "status 1", "it is gone"]);
}
