//! The adapter for PostgreSQL, against servers that the tests start: what a user sees when things go well,
//! and what when they do not.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::cluster::{Cluster, Database, Server, shared};
use crate::harness::{root, shell};

const PROJECT: &str = "name: shop\nprofile: shop\n";

/// A project in a folder of its own.
pub(crate) struct Project {
    pub(crate) dir: tempfile::TempDir,
}

impl Project {
    /// Makes a project of files; `profile` are lines of the target, besides its type and schema.
    pub(crate) fn new(profile: &str, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let project = Self { dir };
        project.write("dbt_project.yml", PROJECT);
        let lines: String = profile.lines().map(|line| format!("      {}\n", line.trim())).collect();
        let target = format!("      type: postgres\n      schema: shop\n{lines}");
        project.write("profiles.yml", &format!("shop:\n  target: prod\n  outputs:\n    prod:\n{target}"));
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }

    /// Runs a command of kiln for a database and checks how it ends; returns what it printed.
    #[track_caller]
    pub(crate) fn run(&self, database: &Database, arguments: &str, status: i32) -> String {
        let outcome = shell::run(self.dir.path(), &format!("env {} kiln {arguments}", database.env()));
        assert_eq!(outcome.status, status, "\n{}", outcome.output);
        outcome.output
    }

