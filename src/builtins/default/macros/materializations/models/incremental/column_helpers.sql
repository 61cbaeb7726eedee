{# Column names, quoted and separated by commas. #}
{% macro get_quoted_csv(column_names) -%}
    {% set quoted = [] %}
    {% for name in column_names %}
        {% do quoted.append(adapter.quote(name)) %}
    {% endfor %}
    {{ return(quoted | join(', ')) }}
{%- endmacro %}


{# The source columns whose names the target does not have; types are not compared. #}
{% macro diff_columns(source_columns, target_columns) -%}
    {% set target_names = target_columns | map(attribute='column') | list %}
    {{ return(source_columns | rejectattr('name', 'in', target_names) | list) }}
{%- endmacro %}


{# The target columns that need another type, as dicts of column_name and new_type; a project may override `diff_column_data_types`, an adapter `<adapter>__diff_column_data_types`. #}
{% macro diff_column_data_types(source_columns, target_columns) -%}
    {{ return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) }}
{%- endmacro %}

{# Fallback of `diff_column_data_types`: types that differ and that widening alone does not mend. #}
{% macro default__diff_column_data_types(source_columns, target_columns) -%}
    {% set changes = [] %}
    {% for source in source_columns %}
        {% for target in target_columns if target.name == source.name %}
            {% if loop.first
                and source.expanded_data_type != target.expanded_data_type
                and not source.can_expand_to(other_column=target) %}
                {% do changes.append({'column_name': target.name, 'new_type': source.expanded_data_type}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(changes) }}
{%- endmacro %}


{# The columns that a merge updates; a project may override `get_merge_update_columns`, an adapter `<adapter>__get_merge_update_columns`. #}
{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
    {{ return(adapter.dispatch('get_merge_update_columns', 'dbt')(merge_update_columns, merge_exclude_columns, dest_columns)) }}
{%- endmacro %}

{# Fallback of `get_merge_update_columns`: the configured ones, or all but the excluded ones, or all. #}
{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
    {% if merge_update_columns and merge_exclude_columns %}
        {{ exceptions.raise_compiler_error('Model cannot specify merge_update_columns and merge_exclude_columns. Please update model to use only one config') }}
    {% elif merge_update_columns %}
        {{ return(merge_update_columns) }}
    {% endif %}

    {% set excluded = (merge_exclude_columns or []) | map('lower') | list %}
    {% set updated = [] %}
    {% for column in dest_columns if column.column | lower not in excluded %}
        {% do updated.append(column.quoted) %}
    {% endfor %}
    {{ return(updated) }}
{%- endmacro %}
