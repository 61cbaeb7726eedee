{# The SQL of whether a condition holds anywhere in a group; a project may override `bool_or`, an adapter `<adapter>__bool_or`. #}
{% macro bool_or(expression) -%}
    {{ return(adapter.dispatch('bool_or', 'dbt')(expression)) }}
{%- endmacro %}

{# Fallback of `bool_or`. #}
{% macro default__bool_or(expression) -%}
    bool_or({{ expression }})
{%- endmacro %}
