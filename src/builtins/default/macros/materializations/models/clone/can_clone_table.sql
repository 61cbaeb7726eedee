{# Whether the database copies tables without copying data; a project may override `can_clone_table`, an adapter `<adapter>__can_clone_table`. #}
{% macro can_clone_table() -%}
    {{ return(adapter.dispatch('can_clone_table', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `can_clone_table`: it does not. #}
{% macro default__can_clone_table() -%}
    {{ return(False) }}
{%- endmacro %}
