{# The columns, types and constraints of a contract, in parentheses; a project may override `get_table_columns_and_constraints`, an adapter `<adapter>__get_table_columns_and_constraints`. #}
{% macro get_table_columns_and_constraints() -%}
    {{ return(adapter.dispatch('get_table_columns_and_constraints', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_table_columns_and_constraints`. #}
{% macro default__get_table_columns_and_constraints() -%}
    {{ return(table_columns_and_constraints()) }}
{%- endmacro %}


{# The columns of the model with types and constraints, then the constraints of the table. #}
{% macro table_columns_and_constraints() %}
  {# Constraints that the database does not enforce come out as nothing. #}
    {%- set column_specs = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- set table_specs = adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
    (
    {% for spec in column_specs -%}
      {{ spec }}{{ "," if table_specs or not loop.last }}
    {% endfor %}
    {% for spec in table_specs -%}
        {{ spec }}{{ "," if not loop.last }}
    {% endfor -%}
    )
{% endmacro %}


{# Nothing, after it raised if a query does not keep the model's contract; a project may override `get_assert_columns_equivalent`, an adapter `<adapter>__get_assert_columns_equivalent`. #}
{% macro get_assert_columns_equivalent(sql) -%}
    {{ return(adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql)) }}
{%- endmacro %}

{# Fallback of `get_assert_columns_equivalent`. #}
{% macro default__get_assert_columns_equivalent(sql) -%}
    {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}


{# Raises if the columns of a query are not those declared, by number, name and type. #}
{% macro assert_columns_equivalent(sql) -%}
    {%- set declared = model['columns'] -%}
    {%- if not declared -%}
        {{ exceptions.raise_contract_error([], []) }}
    {%- endif -%}

    {%- set sql_columns = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
    {%- set yaml_columns = format_columns(get_column_schema_from_query(get_empty_schema_sql(declared))) -%}
    {%- if sql_columns | length != yaml_columns | length -%}
        {%- do exceptions.raise_contract_error(yaml_columns, sql_columns) -%}
    {%- endif -%}

    {%- for column in sql_columns -%}
        {#- The first of that name counts, so an order of its own is allowed. -#}
        {%- set match = yaml_columns | selectattr('name', 'equalto', column['name']) | list | first -%}
        {%- if not match or match['formatted'] != column['formatted'] -%}
            {%- do exceptions.raise_contract_error(yaml_columns, sql_columns) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{# Columns as dicts that `raise_contract_error` takes; an adapter may override `<adapter>__format_column`. #}
{% macro format_columns(columns) -%}
    {%- set formatted = [] -%}
    {%- for column in columns -%}
        {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
    {%- endfor -%}
    {{ return(formatted) }}
{%- endmacro %}

{# Fallback of `format_column`: compared by name in lower case, and type. #}
{% macro default__format_column(column) -%}
    {%- set data_type = column.dtype -%}
    {{ return({'name': column.name, 'data_type': data_type, 'formatted': column.column.lower() ~ ' ' ~ data_type}) }}
{%- endmacro %}
