{# Postgres's `metrics_time_at_grain`: dates are no moments of a time zone. #}
{% macro postgres__metrics_time_at_grain(time, grain) -%}
    date_trunc('{{ grain }}', cast({{ time }} as timestamp))
{%- endmacro %}
