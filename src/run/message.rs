//! Problems of nodes in dbt's form, as results publish them, and paths of the files a node leaves.

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Node, NodeKind};
use crate::sql::Dialect;

/// The problem as dbt words it: `Runtime Error in model orders (models/orders.sql)` and the indented text.
#[must_use]
pub fn in_dbt_words(node: &Node, diagnostic: &Diagnostic, dialect: Dialect) -> String {
    let kind = match diagnostic.code {
        _ if diagnostic.message.starts_with(UNIT_TEST_FAILED) => "Runtime Error",
        code => error_kind(code, dialect),
    };
    let word = node.resource_type;
    let mut text = format!("{kind} in {word} {} ({})", node.name, node.original_file_path);
    for line in diagnostic.message.split('\n') {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// How the message of a unit test begins whose statements cannot be run.
pub(super) const UNIT_TEST_FAILED: &str = "An error occurred during execution of unit test";

/// The name of dbt's kind of error.
pub(super) fn error_kind(code: Code, dialect: Dialect) -> &'static str {
    match code {
        Code::TemplateSyntax
        | Code::TemplateFailed
        | Code::UnknownMacro
        | Code::WrongArguments
        | Code::RaisedInTemplate
        | Code::MacroCycle
        | Code::VarMissing
        | Code::UnknownRef
        | Code::UnknownSource
        | Code::DisabledRef
        | Code::RefNotInferred
        | Code::ContractBroken
        | Code::MaterializationMissing
        | Code::PropertyInvalid
        | Code::SeedInvalid => "Compilation Error",
        code if is_database_error(code, dialect) => "Database Error",
        _ => "Runtime Error",
    }
}

/// Whether dbt calls it an error of the database. Its adapter for DuckDB raises those as any others.
pub(super) fn is_database_error(code: Code, dialect: Dialect) -> bool {
    let is_from_database = matches!(code, Code::SqlRejected | Code::ConnectFailed | Code::DiskFull | Code::Interrupted);
    is_from_database && dialect == Dialect::Postgres
}

/// Where a node's text goes below the target folder: `compiled/shop/models/orders.sql`.
/// Of several nodes in one file, each has a file of its own below the name of theirs.
#[must_use]
pub fn output_path(folder: &str, node: &Node) -> String {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (package, path) = (&node.package, &node.original_file_path);
    if let (NodeKind::UnitTest(test), Some((parent, _))) = (&node.kind, path.rsplit_once('/')) {
        // As dbt has it: the folder of the property file stands once more below the file.
        let version = test
            .version
            .as_ref()
            .map(|version| format!("_v{}", version.as_str().map_or_else(|| version.to_string(), str::to_owned)));
        return format!("{folder}/{package}/{path}/{parent}/{}{}.sql", node.name, version.unwrap_or_default());
    }
    if name(&node.path) == name(path) {
        format!("{folder}/{package}/{path}")
    } else {
        format!("{folder}/{package}/{path}/{}", node.path)
    }
}

/// Where the text of one batch goes: `compiled/shop/models/events/events_2024-01-31.sql`.
pub(super) fn batch_path(folder: &str, node: &Node, label: &str) -> String {
    let path = output_path(folder, node);
    let (stem, ending) = path.rsplit_once('.').unwrap_or((&path, "sql"));
    let name = stem.rsplit('/').next().unwrap_or_default();
    format!("{stem}/{name}_{label}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    #[test]
    fn problems_name_the_node_and_its_file() {
        let manifest = fixture::manifest(&["model.a"]);
        let diagnostic = Diagnostic::error(Code::SqlRejected, "Binder Error: no\n\nLINE 1: x");
        let text = |dialect| in_dbt_words(&manifest.nodes[0], &diagnostic, dialect);
        let rest = "Error in model a (models/a.sql)\n  Binder Error: no\n  \n  LINE 1: x";
        assert_eq!(text(Dialect::DuckDb), format!("Runtime {rest}"));
        assert_eq!(text(Dialect::Postgres), format!("Database {rest}"));
    }

    #[test]
    fn nodes_that_share_a_file_have_files_of_their_own() {
        let mut manifest = fixture::manifest(&["model.a", "test.t"]);
        assert_eq!(output_path("run", &manifest.nodes[0]), "run/shop/models/a.sql");
        manifest.nodes[1].original_file_path = "models/schema.yml".into();
        assert_eq!(output_path("compiled", &manifest.nodes[1]), "compiled/shop/models/schema.yml/t.sql");
    }
}
