//! `--state` with addresses: artifacts on a server, and in a store that speaks S3's protocol.

use std::fs;
use std::path::Path;

use crate::harness::server::{Answers, Server};
use crate::harness::shell;

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("dbt_project.yml", "name: shop\nprofile: shop\n");
    write("profiles.yml", "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}\n");
    write("models/orders.sql", "select 1 as id");
    write("models/report.sql", "select * from {{ ref('orders') }}");
    run(folder.path(), "kiln parse --quiet --target-path before");
    write("models/report.sql", "select id from {{ ref('orders') }}");
    folder
}

fn run(folder: &Path, line: &str) -> String {
    let outcome = shell::run(folder, line);
    format!(
        "{}{}",
        outcome.output,
        if outcome.status == 0 { String::new() } else { format!("[exit {}]", outcome.status) }
    )
}

fn server(folder: &Path, prefix: &str) -> Server {
    let manifest = fs::read(folder.join("before/manifest.json")).expect("a manifest");
    Server::start(|_| {
        Answers::from([(format!("{prefix}/manifest.json"), manifest), ("flaky/manifest.json".into(), b"{}".to_vec())])
    })
}

#[test]
fn manifests_are_read_from_servers() {
    let project = project();
    let server = server(project.path(), "main/state");
    let list = |state: &str| run(project.path(), &format!("kiln list --quiet -s state:modified --state '{state}'"));
    let address = &server.address;
    assert_eq!(list(&format!("{address}main/state")), "shop.report\n");
    assert_eq!(list(&format!("{address}main/state/manifest.json")), "shop.report\n");
    assert_eq!(
        list(&format!("{address}flaky/")),
        "shop.orders\nshop.report\n",
        "everything is new to an empty manifest"
    );
    assert!(server.n_asked("flaky/manifest.json") > 1, "what fails in passing is tried again");
    let missing = list(&format!("{address}nowhere"));
    assert!(
        missing.contains("error[K0904]: there are no artifacts of an earlier run at `http://127.0.0.1"),
        "{missing}"
    );
}

#[test]
fn manifests_are_read_from_buckets() {
    let project = project();
    let server = server(project.path(), "bucket/main");
    let keys = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b";
    let endpoint = format!("AWS_ENDPOINT_URL={}", server.address);
    let line = format!("{keys} {endpoint} kiln list --quiet -s state:modified --state s3://bucket/main");
    assert_eq!(run(project.path(), &line), "shop.report\n");
}

#[test]
fn nodes_are_deferred_to_where_a_server_says() {
    let project = project();
    run(project.path(), "kiln run --quiet -s orders");
    let server = server(project.path(), "state");
    let line = format!("kiln compile --quiet -s report --defer --favor-state --state {}state", server.address);
    let text = run(project.path(), &line);
    assert!(text.contains("\"main\".\"orders\""), "{text}");
}
