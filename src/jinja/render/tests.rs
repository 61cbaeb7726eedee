//! What whole templates render to. The expected texts are what dbt-core's
//! Jinja gives.

use std::sync::Mutex;

use super::super::{BlockKind, ContextSource, MacroDef, MacroRegistry, Mode, RenderErrorKind, SourceRef, scan};
use super::*;

/// A few values, and a note of every macro call.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<String>>);

impl ContextSource for Names {
    fn get(&self, name: &str) -> Option<Value> {
        let json = match name {
            "l" => "[3, 1, 2]",
            "d" => r#"{"b": 1, "a": [1, 2]}"#,
            "s" => r#""Hello World""#,
            "n" => "5",
            "no" => "null",
            "rows" => r#"[{"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "x", "v": 3}]"#,
            _ => return None,
        };
        serde_json::from_str(json).ok().map(|json| py::from_json(&json))
    }

    fn names(&self) -> Vec<String> {
        vec!["l".to_string(), "d".to_string()]
    }

    fn macro_package(&self) -> &str {
        "shop"
    }

    fn on_macro_call(&self, unique_id: &str, depth: usize) {
        if let Ok(mut calls) = self.0.lock() {
            calls.push(format!("{depth} {unique_id}"));
        }
    }
}

fn env(files: &[(&str, &str)], mode: Mode) -> TemplateEnv {
    let mut builder = MacroRegistry::builder()
        .root_package("shop")
        .internal_packages(vec!["dbt_duckdb".to_string(), "dbt".to_string()]);
    for (package, text) in files {
        let source = SourceRef::new(format!("{package}/macros.sql"), *text);
        let kinds = [BlockKind::Macro, BlockKind::Test, BlockKind::Materialization];
        for block in scan(text, &kinds).unwrap().blocks {
            builder = builder.with(MacroDef::from_block(package, &source, &block).unwrap());
        }
    }
    TemplateEnv::new(builder.build(), mode)
}

fn run(env: &TemplateEnv, text: &str) -> Result<String, RenderError> {
    let template = TemplateSource::new("model.shop.m", "models/m.sql", text);
    env.render(&template, Arc::new(Names::default())).map(|rendered| rendered.text)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(&[], text, expected);
}

#[track_caller]
fn check_with(files: &[(&str, &str)], text: &str, expected: &str) {
    assert_eq!(run(&env(files, Mode::Run), text).map_err(|e| e.to_string()), Ok(expected.to_string()));
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let err = run(&env(&[], Mode::Run), text).unwrap_err();
    assert_eq!(err.to_string(), expected);
}

#[track_caller]
fn check_native(text: &str, expected: &str) {
    let template = TemplateSource::new("x", "x.yml", text);
    let value = env(&[], Mode::Run).render_native(&template, Arc::new(Names::default())).unwrap();
    assert_eq!(py::to_repr(&value), expected);
}

#[test]
fn lists_and_dicts_change_in_place() {
    check("{% set x=[1] %}{% set y=x %}{% do y.append(2) %}{{ x }}", "[1, 2]");
    check("{% set x={'a': []} %}{% do x.a.append(1) %}{{ x }}", "{'a': [1]}");
    check("{% set x=[3,1,2] %}{{ x.pop() }}{{ x.pop(0) }}{{ x }}", "23[1]");
    check("{% set x={} %}{% do x.update({'a':1}) %}{% do x.update(b=2) %}{{ x }}", "{'a': 1, 'b': 2}");
    check("{% set y = l[:] %}{% do y.append(1) %}{{ l }}{{ y }}", "[3, 1, 2][3, 1, 2, 1]");
    check(
        "{% set x = [1,2] %}{% for i in x %}{% if i == 1 %}{% do x.append(9) %}{% endif %}{{ i }}{% endfor %}",
        "129",
    );
    check("{{ d.items() }} {{ d.keys()|list }}", "dict_items([('b', 1), ('a', [1, 2])]) ['b', 'a']");
}

