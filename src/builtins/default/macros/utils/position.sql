{# The SQL of where a text begins in another, from 1; 0 if nowhere; a project may override `position`, an adapter `<adapter>__position`. #}
{% macro position(substring_text, string_text) -%}
    {{ return(adapter.dispatch('position', 'dbt')(substring_text, string_text)) }}
{%- endmacro %}

{# Fallback of `position`. #}
{% macro default__position(substring_text, string_text) %}

    position(
        {{ substring_text }} in {{ string_text }}
    )
{%- endmacro %}
