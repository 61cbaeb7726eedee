{# The statement that drops a relation of any type; a project may override it, an adapter `<adapter>__get_drop_sql`. #}
{% macro get_drop_sql(relation) -%}
    {%- do log('Applying DROP to: ' ~ relation) -%}
    {{ return(adapter.dispatch('get_drop_sql', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_drop_sql`: the statement for the relation's type. #}
{% macro default__get_drop_sql(relation) -%}
    {%- if relation.is_view -%}
        {{ drop_view(relation) }}
    {%- elif relation.is_table -%}
        {{ drop_table(relation) }}
    {%- elif relation.is_materialized_view -%}
        {{ drop_materialized_view(relation) }}
    {%- else -%}
        drop {{ relation.type }} if exists {{ relation.render() }} cascade
    {%- endif -%}
{%- endmacro %}


{# Drops a relation; a project may override `drop_relation`, an adapter `<adapter>__drop_relation`. #}
{% macro drop_relation(relation) -%}
    {{ return(adapter.dispatch('drop_relation', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_relation`. #}
{% macro default__drop_relation(relation) -%}
    {% call statement('drop_relation', auto_begin=False) -%}
        {{ get_drop_sql(relation) }}
    {%- endcall %}
{%- endmacro %}


{# Drops a relation unless it is none. #}
{% macro drop_relation_if_exists(relation) -%}
    {% if relation is not none %}
        {{ adapter.drop_relation(relation) }}
    {% endif %}
{%- endmacro %}


{# Drops what an interrupted build left under the name of an intermediate relation or a backup; a project may override `drop_leftover`, an adapter `<adapter>__drop_leftover`. #}
{% macro drop_leftover(relation) -%}
    {{ return(adapter.dispatch('drop_leftover', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `drop_leftover`. #}
{% macro default__drop_leftover(relation) -%}
    {{ drop_relation_if_exists(relation) }}
{%- endmacro %}
