{# A file (parquet, csv or json) written by the model, and a view that reads it. #}
{% materialization external, adapter="duckdb", supported_languages=['sql', 'python'] -%}
    {% set language = model['language'] %}
    {% set location = render(config.get('location', default=external_location(this, config))) %}
    {% set options = render_write_options(config) %}
    {% set write_options = adapter.external_write_options(location, options) %}
    {% set read_location = adapter.external_read_location(location, options) %}

    {% set formats = ['csv', 'parquet', 'json'] %}
    {% set format = config.get('format') %}
    {% if format and format not in formats %}
        {{ exceptions.raise_compiler_error('Invalid format: ' ~ format ~ '. Allowed formats are: ' ~ formats | join(', ')) }}
    {% elif not format %}
        {# `external_write_options` has put in the one it writes. #}
        {% set format = options['format'] | lower %}
        {% if format not in formats %}
            {% set format = 'parquet' %}
        {% endif %}
    {% endif %}

    {% set default_read_options = {'union_by_name': False} if format == 'parquet' else {'auto_detect': True} %}
    {% set read_options = config.get(format ~ '_read_options', default_read_options) %}
    {# The readers know a compression by a file name in lower case only. #}
    {% if format != 'parquet' and options.get('compression') and 'compression' not in read_options %}
        {% set read_options = dict(read_options, compression=options['compression']) %}
    {% endif %}

    {% set target_relation = this.incorporate(type='view') %}
    {% set existing_relation = load_cached_relation(this) %}
    {% set temp_relation = make_intermediate_relation(this.incorporate(type='table'), suffix='__dbt_tmp') %}
    {% set intermediate_relation = make_intermediate_relation(target_relation, suffix='__dbt_int') %}
    {% set backup_relation_type = 'table' if existing_relation is none else existing_relation.type %}
    {% set backup_relation = make_backup_relation(target_relation, backup_relation_type) %}
    {% set left_intermediate = load_cached_relation(intermediate_relation) %}
    {% set left_temp = load_cached_relation(temp_relation) %}
    {% set left_backup = load_cached_relation(backup_relation) %}

    {{ drop_relation_if_exists(left_intermediate) }}
    {{ drop_relation_if_exists(left_temp) }}
    {{ drop_relation_if_exists(left_backup) }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('create_table', language=language) -%}
        {{- create_table_as(False, temp_relation, compiled_code, language) }}
    {%- endcall %}

    {# A file without rows could not be read back with its columns, so it gets one of nulls, which the view leaves out. #}
    {% set is_empty = run_query('select count(*) as row_count from ' ~ temp_relation)[0][0] == 0 %}
    {% set columns = get_columns_in_relation(temp_relation) if is_empty else [] %}
    {% call statement('main', language='sql') -%}
        {% if is_empty %}
            insert into {{ temp_relation }} values (
                {%- for column in columns -%} NULL, {%- endfor -%}
            )
        {% endif %}
    {%- endcall %}

    {{ write_to_file(temp_relation, location, write_options) }}

    {% call statement('main', language='sql') -%}
      create or replace view {{ intermediate_relation }} as (
        select * from read_{{ format }}('{{ read_location }}'
        {%- for key, value in read_options.items() -%}
          , {{ key }}={{ "'" ~ value ~ "'" if value is string else value }}
        {%- endfor -%}
        )
        {% if is_empty %}
          where 1
          {%- for column in columns %} AND "{{ column.column }}" is not NULL {%- endfor %}
        {% endif %}
      );
    {%- endcall %}

    {% if existing_relation is not none %}
        {{ adapter.rename_relation(existing_relation, backup_relation) }}
    {% endif %}
    {{ adapter.rename_relation(intermediate_relation, target_relation) }}

    {{ run_hooks(post_hooks, inside_transaction=True) }}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}

    {{ adapter.commit() }}
    {{ drop_relation_if_exists(backup_relation) }}
    {{ drop_relation_if_exists(temp_relation) }}

    {# `glue_register` is the older way to ask for the plugin `glue`. #}
    {% set plugin = config.get('plugin') %}
    {% if config.get('glue_register', default=false) %}
        {% set plugin = 'glue|' ~ config.get('glue_database', 'default') %}
    {% endif %}
    {% if plugin is not none %}
        {% do store_relation(plugin, target_relation, location, format, config) %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
