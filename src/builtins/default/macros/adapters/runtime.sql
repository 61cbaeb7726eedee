{# Whether the running version is 2.x; packages branch on it. #}
{% macro is_core_v2() -%}
    {{ return(dbt_version.split('.') | first | int == 2) }}
{%- endmacro %}
