//! The small manifest of a unit test: its inputs, then the test itself.
//!
//! Every input is an ephemeral model that selects the fixture's rows, so compiling works as for any other node.

use std::sync::Arc;

use serde_json::{Value as Data, json};

use super::overrides::literal;
use super::{ColumnTypes, cte};
use crate::diagnostic::{Code, Diagnostic, Label, SourceFile, Span, did_you_mean};
use crate::jinja::{Runtime, Session};
use crate::manifest::{
    Checksum, Graph, Manifest, Node, NodeConfig, NodeIndex, NodeKind, ResourceType, UniqueId, UnitSubject, UnitTestDef,
    find_input,
};

/// Columns and their types, in order.
type Columns = Vec<(String, String)>;

/// A unit test and what is known around it.
pub(super) struct Case<'a> {
    /// The project's manifest.
    pub(super) manifest: &'a Manifest,
    /// The test.
    pub(super) test: &'a Node,
    /// What it declares.
    pub(super) def: &'a UnitTestDef,
    /// The types of columns of nodes that are not built.
    pub(super) types: &'a dyn ColumnTypes,
}

/// The manifest of a test.
pub(super) struct Small {
    /// The inputs, the functions that the model calls, then the test.
    pub(super) manifest: Manifest,
    /// The test.
    pub(super) at: NodeIndex,
    /// What the nodes before it stand for.
    pub(super) originals: Vec<NodeIndex>,
    /// Which of them have no rows in the test: only a test of a common table expression leaves inputs out.
    pub(super) missing: Vec<NodeIndex>,
    /// Where the inputs are declared, for the first nodes.
    places: Vec<Span>,
    /// Inputs that are not built and whose columns are not known.
    unknown: Vec<String>,
}

impl Small {
    /// Tells what is wrong with a fixture, or with the call of a macro, where that is declared.
    pub(super) fn at_home(&self, (test, def): (&Node, &UnitTestDef), mut error: Box<Diagnostic>) -> Box<Diagnostic> {
        // A model's own template stands in its own file.
        let is_call = matches!(def.subject, UnitSubject::Macro { .. });
        let place = |ix: usize| {
            let call = (is_call && ix == self.at.as_usize()).then_some(def.places.subject);
            self.places.get(ix).copied().or(call)
        };
        if let [first, ..] = self.unknown.as_slice() {
            error.hints.insert(
                0,
                format!(
                    "`{first}` is not built, and the types of its columns are not known: build it, declare `data_type` \
                     for all columns of the sources that it is made of, or write its rows as SQL with `format: sql`"
                ),
            );
        }
        for label in error.at.iter_mut().chain(&mut error.related) {
            let found = self.manifest.nodes.iter().position(|node| Arc::ptr_eq(&node.file, &label.file));
            if let Some(span) = found.and_then(place) {
                *label = Label { text: label.text.clone(), ..Label::new(&test.file, span) };
            }
        }
        if matches!(error.code, Code::UnknownRef | Code::UnknownSource) {
            error.related.push(Label::new(&test.file, test.span).with_text("the test that has no such input"));
        }
        let is_here = |label: &Label| Arc::ptr_eq(&label.file, &test.file);
        if error.code == Code::SqlRejected && !error.at.iter().chain(&error.related).any(is_here) {
            error.related.push(Label::new(&test.file, def.places.expect).with_text("what the test expects"));
        }
        at_column(test, def.places.expect, &mut error);
        error
    }
}

/// Points at the key of a row that names a column which the input or the model does not have.
fn at_column(test: &Node, expect: Span, error: &mut Diagnostic) {
    let Some((name, rest)) =
        error.message.split_once("Invalid column name: '").and_then(|(_, rest)| rest.split_once('\''))
    else {
        return;
    };
    let own = error.at.as_ref().filter(|at| Arc::ptr_eq(&at.file, &test.file)).map(|at| at.span);
    let from = if rest.contains("for expected output") { Some(expect) } else { own };
    let Some(start) = from.map(|span| span.start as usize) else { return };
    let text = test.file.text();
    let at = text.get(start..).and_then(|rest| rest.find(name)).map_or(start, |at| start + at);
    let accepted = rest.rsplit_once('[').map_or("", |(_, list)| list).split('\'').skip(1).step_by(2);
    let hint = did_you_mean(name, accepted).unwrap_or_else(|| "take the key out of the row".to_owned());
    let label = Label::new(&test.file, Span::new(at, at + name.len()));
    (error.at, error.related, error.hints) = (Some(label), Vec::new(), vec![hint]);
}

