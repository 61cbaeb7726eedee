{# The statement that creates a scalar function in SQL; a project may override `scalar_function_sql`, an adapter `<adapter>__scalar_function_sql`. #}
{% macro scalar_function_sql(target_relation) -%}
    {{ return(adapter.dispatch('scalar_function_sql', 'dbt')(target_relation)) }}
{%- endmacro %}

{# Fallback of `scalar_function_sql`. #}
{% macro default__scalar_function_sql(target_relation) %}
    {{ scalar_function_create_replace_signature_sql(target_relation) }}
    {{ scalar_function_body_sql() }};
{% endmacro %}


{# The head of the statement that creates a scalar function; a project may override `scalar_function_create_replace_signature_sql`, an adapter `<adapter>__scalar_function_create_replace_signature_sql`. #}
{% macro scalar_function_create_replace_signature_sql(target_relation) -%}
    {{ return(adapter.dispatch('scalar_function_create_replace_signature_sql', 'dbt')(target_relation)) }}
{%- endmacro %}

{# Fallback of `scalar_function_create_replace_signature_sql`. #}
{% macro default__scalar_function_create_replace_signature_sql(target_relation) %}
    CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
    RETURNS {{ model.returns.data_type }}
    {{ scalar_function_volatility_sql() }}
    AS
{% endmacro %}


{# The arguments of a scalar function in SQL with their types; a project may override `formatted_scalar_function_args_sql`, an adapter `<adapter>__formatted_scalar_function_args_sql`. #}
{% macro formatted_scalar_function_args_sql() -%}
    {{ return(adapter.dispatch('formatted_scalar_function_args_sql', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `formatted_scalar_function_args_sql`. #}
{% macro default__formatted_scalar_function_args_sql() %}
    {%- set args = [] -%}
    {%- for arg in model.arguments -%}
        {%- do args.append(arg.name ~ ' ' ~ arg.data_type) -%}
    {%- endfor %}
    {{ args | join(', ') }}
{% endmacro %}


{# The arguments of a scalar function in JavaScript with their types; a project may override `formatted_scalar_function_args_javascript`, an adapter `<adapter>__formatted_scalar_function_args_javascript`. #}
{% macro formatted_scalar_function_args_javascript() -%}
    {{ return(adapter.dispatch('formatted_scalar_function_args_javascript', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `formatted_scalar_function_args_javascript`: raises. #}
{% macro default__formatted_scalar_function_args_javascript() -%}
    {% do exceptions.raise_compiler_error('formatted_scalar_function_args_javascript not implemented for adapter ' ~ adapter.type()) %}
{%- endmacro %}


{# The body of a scalar function in SQL; a project may override `scalar_function_body_sql`, an adapter `<adapter>__scalar_function_body_sql`. #}
{% macro scalar_function_body_sql() -%}
    {{ return(adapter.dispatch('scalar_function_body_sql', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `scalar_function_body_sql`. #}
{% macro default__scalar_function_body_sql() %}
    $$
       {{ model.compiled_code }}
    $$ LANGUAGE SQL
{% endmacro %}


{# The clause that says when a function in SQL returns the same; a project may override `scalar_function_volatility_sql`, an adapter `<adapter>__scalar_function_volatility_sql`. #}
{% macro scalar_function_volatility_sql() -%}
    {{ return(adapter.dispatch('scalar_function_volatility_sql', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `scalar_function_volatility_sql`: nothing if it is not configured, so the database decides. #}
{% macro default__scalar_function_volatility_sql() %}
    {%- set volatility = model.config.get('volatility') %}
    {% if volatility == 'deterministic' %}
        IMMUTABLE
    {% elif volatility == 'stable' %}
        STABLE
    {% elif volatility == 'non-deterministic' %}
        VOLATILE
    {% elif volatility is not none %}
        {%- do unsupported_volatility_warning(volatility) -%}
    {% endif %}
{% endmacro %}


{# The clause that says when a function in JavaScript returns the same; a project may override `scalar_function_volatility_javascript`, an adapter `<adapter>__scalar_function_volatility_javascript`. #}
{% macro scalar_function_volatility_javascript() -%}
    {{ return(adapter.dispatch('scalar_function_volatility_javascript', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `scalar_function_volatility_javascript`: there is none; warns if one is configured. #}
{% macro default__scalar_function_volatility_javascript() -%}
    {% if model.config.get('volatility') is not none %}
        {% do exceptions.warn("Volatility is not supported by " ~ adapter.type() ~ " in javascript UDF and will be ignored") %}
    {% endif %}
{%- endmacro %}


{# Warns that a configured volatility has no effect; a project may override `unsupported_volatility_warning`, an adapter `<adapter>__unsupported_volatility_warning`. #}
{% macro unsupported_volatility_warning(volatility) -%}
    {{ return(adapter.dispatch('unsupported_volatility_warning', 'dbt')(volatility)) }}
{%- endmacro %}

{# Fallback of `unsupported_volatility_warning`. #}
{% macro default__unsupported_volatility_warning(volatility) -%}
    {% do exceptions.warn("Found `" ~ volatility ~ "` volatility specified on function `" ~ model.name ~ "`. This volatility is not supported by " ~ adapter.type() ~ ", and will be ignored") %}
{%- endmacro %}
