{# `current_timestamp` for Postgres. #}
{% macro postgres__current_timestamp() -%}
    now()
{%- endmacro %}


{# `snapshot_string_as_time` for Postgres. #}
{% macro postgres__snapshot_string_as_time(timestamp) -%}
    {{ return("'" ~ timestamp ~ "'::timestamp without time zone") }}
{%- endmacro %}


{# `snapshot_get_time` for Postgres. #}
{% macro postgres__snapshot_get_time() -%}
    {{ current_timestamp() }}::timestamp without time zone
{%- endmacro %}


{# `current_timestamp_backcompat` for Postgres. #}
{% macro postgres__current_timestamp_backcompat() %}
    current_timestamp::{{ type_timestamp() }}
{% endmacro %}


{# `current_timestamp_in_utc_backcompat` for Postgres. #}
{% macro postgres__current_timestamp_in_utc_backcompat() %}
    (current_timestamp at time zone 'utc')::{{ type_timestamp() }}
{% endmacro %}
