//! `kiln deps` against a hub, archives and repositories that the tests make themselves.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::server::{Answers, Server};
use crate::harness::shell;

/// An archive with a package in it.
fn package(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let top = folder.path().join(format!("{name}-main"));
    write(&top.join("dbt_project.yml"), &format!("name: {name}\n"));
    write(&top.join(format!("macros/{name}.sql")), &format!("{{% macro {name}() %}}1{{% endmacro %}}\n"));
    let mut command = Command::new("tar");
    command.arg("-czf").arg("-").arg("-C").arg(folder.path()).arg(format!("{name}-main"));
    command.output().expect("tar can be started").stdout
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn project(packages: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("dbt_project.yml"), "name: shop\nprofile: shop\n");
    write(&folder.path().join("packages.yml"), packages);
    write(&folder.path().join("dbt_packages/before/dbt_project.yml"), "name: before\n");
    folder
}

fn git(folder: &Path, line: &str) -> String {
    let setting = "git -c user.name=a -c user.email=a@b -c init.defaultBranch=main";
    let outcome = shell::run(folder, &line.replace("git", setting));
    assert_eq!(outcome.status, 0, "{line}: {}", outcome.output);
    outcome.output.trim().to_owned()
}

/// What lies in `dbt_packages`.
fn installed(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("dbt_packages")).expect("a folder").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn hub(address: &str) -> Answers {
    let version = |name: &str, at: &str, needs: &str, dbt: &str| {
        format!(
            r#"{{"name": "{name}", "packages": [{needs}], "require_dbt_version": [{dbt}],
                "downloads": {{"tarball": "{address}{at}"}}}}"#
        )
    };
    let utils = format!(
        r#"{{"name": "utils", "namespace": "acme", "versions": {{"1.0.0": {}, "1.1.0": {}, "1.2.0-rc1": {}, "9.0.0": {}}}}}"#,
        version("utils", "flaky/utils.tar.gz", "", ""),
        version("utils", "flaky/utils.tar.gz", r#"{"package": "acme/base", "version": ">=0.1.0"}"#, r#"">=1.0.0""#),
        version("utils", "none.tar.gz", "", ""),
        version("utils", "none.tar.gz", "", r#"">=3.0.0", "<4.0.0""#),
    );
    let base = format!(
        r#"{{"name": "base", "redirectname": "ground", "versions": {{"0.1.0": {}}}}}"#,
        version("base", "base.tar.gz", "", "")
    );
    let cut = format!(r#"{{"name": "cut", "versions": {{"1.0.0": {}}}}}"#, version("cut", "cut/cut.tar.gz", "", ""));
    Answers::from([
        ("api/v1/index.json".to_owned(), br#"["acme/utils", "acme/base"]"#.to_vec()),
        ("api/v1/acme/utils.json".to_owned(), utils.into_bytes()),
        ("api/v1/acme/base.json".to_owned(), base.into_bytes()),
        ("api/v1/acme/cut.json".to_owned(), cut.into_bytes()),
        ("flaky/utils.tar.gz".to_owned(), package("utils")),
        ("base.tar.gz".to_owned(), package("base")),
        ("cut/cut.tar.gz".to_owned(), package("cut")),
    ])
}

#[test]
fn packages_come_from_a_hub() {
    let server = Server::start(hub);
    let folder = project("packages:\n  - package: acme/utils\n    version: ['>=1.0.0', '<10.0.0']\n");
    let run =
        |args: &str| shell::run(folder.path(), &format!("DBT_PACKAGE_HUB_URL={} kiln deps {args}", server.address));
    let outcome = run("");
    assert_eq!(outcome.status, 0, "{}", outcome.output);
    assert_eq!(installed(folder.path()), ["base", "utils"]);
    assert!(outcome.output.contains("`acme/base` is called `acme/ground`"), "{}", outcome.output);
    assert!(folder.path().join("dbt_packages/utils/macros/utils.sql").is_file());
    let lock = fs::read_to_string(folder.path().join("package-lock.yml")).expect("a lock file");
    // The pre-release and the version for another dbt are passed over.
    assert!(lock.contains("package: acme/utils\n    version: 1.1.0\n"), "{lock}");
    assert!(lock.contains("package: acme/base\n    version: 0.1.0\n"), "{lock}");
    assert_eq!(server.n_asked("flaky/utils.tar.gz"), 2, "a failure that may pass is tried again");
    assert_eq!(run("--no-version-check --upgrade").status, 2, "the archive of 9.0.0 is not there");
    assert_eq!(installed(folder.path()), ["base", "utils"], "what fails changes nothing");
}

#[test]
fn a_download_that_fails_changes_nothing() {
    let server = Server::start(hub);
    for (package, complaint) in [("cut", "acme/cut"), ("nothing", "`acme/nothing` is not in the hub")] {
        let folder = project(&format!("packages:\n  - package: acme/{package}\n    version: 1.0.0\n"));
        let outcome = shell::run(folder.path(), &format!("DBT_PACKAGE_HUB_URL={} kiln deps", server.address));
        assert_eq!(outcome.status, 2);
        assert!(outcome.output.contains("K0113") && outcome.output.contains(complaint), "{}", outcome.output);
        assert_eq!(installed(folder.path()), ["before"]);
        let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".dbt_packages")));
    }
    assert_eq!(server.n_asked("cut/cut.tar.gz"), 5);
}

