{# A materialized view, created, altered or refreshed as needed; an adapter supplies the statements. #}
{% materialization materialized_view, default -%}
    {% set existing_relation = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type=this.MaterializedView) %}
    {% set intermediate_relation = make_intermediate_relation(target_relation) %}
    {% set backup_relation_type = target_relation.MaterializedView if existing_relation is none else existing_relation.type %}
    {% set backup_relation = make_backup_relation(target_relation, backup_relation_type) %}

    {{ materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) }}

    {% set build_sql = materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) %}
    {% if build_sql == '' %}
        {{ materialized_view_execute_no_op(target_relation) }}
    {% else %}
        {{ materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) }}
    {% endif %}

    {{ materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# Clears what an interrupted run left and runs the hooks before the transaction. #}
{% macro materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) -%}
    {% set left_backup = load_cached_relation(backup_relation) %}
    {% set left_intermediate = load_cached_relation(intermediate_relation) %}
    {{ drop_leftover(left_backup) }}
    {{ drop_leftover(left_intermediate) }}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
{%- endmacro %}


{# Clears the relations used on the way and runs the hooks after the transaction. #}
{% macro materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) -%}
    {{ drop_relation_if_exists(backup_relation) }}
    {{ drop_relation_if_exists(intermediate_relation) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}


{# The SQL that brings a materialized view up to date; '' if its changed config is to be left alone. #}
{% macro materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) -%}
    {% set full_refresh_mode = should_full_refresh() %}
    {% if existing_relation is none %}
        {{ return(get_create_materialized_view_as_sql(target_relation, sql)) }}
    {% elif full_refresh_mode or not existing_relation.is_materialized_view %}
        {{ return(get_replace_sql(existing_relation, target_relation, sql)) }}
    {% endif %}

    {% set on_change = config.get('on_configuration_change') %}
    {% set changes = get_materialized_view_configuration_changes(existing_relation, config) %}
    {% if changes is none %}
        {{ return(refresh_materialized_view(target_relation)) }}
    {% elif on_change == 'apply' %}
        {{ return(get_alter_materialized_view_as_sql(target_relation, changes, sql, existing_relation, backup_relation, intermediate_relation)) }}
    {% elif on_change == 'continue' %}
        {% do exceptions.warn("Configuration changes were identified and `on_configuration_change` was set to `continue` for `" ~ target_relation.render() ~ "`") %}
        {{ return('') }}
    {% elif on_change == 'fail' %}
        {{ exceptions.raise_fail_fast_error("Configuration changes were identified and `on_configuration_change` was set to `fail` for `" ~ target_relation.render() ~ "`") }}
    {% endif %}
    {{ exceptions.raise_compiler_error("`on_configuration_change` must be `apply`, `continue` or `fail`, not `" ~ on_change ~ "`") }}
{%- endmacro %}


{# Records a skipped build as the result of the node. #}
{% macro materialized_view_execute_no_op(target_relation) -%}
    {% do store_raw_result(name='main', message='skip ' ~ target_relation, code='skip', rows_affected='-1') %}
{%- endmacro %}


{# Runs the SQL with hooks, grants and comments in one transaction. #}
{% macro materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) -%}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement(name='main') %}
        {{ build_sql }}
    {% endcall %}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
{%- endmacro %}
