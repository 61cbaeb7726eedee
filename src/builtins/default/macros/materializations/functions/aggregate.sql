{# The head of the statement that creates an aggregate function; a project may override `get_aggregate_function_create_replace_signature`, an adapter `<adapter>__get_aggregate_function_create_replace_signature`. #}
{% macro get_aggregate_function_create_replace_signature(target_relation) -%}
    {{ return(adapter.dispatch('get_aggregate_function_create_replace_signature', 'dbt')(target_relation)) }}
{%- endmacro %}

{# Fallback of `get_aggregate_function_create_replace_signature`. #}
{% macro default__get_aggregate_function_create_replace_signature(target_relation) %}
    CREATE OR REPLACE AGGREGATE FUNCTION {{ target_relation.render() }} ({{ get_formatted_aggregate_function_args() }})
    RETURNS {{ model.returns.data_type }}
    {{ get_function_language_specifier() }}
    {{ get_aggregate_function_volatility_specifier() }}
    {{ get_function_python_options() if model.get('language') == 'python' }}
    AS
{% endmacro %}


{# The arguments of an aggregate function with their types; a project may override `get_formatted_aggregate_function_args`, an adapter `<adapter>__get_formatted_aggregate_function_args`. #}
{% macro get_formatted_aggregate_function_args() -%}
    {{ return(adapter.dispatch('get_formatted_aggregate_function_args', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_formatted_aggregate_function_args`: as for scalar functions. #}
{% macro default__get_formatted_aggregate_function_args() -%}
    {{ formatted_scalar_function_args_sql() }}
{%- endmacro %}


{# The clause that names the language of a function; a project may override `get_function_language_specifier`, an adapter `<adapter>__get_function_language_specifier`. #}
{% macro get_function_language_specifier() -%}
    {{ return(adapter.dispatch('get_function_language_specifier', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_function_language_specifier`: none for SQL. #}
{% macro default__get_function_language_specifier() -%}
    {%- set language = model.get('language') -%}
    {%- if language == 'python' -%}
        LANGUAGE PYTHON
    {%- elif language == 'javascript' -%}
        LANGUAGE js
    {%- elif language != 'sql' -%}
        LANGUAGE {{ language.upper() }}
    {%- endif -%}
{%- endmacro %}


{# The clause that says when an aggregate function returns the same; a project may override `get_aggregate_function_volatility_specifier`, an adapter `<adapter>__get_aggregate_function_volatility_specifier`. #}
{% macro get_aggregate_function_volatility_specifier() -%}
    {{ return(adapter.dispatch('get_aggregate_function_volatility_specifier', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_aggregate_function_volatility_specifier`: as for scalar functions. #}
{% macro default__get_aggregate_function_volatility_specifier() -%}
    {{ scalar_function_volatility_sql() }}
{%- endmacro %}


{# The clauses that a function in Python needs; a project may override `get_function_python_options`, an adapter `<adapter>__get_function_python_options`. #}
{% macro get_function_python_options() -%}
    {{ return(adapter.dispatch('get_function_python_options', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_function_python_options`. #}
{% macro default__get_function_python_options() %}
    RUNTIME_VERSION = '{{ model.config.get('runtime_version') }}'
    HANDLER = '{{ model.config.get('entry_point') }}'
    {%- set packages = model.config.get('packages', []) %}
    {% if packages %}
    PACKAGES = ('{{ packages | join("','") }}')
    {% endif %}
{% endmacro %}
