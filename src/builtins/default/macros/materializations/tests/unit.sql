{# A unit test: the rows its model makes of fixtures, beside the expected ones. #}
{% materialization unit, default -%}
    {% set relations = [] %}
    {% set sql_header = config.get('sql_header') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else none %}
    {% set expected_rows = config.get('expected_rows') %}
    {% set expected_sql = config.get('expected_sql') %}
    {% if expected_rows | length > 0 %}
        {% set tested_names = expected_rows[0].keys() | list %}
    {% else %}
        {% set tested_names = get_columns_in_query(sql) %}
    {% endif %}

    {% set data_types = {} %}
    {% set quoted_names = {} %}
    {% for column in get_unit_test_columns(sql) %}
        {% do data_types.update({column.name | lower: column.data_type}) %}
        {% do quoted_names.update({column.name | lower: column.quoted}) %}
    {% endfor %}

    {% set tested_columns = [] %}
    {% for name in tested_names %}
        {% do tested_columns.append(quoted_names[name | lower]) %}
    {% endfor %}
    {% if not expected_sql %}
        {% set expected_sql = get_expected_sql(expected_rows, data_types, quoted_names) %}
    {% endif %}

    {% call statement('main', fetch_result=True) -%}
    {{ sql_header if sql_header }}
    {{ get_unit_test_sql(sql, expected_sql, tested_columns) }}
    {%- endcall %}

    {{ return({'relations': relations}) }}
{%- endmaterialization %}


{# The columns of a query with the database's own types, from an empty temporary table made of it. #}
{% macro get_unit_test_columns(sql) -%}
    {% set temp_relation = make_temp_relation(this.incorporate(type='table')) %}
    {% do run_query(get_create_table_as_sql(True, temp_relation, get_empty_subquery_sql(sql))) %}
    {% set columns = adapter.get_columns_in_relation(temp_relation) %}
    {% do adapter.drop_relation(temp_relation) %}
    {{ return(columns) }}
{%- endmacro %}
