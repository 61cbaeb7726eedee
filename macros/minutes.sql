{% macro minutes(seconds) -%}
    cast(round({{ seconds }} / 60.0) as integer)
{%- endmacro %}
