{# The statements that create a relation under its intermediate name; a project may override it, an adapter `<adapter>__get_create_intermediate_sql`. #}
{% macro get_create_intermediate_sql(relation, sql) -%}
    {%- do log('Applying CREATE INTERMEDIATE to: ' ~ relation) -%}
    {{ return(adapter.dispatch('get_create_intermediate_sql', 'dbt')(relation, sql)) }}
{%- endmacro %}

{# Fallback of `get_create_intermediate_sql`: drops an old one first. #}
{% macro default__get_create_intermediate_sql(relation, sql) -%}
    -- the name it has meanwhile
    {% set intermediate_relation = make_intermediate_relation(relation) %}

    -- one may be left over
    {{ get_drop_sql(intermediate_relation) }};

    {{ get_create_sql(intermediate_relation, sql) }}
{%- endmacro %}