impl Case<'_> {
    /// An error of the test at a place in its file.
    pub(super) fn invalid(&self, span: Span, message: String) -> Diagnostic {
        Diagnostic::error(Code::UnitTestInvalid, message).at(&self.test.file, span)
    }

    /// The model under test.
    pub(super) fn tested(&self) -> Result<Option<NodeIndex>, Box<Diagnostic>> {
        if matches!(self.def.subject, UnitSubject::Macro { .. }) {
            return Ok(None);
        }
        let found = self.def.tested_node.as_ref().and_then(|id| self.manifest.find(id.as_str()));
        let missing = || {
            let (test, model) = (&self.test.name, &self.def.model);
            let message = format!("unit test `{test}` tests a model that does not exist: `{model}`");
            Box::new(self.invalid(self.test.span, message))
        };
        found.map(Some).ok_or_else(missing)
    }

    /// Where an input is declared.
    pub(super) fn place(&self, given: usize) -> Span {
        self.def.places.given.get(given).copied().unwrap_or(self.test.span)
    }

    /// Makes the small manifest. The session tells which inputs are built.
    pub(super) fn small(&self, runtime: &Runtime, session: &Session) -> Result<Small, Box<Diagnostic>> {
        let tested = self.tested()?;
        if tested.is_some_and(|ix| self.manifest.node(ix).is_python_model()) {
            let (test, model) = (&self.test.name, &self.def.model);
            let message = format!("unit test `{test}` tests the Python model `{model}`, which has no query");
            return Err(Box::new(self.invalid(self.test.span, message)));
        }
        let (mut nodes, mut originals, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let (mut places, mut unknown) = (Vec::new(), Vec::new());
        let mut this_input = None;
        for (place, given) in self.def.given.iter().enumerate() {
            let input = given.get("input").and_then(Data::as_str).unwrap_or_default();
            if input.is_empty() || cte::given_name(input).is_some() {
                continue;
            }
            let original = find_input(self.manifest, tested, input).ok_or_else(|| {
                let test = &self.test.name;
                let message = format!("Unit test '{test}' had an input ({input}) which was not found in the manifest.");
                Box::new(self.invalid(self.place(place), message))
            })?;
            let rows = given.get("rows").cloned().unwrap_or_else(|| json!([]));
            let types = if rows.is_string() { None } else { self.inferred(runtime, session, original) };
            if !rows.is_string() && types.is_none() && !self.is_known(runtime, session, original) {
                unknown.push(input.to_owned());
            }
            let node = input_node(self.manifest.node(original), self.test, &fixture(&rows, types.as_ref()));
            if Some(original) == tested {
                this_input = Some(node.unique_id.clone());
            }
            nodes.push(node);
            originals.push(original);
            places.push(self.place(place));
        }
        for parent in tested.map_or(&[][..], |tested| self.manifest.parents(tested)) {
            let node = self.manifest.node(*parent);
            let is_left_out = !originals.contains(parent) && cte::is_looked_into(self.def);
            if node.resource_type == ResourceType::Function {
                nodes.push(Node { parents: Vec::new(), ..node.clone() });
                originals.push(*parent);
            } else if is_left_out {
                let types = self.inferred(runtime, session, *parent).unwrap_or_default();
                let is_known = !types.is_empty() || is_built(runtime, session, *parent);
                let code = if is_known { fixture(&json!([]), Some(&types)) } else { NOTHING_KNOWN.to_owned() };
                nodes.push(input_node(node, self.test, &code));
                originals.push(*parent);
                missing.push(*parent);
            }
        }
        let at = NodeIndex::from_usize(nodes.len());
        let parents: Vec<NodeIndex> = (0..nodes.len()).map(NodeIndex::from_usize).collect();
        nodes.push(match tested {
            Some(tested) => test_node(self.test, self.manifest.node(tested), self.def, this_input, parents.clone()),
            None => super::called::test_node(self.test, self.def, parents.clone()),
        });
        let manifest = small_manifest(self.manifest, nodes, parents);
        Ok(Small { manifest, at, originals, missing, places, unknown })
    }

    /// The types of an input's columns, if it is not built anywhere and they can be found out without it.
    fn inferred(&self, runtime: &Runtime, session: &Session, input: NodeIndex) -> Option<Columns> {
        if self.is_known(runtime, session, input) {
            return None;
        }
        self.types.of(input).filter(|types| !types.is_empty())
    }

    /// Whether an input is built, here or where it is deferred to.
    fn is_known(&self, runtime: &Runtime, session: &Session, input: NodeIndex) -> bool {
        let id = self.manifest.node(input).unique_id.as_str();
        runtime.deferred.relations.contains_key(id) || is_built(runtime, session, input)
    }
}

