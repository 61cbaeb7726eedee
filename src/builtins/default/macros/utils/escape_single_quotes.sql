{# Text made safe to stand between single quotes; a project may override `escape_single_quotes`, an adapter `<adapter>__escape_single_quotes`. #}
{% macro escape_single_quotes(expression) -%}
    {{ return(adapter.dispatch('escape_single_quotes', 'dbt')(expression)) }}
{%- endmacro %}

{# Fallback of `escape_single_quotes`: each is doubled. #}
{% macro default__escape_single_quotes(expression) -%}
    {{ expression | replace("'", "''") }}
{%- endmacro %}
