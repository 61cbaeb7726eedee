{# The SQL of a time cut down to a date part; a project may override `date_trunc`, an adapter `<adapter>__date_trunc`. #}
{% macro date_trunc(datepart, date) -%}
    {{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}
{%- endmacro %}

{# Fallback of `date_trunc`. #}
{% macro default__date_trunc(datepart, date) -%}
    date_trunc('{{ datepart }}', {{ date }})
{%- endmacro %}
