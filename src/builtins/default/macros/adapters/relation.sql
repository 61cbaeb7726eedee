{# The relation that a build writes before it takes the final name; a project may override `make_intermediate_relation`, an adapter `<adapter>__make_intermediate_relation`. #}
{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') -%}
    {{ return(adapter.dispatch('make_intermediate_relation', 'dbt')(base_relation, suffix)) }}
{%- endmacro %}

{# Fallback of `make_intermediate_relation`: beside the target, with a suffix. #}
{% macro default__make_intermediate_relation(base_relation, suffix) -%}
    {{ return(default__make_temp_relation(base_relation, suffix)) }}
{%- endmacro %}


{# The relation for staged rows; batches get one each. A project may override it, an adapter `<adapter>__make_temp_relation`. #}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') -%}
    {% if suffix == '__dbt_tmp' and model.batch %}
        {% set suffix = suffix ~ '_' ~ model.batch.id %}
    {% endif %}
    {{ return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) }}
{%- endmacro %}

{# Fallback of `make_temp_relation`: beside the target, with a suffix. #}
{% macro default__make_temp_relation(base_relation, suffix) -%}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) }}
{%- endmacro %}


{# The relation that keeps the previous build until the new one is in place; a project may override `make_backup_relation`, an adapter `<adapter>__make_backup_relation`. #}
{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') -%}
    {{ return(adapter.dispatch('make_backup_relation', 'dbt')(base_relation, backup_relation_type, suffix)) }}
{%- endmacro %}

{# Fallback of `make_backup_relation`: beside the target, with a suffix and the old type. #}
{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix) -%}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) }}
{%- endmacro %}


{# Empties a table; a project may override `truncate_relation`, an adapter `<adapter>__truncate_relation`. #}
{% macro truncate_relation(relation) -%}
    {{ return(adapter.dispatch('truncate_relation', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `truncate_relation`. #}
{% macro default__truncate_relation(relation) -%}
    {% call statement('truncate_relation') -%}
        truncate table {{ relation.render() }}
    {%- endcall %}
{%- endmacro %}


{# The pair (exists, relation) for a name; a project may override `get_or_create_relation`, an adapter `<adapter>__get_or_create_relation`. #}
{% macro get_or_create_relation(database, schema, identifier, type) -%}
    {{ return(adapter.dispatch('get_or_create_relation', 'dbt')(database, schema, identifier, type)) }}
{%- endmacro %}

{# Fallback of `get_or_create_relation`: a new Relation object if there is none in the database. #}
{% macro default__get_or_create_relation(database, schema, identifier, type) -%}
    {% set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
    {% if found %}
        {{ return([true, found]) }}
    {% endif %}
    {{ return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) }}
{%- endmacro %}


{# The relation in the database that has this relation's name, or none. #}
{% macro load_cached_relation(relation) -%}
    {{ return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) }}
{%- endmacro %}

{# Older name of `load_cached_relation`, which packages still call. #}
{% macro load_relation(relation) -%}
    {{ return(load_cached_relation(relation)) }}
{%- endmacro %}
