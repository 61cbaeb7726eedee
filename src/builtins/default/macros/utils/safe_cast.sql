{# The SQL of an expression as another type, null where it does not fit if the database can; a project may override `safe_cast`, an adapter `<adapter>__safe_cast`. #}
{% macro safe_cast(field, type) -%}
    {{ return(adapter.dispatch('safe_cast', 'dbt')(field, type)) }}
{%- endmacro %}

{# Fallback of `safe_cast`. #}
{% macro default__safe_cast(field, type) %}
    {# A plain cast: fails where the value does not fit. #}
    cast({{ field }} as {{ type }})
{% endmacro %}
