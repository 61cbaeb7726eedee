"""The project of the table of state cases, the edits of it, and which nodes each edit really changes.

Nearly every file has something that differs by environment, so that an answer is right only if it tells the two apart.
"""

FILES = {
    "dbt_project.yml": """name: shop
version: '1.0'
profile: shop
models:
  shop:
    +grants: "{{ {'select': ['boss']} if target.name == 'prod' else {} }}"
    marts:
      +materialized: "{{ 'table' if target.name == 'prod' else 'view' }}"
      +meta: {team: core}
      +some_setting: "{{ target.name }}"
seeds:
  +quote_columns: false
  +schema: "{{ 'raw' if target.name == 'prod' else 'raw_dev' }}"
sources:
  shop:
    +meta: {env: "{{ target.name }}"}
data_tests:
  +store_failures: "{{ target.name == 'prod' }}"
vars:
  limit: 10
  days: 3
  level: warn
  color: red
  unused: 1
on-run-start: "select '{{ target.name }}'"
""",
    "profiles.yml": """shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: dev}
    prod: {type: duckdb, path: shop.duckdb, schema: prod}
""",
    "macros/cents.sql": """{% macro cents(c) %}{{ whole(c) }} * 100{% endmacro %}
{% macro whole(c) %}round({{ c }}){% endmacro %}
{% macro unused() %}x{% endmacro %}
{% macro window() %}interval {{ var('days') }} day{% endmacro %}
{% macro note() %}select 1{% endmacro %}
{% macro where_built() %}{{ return('view') }}{% endmacro %}
""",
    "macros/mine.sql": """{% materialization mine, default %}
  {% call statement('main') %}select 1{% endcall %}
  {{ return({'relations': []}) }}
{% endmaterialization %}
""",
    "tests/generic/positive.sql": "{% test positive(model, column_name) %}select * from {{ model }}"
    " where {{ column_name }} < 0{% endtest %}\n",
    "tests/none_big.sql": "{{ config(severity='error' if target.name == 'prod' else 'warn') }}"
    " select * from {{ ref('orders') }} where cents > {{ env_var('BIG', '100') }}\n",
    "models/staging/stg_orders.sql": "select *, {{ var('limit') }} as l from {{ ref('raw_orders') }}\n",
    "models/staging/stg_web.sql": "{{ config(materialized=('table' if target.name == 'prod' else 'view'), alias='web_' ~ target.name) }}"
    "\nselect * from {{ source('web', 'clicks') }}\n",
    "models/staging/recent.sql": "select * from {{ ref('stg_orders') }} where at > now() - {{ window() }}\n",
    "models/staging/hooked.sql": "{{ config(post_hook='{{ note() }}') }}\nselect 1 as id\n",
    "models/staging/colored.sql": "{{ config(meta={'color': var('color')}, tags=[env_var('TAG', 'none')]) }}\nselect 1 as id\n",
    "models/staging/custom.sql": "{{ config(materialized='mine') }}\nselect 1 as id\n",
    "models/staging/asked.sql": "{{ config(materialized=where_built()) }}\nselect 1 as id\n",
    "models/marts/orders.sql": "{{ config(persist_docs={'relation': true, 'columns': true}) }}"
    "\nselect id, {{ cents('amount') }} as cents from {{ ref('stg_orders') }}\n",
    "models/marts/people.sql": "select 1 as id\n",
    "models/marts/people_v2.sql": "select 2 as id\n",
    "models/marts/promised.sql": "select 1 as id, 'x' as name\n",
    "models/marts/report.sql": "select * from {{ ref('orders') }} join {{ ref('people') }} using (id)\n",
    "models/marts/late.sql": "select * from {{ ref('orders') }}\n",
    "seeds/raw_orders.csv": "id,amount\n1,2.5\n",
    "snapshots/snap.sql": "{% snapshot snap %}{{ config(target_schema='snaps_' ~ target.name, unique_key='id', strategy='check',"
    " check_cols=['amount']) }}select * from {{ ref('raw_orders') }}{% endsnapshot %}\n",
    "analyses/look.sql": "select * from {{ ref('orders') }}\n",
    "models/models.yml": """models:
  - name: orders
    description: Orders
    config: {tags: [a], meta: {owner: "{{ env_var('OWNER', 'nobody') }}"}}
    columns:
      - name: id
        description: Number
        data_tests:
          - not_null: {config: {severity: "{{ 'error' if target.name == 'prod' else 'warn' }}"}}
          - positive
      - name: cents
        data_tests:
          - accepted_values: {arguments: {values: [250], quote: false}}
          - positive:
              name: leveled
              config: {severity: "{{ var('level') }}"}
  - name: late
    config:
      materialized: "{{ 'incremental' if target.name == 'prod' else 'view' }}"
      event_time: at
  - name: people
    latest_version: 1
    versions: [{v: 1, defined_in: people}, {v: 2}]
  - name: promised
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: int, constraints: [{type: not_null}]}
      - {name: name, data_type: varchar}
sources:
  - name: web
    schema: "{{ env_var('WEB_SCHEMA', 'web') }}"
    config:
      loaded_at_field: "{{ 'loaded_at' if target.name == 'prod' else 'updated_at' }}"
      freshness: {warn_after: {count: "{{ 12 if target.name == 'prod' else 24 }}", period: hour}}
    tables:
      - name: clicks
        description: Clicks
        identifier: "{{ 'clicks' if target.name == 'prod' else 'clicks_sample' }}"
  - name: shop
    schema: "{{ target.schema }}"
    tables: [{name: visits}]
exposures:
  - name: board
    label: Board
    type: dashboard
    url: "https://{{ target.name }}.example.com"
    owner: {name: Ana}
    depends_on: [ref('report')]
unit_tests:
  - name: cents_ok
    model: orders
    given: [{input: ref('stg_orders'), rows: [{id: 1, amount: 2}]}]
    expect: {rows: [{id: 1, cents: 200}]}
    config: {meta: {env: "{{ target.name }}"}}
""",
}

