{# `create_table_as` for Postgres. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- set unlogged = config.get('unlogged', default=false) -%}
  {%- set is_constrained = config.get('contract').enforced and not temporary -%}

  {{ sql_header if sql_header is not none }}

  create {{ 'temporary' if temporary else 'unlogged' if unlogged }} table {{ relation }}
  {% if config.get('contract').enforced %}
    {{ get_assert_columns_equivalent(sql) }}
  {% endif -%}
  {% if is_constrained -%}
      {{ get_table_columns_and_constraints() }} ;
    insert into {{ relation }} (
      {{ adapter.dispatch('get_column_names', 'dbt')() }}
    )
    {%- set sql = get_select_subquery(sql) %}
  {% else %}
    as
  {% endif %}
  (
    {{ sql }}
  );
{%- endmacro %}


{# `get_create_index_sql` for Postgres. #}
{% macro postgres__get_create_index_sql(relation, index_dict) -%}
  {%- set index = adapter.parse_index(index_dict) -%}
  create {{ 'unique' if index.unique }} index if not exists
  "{{ index.render(relation) }}"
  on {{ relation }} {{ 'using ' ~ index.type if index.type }}
  ({{ index.columns | join(', ') }})
{%- endmacro %}


{# `create_schema` for Postgres. #}
{% macro postgres__create_schema(relation) -%}
    {% if relation.database %}
        {{ adapter.verify_database(relation.database) }}
    {% endif %}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation.without_identifier().include(database=False) }}
    {%- endcall -%}
{%- endmacro %}


{# `drop_schema` for Postgres. #}
{% macro postgres__drop_schema(relation) -%}
    {% if relation.database %}
        {{ adapter.verify_database(relation.database) }}
    {% endif %}
    {%- call statement('drop_schema') -%}
        drop schema if exists {{ relation.without_identifier().include(database=False) }} cascade
    {%- endcall -%}
{%- endmacro %}


{# `get_columns_in_relation` for Postgres; a temporary table has no schema to look in. #}
{% macro postgres__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
        select
            column_name,
            data_type,
            character_maximum_length,
            numeric_precision,
            numeric_scale
        from {{ relation.information_schema('columns') }}
        where table_name = '{{ relation.identifier }}'
        {% if relation.schema %}
            and table_schema = '{{ relation.schema }}'
        {% endif %}
        order by ordinal_position
    {% endcall %}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}


{# `list_relations_without_caching` for Postgres: tables, views, materialized views, functions. #}
{% macro postgres__list_relations_without_caching(schema_relation) -%}
    {% set kinds = [
        ('table', 'pg_tables', 'tablename', 'schemaname'),
        ('view', 'pg_views', 'viewname', 'schemaname'),
        ('materialized_view', 'pg_matviews', 'matviewname', 'schemaname'),
        ('function', 'pg_proc join pg_namespace on pg_namespace.oid = pg_proc.pronamespace', 'proname', 'nspname'),
    ] %}
    {% call statement('list_relations_without_caching', fetch_result=True) -%}
        {% for kind, catalog, name, schema in kinds %}
        select distinct
            '{{ schema_relation.database }}' as database,
            {{ name }} as name,
            {{ schema }} as schema,
            '{{ kind }}' as type
        from {{ catalog }}
        where {{ schema }} ilike '{{ schema_relation.schema }}'
        {{ 'union all' if not loop.last }}
        {% endfor %}
    {% endcall %}
    {{ return(load_result('list_relations_without_caching').table) }}
{%- endmacro %}


{# `information_schema_name` for Postgres: the one of the connected database, whatever `database` is. #}
{% macro postgres__information_schema_name(database) -%}
    information_schema
{%- endmacro %}


{# `list_schemas` for Postgres. #}
{% macro postgres__list_schemas(database) -%}
    {% if database %}
        {{ adapter.verify_database(database) }}
    {% endif %}
    {% call statement('list_schemas', fetch_result=True, auto_begin=False) %}
        select distinct nspname from pg_namespace
    {% endcall %}
    {{ return(load_result('list_schemas').table) }}
{%- endmacro %}


{# `check_schema_exists` for Postgres. #}
{% macro postgres__check_schema_exists(information_schema, schema) -%}
    {% if information_schema.database %}
        {{ adapter.verify_database(information_schema.database) }}
    {% endif %}
    {% call statement('check_schema_exists', fetch_result=True, auto_begin=False) %}
        select count(*) from pg_namespace where nspname = '{{ schema }}'
    {% endcall %}
    {{ return(load_result('check_schema_exists').table) }}
{%- endmacro %}


{# A relation named with a suffix, and the time of day if `dstring`. The name itself is cut to what Postgres keeps,
   which would otherwise cut the suffix off. #}
{% macro postgres__make_relation_with_suffix(base_relation, suffix, dstring) -%}
    {% if dstring %}
        {% set suffix = suffix ~ modules.datetime.datetime.now().strftime('%H%M%S%f') %}
    {% endif %}
    {% set n_kept = base_relation.relation_max_name_length() - suffix | length %}
    {% if n_kept < 0 %}
        {% do exceptions.raise_compiler_error('Relation suffix is too long (' ~ suffix | length ~ ' characters). Maximum length is ' ~ base_relation.relation_max_name_length() ~ ' characters.') %}
    {% endif %}
    {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier_of_bytes(n_kept) ~ suffix})) }}
{%- endmacro %}


{# `make_intermediate_relation` for Postgres. #}
{% macro postgres__make_intermediate_relation(base_relation, suffix) -%}
    {{ return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False)) }}
{%- endmacro %}


{# `make_temp_relation` for Postgres: a temporary table lies in a schema of its connection. #}
{% macro postgres__make_temp_relation(base_relation, suffix) -%}
    {% set relation = postgres__make_relation_with_suffix(base_relation, suffix, dstring=True) %}
    {{ return(relation.incorporate(path={'schema': none, 'database': none})) }}
{%- endmacro %}


{# `make_backup_relation` for Postgres. #}
{% macro postgres__make_backup_relation(base_relation, backup_relation_type, suffix) -%}
    {% set relation = postgres__make_relation_with_suffix(base_relation, suffix, dstring=False) %}
    {{ return(relation.incorporate(type=backup_relation_type)) }}
{%- endmacro %}


{# A comment between dollar quotes, so that it may hold anything but those. #}
{% macro postgres_escape_comment(comment) -%}
    {%- if comment is not string -%}
        {%- do exceptions.raise_compiler_error('cannot escape a non-string: ' ~ comment) -%}
    {%- endif -%}
    {%- set quote = '$dbt_comment_literal_block$' -%}
    {%- if quote in comment -%}
        {%- do exceptions.raise_compiler_error('The string ' ~ quote ~ ' is not allowed in comments.') -%}
    {%- endif -%}
    {{ quote ~ comment ~ quote }}
{%- endmacro %}


{# `alter_relation_comment` for Postgres. #}
{% macro postgres__alter_relation_comment(relation, comment) %}
    comment on {{ relation.type | replace('_', ' ') }} {{ relation }} is {{ postgres_escape_comment(comment) }};
{% endmacro %}


{# `alter_column_comment` for Postgres: one statement for each documented column that exists. #}
{% macro postgres__alter_column_comment(relation, column_dict) %}
    {%- set existing_names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
    {% for name, column in column_dict.items() if name in existing_names %}
    comment on column {{ relation }}.{{ adapter.quote(name) if column['quote'] else name }} is {{ postgres_escape_comment(column['description']) }};
    {% endfor %}
{% endmacro %}


{# `get_show_grant_sql` for Postgres: what the present role granted to others. #}
{% macro postgres__get_show_grant_sql(relation) -%}
    select grantee, privilege_type
    from {{ relation.information_schema('role_table_grants') }}
    where grantor = current_role
        and grantee != current_role
        and table_schema = '{{ relation.schema }}'
        and table_name = '{{ relation.identifier }}'
{%- endmacro %}


{# `get_show_indexes_sql` for Postgres: name, method, uniqueness and columns of each index. #}
{% macro postgres__get_show_indexes_sql(relation) %}
    select
        index_class.relname as name,
        pg_am.amname as method,
        pg_index.indisunique as "unique",
        array_to_string(array_agg(pg_attribute.attname), ',') as column_names
    from pg_index
    join pg_class as index_class on index_class.oid = pg_index.indexrelid
    join pg_am on pg_am.oid = index_class.relam
    join pg_class as table_class on table_class.oid = pg_index.indrelid
    join pg_namespace on pg_namespace.oid = table_class.relnamespace
    join pg_attribute
        on pg_attribute.attrelid = table_class.oid
        and pg_attribute.attnum = any(pg_index.indkey)
    where table_class.relname = '{{ relation.identifier }}'
        and pg_namespace.nspname = '{{ relation.schema }}'
        and table_class.relkind in ('r', 'm')
    group by 1, 2, 3
    order by 1, 2, 3
{% endmacro %}


{# `get_drop_index_sql` for Postgres. #}
{% macro postgres__get_drop_index_sql(relation, index_name) -%}
    drop index if exists "{{ relation.schema }}"."{{ index_name }}"
{%- endmacro %}
