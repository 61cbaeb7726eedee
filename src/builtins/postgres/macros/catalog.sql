{# `get_catalog_relations` for Postgres: some relations; a relation without name stands for its whole schema. #}
{% macro postgres__get_catalog_relations(information_schema, relations) -%}
    {% set database = information_schema.database %}
    {%- call statement('catalog', fetch_result=True) -%}
        {{ adapter.verify_database(database) }}
        select
            '{{ database }}' as table_database,
            pg_namespace.nspname as table_schema,
            pg_class.relname as table_name,
            case pg_class.relkind
                when 'v' then 'VIEW'
                when 'm' then 'MATERIALIZED VIEW'
                else 'BASE TABLE'
            end as table_type,
            table_description.description as table_comment,
            pg_attribute.attname as column_name,
            pg_attribute.attnum as column_index,
            pg_catalog.format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as column_type,
            column_description.description as column_comment,
            pg_get_userbyid(pg_class.relowner) as table_owner
        from pg_catalog.pg_namespace
        join pg_catalog.pg_class on pg_class.relnamespace = pg_namespace.oid
        join pg_catalog.pg_attribute on pg_attribute.attrelid = pg_class.oid
        left join pg_catalog.pg_description as table_description
            on table_description.objoid = pg_class.oid
            and table_description.objsubid = 0
        left join pg_catalog.pg_description as column_description
            on column_description.objoid = pg_class.oid
            and column_description.objsubid = pg_attribute.attnum
        where (
            {%- for relation in relations %}
            upper(pg_namespace.nspname) = upper('{{ relation.schema }}')
                {%- if relation.identifier %} and upper(pg_class.relname) = upper('{{ relation.identifier }}'){% endif %}
                {%- if not loop.last %} or {% endif %}
            {%- endfor %}
        )
            -- tables, views, materialized views, foreign and partitioned tables
            and pg_class.relkind in ('r', 'v', 'm', 'f', 'p')
            -- permanent or unlogged, so not temporary
            and pg_class.relpersistence in ('p', 'u')
            and not pg_is_other_temp_schema(pg_namespace.oid)
            -- system columns have negative numbers
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
        order by pg_namespace.nspname, pg_class.relname, pg_attribute.attnum
    {%- endcall -%}
    {{ return(load_result('catalog').table) }}
{%- endmacro %}


{# `get_catalog` for Postgres: whole schemas. #}
{% macro postgres__get_catalog(information_schema, schemas) -%}
    {% set relations = [] %}
    {% for schema in schemas %}
        {% do relations.append({'schema': schema}) %}
    {% endfor %}
    {{ return(postgres__get_catalog_relations(information_schema, relations)) }}
{%- endmacro %}
