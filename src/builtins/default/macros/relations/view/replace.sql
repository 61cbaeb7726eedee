{# The statement that replaces a view; a project may override `get_replace_view_sql`, an adapter `<adapter>__get_replace_view_sql`. #}
{% macro get_replace_view_sql(relation, sql) -%}
    {{ return(adapter.dispatch('get_replace_view_sql', 'dbt')(relation, sql)) }}
{%- endmacro %}

{# Fallback of `get_replace_view_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_replace_view_sql(relation, sql) -%}
    {{ exceptions.raise_compiler_error('`get_replace_view_sql` has not been implemented for this adapter.') }}
{%- endmacro %}


{# A whole view materialization for adapters whose views are replaced in one statement. #}
{% macro create_or_replace_view() -%}
    {% set identifier = model['alias'] %}
    {% set old_relation = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
    {% set had_view = old_relation is not none and old_relation.is_view %}
    {% set target_relation = api.Relation.create(identifier=identifier, schema=schema, database=database, type='view') %}

    {{ run_hooks(pre_hooks) }}

    {# A table is in the way; what to do about it differs by database. #}
    {% if old_relation is not none and old_relation.is_table %}
        {{ handle_existing_table(should_full_refresh(), old_relation) }}
    {% endif %}

    {% call statement('main') -%}
        {{ get_create_view_as_sql(target_relation, sql) }}
    {%- endcall %}

    {% set revoke = should_revoke(had_view, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}

    {{ run_hooks(post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}


{# Removes a table that stands where a view is to be; a project may override `handle_existing_table`, an adapter `<adapter>__handle_existing_table`. #}
{% macro handle_existing_table(full_refresh, old_relation) -%}
    {{ return(adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation)) }}
{%- endmacro %}

{# Fallback of `handle_existing_table`: drops it. #}
{% macro default__handle_existing_table(full_refresh, old_relation) -%}
    {% do log("Dropping relation " ~ old_relation.render() ~ " because it is of type " ~ old_relation.type) %}
    {{ adapter.drop_relation(old_relation) }}
{%- endmacro %}