#[test]
fn archives_come_from_an_address_with_a_secret() {
    let server = Server::start(hub);
    let address = server.address.replace("http://", "http://me:{{ env_var('DBT_ENV_SECRET_TOKEN') }}@");
    let folder = project(&format!("packages:\n  - tarball: \"{address}base.tar.gz\"\n    name: other\n"));
    let outcome = shell::run(folder.path(), "DBT_ENV_SECRET_TOKEN=hush kiln deps && grep -r hush . | wc -l");
    assert_eq!(outcome.status, 0, "{}", outcome.output);
    assert_eq!(installed(folder.path()), ["other"]);
    assert!(outcome.output.ends_with("\n0\n"), "{}", outcome.output);
    let lock = fs::read_to_string(folder.path().join("package-lock.yml")).expect("a lock file");
    assert!(
        lock.contains("env_var(''DBT_ENV_SECRET_TOKEN'')") || lock.contains("env_var('DBT_ENV_SECRET_TOKEN')"),
        "{lock}"
    );
    let address = server.address.replace("http://", "http://me:hush@");
    let folder = project(&format!("packages:\n  - tarball: {address}none.tar.gz\n    name: other\n"));
    let outcome = shell::run(folder.path(), "kiln deps");
    assert!(outcome.output.contains("me:***@") && !outcome.output.contains("hush"), "{}", outcome.output);
}

/// A bare repository with two commits, a tag, a branch and a package in a folder.
fn repository(folder: &Path) -> String {
    let work = folder.join("work");
    write(&work.join("dbt_project.yml"), "name: lib\nversion: 1.0.0\n");
    write(&work.join("inner/deep/dbt_project.yml"), "name: inner\n");
    git(&work, "git init --quiet && git add . && git commit --quiet -m one && git tag v1");
    write(&work.join("dbt_project.yml"), "name: lib\nversion: 2.0.0\n");
    git(&work, "git commit --quiet -am two && git branch next");
    git(folder, "git clone --quiet --bare work lib.git");
    git(&work, "git rev-parse v1")
}

#[track_caller]
fn check_git(folder: &Path, entry: &str, expected: &str) {
    let url = format!("file://{}/lib.git", folder.display());
    let project = project(&format!("packages:\n  - git: {url}\n{entry}"));
    let outcome = shell::run(project.path(), "kiln deps");
    if outcome.status != 0 {
        assert!(outcome.output.contains(expected), "{}", outcome.output);
        assert_eq!(installed(project.path()), ["before"]);
        return;
    }
    let names = installed(project.path());
    let text = fs::read_to_string(project.path().join("dbt_packages").join(&names[0]).join("dbt_project.yml"));
    assert_eq!(text.expect("a package").replace('\n', " ").trim(), expected, "{}", outcome.output);
    let lock = fs::read_to_string(project.path().join("package-lock.yml")).expect("a lock file");
    let commit = lock.lines().find_map(|line| line.trim().strip_prefix("revision: ")).expect("a commit");
    assert_eq!(commit.trim_matches('\'').len(), 40, "{lock}");
    assert_eq!(outcome.output.contains("may change without warning"), entry.is_empty(), "{}", outcome.output);
}

#[test]
fn packages_come_from_git() {
    let folder = tempfile::tempdir().expect("a folder");
    let commit = repository(folder.path());
    let check = |entry: &str, expected: &str| check_git(folder.path(), entry, expected);
    check("", "name: lib version: 2.0.0");
    check("    revision: v1\n", "name: lib version: 1.0.0");
    check("    revision: next\n", "name: lib version: 2.0.0");
    check(&format!("    revision: '{commit}'\n"), "name: lib version: 1.0.0");
    check(&format!("    revision: '{}'\n", &commit[..8]), "name: lib version: 1.0.0");
    check("    revision: v1\n    subdirectory: inner/deep\n", "name: inner");
    check("    revision: v2\n", "has no branch, tag or commit `v2`");
    check("    revision: v1\n    subdirectory: ../x\n", "leads out of the repository");
    check("    revision: v1\n    subdirectory: nope\n", "has no folder `nope`");
}

#[test]
fn requests_for_two_revisions_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    repository(folder.path());
    let url = format!("file://{}/lib", folder.path().display());
    let project =
        project(&format!("packages:\n  - git: {url}.git\n    revision: v1\n  - git: {url}\n    revision: next\n"));
    let outcome = shell::run(project.path(), "kiln deps");
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.output.contains("K0114") && outcome.output.contains("asks for revision `next`"),
        "{}",
        outcome.output
    );
}
