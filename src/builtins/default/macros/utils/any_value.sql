{# The SQL of any one value of a group; a project may override `any_value`, an adapter `<adapter>__any_value`. #}
{% macro any_value(expression) -%}
    {{ return(adapter.dispatch('any_value', 'dbt')(expression)) }}
{%- endmacro %}

{# Fallback of `any_value`. #}
{% macro default__any_value(expression) -%}
    any_value({{ expression }})
{%- endmacro %}
