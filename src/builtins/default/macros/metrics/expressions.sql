{# The beginning of the period that a time is in; an adapter may have `<adapter>__metrics_time_at_grain`. #}
{% macro metrics_time_at_grain(time, grain) -%}
    {{ return(adapter.dispatch('metrics_time_at_grain', 'dbt')(time, grain)) }}
{%- endmacro %}

{# Fallback of `metrics_time_at_grain`. #}
{% macro default__metrics_time_at_grain(time, grain) -%}
    {{ return(dbt.date_trunc(grain, time) | trim) }}
{%- endmacro %}


{# A part of a time as a number, such as its month. #}
{% macro metrics_part_of_time(time, part) -%}
    {{ return(adapter.dispatch('metrics_part_of_time', 'dbt')(time, part)) }}
{%- endmacro %}

{# Fallback of `metrics_part_of_time`. #}
{% macro default__metrics_part_of_time(time, part) -%}
    extract({{ part }} from {{ time }})
{%- endmacro %}


{# Whether a time is between the first and the last moment that are asked for, both included with the whole of their periods. #}
{% macro metrics_in_range(own_time, range, own_grain) -%}
    {%- set grain = own_grain if range.grain is none else range.grain -%}
    {%- set time = metrics_time_at_grain(own_time, grain) -%}
    {%- set moment = api.Column.translate_type('timestamp') -%}
    {%- set start = metrics_time_at_grain("cast('" ~ range.start ~ "' as " ~ moment ~ ")", grain) -%}
    {%- set end = metrics_time_at_grain("cast('" ~ range.end ~ "' as " ~ moment ~ ")", grain) -%}
    {%- if range.start is none -%}
        {{ time }} <= {{ end }}
    {%- elif range.end is none -%}
        {{ time }} >= {{ start }}
    {%- else -%}
        {{ time }} >= {{ start }} and {{ time }} <= {{ end }}
    {%- endif -%}
{%- endmacro %}


{# A percentile; an adapter may have `<adapter>__metrics_percentile`. #}
{% macro metrics_percentile(value, percentile, is_discrete, is_approximate) -%}
    {{ return(adapter.dispatch('metrics_percentile', 'dbt')(value, percentile, is_discrete, is_approximate)) }}
{%- endmacro %}

{# Fallback of `metrics_percentile`: always exact. #}
{% macro default__metrics_percentile(value, percentile, is_discrete, is_approximate) -%}
    percentile_{{ 'disc' if is_discrete else 'cont' }}({{ percentile }}) within group (order by {{ value }})
{%- endmacro %}


{# One metric by another; nothing where that is zero. #}
{% macro metrics_ratio(numerator, denominator) -%}
    cast({{ numerator }} as double precision) / nullif(cast({{ denominator }} as double precision), 0)
{%- endmacro %}
