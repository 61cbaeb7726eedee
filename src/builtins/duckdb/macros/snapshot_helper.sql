{# `snapshot_merge_sql` for DuckDB: closes changed rows, then inserts new ones. #}
{% macro duckdb__snapshot_merge_sql(target, source, insert_cols) -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set open_end = config.get('dbt_valid_to_current') -%}
    {%- set valid_to = 'DBT_INTERNAL_TARGET.' ~ columns.dbt_valid_to -%}

    update {{ target }} as DBT_INTERNAL_TARGET
    set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }}::text = DBT_INTERNAL_TARGET.{{ columns.dbt_scd_id }}::text
      and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
      {% if open_end %}
        and ({{ valid_to }} = {{ open_end }} or {{ valid_to }} is null);
      {% else %}
        and {{ valid_to }} is null;
      {% endif %}

    insert into {{ target }} ({{ insert_cols | join(', ') }})
    select {% for column in insert_cols -%}
        DBT_INTERNAL_SOURCE.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    from {{ source }} as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;

{% endmacro %}


{# Takes the place of the general macro: on MotherDuck the staging table is not temporary. #}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) -%}
    {% set staging = duckdb__dispatch_temporary_relation(target_relation) %}
    {% set staged_rows = snapshot_staging_table(strategy, sql, target_relation) %}
    {% call statement('build_snapshot_staging_relation') %}
        {{ create_table_as(staging.temporary, staging.relation, staged_rows) }}
    {% endcall %}
    {{ return(staging.relation) }}
{%- endmacro %}


{# `post_snapshot` for DuckDB: drops the staging table, for it would live as long as the connection. #}
{% macro duckdb__post_snapshot(temporary_relation) -%}
    {{ return(drop_relation(temporary_relation)) }}
{%- endmacro %}
