{# The SQL of strategy `append`; a project may override `get_incremental_append_sql`, an adapter `<adapter>__get_incremental_append_sql`. #}
{% macro get_incremental_append_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_append_sql`: an insert. #}
{% macro default__get_incremental_append_sql(arg_dict) -%}
    {{ return(get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) }}
{%- endmacro %}


{# The SQL of strategy `delete+insert`; a project may override `get_incremental_delete_insert_sql`, an adapter `<adapter>__get_incremental_delete_insert_sql`. #}
{% macro get_incremental_delete_insert_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_delete_insert_sql`. #}
{% macro default__get_incremental_delete_insert_sql(arg_dict) -%}
    {{ return(get_delete_insert_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) }}
{%- endmacro %}


{# The SQL of strategy `merge`; a project may override `get_incremental_merge_sql`, an adapter `<adapter>__get_incremental_merge_sql`. #}
{% macro get_incremental_merge_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_merge_sql`. #}
{% macro default__get_incremental_merge_sql(arg_dict) -%}
    {{ return(get_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) }}
{%- endmacro %}


{# The SQL of strategy `insert_overwrite`; a project may override `get_incremental_insert_overwrite_sql`, an adapter `<adapter>__get_incremental_insert_overwrite_sql`. #}
{% macro get_incremental_insert_overwrite_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_insert_overwrite_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_insert_overwrite_sql`. #}
{% macro default__get_incremental_insert_overwrite_sql(arg_dict) -%}
    {{ return(get_insert_overwrite_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) }}
{%- endmacro %}


{# The SQL of a model that names no strategy; a project may override `get_incremental_default_sql`, an adapter `<adapter>__get_incremental_default_sql`. #}
{% macro get_incremental_default_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_default_sql`: append. #}
{% macro default__get_incremental_default_sql(arg_dict) -%}
    {{ return(get_incremental_append_sql(arg_dict)) }}
{%- endmacro %}


{# The SQL of one batch of strategy `microbatch`; a project may override `get_incremental_microbatch_sql`, an adapter `<adapter>__get_incremental_microbatch_sql`. #}
{% macro get_incremental_microbatch_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_microbatch_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}

{# Fallback of `get_incremental_microbatch_sql`: raises. #}
{% macro default__get_incremental_microbatch_sql(arg_dict) -%}
    {{ exceptions.raise_not_implemented('microbatch materialization strategy not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# The statement that inserts all staged rows. #}
{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) %}
    {%- set column_names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    insert into {{ target_relation }} ({{ column_names }})
    (
        select {{ column_names }}
        from {{ temp_relation }}
    )

{% endmacro %}