PROD = {"WEB_SCHEMA": "web_prod", "OWNER": "ana", "TAG": "prod", "BIG": "1000000"}
DEV = {"WEB_SCHEMA": "web_dev", "OWNER": "bo", "TAG": "dev", "BIG": "5"}

YML, PROJECT, CENTS = "models/models.yml", "dbt_project.yml", "macros/cents.sql"
STG, REPORT, ORDERS = "models/staging/stg_orders.sql", "models/marts/report.sql", "models/marts/orders.sql"
WEB, SNAP, LATE = "models/staging/stg_web.sql", "snapshots/snap.sql", "models/marts/late.sql"
MARTS = "late orders people.v1 people.v2 promised report"


def put(path, before, after):
    """An edit: replaces a text in a file."""
    return ("put", path, before, after)


# What is done, the steps of doing it, and the nodes that it changes in truth.
EDITS = [
    ("nothing", [], ""),
    ("the text of a model", [put(STG, "select *", "select  *")], "stg_orders"),
    ("a comment in SQL", [put(REPORT, "select", "/* c */ select")], "report"),
    ("a comment in Jinja", [put(REPORT, "select", "{# c #}select")], "report"),
    ("a macro that a model calls", [put(CENTS, "* 100", "* 1000")], "orders"),
    ("a macro that such a macro calls", [put(CENTS, "round", "floor")], "orders"),
    ("a macro that nothing calls", [put(CENTS, "%}x{", "%}y{")], ""),
    ("a macro that a hook calls", [put(CENTS, "note() %}select 1", "note() %}select 2")], "hooked"),
    ("a macro that gives a setting", [put(CENTS, "'view'", "'table'")], "asked"),
    ("a materialization of the project", [put("macros/mine.sql", "select 1", "select 2")], "custom"),
    ("a generic test's macro", [put("tests/generic/positive.sql", "< 0", "<= 0")], "positive_orders_id leveled"),
    ("a singular test", [put("tests/none_big.sql", "where cents", "where  cents")], "none_big"),
    ("a singular test's setting", [put("tests/none_big.sql", "'warn'", "'error'")], "none_big"),
    ("a row of a seed", [put("seeds/raw_orders.csv", "2.5", "3.5")], "raw_orders"),
    ("a setting of seeds", [put(PROJECT, "quote_columns: false", "quote_columns: true")], "raw_orders"),
    ("the schema of seeds", [put(PROJECT, "'raw_dev'", "'raw_own'")], "raw_orders"),
    ("the text of a snapshot", [put(SNAP, "select *", "select id, amount")], "snap"),
    ("a setting of a snapshot", [put(SNAP, "['amount']", "['id']")], "snap"),
    ("a folder's materialization", [put(PROJECT, "'table' if", "'incremental' if")], "orders people.v1 people.v2 promised report"),
    ("a folder's meta", [put(PROJECT, "team: core", "team: other")], MARTS),
    ("a folder's own setting", [put(PROJECT, '"{{ target.name }}"\nseeds', '"{{ target.schema }}"\nseeds')], MARTS),
    ("grants of the project", [put(PROJECT, "'boss'", "'chief'")], MARTS + " asked colored custom hooked recent stg_orders stg_web"),
    ("a tag in a property file", [put(YML, "[a]", "[b]")], ""),
    ("a meta in a property file", [put(YML, "{owner: ", "{of: ")], "orders"),
    ("a default of an environment variable", [put(YML, "'nobody'", "'none'")], "orders"),
    ("a materialization in a property file", [put(YML, "'incremental' if", "'table' if")], "late"),
    ("the half of it that holds here", [put(YML, "if target.name == 'prod' else 'view' }}\"\n      event", "if target.name == 'prod' else 'table' }}\"\n      event")], "late"),
    ("a template becomes its value", [put(YML, "\"{{ 'incremental' if target.name == 'prod' else 'view' }}\"", "view")], "late"),
    ("a plain setting in a property file", [put(YML, "event_time: at", "event_time: then")], "late"),
    ("a schema in a property file", [put(YML, "{tags: [a], ", "{tags: [a], schema: x, ")], "orders"),
    ("an alias in a property file", [put(YML, "{tags: [a], ", "{tags: [a], alias: x, ")], "orders"),
    ("a hook in a property file", [put(YML, "{tags: [a], ", "{tags: [a], post_hook: select 1, ")], "orders"),
    ("a config call's condition", [put(WEB, "'table' if", "'incremental' if")], "stg_web"),
    ("the alias of a config call", [put(WEB, "'web_' ~", "'www_' ~")], "stg_web"),
    ("the text under such a call", [put(WEB, "select *", "select 1 as a, *")], "stg_web"),
    ("a persisted description", [put(YML, "description: Orders", "description: All")], "orders"),
    ("a persisted description of a column", [put(YML, "description: Number", "description: No")], "orders"),
    ("a column described", [put(YML, "      - name: cents\n", "      - name: extra\n        description: e\n      - name: cents\n")], "orders"),
    ("the severity of a test", [put(YML, "'error' if target.name == 'prod' else 'warn' }}\"}}", "'error' if target.name == 'prod' else 'error' }}\"}}")], "not_null_orders_id"),
    ("a filter of a test", [put(YML, "- not_null: {config: {", "- not_null: {config: {where: id > 1, ")], "not_null_orders_id"),
    ("a test is gone", [put(YML, "          - positive\n      - name: cents", "      - name: cents")], ""),
    ("the arguments of a test", [put(YML, "[250]", "[250, 300]")], "accepted_values_orders_cents__False__250__300"),
    ("the newest version", [put(YML, "latest_version: 1", "latest_version: 2")], "people.v1 people.v2"),
    ("access", [put(YML, "{tags: [a], ", "{tags: [a], access: public, ")], "orders"),
    ("an end date", [put(YML, "    description: Orders", "    deprecation_date: 2050-01-01\n    description: Orders")], "orders"),
    ("a contract's type", [put(YML, "data_type: int", "data_type: bigint")], "promised"),
    ("a contract's constraint", [put(YML, ", constraints: [{type: not_null}]", "")], "promised"),
    ("a contract's new column", [put(YML, "data_type: varchar}", "data_type: varchar}\n      - {name: more, data_type: int}")], "promised"),
    ("a contract's lost column", [put(YML, "      - {name: name, data_type: varchar}\n", "")], "promised"),
    ("the end of a contract", [put(YML, "{contract: {enforced: true}}", "{}")], "promised"),
    ("the table of a source", [put(YML, "'clicks_sample'", "'clicks_few'")], "clicks"),
    ("the schema of a source", [put(YML, "'WEB_SCHEMA', 'web'", "'WEB_SCHEMA', 'www'")], "clicks"),
    ("a source's schema made plain", [put(YML, '"{{ target.schema }}"', "other")], "visits"),
    ("the freshness of a source", [put(YML, "else 24", "else 48")], "clicks"),
    ("the time column of a source", [put(YML, "'updated_at'", "'changed_at'")], "clicks"),
    ("the description of a source", [put(YML, "description: Clicks", "description: C")], ""),
    ("a setting of sources", [put(PROJECT, "+meta: {env:", "+meta: {at:")], ""),
    ("a new table of a source", [put(YML, "      - name: clicks\n", "      - name: views\n      - name: clicks\n")], ""),
    ("the owner of an exposure", [put(YML, "name: Ana", "name: Bo")], "board"),
    ("the address of an exposure", [put(YML, "example.com", "example.org")], "board"),
    ("what an exposure reads", [put(YML, "[ref('report')]", "[ref('orders')]")], "board"),
    ("the rows of a unit test", [put(YML, "amount: 2}", "amount: 3}")], "cents_ok"),
    ("the description of a unit test", [put(YML, "  - name: cents_ok", "  - name: cents_ok\n    description: d")], ""),
    ("a variable in a model", [put(PROJECT, "limit: 10", "limit: 20")], "stg_orders"),
    ("a variable in a macro", [put(PROJECT, "days: 3", "days: 4")], "recent"),
    ("a variable in a config call", [put(PROJECT, "color: red", "color: blue")], "colored"),
    ("a variable in a test's setting", [put(PROJECT, "level: warn", "level: error")], "leveled"),
    ("a variable that nothing reads", [put(PROJECT, "unused: 1", "unused: 2")], ""),
    ("a variable on the command line", [("vars", "{limit: 30}")], "stg_orders"),
    ("an environment variable of a test", [("env", "BIG", "7")], ""),
    ("an environment variable of a source", [("env", "WEB_SCHEMA", "web_third")], ""),
    ("an environment variable of a setting", [("env", "OWNER", "cy")], ""),
    ("an environment variable of a config call", [("env", "TAG", "third")], ""),
    ("a model renamed", [("move", REPORT, "models/marts/report2.sql"), put(YML, "ref('report')", "ref('report2')")], "report2 board"),
    ("a model moved", [("move", REPORT, "models/staging/report.sql")], "report"),
    ("a new model", [("write", "models/marts/fresh.sql", "select 1 as id\n")], "fresh"),
    ("a model with readers disabled", [put(LATE, "select", "{{ config(enabled=false) }}select")], ""),
]
