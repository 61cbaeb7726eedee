{# The SQL of several texts as one; a project may override `concat`, an adapter `<adapter>__concat`. #}
{% macro concat(fields) -%}
    {{ return(adapter.dispatch('concat', 'dbt')(fields)) }}
{%- endmacro %}

{# Fallback of `concat`. #}
{% macro default__concat(fields) -%}
    {{ fields | join(' || ') }}
{%- endmacro %}
