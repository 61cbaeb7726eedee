{# The name of the MotherDuck job that runs a Python model; a project may override `flight_name`, an adapter `<adapter>__flight_name`. #}
{% macro flight_name(parsed_model) -%}
    {{ return(adapter.dispatch('flight_name', 'dbt')(parsed_model)) }}
{%- endmacro %}

{# Fallback of `flight_name`. #}
{% macro default__flight_name(parsed_model) -%}
    {{ return(duckdb__flight_name(parsed_model)) }}
{%- endmacro %}

{# `flight_name` for DuckDB: unique as long as targets do not share database and schema. #}
{% macro duckdb__flight_name(parsed_model) -%}
    {% set parts = ['dbt'] %}
    {% for key in ['package_name', 'database', 'schema'] if parsed_model.get(key) %}
        {% do parts.append(parsed_model.get(key)) %}
    {% endfor %}
    {% set identifier = parsed_model.get('alias') or parsed_model.get('name') %}
    {% if identifier %}
        {% do parts.append(identifier) %}
    {% endif %}
    {{ return(parts | join('-')) }}
{%- endmacro %}
