{# The SQL of an array with one more element, of the same type; a project may override `array_append`, an adapter `<adapter>__array_append`. #}
{% macro array_append(array, new_element) -%}
    {{ return(adapter.dispatch('array_append', 'dbt')(array, new_element)) }}
{%- endmacro %}

{# Fallback of `array_append`. #}
{% macro default__array_append(array, new_element) -%}
    array_append({{ array }}, {{ new_element }})
{%- endmacro %}