/// The nodes that a unit test names as its inputs.
#[must_use]
pub fn inputs_of(manifest: &Manifest, test: NodeIndex) -> Vec<NodeIndex> {
    let NodeKind::UnitTest(def) = &manifest.node(test).kind else { return Vec::new() };
    let tested = def.tested_node.as_ref().and_then(|id| manifest.find(id.as_str()));
    let names = def.given.iter().filter_map(|given| given["input"].as_str());
    names.filter_map(|name| find_input(manifest, tested, name)).collect()
}

/// Whether the relation of a node is there. A database that cannot say counts as having it: asking its columns then
/// tells what is wrong.
fn is_built(runtime: &Runtime, session: &Session, ix: NodeIndex) -> bool {
    let relation = runtime.relation(ix);
    let (database, schema) = (relation.database.as_deref(), relation.schema.as_deref().unwrap_or_default());
    if runtime.manifest.node(ix).config.materialized() == "ephemeral" {
        return false;
    }
    if runtime.list_schema(session, database, schema).is_err() {
        return true;
    }
    let identifier = relation.identifier.as_deref().unwrap_or_default();
    runtime.relations.find(database, schema, identifier).is_some()
}

/// What stands for an input of which nothing is known and that no row is given of.
const NOTHING_KNOWN: &str = "{{ get_unknown_fixture_sql() }}";

/// The template of a fixture.
pub(super) fn fixture(rows: &Data, types: Option<&Columns>) -> String {
    if let Data::String(sql) = rows {
        return sql.clone();
    }
    let types = types.map(|types| {
        let pairs = types.iter().map(|(name, data_type)| (name.to_lowercase(), json!(data_type)));
        Data::Object(pairs.collect())
    });
    format!("{{{{ get_fixture_sql({}, {}) }}}}", literal(rows), literal(&types.unwrap_or(Data::Null)))
}

/// A manifest whose last node reads all others.
pub(super) fn small_manifest(manifest: &Manifest, nodes: Vec<Node>, parents: Vec<NodeIndex>) -> Manifest {
    let mut edges = vec![Vec::new(); nodes.len() - 1];
    edges.push(parents);
    Manifest {
        by_id: nodes.iter().enumerate().map(|(ix, node)| (node.unique_id.clone(), NodeIndex::from_usize(ix))).collect(),
        graph: Graph::new(edges),
        nodes: nodes.into_iter().map(Box::new).collect(),
        project_name: manifest.project_name.clone(),
        adapter_type: manifest.adapter_type.clone(),
        ..Manifest::default()
    }
}

fn test_node(
    test: &Node,
    tested: &Node,
    def: &UnitTestDef,
    this_input: Option<UniqueId>,
    parents: Vec<NodeIndex>,
) -> Node {
    let mut node = tested.clone();
    node.config = test_config(def);
    node.unique_id = test.unique_id.clone();
    node.resource_type = ResourceType::UnitTest;
    node.name = versioned_name(test, tested);
    node.alias.clone_from(&node.name);
    node.package.clone_from(&test.package);
    node.path = format!("{}.sql", node.name);
    node.original_file_path.clone_from(&test.original_file_path);
    node.fqn = node.unique_id.as_str().split('.').map(str::to_owned).collect();
    node.checksum = Checksum { name: "none".to_owned(), checksum: String::new() };
    node.patch_path = None;
    node.relation_name = None;
    node.columns.clear();
    node.parents = parents;
    node.kind = NodeKind::UnitTest(Box::new(UnitTestDef { tested_node: this_input, ..def.clone() }));
    node
}

