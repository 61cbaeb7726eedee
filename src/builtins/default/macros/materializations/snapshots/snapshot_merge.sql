{# The statement that merges staged rows into a snapshot; a project may override `snapshot_merge_sql`, an adapter `<adapter>__snapshot_merge_sql`. #}
{% macro snapshot_merge_sql(target, source, insert_cols) -%}
    {{ return(adapter.dispatch('snapshot_merge_sql', 'dbt')(target, source, insert_cols)) }}
{%- endmacro %}

{# Fallback of `snapshot_merge_sql`: closes changed rows and inserts new ones in one merge. #}
{% macro default__snapshot_merge_sql(target, source, insert_cols) -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set open_end = config.get('dbt_valid_to_current') -%}
    {%- set valid_to = 'DBT_INTERNAL_DEST.' ~ columns.dbt_valid_to -%}
    {%- set column_names = insert_cols | join(', ') -%}

    merge into {{ target.render() }} as DBT_INTERNAL_DEST
    using {{ source }} as DBT_INTERNAL_SOURCE
    on DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }} = DBT_INTERNAL_DEST.{{ columns.dbt_scd_id }}

    when matched
     {% if open_end %}
	{% set open_end = open_end | trim %}
	{# A row without an end is open too. #}
	and ({{ equals(valid_to, open_end) }} or {{ valid_to }} is null)

     {% else %}
       and {{ valid_to }} is null
     {% endif %}
     and DBT_INTERNAL_SOURCE.dbt_change_type in ('update', 'delete')
        then update
        set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}

    when not matched
     and DBT_INTERNAL_SOURCE.dbt_change_type = 'insert'
        then insert ({{ column_names }})
        values ({{ column_names }})

{% endmacro %}
