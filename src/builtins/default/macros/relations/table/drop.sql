{# The statement that drops a table; a project may override `drop_table`, an adapter `<adapter>__drop_table`. #}
{% macro drop_table(relation) -%}
    {{ return(adapter.dispatch('drop_table', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_table`. #}
{% macro default__drop_table(relation) -%}
    drop table if exists {{ relation.render() }} cascade
{%- endmacro %}
