//! The adapter against the real engine, in memory and in files.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::DuckDb;
use crate::adapter::{Adapter, AdapterErrorKind, Cell, Connection, RowLimit};
use crate::project::Target;
use crate::sql::{Relation, RelationKind};

fn open(fields: serde_json::Value, root: &Path) -> Result<DuckDb, crate::adapter::AdapterError> {
    let target = Target {
        profile_name: "shop".into(),
        name: "dev".into(),
        adapter_type: "duckdb".into(),
        threads: 1,
        database: "memory".into(),
        schema: "main".into(),
        fields: fields.as_object().cloned().unwrap_or_default(),
        written: None,
    };
    DuckDb::open(&target, root)
}

fn memory() -> Box<dyn Connection> {
    open(json!({}), Path::new(".")).unwrap().connect().unwrap()
}

#[track_caller]
fn check(sql: &str, expected: Cell) {
    let (table, execution) = memory().query(sql, RowLimit::All).unwrap();
    assert_eq!(table.rows, vec![vec![expected]]);
    assert_eq!(execution.message, "OK");
}

#[test]
fn values_keep_their_types() {
    check("select true", Cell::Bool(true));
    check("select 170141183460469231731687303715884105727::hugeint", Cell::Int(i128::MAX));
    check("select 340282366920938463463374607431768211455::uhugeint", Cell::Decimal(u128::MAX.to_string()));
    check("select -0.05::decimal(18,2)", Cell::Decimal("-0.05".into()));
    check("select 7::decimal(38,0)", Cell::Decimal("7".into()));
    check("select 1.5::double", Cell::Float(1.5));
    check("select date '2024-02-29'", Cell::Date(jiff::civil::date(2024, 2, 29)));
    check("select time '01:02:03.5'", Cell::Time(jiff::civil::time(1, 2, 3, 500_000_000)));
    let moment = jiff::civil::date(2024, 2, 29).at(1, 2, 3, 0);
    check("select timestamp '2024-02-29 01:02:03'", Cell::Timestamp(moment));
    check("select '2024-02-29 01:02:03'::timestamp_s", Cell::Timestamp(moment));
    check("select timestamptz '2024-02-29 03:02:03+02'", Cell::TimestampTz(moment));
    check("select null", Cell::Null);
    check("select '\\xAA'::blob", Cell::Bytes(vec![0xAA]));
}

#[test]
fn values_without_a_cell_are_the_text_that_duckdb_prints() {
    check(
        "select interval '14 months 1 day' + interval '3661500 milliseconds'",
        Cell::Text("1 year 2 months 1 day 01:01:01.5".into()),
    );
    check("select interval '0 days'", Cell::Text("00:00:00".into()));
    check(
        "select '1e8f7dc5-3b3f-4c3f-8e0d-1f2a3b4c5d6e'::uuid",
        Cell::Text("1e8f7dc5-3b3f-4c3f-8e0d-1f2a3b4c5d6e".into()),
    );
    check("select 'b'::enum('a', 'b')", Cell::Text("b".into()));
    check("select '10101'::bit", Cell::Text("10101".into()));
    check("select date 'infinity'", Cell::Text("infinity".into()));
    check("select date '5881580-07-10'", Cell::Text("5881580-07-10".into()));
    check("select date '0044-03-15 (BC)'", Cell::Text("0044-03-15 (BC)".into()));
}

#[test]
fn lists_structs_and_maps_nest() {
    check("select [1, null]", Cell::List(vec![Cell::Int(1), Cell::Null]));
    check("select {'a': 'x'}", Cell::Struct(vec![("a".into(), Cell::Text("x".into()))]));
    check("select map {1: [2]}", Cell::Struct(vec![("1".into(), Cell::List(vec![Cell::Int(2)]))]));
    check("select array_value(1, 2)", Cell::List(vec![Cell::Int(1), Cell::Int(2)]));
    check("select union_value(a := 3)", Cell::Int(3));
}

