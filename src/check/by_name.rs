//! Checking names alone, where there is no engine to bind statements: whether the columns that queries name exist in what
//! they read. Types, functions and syntax are another database's to judge, so nothing is said of them.

use super::shape::{Certainty, Shape};
use super::{Basis, Checked, Checker};
use crate::adapter::{AdapterError, AdapterErrorKind};
use crate::compile::{self, CompiledNode};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::jinja::SqlFailure;
use crate::manifest::NodeIndex;

/// Columns that every table has, though no one lists them.
const SYSTEM: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"];

impl Checker<'_> {
    /// Checks the names in a compiled node.
    pub(super) fn by_name(&self, ix: NodeIndex, compiled: &CompiledNode, basis: &Basis) -> Checked {
        let sql = &*compiled.compiled_code;
        let (query, tables) = self.analyzed(sql);
        let known = || {
            let columns = tables.iter().filter_map(|(_, ix)| self.shapes.get(*ix)).flat_map(|shape| &shape.columns);
            columns.map(|(name, _)| name.as_str())
        };
        let mut problems = Vec::new();
        for name in query.missing.iter().filter(|name| !SYSTEM.contains(&name.as_str())) {
            let last = name.rsplit('.').next().unwrap_or(name);
            problems.push(self.missing(compiled, name).maybe_hint(did_you_mean(last, known())));
        }
        let is_read = query.unlisted.as_ref().is_none_or(|unlisted| !query.unknown.contains(&unlisted.reason));
        let unchecked = match (problems.is_empty(), is_read, &basis.reason) {
            (false, ..) => None,
            (true, false, _) => query.unknown.first().cloned(),
            (true, true, Some(reason)) if basis.certainty == Certainty::Open => Some(reason.clone()),
            (true, true, _) => None,
        };
        let shape = self.shape_of_query(ix, &query);
        let reason = shape.reason.filter(|_| shape.certainty == Certainty::Open);
        Checked { node: ix, problems, unchecked, shape: Shape { reason, ..shape } }
    }

    fn missing(&self, compiled: &CompiledNode, name: &str) -> Diagnostic {
        let node = compiled.ix.map_or("", |ix| self.manifest.node(ix).name.as_str());
        let mut error = AdapterError::new(AdapterErrorKind::Syntax, "");
        error.position = place(&compiled.compiled_code, name);
        let failure = SqlFailure { error, sql: compiled.compiled_code.to_string() };
        let mut problem = *compile::explain_rejection(self.setup.runtime, compiled, &failure);
        problem.code = Code::UnknownColumn;
        problem.message = format!("`{node}`: column `{name}` is in nothing that the query reads");
        problem
    }
}

/// Where a name stands in SQL for the first time, outside of texts and comments.
fn place(sql: &str, name: &str) -> Option<usize> {
    let is_word = |ch: Option<char>| ch.is_some_and(|ch| ch.is_alphanumeric() || matches!(ch, '_' | '.' | '$'));
    let lower = sql.to_lowercase();
    let stand = |(at, _): &(usize, &str)| {
        let before = &lower[..*at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        let is_text = before.matches('\'').count() % 2 == 1 || line.contains("--");
        !is_text && !is_word(before.chars().next_back()) && !is_word(lower[at + name.len()..].chars().next())
    };
    let found = lower.match_indices(&name.to_lowercase()).find(stand).map(|(at, _)| at);
    // Letters outside of ASCII may have another length in lower case.
    found.filter(|_| lower.len() == sql.len())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn names_are_found_where_they_are_names() {
        assert_eq!(place("select 'id', id2, o.id, Id from t", "id"), Some(24));
        assert_eq!(place("select a -- b\n, b from t", "b"), Some(16));
        assert_eq!(place("select 1", "b"), None);
    }
}
