{# The SQL of a text, whose quotes are escaped already; a project may override `string_literal`, an adapter `<adapter>__string_literal`. #}
{% macro string_literal(value) -%}
    {{ return(adapter.dispatch('string_literal', 'dbt')(value)) }}
{%- endmacro %}

{# Fallback of `string_literal`. #}
{% macro default__string_literal(value) -%}
    '{{ value }}'
{%- endmacro %}
