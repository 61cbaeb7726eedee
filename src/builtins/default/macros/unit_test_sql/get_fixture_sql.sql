{# A query that returns the rows of a fixture; columns that a row leaves out are null. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
-- Fixture for {{ model.name }}
    {%- set quoted_names = {} -%}
    {%- for name in (column_name_to_data_types or {}) -%}
        {%- do quoted_names.update({name: adapter.quote(name)}) -%}
    {%- endfor -%}
    {%- if not column_name_to_data_types -%}
        {#- Deferring: the parent may exist in the other environment only. -#}
        {%- set relation = defer_relation if (defer_relation and not load_relation(this)) else this -%}
        {%- set column_name_to_data_types = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do column_name_to_data_types.update({column.name | lower: column.data_type}) -%}
            {%- do quoted_names.update({column.name | lower: column.quoted}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not column_name_to_data_types -%}
        {{ exceptions.raise_compiler_error("Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this ~ " because the relation doesn't exist") }}
    {%- endif -%}

    {%- set nulls = {} -%}
    {%- for name, data_type in column_name_to_data_types.items() -%}
        {%- do nulls.update({name: safe_cast('null', data_type) | trim}) -%}
    {%- endfor -%}
    {%- do validate_fixture_rows(rows, row_number) %}
{% for row in rows %}
        {%- set values = nulls.copy() -%}
        {%- do values.update(format_row(row, column_name_to_data_types)) -%}
select
        {%- for name, value in values.items() %} {{ value }} as {{ quoted_names[name] }}{{ ',' if not loop.last }}
        {%- endfor -%}
        {%- if not loop.last %}
union all
{% endif -%}
    {%- else -%}
    select
        {%- for name, value in nulls.items() %} {{ value }} as {{ quoted_names[name] }}{{ ',' if not loop.last }}
        {%- endfor %}
    limit 0
    {%- endfor -%}
{%- endmacro %}


{# A query that returns the expected rows of a unit test. #}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) -%}
    {%- for row in rows -%}
select
        {%- for name, value in format_row(row, column_name_to_data_types).items() %} {{ value }} as {{ column_name_to_quoted[name] }}{{ ',' if not loop.last }}
        {%- endfor -%}
        {%- if not loop.last %}
union all
{% endif -%}
    {%- else -%}
    select * from dbt_internal_unit_test_actual
    limit 0
    {%- endfor -%}
{%- endmacro %}


{# The values of one fixture row as SQL of the right type, by column name in lower case. #}
{% macro format_row(row, column_name_to_data_types) -%}
    {% set formatted = {} %}
    {% for given_name, value in row.items() %}
        {% set name = given_name | lower %}
        {% if name not in column_name_to_data_types %}
            {% set fixture = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" %}
            {{ exceptions.raise_compiler_error(
                "Invalid column name: '" ~ name ~ "' in unit test fixture for " ~ fixture ~ "."
                ~ "\nAccepted columns for " ~ fixture ~ " are: " ~ (column_name_to_data_types.keys() | list)
            ) }}
        {% endif %}

        {% set data_type = column_name_to_data_types[name] %}
        {% if value is none %}
            {% set literal = 'null' %}
        {% elif value is string %}
            {% set literal = dbt.string_literal(dbt.escape_single_quotes(value)) %}
            {# Without its length, or the cast would cut the text off silently. #}
            {% if 'varying' in data_type %}
                {% set data_type = data_type.split('(')[0] %}
            {% endif %}
        {% else %}
            {% set literal = value %}
        {% endif %}
        {% do formatted.update({name: safe_cast(literal, data_type)}) %}
    {% endfor %}
    {{ return(formatted) }}
{%- endmacro %}


{# Raises if the adapter cannot use the rows of a fixture; a project may override `validate_fixture_rows`, an adapter `<adapter>__validate_fixture_rows`. #}
{% macro validate_fixture_rows(rows, row_number) -%}
    {{ return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) }}
{%- endmacro %}

{# Fallback of `validate_fixture_rows`: any rows will do. #}
{% macro default__validate_fixture_rows(rows, row_number) -%}
{%- endmacro %}


{# A query that returns the rows of a fixture in the types of another query's columns. #}
{% macro get_typed_fixture_sql(rows, query) %}
    {%- set data_types = {} -%}
    {%- for column in get_unit_test_columns(query) -%}
        {%- do data_types.update({column.name | lower: column.data_type}) -%}
    {%- endfor -%}
    {{ get_fixture_sql(rows, data_types) }}
{%- endmacro %}


{# A query that returns the rows of a fixture of which no types are known: every value has the type that it has by itself. #}
{% macro get_untyped_fixture_sql(rows) %}
    {%- set names = [] -%}
    {%- for row in rows -%}
        {%- for name in row if name not in names -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not names -%}
        {{ exceptions.raise_compiler_error("the columns of an input without rows are not known: write its `rows` as SQL, with `format: sql`") }}
    {%- endif -%}
    {%- for row in rows %}
select
        {%- for name in names -%}
            {%- set value = row.get(name) %} {{ untyped_literal(value) }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
        {%- endfor -%}
        {%- if not loop.last %}
union all
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{# A value of a fixture as SQL. #}
{% macro untyped_literal(value) -%}
    {%- if value is none -%} null
    {%- elif value is string -%} {{ dbt.string_literal(dbt.escape_single_quotes(value)) }}
    {%- else -%} {{ value }}
    {%- endif -%}
{%- endmacro %}


{# Stands for an input of a unit test of which neither rows nor columns are known; only what the test does not read may need it. #}
{% macro get_unknown_fixture_sql() -%}
    select null as columns_are_not_known
{%- endmacro %}


{# A query for all rows of a common table expression under test; `name` is written as the model writes it. #}
{% macro get_cte_unit_test_sql(name) -%}
    select * from {{ name }}
{%- endmacro %}


{#
  The query of a unit test of a macro. What the macro printed is a query of its own if it begins like one; otherwise it is
  an expression, computed for each of the given rows as `result`, beside their columns.
#}
{% macro get_macro_unit_test_sql(printed, rows) -%}
    {%- set text = printed | string | trim -%}
    {%- if modules.re.match('(?is)(\\s|--[^\\n]*\\n|/\\*.*?\\*/)*(select|with|values|from)\\b', text) -%}
        {{ text }}
    {%- elif rows is none -%}
        select {{ text }} as result
    {%- else -%}
        select given_rows.*, {{ text }} as result
        from (
            {{ rows if rows is string else get_untyped_fixture_sql(rows) }}
        ) as given_rows
    {%- endif -%}
{%- endmacro %}
