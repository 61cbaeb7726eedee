{# Where an external model is written unless configured: a file, or a folder if it is partitioned; a project may override it. #}
{% macro external_location(relation, config) -%}
    {%- set is_folder = config.get('options', {}).get('partition_by') is not none -%}
    {{ adapter.external_root() }}/{{ relation.identifier }}{{ '.' ~ config.get('format', 'parquet') if not is_folder }}
{%- endmacro %}
