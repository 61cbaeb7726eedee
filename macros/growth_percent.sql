{% macro growth_percent(now, before) -%}
    cast(100.0 * ({{ now }} - {{ before }}) / nullif({{ before }}, 0) as numeric(9, 1))
{%- endmacro %}