#[test]
fn every_type_of_the_engine_can_be_read() {
    let (table, _) = memory().query("select * exclude (geometry) from test_all_types()", RowLimit::All).unwrap();
    assert_eq!(table.rows.len(), 3);
    assert!(table.rows[2].iter().all(|cell| *cell == Cell::Null));
    let unknown: Vec<_> = table.columns.iter().filter(|column| column.data_type == "UNKNOWN").collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_last_of_several_statements_answers() {
    check("create table t as select 2 as a; select a from t;", Cell::Int(2));
    let (table, _) = memory().query("-- only a remark", RowLimit::All).unwrap();
    assert!(table.columns.is_empty());
}

#[test]
fn a_limit_is_kept() {
    let (table, _) = memory().query("select * from range(10000)", RowLimit::AtMost(3)).unwrap();
    assert_eq!(table.rows.len(), 3);
}

#[test]
fn refusals_have_a_kind_and_a_place() {
    let refusal = memory().query("select a\nfrom nowhere", RowLimit::All).unwrap_err();
    assert_eq!(refusal.kind, AdapterErrorKind::MissingRelation);
    assert_eq!(refusal.position, Some("select a\nfrom ".len()));
    assert!(refusal.message.starts_with("Catalog Error: Table with name nowhere does not exist!"));
    assert_eq!(memory().execute("selec").unwrap_err().kind, AdapterErrorKind::Syntax);
}

#[test]
fn describe_names_columns_without_running() {
    let columns = memory().describe("select 1 as a, 'x' as b, 1.5 as c").unwrap();
    let shown: Vec<_> = columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
    assert_eq!(shown, ["a INTEGER", "b VARCHAR", "c DECIMAL(2,1)"]);
}

#[test]
fn the_catalog_is_read_without_regard_to_case() {
    let mut session = memory();
    session
        .execute("create schema Shop; create table shop.Orders (id int); create view shop.v as select 1 as a")
        .unwrap();
    let mut found = session.relations(Some("MEMORY"), "SHOP").unwrap();
    found.sort_by_key(|relation| relation.identifier.clone());
    let shown: Vec<_> = found.iter().map(|relation| (relation.identifier.as_deref(), relation.kind)).collect();
    assert_eq!(shown, [(Some("Orders"), Some(RelationKind::Table)), (Some("v"), Some(RelationKind::View))]);
    let columns = session.columns(&Relation::new("memory", "shop", "orders")).unwrap();
    assert_eq!(columns[0].name, "id");
    assert!(session.columns(&Relation::new("memory", "shop", "nothing")).unwrap().is_empty());
}

#[test]
fn a_transaction_is_rolled_back_and_a_failed_one_is_over() {
    let mut session = memory();
    session.execute("create table t (a int)").unwrap();
    session.begin().unwrap();
    session.execute("insert into t values (1)").unwrap();
    session.rollback().unwrap();
    session.begin().unwrap();
    session.execute("insert into t values (2)").unwrap();
    session.execute("select nothing").unwrap_err();
    session.commit().unwrap();
    let (table, _) = session.query("select count(*) from t", RowLimit::All).unwrap();
    assert_eq!(table.rows, vec![vec![Cell::Int(0)]]);
}

#[test]
fn sessions_share_one_database() {
    let folder = tempfile::tempdir().unwrap();
    let adapter = open(json!({"path": "shop.duckdb"}), folder.path()).unwrap();
    adapter.connect().unwrap().execute("create table t as select 1 as a").unwrap();
    let (table, _) = adapter.connect().unwrap().query("select a from shop.main.t", RowLimit::All).unwrap();
    assert_eq!(table.rows, vec![vec![Cell::Int(1)]]);
    assert!(folder.path().join("shop.duckdb").exists());
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "x".repeat(9000)).unwrap();
    let adapter = open(json!({"path": "notes.txt"}), folder.path()).unwrap();
    let refusal = adapter.connect().map(|_| ()).unwrap_err();
    assert_eq!(refusal.kind, AdapterErrorKind::NotADatabase);
}

#[test]
fn settings_and_attachments_hold_in_every_session() {
    let folder = tempfile::tempdir().unwrap();
    let fields = json!({
        "settings": {"TimeZone": "Europe/Berlin"},
        "config_options": {"threads": 2},
        "extensions": ["json"],
        "attach": [{"path": "other.duckdb", "alias": "other"}],
        "secrets": [{"type": "s3", "key_id": "it's", "secret": "b", "scope": ["s3://a", "s3://b"]}],
    });
    // Secrets of type s3 need the httpfs extension, so here only their statement is looked at.
    let adapter = open(fields, folder.path()).unwrap();
    assert_eq!(
        adapter.profile.secrets.iter().map(|secret| secret.sql.as_str()).collect::<Vec<_>>(),
        [
            "create or replace secret _dbt_secret_1 (type s3, key_id 'it''s', secret 'b', scope 's3://a', scope 's3://b')"
        ]
    );
    let profile = super::Profile { secrets: Vec::new(), ..super::Profile::clone(&adapter.profile) };
    let adapter = DuckDb { profile: Arc::new(profile), ..adapter };
    let mut session = adapter.connect().unwrap();
    session.execute("create table other.main.t as select 1 as a").unwrap();
    let (table, _) = session.query("select current_setting('TimeZone')", RowLimit::All).unwrap();
    assert_eq!(table.rows, vec![vec![Cell::Text("Europe/Berlin".into())]]);
}

#[test]
fn busy_sessions_count_among_the_threads_unless_the_profile_says_how_many() {
    let external = |options: serde_json::Value, n_sessions| {
        let adapter = open(json!({"config_options": options}), Path::new(".")).unwrap();
        let mut session = adapter.connect().unwrap();
        adapter.expect_busy(n_sessions);
        let (table, _) = session.query("select current_setting('external_threads')", RowLimit::All).unwrap();
        table.rows[0][0].clone()
    };
    assert_eq!(external(json!({"threads": 3}), 2), Cell::Int(2));
    assert_eq!(external(json!({"threads": 3}), 8), Cell::Int(3));
    assert_eq!(external(json!({"threads": 3}), 0), Cell::Int(1));
    assert_eq!(external(json!({"threads": 3, "external_threads": 1}), 2), Cell::Int(1));
}

#[test]
fn what_only_python_can_do_is_refused() {
    for fields in [json!({"plugins": [{"module": "excel"}]}), json!({"path": "md:shop"})] {
        let refusal = open(fields, Path::new(".")).map(|_| ()).unwrap_err();
        assert_eq!(refusal.kind, AdapterErrorKind::Unsupported);
    }
}

#[test]
fn an_interrupt_stops_the_running_statement() {
    let mut session = memory();
    let interrupter = session.interrupter();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        // Interrupts that come before the statement are lost, so they are repeated until it has stopped.
        while wait.recv_timeout(std::time::Duration::from_millis(5)).is_err() {
            interrupter.interrupt();
        }
    });
    let refusal = session.query("select count(*) from range(1000000000000) a", RowLimit::All).unwrap_err();
    done.send(()).unwrap();
    other.join().unwrap();
    assert_eq!(refusal.kind, AdapterErrorKind::Interrupted);
}
