{# The statement that refreshes a materialized view; an adapter overrides `<adapter>__refresh_materialized_view`. #}
{% macro refresh_materialized_view(relation) -%}
    {%- do log('Applying REFRESH to: ' ~ relation) -%}
    {{ return(adapter.dispatch('refresh_materialized_view', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `refresh_materialized_view`: raises, because the adapter has no such statement. #}
{% macro default__refresh_materialized_view(relation) -%}
    {{ exceptions.raise_compiler_error('`refresh_materialized_view` has not been implemented for this adapter.') }}
{%- endmacro %}
