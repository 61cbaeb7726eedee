{# The schema of a node's relation; a project may override `generate_schema_name`, an adapter `<adapter>__generate_schema_name`. #}
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {{ return(adapter.dispatch('generate_schema_name', 'dbt')(custom_schema_name, node)) }}
{%- endmacro %}

{# Fallback of `generate_schema_name`: the target's schema, with the configured one appended. #}
{% macro default__generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema }}{{ '_' ~ (custom_schema_name | trim) if custom_schema_name is not none }}
{%- endmacro %}


{# Another rule for projects to call from their `generate_schema_name`: configured schemas count in `prod` only. #}
{% macro generate_schema_name_for_env(custom_schema_name, node) -%}
    {%- if target.name == 'prod' and custom_schema_name is not none -%}
        {{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
