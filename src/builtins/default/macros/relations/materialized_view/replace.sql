{# The statement that replaces a materialized view; a project may override `get_replace_materialized_view_sql`, an adapter `<adapter>__get_replace_materialized_view_sql`. #}
{% macro get_replace_materialized_view_sql(relation, sql) -%}
    {{ return(adapter.dispatch('get_replace_materialized_view_sql', 'dbt')(relation, sql)) }}
{%- endmacro %}

{# Fallback of `get_replace_materialized_view_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_replace_materialized_view_sql(relation, sql) -%}
    {{ exceptions.raise_compiler_error('`get_replace_materialized_view_sql` has not been implemented for this adapter.') }}
{%- endmacro %}
