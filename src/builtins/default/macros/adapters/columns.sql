{# The list of Column objects of an existing relation; a project may override `get_columns_in_relation`, an adapter `<adapter>__get_columns_in_relation`. #}
{% macro get_columns_in_relation(relation) -%}
    {{ return(adapter.dispatch('get_columns_in_relation', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_columns_in_relation`: raises, because only an adapter can know the answer. #}
{% macro default__get_columns_in_relation(relation) -%}
    {{ exceptions.raise_not_implemented('get_columns_in_relation macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# Turns rows of (name, type, char size, precision, scale) into Column objects; for adapters. #}
{% macro sql_convert_columns_in_relation(table) -%}
    {% set columns = [] %}
    {% for row in table %}
        {% do columns.append(api.Column(*row)) %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}


{# The names of a list of Column objects. #}
{% macro get_list_of_column_names(columns) -%}
    {% set names = [] %}
    {% for column in columns %}
        {% do names.append(column.name) %}
    {% endfor %}
    {{ return(names) }}
{%- endmacro %}


{# A query with the columns of `select_sql` and no rows; a project may override `get_empty_subquery_sql`, an adapter `<adapter>__get_empty_subquery_sql`. #}
{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
    {{ return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) }}
{%- endmacro %}

{# Fallback of `get_empty_subquery_sql`. #}
{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
    {%- if select_sql_header is not none -%}
    {{ select_sql_header }}
    {%- endif -%}
    select * from (
        {{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}


{# A query of typed nulls with the columns declared in YAML; a project may override `get_empty_schema_sql`, an adapter `<adapter>__get_empty_schema_sql`. #}
{% macro get_empty_schema_sql(columns) -%}
    {{ return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns)) }}
{%- endmacro %}

{# Fallback of `get_empty_schema_sql`: raises on a missing type, warns of a bare numeric. #}
{% macro default__get_empty_schema_sql(columns) %}
    {%- set untyped = [] -%}
    {%- set unsized = [] -%}
    select
    {% for key in columns %}
        {%- set column = columns[key] -%}
        {%- if not column.get('data_type') -%}
            {%- do untyped.append(column['name']) -%}
        {%- elif column['data_type'].strip().lower() in ('numeric', 'decimal', 'number') -%}
            {%- do unsized.append(column['name']) -%}
        {%- endif -%}
        {%- set column_name = adapter.quote(column['name']) if column.get('quote') else column['name'] %}
      {{ cast('null', column.get('data_type')) }} as {{ column_name }}{{ ", " if not loop.last }}
    {%- endfor -%}
    {%- if untyped -%}
        {{ exceptions.column_type_missing(column_names=untyped) }}
    {%- elif unsized -%}
        {{ exceptions.warn("Detected columns with numeric type and unspecified precision/scale, this can lead to unintended rounding: " ~ unsized ~ "`") }}
    {%- endif -%}
{% endmacro %}


{# The Column objects of a query, without running it over data. #}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
    {{ return(adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))) }}
{%- endmacro %}


{# The column names of a query; a project may override `get_columns_in_query`, an adapter `<adapter>__get_columns_in_query`. #}
{% macro get_columns_in_query(select_sql) -%}
    {{ return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql)) }}
{%- endmacro %}

{# Fallback of `get_columns_in_query`. #}
{% macro default__get_columns_in_query(select_sql) -%}
    {% call statement('get_columns_in_query', fetch_result=True, auto_begin=False) -%}
        {{ get_empty_subquery_sql(select_sql) }}
    {%- endcall %}
    {{ return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) }}
{%- endmacro %}


{# Changes the type of a column in place; a project may override `alter_column_type`, an adapter `<adapter>__alter_column_type`. #}
{% macro alter_column_type(relation, column_name, new_column_type) -%}
    {{ return(adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type)) }}
{%- endmacro %}

{# Fallback of `alter_column_type`: through a second column, which works in every database. #}
{% macro default__alter_column_type(relation, column_name, new_column_type) -%}
    {%- set old_column = adapter.quote(column_name) -%}
    {%- set new_column = adapter.quote(column_name ~ '__dbt_alter') -%}
    {% call statement('alter_column_type') %}
        alter table {{ relation.render() }} add column {{ new_column }} {{ new_column_type }};
        update {{ relation.render() }} set {{ new_column }} = {{ old_column }};
        alter table {{ relation.render() }} drop column {{ old_column }} cascade;
        alter table {{ relation.render() }} rename column {{ new_column }} to {{ old_column }}
    {% endcall %}
{%- endmacro %}


{# Adds and drops columns of a relation; a project may override `alter_relation_add_remove_columns`, an adapter `<adapter>__alter_relation_add_remove_columns`. #}
{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) -%}
    {{ return(adapter.dispatch('alter_relation_add_remove_columns', 'dbt')(relation, add_columns, remove_columns)) }}
{%- endmacro %}

{# Fallback of `alter_relation_add_remove_columns`: everything in one statement. #}
{% macro default__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {% set changes = [] %}
    {% for column in add_columns or [] %}
        {% do changes.append('add column ' ~ column.quoted ~ ' ' ~ column.expanded_data_type) %}
    {% endfor %}
    {% for column in remove_columns or [] %}
        {% do changes.append('drop column ' ~ column.quoted) %}
    {% endfor %}
    {% set sql -%}
        alter {{ relation.type }} {{ relation.render() }}
            {{ changes | join(',\n            ') }}
    {%- endset %}
    {% do run_query(sql) %}
{%- endmacro %}
