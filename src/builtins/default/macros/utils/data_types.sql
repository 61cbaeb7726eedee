{# The name of the type of text; a project may override `type_string`, an adapter `<adapter>__type_string`. #}
{% macro type_string() -%}
    {{ return(adapter.dispatch('type_string', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_string`. #}
{% macro default__type_string() -%}
    {{ return(api.Column.translate_type('string')) }}
{%- endmacro %}


{# The name of the type of points in time, without time zone where there are both; a project may override `type_timestamp`, an adapter `<adapter>__type_timestamp`. #}
{% macro type_timestamp() -%}
    {{ return(adapter.dispatch('type_timestamp', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_timestamp`. #}
{% macro default__type_timestamp() -%}
    {{ return(api.Column.translate_type('timestamp')) }}
{%- endmacro %}


{# The name of the type of floating-point numbers; a project may override `type_float`, an adapter `<adapter>__type_float`. #}
{% macro type_float() -%}
    {{ return(adapter.dispatch('type_float', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_float`. #}
{% macro default__type_float() -%}
    {{ return(api.Column.translate_type('float')) }}
{%- endmacro %}


{# The name of the type of exact decimal numbers; a project may override `type_numeric`, an adapter `<adapter>__type_numeric`. #}
{% macro type_numeric() -%}
    {{ return(adapter.dispatch('type_numeric', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_numeric`: with digits, for databases whose bare numeric has none after the point. #}
{% macro default__type_numeric() -%}
    {{ return(api.Column.numeric_type('numeric', 28, 6)) }}
{%- endmacro %}


{# The name of the type of large integers; a project may override `type_bigint`, an adapter `<adapter>__type_bigint`. #}
{% macro type_bigint() -%}
    {{ return(adapter.dispatch('type_bigint', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_bigint`. #}
{% macro default__type_bigint() -%}
    {{ return(api.Column.translate_type('bigint')) }}
{%- endmacro %}


{# The name of the type of integers; a project may override `type_int`, an adapter `<adapter>__type_int`. #}
{% macro type_int() -%}
    {{ return(adapter.dispatch('type_int', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_int`. #}
{% macro default__type_int() -%}
    {{ return(api.Column.translate_type('integer')) }}
{%- endmacro %}


{# The name of the type of booleans; a project may override `type_boolean`, an adapter `<adapter>__type_boolean`. #}
{% macro type_boolean() -%}
    {{ return(adapter.dispatch('type_boolean', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `type_boolean`. #}
{% macro default__type_boolean() -%}
    {{ return(api.Column.translate_type('boolean')) }}
{%- endmacro %}
