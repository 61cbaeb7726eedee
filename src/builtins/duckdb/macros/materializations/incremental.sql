{# A table that later runs add to, with a strategy; the model may be SQL or Python. #}
{% materialization incremental, adapter="duckdb", supported_languages=['sql', 'python'] -%}
    {% set language = model['language'] %}
    {% set existing_relation = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% set backup_relation_type = 'table' if existing_relation is none else existing_relation.type %}
    {% set backup_relation = make_backup_relation(target_relation, backup_relation_type) %}

    {% set is_replacing_view = existing_relation is not none and existing_relation.is_view %}
    {% set full_refresh_mode = should_full_refresh() or is_replacing_view %}
    {% set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') %}
    {% set partitioned_by = none %}
    {% set sorted_by = none %}
    {% if existing_relation is none or full_refresh_mode %}
        {% set partitioned_by = duckdb__get_partitioned_by(target_relation, false) %}
        {% set sorted_by = duckdb__get_sorted_by(target_relation, false) %}
    {% endif %}
    {% set begins_transaction = not ((partitioned_by or sorted_by) and adapter.is_ducklake(target_relation)) %}

    {# Before the transaction begins: dropping these may need one of its own. #}
    {% set left_intermediate = load_cached_relation(intermediate_relation) %}
    {% set left_backup = load_cached_relation(backup_relation) %}
    {{ drop_relation_if_exists(left_intermediate) }}
    {{ drop_relation_if_exists(left_backup) }}

    {# Batches may run at the same time, so each has a staging table of its own. #}
    {% set staging = duckdb__dispatch_temporary_relation(target_relation, adapter.batch_id_for_model(model)) %}
    {% set to_drop = [] if staging.temporary else [staging.relation] %}
    {% set dropped_dependents = [] %}
    {% set need_swap = false %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is none %}
        {% set build_sql = create_table_as(False, target_relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by) %}
    {% elif full_refresh_mode and has_foreign_key_constraints(existing_relation) %}
        {% set dropped_dependents = drop_relation_for_rebuild(existing_relation) %}
        {% set build_sql = create_table_as(False, target_relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by) %}
    {% elif full_refresh_mode %}
        {% set need_swap = true %}
        {% set build_sql = create_table_as(False, intermediate_relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by) %}
    {% else %}
        {% set staging_code = create_table_as(staging.temporary, staging.relation, compiled_code, language, partitioned_by=none, sorted_by=none) %}
        {% if language == 'python' %}
            {% call statement('pre', language=language) %}
                {{- staging_code }}
            {% endcall %}
        {% else %}
            {% do run_query(staging_code) %}
        {% endif %}
        {% do adapter.expand_target_column_types(from_relation=staging.relation, to_relation=target_relation) %}
        {% set dest_columns = process_schema_changes(on_schema_change, staging.relation, existing_relation)
                           or adapter.get_columns_in_relation(existing_relation) %}

        {% set strategy_macro = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') %}
        {% set build_sql = strategy_macro({
            'target_relation': target_relation,
            'temp_relation': staging.relation,
            'unique_key': config.get('unique_key'),
            'dest_columns': dest_columns,
            'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none),
        }) %}
        {% set language = 'sql' %}
    {% endif %}

    {% call statement('main', language=language, auto_begin=begins_transaction) %}
        {{- build_sql }}
  {% endcall %}

    {% if need_swap %}
        {% if may_be_foreign_key_target(target_relation) %}
            {% set dropped_dependents = drop_foreign_key_dependents(target_relation) %}
        {% endif %}
        {% set replaced_relation = swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) %}
        {% if replaced_relation is not none %}
            {% do to_drop.append(replaced_relation) %}
        {% endif %}
    {% endif %}
    {% do restore_foreign_key_dependents(dropped_dependents) %}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% if existing_relation is none or is_replacing_view or should_full_refresh() %}
        {% do create_indexes(target_relation) %}
    {% endif %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}

    {% for relation in to_drop %}
        {# MotherDuck drops the indexes with the table. #}
        {% if not adapter.is_motherduck() %}
            {% do drop_indexes_on_relation(relation) %}
        {% endif %}
        {% do adapter.drop_relation(relation) %}
    {% endfor %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
