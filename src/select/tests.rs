//! Selections on a small project:
//!
//! ```text
//! source raw.orders ─ stg_orders ─ orders ─ exposure board
//! seed countries ──────────────────┘
//! ```
//! with a test on `stg_orders`, and one on `orders` that reads `countries` too.

use std::collections::HashSet;

use serde_json::{Map, json};

use super::*;
use crate::diagnostic::{Form, SourceFile, render};
use crate::manifest::{Graph, Node, NodeIndex, NodeKind, SourceDef, TestDef, TestMetadata};
use crate::project::{SelectorsFile, yaml};

fn node(kind: ResourceType, fqn: &str, path: &str, parents: &[usize]) -> Node {
    let fqn: Vec<String> = fqn.split('.').map(str::to_owned).collect();
    let name = fqn.last().cloned().unwrap_or_default();
    Node {
        path: path.to_owned(),
        original_file_path: path.to_owned(),
        schema: "main".to_owned(),
        fqn: fqn.clone(),
        parents: parents.iter().map(|ix| NodeIndex::from_usize(*ix)).collect(),
        ..Node::blank(kind, fqn[0].as_str(), &name, SourceFile::new(path, ""))
    }
}

fn test_kind(name: &str) -> NodeKind {
    let metadata = TestMetadata { name: name.to_owned(), kwargs: Map::new(), namespace: None };
    NodeKind::Test(Box::new(TestDef { metadata: Some(metadata), ..TestDef::default() }))
}