/// How the materialization of unit tests is told what is expected.
pub(super) fn test_config(def: &UnitTestDef) -> NodeConfig {
    let expected = def.expect.get("rows").cloned().unwrap_or(Data::Null);
    let (rows, sql) = if expected.is_string() { (json!([]), expected) } else { (expected, Data::Null) };
    let config = json!({
        "enabled": true, "tags": [], "meta": {}, "materialized": "unit", "lookback": 1, "persist_docs": {},
        "post-hook": [], "pre-hook": [], "quoting": {}, "column_types": {}, "on_schema_change": "ignore",
        "on_configuration_change": "apply", "grants": {}, "packages": [], "docs": {"show": true},
        "contract": {"enforced": false, "alias_types": true},
        "expected_rows": if rows.is_null() { json!([]) } else { rows }, "expected_sql": sql,
    });
    config.as_object().cloned().unwrap_or_default().into()
}

/// The test's name, with the version of the model that it tests.
pub(super) fn versioned_name(test: &Node, tested: &Node) -> String {
    match &tested.version {
        Some(Data::String(version)) => format!("{}_v{version}", test.name),
        Some(version) => format!("{}_v{version}", test.name),
        None => test.name.clone(),
    }
}

/// An input as an ephemeral model of its fixture.
pub(super) fn input_node(original: &Node, test: &Node, template: &str) -> Node {
    let mut node = original.clone();
    if let NodeKind::Source(source) = &original.kind {
        node.alias = format!("{}__{}", source.source_name, original.name);
        node.unique_id = UniqueId::new(format!("model.{}.{}", original.package, node.alias));
    } else {
        node.unique_id = UniqueId::new(format!("model.{}.{}", original.package, original.name));
    }
    node.resource_type = ResourceType::Model;
    node.language = "sql".to_owned();
    node.config = NodeConfig::default();
    node.config.set("materialized", json!("ephemeral"));
    node.original_file_path.clone_from(&test.original_file_path);
    node.path = format!("{}.sql", original.name);
    node.relation_name = None;
    node.parents = Vec::new();
    node.raw_code = template.to_owned();
    // The template stands in no file, so places in it count in a text of its own.
    let shown = format!("{} (input `{}` of `{}`)", test.file.path(), original.name, test.name);
    node.file = SourceFile::new(shown, node.raw_code.as_str());
    node.span = Span::default();
    node.raw_code_offset = 0;
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fixture;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        let manifest = fixture::manifest(&["model.a", "seed.b", "model.c: model.a, seed.b"]);
        let found = find_input(&manifest, Some(NodeIndex::from_usize(2)), input);
        assert_eq!(found.map(|ix| manifest.node(ix).unique_id.as_str()), expected);
    }

    #[test]
    fn inputs_are_found_as_they_are_written() {
        check("ref('a')", Some("model.a"));
        check(" ref( \"shop\", 'b' ) ", Some("seed.b"));
        check("this", Some("model.c"));
        check("ref('nothing')", None);
        check("ref('a', v=2)", None);
        check("a", None);
    }

    #[test]
    fn a_fixture_is_a_template() {
        assert_eq!(
            fixture(&json!([{"id": 1, "name": "it's \"x\"", "gone": null}]), None),
            r#"{{ get_fixture_sql([{"id": 1, "name": "it's \"x\"", "gone": none}], none) }}"#
        );
        let types = vec![("Id".to_owned(), "bigint".to_owned())];
        assert_eq!(fixture(&json!([]), Some(&types)), r#"{{ get_fixture_sql([], {"id": "bigint"}) }}"#);
        assert_eq!(fixture(&json!("select 1"), None), "select 1");
    }
}
