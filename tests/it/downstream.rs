//! Lineage against what really happens: values of a seed's column are changed, the sample is built anew, and every
//! column whose data is another than before must be downstream of the changed one. This needs no oracle.
//!
//! A build each column takes a minute for all; `KILN_EVERY_COLUMN=1` asks for that, else a few are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

use crate::harness::shell;
use crate::sample;

/// A node's unique id and the name of a column.
type Column = (String, String);

/// A checksum for each column of each relation that was built.
type Data = BTreeMap<Column, String>;

#[test]
fn what_changes_is_downstream() {
    let first = tempfile::tempdir().expect("a temporary folder can be made");
    sample::copy_to(first.path());
    let before = build(first.path(), true);
    let again = tempfile::tempdir().expect("a temporary folder can be made");
    sample::copy_to(again.path());
    let stable: Data = build(again.path(), true).into_iter().filter(|(at, sum)| before.get(at) == Some(sum)).collect();
    assert_eq!(stable.len(), before.len(), "the sample's data depends on nothing but its seeds");
    let lineage = read(&first.path().join("target/kiln/column_lineage.json"));
    let step = if std::env::var_os("KILN_EVERY_COLUMN").is_some() { 1 } else { 7 };
    let todo = Mutex::new(seed_columns(first.path()).into_iter().step_by(step).collect::<Vec<_>>());
    let found = Mutex::new((0, 0, String::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some((seed, column)) = { todo.lock().expect("no thread panics").pop() } {
                    let changed = changed(&seed, &column, &stable);
                    let allowed = downstream(&lineage, &(format!("seed.lanternworks.{seed}"), column.clone()));
                    let mut found = found.lock().expect("no thread panics");
                    found.0 += 1;
                    found.1 += changed.len();
                    for (node, name) in changed.difference(&allowed) {
                        let _ = writeln!(found.2, "{seed}.{column} changes {node}.{name}, which is not downstream");
                    }
                }
            });
        }
    });
    let (n_columns, n_changed, failures) = found.into_inner().expect("no thread panics");
    assert!(failures.is_empty(), "\n{failures}");
    assert!(n_changed > 5 * n_columns, "{n_columns} columns changed {n_changed} others");
}

/// The columns of all seeds.
fn seed_columns(dir: &Path) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    for entry in fs::read_dir(dir.join("seeds")).expect("there are seeds") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            let seed = path.file_stem().expect("files have names").to_string_lossy().into_owned();
            let mut reader = csv::Reader::from_path(&path).expect("the seed can be read");
            let names = reader.headers().expect("a seed has a header").clone();
            columns.extend(names.iter().map(|name| (seed.clone(), name.to_owned())));
        }
    }
    columns.sort();
    columns
}

/// Builds the sample with other values in a column, and tells which columns have other data than before.
fn changed(seed: &str, column: &str, before: &Data) -> BTreeSet<Column> {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    sample::copy_to(dir.path());
    let path = dir.path().join(format!("seeds/{seed}.csv"));
    let mut reader = csv::Reader::from_path(&path).expect("the seed can be read");
    let header = reader.headers().expect("a seed has a header").clone();
    let at = header.iter().position(|name| name == column).expect("the column is in the header");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row can be read")).collect();
    let mut writer = csv::Writer::from_path(&path).expect("the seed can be written");
    writer.write_record(&header).expect("the header can be written");
    for (ix, row) in rows.iter().enumerate() {
        // A third of the rows takes the value of the row before: each value is one that models can have met.
        let from = if ix % 3 == 1 { ix - 1 } else { ix };
        let cells = row.iter().enumerate().map(|(cell, text)| if cell == at { &rows[from][at] } else { text });
        writer.write_record(cells).expect("a row can be written");
    }
    writer.flush().expect("the seed can be written");
    let after = build(dir.path(), false);
    before
        .iter()
        .filter(|(key, sum)| after.get(*key).is_some_and(|now| now != *sum))
        .map(|(key, _)| key.clone())
        .collect()
}

/// Builds everything but tests, and returns what every column of every relation holds.
fn build(dir: &Path, must_succeed: bool) -> Data {
    let built = shell::run(dir, "kiln build --exclude-resource-type test unit_test");
    assert!(!must_succeed || built.status == 0, "\n{}", built.output);
    let outcome = shell::run(dir, "kiln lineage --offline");
    assert_eq!(outcome.status, 0, "\n{}", outcome.output);
    let target = dir.join("target/kiln");
    let (lineage, manifest) = (read(&target.join("column_lineage.json")), read(&target.join("manifest.json")));
    let results = read(&target.join("run_results.json"));
    let is_built = |id: &str| {
        let mut results = results["results"].as_array().expect("results are a list").iter();
        results.any(|result| result["unique_id"] == id && result["status"] == "success")
    };
    let mut sql = String::new();
    for node in lineage["nodes"].as_array().expect("nodes are a list") {
        let id = node["id"].as_str().expect("nodes have ids");
        let relation = manifest["nodes"][id]["relation_name"].as_str();
        let Some(relation) = relation.filter(|_| is_built(id)) else { continue };
        for column in node["columns"].as_array().into_iter().flatten() {
            let name = column["name"].as_str().expect("columns have names");
            let joined = if sql.is_empty() { "" } else { "union all " };
            let value = format!("coalesce(\"{name}\"::varchar, '~')");
            let _ = writeln!(
                sql,
                "{joined}select '{id}' as id, '{name}' as name, md5(coalesce(string_agg({value}, ',' order by {value}), '')) as sum from {relation}"
            );
        }
    }
    fs::write(dir.join("sums.sql"), sql).expect("the query can be written");
    let shown = shell::run(dir, "kiln -q show --inline \"$(cat sums.sql)\" --limit -1 --output json --log-format text");
    let start = shown.output.find('{').unwrap_or_default();
    let rows: Value = serde_json::from_str(&shown.output[start..]).unwrap_or_else(|_| panic!("{}", shown.output));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rows = rows["show"].as_array().expect("rows are a list");
    rows.iter().map(|row| ((text(&row["id"]), text(&row["name"])), text(&row["sum"]))).collect()
}

/// Everything downstream of a column: what is made of it, and what is in relations whose rows it decides about.
fn downstream(lineage: &Value, start: &Column) -> BTreeSet<Column> {
    let nodes = lineage["nodes"].as_array().expect("nodes are a list");
    let name = |node: usize, column: usize| -> Column {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&nodes[node]["id"]), text(&nodes[node]["columns"][column]["name"]))
    };
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("a small number");
    let mut reached = BTreeSet::from([start.clone()]);
    loop {
        let n_before = reached.len();
        for (at, node) in nodes.iter().enumerate() {
            let touches = |edges: &Value| {
                let mut edges = edges.as_array().into_iter().flatten();
                edges.any(|edge| reached.contains(&name(number(&edge[0]), number(&edge[1]))))
            };
            let decides = touches(&node["uses"]);
            let columns = node["columns"].as_array().into_iter().flatten().enumerate();
            let more: Vec<Column> =
                columns.filter(|(_, column)| decides || touches(&column["from"])).map(|(ix, _)| name(at, ix)).collect();
            reached.extend(more);
        }
        if reached.len() == n_before {
            return reached;
        }
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("the file can be read")).expect("the file is JSON")
}
