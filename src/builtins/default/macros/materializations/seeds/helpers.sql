{# Creates the table of a seed and returns the statement; a project may override `create_csv_table`, an adapter `<adapter>__create_csv_table`. #}
{% macro create_csv_table(model, agate_table) -%}
    {{ return(adapter.dispatch('create_csv_table', 'dbt')(model, agate_table)) }}
{%- endmacro %}

{# Fallback of `create_csv_table`: types as configured, else as inferred. #}
{% macro default__create_csv_table(model, agate_table) -%}
    {%- set column_types = model['config'].get('column_types', {}) -%}
    {%- set quote_columns = model['config'].get('quote_columns', none) -%}
    {% set sql %}
    create table {{ this.render() }} (
            {%- for column in agate_table.column_names -%}
                {%- set inferred_type = adapter.convert_type(agate_table, loop.index0) -%}
                {{ adapter.quote_seed_column(column | string, quote_columns) }} {{ column_types.get(column, inferred_type) }}{{ ',' if not loop.last }}
            {%- endfor -%}
    )
  {% endset %}
    {% call statement('_') -%}
        {{ sql }}
    {%- endcall %}
    {{ return(sql) }}
{%- endmacro %}


{# Makes the existing table of a seed ready and returns the statement; a project may override `reset_csv_table`, an adapter `<adapter>__reset_csv_table`. #}
{% macro reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {{ return(adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table)) }}
{%- endmacro %}

{# Fallback of `reset_csv_table`: creates it anew on a full refresh, else empties it. #}
{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {% if full_refresh %}
        {{ adapter.drop_relation(old_relation) }}
        {{ return(create_csv_table(model, agate_table)) }}
    {% endif %}
    {{ adapter.truncate_relation(old_relation) }}
    {{ return('truncate table ' ~ old_relation.render()) }}
{%- endmacro %}


{# The text written to `target/run` for a seed; a project may override `get_csv_sql`, an adapter `<adapter>__get_csv_sql`. #}
{% macro get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql) }}
{% endmacro %}

{# Fallback of `get_csv_sql`. #}
{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) %}
    {{ create_or_truncate_sql }};
    -- dbt seed --
    {{ insert_sql }}
{% endmacro %}


{# The placeholder of a bound value; a project may override `get_binding_char`, an adapter `<adapter>__get_binding_char`. #}
{% macro get_binding_char() -%}
    {{ return(adapter.dispatch('get_binding_char', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_binding_char`. #}
{% macro default__get_binding_char() -%}
    {{ return('%s') }}
{%- endmacro %}


{# How many seed rows one insert takes; a project may override `get_batch_size`, an adapter `<adapter>__get_batch_size`. #}
{% macro get_batch_size() -%}
    {{ return(adapter.dispatch('get_batch_size', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_batch_size`. #}
{% macro default__get_batch_size() -%}
    {{ return(10000) }}
{%- endmacro %}


{# The columns of a seed, quoted as it is configured, separated by commas. #}
{% macro get_seed_column_quoted_csv(model, column_names) -%}
    {% set quote_columns = model['config'].get('quote_columns', none) %}
    {% set quoted = [] %}
    {% for column in column_names %}
        {% do quoted.append(adapter.quote_seed_column(column, quote_columns)) %}
    {% endfor %}
    {{ return(quoted | join(', ')) }}
{%- endmacro %}


{# Inserts the rows of a seed and returns the first statement; a project may override `load_csv_rows`, an adapter `<adapter>__load_csv_rows`. #}
{% macro load_csv_rows(model, agate_table) -%}
    {{ return(adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table)) }}
{%- endmacro %}

{# Fallback of `load_csv_rows`: inserts with bound values, a batch at a time. #}
{% macro default__load_csv_rows(model, agate_table) -%}
    {% set column_names = get_seed_column_quoted_csv(model, agate_table.column_names) %}
    {% set placeholder = get_binding_char() %}
    {% set statements = [] %}
    {% for chunk in agate_table.rows | batch(get_batch_size()) %}
        {% set bindings = [] %}
        {% for row in chunk %}
            {% do bindings.extend(row) %}
        {% endfor %}
        {% set sql %}
            insert into {{ this.render() }} ({{ column_names }}) values
            {% for row in chunk -%}
                ({%- for column in agate_table.column_names -%}
                    {{ placeholder }}{{ ',' if not loop.last }}
                {%- endfor -%}){{ ',' if not loop.last }}
            {%- endfor %}
        {% endset %}
        {% do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) %}
        {% if loop.first %}{% do statements.append(sql) %}{% endif %}
    {% endfor %}
    {{ return(statements[0]) }}
{%- endmacro %}


{# Called when a seed that existed was created anew and has its rows; a project may override `publish_seed`, an adapter `<adapter>__publish_seed`. #}
{% macro publish_seed(old_relation) -%}
    {{ return(adapter.dispatch('publish_seed', 'dbt')(old_relation)) }}
{%- endmacro %}

{# Fallback of `publish_seed`: there is nothing left to do. #}
{% macro default__publish_seed(old_relation) -%}
{%- endmacro %}
