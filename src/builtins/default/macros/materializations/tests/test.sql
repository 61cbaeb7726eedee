{# A data test: counts the rows its query returns, after storing them where the config says so. #}
{% materialization test, default -%}
    {% set relations = [] %}
    {% set sql_header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none %}
    {% set main_sql %}
    {{ get_limit_subquery_sql(sql, config.get('limit')) }}
  {% endset %}

    {% if should_store_failures() %}
        {# Read with `or`: the config holds an explicit none when only the flag asks for storing. #}
        {% set store_as = config.get('store_failures_as') or 'table' %}
        {% if store_as not in ['table', 'view'] %}
            {{ exceptions.raise_compiler_error("'" ~ store_as ~ "' is not a valid value for `store_failures_as`. Accepted values are: ['ephemeral', 'table', 'view']") }}
        {% endif %}

        {% set identifier = model['alias'] %}
        {% set old_relation = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
        {% set target_relation = api.Relation.create(identifier=identifier, schema=schema, database=database, type=store_as) %}
        {% do store_failures(old_relation, target_relation, main_sql, sql_header) %}
        {% do relations.append(target_relation) %}

        {# The stored rows are counted, rather than found a second time. #}
        {% set main_sql %}
        select *
        from {{ target_relation }}
    {% endset %}
        {{ adapter.commit() }}
    {% endif %}

    {% call statement('main', fetch_result=True) -%}
    {{ sql_header if sql_header }}
    {# The limit is part of `main_sql` by now. #}
    {{ get_test_sql(main_sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
    {%- endcall %}

    {{ return({'relations': relations}) }}
{%- endmaterialization %}
