{# The statements that put a new relation in the place of an existing one; a project may override it, an adapter `<adapter>__get_replace_sql`. #}
{% macro get_replace_sql(existing_relation, target_relation, sql) -%}
    {%- do log('Applying REPLACE to: ' ~ existing_relation) -%}
    {{ return(adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql)) }}
{%- endmacro %}

{# Fallback of `get_replace_sql`: in one statement if the type allows, else as safely as renaming allows. #}
{% macro default__get_replace_sql(existing_relation, target_relation, sql) %}

    {# The database may know a statement for it. #}

    {% set is_replaceable = existing_relation.can_be_replaced and existing_relation.type == target_relation.type %}

    {% if is_replaceable and existing_relation.is_view %}
        {{ get_replace_view_sql(target_relation, sql) }}

    {% elif is_replaceable and existing_relation.is_table %}
        {{ get_replace_table_sql(target_relation, sql) }}

    {% elif is_replaceable and existing_relation.is_materialized_view %}
        {{ get_replace_materialized_view_sql(target_relation, sql) }}

    {# Both can be renamed: build aside, keep the old one until the new one is in place. #}
    {%- elif target_relation.can_be_renamed and existing_relation.can_be_renamed -%}
        {{ get_create_intermediate_sql(target_relation, sql) }};
        {{ get_create_backup_sql(existing_relation) }};
        {{ get_rename_intermediate_sql(target_relation) }};
        {{ get_drop_backup_sql(existing_relation) }}

    {#- Only the new one: build aside, then drop the old one. -#}
    {%- elif target_relation.can_be_renamed -%}
        {{ get_create_intermediate_sql(target_relation, sql) }};
        {{ get_drop_sql(existing_relation) }};
        {{ get_rename_intermediate_sql(target_relation) }}

    {#- Only the old one: move it away, then build in place. -#}
    {%- elif existing_relation.can_be_renamed -%}
        {{ get_create_backup_sql(existing_relation) }};
        {{ get_create_sql(target_relation, sql) }};
        {{ get_drop_backup_sql(existing_relation) }}

    {%- else -%}
        {{ get_drop_sql(existing_relation) }};
        {{ get_create_sql(target_relation, sql) }}
    {%- endif -%}
{%- endmacro %}
