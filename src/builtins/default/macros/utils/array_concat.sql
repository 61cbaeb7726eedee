{# The SQL of two arrays as one; a project may override `array_concat`, an adapter `<adapter>__array_concat`. #}
{% macro array_concat(array_1, array_2) -%}
    {{ return(adapter.dispatch('array_concat', 'dbt')(array_1, array_2)) }}
{%- endmacro %}

{# Fallback of `array_concat`. #}
{% macro default__array_concat(array_1, array_2) -%}
    array_cat({{ array_1 }}, {{ array_2 }})
{%- endmacro %}
