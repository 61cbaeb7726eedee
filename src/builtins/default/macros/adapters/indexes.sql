{# The statement that creates one configured index, or none; a project may override `get_create_index_sql`, an adapter `<adapter>__get_create_index_sql`. #}
{% macro get_create_index_sql(relation, index_dict) -%}
    {{ return(adapter.dispatch('get_create_index_sql', 'dbt')(relation, index_dict)) }}
{%- endmacro %}

{# Fallback of `get_create_index_sql`: the adapter has no indexes. #}
{% macro default__get_create_index_sql(relation, index_dict) -%}
    {{ return(none) }}
{%- endmacro %}


{# Creates the indexes in the node's config; a project may override `create_indexes`, an adapter `<adapter>__create_indexes`. #}
{% macro create_indexes(relation) -%}
    {{ return(adapter.dispatch('create_indexes', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `create_indexes`: one statement for each index. #}
{% macro default__create_indexes(relation) -%}
    {% for index in config.get('indexes', default=[]) %}
        {% set create_index_sql = get_create_index_sql(relation, index) %}
        {% if create_index_sql %}
            {% do run_query(create_index_sql) %}
        {% endif %}
    {% endfor %}
{%- endmacro %}


{# The statement that drops an index; a project may override `get_drop_index_sql`, an adapter `<adapter>__get_drop_index_sql`. #}
{% macro get_drop_index_sql(relation, index_name) -%}
    {{ return(adapter.dispatch('get_drop_index_sql', 'dbt')(relation, index_name)) }}
{%- endmacro %}

{# Fallback of `get_drop_index_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_drop_index_sql(relation, index_name) -%}
    {{ exceptions.raise_compiler_error('`get_drop_index_sql` has not been implemented for this adapter.') }}
{%- endmacro %}


{# The query that lists the indexes of a relation; a project may override `get_show_indexes_sql`, an adapter `<adapter>__get_show_indexes_sql`. #}
{% macro get_show_indexes_sql(relation) -%}
    {{ return(adapter.dispatch('get_show_indexes_sql', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_show_indexes_sql`: raises, because the adapter has no such statement. #}
{% macro default__get_show_indexes_sql(relation) -%}
    {{ exceptions.raise_compiler_error('`get_show_indexes_sql` has not been implemented for this adapter.') }}
{%- endmacro %}
