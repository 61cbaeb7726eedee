{# Drops a schema of the target database by name; a project may override `drop_schema_named`, an adapter `<adapter>__drop_schema_named`. #}
{% macro drop_schema_named(schema_name) -%}
    {{ return(adapter.dispatch('drop_schema_named', 'dbt')(schema_name)) }}
{%- endmacro %}

{# Fallback of `drop_schema_named`. #}
{% macro default__drop_schema_named(schema_name) -%}
    {{ adapter.drop_schema(api.Relation.create(schema=schema_name)) }}
{%- endmacro %}
