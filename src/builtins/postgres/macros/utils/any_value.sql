{# `any_value` for Postgres, which has it from version 16 only: the least one. #}
{% macro postgres__any_value(expression) -%}
    min({{ expression }})
{%- endmacro %}
