{# The statement of the merge strategy; a project may override it, an adapter `<adapter>__get_merge_sql`. `predicates` is an older argument name. #}
{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
   -- `predicates` is the older name
  {% set incremental_predicates = kwargs.get('predicates', incremental_predicates) %}
  {{ adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates) }}
{%- endmacro %}


{# The condition under which a merge takes two rows for the same; a project may override `get_merge_unique_key_match`, an adapter `<adapter>__get_merge_unique_key_match`. #}
{% macro get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
    {{ return(adapter.dispatch('get_merge_unique_key_match', 'dbt')(source_unique_key, target_unique_key)) }}
{%- endmacro %}

{# Fallback of `get_merge_unique_key_match`. #}
{% macro default__get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
    {{ return(equals(source_unique_key, target_unique_key) | trim) }}
{%- endmacro %}


{# Fallback of `get_merge_sql`: updates matched rows and inserts the rest; without a key it only inserts. #}
{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- set predicates = [] + (incremental_predicates or []) -%}
    {%- set column_names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set update_columns = get_merge_update_columns(config.get('merge_update_columns'), config.get('merge_exclude_columns'), dest_columns) -%}
    {%- set sql_header = config.get('sql_header', none) -%}

    {% if not unique_key %}
        {% do predicates.append('FALSE') %}
    {% else %}
        {% if unique_key is sequence and unique_key is not mapping and unique_key is not string %}
            {% for key in unique_key %}
                {% set match = 'DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key %}
                {% do predicates.append('\n                    ' ~ match ~ '\n                ') %}
            {% endfor %}
        {% else %}
            {% set source_key = ('DBT_INTERNAL_SOURCE.' ~ unique_key) | trim %}
            {% set target_key = ('DBT_INTERNAL_DEST.' ~ unique_key) | trim %}
            {% set match = get_merge_unique_key_match(source_key, target_key) %}
            {% do predicates.append(match) %}
        {% endif %}
    {% endif %}

    {{ sql_header if sql_header is not none }}

    merge into {{ target }} as DBT_INTERNAL_DEST
        using {{ source }} as DBT_INTERNAL_SOURCE
        on ({{ predicates | join(') and (') }})

    {% if unique_key %}
    when matched then update set
        {% for column in update_columns -%}
            {{ column }} = DBT_INTERNAL_SOURCE.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {% endif %}

    when not matched then insert
        ({{ column_names }})
    values
        ({{ column_names }})

{% endmacro %}


{# The statements of the delete+insert strategy; a project may override `get_delete_insert_merge_sql`, an adapter `<adapter>__get_delete_insert_merge_sql`. #}
{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {{ return(adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates)) }}
{%- endmacro %}

{# Fallback of `get_delete_insert_merge_sql`: deletes the rows with the new rows' keys, then inserts. #}
{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- set column_names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {% if unique_key %}
        {% if unique_key is string %}
        {% set unique_key = [unique_key] %}
        {% endif %}

        {%- set key_names = unique_key | join(', ') -%}

        delete from {{ target }} as DBT_INTERNAL_DEST
        where ({{ key_names }}) in (
            select distinct {{ key_names }}
            from {{ source }} as DBT_INTERNAL_SOURCE
        )
        {%- if incremental_predicates %}
            {% for predicate in incremental_predicates %}
                and {{ predicate }}
            {% endfor %}
        {%- endif -%};

    {% endif %}

    insert into {{ target }} ({{ column_names }})
    (
        select {{ column_names }}
        from {{ source }}
    )
{%- endmacro %}


{# The statement of the insert_overwrite strategy; a project may override `get_insert_overwrite_merge_sql`, an adapter `<adapter>__get_insert_overwrite_merge_sql`. #}
{% macro get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
    {{ return(adapter.dispatch('get_insert_overwrite_merge_sql', 'dbt')(target, source, dest_columns, predicates, include_sql_header)) }}
{%- endmacro %}

{# Fallback of `get_insert_overwrite_merge_sql`: a merge that never matches, so that old rows go and new ones come. #}
{% macro default__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header) -%}
    {%- set column_names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    {%- set sql_header = config.get('sql_header', none) -%}

    {{ sql_header if include_sql_header and sql_header is not none }}

    merge into {{ target }} as DBT_INTERNAL_DEST
        using {{ source }} as DBT_INTERNAL_SOURCE
        on FALSE

    when not matched by source
        {{ ' and ' ~ (predicates | join(' and ')) ~ ' ' if predicates }}
        then delete

    when not matched then insert
        ({{ column_names }})
    values
        ({{ column_names }})

{% endmacro %}
