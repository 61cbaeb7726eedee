{# Drops what an interrupted build left where a build with a swap writes; returns the relation that `swap_in_relation` may move the old one to, with the old one's type, as which it is dropped; none where there is no old one. #}
{% macro clear_for_swap(existing_relation, intermediate_relation, target_relation) -%}
    {% set backup_relation = none if existing_relation is none
                          else make_backup_relation(target_relation, existing_relation.type) %}
    {% for relation in [intermediate_relation, backup_relation] if relation is not none %}
        {% set leftover = load_cached_relation(relation) %}
        {{ drop_leftover(leftover) if leftover is not none }}
    {% endfor %}
    {{ return(backup_relation) }}
{%- endmacro %}


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
