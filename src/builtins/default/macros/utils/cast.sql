{# The SQL of an expression as another type; a project may override `cast`, an adapter `<adapter>__cast`. #}
{% macro cast(field, type) -%}
    {{ return(adapter.dispatch('cast', 'dbt')(field, type)) }}
{%- endmacro %}

{# Fallback of `cast`. #}
{% macro default__cast(field, type) %}
    cast({{ field }} as {{ type }})
{% endmacro %}
