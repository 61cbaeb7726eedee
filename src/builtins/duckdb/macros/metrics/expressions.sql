{# DuckDB's `metrics_percentile`: it can be quick about it, too. #}
{% macro duckdb__metrics_percentile(value, percentile, is_discrete, is_approximate) -%}
    {%- if is_approximate -%}
        approx_quantile({{ value }}, {{ percentile }})
    {%- else -%}
        {{ return(default__metrics_percentile(value, percentile, is_discrete, is_approximate)) }}
    {%- endif -%}
{%- endmacro %}
