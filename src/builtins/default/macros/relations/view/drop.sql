{# The statement that drops a view; a project may override `drop_view`, an adapter `<adapter>__drop_view`. #}
{% macro drop_view(relation) -%}
    {{ return(adapter.dispatch('drop_view', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_view`. #}
{% macro default__drop_view(relation) -%}
    drop view if exists {{ relation.render() }} cascade
{%- endmacro %}
