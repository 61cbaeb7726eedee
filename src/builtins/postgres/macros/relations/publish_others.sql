{# `get_replace_sql` for Postgres: a materialized view is built aside and swapped in, like a table. #}
{% macro postgres__get_replace_sql(existing_relation, target_relation, sql) -%}
    {%- if not target_relation.is_materialized_view or postgres__publish_mode() == 'dbt' -%}
        {{ default__get_replace_sql(existing_relation, target_relation, sql) }}
    {%- else -%}
        {{ get_create_intermediate_sql(target_relation, sql) }};
        {{ postgres__publish_sql(existing_relation, make_intermediate_relation(target_relation), target_relation, adapter.known_dependents(existing_relation) or []) }}
    {%- endif -%}
{%- endmacro %}


{# `drop_leftover` for Postgres: what views still read, because a build of dbt was cut off, gets a name under which it
   stays until they are rebuilt. #}
{% macro postgres__drop_leftover(relation) -%}
    {% if relation is none or postgres__publish_mode() == 'dbt' or adapter.known_dependents(relation) is none %}
        {{ return(default__drop_leftover(relation)) }}
    {% endif %}
    {% set name = relation.identifier | replace('__dbt_backup', '') | replace('__dbt_tmp', '') %}
    {% for number in [''] + range(2, 10) | list %}
        {% set kept_relation = relation.incorporate(path={'identifier': name[:50] ~ '__kiln_kept' ~ number}) %}
        {% if load_cached_relation(kept_relation) is none %}
            {{ return(adapter.rename_relation(relation, kept_relation)) }}
        {% endif %}
    {% endfor %}
    {{ return(default__drop_leftover(relation)) }}
{%- endmacro %}


{# `reset_csv_table` for Postgres: rows are deleted, since a truncated table is empty to those who began before; on a
   full refresh the old table moves away until the new one has its rows. The text is what dbt writes. #}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
    {% if postgres__publish_mode() == 'dbt' %}
        {{ return(default__reset_csv_table(model, full_refresh, old_relation, agate_table)) }}
    {% elif full_refresh %}
        {% set backup_relation = make_backup_relation(old_relation, old_relation.type) %}
        {% do drop_leftover(load_cached_relation(backup_relation)) %}
        {% call statement('move_away') -%}
            {% call postgres__publish_block(old_relation, old_relation, backup_relation, []) -%}
            execute format('alter table %s rename to %I', old_id::regclass, final_name);
            {%- endcall %}
        {%- endcall %}
        {{ return(create_csv_table(model, agate_table)) }}
    {% endif %}
    {% call statement('empty_table') -%}
        delete from {{ old_relation }}
    {%- endcall %}
    {{ return('truncate table ' ~ old_relation.render()) }}
{%- endmacro %}


{# `publish_seed` for Postgres: what depended on the old table now depends on the one that was filled in its place. #}
{% macro postgres__publish_seed(old_relation) -%}
    {% if postgres__publish_mode() == 'swap' %}
        {% set backup_relation = make_backup_relation(old_relation, old_relation.type) %}
        {% set intermediate_relation = make_intermediate_relation(old_relation) %}
        {% call statement('publish') -%}
            alter table {{ old_relation }} rename to {{ adapter.quote(intermediate_relation.identifier) }};
            alter table {{ backup_relation }} rename to {{ adapter.quote(old_relation.identifier) }};
            {{ postgres__publish_sql(old_relation, intermediate_relation, old_relation, adapter.known_dependents(old_relation) or []) }}
        {%- endcall %}
    {% endif %}
{%- endmacro %}


{# `alter_column_type` for Postgres: views that read the column are dropped and made anew around the change. #}
{% macro postgres__alter_column_type(relation, column_name, new_column_type) -%}
    {% if adapter.known_dependents(relation) is none or postgres__publish_mode() == 'dbt' %}
        {{ return(default__alter_column_type(relation, column_name, new_column_type)) }}
    {% endif %}
    {% call statement('alter_column_type') -%}
        {% call postgres__publish_block(relation, relation, relation, []) -%}
            if rebuilt = '{}' and in_place <> '{}' then
                -- Nothing is made anew unless it has to be, which here is everything.
                stubborn := in_place;
                raise exception using errcode = 'KN000', message = 'views are made anew';
            end if;
            {{ postgres__publish_unbuild() }}
            alter table {{ relation.include(database=False) }} alter column {{ adapter.quote(column_name) }} type {{ new_column_type }};
            {{ postgres__publish_rebuild() }}
        {%- endcall %}
    {%- endcall %}
{%- endmacro %}


{# `alter_relation_add_remove_columns` for Postgres: without a queue of readers behind the lock. #}
{% macro postgres__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {% if postgres__publish_mode() == 'dbt' %}
        {{ return(default__alter_relation_add_remove_columns(relation, add_columns, remove_columns)) }}
    {% endif %}
    {% call statement('alter_columns') -%}
        {% call postgres__publish_block(relation, relation, relation, [], has_views=False) -%}
            alter {{ relation.type | replace('_', ' ') }} {{ relation.include(database=False) }}
            {%- for column in add_columns or [] %}
                add column {{ column.quoted }} {{ column.expanded_data_type }}{{ ',' if not loop.last or remove_columns }}
            {%- endfor %}
            {%- for column in remove_columns or [] %}
                drop column {{ column.quoted }}{{ ',' if not loop.last }}
            {%- endfor %};
        {%- endcall %}
    {%- endcall %}
{%- endmacro %}


{# `sync_column_schemas` for Postgres: types first, since a change of type locks the views above the table, and locks
   are taken from the views down. #}
{% macro postgres__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
    {% if on_schema_change == 'sync_all_columns' %}
        {% for change in schema_changes_dict['new_target_types'] %}
            {% do alter_column_type(target_relation, change['column_name'], change['new_type']) %}
        {% endfor %}
    {% endif %}
    {% do default__sync_column_schemas(on_schema_change, target_relation, dict(schema_changes_dict, new_target_types=[])) %}
{%- endmacro %}


{# `store_failures` for Postgres: built aside and swapped in, like a model. #}
{% macro postgres__store_failures(old_relation, target_relation, sql, sql_header) -%}
    {% if old_relation is none or postgres__publish_mode() == 'dbt' %}
        {{ return(default__store_failures(old_relation, target_relation, sql, sql_header)) }}
    {% endif %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% do drop_leftover(load_cached_relation(intermediate_relation)) %}
    {% do default__store_failures(none, intermediate_relation, sql, sql_header) %}
    {% do swap_in_relation(old_relation, intermediate_relation, target_relation, none) %}
{%- endmacro %}
