//! Unit tests: whether the columns of their fixtures exist, and their values fit the types of these columns.

use serde_json::{Map, Value as Data, json};

use super::message;
use super::shape::{Certainty, Shape};
use super::{Checked, Checker};
use crate::diagnostic::{Code, Diagnostic, Span, did_you_mean};
use crate::manifest::{Node, NodeIndex, NodeKind, UnitSubject, UnitTestDef, find_input};

/// The rows of an input, or the expected ones.
struct Fixture<'a> {
    /// What messages call them.
    what: String,
    /// What has the columns: a parent, or the model under test.
    of: NodeIndex,
    rows: &'a Data,
    /// Where they are declared.
    span: Span,
}

impl Checker<'_> {
    /// A unit test: nothing of its model is run.
    pub(super) fn unit_test(&self, ix: NodeIndex) -> Option<Checked> {
        let node = self.manifest.node(ix);
        let NodeKind::UnitTest(def) = &node.kind else { return None };
        let mut problems = Vec::new();
        let mut unchecked = None;
        let tested = def.tested_node.as_ref().and_then(|id| self.manifest.find(id.as_str()));
        for fixture in fixtures(self.manifest, node, def, tested) {
            match self.shapes.get(fixture.of) {
                Some(shape) => self.fixture(node, &fixture, shape, &mut problems, &mut unchecked),
                None => unchecked = Some(format!("`{}` is not checked", self.manifest.node(fixture.of).unique_id)),
            }
        }
        let shape = Shape { columns: Vec::new(), certainty: Certainty::Named, reason: None };
        Some(Checked { node: ix, problems, unchecked, shape })
    }

    fn fixture(
        &self,
        test: &Node,
        fixture: &Fixture<'_>,
        shape: &Shape,
        problems: &mut Vec<Diagnostic>,
        unchecked: &mut Option<String>,
    ) {
        let rows: Vec<&Map<String, Data>> = match fixture.rows {
            Data::Array(rows) => rows.iter().filter_map(Data::as_object).collect(),
            // A text is a query of its own.
            Data::String(sql) => return self.fixture_query(test, fixture, sql, problems),
            _ => return,
        };
        if shape.certainty == Certainty::Open {
            unchecked.get_or_insert_with(|| shape.reason.clone().unwrap_or_default());
            return;
        }
        let mut missing: Vec<&str> = Vec::new();
        let mut values: Vec<(&str, &Data, &str)> = Vec::new();
        for (name, value) in rows.iter().flat_map(|row| row.iter()) {
            let own = shape.columns.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            match own {
                None if !missing.contains(&name.as_str()) => missing.push(name),
                Some((_, Some(data_type))) if shape.certainty == Certainty::Typed => {
                    values.push((name, value, data_type));
                }
                _ => {}
            }
        }
        for name in missing {
            let names = shape.columns.iter().map(|(name, _)| name.as_str());
            let message = format!("unit test `{}`: {} has no column `{name}`", test.name, fixture.what);
            let at = place(test, fixture.span, name);
            let error = Diagnostic::error(Code::UnknownColumn, message).at(&test.file, at);
            problems.push(error.maybe_hint(did_you_mean(name, names)));
        }
        self.values(test, fixture, &values, problems);
    }

    /// Values that do not fit: all at once first, since they usually do.
    fn values(
        &self,
        test: &Node,
        fixture: &Fixture<'_>,
        values: &[(&str, &Data, &str)],
        problems: &mut Vec<Diagnostic>,
    ) {
        let casts: Vec<_> = values
            .iter()
            .filter_map(|(name, value, data_type)| Some((*name, *value, *data_type, cast(value, data_type)?)))
            .collect();
        let all: Vec<&str> = casts.iter().map(|(.., cast)| cast.as_str()).collect();
        if all.is_empty() || self.setup.bench.compute(&format!("select {}", all.join(", "))).is_ok() {
            return;
        }
        for (name, value, data_type, cast) in &casts {
            let Err(error) = self.setup.bench.compute(&format!("select {cast}")) else { continue };
            let shown = value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"));
            let message = format!(
                "unit test `{}`: {shown} does not fit column `{name}` of {}, which is {data_type}",
                test.name, fixture.what
            );
            let at = place(test, fixture.span, value.as_str().unwrap_or(name));
            let error =
                Diagnostic::error(Code::BindFailed, message).at(&test.file, at).hint(message::sentence(&error.message));
            problems.push(error);
        }
    }

    /// Rows that are written as a query.
    fn fixture_query(&self, test: &Node, fixture: &Fixture<'_>, sql: &str, problems: &mut Vec<Diagnostic>) {
        if sql.contains("{{") || sql.contains("{%") {
            return;
        }
        if let Err(error) = self.setup.bench.describe(sql) {
            let says = message::sentence(&error.message);
            let message = format!("unit test `{}`: the rows of {}: {says}", test.name, fixture.what);
            problems.push(Diagnostic::error(Code::BindFailed, message).at(&test.file, fixture.span));
        }
    }
}

