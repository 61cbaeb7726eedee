{# The statement that makes a table a clone of another; a project may override `create_or_replace_clone`, an adapter `<adapter>__create_or_replace_clone`. #}
{% macro create_or_replace_clone(this_relation, defer_relation) -%}
    {{ return(adapter.dispatch('create_or_replace_clone', 'dbt')(this_relation, defer_relation)) }}
{%- endmacro %}

{# Fallback of `create_or_replace_clone`. #}
{% macro default__create_or_replace_clone(this_relation, defer_relation) %}
    create or replace table {{ this_relation.render() }} clone {{ defer_relation.render() }}
{% endmacro %}