#[test]
fn values_print_as_in_python() {
    check("{{ 1e20 }} {{ 1e16 }} {{ 1e-5 }} {{ 1.0 }} {{ [1e20] }}", "1e+20 1e+16 1e-05 1.0 [1e+20]");
    check("{{ (1,) }} {{ (1,2) }} {{ () }} {{ [none, true, 'a'] }}", "(1,) (1, 2) () [None, True, 'a']");
    check("{{ {1, 2} if false else dict(a=1) }}".replace("{1, 2}", "[1]").as_str(), "{'a': 1}");
    check("{{ ['a\"b', \"it's\"] }}", "['a\"b', \"it's\"]");
}

#[test]
fn operators_follow_python() {
    check("{{ -7//2 }} {{ -7%3 }} {{ 6/2 }} {{ 2**10 }}", "-4 2 3.0 1024");
    check("{{ '%s and %r' % ('a', 'b') }} {{ '%05.2f' % 3.14159 }} {{ '%(a)s' % {'a': 1} }}", "a and 'b' 03.14 1");
    check("{{ [1,2]*2 }} {{ 'ab'*3 }} {{ (1,)+(2,) }}", "[1, 2, 1, 2] ababab (1, 2)");
    check_error("{{ 1/0 }}", "division by zero (models/m.sql:1:5)");
    check_error("{{ 'a' + 1 }}", "can only concatenate str (not \"int\") to str (models/m.sql:1:8)");
    check_error("a\n{{ missing + 1 }}", "'missing' is undefined (models/m.sql:2:12)");
}

#[test]
fn string_methods_follow_python() {
    check("{{ s.split('o') }} {{ 'a,b,c'.rsplit(',',1) }}", "['Hell', ' W', 'rld'] ['a,b', 'c']");
    check("{{ '-1'.zfill(4) }} {{ 'ab'.center(5,'*') }} {{ 'a-b'.partition('-') }}", "-001 **ab* ('a', '-', 'b')");
    check("{{ 'hello'[1:3] }} {{ 'hello'[::-1] }} {{ s.find('o') }}", "el olleh 4");
    check("{{ '{:>5}|{:,}'.format('a', 1234567) }}", "    a|1,234,567");
}

#[test]
fn filters_follow_jinja() {
    check("{{ d|tojson }} {{ \"a'<é\"|tojson }}", "{\"a\": [1, 2], \"b\": 1} \"a\\u0027\\u003c\\u00e9\"");
    check("{{ rows|map(attribute='k')|unique|list }} {{ rows|sum(attribute='v') }}", "['x', 'y'] 6");
    check("{{ ['b','A','c']|sort }} {{ l|sort(reverse=true) }}", "['A', 'b', 'c'] [3, 2, 1]");
    check("{{ '0x1f'|int(base=16) }} {{ '3.9'|int }} {{ 'x'|int(7) }}", "31 3 7");
    check("{{ 'hello world foo bar'|truncate(10) }} {{ 'aaa'|replace('a','b',2) }}", "hello... bba");
}

#[test]
fn modules_follow_python() {
    check(
        "{% set dt = modules.datetime %}{{ dt.datetime(2020,1,31) + dt.timedelta(days=1) }} {{ (dt.date(2020,3,1) - dt.date(2020,2,1)).days }}",
        "2020-02-01 00:00:00 29",
    );
    check(
        "{{ modules.datetime.datetime.strptime('2020-02-03T04:05:06.123+0200','%Y-%m-%dT%H:%M:%S.%f%z') }}",
        "2020-02-03 04:05:06.123000+02:00",
    );
    check("{{ modules.re.sub('(\\\\w+) (\\\\w+)','\\\\2 \\\\1','ab cd') }}", "cd ab");
    check(
        "{{ modules.re.match('a|ab', 'abc').group() }} {{ modules.re.findall('(a)(b)','ab ab') }}",
        "a [('a', 'b'), ('a', 'b')]",
    );
    check("{{ modules.itertools.product([1,2],['a'])|list }}", "[(1, 'a'), (2, 'a')]");
    check("{{ modules.pytz.utc.localize(modules.datetime.datetime(2020,7,1,12)) }}", "2020-07-01 12:00:00+00:00");
}

