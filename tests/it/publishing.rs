//! How relations take the place of others on PostgreSQL: while others read them, and while things break.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::harness::cluster::{Cluster, Database, shared};
use crate::postgres::{Project, assert_has, wait_until};

/// A chain of three views over a table.
const CHAIN: [(&str, &str); 4] = [
    (
        "models/orders.sql",
        "{{ config(materialized='table') }} select i as id, i as amount from generate_series(1, 1000) as g (i)",
    ),
    ("models/first.sql", "select * from {{ ref('orders') }}"),
    ("models/second.sql", "select * from {{ ref('first') }}"),
    ("models/third.sql", "select sum(amount) as total from {{ ref('second') }}"),
];

/// A table of a chain that is like the first one, with other columns.
fn orders(columns: &str) -> String {
    format!("{{{{ config(materialized='table') }}}} select {columns} from generate_series(1, 1000) as g (i)")
}

/// Sessions that count the rows of relations again and again.
struct Readers {
    sessions: Vec<(Child, PathBuf)>,
}

impl Readers {
    fn start(database: &Database, folder: &Path, relations: &[&str]) -> Self {
        let session = |relation: &&str| {
            let file = folder.join(format!("{relation}.read"));
            (database.watch(&format!("select count(*) from {relation}"), &file), file)
        };
        let readers = Self { sessions: relations.iter().map(session).collect() };
        readers.sessions.iter().for_each(|(_, file)| wait_for_counts(file, 1));
        readers
    }

    /// Stops them; none of them may have seen an error or no rows.
    #[track_caller]
    fn saw_no_gap(self) {
        for (mut session, file) in self.sessions {
            wait_for_counts(&file, 20);
            session.kill().ok();
            session.wait().ok();
            let seen = fs::read_to_string(&file).expect("a file can be read");
            assert!(counts(&seen).all(|count| count != "0"), "{}: empty", file.display());
            let error = seen.lines().find(|line| line.starts_with("ERROR") || line.starts_with("FATAL"));
            assert_eq!(error, None, "{}", file.display());
        }
    }
}

/// What a reader counted so far.
fn counts(seen: &str) -> impl Iterator<Item = &str> {
    seen.lines().filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()) && !line.is_empty())
}