    /// Starts kiln without waiting for it.
    pub(crate) fn start(&self, database: &Database, arguments: &str) -> Child {
        let line = format!("exec env {} kiln {arguments} >log 2>&1", database.env());
        let mut command = Command::new("sh");
        let folder = Path::new(env!("CARGO_BIN_EXE_kiln")).parent().expect("the binary lies in a folder");
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        command.args(["-c", &line]).current_dir(self.dir.path()).env("PATH", path).env("HOME", self.dir.path());
        command.stdin(Stdio::null()).spawn().expect("sh can be started")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// The database of a test on the shared server; the test ends here if there is no server.
macro_rules! database {
    () => {
        match shared() {
            Some(server) => server.database(),
            None => return,
        }
    };
}

/// A server of the test's own; the test ends here if PostgreSQL is not installed.
macro_rules! cluster {
    () => {
        match Cluster::new() {
            Some(cluster) => cluster,
            None => return,
        }
    };
}

/// Waits until a query answers `t`.
#[track_caller]
pub(crate) fn wait_until(database: &Database, query: &str) {
    let started = Instant::now();
    while database.run(query) != "t" {
        assert!(started.elapsed() < Duration::from_secs(30), "`{query}` is not so within half a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
pub(crate) fn assert_has(output: &str, part: &str) {
    assert!(output.contains(part), "`{part}` is not in\n{output}");
}

#[test]
fn the_sample_builds_with_one_change() {
    let database = database!();
    let project = Project::new("", &[]);
    crate::sample::copy_to(project.dir.path());
    for _ in 0..2 {
        let output = project.run(&database, "build --target prod", 0);
        assert_has(&output, "ERROR=0");
    }
    assert_eq!(database.run("select count(*) > 0 from analytics.growth_monthly"), "t");
}

#[test]
fn messages_and_errors_are_the_servers() {
    let database = database!();
    let files = [
        ("models/numbers.sql", "{{ config(materialized='table') }} select generate_series(1, 5) as n"),
        ("models/looks.sql", "select * from {{ ref('numbers') }}"),
        ("models/broken.sql", "select\n    n,\n    nope\nfrom {{ ref('numbers') }}"),
        ("seeds/fruit.csv", "id,name\n1,apple\n2,\n"),
    ];
    let output = Project::new("threads: 2", &files).run(&database, "build", 1);
    assert_has(&output, "[SELECT 5 in");
    assert_has(&output, "[CREATE VIEW in");
    assert_has(&output, "[INSERT 2 in");
    assert_has(&output, "Database Error in model broken (models/broken.sql)");
    assert_has(&output, "column \"nope\" does not exist");
    assert_has(&output, "--> models/broken.sql:3:5");
    assert_eq!(database.run("select id, name is null from shop.fruit order by id"), "1|f\n2|t");
}

#[test]
fn seeds_arrive_as_dbt_inserts_them() {
    let database = database!();
    let seed = "id,whole,part,day,moment,flag,words,free\n\
                1,1.0,2.50,2024-02-29,2024-02-29 01:02:03,true,\"tab\t, back\\slash\",1.10\n\
                2,,-3,,,False,\"two\nlines, \\N\",007\n3,1e3,0.1,2024-03-01,2024-03-01 00:00:00,,null,\n";
    let config = "seeds:\n  - name: kinds\n    config: {column_types: {free: 'numeric(10,3)'}}\n";
    let project = Project::new("", &[("seeds/kinds.csv", seed), ("seeds/seeds.yml", config)]);
    for command in ["seed", "seed", "seed --full-refresh"] {
        assert_has(&project.run(&database, command, 0), "3 in");
    }
    let types = "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute \
                 where attrelid = 'shop.kinds'::regclass and attnum > 0";
    let expected =
        "integer, integer, double precision, date, timestamp without time zone, boolean, text, numeric(10,3)";
    assert_eq!(database.run(types), expected);
    let rows = "select id, whole, part, day, moment, flag, quote_nullable(words), free from shop.kinds order by id";
    let expected = "1|1|2.5|2024-02-29|2024-02-29 01:02:03|t|E'tab\t, back\\\\slash'|1.100\n\
                    2||-3|||f|E'two\nlines, \\\\N'|7.000\n3|1000|0.1|2024-03-01|2024-03-01 00:00:00||NULL|";
    assert_eq!(database.run(rows), expected);
    let log = std::fs::read_to_string(project.dir.path().join("logs/dbt.log")).expect("there is a log");
    assert_has(&log, "from stdin");
}

#[test]
fn values_reach_templates_with_their_types() {
    let database = database!();
    let sql = "select 1 as i, 2.50 as n, null as z, true as b, date '2024-02-29' as d, \
               timestamp '2024-02-29 01:02:03' as t, array[1, null] as a, jsonb_build_object('k', array[1]) as j";
    let output = Project::new("", &[]).run(&database, &format!("show --quiet --output json --inline \"{sql}\""), 0);
    let shown: serde_json::Value = serde_json::from_str(&output[output.find('{').unwrap_or(0)..]).expect("JSON");
    let row = shown.pointer("/show/0").unwrap_or(&shown);
    let expected = serde_json::json!({
        "i": 1, "n": 2.5, "z": null, "b": true, "d": "2024-02-29", "t": "2024-02-29T01:02:03",
        "a": [1, null], "j": {"k": [1]},
    });
    assert_eq!(row, &expected);
}

#[test]
fn names_keep_their_letters() {
    let database = database!();
    // 62 bytes, and a suffix is cut into the middle of a letter.
    let long = format!("a{}b", "ä".repeat(30));
    let file = format!("models/{long}.sql");
    let longer = format!("models/{}.sql", "ö".repeat(32));
    let files = [
        (
            "models/größen.sql",
            "{{ config(schema='Lager SÜD', alias='Größe & Co', materialized='table') }} select 1 as \"Ä\"",
        ),
        ("models/mixed.sql", "{{ config(alias='MixedCase') }} select \"Ä\" from {{ ref('größen') }}"),
        (file.as_str(), "{{ config(materialized='table') }} select * from {{ ref('mixed') }}"),
        (
            "models/incremental.sql",
            "{{ config(materialized='incremental', alias='Wächst') }} select 1 as \"Ä\", 'x' as neu",
        ),
    ];
    let project = Project::new("threads: 4", &files);
    for _ in 0..3 {
        assert_has(&project.run(&database, "build", 0), "ERROR=0");
    }
    assert_eq!(database.run("select count(*) from \"shop_Lager SÜD\".\"Größe & Co\""), "1");
    assert_eq!(database.run("select count(*) from shop.\"Wächst\""), "3");
    assert_eq!(database.run(&format!("select \"Ä\" from shop.{long}")), "1");
    project.write(&longer, "{{ config(materialized='table') }} select 1 as a");
    assert_has(&project.run(&database, "build", 1), "is longer than 63 bytes");
}

#[test]
fn functions_are_made_before_what_calls_them() {
    let database = database!();
    let properties = "functions:\n  - name: with_tax\n    config: {volatility: deterministic}\n    arguments:\n      \
                      - {name: price, data_type: numeric}\n      \
                      - {name: rate, data_type: numeric, default_value: 0.25}\n    returns: {data_type: numeric}\n";
    let files = [
        ("functions/with_tax.sql", "select price * (1 + rate)"),
        ("functions/functions.yml", properties),
        ("models/bills.sql", "select {{ function('with_tax') }}(100) as amount"),
    ];
    let project = Project::new("", &files);
    for _ in 0..2 {
        let output = project.run(&database, "build", 0);
        assert_has(&output, "1 of 2 OK created function shop.with_tax");
        assert_has(&output, "[SUCCESS in");
    }
    assert_eq!(database.run("select amount from shop.bills"), "125.00");
    let volatility = "select provolatile from pg_proc where oid = 'shop.with_tax'::regproc";
    assert_eq!(database.run(volatility), "i");
}

#[test]
fn a_hook_that_cannot_be_rendered_ends_the_run() {
    let database = database!();
    let project = Project::new("", &[("models/a.sql", "select 1 as a")]);
    project.write("dbt_project.yml", &format!("{PROJECT}on-run-start: \"{{{{ run_query('select nope') }}}}\"\n"));
    let output = project.run(&database, "build", 2);
    assert_has(&output, "column \"nope\" does not exist");
    assert_eq!(database.run("select to_regclass('shop.a') is null"), "t");
}

#[test]
fn the_search_path_and_the_role_hold_in_every_session() {
    let database = database!();
    let role = format!("{}_owner", database.name);
    database.run(&format!(
        "create schema \"other one\"; create table \"other one\".here as select 7 as n; create role {role}; \
         grant create on database {} to {role}; grant usage on schema \"other one\" to {role}; \
         grant select on \"other one\".here to {role}",
        database.name
    ));
    let profile = format!("search_path: '\"other one\", public'\nrole: {role}\napplication_name: nightly");
    let sql = "{{ config(materialized='table') }} select n, current_setting('application_name') as a from here";
    Project::new(&profile, &[("models/found.sql", sql)]).run(&database, "build", 0);
    assert_eq!(database.run("select * from shop.found"), "7|nightly");
    let owner = "select tableowner from pg_tables where tablename = 'found'";
    assert_eq!(database.run(owner), role);
    database.run(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn notices_are_in_the_log() {
    let database = database!();
    let hook = "do $$ begin raise notice 'hear, hear'; end $$";
    let sql = format!("{{{{ config(pre_hook=\"{hook}\") }}}} select 1 as a");
    let project = Project::new("", &[("models/a.sql", &sql)]);
    let output = project.run(&database, "build", 0);
    assert!(!output.contains("hear, hear"), "\n{output}");
    let log = std::fs::read_to_string(project.dir.path().join("logs/dbt.log")).expect("there is a log");
    assert_has(&log, "NOTICE:  hear, hear");
}

#[test]
fn a_session_that_is_lost_is_replaced() {
    let database = database!();
    let files = [
        ("models/a.sql", "select 1 as a, pg_terminate_backend(pg_backend_pid())"),
        ("models/b.sql", "{{ config(materialized='table') }} select pg_terminate_backend(pg_backend_pid())"),
        ("models/c.sql", "-- depends_on: {{ ref('a') }}\nselect 1 as a"),
    ];
    let output = Project::new("threads: 1", &files).run(&database, "build", 1);
    assert_has(&output, "terminating connection due to administrator command");
    assert_has(&output, "server closed the connection unexpectedly");
    assert_has(&output, "PASS=2");
}

#[test]
fn a_lock_of_somebody_else_can_be_left_by_interrupting() {
    let database = database!();
    let files = [("models/wanted.sql", "{{ config(materialized='table') }} select 1 as a")];
    let project = Project::new("", &files);
    project.run(&database, "build", 0);
    let mut holder = database.start("begin; lock table shop.wanted; select pg_sleep(60)");
    wait_until(
        &database,
        "select count(*) > 0 from pg_stat_activity where query like '%lock table%pg_sleep%' and wait_event = 'PgSleep'",
    );
    let mut kiln = project.start(&database, "build");
    wait_until(&database, "select count(*) > 0 from pg_locks where not granted");
    let asked = Instant::now();
    Command::new("kill").args(["-INT", &kiln.id().to_string()]).status().expect("kill can be started");
    let status = kiln.wait().expect("kiln can be waited for");
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}\n{}", asked.elapsed(), project.log());
    assert!(!status.success(), "{}", project.log());
    assert_has(&project.log(), "Exited because of keyboard interrupt");
    let log = std::fs::read_to_string(project.dir.path().join("logs/dbt.log")).expect("there is a log");
    assert_has(&log, "canceling statement due to user request");
    wait_until(&database, "select count(*) = 0 from pg_locks where not granted");
    holder.kill().ok();
    holder.wait().ok();
}

/// The roles that the access rules of own servers name.
fn roles(server: &Server) -> Database {
    let database = server.database();
    let grant = format!("grant create on database {} to", database.name);
    for role in ["only_tls", "carla", "scram", "plain"] {
        database.run(&format!("create role {role} login password 'geheim'; {grant} {role}"));
    }
    database.run(&format!("set password_encryption = 'md5'; create role md5 login password 'geheim'; {grant} md5"));
    database
}

#[test]
fn passwords_come_from_where_libpq_looks() {
    let cluster = cluster!();
    let database = roles(&cluster.server());
    let port = cluster.port;
    for role in ["scram", "md5", "plain"] {
        let project = Project::new(&format!("user: {role}\npassword: wrong"), &[]);
        let output = project.run(&database, "debug", 1);
        assert_has(&output, &format!("FATAL:  password authentication failed for user \"{role}\""));
        Project::new(&format!("user: {role}\npass: geheim"), &[]).run(&database, "debug", 0);
        let project = Project::new(&format!("user: {role}"), &[]);
        assert_has(&project.run(&database, "debug", 1), "no password supplied");

        project.write(".pgpass", &format!("elsewhere:*:*:*:wrong\n127.0.0.1:{port}:*:{role}:geheim\n"));
        let file = project.dir.path().join(".pgpass");
        assert_has(&project.run(&database, "debug", 1), "has group or world access");
        Command::new("chmod").arg("600").arg(&file).status().expect("chmod can be started");
        project.run(&database, "debug", 0);
    }
    let service = format!("[warehouse]\nhost=127.0.0.1\nport={port}\nuser=scram\npassword=geheim\n");
    let project = Project::new(&format!("service: warehouse\ndbname: {}", database.name), &[]);
    project.write(".pg_service.conf", &service);
    let outcome = shell::run(project.dir.path(), "kiln debug");
    assert_eq!(outcome.status, 0, "\n{}", outcome.output);
}

#[test]
fn encryption_follows_sslmode() {
    let cluster = cluster!();
    let database = roles(&cluster.server());
    let tls = root().join("tests/it/harness/tls");
    let encrypted =
        "select ssl::text || coalesce(client_dn, '') as answer from pg_stat_ssl where pid = pg_backend_pid()";
    let show = format!("show --quiet --output json --inline \"{encrypted}\"");
    let check = |profile: &str, status: i32, part: &str| {
        let profile = profile.replace("TLS", &tls.display().to_string());
        assert_has(&Project::new(&profile, &[]).run(&database, &show, status), part);
    };
    check("sslmode: disable", 0, "\"false\"");
    check("sslmode: allow", 0, "\"false\"");
    check("sslmode: prefer", 0, "\"true\"");
    check("sslmode: require", 0, "\"true\"");
    check("sslmode: allow\nuser: only_tls", 0, "\"true\"");
    check("sslmode: disable\nuser: only_tls", 2, "pg_hba.conf rejects connection");
    check("sslmode: verify-ca\nsslrootcert: TLS/ca.crt", 0, "\"true\"");
    check("sslmode: require\nsslrootcert: TLS/other.crt", 2, "SSL error: ");
    check("sslmode: verify-ca", 2, "root.crt\" does not exist");
    check("sslmode: verify-full\nsslrootcert: TLS/ca.crt\nhost: localhost\nhostaddr: 127.0.0.1", 0, "\"true\"");
    check("sslmode: verify-full\nsslrootcert: TLS/ca.crt\nhost: elsewhere\nhostaddr: 127.0.0.1", 2, "SSL error: ");
    check("sslmode: verify-ca\nsslrootcert: TLS/ca.crt\nhost: elsewhere\nhostaddr: 127.0.0.1", 0, "\"true\"");
    check("sslmode: require\nuser: scram\npassword: geheim", 0, "\"true\"");
    check("sslmode: nonsense", 2, "invalid sslmode value: \"nonsense\"");

    let project = Project::new("user: carla\nsslmode: require\nsslcert: client.crt\nsslkey: client.key", &[]);
    for name in ["client.crt", "client.key"] {
        std::fs::copy(tls.join(name), project.dir.path().join(name)).expect("a file can be copied");
    }
    Command::new("chmod").args(["644", "client.key"]).current_dir(project.dir.path()).status().expect("chmod");
    assert_has(&project.run(&database, &show, 2), "group or world access");
    Command::new("chmod").args(["600", "client.key"]).current_dir(project.dir.path()).status().expect("chmod");
    assert_has(&project.run(&database, &show, 0), "true/CN=carla");
}

#[test]
fn a_server_that_goes_away_is_named_and_waited_for() {
    let mut cluster = cluster!();
    let database = cluster.server().database();
    let files = [("models/slow.sql", "{{ config(materialized='table') }} select pg_sleep(30)::text as a")];
    let project = Project::new("retries: 3", &files);
    let mut kiln = project.start(&database, "build");
    wait_until(&database, "select count(*) > 0 from pg_stat_activity where wait_event = 'PgSleep'");
    cluster.stop();
    let status = kiln.wait().expect("kiln can be waited for");
    assert!(!status.success());
    assert_has(&project.log(), "server closed the connection unexpectedly");

    let refused = Project::new("retries: 0", &files).run(&database, "build", 2);
    assert_has(&refused, "Connection refused\n");
    assert_has(&refused, "Is the server running on that host and accepting TCP/IP connections?");

    project.write("models/slow.sql", "select 1 as a");
    let mut kiln = project.start(&database, "build");
    std::thread::sleep(Duration::from_secs(1));
    cluster.start();
    assert!(kiln.wait().expect("kiln can be waited for").success(), "{}", project.log());
}

#[test]
fn a_full_server_is_used_with_what_it_has() {
    let database = database!();
    let role = format!("{}_few", database.name);
    database.run(&format!(
        "create role {role} login connection limit 2; grant create on database {} to {role}",
        database.name
    ));
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| format!("models/{name}.sql"));
    let sql = "{{ config(materialized='table') }} select pg_sleep(0.3)::text as a";
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), sql)).collect();
    let profile = format!("user: {role}\nthreads: 6\nretries: 0");
    let output = Project::new(&profile, &files).run(&database, "build", 0);
    assert_has(&output, "PASS=6");
    database.run(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn metrics_are_computed() {
    let database = database!();
    let project = Project::new("", &[]);
    crate::sample::copy_to(project.dir.path());
    project.run(
        &database,
        "build --quiet --target prod --resource-type model seed --select +stg_invoices +stg_contracts +stg_accounts int_days",
        0,
    );
    let ask = |question: &str| project.run(&database, &format!("query --quiet --target prod {question}"), 0);
    let monthly = ask(
        "--metrics revenue,revenue_growth,revenue_to_date,void_share --group-by metric_time__month --order-by metric_time",
    );
    assert_has(&monthly, "| 2025-01-01 00:00:00 | 27860.00 |                |        27860.00 |        0.0 |");
    assert_has(&monthly, "| 2025-06-01 00:00:00 | 57410.00 |       10450.00 |       248425.00 |        0.0 |");
    let by_unit = ask("--metrics revenue,new_contracts --group-by contract__unit --order-by -revenue");
    assert_has(&by_unit, "| ledger         | 117260.00 |            11 |");
}

#[test]
fn parts_of_models_and_macros_are_tested_on_an_empty_database() {
    let database = database!();
    let tests = "unit_tests:\n\
                 \x20 - name: from_an_expression\n    model: b\n    cte: second\n\
                 \x20   given: [{cte: first, rows: [{n: 1, word: x}, {n: 2}]}]\n    expect: {rows: [{twice: 2}, {twice: 4}]}\n\
                 \x20 - name: from_the_input\n    model: b\n    cte: second\n\
                 \x20   given: [{input: ref('a'), rows: [{n: 5}]}]\n    expect: {rows: [{twice: 10}]}\n\
                 \x20 - name: of_a_macro\n    macro: half\n    args: [n]\n\
                 \x20   given: [{rows: [{n: 4}]}]\n    expect: {rows: [{result: 2}]}\n\
                 \x20 - name: over_a_source_that_is_not_there\n    model: newest\n\
                 \x20   given: [{input: ref('staged'), rows: [{id: 1, on_day: 2024-01-31}]}]\n\
                 \x20   expect: {rows: [{on_day: 2024-01-31}]}\n";
    let sources = "sources:\n  - name: crm\n    tables:\n      - name: customers\n        columns:\n\
                   \x20         - {name: id, data_type: integer}\n          - {name: on_day, data_type: date}\n";
    let files = [
        ("models/a.sql", "select 1 as n, cast('x' as varchar(3)) as word"),
        (
            "models/b.sql",
            "with first as (select * from {{ ref('a') }}), second as (select n * 2 as twice, word from first) select * from second",
        ),
        ("macros/half.sql", "{% macro half(of) %}{{ of }} / 2{% endmacro %}"),
        ("models/b.yml", tests),
        ("models/staged.sql", "select * from {{ source('crm', 'customers') }}"),
        ("models/newest.sql", "select max(on_day) as on_day from {{ ref('staged') }}"),
        ("models/sources.yml", sources),
    ];
    let project = Project::new("", &files);
    assert_has(&project.run(&database, "test", 0), "PASS=4");
    assert_has(&project.run(&database, "test --compute local", 0), "PASS=4");
}
