//! `kiln check` beside what really happens: types against those of the database, and Postgres, where it works in a
//! transaction. What it says is in `tests/cases/check/`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{cluster, shell};
use crate::postgres::Project;
use crate::sample;

fn read(target: &Path, name: &str) -> Value {
    let text = fs::read_to_string(target.join(name)).expect("the file can be read");
    serde_json::from_str(&text).expect("the file is JSON")
}

/// The columns of manifest.json, which `check` wrote, against those of catalog.json, which the database knows.
#[track_caller]
fn compare_types(target: &Path, least: usize) {
    let (manifest, catalog) = (read(target, "manifest.json"), read(target, "catalog.json"));
    let mut n_columns = 0;
    for part in ["nodes", "sources"] {
        for (id, table) in catalog[part].as_object().expect("nodes are a map") {
            for (name, column) in table["columns"].as_object().expect("columns are a map") {
                let found = manifest[part][id]["columns"][name]["data_type"].as_str().unwrap_or_default();
                let expected = column["type"].as_str().expect("types are texts");
                assert_eq!(found.to_lowercase(), expected.to_lowercase(), "{id}.{name}");
                n_columns += 1;
            }
        }
    }
    assert!(n_columns >= least, "{n_columns} columns");
}

#[test]
fn types_of_the_sample_are_those_of_the_database() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    sample::copy_to(dir.path());
    let target = dir.path().join("target/kiln");
    let generated = shell::run(dir.path(), "kiln docs generate");
    assert_eq!(generated.status, 0, "\n{}", generated.output);
    let bound = read(&target, "catalog_unbuilt.json")["nodes"].take();
    for line in ["kiln build --exclude-resource-type unit_test test", "kiln docs generate", "kiln check"] {
        let outcome = shell::run(dir.path(), line);
        assert_eq!(outcome.status, 0, "\n{}", outcome.output);
    }
    compare_types(&target, 150);
    let catalog = read(&target, "catalog.json");
    assert!(!target.join("catalog_unbuilt.json").exists());
    let types = |table: &Value| -> Vec<(String, Value, Value)> {
        let columns = table["columns"].as_object().expect("columns are a map");
        columns.iter().map(|(name, column)| (name.clone(), column["index"].clone(), column["type"].clone())).collect()
    };
    for (id, table) in bound.as_object().expect("nothing is built at first") {
        assert_eq!(types(table), types(&catalog["nodes"][id]), "{id}");
    }
}

const FILES: &[(&str, &str)] = &[
    (
        "models/rates.sql",
        "select currency, rate, tags from {{ source('shared', 'rates') }} where currency in (select mark from {{ ref('stg_orders') }})",
    ),
    (
        "models/sources.yml",
        "sources:\n  - name: shared\n    schema: shared\n    tables: [{name: rates}, {name: gone}]\n  - name: own\n    schema: shop\n    tables: [{name: orders}]\n",
    ),
    ("models/of_seed.sql", "select id, amount from {{ source('own', 'orders') }} -- depends_on: {{ ref('orders') }}"),
    (
        "models/asking.sql",
        "{% set n = run_query('create table public.made_by_a_template as select 1 as a from pg_class limit 1') %}select 1 as a",
    ),
    ("seeds/orders.csv", "id,customer,amount,ordered_on\n1,Ada,10.5,2025-01-01\n"),
    (
        "models/stg_orders.sql",
        "select id, lower(customer) as customer, amount::numeric(10, 2) as amount, ordered_on, 'x' as mark\n\
         from {{ ref('orders') }}\n",
    ),
    (
        "models/revenue.sql",
        "{{ config(materialized='incremental') }}\n\
         select date_trunc('month', ordered_on) as month, sum(amount) as revenue, array_agg(customer) as customers\n\
         from {{ ref('stg_orders') }} group by 1\n",
    ),
    (
        "snapshots/history.yml",
        "snapshots:\n  - name: history\n    relation: ref('stg_orders')\n    config: {unique_key: id, strategy: check, check_cols: all}\n",
    ),
];