#[test]
fn native_values_keep_their_type() {
    check_native("{{ n }}", "5");
    check_native("{{ l + [n] }}", "[3, 1, 2, 5]");
    check_native("{{ 1 }}", "'1'");
    check_native("a{{ n }}", "'a5'");
    check_native("{{ '12'|as_number }}", "12");
    check_native("{{ '[1, (2,), {\"a\": None}]'|as_native }}", "[1, (2,), {'a': None}]");
    check_native("{{ '007'|as_native }}", "'007'");
    check_native("plain", "'plain'");
    check_native("{% if n == 5 %}{{ l }}{% else %}{{ n }}{% endif %}", "[3, 1, 2]");
    check_native("{% if n == 5 -%} {{ 'True'|as_bool }} {%- endif %}", "True");
    check_native("{% if n == 5 %} {{ n }}{% endif %}", "' 5'");
    check_native("{% for x in l %}{{ x }}{% endfor %}", "'312'");
    let template = TemplateSource::new("x", "x.yml", "{{ 'x'|as_bool }}");
    let err = env(&[], Mode::Run).render_native(&template, Arc::new(Names::default())).unwrap_err();
    assert_eq!(err.message, "Could not convert value 'x' into type 'bool'");
}

const MACROS: &str = "\
{% macro give() %}text {{ return([1, 2]) }}{% endmacro %}
{% macro early(x) %}{% for i in x %}{% if i == 1 %}{% do return(i) %}{% endif %}{% endfor %}{% endmacro %}
{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}
{% macro rest(a) %}{{ a }} {{ varargs }} {{ kwargs }}{% endmacro %}
{% macro defaults(a, b='x', c=none) -%} {{ a }}{{ b }}{{ c }} {%- endmacro %}
{% macro _hidden() %}hidden{% endmacro %}
{% macro fact(n) %}{% if n <= 1 %}{{ return(1) }}{% endif %}{{ return(n * fact(n - 1)) }}{% endmacro %}
{% macro endless() %}{{ endless() }}{% endmacro %}
{% macro grow(list) %}{% do list.append(1) %}{% endmacro %}
{% macro boom(x) %}
  {{ x.y.z }}
{% endmacro %}
{% macro outer() %}{{ boom(1) }}{% endmacro %}
{% macro who() %}shop{% endmacro %}
{% macro sees() %}[{{ outside }}]{% endmacro %}
{% macro unknown(a) %}{{ nope is defined }}{{ nope }}{{ nope | default('d') }}{{ nope[a](1) }}{% endmacro %}
";

#[track_caller]
fn check_macros(text: &str, expected: &str) {
    let dbt = "{% macro who() %}dbt{% endmacro %}{% macro only_dbt() %}{{ who() }}{% endmacro %}";
    let duckdb = "{% macro only_dbt() %}duckdb {{ who() }}{% endmacro %}";
    let utils = "{% macro star(x) %}*{{ x }}{% endmacro %}{% macro who() %}utils{% endmacro %}";
    let files = [("shop", MACROS), ("dbt", dbt), ("dbt_duckdb", duckdb), ("utils", utils)];
    check_with(&files, text, expected);
}

#[test]
fn macros_return_values() {
    check_macros("{{ give() + [3] }}", "[1, 2, 3]");
    check_macros("{{ early([0, 1, 2]) + 1 }}", "2");
    check_macros("{{ fact(20) }}", "2432902008176640000");
    check_macros("{% set x = [] %}{% do grow(x) %}{{ x }}", "[1]");
}

