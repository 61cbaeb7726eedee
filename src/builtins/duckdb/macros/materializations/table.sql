{# A table, built under another name and swapped in, or in place if it has foreign keys. #}
{% materialization table, adapter="duckdb", supported_languages=['sql', 'python'] -%}
    {% set language = model['language'] %}
    {% set existing_relation = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {# DuckLake before DuckDB 1.5.3 loses what a table was altered to when it is renamed. #}
    {% set alter_after_commit = adapter.use_ducklake_table_workarounds(target_relation) %}
    {% set build_in_place = has_foreign_key_constraints(existing_relation) %}
    {% set dropped_dependents = [] %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% set backup_relation = clear_for_swap(existing_relation, intermediate_relation, target_relation) %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% set partitioned_by = duckdb__get_partitioned_by(target_relation, false) %}
    {% set sorted_by = duckdb__get_sorted_by(target_relation, false) %}

    {% if build_in_place and existing_relation is not none %}
        {% set dropped_dependents = drop_relation_for_rebuild(existing_relation) %}
    {% endif %}

    {% set built_relation = target_relation if build_in_place else intermediate_relation %}
    {% call statement('main', language=language) -%}
        {{- create_table_as(False, built_relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by) }}
    {%- endcall %}

    {% set replaced_relation = none %}
    {% if not build_in_place %}
        {% if existing_relation is not none and existing_relation.is_table and may_be_foreign_key_target(existing_relation) %}
            {% set dropped_dependents = drop_foreign_key_dependents(existing_relation) %}
        {% endif %}
        {% set replaced_relation = swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) %}
    {% endif %}
    {% do restore_foreign_key_dependents(dropped_dependents) if dropped_dependents %}
    {% do create_indexes(target_relation) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% if not alter_after_commit %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}

    {{ adapter.commit() }}

    {% if alter_after_commit %}
        {% if partitioned_by %}
            {% call statement('reassert_partitioned_by', auto_begin=False) -%}
                {{ duckdb__alter_table_set_partitioned_by(target_relation, partitioned_by) }}
            {%- endcall %}
        {% endif %}
        {% if sorted_by %}
            {% call statement('reassert_sorted_by', auto_begin=False) -%}
                {{ duckdb__alter_table_set_sorted_by(target_relation, sorted_by) }}
            {%- endcall %}
        {% endif %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}

    {{ drop_relation_if_exists(replaced_relation) if replaced_relation is not none }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
