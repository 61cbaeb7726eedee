//! What the rewriter makes of single constructs.

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let rewritten = rewrite_text(text, false).unwrap_or_else(|fault| panic!("{}", fault.message));
    assert_eq!(rewritten.text, expected);
}

#[track_caller]
fn check_macro(text: &str, expected: &str) {
    let rewritten = rewrite_text(text, true).unwrap_or_else(|fault| panic!("{}", fault.message));
    assert_eq!(rewritten.text, expected);
}

#[track_caller]
fn check_fault(text: &str, message: &str, at: &str) {
    let fault = rewrite_text(text, false).unwrap_err();
    assert_eq!(fault.message, message);
    assert_eq!(&text[fault.span], at);
}

#[test]
fn literals_become_lists_that_change() {
    check("{{ [1, [2]] }}", "{{ ([1, ([2]|kiln_l)]|kiln_l) }}");
    check("{{ {'a': {}} }}", "{{ ({'a': ({}|kiln_d)}|kiln_d) }}");
    check("{% for x in [1] %}{% endfor %}", "{% for x in [1] %}{% endfor %}");
    check(
        "{{ x in [1] + y }}",
        "{{ x in (([1]|kiln_l) )|kiln_add( y)) }}".replace("(([1]|kiln_l) ", "((([1]|kiln_l) ").as_str(),
    );
    check("{{ x[1:] }}", "{{ ((x)|kiln_slice(1,none)) }}");
}

#[test]
fn operators_become_filters() {
    check("{{ a + b }}", "{{ ((a )|kiln_add( b)) }}");
    check("{{ a - b + c }}", "{{ ((((a )|kiln_sub( b)) )|kiln_add( c)) }}");
    check("{{ a + b * c }}", "{{ ((a )|kiln_add( ((b )|kiln_mul( c)))) }}");
    check("{{ 1 + 2 }}", "{{ 1 + 2 }}");
    check("{{ '%s' % x }}", "{{ (('%s' )|kiln_mod( x)) }}");
}

#[test]
fn python_forms_become_minijinja_forms() {
    check("{{ 1, 2 }}", "{{ (1, 2) }}");
    check("{{ +1 }}", "{{ 1 }}");
    check("{% if x: %}{% endif %}", "{% if x %}{% endif %}");
    check("{% do a if b %}", "{% do kiln_do(a if b) %}");
    check("{% do f(1) %}", "{% do f(1) %}");
    check("{% set a = 1, 2 %}", "{% set a = (1, 2) %}");
}

#[test]
fn defaults_may_name_earlier_parameters() {
    check_macro(
        "{% macro f(a, b=a + 1) -%} x{% endmacro %}",
        "{% macro kiln_m(a, b=kiln_unset) -%}{% set b = (b if b is defined else (((a )|kiln_add( 1)))) -%} x{% endmacro %}",
    );
    check_macro("{% macro f(a, b=c) %}{% endmacro %}", "{% macro kiln_m(a, b=c) %}{% endmacro %}");
}

#[test]
fn macro_heads_get_one_name_and_hidden_parameters() {
    check_macro(
        "{% macro f(a: list[int], b: str = 'x') %}{% endmacro %}",
        "{% macro kiln_m(a, b = 'x') %}{% endmacro %}",
    );
    check_macro(
        "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}",
        "{% macro kiln_m(varargs=none, kwargs=none) %}{{ varargs }}{{ kwargs }}{% endmacro %}",
    );
    check_macro("{%- test t(model) -%}{% endtest %}", "{%- macro kiln_m(model) -%}{% endmacro %}");
    check_macro(
        "{% materialization t, adapter='duckdb', supported_languages=['sql', 'python'] %}x{% endmaterialization %}",
        "{% macro kiln_m() %}x{% endmacro %}",
    );
}

#[test]
fn materialization_headers_are_read() {
    let header =
        materialization_header("{% materialization t, adapter=\"duckdb\", supported_languages=['sql', 'python'] %}");
    assert_eq!(header.adapter, "duckdb");
    assert_eq!(header.languages, ["sql", "python"]);
    let header = materialization_header("{%- materialization view, default -%}");
    assert_eq!(header.adapter, "default");
    assert_eq!(header.languages, ["sql"]);
}

#[test]
fn calls_are_listed_with_constants() {
    let text = "{{ ref('a', v=2) }} {{ adapter.dispatch('x', 'p')(y, k=[1]) }} {{ f(g(1)) }}";
    let calls = rewrite_text(text, false).unwrap().calls;
    let paths: Vec<&str> = calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["ref", "adapter.dispatch", "f", "g"]);
    assert_eq!(calls[0].constant(0, "name"), Some(&Constant::from("a")));
    assert_eq!(calls[0].constant(1, "v"), Some(&Constant::from(2)));
    assert_eq!(&text[calls[1].span.clone()], "adapter.dispatch('x', 'p')");
}

#[test]
fn offsets_map_back() {
    let text = "{{ [1] + missing.x }}";
    let rewritten = rewrite_text(text, false).unwrap();
    let at = rewritten.text.find("missing").unwrap();
    assert_eq!(rewritten.edits.map_back(at), text.find("missing").unwrap());
}

#[test]
fn faults_point_at_the_text() {
    check_fault("{{ a b }}", "expected `}}`, got `b`", "b");
    check_fault("{{ f(1 }}", "expected `,` or `)`, got `}`", "}");
    check_fault("{% if x %}", "`if` is never closed: there is no `{% endif %}`", "if");
    check_fault(
        "{% for a in b %}{% endif %}{% endfor %}",
        "unexpected tag `endif`: the innermost block is `for`, which ends with `{% endfor %}`",
        "endif",
    );
    check_fault("{% nope %}", "unknown tag `nope`", "nope");
}

#[test]
fn line_ends_become_line_feeds() {
    let text = "{{ a }}\r\nb\r{{ 'c\r\nd' }}";
    let rewritten = rewrite_text(text, false).unwrap();
    assert_eq!(rewritten.text.matches('\r').count(), 0);
    assert_eq!(rewritten.text.matches('\n').count(), 3);
    let at = rewritten.text.find('b').unwrap();
    assert_eq!(rewritten.edits.map_back(at), text.find('b').unwrap());
}

#[test]
fn the_last_return_of_a_macro_does_not_leave_it() {
    check_macro(
        "{% macro f() %}{{ return(g()) }}{% endmacro %}",
        "{% macro kiln_m() %}{{ kiln_return_last(g()) }}{% endmacro %}",
    );
    check_macro(
        "{% macro f(a) %}{{ return(0) }}{% if a %}x{% do return((1, [2])) %}{% else %}{{- return(3) -}}{% endif %}\n{% endmacro %}",
        "{% macro kiln_m(a) %}{{ return(0) }}{% if a %}x{% do kiln_return_last((1, ([2]|kiln_l))) %}{% else %}{{- kiln_return_last(3) -}}{% endif %}\n{% endmacro %}",
    );
    check_macro(
        "{% macro f(a) %}{% if a %}{{ return(1) }}{% endif %}{{ return(2).x }}{% endmacro %}",
        "{% macro kiln_m(a) %}{% if a %}{{ return(1) }}{% endif %}{{ return(2).x }}{% endmacro %}",
    );
    check_macro(
        "{% macro f(a) %}{% for x in a %}{{ return(x) }}{% endfor %}{% endmacro %}",
        "{% macro kiln_m(a) %}{% for x in a %}{{ return(x) }}{% endfor %}{% endmacro %}",
    );
}
