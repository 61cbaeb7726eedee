//! Unit tests that look into a model's query: the common table expressions that it begins with.
//!
//! The whole query is compiled; then what the tested part does not need is left out, and given expressions are
//! replaced by their rows.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::inputs::{Case, Small, input_node, small_manifest};
use super::overrides::literal;
use crate::compile::{self, CompiledNode, EphemeralPart, SqlMap};
use crate::diagnostic::{Diagnostic, Label, did_you_mean};
use crate::jinja::{Runtime, Session};
use crate::manifest::{NodeIndex, UnitSubject, UnitTestDef};
use crate::sql::{WithClause, with_clause};

/// The name in `cte('name')`.
pub(super) fn given_name(input: &str) -> Option<&str> {
    input.strip_prefix("cte('")?.strip_suffix("')")
}

/// Whether a test looks into the query of its model.
pub(super) fn is_looked_into(def: &UnitTestDef) -> bool {
    let is_given = |given: &Data| given["input"].as_str().and_then(given_name).is_some();
    matches!(def.subject, UnitSubject::Cte(_)) || def.given.iter().any(is_given)
}

/// A compiled model, in which a test looks for expressions.
struct Opened<'a> {
    case: &'a Case<'a>,
    runtime: &'a Arc<Runtime>,
    session: &'a Arc<Session>,
    compiled: &'a CompiledNode,
    with: WithClause,
}

/// Cuts a compiled model down to what the test looks at.
pub(super) fn cut(
    case: &Case<'_>,
    small: &Small,
    (runtime, session): (&Arc<Runtime>, &Arc<Session>),
    compiled: &CompiledNode,
) -> Result<CompiledNode, Box<Diagnostic>> {
    let with = with_clause(&compiled.compiled_code, runtime.adapter.dialect());
    let Some(with) = with else {
        let message = format!("the query of model `{}` begins with no common table expression", case.def.model);
        return Err(Box::new(case.invalid(case.def.places.subject, message)));
    };
    let opened = Opened { case, runtime, session, compiled, with };
    let given = opened.given()?;
    let replaced: Vec<usize> = given.iter().map(|(ix, _)| *ix).collect();
    let query = match &case.def.subject {
        UnitSubject::Cte(name) => {
            let ix = opened.find(name, None)?;
            (opened.with.ctes[ix].body.clone(), Some(opened.select(ix)?), Some(ix))
        }
        _ => (opened.with.query..compiled.compiled_code.len(), None, None),
    };
    let (from, select, tested) = query;
    let dialect = runtime.adapter.dialect();
    let mut needed = opened.with.needed(&compiled.compiled_code, dialect, from.clone(), &replaced);
    needed.extend(tested);
    opened.refuse_missing(small, &needed)?;
    Ok(opened.assembled(&needed, &given, (from, select)))
}

