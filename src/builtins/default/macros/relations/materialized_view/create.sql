{# The statement that creates a materialized view; a project may override `get_create_materialized_view_as_sql`, an adapter `<adapter>__get_create_materialized_view_as_sql`. #}
{% macro get_create_materialized_view_as_sql(relation, sql) -%}
    {{ return(adapter.dispatch('get_create_materialized_view_as_sql', 'dbt')(relation, sql)) }}
{%- endmacro %}

{# Fallback of `get_create_materialized_view_as_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_create_materialized_view_as_sql(relation, sql) -%}
    {{ exceptions.raise_compiler_error('`get_create_materialized_view_as_sql` has not been implemented for this adapter.') }}
{%- endmacro %}