/// Waits until a reader has counted so often.
#[track_caller]
fn wait_for_counts(file: &Path, wanted: usize) {
    let began = Instant::now();
    loop {
        let seen = fs::read_to_string(file).unwrap_or_default();
        if counts(&seen).count() >= wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{}: hardly read:\n{seen}", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn readers_see_no_gap_whatever_changes() {
    let database = database!();
    let project = Project::new("threads: 4", &CHAIN);
    project.run(&database, "run", 0);
    database.run("create schema ext; create view ext.outside as select id from shop.orders");
    let relations = ["shop.orders", "shop.first", "shop.second", "shop.third", "ext.outside"];
    let readers = Readers::start(&database, project.dir.path(), &relations);
    let changes = [
        orders("i as id, i as amount, 'x' as further"),
        orders("i as id, i::numeric(20, 2) as amount"),
        orders("i as id, i::text::int as amount").replace("'table'", "'incremental'"),
        orders("i as id, i::text::int as amount").replace("'table'", "'materialized_view'"),
        orders("i as id, i as amount").replace("'table'", "'view'"),
        orders("i as id, i as amount"),
    ];
    for change in changes {
        project.write("models/orders.sql", &change);
        project.run(&database, "run", 0);
        project.run(&database, "run --full-refresh", 0);
    }
    // The views of the run stay on the old table until their new definitions replace them.
    project.write("models/orders.sql", &orders("i as id, i as price"));
    project.write("models/third.sql", "select sum(price) as total from {{ ref('second') }}");
    project.run(&database, "run", 0);
    readers.saw_no_gap();
    let left = "select count(*) from pg_class where relname like '%\\_\\_%' and relnamespace = 'shop'::regnamespace";
    assert_eq!(database.run(left), "0");
}

#[test]
fn seeds_and_grown_tables_keep_their_readers() {
    let database = database!();
    let grown = "{{ config(materialized='incremental', unique_key='id', on_schema_change='sync_all_columns') }} ";
    let files = [
        ("seeds/fruit.csv", "id,name\n1,apple\n"),
        ("models/grown.sql", &format!("{grown} select 1 as id, 'x'::varchar(5) as word")),
        (
            "models/named.sql",
            "select f.name, g.word from {{ ref('fruit') }} as f join {{ ref('grown') }} as g using (id)",
        ),
    ];
    let project = Project::new("threads: 4", &files);
    project.run(&database, "build", 0);
    database.run("create schema ext; create view ext.outside as select id, name from shop.fruit");
    let relations = ["shop.fruit", "shop.grown", "shop.named", "ext.outside"];
    let readers = Readers::start(&database, project.dir.path(), &relations);
    project.write("seeds/fruit.csv", "id,name\n1,apple\n2,pear\n");
    project.run(&database, "build", 0);
    project.write("seeds/fruit.csv", "id,name,color\n1,apple,red\n2,pear,green\n");
    project.run(&database, "build --full-refresh", 0);
    project.write("models/grown.sql", &format!("{grown} select 1 as id, 'abcdefgh'::varchar(10) as word, 2 as more"));
    project.run(&database, "build", 0);
    readers.saw_no_gap();
    assert_eq!(database.run("select * from shop.named"), "apple|abcdefgh");
    assert_eq!(database.run("select count(*) from ext.outside"), "2");
}

#[test]
fn a_materialized_view_with_a_key_is_read_while_it_is_refreshed() {
    let database = database!();
    let view = "{{ config(materialized='materialized_view', indexes=[{'columns': ['id'], 'unique': true}]) }}
        select i as id from generate_series(1, 10) as g (i)";
    let project = Project::new("", &[("models/kept.sql", view)]);
    for _ in 0..2 {
        project.run(&database, "run", 0);
    }
    let log = fs::read_to_string(project.dir.path().join("logs/dbt.log")).expect("there is a log");
    assert_has(&log, "refresh materialized view concurrently");
}

#[test]
fn stored_failures_keep_their_readers() {
    let database = database!();
    let test = "{{ config(store_failures=true, severity='warn') }} select 1 as id";
    let project = Project::new("", &[("tests/bad.sql", test)]);
    project.run(&database, "test", 0);
    database.run("create view outside as select id from shop_dbt_test__audit.bad");
    project.write("tests/bad.sql", &test.replace("1 as id", "2 as id, 'x' as why"));
    project.run(&database, "test", 0);
    project.write("tests/bad.sql", &test.replace("store_failures=true", "store_failures_as='view'"));
    project.run(&database, "test", 0);
    project.run(&database, "test", 0);
    assert_eq!(database.run("select * from outside"), "1");
}

#[test]
fn what_is_made_anew_is_as_it_was() {
    let database = database!();
    let project = Project::new("", &CHAIN);
    project.run(&database, "run", 0);
    let role = format!("{}_reader", database.name);
    database.run(&format!(
        "create role {role}; create schema ext;
         create view ext.plain with (security_barrier = true) as select id, amount from shop.orders;
         alter view ext.plain alter column amount set default 7;
         create materialized view ext.kept as select id, sum(amount) as total from ext.plain group by id;
         create unique index kept_id on ext.kept (id); comment on index ext.kept_id is 'by id';
         grant select on shop.orders, ext.plain to {role}; grant select (id) on ext.kept to {role};
         comment on view ext.plain is 'it''s mine'; comment on column ext.kept.total is 'of all'"
    ));
    let state = "select string_agg(format('%s %s %s %s %s', c.relname, c.relacl, c.reloptions, c.relowner,
             (select string_agg(description, ',' order by objsubid) from pg_description d where d.objoid = c.oid)), ' ' order by c.relname)
             || (select string_agg(concat(attname, attacl), ',' order by attrelid, attnum) from pg_attribute where attacl is not null and attrelid > 16383)
             || (select string_agg(pg_get_expr(adbin, adrelid), ',') from pg_attrdef)
         from pg_class c where relnamespace = 'ext'::regnamespace or oid = 'shop.orders'::regclass";
    let before = database.run(state);
    project.write("models/orders.sql", &orders("i as id, 2 * i::bigint as amount, 'x' as further"));
    project.run(&database, "run -s orders", 0);
    assert_eq!(database.run(state), before);
    assert_eq!(database.run("select total from ext.kept where id = 4"), "8");
    assert_eq!(database.run("select total from shop.third"), "1001000");
    database.run(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn views_of_other_owners_stay_and_see_the_new_rows() {
    let database = database!();
    let [builder, analyst] = ["builder", "analyst"].map(|role| format!("{}_{role}", database.name));
    database.run(&format!(
        "create role {builder} login; create role {analyst}; create schema shop; create schema ext;
         alter schema shop owner to {builder}; grant usage on schema shop to {analyst};
         grant all on schema ext to {analyst}; grant create on database {} to {builder};
         alter default privileges for role {builder} in schema shop grant select on tables to {analyst}",
        database.name
    ));
    let grown = "{{ config(materialized='incremental', on_schema_change='append_new_columns') }} select 1 as id";
    let project = Project::new(&format!("user: {builder}"), &[CHAIN[0], CHAIN[1], ("models/grown.sql", grown)]);
    project.run(&database, "run", 0);
    database.run(&format!(
        "set role {analyst}; create view ext.a as select sum(amount) as total from shop.orders;
         create view ext.b as select count(*) as n from shop.first; create view ext.c as select id from shop.grown"
    ));
    let readers = Readers::start(&database, project.dir.path(), &["shop.orders", "shop.first", "ext.a", "ext.b"]);
    project.write("models/orders.sql", &orders("i as id, 2 * i as amount"));
    project.write("models/first.sql", "select *, 1 as further from {{ ref('orders') }} where id > 1");
    project.write("models/grown.sql", &format!("{grown}, 2 as more"));
    project.run(&database, "run", 0);
    assert_eq!(database.run("select total, n from ext.a, ext.b"), "1001000|999");
    readers.saw_no_gap();
    project.write("models/orders.sql", &orders("i as id, 2 * i::bigint as amount"));
    let output = project.run(&database, "run", 1);
    assert_has(&output, "replacing \"shop\".\"orders\" would break the view ext.a: permission denied for schema ext");
    database.run(&format!(
        "drop owned by {analyst} cascade; drop owned by {builder} cascade; drop role {builder}; drop role {analyst}"
    ));
}

#[test]
fn foreign_keys_point_at_the_new_table() {
    let database = database!();
    let keys = "{{ config(materialized='table', contract={'enforced': true}) }} select i as id from generate_series(1, 3) as g (i)";
    let contract = "models: [{name: keys, columns: [{name: id, data_type: int, constraints: [{type: primary_key}]}]}]";
    let project = Project::new("", &[("models/keys.sql", keys), ("models/keys.yml", contract)]);
    project.run(&database, "run", 0);
    database.run("create table rows (id int references shop.keys (id)); insert into rows values (1)");
    project.run(&database, "run", 0);
    let target = "select confrelid::regclass from pg_constraint where conrelid = 'rows'::regclass";
    assert_eq!(database.run(target), "shop.keys");
    project.write("models/keys.sql", &keys.replace("series(1,", "series(2,"));
    let output = project.run(&database, "run", 1);
    assert_has(&output, "replacing \"shop\".\"keys\" would break a foreign key of public.rows");
    assert_eq!(database.run("select min(id) from shop.keys"), "1");
}

#[test]
fn a_view_that_would_break_stops_the_build_unless_it_may_go() {
    let database = database!();
    let project = Project::new("", &CHAIN[..1]);
    project.run(&database, "run", 0);
    database.run("create view outside as select amount from shop.orders; create view above as select * from outside");
    project.write("models/orders.sql", &orders("i as id"));
    let output = project.run(&database, "run", 1);
    assert_has(
        &output,
        "replacing \"shop\".\"orders\" would break the view public.outside: column orders.amount does not exist",
    );
    assert_has(&output, "error[K0711]");
    assert_eq!(database.run("select count(*) from above"), "1000");
    project.write("models/orders.sql", &orders("i as id").replace("'table'", "'table', on_dependent_views='drop'"));
    project.run(&database, "run", 0);
    assert_eq!(database.run("select to_regclass('above') is null and to_regclass('outside') is null"), "t");
}

#[test]
fn nobody_queues_behind_a_long_reader() {
    let database = database!();
    let project = Project::new("", &CHAIN);
    project.run(&database, "run", 0);
    let mut long = database.start("begin; select count(*) from shop.third; select pg_sleep(60)");
    wait_until(
        &database,
        "select count(*) > 0 from pg_stat_activity where query like '%shop.third%pg_sleep%' and wait_event = 'PgSleep'",
    );
    let readers = Readers::start(&database, project.dir.path(), &["shop.orders", "shop.second"]);
    project.write("models/orders.sql", &CHAIN[0].1.replace("'table'", "'table', publish_timeout=1"));
    let output = project.run(&database, "run", 1);
    assert_has(&output, "\"shop\".\"orders\" could not be replaced within 1 seconds, because others read it: process");
    assert_has(&output, "error[K0712]");
    project.write("models/orders.sql", CHAIN[0].1);
    let kiln = project.start(&database, "run");
    wait_until(
        &database,
        "select count(*) > 0 from pg_stat_activity where query like '%kiln%' and wait_event = 'PgSleep'",
    );
    long.kill().ok();
    long.wait().ok();
    // The server does not notice that the client is gone while it sleeps.
    database.run("select pg_terminate_backend(pid) from pg_stat_activity where query like '%shop.third%pg_sleep%' and pid <> pg_backend_pid()");
    let output = kiln.wait_with_output().expect("kiln can be waited for");
    assert!(output.status.success(), "{}", project.log());
    readers.saw_no_gap();
}

#[test]
fn dbts_renaming_is_there_for_those_who_ask() {
    let database = database!();
    let project = Project::new("", &CHAIN);
    project.write("dbt_project.yml", "name: shop\nprofile: shop\nmodels:\n  +publish: dbt\n");
    project.run(&database, "run", 0);
    database.run("create view outside as select amount from shop.orders");
    project.run(&database, "run", 0);
    assert_eq!(database.run("select to_regclass('outside') is null"), "t");
    let log = fs::read_to_string(project.dir.path().join("logs/dbt.log")).expect("there is a log");
    assert_has(&log, "rename to \"orders__dbt_backup\"");
    project.write("dbt_project.yml", "name: shop\nprofile: shop\nmodels:\n  +publish: fast\n");
    assert_has(&project.run(&database, "run", 1), "`publish` must be `swap` or `dbt`, not `fast`");
}

#[test]
fn what_a_broken_build_left_is_cleared_up() {
    let database = database!();
    let project = Project::new("", &CHAIN);
    project.run(&database, "run", 0);
    // As dbt leaves things if it is killed between its two transactions.
    database.run(
        "alter table shop.orders rename to orders__dbt_backup; create table shop.orders as select 1 as id;
         create table shop.orders__dbt_tmp as select 1 as a; create view shop.second__dbt_tmp as select 1 as a;
         create table shop.third__dbt_backup as select 1 as a",
    );
    let readers = Readers::start(&database, project.dir.path(), &["shop.first", "shop.third"]);
    project.run(&database, "run", 0);
    readers_read_on(&database);
    readers.saw_no_gap();
    let names =
        "select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'shop'::regnamespace";
    assert_eq!(database.run(names), "first orders second third");
}

/// Leaves readers some time.
fn readers_read_on(database: &Database) {
    database.run("select pg_sleep(0.5)");
}

/// What is built while things are killed; `version` is another one in each build.
const KILLED: [(&str, &str); 6] = [
    ("seeds/ids.csv", "id\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"),
    (
        "models/whole.sql",
        "{{ config(materialized='table', indexes=[{'columns': ['id'], 'unique': true}]) }}
         select a.id, {{ var('version') }} as version from {{ ref('ids') }} as a, {{ ref('ids') }} as b, {{ ref('ids') }} as c
         where a.id = b.id and b.id = c.id",
    ),
    ("models/viewed.sql", "select *, {{ var('version') }} as of_view from {{ ref('whole') }}"),
    (
        "models/merged.sql",
        "{{ config(materialized='incremental', unique_key='id') }} select id, version from {{ ref('viewed') }}",
    ),
    (
        "models/listed.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }} select id, 1 as version from {{ ref('ids') }}
         {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
    ),
    (
        "snapshots/history.yml",
        "snapshots: [{name: history, relation: ref('whole'), config: {unique_key: id, strategy: check, check_cols: all}}]",
    ),
];

/// What readers count on at any moment: ten rows, each once, of one version.
fn assert_whole(database: &Database, what: &str) {
    for relation in ["ids", "whole", "viewed", "merged", "listed", "history"] {
        let version = if relation == "ids" { "id - id" } else { "version" };
        let current = if relation == "history" { "where dbt_valid_to is null" } else { "" };
        let sql =
            format!("select count(*), count(distinct id), count(distinct {version}) from shop.{relation} {current}");
        assert_eq!(database.run(&sql), "10|10|1", "{relation} after {what}");
    }
}

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// `KILN_KILLS` says how often; 18 if it does not.
#[test]
fn whatever_is_killed_nothing_is_lost_or_half_there() {
    let kills = std::env::var("KILN_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(18);
    let mut cluster: Cluster = cluster!();
    let database = cluster.server().database();
    let project = Project::new("threads: 4\nretries: 0", &KILLED);
    project.run(&database, "build --vars '{version: 0}'", 0);
    let began = Instant::now();
    project.run(&database, "build --vars '{version: 1}'", 0);
    let usual = u64::try_from(began.elapsed().as_micros()).expect("a build is short");
    let mut chance = Chance(7);
    for n in 0..kills {
        let mut kiln = project.start(&database, &format!("build --vars '{{version: {}}}'", n + 2));
        let moment = Duration::from_micros(chance.below(usual * 5 / 4));
        std::thread::sleep(moment);
        let what = ["kiln", "its connections", "the server"][n % 3];
        match what {
            "kiln" => drop(Command::new("kill").args(["-KILL", &kiln.id().to_string()]).status()),
            "the server" => cluster.stop(),
            _ => drop(database.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()",
            )),
        }
        kiln.wait().expect("kiln can be waited for");
        if what == "the server" {
            cluster.start();
        }
        assert_whole(&database, &format!("kill {n}, of {what}, after {moment:?}"));
        if n % 4 == 3 {
            project.run(&database, &format!("build --vars '{{version: {}}}'", n + 2), 0);
        }
    }
    project.run(&database, "build --vars '{version: 100000}'", 0);
    assert_whole(&database, "the last build");
    let left = "select count(*) from pg_class where relname like '%\\_\\_%' and relnamespace = 'shop'::regnamespace";
    assert_eq!(database.run(left), "0");
}