#[test]
fn macros_take_arguments_as_in_jinja() {
    check_macros("{{ rest(1, 2, 3, k=4) }}", "1 (2, 3) {'k': 4}");
    check_macros("{{ rest(*[1, 2], **{'k': 4}) }}", "1 (2,) {'k': 4}");
    check_macros("{{ defaults(1) }} {{ defaults(c=3, a=1) }}", "1xNone 1x3");
    check_macros("{% call twice() %}hi{% endcall %}", "hihi");
    let env = env(&[("shop", MACROS)], Mode::Run);
    let message = |text: &str| run(&env, text).unwrap_err().message;
    assert_eq!(message("{{ defaults(1, 2, 3, 4) }}"), "macro 'defaults' takes not more than 3 argument(s)");
    assert_eq!(message("{{ defaults(z=1) }}"), "macro 'defaults' takes no keyword argument 'z'");
}

#[test]
fn names_are_found_in_dbts_order() {
    check_macros("{{ who() }} {{ utils.who() }} {{ dbt.who() }} {{ utils.star(1) }}", "shop utils dbt *1");
    check_macros("{{ only_dbt() }}", "duckdb shop");
    check_macros("{{ context['_hidden']() }} {{ context.get('nope') }} {{ 'who' in context }}", "hidden None True");
    check_macros("{% set f = who %}{{ f() }} {{ who is callable }}", "shop True");
}

#[test]
fn variables_of_a_template_stay_out_of_macros() {
    check_macros("{% set outside = 1 %}{{ sees() }}{% set outside = 2 %}{{ sees() }}", "[][]");
}

#[test]
fn macro_calls_are_reported_with_depth() {
    let env = env(&[("shop", MACROS)], Mode::Run);
    let names = Arc::new(Names::default());
    let template = TemplateSource::new("m", "m.sql", "{{ fact(2) }}{{ who() }}");
    env.render(&template, names.clone()).unwrap();
    let calls = names.0.lock().unwrap().join(", ");
    assert_eq!(calls, "0 macro.shop.fact, 1 macro.shop.fact, 0 macro.shop.who");
}

#[test]
fn errors_name_every_macro_on_the_way() {
    let err = run(&env(&[("shop", MACROS)], Mode::Run), "select\n  {{ outer() }}").unwrap_err();
    assert_eq!(err.kind, RenderErrorKind::Undefined);
    assert_eq!(
        err.to_string(),
        "'x.y' is undefined (shop/macros.sql:11:7)
  in macro.shop.boom, called at shop/macros.sql:13:23
  in macro.shop.outer, called at models/m.sql:2:6"
    );
}

#[test]
fn unknown_names_in_macros_say_their_name() {
    let err = run(&env(&[("shop", MACROS)], Mode::Run), "{{ unknown('x') }}").unwrap_err();
    assert_eq!(err.message, "'nope' is undefined");
    assert_eq!(err.at.unwrap().line, 16);
}

#[test]
fn endless_macros_are_stopped_on_a_small_stack() {
    let thread = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(|| run(&env(&[("shop", MACROS)], Mode::Run), "{{ endless() }}").unwrap_err());
    let err = thread.unwrap().join().unwrap();
    assert_eq!(err.kind, RenderErrorKind::Recursion);
}

#[test]
fn macros_are_called_from_rust() {
    let env = env(&[("shop", MACROS)], Mode::Run);
    let call = |id: &str, args: &[Value], kwargs: &[(&str, Value)]| {
        env.call_macro(id, args, kwargs, Arc::new(Names::default()))
    };
    let value = call("macro.shop.give", &[], &[]).unwrap();
    assert_eq!(py::to_json(&value), serde_json::json!([1, 2]));
    let value = call("macro.shop.rest", &[Value::from(1)], &[("k", Value::from(2))]).unwrap();
    assert_eq!(value.to_string(), "1 () {'k': 2}");
    let err = call("macro.shop.boom", &[Value::from(1)], &[]).unwrap_err();
    assert_eq!(err.at.unwrap().line, 11);
}

