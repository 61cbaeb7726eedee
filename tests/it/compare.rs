//! Whether DuckDB and PostgreSQL hold the same: types, and the sample project.

use crate::harness::cluster::shared;
use crate::postgres::{Project, assert_has};

const DUCKDB: &str = "shop:\n  target: prod\n  outputs:\n    dev: {type: duckdb, path: dev.duckdb, threads: 1}\n    \
                      prod: {type: postgres, schema: shop, threads: 1}\n";

/// Values of all types that both have, written as each database wants them.
const TYPES: &str = "{{ config(materialized='table') }}
{% set is_postgres = target.type == 'postgres' %}
{% for row in range(3) %}
select
    {{ row }} as id,
    {{ 'null' if row == 0 else '1.50' }}::numeric(10, {{ 4 if is_postgres else 2 }}) as price,
    {{ row }}::{{ 'bigint' if is_postgres else 'hugeint' }} * 100000000000 as large,
    {{ ['0.1', '1e20', \"'nan'\"][row] }}::double precision + 0.2 as part,
    {{ 'null' if row == 1 else row == 0 }}::boolean as flag,
    {{ [\"'O''Hara'\", \"' größe \\\\ '\", \"''\"][row] }}::varchar as word,
    date '2024-02-29' as day,
    timestamp '2024-02-29 01:02:03.45{{ row }}' as moment,
    timestamptz '2024-02-29 01:02:03+0{{ row + 2 }}' as instant,
    time '01:02:03' as clock,
    {{ \"'ab'::bytea\" if is_postgres else \"'ab'::blob\" }} as bytes,
    '6f1c1f3e-2d64-4c0e-9f3a-0d4b8f2f6a11'::uuid as code,
    {{ \"array[1, null, 3]\" if is_postgres else \"[1, null, 3]\" }} as list
{{ 'union all' if not loop.last }}
{% endfor %}";

#[test]
fn values_of_all_types_are_compared_across_databases() {
    let database = database!();
    let averages = "select avg(id) as mean, sum(large) as total, count(*) as n from {{ ref('types') }}";
    let project = Project::new("", &[("models/types.sql", TYPES), ("models/averages.sql", averages)]);
    project.write("profiles.yml", DUCKDB);
    project.run(&database, "build --target dev", 0);
    project.run(&database, "build --target prod", 0);
    let output = project.run(&database, "compare --targets dev,prod", 0);
    assert_has(&output, "2 of 2 relations equal");

    database.run("update shop.types set word = 'else' where id = 1; delete from shop.types where id = 2");
    let output = project.run(&database, "compare --targets dev,prod -s types --output json --quiet", 1);
    let found: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(found["relations"][0]["rows_only_in"], serde_json::json!({"dev": 2, "prod": 1}));
    database.run("alter table shop.types alter column flag type text, drop column bytes");
    let output = project.run(&database, "compare --targets prod,dev -s types", 1);
    assert_has(&output, "column flag is text in prod, BOOLEAN in dev");
    assert_has(&output, "only in dev: column bytes");
}

#[test]
fn the_sample_is_the_same_on_both() {
    let database = database!();
    let project = Project::new("", &[]);
    crate::sample::copy_to(project.dir.path());
    project.run(&database, "build", 0);
    project.run(&database, "build --target prod", 0);
    let output = project.run(&database, "compare --targets dev,prod", 0);
    assert_has(&output, "28 of 28 relations equal");
}

#[test]
fn a_server_that_is_not_there_is_said_once() {
    let database = database!();
    let project = Project::new("", &[("models/a.sql", "select 1 as a"), ("models/b.sql", "select 1 as b")]);
    project
        .write("profiles.yml", &DUCKDB.replace("schema: shop", "schema: shop, retries: 0, host: 127.0.0.1, port: 1"));
    project.run(&database, "build --target dev", 0);
    let output = project.run(&database, "compare --targets dev,prod", 2);
    assert_has(&output, "Connection refused");
    assert_eq!(output.matches("Connection refused").count(), 1, "{output}");
}
