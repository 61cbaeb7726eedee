{# `get_relations` for Postgres: which views read which tables, so that the cache knows what a cascade drops. #}
{% macro postgres__get_relations() -%}
    {%- call statement('relations', fetch_result=True) -%}
        -- A view is a row of pg_class with a rewrite rule. The rule has an internal dependency on its own view
        -- and, for every column that it reads, one on the relation that the column belongs to.
        select distinct
            view_namespace.nspname as dependent_schema,
            view_class.relname as dependent_name,
            read_namespace.nspname as referenced_schema,
            read_class.relname as referenced_name
        from pg_class as view_class
        join pg_namespace as view_namespace on view_namespace.oid = view_class.relnamespace
        join pg_depend as own
            on own.refobjid = view_class.oid
            and own.classid = 'pg_rewrite'::regclass
            and own.refclassid = 'pg_class'::regclass
            and own.deptype = 'i'
        join pg_depend as reading
            on reading.objid = own.objid
            and reading.classid = 'pg_rewrite'::regclass
            and reading.refclassid = 'pg_class'::regclass
            and reading.refobjid != own.refobjid
        join pg_class as read_class on read_class.oid = reading.refobjid
        join pg_namespace as read_namespace on read_namespace.oid = read_class.relnamespace
        where read_namespace.nspname != 'information_schema'
            and read_namespace.nspname not like 'pg\_%'
        order by dependent_schema, dependent_name, referenced_schema, referenced_name;
    {%- endcall -%}
    {{ return(load_result('relations').table) }}
{%- endmacro %}


{# The older name of the same. #}
{% macro postgres_get_relations() -%}
    {{ return(postgres__get_relations()) }}
{%- endmacro %}
