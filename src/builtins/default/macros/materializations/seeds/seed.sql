{# A table filled from a CSV file: created on the first run, emptied and filled again later. #}
{% materialization seed, default -%}
    {% set full_refresh_mode = should_full_refresh() %}
    {% set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) %}
    {% set had_table = old_relation is not none and old_relation.is_table %}
    {% set agate_table = load_agate_table() %}
    {% do store_result('agate_table', response='OK', agate_table=agate_table) %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if old_relation is not none and old_relation.is_view %}
        {{ exceptions.raise_compiler_error("Cannot seed to '" ~ old_relation.render() ~ "', it is a view") }}
    {% elif had_table %}
        {% set table_sql = reset_csv_table(model, full_refresh_mode, old_relation, agate_table) %}
    {% else %}
        {% set table_sql = create_csv_table(model, agate_table) %}
    {% endif %}

    {% set n_rows = agate_table.rows | length %}
    {% set rows_sql = load_csv_rows(model, agate_table) if n_rows > 0 else '' %}
    {% set verb = 'CREATE' if full_refresh_mode else 'INSERT' %}
    {% call noop_statement('main', verb ~ ' ' ~ n_rows, verb, n_rows) %}
    {{ get_csv_sql(table_sql, rows_sql) }};
  {% endcall %}

    {% if had_table and full_refresh_mode %}
        {% do publish_seed(old_relation) %}
    {% endif %}

    {% set target_relation = this.incorporate(type='table') %}
    {% set revoke = should_revoke(old_relation, full_refresh_mode) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}
    {% if full_refresh_mode or not had_table %}
        {% do create_indexes(target_relation) %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
