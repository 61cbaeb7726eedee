{# The statement that drops the backup of a relation; a project may override it, an adapter `<adapter>__get_drop_backup_sql`. #}
{% macro get_drop_backup_sql(relation) -%}
    {%- do log('Applying DROP BACKUP to: ' ~ relation) -%}
    {{ return(adapter.dispatch('get_drop_backup_sql', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_drop_backup_sql`. #}
{% macro default__get_drop_backup_sql(relation) -%}
    -- the name of the backup
    {% set backup_relation = make_backup_relation(relation, relation.type) %}

    {{ get_drop_sql(backup_relation) }}
{%- endmacro %}
