{# Creates a schema; attached databases of other kinds have rules of their own. #}
{% macro duckdb__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        {% set query %}
            select type from duckdb_databases()
            where lower(database_name)='{{ relation.database | lower }}'
            and type != 'duckdb'
        {% endset %}
        {% set foreign_types = run_query(query) %}
        {% set foreign_type = foreign_types.columns[0].values()[0] if foreign_types | length > 0 else none %}
        {% if foreign_type == 'sqlite' and relation.schema != 'main' %}
            {{ exceptions.raise_compiler_error("Schema must be 'main' when writing to sqlite instead got " ~ relation.schema) }}
        {% elif foreign_type not in ['sqlite', 'mysql'] %}
            create schema if not exists {{ relation.without_identifier() }}
        {% endif %}
    {%- endcall -%}
{%- endmacro %}


{# Drops a schema with all in it. #}
{% macro duckdb__drop_schema(relation) -%}
    {%- call statement('drop_schema') -%}
        drop schema if exists {{ relation.without_identifier() }} cascade
    {%- endcall -%}
{%- endmacro %}


{# A table of the schema names in a database, or in all. #}
{% macro duckdb__list_schemas(database) -%}
    {% set query %}
        select schema_name
        from system.information_schema.schemata
        {% if database is not none %}
        where lower(catalog_name) = '{{ database | lower }}'
        {% endif %}
    {% endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{# A table with the count of schemas of that name. #}
{% macro duckdb__check_schema_exists(information_schema, schema) -%}
    {% set query %}
        select count(*)
        from system.information_schema.schemata
        where lower(schema_name) = '{{ schema | lower }}'
        and lower(catalog_name) = '{{ information_schema.database | lower }}'
    {% endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{# The declared columns in parentheses, for an insert. #}
{% macro get_column_names() %}
  (
    {% for column in model['columns'].values() %}
      {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }} {{ "," if not loop.last }}
    {% endfor %}
  )
{% endmacro %}


{# The columns to partition a DuckLake table by, or none if that does not apply here. #}
{% macro duckdb__get_partitioned_by(relation, temporary) -%}
    {% set configured = config.get('partitioned_by', none) %}
    {% if configured is none or configured == '' %}
        {% set configured = config.get('partition_by', none) %}
    {% endif %}
    {% if temporary or configured is none or configured == '' %}
        {{ return(none) }}
    {% endif %}

    {% set columns = normalize_string_or_list(configured, 'partitioned_by/partition_by') %}
    {% if columns | length == 0 %}
        {% do exceptions.raise_compiler_error('partitioned_by/partition_by must contain at least one column') %}
    {% endif %}

    {# Not on the relations that a build goes through on its way. #}
    {% if this is defined and config.get('materialized') in ['table', 'incremental']
        and relation.identifier and this.identifier and relation.identifier != this.identifier %}
        {{ return(none) }}
    {% endif %}
    {% if not adapter.is_ducklake(relation) %}
        {% do adapter.warn_once('partitioned_by/partition_by is only supported for DuckLake relations; ignoring for ' ~ relation) %}
        {{ return(none) }}
    {% endif %}
    {{ return(columns | join(', ')) }}
{%- endmacro %}


{# The statement that partitions a DuckLake table. #}
{% macro duckdb__alter_table_set_partitioned_by(relation, partitioned_by) -%}
    alter table {{ relation }} set partitioned by ({{ partitioned_by }});
{%- endmacro %}


{# The quoted columns to sort a DuckLake table by, or none if that does not apply here. #}
{% macro duckdb__get_sorted_by(relation, temporary) -%}
    {% set configured = config.get('sorted_by', none) %}
    {% if configured is none %}
        {% set configured = config.get('sort_by', none) %}
    {% endif %}
    {% if temporary or configured is none %}
        {{ return(none) }}
    {% endif %}

    {% set columns = normalize_string_or_list(configured, 'sorted_by/sort_by') %}
    {% if columns | length == 0 %}
        {% do exceptions.raise_compiler_error('sorted_by/sort_by must contain at least one column') %}
    {% endif %}

    {# Not on the relations that a build goes through on its way. #}
    {% if this is defined and config.get('materialized') in ['table', 'incremental']
        and relation.identifier and this.identifier and relation.identifier != this.identifier %}
        {{ return(none) }}
    {% endif %}
    {% if not adapter.is_ducklake(relation) %}
        {% do adapter.warn_once('sorted_by/sort_by is only supported for DuckLake relations; ignoring for ' ~ relation) %}
        {{ return(none) }}
    {% endif %}

    {% set quoted = [] %}
    {% for column in columns %}
        {% do quoted.append(adapter.quote(column | replace('"', '""'))) %}
    {% endfor %}
    {{ return(quoted | join(', ')) }}
{%- endmacro %}


{# The statement that sorts a DuckLake table. #}
{% macro duckdb__alter_table_set_sorted_by(relation, sorted_by) -%}
    alter table {{ relation }} set sorted by ({{ sorted_by }});
{%- endmacro %}


{# The statement that creates a table from SQL or Python; takes the place of the general macro to pass DuckLake's clauses on. #}
{% macro create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {{ return(adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by)) }}
{%- endmacro %}

{# `create_table_as` for DuckDB: in one statement, unless constraints or DuckLake's clauses need an empty table first. #}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
  {%- if language == 'python' -%}
    {{ py_write_table(temporary=temporary, relation=relation, compiled_code=compiled_code, partitioned_by=partitioned_by, sorted_by=sorted_by) }}
  {%- elif language != 'sql' -%}
    {% do exceptions.raise_compiler_error("duckdb__create_table_as macro didn't get supported language, it got " ~ language) %}
  {%- else -%}
    {%- set sql_header = config.get('sql_header', none) -%}
    {% set contract = config.get('contract') %}
    {% if contract.enforced %}
      {{ get_assert_columns_equivalent(compiled_code) }}
    {% endif %}
    {{- sql_header if sql_header is not none }}

    create {{ 'temporary' if temporary }} table
      {{ relation.include(database=(not temporary), schema=(not temporary)) }}
  {% if contract.enforced and not temporary %}
    {#- Temporary tables have no constraints in DuckDB. -#}
    {{ get_table_columns_and_constraints() }} ;
    {{ duckdb__alter_table_set_partitioned_by(relation, partitioned_by) if partitioned_by }}
    {{ duckdb__alter_table_set_sorted_by(relation, sorted_by) if sorted_by }}
    insert into {{ relation }} {{ get_column_names() }} (
      {{ get_select_subquery(compiled_code) }}
    );
  {% else %}
    {% if partitioned_by or sorted_by %}
    as (
      select * from (
        {{ compiled_code }}
      ) as model_subq
      limit 0
    );
    {{ duckdb__alter_table_set_partitioned_by(relation, partitioned_by) if partitioned_by }}
    {{ duckdb__alter_table_set_sorted_by(relation, sorted_by) if sorted_by }}
    insert into {{ relation }}
      select * from (
        {{ compiled_code }}
      ) as model_subq;
    {% else %}
    as (
      {{ compiled_code }}
    );
    {% endif %}
  {% endif %}
  {%- endif -%}
{%- endmacro %}


{# Python code: the model, then a function that writes its data frame into a table. #}
{% macro py_write_table(temporary, relation, compiled_code, partitioned_by=none, sorted_by=none) -%}
{{ compiled_code }}

def materialize(df, con):
    try:
        import pyarrow
        if isinstance(df, pyarrow.Table):
            # DuckDB reads an Arrow table only with this module loaded.
            import pyarrow.dataset
    except ImportError:
        pass
    tmp_name = '__dbt_python_model_df_' + '{{ relation.identifier }}'
    con.register(tmp_name, df)
    {%- if partitioned_by or sorted_by %}
    con.execute('create table {{ relation }} as select * from ' + tmp_name + ' limit 0')
        {%- if partitioned_by %}
    con.execute('alter table {{ relation }} set partitioned by ({{ partitioned_by }})')
        {%- endif %}
        {%- if sorted_by %}
    con.execute('alter table {{ relation }} set sorted by ({{ sorted_by }})')
        {%- endif %}
    con.execute('insert into {{ relation }} select * from ' + tmp_name)
    {%- else %}
    con.execute('create table {{ relation }} as select * from ' + tmp_name)
    {%- endif %}
    con.unregister(tmp_name)
{% endmacro %}


{# `create_view_as` for DuckDB. #}
{% macro duckdb__create_view_as(relation, sql) -%}
  {%- set sql_header = config.get('sql_header', none) -%}
  {% set contract = config.get('contract') %}
  {% if contract.enforced %}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif -%}

  {{ sql_header if sql_header is not none }}
  create view {{ relation }} as (
    {{ sql }}
  );
{% endmacro %}


{# `get_empty_subquery_sql` for DuckDB: the header runs by itself, since a described query takes no other statement. #}
{% macro duckdb__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
    {%- if select_sql_header is not none -%}
        {%- do run_query(select_sql_header) -%}
    {%- endif -%}
    select * from (
        {{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}


{# `get_columns_in_relation` for DuckDB: `describe` does not load whole catalogs, and types carry their sizes. #}
{% macro duckdb__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
        select
            column_name,
            column_type as data_type,
            cast(null as bigint) as character_maximum_length,
            cast(null as bigint) as numeric_precision,
            cast(null as bigint) as numeric_scale
        from (describe {{ relation.render() }})
    {% endcall %}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}


{# `list_relations_without_caching` for DuckDB. #}
{% macro duckdb__list_relations_without_caching(schema_relation) -%}
    {% call statement('list_relations_without_caching', fetch_result=True) -%}
        select
            '{{ schema_relation.database }}' as database,
            table_name as name,
            table_schema as schema,
            case table_type
                when 'BASE TABLE' then 'table'
                when 'VIEW' then 'view'
                when 'LOCAL TEMPORARY' then 'table'
            end as type
        from system.information_schema.tables
        where lower(table_schema) = '{{ schema_relation.schema | lower }}'
        and lower(table_catalog) = '{{ schema_relation.database | lower }}'
    {% endcall %}
    {{ return(load_result('list_relations_without_caching').table) }}
{%- endmacro %}


{# `drop_relation` for DuckDB; DuckLake has no `cascade`. #}
{% macro duckdb__drop_relation(relation) -%}
    {% call statement('drop_relation', auto_begin=False) -%}
        drop {{ relation.type }} if exists {{ relation }} {{ 'cascade' if not adapter.is_ducklake(relation) }}
    {%- endcall %}
{%- endmacro %}


{# `rename_relation` for DuckDB. #}
{% macro duckdb__rename_relation(from_relation, to_relation) -%}
    {% call statement('rename_relation') -%}
        alter {{ to_relation.type }} {{ from_relation }} rename to {{ adapter.quote_as_configured(to_relation.identifier, 'identifier') }}
    {%- endcall %}
{%- endmacro %}


{# `make_temp_relation` for DuckDB: a temporary table of this connection, so it has neither database nor schema. #}
{% macro duckdb__make_temp_relation(base_relation, suffix) -%}
    {% set identifier = base_relation.identifier ~ suffix ~ py_current_timestring() %}
    {{ return(base_relation.incorporate(path={'identifier': identifier, 'schema': none, 'database': none})) }}
{%- endmacro %}


{# A dict of the relation for staged rows and whether it is temporary; MotherDuck has no temporary tables. #}
{% macro duckdb__dispatch_temporary_relation(target_relation, batch_id='') -%}
    {% if not adapter.is_motherduck() %}
        {{ return({'relation': make_temp_relation(target_relation), 'temporary': true}) }}
    {% endif %}
    {% set relation = target_relation.incorporate(path=adapter.get_temp_relation_path(target_relation, batch_id)) %}
    {% do run_query(create_schema(relation)) %}
    {% if not adapter.disable_transactions() %}
        {% do adapter.commit() %}
    {% endif %}
    {{ return({'relation': relation, 'temporary': false}) }}
{%- endmacro %}


{# `current_timestamp` for DuckDB. #}
{% macro duckdb__current_timestamp() -%}
    now()
{%- endmacro %}


{# `snapshot_string_as_time` for DuckDB. #}
{% macro duckdb__snapshot_string_as_time(timestamp) -%}
    {{ return("'" ~ timestamp ~ "'::timestamp") }}
{%- endmacro %}


{# `snapshot_get_time` for DuckDB. #}
{% macro duckdb__snapshot_get_time() -%}
    {{ current_timestamp() }}::timestamp
{%- endmacro %}


{# `get_incremental_default_sql` for DuckDB: delete+insert, which only inserts if there is no key. #}
{% macro duckdb__get_incremental_default_sql(arg_dict) -%}
    {{ return(get_incremental_delete_insert_sql(arg_dict)) }}
{%- endmacro %}


{# Whether there is a file or folder at a location. #}
{% macro location_exists(location) -%}
    {{ return(adapter.location_exists(location)) }}
{%- endmacro %}


{# Writes a relation to a file. #}
{% macro write_to_file(relation, location, options) -%}
    {% call statement('write_to_file') -%}
        copy {{ relation }} to '{{ location }}' ({{ options }})
    {%- endcall %}
{%- endmacro %}


{# Hands a relation and its file to a plugin. #}
{% macro store_relation(plugin, relation, location, format, config) -%}
    {% do adapter.store_relation(plugin, relation, adapter.get_columns_in_relation(relation), location, format, config) %}
{%- endmacro %}


{# The options to write a file with, rendered; `format` and `delimiter` may also be configs of their own. #}
{% macro render_write_options(config) -%}
    {% set options = config.get('options', {}) %}
    {% if options is not mapping %}
        {% do exceptions.raise_compiler_error('The options argument must be a dictionary') %}
    {% endif %}
    {% for key in options %}
        {% do options.update({key: render(options[key])}) %}
    {% endfor %}
    {% for key in ['format', 'delimiter'] %}
        {% if config.get(key) %}
            {% do options.update({key: render(config.get(key))}) %}
        {% endif %}
    {% endfor %}
    {{ return(options) }}
{%- endmacro %}


{# `apply_grants` for DuckDB: there are none; warns if some are configured. #}
{% macro duckdb__apply_grants(relation, grant_config, should_revoke=True) -%}
    {% if grant_config %}
        {% do adapter.warn_once('Grants for relations are not supported by DuckDB') %}
    {% endif %}
{%- endmacro %}


{# `get_create_index_sql` for DuckDB. #}
{% macro duckdb__get_create_index_sql(relation, index_dict) -%}
  {%- set index = adapter.parse_index(index_dict) -%}
  create {{ 'unique' if index.unique }} index
  "{{ index.render(relation) }}"
  on {{ relation }}
  ({{ index.columns | join(', ') }});
{%- endmacro %}


{# Drops all indexes of a relation, which could not be renamed or dropped otherwise. #}
{% macro drop_indexes_on_relation(relation) -%}
    {# No transaction is begun: after the commit of a materialization nobody would close it. #}
    {% call statement('get_indexes_on_relation', fetch_result=True, auto_begin=False) %}
        select index_name
        from duckdb_indexes()
        where database_name = '{{ relation.database }}'
            and schema_name = '{{ relation.schema }}'
            and table_name = '{{ relation.identifier }}'
    {% endcall %}
    {% for row in load_result('get_indexes_on_relation').table %}
        {% call statement('drop_index_' ~ loop.index, auto_begin=false) %}
            drop index "{{ relation.database }}"."{{ relation.schema }}"."{{ row[0] }}"
        {% endcall %}
    {% endfor %}
{%- endmacro %}
