{# A comment between dollar quotes, so that it may hold anything but those. #}
{% macro duckdb_escape_comment(comment) -%}
    {%- if comment is not string -%}
        {%- do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) -%}
    {%- endif -%}
    {%- set quote = '$dbt_comment_literal_block$' -%}
    {%- if quote in comment -%}
        {%- do exceptions.raise_compiler_error('The string ' ~ quote ~ ' is not allowed in comments.') -%}
    {%- endif -%}
    {{ quote ~ comment ~ quote }}
{%- endmacro %}


{# `alter_relation_comment` for DuckDB. #}
{% macro duckdb__alter_relation_comment(relation, comment) %}
  {% set text = duckdb_escape_comment(comment) %}
  comment on {{ relation.type }} {{ relation }} is {{ text }};
{% endmacro %}


{# `alter_column_comment` for DuckDB: one statement for each documented column that exists. #}
{% macro duckdb__alter_column_comment(relation, column_dict) %}
  {% set existing_names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
  {% for name, column in column_dict.items() if name in existing_names %}
    {% set identifier = adapter.quote(name) if column['quote'] else name %}
    {% set text = duckdb_escape_comment(column['description']) %}
    comment on column {{ relation }}.{{ identifier }} is {{ text }};
  {% endfor %}
{% endmacro %}