impl Opened<'_> {
    fn sql(&self) -> &str {
        &self.compiled.compiled_code
    }

    /// Finds an expression that the model itself writes; `given` is the input that names it.
    fn find(&self, name: &str, given: Option<usize>) -> Result<usize, Box<Diagnostic>> {
        if let Some(ix) = self.with.find(name, self.runtime.adapter.dialect()) {
            return Ok(ix);
        }
        let names: Vec<&str> = self
            .with
            .ctes
            .iter()
            .map(|cte| cte.name.as_str())
            .filter(|name| !name.starts_with("__dbt__cte__"))
            .collect();
        let place = given.map_or(self.case.def.places.subject, |given| self.case.place(given));
        let message = format!("model `{}` has no common table expression `{name}`", self.case.def.model);
        let listed = || {
            let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", listed.join(", ")) }
        };
        let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(listed);
        Err(Box::new(self.case.invalid(place, message).hint(hint)))
    }

    /// The expressions that the test gives, each with its rows as SQL.
    fn given(&self) -> Result<Vec<(usize, String)>, Box<Diagnostic>> {
        let mut given = Vec::new();
        for (place, input) in self.case.def.given.iter().enumerate() {
            let Some(name) = input["input"].as_str().and_then(given_name) else { continue };
            let ix = self.find(name, Some(place))?;
            if self.case.def.subject == UnitSubject::Cte(name.to_owned()) {
                let message = format!("`{name}` is under test and cannot be given");
                return Err(Box::new(self.case.invalid(self.case.place(place), message)));
            }
            let rows = self.rows(ix, &input["rows"]).map_err(|mut error| {
                // The template stands in no file.
                error.at = Some(Label::new(&self.case.test.file, self.case.place(place)));
                error
            })?;
            given.push((ix, rows));
        }
        Ok(given)
    }

    /// The rows of an expression as SQL, in the types of its columns. Where these cannot be found out, the values
    /// have the types that they have by themselves.
    fn rows(&self, ix: usize, rows: &Data) -> Result<String, Box<Diagnostic>> {
        let template = match rows.as_str() {
            Some(sql) => sql.to_owned(),
            None => match self.query(ix) {
                Some(query) => {
                    format!("{{{{ get_typed_fixture_sql({}, {}) }}}}", literal(rows), literal(&json!(query)))
                }
                None => format!("{{{{ get_untyped_fixture_sql({}) }}}}", literal(rows)),
            },
        };
        // The fixture is named after the expression, so that what is wrong with it is told by that name.
        let mut node = input_node(self.case.test, self.case.test, &template);
        node.name.clone_from(&self.with.ctes[ix].name);
        let parts = crate::jinja::RuntimeParts {
            project: Arc::clone(&self.runtime.project),
            manifest: Arc::new(small_manifest(self.case.manifest, vec![node], Vec::new())),
            registry: Arc::clone(self.runtime.env.registry()),
            adapter: Arc::clone(&self.runtime.adapter),
            listener: Arc::clone(&self.runtime.listener),
            selected: Vec::new(),
            deferred: Arc::default(),
        };
        let compiled = compile::compile(&Runtime::new(parts), self.session, NodeIndex::from_usize(0))?;
        Ok(compiled.compiled_code.to_string())
    }

    /// The query for an expression alone, if the database understands it.
    fn query(&self, ix: usize) -> Option<String> {
        let body = self.with.ctes[ix].body.clone();
        let dialect = self.runtime.adapter.dialect();
        let mut needed = self.with.needed(self.sql(), dialect, body.clone(), &[]);
        needed.insert(ix);
        let query = self.assembled(&needed, &[], (body, Some(self.select(ix).ok()?)));
        self.session.describe(&query.compiled_code).ok()?;
        Some(query.compiled_code.to_string())
    }

    /// A query for all rows of an expression.
    fn select(&self, ix: usize) -> Result<String, Box<Diagnostic>> {
        let name = &self.sql()[self.with.ctes[ix].written.clone()];
        let args = Map::from_iter([("name".to_owned(), json!(name))]);
        let answer = self.runtime.run_macro(self.session, "get_cte_unit_test_sql", &args)?;
        Ok(answer.as_str().unwrap_or_default().trim().to_owned())
    }

    /// What is read must be given.
    fn refuse_missing(&self, small: &Small, needed: &BTreeSet<usize>) -> Result<(), Box<Diagnostic>> {
        for (place, original) in small.originals.iter().enumerate() {
            let cte = format!("__dbt__cte__{}", small.manifest.nodes[place].alias);
            let is_read = needed.iter().any(|ix| self.with.ctes[*ix].name == cte);
            if !is_read || !small.missing.contains(original) {
                continue;
            }
            let node = self.case.manifest.node(*original);
            let input = match &node.kind {
                crate::manifest::NodeKind::Source(source) => {
                    format!("source('{}', '{}')", source.source_name, node.name)
                }
                _ => format!("ref('{}')", node.name),
            };
            let (test, place) = (&self.case.test.name, self.case.def.places.subject);
            let message = format!("unit test `{test}` reads `{input}`, of which no rows are given");
            let hint = format!("add `- input: {input}` under `given:`, or a `- cte:` between the two");
            return Err(Box::new(self.case.invalid(place, message).hint(hint)));
        }
        Ok(())
    }

    /// The query of some expressions, in their order, and one select: the given text, or what stands in `from`.
    fn assembled(
        &self,
        needed: &BTreeSet<usize>,
        given: &[(usize, String)],
        (from, select): (Range<usize>, Option<String>),
    ) -> CompiledNode {
        let mut pieces = Pieces { of: self.compiled, code: String::new(), segments: Vec::new(), parts: Vec::new() };
        for (place, ix) in needed.iter().enumerate() {
            if place == 0 {
                pieces.keep(self.with.keywords.clone());
                pieces.add(" ");
            } else {
                pieces.add(", ");
            }
            let cte = &self.with.ctes[*ix];
            match given.iter().find(|(given, _)| given == ix) {
                Some((_, rows)) => {
                    pieces.keep(cte.written.clone());
                    pieces.add(&format!(" as (\n{rows}\n)"));
                }
                None => pieces.keep(cte.whole.clone()),
            }
        }
        pieces.add("\n");
        match select {
            Some(select) => pieces.add(&select),
            None => pieces.keep(from),
        }
        pieces.into_node()
    }
}

/// A query made of pieces of another, which keep their places in the templates.
struct Pieces<'a> {
    of: &'a CompiledNode,
    code: String,
    segments: Vec<(usize, usize, usize)>,
    parts: Vec<EphemeralPart>,
}

impl Pieces<'_> {
    fn add(&mut self, text: &str) {
        self.code.push_str(text);
    }

    fn keep(&mut self, range: Range<usize>) {
        let at = self.code.len();
        let shifted = |offset: usize| offset - range.start + at;
        for (start, end, template) in self.of.map.segments() {
            let (first, last) = (start.max(range.start), end.min(range.end));
            if first < last {
                self.segments.push((shifted(first), shifted(last), template + (first - start)));
            }
        }
        for part in &self.of.ephemerals {
            if part.range.start >= range.start && part.range.end <= range.end {
                let range = shifted(part.range.start)..shifted(part.range.end);
                self.parts.push(EphemeralPart { range, ..part.clone() });
            }
        }
        self.code.push_str(&self.of.compiled_code[range]);
    }

    fn into_node(self) -> CompiledNode {
        CompiledNode {
            compiled_code: Arc::from(self.code),
            map: SqlMap::from_segments(&self.segments),
            ephemerals: self.parts,
            ..self.of.clone()
        }
    }
}