/// A source that somebody else keeps.
const RATES: &str =
    "create schema shared; create table shared.rates (currency varchar(3), rate numeric(12, 4), tags text[])";

#[test]
fn postgres_is_left_as_it_was() {
    let Some(server) = cluster::shared() else { return };
    let database = server.database();
    let project = Project::new("", FILES);
    database.run(RATES);
    project.write("models/of_gone.sql", "select a, b from {{ source('shared', 'gone') }}");
    project.write(
        "models/wrong.sql",
        "select customer,\n  sum(amuont) as total from {{ ref('stg_orders') }} group by 1\n",
    );
    project
        .write("models/clash.sql", "select id || 1 + 'a'::date as x,\n  lower(amount)\nfrom {{ ref('stg_orders') }}\n");
    let said = project.run(&database, "check", 1);
    assert!(said.contains("`wrong`: column \"amuont\" does not exist\n    --> models/wrong.sql:2:7"), "\n{said}");
    assert!(said.contains("--> models/clash.sql:"), "\n{said}");
    assert!(said.contains("`of_gone`: relation \"shared.gone\" does not exist"), "\n{said}");
    assert!(said.contains("Checked 10 nodes without running anything: 3 errors"), "\n{said}");
    let left = database.run(
        "select (select count(*) from pg_namespace where nspname like 'kiln%' or nspname = 'shop') \
         + (select count(*) from pg_class where relname = 'made_by_a_template')",
    );
    assert_eq!(left.trim(), "0");
}

#[test]
fn types_of_postgres_are_those_of_the_database() {
    let Some(server) = cluster::shared() else { return };
    let database = server.database();
    let project = Project::new("", FILES);
    database.run(RATES);
    for line in ["build --exclude asking", "docs generate --exclude asking", "check"] {
        project.run(&database, line, 0);
    }
    compare_types(&project.dir.path().join("target"), 20);
}

#[test]
fn hooks_leave_postgres_as_it_was() {
    let Some(server) = cluster::shared() else { return };
    let database = server.database();
    let project = Project::new(
        "",
        &[
            ("models/a.sql", "select twice(a) as a from public.made_by_a_hook"),
            (
                "models/b.sql",
                "{{ config(post_hook=['alter table {{ this }} add column more int', \
                 'create index on {{ this }} (les)', 'grant select on {{ this }} to public']) }}\n\
                 select 1 as a from {{ ref('a') }}",
            ),
            ("models/c.sql", "{{ config(materialized='table') }} select more + 1 as more from {{ ref('b') }}"),
        ],
    );
    project.write(
        "dbt_project.yml",
        "name: shop\nprofile: shop\non-run-start:\n  - \"{% do run_query('create table public.made_by_a_hook as select 1 as \
         a') %} commit; insert into public.made_by_a_hook values (2); create function public.twice(x int) returns int \
         language sql as 'select 2 * x';\"\non-run-end:\n  - \"insert into public.made_by_a_hook values ('x', 1)\"\n",
    );
    let said = project.run(&database, "check", 1);
    assert!(
        said.contains("`on-run-end` hook 1 of `shop`: INSERT has more expressions than target columns"),
        "\n{said}"
    );
    assert!(said.contains("post-hook of `b`: column \"les\" does not exist\n    --> models/b.sql:1:"), "\n{said}");
    assert!(said.contains("Checked 3 nodes and 2 hooks without running anything: 2 errors"), "\n{said}");
    let left = database.run(
        "select (select count(*) from pg_namespace where nspname like 'kiln%' or nspname = 'shop') \
         + (select count(*) from pg_class where relname = 'made_by_a_hook') \
         + (select count(*) from pg_proc where proname = 'twice')",
    );
    assert_eq!(left.trim(), "0");
}
