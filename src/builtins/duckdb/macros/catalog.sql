{# `get_catalog` for DuckDB: whole schemas. #}
{% macro duckdb__get_catalog(information_schema, schemas) -%}
    {% set query %}
        with tables as (
            {{ duckdb__get_catalog_tables_sql(information_schema) }}
            {{ duckdb__get_catalog_schemas_where_clause_sql(schemas) }}
        ),
        columns as (
            {{ duckdb__get_catalog_columns_sql(information_schema) }}
            {{ duckdb__get_catalog_schemas_where_clause_sql(schemas) }}
        )
        {{ duckdb__get_catalog_results_sql() }}
    {% endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{# `get_catalog_relations` for DuckDB: some relations. #}
{% macro duckdb__get_catalog_relations(information_schema, relations) -%}
    {% set query %}
        with tables as (
            {{ duckdb__get_catalog_tables_sql(information_schema) }}
            {{ duckdb__get_catalog_relations_where_clause_sql(relations) }}
        ),
        columns as (
            {{ duckdb__get_catalog_columns_sql(information_schema) }}
            {{ duckdb__get_catalog_relations_where_clause_sql(relations) }}
        )
        {{ duckdb__get_catalog_results_sql() }}
    {% endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{# A query of the tables and views of a database, to which a where clause is added. #}
{% macro duckdb__get_catalog_tables_sql(information_schema) -%}
    select *
    from (
        select
            database_name as table_database,
            schema_name as table_schema,
            table_name,
            'BASE TABLE' as table_type,
            comment as table_comment
        from duckdb_tables()
        where upper(database_name) = upper('{{ information_schema.database }}')

        union all

        select
            database_name as table_database,
            schema_name as table_schema,
            view_name as table_name,
            'VIEW' as table_type,
            comment as table_comment
        from duckdb_views()
        where upper(database_name) = upper('{{ information_schema.database }}')
    ) catalog_tables
{%- endmacro %}


{# A query of the columns of a database, to which a where clause is added. #}
{% macro duckdb__get_catalog_columns_sql(information_schema) -%}
    select *
    from (
        select
            database_name as table_database,
            schema_name as table_schema,
            table_name,
            column_name,
            column_index,
            data_type as column_type,
            comment as column_comment
        from duckdb_columns()
        where upper(database_name) = upper('{{ information_schema.database }}')
    ) catalog_columns
{%- endmacro %}


{# The final query of the catalog, in the columns that the catalog file has. #}
{% macro duckdb__get_catalog_results_sql() -%}
    select
        tables.table_database,
        tables.table_schema,
        tables.table_name,
        tables.table_type,
        tables.table_comment,
        columns.column_name,
        columns.column_index,
        columns.column_type,
        columns.column_comment,
        null as table_owner
    from tables
    join columns using (table_database, table_schema, table_name)
    order by table_schema, table_name, column_index
{%- endmacro %}


{# The where clause for whole schemas; no schema gives no rows. #}
{% macro duckdb__get_catalog_schemas_where_clause_sql(schemas) -%}
    {% set conditions = [] %}
    {% for schema in schemas %}
        {% do conditions.append("upper(table_schema) = upper('" ~ schema ~ "')") %}
    {% endfor %}
    where {{ '(' ~ conditions | join(' or ') ~ ')' if conditions else '1 = 0' }}
{%- endmacro %}


{# The where clause for some relations; no relation gives no rows. #}
{% macro duckdb__get_catalog_relations_where_clause_sql(relations) -%}
    {% set conditions = [] %}
    {% for relation in relations %}
        {% if not relation.schema %}
            {% do exceptions.raise_compiler_error('`get_catalog_relations` requires a list of relations, each with a schema') %}
        {% endif %}
        {% set condition -%}
            (upper(table_schema) = upper('{{ relation.schema }}')
            {%- if relation.identifier %} and upper(table_name) = upper('{{ relation.identifier }}'){% endif %})
        {%- endset %}
        {% do conditions.append(condition) %}
    {% endfor %}
    where {{ '(' ~ conditions | join(' or ') ~ ')' if conditions else '1 = 0' }}
{%- endmacro %}
