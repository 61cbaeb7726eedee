{# Creates a function and sets its grants and comment; a project may override `function_execute_build_sql`, an adapter `<adapter>__function_execute_build_sql`. #}
{% macro function_execute_build_sql(build_sql, existing_relation, target_relation) -%}
    {{ return(adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql, existing_relation, target_relation)) }}
{%- endmacro %}

{# Fallback of `function_execute_build_sql`. #}
{% macro default__function_execute_build_sql(build_sql, existing_relation, target_relation) -%}
    {% call statement(name='main') %}
        {{ build_sql }}
    {% endcall %}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
{%- endmacro %}
