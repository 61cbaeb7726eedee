{# The `on_schema_change` of a node if it is one of the four values, else the default. #}
{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
    {% if on_schema_change in ['ignore', 'fail', 'append_new_columns', 'sync_all_columns'] %}
        {{ return(on_schema_change) }}
    {% endif %}
    {% do log('Invalid value for on_schema_change (' ~ on_schema_change ~ ') specified. Setting default value of ' ~ default ~ '.') %}
    {{ return(default) }}
{%- endmacro %}


{# A dict of what differs between the columns of two relations; a project may override `check_for_schema_changes`, an adapter `<adapter>__check_for_schema_changes`. #}
{% macro check_for_schema_changes(source_relation, target_relation) -%}
    {{ return(adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)) }}
{%- endmacro %}

{# Fallback of `check_for_schema_changes`. #}
{% macro default__check_for_schema_changes(source_relation, target_relation) -%}
    {% set source_columns = adapter.get_columns_in_relation(source_relation) %}
    {% set target_columns = adapter.get_columns_in_relation(target_relation) %}
    {% set added = diff_columns(source_columns, target_columns) %}
    {% set removed = diff_columns(target_columns, source_columns) %}
    {% set retyped = diff_column_data_types(source_columns, target_columns) %}
    {% set changes = {
        'schema_changed': added != [] or removed != [] or retyped != [],
        'source_not_in_target': added,
        'target_not_in_source': removed,
        'source_columns': source_columns,
        'target_columns': target_columns,
        'new_target_types': retyped,
    } %}
    {% do log('Schema of ' ~ target_relation ~ ' changed: ' ~ changes['schema_changed']
        ~ '; columns to add: ' ~ added ~ '; gone: ' ~ removed ~ '; of another type: ' ~ retyped) %}
    {{ return(changes) }}
{%- endmacro %}


{# Changes the columns of the target as `on_schema_change` says; a project may override `sync_column_schemas`, an adapter `<adapter>__sync_column_schemas`. #}
{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
    {{ return(adapter.dispatch('sync_column_schemas', 'dbt')(on_schema_change, target_relation, schema_changes_dict)) }}
{%- endmacro %}

{# Fallback of `sync_column_schemas`. #}
{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
    {% set added = schema_changes_dict['source_not_in_target'] %}
    {% set removed = schema_changes_dict['target_not_in_source'] %}
    {% set retyped = schema_changes_dict['new_target_types'] %}

    {% if on_schema_change == 'append_new_columns' %}
        {% if added | length > 0 %}
            {% do alter_relation_add_remove_columns(target_relation, added, none) %}
        {% endif %}
    {% elif on_schema_change == 'sync_all_columns' %}
        {% if added | length > 0 or removed | length > 0 %}
            {% do alter_relation_add_remove_columns(target_relation, added, removed) %}
        {% endif %}
        {% for change in retyped %}
            {% do alter_column_type(target_relation, change['column_name'], change['new_type']) %}
        {% endfor %}
    {% endif %}

    {% do log('Columns of ' ~ target_relation ~ ' changed by ' ~ on_schema_change
        ~ '; added: ' ~ added ~ '; removed: ' ~ removed ~ '; of another type: ' ~ retyped) %}
{%- endmacro %}


{# The columns to insert, after the target's were changed as configured; empty if they are not looked at; a project may override `process_schema_changes`, an adapter `<adapter>__process_schema_changes`. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {{ return(adapter.dispatch('process_schema_changes', 'dbt')(on_schema_change, source_relation, target_relation)) }}
{%- endmacro %}

{# Fallback of `process_schema_changes`. #}
{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {% if on_schema_change == 'ignore' %}
        {{ return({}) }}
    {% endif %}

    {% set changes = check_for_schema_changes(source_relation, target_relation) %}
    {% if changes['schema_changed'] and on_schema_change == 'fail' %}
        {% set message %}
The source and target schemas on this incremental model are out of sync!
They can be reconciled in several ways:
  - set `on_schema_change` to `append_new_columns` or `sync_all_columns`
  - rebuild the table with `--full-refresh`
  - change the table by hand

Source columns not in target: {{ changes['source_not_in_target'] }}
Target columns not in source: {{ changes['target_not_in_source'] }}
New column types: {{ changes['new_target_types'] }}
        {% endset %}
        {% do exceptions.raise_compiler_error(message) %}
    {% elif changes['schema_changed'] %}
        {% do sync_column_schemas(on_schema_change, target_relation, changes) %}
    {% endif %}
    {{ return(changes['source_columns']) }}
{%- endmacro %}
