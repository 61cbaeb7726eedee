{# The SQL of a hash of an expression, as text; a project may override `hash`, an adapter `<adapter>__hash`. #}
{% macro hash(field) -%}
    {{ return(adapter.dispatch('hash', 'dbt')(field)) }}
{%- endmacro %}

{# Fallback of `hash`. #}
{% macro default__hash(field) -%}
    md5(cast({{ field }} as {{ api.Column.translate_type('string') }}))
{%- endmacro %}
