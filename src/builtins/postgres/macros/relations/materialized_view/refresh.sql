{# `refresh_materialized_view` for Postgres: without shutting readers out, where a unique index allows that. #}
{% macro postgres__refresh_materialized_view(relation) %}
    refresh materialized view {{ 'concurrently ' if postgres__can_refresh_concurrently(relation) }}{{ relation }}
{% endmacro %}


{# Whether a materialized view is filled and has an index that tells all its rows apart. #}
{% macro postgres__can_refresh_concurrently(relation) -%}
    {% if postgres__publish_mode() == 'dbt' %}
        {{ return(False) }}
    {% endif %}
    {% call statement('find_unique_index', fetch_result=True, auto_begin=False) -%}
        select count(*)
        from pg_catalog.pg_class c join pg_catalog.pg_index i on i.indrelid = c.oid
        where c.oid = {{ postgres__name_literal(relation) }}::regclass and c.relispopulated
            and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
    {%- endcall %}
    {{ return(load_result('find_unique_index').table.rows[0][0] > 0) }}
{%- endmacro %}
