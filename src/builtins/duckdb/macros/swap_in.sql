{# `swap_in_relation` for DuckDB: DDL is part of the transaction, so the old relation is dropped in it and needs no backup; its indexes go with it. #}
{% macro duckdb__swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) -%}
    {% if existing_relation is not none and adapter.disable_transactions() %}
        {% do drop_indexes_on_relation(existing_relation) %}
        {{ return(default__swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation)) }}
    {% endif %}
    {% do adapter.ensure_transaction() %}
    {{ drop_relation_if_exists(existing_relation) }}
    {% do adapter.rename_relation(intermediate_relation, target_relation) %}
    {{ return(none) }}
{%- endmacro %}
