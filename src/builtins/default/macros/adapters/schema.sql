{# Creates the schema of a relation; a project may override `create_schema`, an adapter `<adapter>__create_schema`. #}
{% macro create_schema(relation) -%}
    {{ return(adapter.dispatch('create_schema', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `create_schema`. #}
{% macro default__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation.without_identifier() }}
    {%- endcall -%}
{%- endmacro %}


{# Drops the schema of a relation with all in it; a project may override `drop_schema`, an adapter `<adapter>__drop_schema`. #}
{% macro drop_schema(relation) -%}
    {{ return(adapter.dispatch('drop_schema', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_schema`. #}
{% macro default__drop_schema(relation) -%}
    {%- call statement('drop_schema') -%}
        drop schema if exists {{ relation.without_identifier() }} cascade
    {%- endcall -%}
{%- endmacro %}
