{# The macro of a snapshot strategy, named `strategy` or `package.strategy`. #}
{% macro strategy_dispatch(name) -%}
    {% if '.' in name %}
        {% set package_name, strategy_name = name.split('.', 1) %}
        {% if package_name not in context %}
            {{ exceptions.raise_compiler_error("Could not find package '" ~ package_name ~ "', called with '" ~ name ~ "'") }}
        {% endif %}
        {% set macros = context[package_name] %}
    {% else %}
        {% set package_name, strategy_name = none, name %}
        {% set macros = context %}
    {% endif %}

    {% set macro_name = 'snapshot_' ~ strategy_name ~ '_strategy' %}
    {% if macro_name not in macros %}
        {{ exceptions.raise_compiler_error("The specified strategy macro '" ~ strategy_name ~ "' was not found in package '" ~ package_name ~ "'") }}
    {% endif %}
    {{ return(macros[macro_name]) }}
{%- endmacro %}


{# The SQL of one hash over several expressions; a project may override `snapshot_hash_arguments`, an adapter `<adapter>__snapshot_hash_arguments`. #}
{% macro snapshot_hash_arguments(args) -%}
    {{ return(adapter.dispatch('snapshot_hash_arguments', 'dbt')(args)) }}
{%- endmacro %}

{# Fallback of `snapshot_hash_arguments`. #}
{% macro default__snapshot_hash_arguments(args) -%}
    md5({%- for arg in args -%}
        coalesce(cast({{ arg }} as varchar ), '')
        {% if not loop.last %} || '|' || {% endif %}
    {%- endfor -%})
{%- endmacro %}


{# The strategy that takes a row for changed if its `updated_at` is later. `model_config` is not read. #}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
    {% set unique_key = config.get('unique_key') %}
    {% set updated_at = config.get('updated_at') %}
    {% set hard_deletes = adapter.get_hard_deletes_behavior(config) %}
    {% set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() %}
    {# Compared with dbt_valid_from, which exists even if the strategy was `check` before. #}
    {{ return({
        'unique_key': unique_key,
        'updated_at': updated_at,
        'row_changed': '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')',
        'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
        'invalidate_hard_deletes': hard_deletes == 'invalidate',
        'hard_deletes': hard_deletes,
    }) }}
{%- endmacro %}


{# The SQL of a time given as text; a project may override `snapshot_string_as_time`, an adapter `<adapter>__snapshot_string_as_time`. #}
{% macro snapshot_string_as_time(timestamp) -%}
    {{ return(adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp)) }}
{%- endmacro %}

{# Fallback of `snapshot_string_as_time`: raises, because only an adapter can know the answer. #}
{% macro default__snapshot_string_as_time(timestamp) -%}
    {{ exceptions.raise_not_implemented('snapshot_string_as_time macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# The pair (columns were added, quoted columns to compare) for `check_cols`. #}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
    {% if not target_exists %}
        {{ return((false, [])) }}
    {% endif %}

    {% if check_cols_config == 'all' %}
        {% set query_columns = get_columns_in_query(node['compiled_code']) %}
    {% elif check_cols_config is iterable and check_cols_config | length > 0 %}
        {# Asked of the database for the case and quotes that it uses; line breaks guard against comments. #}
        {% set query -%}
            select {{ check_cols_config | join(', ') }} from (
                {{ node['compiled_code'] }}
            ) subq
        {%- endset %}
        {% set query_columns = get_columns_in_query(query) %}
    {% else %}
        {% do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) %}
    {% endif %}

    {% set target_relation = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) %}
    {% set existing_names = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list %}
    {% set compared = [] %}
    {% for name in query_columns if name in existing_names %}
        {% do compared.append(adapter.quote(name)) %}
    {% endfor %}
    {{ return((compared | length < query_columns | length, compared)) }}
{%- endmacro %}


{# The strategy that takes a row for changed if one of its checked columns differs. `model_config` is not read. #}
{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
    {% set unique_key = config.get('unique_key') %}
    {% set hard_deletes = adapter.get_hard_deletes_behavior(config) %}
    {% set updated_at = config.get('updated_at') or snapshot_get_time() %}
    {% set column_added, check_cols = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) %}

    {% set row_changed -%}
    (
    {%- if column_added -%}
        {{ get_true_sql() }}
    {%- else -%}
        {%- for column in check_cols -%}
            {%- set old = snapshotted_rel ~ '.' ~ column -%}
            {%- set new = current_rel ~ '.' ~ column -%}
        {{ old }} != {{ new }}
        or
        (
            (({{ old }} is null) and not ({{ new }} is null))
            or
            ((not {{ old }} is null) and ({{ new }} is null))
        )
        {%- if not loop.last %} or {% endif -%}
        {%- endfor -%}
    {%- endif -%}
    )
    {%- endset %}

    {{ return({
        'unique_key': unique_key,
        'updated_at': updated_at,
        'row_changed': row_changed,
        'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
        'invalidate_hard_deletes': hard_deletes == 'invalidate',
        'hard_deletes': hard_deletes,
    }) }}
{%- endmacro %}