#[test]
fn unknown_names_are_harmless_while_parsing() {
    let env = env(&[("shop", MACROS)], Mode::Parse);
    let text = "{{ nope.x['y'](1).z() }}{% for a in nope %}{% endfor %}{{ nope is defined }}{{ who() }}{{ nope|default('d') }}{% if nope %}x{% endif %}";
    assert_eq!(run(&env, text).unwrap(), "FalseshopdX".replace('X', ""));
}

#[test]
fn text_without_markers_is_kept_as_it_is() {
    check("select 1\n", "select 1\n");
    check("select {{ n }}\n", "select 5");
}

#[test]
fn a_macro_that_cannot_be_read_is_reported_in_its_file() {
    let broken = "{% macro fine() %}{% endmacro %}\n{% macro bad() %}{{ 1 2 }}{% endmacro %}";
    let err = run(&env(&[("shop", broken)], Mode::Run), "{{ bad() }}").unwrap_err();
    assert_eq!(err.kind, RenderErrorKind::Syntax);
    assert_eq!(
        err.to_string(),
        "expected `}}`, got integer (shop/macros.sql:2:23)
  in macro.shop.bad, called at models/m.sql:1:4"
    );
}

#[test]
fn macro_dependencies_are_read_from_the_text() {
    let text = "{% macro a() %}{{ b() }}{{ utils.star() }}{{ ref('x') }}{{ log('y') }}\
                {{ adapter.dispatch('c', 'utils')() }}{{ x.y.z() }}{{ adapter.quote('q') }}{% endmacro %}\
                {% macro b() %}{% endmacro %}{% macro c() %}{% endmacro %}";
    let utils = "{% macro star() %}{% endmacro %}{% macro default__c() %}{% endmacro %}";
    let env = env(&[("shop", text), ("utils", utils)], Mode::Parse);
    let registry = env.registry();
    let found =
        registry.depends_on(registry.by_id("macro.shop.a").unwrap(), &|name| name == "log", &|name, namespace| {
            Some(format!("macro.{}.default__{name}", namespace.unwrap_or("?")))
        });
    assert_eq!(found, ["macro.shop.b", "macro.utils.star", "macro.shop.c", "macro.utils.default__c"]);
}

#[test]
fn slices_follow_python() {
    check("{{ [][::-1] }} {{ l[5:] }} {{ l[::2] }} {{ l[2:0:-1] }} {{ (1,2,3)[1:] }}", "[] [] [3, 2] [2, 1] (2, 3)");
    check("{{ s[-3:] }} {{ s[:20:3] }} {{ l[none:2] }} {{ rows[1:][0].k }}", "rld HlWl [3, 1] y");
    check_error("{{ l[1:2:0] }}", "slice step cannot be zero (models/m.sql:1:5)");
}

#[test]
fn no_break_spaces_between_words_are_spaces() {
    check("{{ 1\u{a0}+ 1 }}{%\u{a0}set x = 'a\u{a0}b' %}\u{a0}{{ x }}", "2\u{a0}a\u{a0}b");
}

#[test]
fn values_that_would_take_all_memory_are_refused() {
    check_error("{{ '%999999999999d' % 1 }}", "the format asks for too many characters (models/m.sql:1:21)");
    check_error("{% set x = {} %}{% do x.update({x: 1}) %}", "unhashable type: 'dict' (models/m.sql:1:38)");
}

#[test]
fn is_list_tells_lists_from_other_values() {
    check(
        "{{ [1] | is_list }} {{ l | is_list }} {{ (1, 2) | is_list }} {{ s | is_list }} {{ d | is_list }}",
        "True True False False False",
    );
}

#[test]
fn every_built_in_macro_can_be_read() {
    use crate::builtins::{DEFAULT, DUCKDB, POSTGRES};

    for builtin in DEFAULT.iter().chain(DUCKDB).chain(POSTGRES) {
        let registry = env(&[(builtin.package, builtin.sql)], Mode::Run).registry().clone();
        for entry in registry.iter() {
            assert!(entry.calls().is_ok(), "{} in {}: {:?}", entry.def.unique_id, builtin.path, entry.calls().err());
        }
    }
}
