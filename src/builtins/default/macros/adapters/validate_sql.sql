{# The result of asking the database whether it accepts a query; a project may override `validate_sql`, an adapter `<adapter>__validate_sql`. #}
{% macro validate_sql(sql) -%}
    {{ return(adapter.dispatch('validate_sql', 'dbt')(sql)) }}
{%- endmacro %}

{# Fallback of `validate_sql`: has the query explained. #}
{% macro default__validate_sql(sql) -%}
    {% call statement('validate_sql') -%}
        explain {{ sql }}
    {% endcall %}
    {{ return(load_result('validate_sql')) }}
{%- endmacro %}
