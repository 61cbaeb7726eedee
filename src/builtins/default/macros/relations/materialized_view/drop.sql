{# The statement that drops a materialized view; a project may override `drop_materialized_view`, an adapter `<adapter>__drop_materialized_view`. #}
{% macro drop_materialized_view(relation) -%}
    {{ return(adapter.dispatch('drop_materialized_view', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_materialized_view`. #}
{% macro default__drop_materialized_view(relation) -%}
    drop materialized view if exists {{ relation.render() }} cascade
{%- endmacro %}
