{# A view with parameters: a DuckDB table macro, called with parentheses and bound when it is called. #}
{% materialization table_function, adapter='duckdb' -%}
    {% set target_relation = api.Relation.create(identifier=model['alias'], schema=schema, database=database, type='view') %}
    {% set parameters = config.get('parameters') %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
    create or replace function {{ target_relation.render() }}(
        {% if parameters is string or parameters is number %}
          {{ parameters if parameters }}
        {% elif parameters %}
          {{ parameters | join(', ') }}
        {% endif %}
      ) as table (
        {{ sql }});
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
