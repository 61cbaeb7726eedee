//! What templates see, by phase.

use std::sync::Arc;

use serde_json::{Map, Value as Data, json};

use super::fixture::{Heard, Spec, model, project, registry, runtime};
use super::*;
use crate::adapter::fake::{Answer, Fake};
use crate::adapter::{Cell, Column, Table};
use crate::compile;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::manifest::NodeIndex;
use crate::sql::{Relation, RelationKind};

fn node_map(name: &str) -> Map<String, Data> {
    let node = json!({
        "unique_id": format!("model.shop.{name}"), "name": name, "alias": name, "package_name": "shop",
        "resource_type": "model", "database": "db", "schema": "main", "original_file_path": format!("models/{name}.sql"),
    });
    node.as_object().cloned().unwrap_or_default()
}

fn parse_with(macros: &str, text: &str) -> Result<ParseFacts, Box<Diagnostic>> {
    let vars = json!({"color": "red", "nested": "{{ var('color') }}!"});
    let shared = ParseShared::new(project(vars), registry(macros), Arc::new(Heard::default()));
    let scope = ParseScope::new(&shared, node_map("a"));
    let file = SourceFile::new("models/a.sql", text);
    parse_node(&scope, &Template { text: file.shared_text(), file, offset: 0 })
}

#[track_caller]
fn parse(text: &str) -> ParseFacts {
    parse_with("", text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

#[track_caller]
fn check_parsed(text: &str, expected: &str) {
    assert_eq!(parse(text).text, expected, "{text}");
}

#[test]
fn refs_and_sources_are_recorded_with_places() {
    let facts = parse("select * from {{ ref('b') }} join {{ ref('p', 'c', v=2) }} join {{ source('raw', 'x') }}");
    let refs: Vec<_> = facts.refs.iter().map(|call| (call.package.as_deref(), call.name.as_str())).collect();
    assert_eq!(refs, [(None, "b"), (Some("p"), "c")]);
    assert_eq!(facts.refs[1].version, Some(json!(2)));
    assert_eq!(facts.refs[0].span.map(|span| (span.start, span.end)), Some((17, 25)));
    assert_eq!(facts.sources, [("raw".to_string(), "x".to_string())]);
    assert!(facts.text.contains(r#""db"."main"."a""#), "a ref stands for the node itself: {}", facts.text);
}

#[test]
fn config_calls_add_up() {
    let facts = parse(
        "{{ config(materialized='table', tags=['a'], meta={'x': 1}, pre_hook='one') }}\
         {{ config(tags='b', meta={'y': 2}, pre_hook=['two']) }}",
    );
    let expected = json!({
        "materialized": "table", "tags": ["a", "b"], "meta": {"x": 1, "y": 2}, "pre-hook": ["one", "two"],
    });
    assert_eq!(Data::Object(facts.config), expected);
}

#[test]
fn names_have_their_parse_time_values() {
    check_parsed("{{ execute }}", "False");
    check_parsed("{{ this }}", r#""db"."main"."a""#);
    check_parsed("{{ var('color') }} {{ var('nested') }} {{ var('none', 'x') }}", "red red! x");
    check_parsed("{{ env_var('HOME_TOWN') }}", "Oslo");
    check_parsed("{{ config.get('x', 'y') }}|{{ adapter.get_relation('a', 'b', 'c') }}", "|None");
    check_parsed("{% set r = run_query('select 1') %}[{{ r }}]", "[]");
    check_parsed("{{ target.name }} {{ target.schema }} {{ project_name }}", "dev main shop");
    check_parsed("{{ tojson({'a': [1, none]}) }} {{ fromjson('[1]')[0] }}", r#"{"a": [1, null]} 1"#);
    check_parsed("{{ builtins.ref('z') }}", r#""db"."main"."a""#);
    check_parsed("{% for n in graph.nodes.values() %}x{% endfor %}", "");
    check_parsed("{{ run_started_at.strftime('%Y') }}", "1970");
    check_parsed("{{ api.Relation.create(schema='s', identifier='t') }}", r#""s"."t""#);
    check_parsed("{{ dateadd('day', 1, 'x') | trim != '' }}", "True");
    check_parsed("{{ local_md5('a') }}", "0cc175b9c0f1b6a831c399e269772661");
}

#[test]
fn macros_that_the_template_itself_calls_are_recorded() {
    let macros = "{% macro inner() %}1{% endmacro %}{% macro outer() %}{{ inner() }}{% endmacro %}";
    let facts = parse_with(macros, "{{ outer() }}{{ outer() }}{{ type_string() }}").expect("parses");
    assert_eq!(facts.macros, ["macro.shop.outer", "macro.dbt.type_string"]);
}

#[track_caller]
fn check_failure(text: &str, code: &str, message: &str) {
    let error = parse_with("", text).expect_err("fails");
    assert_eq!((error.code.number(), error.message.as_str()), (code, message));
    assert!(error.at.is_some(), "{text}: no place");
}

#[test]
fn wrong_calls_are_refused_in_dbt_s_words() {
    check_failure("{{ ref() }}", "K0304", "ref() takes at most two arguments (0 given)");
    check_failure("{{ source('a') }}", "K0304", "source() takes exactly two arguments (1 given)");
    check_failure("{{ env_var('NOPE') }}", "K0104", "Env var required but not provided: 'NOPE'");
    check_failure("{{ config('x') }}", "K0304", "Invalid inline model config");
    check_failure("{{ exceptions.raise_compiler_error('no') }}", "K0305", "no");
}

#[test]
fn arguments_of_generic_tests_are_rendered() {
    let shared = ParseShared::new(project(json!({})), registry(""), Arc::new(Heard::default()));
    let mut scope = ParseScope::new(&shared, node_map("t"));
    let kwargs = json!({"model": "{{ get_where_subquery(ref('orders')) }}", "column_name": "id", "values": ["a"]});
    scope.test_kwargs = kwargs.as_object().cloned();
    let file = SourceFile::new("models/schema.yml", "{{ test_accepted_values(**_dbt_generic_test_kwargs) }}");
    let facts = parse_node(&scope, &Template { text: file.shared_text(), file, offset: 0 }).expect("parses");
    assert_eq!(facts.refs.len(), 1);
    assert_eq!(facts.macros, ["macro.dbt.get_where_subquery", "macro.dbt.test_accepted_values"]);
    assert!(facts.text.contains("'a'"), "{}", facts.text);
}

#[test]
fn names_of_nodes_come_from_macros() {
    let name = |macros: &str, kind, custom| {
        let shared = ParseShared::new(project(json!({})), registry(macros), Arc::new(Heard::default()));
        call_name_macro(&shared, kind, custom, &node_map("a")).expect("a name").unwrap_or_default()
    };
    assert_eq!(name("", NameKind::Schema, None), "main");
    assert_eq!(name("", NameKind::Schema, Some(" x ")), "main_x");
    assert_eq!(name("", NameKind::Alias, None), "a");
    assert_eq!(name("", NameKind::Database, None), "db");
    let own = "{% macro generate_schema_name(custom_schema_name, node) %} {{ custom_schema_name or node.name }} {% endmacro %}";
    assert_eq!(name(own, NameKind::Schema, Some("x")), "x");
    assert_eq!(name(own, NameKind::Schema, None), "a");
    let dispatched =
        "{% macro default__generate_alias_name(custom_alias_name=none, node=none) %}z_{{ node.name }}{% endmacro %}";
    assert_eq!(name(dispatched, NameKind::Alias, None), "z_a");
}

#[test]
fn the_built_in_name_macros_agree_with_the_short_cut() {
    // A rule for the namespace turns the short cut off.
    let mut with_rule = Arc::unwrap_or_clone(project(json!({})));
    let mut config = (*with_rule.packages[0].config).clone();
    config.dispatch.push(crate::project::DispatchRule {
        macro_namespace: "dbt".into(),
        search_order: vec!["shop".into(), "dbt".into()],
    });
    with_rule.packages[0].config = Arc::new(config);
    let slow = ParseShared::new(Arc::new(with_rule), registry(""), Arc::new(Heard::default()));
    let fast = ParseShared::new(project(json!({})), registry(""), Arc::new(Heard::default()));
    let mut versioned = node_map("a");
    versioned.insert("version".into(), json!("1.2"));
    for kind in [NameKind::Schema, NameKind::Alias, NameKind::Database] {
        for custom in [None, Some("x"), Some(" y ")] {
            for node in [&node_map("a"), &versioned] {
                let (a, b) = (call_name_macro(&slow, kind, custom, node), call_name_macro(&fast, kind, custom, node));
                assert_eq!(a.expect("slow"), b.expect("fast"), "{kind:?} {custom:?}");
            }
        }
    }
}

fn compiled(specs: &[Spec<'_>], ix: usize) -> Result<String, Box<Diagnostic>> {
    let runtime = runtime(specs, "", &Fake::default());
    let session = runtime.session("Thread-1");
    compile::compile(&runtime, &session, NodeIndex::from_usize(ix)).map(|node| node.compiled_code.to_string())
}

#[track_caller]
fn check_compiled(text: &str, expected: &str) {
    let specs =
        [model("model.shop.a", "table", text, &["model.shop.b"]), model("model.shop.b", "view", "select 1", &[])];
    match compiled(&specs, 0) {
        Ok(sql) => assert_eq!(sql, expected, "{text}"),
        Err(error) => panic!("{text}: {}", error.message),
    }
}

#[test]
fn names_have_their_run_time_values() {
    check_compiled("{{ execute }} {{ ref('b') }}", r#"True "db"."main"."b""#);
    check_compiled("{{ this }} {{ this.schema }} {{ this.type }}", r#""db"."main"."a" main None"#);
    check_compiled("{{ ref('b').include(database=false) }}", r#""main"."b""#);
    check_compiled("{{ ref('b').quote(identifier=false) }}", r#""db"."main".b"#);
    check_compiled("{{ config.get('materialized') }} {{ config.get('no', 'd') }}", "table d");
    check_compiled("{{ var('nested') }}", "red!");
    check_compiled("{{ is_incremental() }}", "False");
    check_compiled("{{ adapter.quote('x') }} {{ adapter.type() }}", r#""x" duckdb"#);
    check_compiled("{{ render('{{ this.name }}') }}", "a");
    check_compiled("{{ ref('b') is mapping }} {{ ref('b').get('metadata').type }}", "True DuckDBRelation");
    check_compiled("{{ ref('b') == ref('b') }} {{ ref('b') == this }}", "True False");
    check_compiled("{{ thread_id }} {{ selected_resources }}", "Thread-1 ['model.shop.a']");
    check_compiled("{{ 'ref' in builtins }} {{ context['ref'] is callable }}", "True True");
    check_compiled("{{ invocation_args_dict.which }} {{ flags.WHICH }} {{ flags.FULL_REFRESH }}", "run run False");
    check_compiled("{{ load_result('x') }}", "None");
    check_compiled(
        "{{ this.incorporate(type='view', path={'identifier': 'z'}) }} {{ this.information_schema('columns') }}",
        r#""db"."main"."z" "db".INFORMATION_SCHEMA.columns"#,
    );
}

#[track_caller]
fn check_refused(text: &str, code: &str, message: &str) {
    let specs = [model("model.shop.a", "table", text, &[]), model("model.shop.b", "view", "select 1", &[])];
    let error = compiled(&specs, 0).expect_err("refused");
    assert_eq!((error.code.number(), error.message.as_str()), (code, message));
    let at = error.at.expect("a place");
    assert_eq!(at.file.path(), "models/a.sql");
    assert_eq!(at.file.place(at.span.start).line, 2, "{text}");
}

#[test]
fn refs_that_cannot_be_resolved_say_so_at_their_line() {
    check_refused(
        "select 1\nfrom {{ ref('c') }}",
        "K0401",
        "Model 'model.shop.a' (models/a.sql) depends on a node named 'c' which was not found",
    );
    check_refused(
        "select 1\nfrom {{ source('r', 't') }}",
        "K0402",
        "Model 'model.shop.a' (models/a.sql) depends on a source named 'r.t' which was not found",
    );
    check_refused(
        "select 1\nfrom {{ ref('b') }}",
        "K0407",
        "dbt was unable to infer all dependencies for the model \"a\".\nThis typically happens when ref() is placed \
         within a conditional block.\n\nTo fix this, add the following hint to the top of the model \"a\":\n\n-- \
         depends_on: {{ ref('b') }}",
    );
}

#[test]
fn ephemeral_parents_become_expressions() {
    let specs = [
        model(
            "model.shop.a",
            "table",
            "select * from {{ ref('e') }} join {{ ref('f') }}",
            &["model.shop.e", "model.shop.f"],
        ),
        model("model.shop.e", "ephemeral", "select * from {{ ref('f') }}", &["model.shop.f"]),
        model("model.shop.f", "ephemeral", "select 1", &[]),
    ];
    let expected = "with __dbt__cte__f as (\nselect 1\n),  __dbt__cte__e as (\nselect * from __dbt__cte__f\n) select * \
                    from __dbt__cte__e join __dbt__cte__f";
    assert_eq!(compiled(&specs, 0).expect("compiles"), expected);
}

fn run_model(materialized: &str, fake: &Fake) -> (Result<compile::MaterializeOutcome, Box<Diagnostic>>, Vec<String>) {
    let specs = [model("model.shop.a", materialized, "select 1 as id\nfrom {{ this.schema }}.x", &[])];
    let runtime = runtime(&specs, "", fake);
    let session = runtime.session("Thread-1");
    let ix = NodeIndex::from_usize(0);
    let node = compile::compile(&runtime, &session, ix).expect("compiles");
    let outcome = compile::materialize(&runtime, &session, ix, &node);
    session.release();
    let collapse = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    (outcome, fake.statements().into_iter().map(collapse).collect())
}

#[test]
fn a_table_is_built_beside_the_old_one_and_swapped_in() {
    let old = Relation::new("db", "main", "a").with_kind(Some(RelationKind::Table));
    let (outcome, statements) = run_model("table", &Fake::default().with_relation(old, Vec::new()));
    let outcome = outcome.unwrap_or_else(|error| panic!("{} {statements:#?}", error.message));
    assert_eq!(outcome.relations.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#""db"."main"."a""#]);
    assert!(outcome.run_code.is_some_and(|code| code.contains("select 1 as id")));
    let position = |part: &str| statements.iter().position(|sql| sql.to_lowercase().contains(part));
    let order = [
        position("begin"),
        position("create table"),
        position("drop table"),
        position("rename to \"a\""),
        position("commit"),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} {statements:#?}");
}

#[test]
fn a_view_is_built() {
    let (outcome, statements) = run_model("view", &Fake::default());
    assert!(outcome.is_ok(), "{statements:#?}");
    assert!(statements.iter().any(|sql| sql.contains("create view")), "{statements:#?}");
}

#[test]
fn an_incremental_model_begins_as_a_table() {
    let (outcome, statements) = run_model("incremental", &Fake::default());
    assert!(outcome.is_ok(), "{:?} {statements:#?}", outcome.err().map(|error| error.message));
    assert!(statements.iter().any(|sql| sql.contains("create table")), "{statements:#?}");
}

#[test]
fn a_rejected_statement_points_at_the_model_s_line() {
    let mut refusal = crate::adapter::AdapterError::new(crate::adapter::AdapterErrorKind::Syntax, "no x");
    let sql_before = "create";
    refusal.position = None;
    let fake = Fake::default().answering(sql_before, Answer::Refusal(refusal));
    let (outcome, _) = run_model("table", &fake);
    let error = outcome.expect_err("rejected");
    assert_eq!((error.code.number(), error.message.as_str()), ("K0702", "no x"));
    assert_eq!(error.at.map(|at| at.file.path().to_string()), Some("models/a.sql".into()));
}

#[test]
fn a_rejection_inside_an_ephemeral_model_points_there() {
    let specs = [
        model("model.shop.a", "table", "select *\nfrom {{ ref('e') }}", &["model.shop.e"]),
        model("model.shop.e", "ephemeral", "select 1,\n  wrong as x", &[]),
    ];
    let fake = Fake::default();
    let runtime = runtime(&specs, "", &fake);
    let session = runtime.session("Thread-1");
    let node = compile::compile(&runtime, &session, NodeIndex::from_usize(0)).expect("compiles");
    let sql = format!("create table x as ({})", node.compiled_code);
    let mut error = crate::adapter::AdapterError::new(crate::adapter::AdapterErrorKind::Syntax, "no column");
    error.position = sql.find("wrong");
    let diagnostic = compile::explain_rejection(&runtime, &node, &SqlFailure { error, sql });
    let at = diagnostic.at.expect("a place");
    assert_eq!((at.file.path(), at.file.place(at.span.start).line), ("models/e.sql", 2));
}

#[test]
fn a_method_that_does_not_exist_is_named() {
    check_method("adapter.get_relatio('a')", "'adapter' has no method 'get_relatio'");
    check_method("load_result('x').foo()", &undefined("'None' has no attribute 'foo'"));
    check_method("dateaddd('day', 1, 'x')", &undefined("'dateaddd' is undefined"));
    check_method("this.foo()", "'dict' object has no attribute 'foo'");
}

fn undefined(message: &str) -> String {
    format!(
        "{message}. This can happen when calling a macro that does not exist. Check for typos and/or install package \
         dependencies with \"dbt deps\"."
    )
}

#[test]
fn api_makes_columns_of_rows() {
    check_compiled("{{ api.Column(*['a', 'VARCHAR', 5]).data_type }}", "character varying(5)");
}

#[track_caller]
fn check_method(text: &str, message: &str) {
    let text = format!("{{{{ {text} }}}}");
    let error = compiled(&[model("model.shop.a", "view", &text, &[])], 0).expect_err("refused");
    assert_eq!((error.code.number(), error.message.as_str()), ("K0303", message));
}

#[test]
fn an_unknown_materialization_is_named() {
    let (outcome, _) = run_model("nonsense", &Fake::default());
    let error = outcome.expect_err("unknown");
    assert_eq!(error.code.number(), "K0710");
    assert!(error.message.starts_with("No materialization 'nonsense' was found for adapter duckdb!"));
}

#[test]
fn a_data_test_reads_its_row() {
    let columns = ["failures", "should_warn", "should_error"].map(|name| Column::new(name, "x")).to_vec();
    let table = Table { columns, rows: vec![vec![Cell::Int(3), Cell::Bool(false), Cell::Bool(true)]] };
    let fake = Fake::default().answering("should_error", Answer::Rows(table));
    let config = json!({
        "materialized": "test", "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0", "severity": "ERROR",
    });
    let specs = [Spec { id: "test.shop.t", code: "select 1", config, parents: &[] }];
    let runtime = runtime(&specs, "", &fake);
    let session = runtime.session("Thread-1");
    let ix = NodeIndex::from_usize(0);
    let node = compile::compile(&runtime, &session, ix).expect("compiles");
    let outcome = compile::run_test(&runtime, &session, ix, &node).unwrap_or_else(|error| panic!("{}", error.message));
    assert_eq!((outcome.failures, outcome.should_warn, outcome.should_error), (3, false, true));
}

#[test]
fn macros_run_as_operations() {
    let macros = "{% macro op(n) %}{% set r = run_query('select x') %}{{ return(r.columns['x'].values()[0] + n) }}{% endmacro %}";
    let table = Table { columns: vec![Column::new("x", "INTEGER")], rows: vec![vec![Cell::Int(4)]] };
    let fake = Fake::default().answering("select x", Answer::Rows(table));
    let runtime = runtime(&[], macros, &fake);
    let session = runtime.session("main");
    let kwargs = json!({"n": 3});
    let result = runtime.run_macro(&session, "op", kwargs.as_object().expect("a map"));
    assert_eq!(result.unwrap_or_else(|error| panic!("{}", error.message)), json!(7));
    let missing = runtime.run_macro(&session, "nope", &Map::new()).expect_err("missing");
    assert_eq!(missing.message, "dbt could not find a macro with the name \"nope\" in any package");
}

#[test]
fn schemas_are_created_through_macros() {
    let fake = Fake::default();
    let runtime = runtime(&[], "", &fake);
    let session = runtime.session("main");
    runtime.create_schema(&session, Some("db"), "x").unwrap_or_else(|error| panic!("{}", error.message));
    let statements = fake.statements();
    assert!(statements.iter().any(|sql| sql.contains(r#"create schema if not exists "db"."x""#)), "{statements:#?}");
}
