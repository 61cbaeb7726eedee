{# The identifier under which the latest version of a model is reached; a project may override `generate_latest_version_pointer_alias`, an adapter `<adapter>__generate_latest_version_pointer_alias`. #}
{% macro generate_latest_version_pointer_alias(custom_alias_name=none, node=none) -%}
    {{ return(adapter.dispatch('generate_latest_version_pointer_alias', 'dbt')(custom_alias_name, node)) }}
{%- endmacro %}

{# Fallback of `generate_latest_version_pointer_alias`: the configured one, else the bare name. #}
{% macro default__generate_latest_version_pointer_alias(custom_alias_name=none, node=none) -%}
    {{ custom_alias_name | trim if custom_alias_name else node.name }}
{%- endmacro %}
