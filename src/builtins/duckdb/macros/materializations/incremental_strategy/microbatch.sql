{# `get_incremental_microbatch_sql` for DuckDB: replaces the rows whose event time lies in the batch. #}
{% macro duckdb__get_incremental_microbatch_sql(arg_dict) -%}
    {%- set event_time = config.get('event_time') -%}
    {%- if not event_time -%}
        {{ exceptions.raise_compiler_error("microbatch incremental strategy requires an 'event_time' model config") }}
    {%- elif config.get('unique_key') -%}
        {{ exceptions.raise_compiler_error("microbatch incremental strategy does not support 'unique_key': it replaces whole batches by 'event_time'. Remove 'unique_key' or use incremental_strategy='merge'.") }}
    {%- endif -%}

    {%- set batch = model.get('batch') or {} -%}
    {%- set start = batch.get('event_time_start') -%}
    {%- set end = batch.get('event_time_end') -%}
    {%- if not (start and end) -%}
        {{ exceptions.raise_compiler_error("microbatch incremental strategy requires 'batch.event_time_start' and 'batch.event_time_end' to be set in the context") }}
    {%- endif -%}

    {%- set target = arg_dict['target_relation'] -%}
    {%- set column_names = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set in_batch = event_time ~ " >= '" ~ start ~ "'\n        and " ~ event_time ~ " < '" ~ end ~ "'" -%}
    {%- set sql -%}
        delete from {{ target }}
        where {{ in_batch }}
        {%- for predicate in normalize_incremental_predicates(arg_dict.get('incremental_predicates')) %}
        and ({{ predicate }})
        {%- endfor %};

        insert into {{ target }} ({{ column_names }})
        select {{ column_names }}
        from {{ arg_dict['temp_relation'] }}
        where {{ in_batch }};
    {%- endset -%}
    {{ return(sql) }}
{%- endmacro %}
