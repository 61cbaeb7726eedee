{# What a generic test reads: the relation, or its rows that meet the test's `where`; a project may override `get_where_subquery`, an adapter `<adapter>__get_where_subquery`. #}
{% macro get_where_subquery(relation) -%}
    {{ return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_where_subquery`. #}
{% macro default__get_where_subquery(relation) -%}
    {% set where = config.get('where', '') %}
    {% if where %}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery') }}
    {% endif %}
    {{ return(relation) }}
{%- endmacro %}
