{# A table that later runs add to, with a strategy; a project or adapter may define its own. #}
{% materialization incremental, default -%}
    {% set existing_relation = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set temp_relation = make_temp_relation(target_relation) %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% set backup_relation_type = 'table' if existing_relation is none else existing_relation.type %}
    {% set backup_relation = make_backup_relation(target_relation, backup_relation_type) %}

    {% set is_replacing_view = existing_relation is not none and existing_relation.is_view %}
    {% set full_refresh_mode = should_full_refresh() or is_replacing_view %}
    {% set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') %}

    {# Before the transaction begins: dropping these may need one of its own. #}
    {% set left_intermediate = load_cached_relation(intermediate_relation) %}
    {% set left_backup = load_cached_relation(backup_relation) %}
    {{ drop_leftover(left_intermediate) }}
    {{ drop_leftover(left_backup) }}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {# Looked up on every run, so that an unknown strategy is an error on the first one too. #}
    {% set strategy = config.get('incremental_strategy') or 'default' %}
    {% set strategy_macro = adapter.get_incremental_strategy_macro(context, strategy) %}
    {% set need_swap = existing_relation is not none and full_refresh_mode %}

    {% if existing_relation is none %}
        {% set indexed_relation = target_relation %}
        {% set build_sql = get_create_table_as_sql(False, target_relation, sql) %}
    {% elif full_refresh_mode %}
        {% set indexed_relation = intermediate_relation %}
        {% set build_sql = get_create_table_as_sql(False, intermediate_relation, sql) %}
    {% else %}
        {% set indexed_relation = temp_relation %}
        {% do run_query(get_create_table_as_sql(True, temp_relation, sql)) %}
        {% set contract = config.get('contract') %}
        {% if not (contract and contract.enforced) %}
            {% do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) %}
        {% endif %}
        {% set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation)
                           or adapter.get_columns_in_relation(existing_relation) %}
        {% set build_sql = strategy_macro({
            'target_relation': target_relation,
            'temp_relation': temp_relation,
            'unique_key': config.get('unique_key'),
            'dest_columns': dest_columns,
            'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none),
        }) %}
    {% endif %}

    {% call statement('main') %}
        {{ build_sql }}
    {% endcall %}

    {% if existing_relation is none or is_replacing_view or should_full_refresh() %}
        {% do create_indexes(indexed_relation) %}
    {% endif %}
    {% set replaced_relation = none %}
    {% if need_swap %}
        {% set replaced_relation = swap_in_relation(target_relation, intermediate_relation, target_relation, backup_relation) %}
    {% endif %}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ drop_relation_if_exists(replaced_relation) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
