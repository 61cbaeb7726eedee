{# Puts a relation that was built under another name in the place of the one that is there, and returns what is to be dropped after the commit, or none; a project may override it, an adapter `<adapter>__swap_in_relation`. #}
{% macro swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) -%}
    {{ return(adapter.dispatch('swap_in_relation', 'dbt')(existing_relation, intermediate_relation, target_relation, backup_relation)) }}
{%- endmacro %}

{# Fallback of `swap_in_relation`: the old relation moves to the backup's name, so it is not lost without transactions either. #}
{% macro default__swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) -%}
    {% if existing_relation is none %}
        {% do adapter.rename_relation(intermediate_relation, target_relation) %}
        {{ return(none) }}
    {% endif %}
    {% do adapter.rename_relation(existing_relation, backup_relation) %}
    {% do adapter.rename_relation(intermediate_relation, target_relation) %}
    {{ return(backup_relation) }}
{%- endmacro %}
