{# The catalog rows (one for each column) of some relations; a project may override `get_catalog_relations`, an adapter `<adapter>__get_catalog_relations`. #}
{% macro get_catalog_relations(information_schema, relations) -%}
    {{ return(adapter.dispatch('get_catalog_relations', 'dbt')(information_schema, relations)) }}
{%- endmacro %}

{# Fallback of `get_catalog_relations`: raises. #}
{% macro default__get_catalog_relations(information_schema, relations) -%}
    {{ exceptions.raise_compiler_error('get_catalog_relations not implemented for ' ~ adapter.type()) }}
{%- endmacro %}


{# The catalog rows (one for each column) of whole schemas; a project may override `get_catalog`, an adapter `<adapter>__get_catalog`. #}
{% macro get_catalog(information_schema, schemas) -%}
    {{ return(adapter.dispatch('get_catalog', 'dbt')(information_schema, schemas)) }}
{%- endmacro %}

{# Fallback of `get_catalog`: raises. #}
{% macro default__get_catalog(information_schema, schemas) -%}
    {{ exceptions.raise_compiler_error('get_catalog not implemented for ' ~ adapter.type()) }}
{%- endmacro %}


{# The name of the information schema of a database; a project may override `information_schema_name`, an adapter `<adapter>__information_schema_name`. #}
{% macro information_schema_name(database) -%}
    {{ return(adapter.dispatch('information_schema_name', 'dbt')(database)) }}
{%- endmacro %}

{# Fallback of `information_schema_name`. #}
{% macro default__information_schema_name(database) -%}
    {{ database ~ '.' if database }}INFORMATION_SCHEMA
{%- endmacro %}


{# A table of the schema names in a database; a project may override `list_schemas`, an adapter `<adapter>__list_schemas`. #}
{% macro list_schemas(database) -%}
    {{ return(adapter.dispatch('list_schemas', 'dbt')(database)) }}
{%- endmacro %}

{# Fallback of `list_schemas`. #}
{% macro default__list_schemas(database) -%}
    {% set sql %}
        select distinct schema_name
        from {{ information_schema_name(database) }}.SCHEMATA
        where catalog_name ilike '{{ database }}'
    {% endset %}
    {{ return(run_query(sql)) }}
{%- endmacro %}


{# A table with the count of schemas of that name; a project may override `check_schema_exists`, an adapter `<adapter>__check_schema_exists`. #}
{% macro check_schema_exists(information_schema, schema) -%}
    {{ return(adapter.dispatch('check_schema_exists', 'dbt')(information_schema, schema)) }}
{%- endmacro %}

{# Fallback of `check_schema_exists`. #}
{% macro default__check_schema_exists(information_schema, schema) -%}
    {% set sql %}
        select count(*)
        from {{ information_schema.replace(information_schema_view='SCHEMATA') }}
        where catalog_name='{{ information_schema.database }}'
            and schema_name='{{ schema }}'
    {% endset %}
    {{ return(run_query(sql)) }}
{%- endmacro %}


{# A table of (database, name, schema, type) of the relations in a schema; a project may override `list_relations_without_caching`, an adapter `<adapter>__list_relations_without_caching`. #}
{% macro list_relations_without_caching(schema_relation) -%}
    {{ return(adapter.dispatch('list_relations_without_caching', 'dbt')(schema_relation)) }}
{%- endmacro %}

{# Fallback of `list_relations_without_caching`: raises, because only an adapter can know the answer. #}
{% macro default__list_relations_without_caching(schema_relation) -%}
    {{ exceptions.raise_not_implemented('list_relations_without_caching macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# A table of the functions in a schema; a project may override `list_function_relations_without_caching`, an adapter `<adapter>__list_function_relations_without_caching`. #}
{% macro list_function_relations_without_caching(schema_relation) -%}
    {{ return(adapter.dispatch('list_function_relations_without_caching', 'dbt')(schema_relation)) }}
{%- endmacro %}

{# Fallback of `list_function_relations_without_caching`: raises, because only an adapter can know the answer. #}
{% macro default__list_function_relations_without_caching(schema_relation) -%}
    {{ exceptions.raise_not_implemented('list_function_relations_without_caching macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# The catalog entry of one relation; a project may override `get_catalog_for_single_relation`, an adapter `<adapter>__get_catalog_for_single_relation`. #}
{% macro get_catalog_for_single_relation(relation) -%}
    {{ return(adapter.dispatch('get_catalog_for_single_relation', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_catalog_for_single_relation`: raises, because only an adapter can know the answer. #}
{% macro default__get_catalog_for_single_relation(relation) -%}
    {{ exceptions.raise_not_implemented('get_catalog_for_single_relation macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# A table of pairs (dependent relation, referenced relation) in the database; a project may override `get_relations`, an adapter `<adapter>__get_relations`. #}
{% macro get_relations() -%}
    {{ return(adapter.dispatch('get_relations', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `get_relations`: raises, because only an adapter can know the answer. #}
{% macro default__get_relations() -%}
    {{ exceptions.raise_not_implemented('get_relations macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# When each of some relations was last changed, from metadata; a project may override `get_relation_last_modified`, an adapter `<adapter>__get_relation_last_modified`. #}
{% macro get_relation_last_modified(information_schema, relations) -%}
    {{ return(adapter.dispatch('get_relation_last_modified', 'dbt')(information_schema, relations)) }}
{%- endmacro %}

{# Fallback of `get_relation_last_modified`: raises, because only an adapter can know the answer. #}
{% macro default__get_relation_last_modified(information_schema, relations) -%}
    {{ exceptions.raise_not_implemented('get_relation_last_modified macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}
