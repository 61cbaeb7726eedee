{# A table, built under another name and swapped in; a project or adapter may define its own. #}
{% materialization table, default -%}
    {% set existing_relation = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% set backup_relation = clear_for_swap(existing_relation, intermediate_relation, target_relation) %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, intermediate_relation, sql) }}
    {%- endcall %}
    {% do create_indexes(intermediate_relation) %}

    {# A hook may have dropped the old relation meanwhile. #}
    {% if existing_relation is not none %}
        {% set existing_relation = load_cached_relation(existing_relation) %}
    {% endif %}
    {% set replaced_relation = swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}

    {{ adapter.commit() }}
    {{ drop_relation_if_exists(replaced_relation) if replaced_relation is not none }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
