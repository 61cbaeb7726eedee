{# `compare_hash` for Postgres: of UTF-8, whatever the database's encoding is. #}
{% macro postgres__compare_hash(text) -%}
    md5(convert_to({{ text }}, 'UTF8'))
{%- endmacro %}


{# `compare_hash_number` for Postgres. #}
{% macro postgres__compare_hash_number(digits) -%}
    ('x' || {{ digits }})::bit(52)::bigint
{%- endmacro %}


{# `compare_value` for Postgres. #}
{% macro postgres__compare_value(column, kind, data_type) -%}
    {%- if kind == 'exact' -%}
        trim_scale({{ column }}::numeric)::text
    {%- elif kind == 'approximate' -%}
        {%- set number = column ~ '::double precision' -%}
        case
            when {{ number }} = 'nan' then 'nan'
            when {{ number }} = 'infinity' then 'inf'
            when {{ number }} = '-infinity' then '-inf'
            when {{ number }} = 0 then '0'
            else ltrim(to_char({{ number }}, '9.99999999999EEEE'))
        end
    {%- elif kind == 'timestamptz' and 'with time zone' in data_type | lower -%}
        ({{ column }} at time zone 'UTC')::text
    {%- elif kind in ['timestamp', 'timestamptz'] -%}
        {{ column }}::timestamp::text
    {%- elif kind == 'binary' -%}
        encode({{ column }}, 'hex')
    {%- elif kind == 'nested' -%}
        replace(to_json({{ column }})::text, ' ', '')
    {%- else -%}
        {{ column }}::text
    {%- endif -%}
{%- endmacro %}
