{# The SQL of the present time, with time zone where the database has it; a project may override `current_timestamp`, an adapter `<adapter>__current_timestamp`. #}
{% macro current_timestamp() -%}
    {{ return(adapter.dispatch('current_timestamp', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `current_timestamp`: raises, because only an adapter can know the answer. #}
{% macro default__current_timestamp() -%}
    {{ exceptions.raise_not_implemented('current_timestamp macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# The SQL of the present time as snapshots store it; a project may override `snapshot_get_time`, an adapter `<adapter>__snapshot_get_time`. #}
{% macro snapshot_get_time() -%}
    {{ return(adapter.dispatch('snapshot_get_time', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `snapshot_get_time`. #}
{% macro default__snapshot_get_time() %}
    {{ current_timestamp() }}
{% endmacro %}


{# The type that the database gives to `snapshot_get_time`, or none. #}
{% macro get_snapshot_get_time_data_type() -%}
    {% set query = 'select ' ~ adapter.dispatch('snapshot_get_time', 'dbt')() ~ ' as dbt_snapshot_time' %}
    {{ return(get_column_schema_from_query(query)[0].dtype or none) }}
{%- endmacro %}


{# The present time as old packages expect it; new code uses current_timestamp; a project may override `current_timestamp_backcompat`, an adapter `<adapter>__current_timestamp_backcompat`. #}
{% macro current_timestamp_backcompat() -%}
    {{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `current_timestamp_backcompat`. #}
{% macro default__current_timestamp_backcompat() %}
    current_timestamp::timestamp
{% endmacro %}


{# The present time in UTC as old packages expect it; a project may override `current_timestamp_in_utc_backcompat`, an adapter `<adapter>__current_timestamp_in_utc_backcompat`. #}
{% macro current_timestamp_in_utc_backcompat() -%}
    {{ return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `current_timestamp_in_utc_backcompat`. #}
{% macro default__current_timestamp_in_utc_backcompat() -%}
    {{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}
{%- endmacro %}
