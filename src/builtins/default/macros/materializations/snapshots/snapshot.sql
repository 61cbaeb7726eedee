{# A table that keeps the history of a query's rows; a project or adapter may define its own. #}
{% materialization snapshot, default -%}
    {% set had_table, target_relation = get_or_create_relation(
        database=model.database,
        schema=model.schema,
        identifier=model.get('alias', model.get('name')),
        type='table'
    ) %}
    {% if not target_relation.is_table %}
        {% do exceptions.relation_wrong_type(target_relation, 'table') %}
    {% endif %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {# The config is an argument for the sake of strategies that projects wrote long ago. #}
    {% set strategy_macro = strategy_dispatch(config.get('strategy')) %}
    {% set strategy = strategy_macro(model, 'snapshotted_data', 'source_data', model['config'], had_table) %}

    {% if had_table %}
        {% set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}
        {{ adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) }}

        {% set rows_sql = snapshot_staging_table(strategy, sql, target_relation) %}
        {% set staging_relation = build_snapshot_staging_table(strategy, sql, target_relation) %}
        {% do adapter.expand_target_column_types(from_relation=staging_relation, to_relation=target_relation) %}

        {# What the staging table has for the merge alone. #}
        {% set staging_only = ['dbt_change_type', 'DBT_CHANGE_TYPE', 'dbt_unique_key', 'DBT_UNIQUE_KEY'] %}
        {% if strategy.unique_key | is_list %}
            {% for key in strategy.unique_key %}
                {% do staging_only.append('dbt_unique_key_' ~ loop.index) %}
                {% do staging_only.append('DBT_UNIQUE_KEY_' ~ loop.index) %}
            {% endfor %}
        {% endif %}

        {% do create_columns(
            target_relation,
            adapter.get_missing_columns(staging_relation, target_relation) | rejectattr('name', 'in', staging_only) | list
        ) %}
        {% set insert_columns = [] %}
        {% for column in adapter.get_columns_in_relation(staging_relation) if column.name not in staging_only %}
            {% do insert_columns.append(adapter.quote(column.name)) %}
        {% endfor %}
        {% set build_sql = snapshot_merge_sql(target=target_relation, source=staging_relation, insert_cols=insert_columns) %}
    {% else %}
        {% set rows_sql = build_snapshot_table(strategy, model['compiled_code']) %}
        {% set build_sql = create_table_as(False, target_relation, rows_sql) %}
    {% endif %}

    {{ check_time_data_types(rows_sql) }}
    {% call statement('main') %}
      {{ build_sql }}
  {% endcall %}

    {% set revoke = should_revoke(had_table, full_refresh_mode=False) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}
    {% if not had_table %}
        {% do create_indexes(target_relation) %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {% if had_table %}
        {% do post_snapshot(staging_relation) %}
    {% endif %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
