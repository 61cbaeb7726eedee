{# The statements that bring a materialized view to its changed config; an adapter overrides `<adapter>__get_alter_materialized_view_as_sql`. #}
{% macro get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
    {%- do log('Applying ALTER to: ' ~ relation) -%}
    {{ return(adapter.dispatch('get_alter_materialized_view_as_sql', 'dbt')(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation)) }}
{%- endmacro %}

{# Fallback of `get_alter_materialized_view_as_sql`: raises. #}
{% macro default__get_alter_materialized_view_as_sql(relation, configuration_changes, sql, existing_relation, backup_relation, intermediate_relation) -%}
    {{ exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') }}
{%- endmacro %}


{# What differs between a materialized view and its config, or none; an adapter overrides `<adapter>__get_materialized_view_configuration_changes`. #}
{% macro get_materialized_view_configuration_changes(existing_relation, new_config) -%}
    {%- do log('Determining configuration changes on: ' ~ existing_relation) -%}
    {{ return(adapter.dispatch('get_materialized_view_configuration_changes', 'dbt')(existing_relation, new_config)) }}
{%- endmacro %}

{# Fallback of `get_materialized_view_configuration_changes`: raises. #}
{% macro default__get_materialized_view_configuration_changes(existing_relation, new_config) -%}
    {{ exceptions.raise_compiler_error('Materialized views have not been implemented for this adapter.') }}
{%- endmacro %}
