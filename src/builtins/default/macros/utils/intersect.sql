{# The set operator that keeps common rows; a project may override `intersect`, an adapter `<adapter>__intersect`. #}
{% macro intersect() -%}
    {{ return(adapter.dispatch('intersect', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `intersect`. #}
{% macro default__intersect() %}

    intersect

{% endmacro %}
