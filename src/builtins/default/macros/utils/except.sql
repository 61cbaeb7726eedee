{# The set operator that takes rows away; a project may override `except`, an adapter `<adapter>__except`. #}
{% macro except() -%}
    {{ return(adapter.dispatch('except', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `except`. #}
{% macro default__except() %}

    except

{% endmacro %}
