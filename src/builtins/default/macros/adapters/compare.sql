{# What `kiln compare` asks a database. `columns` are maps with `name`, `kind` (what a value is compared as: `boolean`,
   `exact`, `approximate`, `text`, `date`, `timestamp`, `timestamptz`, `time`, `binary`, `nested`, `other`) and
   `data_type`, the column's own. Values are compared as text that is the same in every database. #}

{# How many rows each of 4,096 parts of a relation has, and the sum of their hashes; a project may override `get_compare_parts_sql`, an adapter `<adapter>__get_compare_parts_sql`. #}
{% macro get_compare_parts_sql(relation, columns) -%}
    {{ return(adapter.dispatch('get_compare_parts_sql', 'dbt')(relation, columns)) }}
{%- endmacro %}

{# Fallback of `get_compare_parts_sql`: the first three digits of a row's hash say which part it is in. #}
{% macro default__get_compare_parts_sql(relation, columns) -%}
    select
        substr(row_hash, 1, 3) as part,
        count(*) as n_rows,
        cast(sum({{ compare_hash_number('substr(row_hash, 4, 13)') }}) as {{ type_string() }}) as total
    from ({{ compare_hashed_rows(relation, columns) }}) as hashed_rows
    group by 1
{%- endmacro %}


{# The rows of some parts, as compared, in the same order in every database; a project may override `get_compare_rows_sql`, an adapter `<adapter>__get_compare_rows_sql`. #}
{% macro get_compare_rows_sql(relation, columns, parts) -%}
    {{ return(adapter.dispatch('get_compare_rows_sql', 'dbt')(relation, columns, parts)) }}
{%- endmacro %}

{# Fallback of `get_compare_rows_sql`. #}
{% macro default__get_compare_rows_sql(relation, columns, parts) -%}
    select {% for column in columns %}c{{ loop.index0 }}{{ ', ' if not loop.last }}{% endfor %}
    from ({{ compare_hashed_rows(relation, columns) }}) as hashed_rows
    where substr(row_hash, 1, 3) in ({% for part in parts %}'{{ part }}'{{ ', ' if not loop.last }}{% endfor %})
    order by row_hash
{%- endmacro %}


{# The rows of a relation as `c0`, `c1` and so on, each with its `row_hash`. #}
{% macro compare_hashed_rows(relation, columns) -%}
    select
        *,
        {% set row -%}
        {% for column in columns %}coalesce(c{{ loop.index0 }}, chr(30)) || chr(31){{ ' || ' if not loop.last }}{% endfor %}
        {%- endset %}
        {{ compare_hash(row) }} as row_hash
    from (
        select
            {%- for column in columns %}
            {{ compare_value(adapter.quote(column.name), column.kind, column.data_type) }} as c{{ loop.index0 }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
    ) as comparable_rows
{%- endmacro %}


{# The MD5 hash of a text in UTF-8, in small hexadecimal digits; a project may override `compare_hash`, an adapter `<adapter>__compare_hash`. #}
{% macro compare_hash(text) -%}
    {{ return(adapter.dispatch('compare_hash', 'dbt')(text)) }}
{%- endmacro %}

{# Fallback of `compare_hash`. #}
{% macro default__compare_hash(text) -%}
    md5({{ text }})
{%- endmacro %}


{# Thirteen hexadecimal digits as an integer; a project may override `compare_hash_number`, an adapter `<adapter>__compare_hash_number`. #}
{% macro compare_hash_number(digits) -%}
    {{ return(adapter.dispatch('compare_hash_number', 'dbt')(digits)) }}
{%- endmacro %}

{# Fallback of `compare_hash_number`. #}
{% macro default__compare_hash_number(digits) -%}
    cast('0x' || {{ digits }} as bigint)
{%- endmacro %}


{# A value as text that is the same in every database; a project may override `compare_value`, an adapter `<adapter>__compare_value`. #}
{% macro compare_value(column, kind, data_type) -%}
    {{ return(adapter.dispatch('compare_value', 'dbt')(column, kind, data_type)) }}
{%- endmacro %}

{# Fallback of `compare_value`: exact numbers without zeros at the end, others to 12 digits, instants in UTC. #}
{% macro default__compare_value(column, kind, data_type) -%}
    {%- if kind == 'exact' -%}
        regexp_replace(regexp_replace(cast({{ column }} as varchar), '(\.[0-9]*?)0+$', '\1'), '\.$', '')
    {%- elif kind == 'approximate' -%}
        {%- set number = 'cast(' ~ column ~ ' as double)' -%}
        case
            when isnan({{ number }}) or isinf({{ number }}) then cast({{ number }} as varchar)
            when {{ number }} = 0 then '0'
            else format('{:.11e}', {{ number }})
        end
    {%- elif kind == 'timestamptz' and 'zone' in data_type | lower -%}
        cast(make_timestamp(epoch_us({{ column }})) as varchar)
    {%- elif kind in ['timestamp', 'timestamptz'] -%}
        cast(cast({{ column }} as timestamp) as varchar)
    {%- elif kind == 'binary' -%}
        lower(hex({{ column }}))
    {%- elif kind == 'nested' -%}
        replace(cast(to_json({{ column }}) as varchar), ' ', '')
    {%- else -%}
        cast({{ column }} as varchar)
    {%- endif -%}
{%- endmacro %}
