{# Adds columns to a snapshot table; a project may override `create_columns`, an adapter `<adapter>__create_columns`. #}
{% macro create_columns(relation, columns) -%}
    {{ return(adapter.dispatch('create_columns', 'dbt')(relation, columns)) }}
{%- endmacro %}

{# Fallback of `create_columns`: one statement for each. #}
{% macro default__create_columns(relation, columns) -%}
    {% for column in columns %}
    {% call statement() %}
      alter table {{ relation.render() }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }};
    {% endcall %}
    {% endfor %}
{%- endmacro %}


{# Cleans up after a snapshot was merged; a project may override `post_snapshot`, an adapter `<adapter>__post_snapshot`. #}
{% macro post_snapshot(staging_relation) -%}
    {{ return(adapter.dispatch('post_snapshot', 'dbt')(staging_relation)) }}
{%- endmacro %}

{# Fallback of `post_snapshot`: temporary tables go by themselves. #}
{% macro default__post_snapshot(staging_relation) -%}
{%- endmacro %}


{# The SQL of a condition that always holds; a project may override `get_true_sql`, an adapter `<adapter>__get_true_sql`. #}
{% macro get_true_sql() %}
  {{ adapter.dispatch('get_true_sql', 'dbt')() }}
{% endmacro %}

{# Fallback of `get_true_sql`. #}
{% macro default__get_true_sql() -%}
    {{ return('TRUE') }}
{%- endmacro %}


{# The names of the columns that snapshots add; configured ones come from `snapshot_meta_column_names`. #}
{% macro get_snapshot_table_column_names() -%}
    {{ return({
        'dbt_valid_to': 'dbt_valid_to',
        'dbt_valid_from': 'dbt_valid_from',
        'dbt_scd_id': 'dbt_scd_id',
        'dbt_updated_at': 'dbt_updated_at',
        'dbt_is_deleted': 'dbt_is_deleted',
    }) }}
{%- endmacro %}


{# The query of the rows to merge into a snapshot, marked insert, update or delete; a project may override `snapshot_staging_table`, an adapter `<adapter>__snapshot_staging_table`. #}
{% macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {{ adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) }}
{% endmacro %}

{# Fallback of `snapshot_staging_table`. #}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set open_end = config.get('dbt_valid_to_current') -%}
    {%- set keeps_deleted_rows = strategy.hard_deletes == 'new_record' -%}
    {%- set finds_deleted_rows = strategy.hard_deletes in ['invalidate', 'new_record'] -%}
    {%- set same_key = unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') -%}
    {%- set row_was_deleted -%} or snapshotted_data.{{ columns.dbt_is_deleted }} = 'True' {%- endset -%}
    {#- The line breaks here and below keep the numbers of lines in a database's messages. #}
    {% if keeps_deleted_rows %}
        {% set scd_id = snapshot_hash_arguments([columns.dbt_scd_id, snapshot_get_time()]) %}
    {% endif %}
    with snapshot_query as (

        {{ source_sql }}

    ),

    snapshotted_data as (

        select *, {{ unique_key_fields(strategy.unique_key) }}
        from {{ target_relation }}
        where
            {% if open_end %}
		{% set valid_to = columns.dbt_valid_to | trim %}
		{% set open_end = open_end | trim %}

		{# A row without an end is open too. #}
                ( {{ equals(valid_to, open_end) }} or {{ valid_to }} is null )
            {% else %}
                {{ columns.dbt_valid_to }} is null
            {% endif %}

    ),

    insertions_source_data as (

        select *, {{ unique_key_fields(strategy.unique_key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ get_dbt_valid_to_current(strategy, columns) }},
            {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}

        from snapshot_query
    ),

    updates_source_data as (

        select *, {{ unique_key_fields(strategy.unique_key) }},
            {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
            {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}

        from snapshot_query
    ),

    {%- if finds_deleted_rows %}

    deletes_source_data as (

        select *, {{ unique_key_fields(strategy.unique_key) }}
        from snapshot_query
    ),
    {% endif %}

    insertions as (

        select
            'insert' as dbt_change_type,
            source_data.*
          {%- if keeps_deleted_rows -%}
            ,'False' as {{ columns.dbt_is_deleted }}
          {%- endif %}

        from insertions_source_data as source_data
        left outer join snapshotted_data
            on {{ same_key }}
            where {{ unique_key_is_null(strategy.unique_key, 'snapshotted_data') }}
            or ({{ unique_key_is_not_null(strategy.unique_key, 'snapshotted_data') }} and (
               {{ strategy.row_changed }}{{ row_was_deleted ~ ' ' if keeps_deleted_rows }}
            )

        )

    ),

    updates as (

        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.{{ columns.dbt_scd_id }}
          {%- if keeps_deleted_rows -%}
            , snapshotted_data.{{ columns.dbt_is_deleted }}
          {%- endif %}

        from updates_source_data as source_data
        join snapshotted_data
            on {{ same_key }}
        where (
            {{ strategy.row_changed }}{{ row_was_deleted ~ ' ' if keeps_deleted_rows }}
        )
    )

    {%- if finds_deleted_rows %}
    ,
    deletes as (

        select
            'delete' as dbt_change_type,
            source_data.*,
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
            snapshotted_data.{{ columns.dbt_scd_id }}
          {%- if keeps_deleted_rows -%}
            , snapshotted_data.{{ columns.dbt_is_deleted }}
          {%- endif %}
        from snapshotted_data
        left join deletes_source_data as source_data
            on {{ same_key }}
            where {{ unique_key_is_null(strategy.unique_key, 'source_data') }}

            {%- if keeps_deleted_rows %}
            and not (
                -- what was closed as deleted stays closed
                snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'
                and
                snapshotted_data.{{ columns.dbt_valid_to }} {{ '= ' ~ open_end if open_end else 'is null' }}
            )
            {%- endif %}
    )
    {%- endif %}

    {%- if keeps_deleted_rows %}
        {% set kept_columns = get_list_of_column_names(get_columns_in_relation(target_relation)) %}
        {# Columns that are new in the query have no old value to keep. #}
    ,
    deletion_records as (

        select
            'insert' as dbt_change_type,
            {%- for name in get_columns_in_query(source_sql) -%}
            {{ 'snapshotted_data' if name in kept_columns else 'source_data' }}.{{ adapter.quote(name) }},
            {%- endfor -%}
            {%- if strategy.unique_key | is_list -%}
                {%- for key in strategy.unique_key -%}
            snapshotted_data.{{ key }} as dbt_unique_key_{{ loop.index }},
                {% endfor -%}
            {%- else -%}
            snapshotted_data.dbt_unique_key as dbt_unique_key,
            {% endif -%}
            {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
            {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
            snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
            {{ scd_id }} as {{ columns.dbt_scd_id }},
            'True' as {{ columns.dbt_is_deleted }}
        from snapshotted_data
        left join deletes_source_data as source_data
            on {{ same_key }}
        where {{ unique_key_is_null(strategy.unique_key, 'source_data') }}
        and not (
            -- a deleted row is recorded once
            snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'
            and
            snapshotted_data.{{ columns.dbt_valid_to }} {{ '= ' ~ open_end if open_end else 'is null' }}
            )

    )
    {%- endif %}

    select * from insertions
    union all
    select * from updates
    {%- if finds_deleted_rows %}
    union all
    select * from deletes
    {%- endif %}
    {%- if keeps_deleted_rows %}
    union all
    select * from deletion_records
    {%- endif %}

{%- endmacro %}


{# The query that fills a snapshot on its first run; a project may override `build_snapshot_table`, an adapter `<adapter>__build_snapshot_table`. #}
{% macro build_snapshot_table(strategy, sql) -%}
    {{ adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql) }}
{% endmacro %}

{# Fallback of `build_snapshot_table`. #}
{% macro default__build_snapshot_table(strategy, sql) %}
    {% set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}

    select *,
        {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
        {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
        {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
        {{ get_dbt_valid_to_current(strategy, columns) }}
      {%- if strategy.hard_deletes == 'new_record' -%}
        , 'False' as {{ columns.dbt_is_deleted }}
      {% endif -%}
    from (
        {{ sql }}
    ) sbq

{% endmacro %}


{# Puts the rows to merge into a temporary table and returns it; an adapter may override it. #}
{% macro build_snapshot_staging_table(strategy, sql, target_relation) -%}
    {% set staging_relation = make_temp_relation(target_relation) %}
    {% set staged_rows = snapshot_staging_table(strategy, sql, target_relation) %}
    {% call statement('build_snapshot_staging_relation') %}
        {{ create_table_as(True, staging_relation, staged_rows) }}
    {% endcall %}
    {{ return(staging_relation) }}
{%- endmacro %}


{# The type of `dbt_updated_at` in a snapshot's query, or none. #}
{% macro get_updated_at_column_data_type(snapshot_sql) -%}
    {% for column in get_column_schema_from_query(snapshot_sql) if column.column in ['dbt_updated_at', 'DBT_UPDATED_AT'] %}
        {{ return(column.dtype or none) }}
    {% endfor %}
    {{ return(none) }}
{%- endmacro %}


{# Warns if the type of `updated_at` is not that of the times snapshots write. #}
{% macro check_time_data_types(sql) -%}
    {% set updated_at_type = get_updated_at_column_data_type(sql) %}
    {% set snapshot_type = get_snapshot_get_time_data_type() %}
    {% if updated_at_type is not none and snapshot_type is not none and updated_at_type != snapshot_type
        and exceptions.warn_snapshot_timestamp_data_types %}
        {{ exceptions.warn_snapshot_timestamp_data_types(snapshot_type, updated_at_type) }}
    {% endif %}
{%- endmacro %}


{# The end of validity of current rows: null, or what `dbt_valid_to_current` says, in the type of `updated_at`. #}
{% macro get_dbt_valid_to_current(strategy, columns) %}
  {% set open_end = config.get('dbt_valid_to_current') or 'null' %}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ open_end }})
  as {{ columns.dbt_valid_to }}
{% endmacro %}


{# The key of a snapshot as columns `dbt_unique_key`, or `dbt_unique_key_N` for a list. #}
{% macro unique_key_fields(unique_key) %}
    {% if unique_key | is_list %}
        {% for key in unique_key %}
            {{ key }} as dbt_unique_key_{{ loop.index }}{{ ' ,' if not loop.last }}
        {% endfor %}
    {% else %}
        {{ unique_key }} as dbt_unique_key
    {% endif %}
{% endmacro %}


{# The condition that two relations have the same snapshot key. #}
{% macro unique_key_join_on(unique_key, identifier, from_identifier) %}
    {% if unique_key | is_list %}
        {% for key in unique_key %}
	    {% set own = (identifier ~ '.dbt_unique_key_' ~ loop.index) | trim %}
	    {% set other = (from_identifier ~ '.dbt_unique_key_' ~ loop.index) | trim %}
	    {{ equals(own, other) }}
            {%- if not loop.last %} and {%- endif %}
        {% endfor %}
    {% else %}
        {{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
    {% endif %}
{% endmacro %}


{# The condition that an outer join found no row. #}
{% macro unique_key_is_null(unique_key, identifier) %}
    {% if unique_key | is_list %}
        {{ identifier }}.dbt_unique_key_1 is null
    {% else %}
        {{ identifier }}.dbt_unique_key is null
    {% endif %}
{% endmacro %}


{# The condition that an outer join found a row. #}
{% macro unique_key_is_not_null(unique_key, identifier) %}
    {% if unique_key | is_list %}
        {{ identifier }}.dbt_unique_key_1 is not null
    {% else %}
        {{ identifier }}.dbt_unique_key is not null
    {% endif %}
{% endmacro %}
