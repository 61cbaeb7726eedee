{# The statement that renames a view; a project may override `get_rename_view_sql`, an adapter `<adapter>__get_rename_view_sql`. #}
{% macro get_rename_view_sql(relation, new_name) -%}
    {{ return(adapter.dispatch('get_rename_view_sql', 'dbt')(relation, new_name)) }}
{%- endmacro %}

{# Fallback of `get_rename_view_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_rename_view_sql(relation, new_name) -%}
    {{ exceptions.raise_compiler_error('`get_rename_view_sql` has not been implemented for this adapter.') }}
{%- endmacro %}
