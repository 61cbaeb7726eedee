{# `load_csv_rows` for Postgres: all rows in one `copy`; returns that statement. A project that overrides
   `load_csv_rows` or calls `default__load_csv_rows` still inserts in batches. #}
{% macro postgres__load_csv_rows(model, agate_table) -%}
    {% set column_names = get_seed_column_quoted_csv(model, agate_table.column_names) %}
    {% set sql = 'copy ' ~ this.render() ~ ' (' ~ column_names ~ ') from stdin' %}
    {% do adapter.copy_rows(sql, agate_table) %}
    {{ return(sql) }}
{%- endmacro %}