/// The fixtures of a test of a whole model; of a part of one or of a macro only the inputs have known columns.
fn fixtures<'a>(
    manifest: &crate::manifest::Manifest,
    test: &Node,
    def: &'a UnitTestDef,
    tested: Option<NodeIndex>,
) -> Vec<Fixture<'a>> {
    let mut found = Vec::new();
    for (ix, given) in def.given.iter().enumerate() {
        let input = given.get("input").and_then(Data::as_str).unwrap_or_default();
        // An input that does not exist is told when the project is read.
        if let (Some(of), Some(rows)) = (find_input(manifest, tested, input), given.get("rows")) {
            let span = def.places.given.get(ix).map_or(test.span, |at| declaration(test, def, *at));
            found.push(Fixture { what: format!("input `{input}`"), of, rows, span });
        }
    }
    // With other macros or variables a model may have other columns.
    let is_itself = |overrides: &Map<String, Data>| overrides.values().all(|part| *part == json!({}));
    let is_model = def.subject == UnitSubject::Model && def.overrides.as_ref().is_none_or(is_itself);
    if let (true, Some(of), Some(rows)) = (is_model, tested, def.expect.get("rows")) {
        let span = expectation(test, def);
        found.push(Fixture { what: format!("model `{}`", def.model), of, rows, span });
    }
    found
}

/// From where an input is named to where the next part of the test begins.
fn declaration(test: &Node, def: &UnitTestDef, at: Span) -> Span {
    let text = test.file.text();
    let inputs = def.places.given.iter().map(|given| given.start);
    let next = inputs.chain([expectation(test, def).start]).filter(|start| *start > at.start).min();
    let entry = || text[at.start as usize..].find("\n  - ").map_or(text.len(), |end| at.start as usize + end);
    Span::new(at.start as usize, next.map_or_else(entry, |next| next as usize))
}

/// Where the expected rows stand: `expect:` is looked for below the test's name.
fn expectation(test: &Node, def: &UnitTestDef) -> Span {
    let text = test.file.text();
    let after_inputs = def.places.given.iter().map(|span| span.end).max().unwrap_or(test.span.end);
    let find = |from: u32| {
        let rest = text.get(from as usize..)?;
        let start = from as usize + rest.find("expect:")?;
        // Up to the next entry of the list that the test stands in.
        let end = text[start..].find("\n  - ").map_or(text.len(), |at| start + at);
        Some(Span::new(start, end))
    };
    // `expect:` may stand before `given:`.
    let before = find(test.span.end).filter(|found| def.places.given.iter().all(|given| found.start < given.start));
    before.or_else(|| find(after_inputs)).unwrap_or(test.span)
}

/// Where a word stands in a part of the test's file; the beginning of the part if it does not.
fn place(test: &Node, span: Span, word: &str) -> Span {
    let text = test.file.text();
    let (start, end) = (span.start as usize, span.end as usize);
    let part = text.get(start..end).unwrap_or_default();
    let is_word = |ch: Option<char>| ch.is_some_and(|ch| ch.is_alphanumeric() || ch == '_');
    let whole = |(at, _): &(usize, &str)| {
        !is_word(part[..*at].chars().next_back()) && !is_word(part[at + word.len()..].chars().next())
    };
    match part.match_indices(word).find(whole) {
        Some((at, _)) if !word.is_empty() => Span::new(start + at, start + at + word.len()),
        _ => {
            let line = part.find('\n').unwrap_or(part.len());
            Span::new(start, start + line)
        }
    }
}

/// A value in the type of its column, as the test will have it; `None` where every value fits or what a value means is
/// not known.
fn cast(value: &Data, data_type: &str) -> Option<String> {
    let literal = match value {
        Data::String(text) => format!("'{}'", text.replace('\'', "''")),
        Data::Number(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        Data::Null | Data::Array(_) | Data::Object(_) => return None,
    };
    let is_text = ["text", "varchar", "character varying"].iter().any(|kind| data_type.eq_ignore_ascii_case(kind));
    (!is_text).then(|| format!("cast({literal} as {data_type})"))
}
