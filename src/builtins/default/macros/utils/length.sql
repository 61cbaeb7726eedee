{# The SQL of how many characters a text has; a project may override `length`, an adapter `<adapter>__length`. #}
{% macro length(expression) -%}
    {{ return(adapter.dispatch('length', 'dbt')(expression)) }}
{%- endmacro %}

{# Fallback of `length`. #}
{% macro default__length(expression) %}

    length(
        {{ expression }}
    )
{%- endmacro %}
