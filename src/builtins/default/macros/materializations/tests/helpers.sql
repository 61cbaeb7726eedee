{# The query that counts the failures of a data test and compares them with its thresholds; a project may override `get_test_sql`, an adapter `<adapter>__get_test_sql`. #}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ return(adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit)) }}
{%- endmacro %}

{# Fallback of `get_test_sql`. #}
{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    select
      {{ fail_calc }} as failures,
      {{ fail_calc }} {{ warn_if }} as should_warn,
      {{ fail_calc }} {{ error_if }} as should_error
    from (
      {{ main_sql }}
      {{ 'limit ' ~ limit if limit is not none }}
    ) dbt_internal_test
{%- endmacro %}


{# The query that returns the actual and the expected rows of a unit test; a project may override `get_unit_test_sql`, an adapter `<adapter>__get_unit_test_sql`. #}
{% macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {{ return(adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names)) }}
{%- endmacro %}

{# Fallback of `get_unit_test_sql`. #}
{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {%- set label = adapter.quote('actual_or_expected') -%}
-- Build actual result given inputs
with dbt_internal_unit_test_actual as (
  select
    {{ expected_column_names | join(',') }}, {{ dbt.string_literal('actual') }} as {{ label }}
  from (
    {{ main_sql }}
  ) _dbt_internal_unit_test_actual
),
-- Build expected result
dbt_internal_unit_test_expected as (
  select
    {{ expected_column_names | join(', ') }}, {{ dbt.string_literal('expected') }} as {{ label }}
  from (
    {{ expected_fixture_sql }}
  ) _dbt_internal_unit_test_expected
)
-- Union actual and expected results
select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
{%- endmacro %}


{# Stores the rows that a test found, in the place of those of an earlier run; a project may override `store_failures`, an adapter `<adapter>__store_failures`. #}
{% macro store_failures(old_relation, target_relation, sql, sql_header) -%}
    {{ return(adapter.dispatch('store_failures', 'dbt')(old_relation, target_relation, sql, sql_header)) }}
{%- endmacro %}

{# Fallback of `store_failures`. #}
{% macro default__store_failures(old_relation, target_relation, sql, sql_header) -%}
    {% if old_relation %}
        {% do adapter.drop_relation(old_relation) %}
    {% endif %}
    {% call statement(auto_begin=True) %}
        {{ sql_header if sql_header }}
        {{ get_create_sql(target_relation, sql) }}
    {% endcall %}
{%- endmacro %}
