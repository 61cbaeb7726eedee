{# `get_binding_char` for DuckDB. #}
{% macro duckdb__get_binding_char() -%}
    {{ return(adapter.get_binding_char()) }}
{%- endmacro %}


{# `get_batch_size` for DuckDB. #}
{% macro duckdb__get_batch_size() -%}
    {{ return(10000) }}
{%- endmacro %}


{# `load_csv_rows` for DuckDB: the database reads the file itself, unless the seed is configured `fast: false`. #}
{% macro duckdb__load_csv_rows(model, agate_table) -%}
    {% if config.get('fast', true) %}
        {% set sql %}
          COPY {{ this.render() }} FROM '{{ adapter.get_seed_file_path(model) }}' (FORMAT CSV, HEADER TRUE, DELIMITER '{{ config.get('delimiter', ',') }}')
        {% endset %}
        {% do adapter.add_query(sql, abridge_sql_log=True) %}
        {{ return(sql) }}
    {% endif %}

    {% set rows = adapter.convert_datetimes_to_strs(agate_table).rows %}
    {% set column_names = get_seed_column_quoted_csv(model, agate_table.column_names) %}
    {% set placeholder = get_binding_char() %}
    {% set statements = [] %}
    {% for chunk in rows | batch(get_batch_size()) %}
        {% set bindings = [] %}
        {% for row in chunk %}
            {% do bindings.extend(row) %}
        {% endfor %}
        {% set sql %}
            insert into {{ this.render() }} ({{ column_names }}) values
            {% for row in chunk -%}
                ({%- for column in agate_table.column_names -%}
                    {{ placeholder }}{{ ',' if not loop.last }}
                {%- endfor -%}){{ ',' if not loop.last }}
            {%- endfor %}
        {% endset %}
        {% do adapter.add_query(sql, bindings=bindings, abridge_sql_log=True) %}
        {% if loop.first %}
            {% do statements.append(sql) %}
        {% endif %}
    {% endfor %}
    {{ return(statements[0]) }}
{%- endmacro %}