fn manifest() -> Manifest {
    use ResourceType::{Exposure, Model, Seed, Source, Test};
    let mut nodes = vec![
        node(Source, "shop.staging.raw.raw_orders", "models/staging/_sources.yml", &[]),
        node(Model, "shop.staging.stg_orders", "models/staging/stg_orders.sql", &[0]),
        node(Seed, "shop.countries", "seeds/countries.csv", &[]),
        node(Model, "shop.marts.orders", "models/marts/orders.sql", &[1, 2]),
        node(Exposure, "shop.board", "models/marts/_exposures.yml", &[3]),
        node(Test, "shop.staging.not_null_stg_orders", "models/staging/_models.yml", &[1]),
        node(Test, "shop.marts.relationships_orders", "models/marts/_models.yml", &[2, 3]),
        node(Model, "shop.marts.people.v2", "models/marts/people_v2.sql", &[]),
        node(Model, "utils.days", "models/days.sql", &[]),
    ];
    let source = SourceDef { source_name: "raw".to_owned(), ..SourceDef::default() };
    nodes[0].kind = NodeKind::Source(Box::new(source));
    nodes[1].tags = vec!["daily".to_owned()];
    nodes[3].config.values = serde_json::from_value(json!({
        "materialized": "table", "meta": {"owner": "ana"}, "tags": ["daily", "board"], "enabled": true
    }))
    .expect("a map");
    nodes[3].tags = vec!["daily".to_owned(), "board".to_owned()];
    nodes[3].patch_path = Some("shop://models/marts/_models.yml".to_owned());
    nodes[5].kind = test_kind("not_null");
    nodes[6].kind = test_kind("relationships");
    nodes[6].config.set("severity", json!("WARN"));
    nodes[7].name = "people".to_owned();
    (nodes[7].version, nodes[7].latest_version) = (Some(json!(2)), Some(json!(2)));
    let graph = Graph::new(nodes.iter().map(|node| node.parents.clone()).collect());
    let nodes = nodes.into_iter().map(Box::new).collect();
    Manifest { nodes, graph, project_name: "shop".to_owned(), ..Manifest::default() }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A project in which one file changed, and in which nobody knows columns.
struct Elsewhere;

impl Outside for Elsewhere {
    fn changed_since(&self, commit: &str) -> Result<HashSet<String>, Box<Diagnostic>> {
        assert_eq!(commit, "main");
        Ok(HashSet::from(["models/staging/stg_orders.sql".to_owned(), "models/marts/_models.yml".to_owned()]))
    }

    fn column(&self, text: &str, reach: Reach) -> Result<NodeSet, Box<Diagnostic>> {
        assert_eq!(text, "orders.id");
        Ok([match reach {
            Reach::Own => 3,
            Reach::Upstream(_) => 1,
            Reach::Downstream(_) => 6,
        }]
        .into_iter()
        .map(NodeIndex::from_usize)
        .collect())
    }
}

#[test]
fn changed_files_and_columns_are_asked_for() {
    check("git:main", "stg_orders orders relationships_orders");
    check("column:orders.id", "orders");
    check("1+column:orders.id+", "stg_orders orders relationships_orders");
}

#[track_caller]
fn check_request(request: &Selection, expected: &str) {
    let manifest = manifest();
    let mut diagnostics = Diagnostics::new();
    let mut shown = match select(&manifest, request, &Elsewhere, &mut diagnostics) {
        Ok(nodes) => nodes.iter().map(|ix| manifest.node(ix).name.clone()).collect::<Vec<_>>().join(" "),
        Err(problem) => render(&problem, Form::Full),
    };
    for problem in &diagnostics {
        shown.push('\n');
        shown.push_str(&render(problem, Form::Full));
    }
    assert_eq!(shown, expected);
}

/// Checks a selection without tests that come along.
#[track_caller]
fn check(select: &str, expected: &str) {
    check_request(&Selection { select: words(select), indirect: Indirect::Empty, ..Selection::default() }, expected);
}

#[test]
fn names_are_whole_or_the_beginning_of_a_qualified_name() {
    check("orders", "orders");
    check("shop.marts.orders", "orders");
    check("marts", "orders relationships_orders people");
    check("marts.orders", "orders");
    check("stg_*", "stg_orders");
    check("shop.*.orders", "orders");
    check("people", "people");
    check("people.v2", "people");
    check("people_v2", "people");
}

#[test]
fn relatives_come_along() {
    check("+orders", "raw_orders stg_orders countries orders");
    check("1+orders", "stg_orders countries orders");
    check("stg_orders+1", "stg_orders orders not_null_stg_orders");
    check("@stg_orders", "raw_orders stg_orders countries orders board not_null_stg_orders relationships_orders");
}

#[test]
fn spaces_unite_and_commas_intersect() {
    check("orders countries", "countries orders");
    check("tag:daily,path:models/marts", "orders");
    check("stg_orders+,orders+", "orders board relationships_orders");
}

#[test]
fn methods_find_nodes() {
    check("tag:b*", "orders");
    check("path:models/marts/orders.sql", "orders");
    check("models/staging/", "raw_orders stg_orders not_null_stg_orders");
    check("path:models/*/stg*", "stg_orders");
    check("path:models/marts/_models.yml", "orders relationships_orders");
    check("countries.csv", "countries");
    check("file:orders", "orders");
    check("package:utils", "days");
    check("package:this,resource_type:seed", "countries");
    check("source:raw", "raw_orders");
    check("source:shop.raw.raw_*", "raw_orders");
    check("exposure:board", "board");
    check("config.materialized:table", "orders");
    check("config.meta.owner:ana", "orders");
    check("config.tags:board", "orders");
    check("config.enabled:TRUE", "orders");
    check("config.severity:warn", "relationships_orders");
    check("test_name:not_*", "not_null_stg_orders");
    check("test_type:generic", "not_null_stg_orders relationships_orders");
    check("version:latest", "people");
}

#[test]
fn tests_come_along_by_the_mode() {
    let with = |select: &str, indirect| Selection { select: words(select), indirect, ..Selection::default() };
    check_request(&with("orders", Indirect::Eager), "orders relationships_orders");
    check_request(&with("orders", Indirect::Cautious), "orders");
    check_request(&with("orders", Indirect::Buildable), "orders relationships_orders");
    check_request(&with("orders countries", Indirect::Cautious), "countries orders relationships_orders");
}

#[test]
fn everything_but_what_is_excluded() {
    let request = Selection { exclude: words("marts path:models/staging"), ..Selection::default() };
    check_request(&request, "countries board days");
}

#[test]
fn kinds_are_filtered_last() {
    let request = Selection { resource_types: Some(vec![ResourceType::Seed]), ..Selection::default() };
    check_request(&request, "countries");
}

#[test]
fn what_matches_nothing_is_warned_about() {
    check(
        "order",
        "\nwarning[K0503]: the selection criterion `order` does not match any enabled nodes\nhint: did you mean `orders`?",
    );
}

#[test]
fn unknown_methods_are_errors() {
    let request = Selection { select: words("tags:x"), ..Selection::default() };
    let problem = select(&manifest(), &request, &Elsewhere, &mut Diagnostics::new()).expect_err("unknown");
    assert_eq!(
        (problem.message.as_str(), problem.hints[0].as_str()),
        ("`tags` is not a selection method", "did you mean `tag`?")
    );
    let request = Selection { select: words("state:modified"), ..Selection::default() };
    assert!(select(&manifest(), &request, &Elsewhere, &mut Diagnostics::new()).is_err());
}

fn selectors(text: &str) -> Result<Selectors, Box<Diagnostic>> {
    let file = SourceFile::new("selectors.yml", text);
    let yaml = yaml::parse(&file, &mut Diagnostics::new()).expect("valid");
    let data = yaml.to_data();
    Selectors::read(&SelectorsFile { file, yaml, data }, Indirect::Empty)
}

const SELECTORS: &str = "selectors:
  - name: daily
    default: true
    definition:
      union:
        - method: tag
          value: daily
          parents: true
          parents_depth: 1
        - exclude: ['source:*']
  - name: again
    definition:
      method: selector
      value: daily
  - name: both
    definition:
      intersection: [{tag: daily}, '+orders', {method: config.enabled, value: true}]
";

#[test]
fn selectors_have_names() {
    let selectors = selectors(SELECTORS).expect("valid");
    let named = |name: &str| Selection {
        selector: Some(name.to_owned()),
        selectors: selectors.clone(),
        ..Selection::default()
    };
    check_request(&named("daily"), "stg_orders countries orders");
    check_request(&named("again"), "stg_orders countries orders");
    check_request(&named("both"), "orders");
    check_request(&Selection { selector: None, ..named("") }, "stg_orders countries orders");
    check_request(
        &named("dayly"),
        "error[K0504]: there is no selector `dayly`\nhint: did you mean `daily`?\nhint: selectors.yml has `daily`, `again`, `both`",
    );
}

#[test]
fn selectors_are_published_written_out() {
    let published = selectors(SELECTORS).expect("valid").published();
    assert_eq!(
        published.get("both").and_then(|both| both.get("definition")),
        Some(&json!({"intersection": [
            {"method": "tag", "value": "daily"},
            {"parents": true, "method": "fqn", "value": "orders"},
            {"method": "config.enabled", "value": true}
        ]}))
    );
    assert_eq!(
        published.get("again").map(|again| again["definition"].clone()),
        published.get("daily").map(|daily| daily["definition"].clone())
    );
}

#[test]
fn a_bad_selector_is_shown_in_its_file() {
    let problem = selectors("selectors:\n  - name: a\n    definition: {method: tag, val: x}\n").expect_err("invalid");
    assert_eq!(
        render(&problem, Form::Short),
        "selectors.yml:2:5: error[K0501]: a selection has one key, or `method` and `value`"
    );
}
