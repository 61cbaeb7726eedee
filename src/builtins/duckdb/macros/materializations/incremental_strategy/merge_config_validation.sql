{# Raises one error with all that is wrong in the merge configs of a model. #}
{% macro validate_merge_config(config, target_relation=none) -%}
    {%- set fields = {
        'merge_update_condition': 'string',
        'merge_insert_condition': 'string',
        'merge_on_using_columns': 'sequence',
        'merge_update_columns': 'sequence',
        'merge_update_set_expressions': 'mapping',
        'merge_exclude_columns': 'sequence',
        'merge_returning_columns': 'sequence',
    } -%}
    {%- set errors = [] -%}
    {%- for name, kind in fields.items() -%}
        {%- if kind == 'string' -%}
            {%- do validate_string_field(config.get(name), name, errors) -%}
        {%- elif kind == 'sequence' -%}
            {%- do validate_string_list_field(config.get(name), name, errors) -%}
        {%- else -%}
            {%- do validate_dict_field(config.get(name), name, errors) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do validate_merge_clauses(config, fields, errors) -%}
    {%- if not errors -%}
        {%- do validate_ducklake_restrictions(config, target_relation, errors) -%}
    {%- endif -%}
    {%- if errors -%}
        {{ exceptions.raise_compiler_error('MERGE configuration errors:\n' ~ errors | join('\n')) }}
    {%- endif -%}
{%- endmacro %}


{# Adds to `errors` what is wrong in `merge_clauses`, and the configs that it makes idle. #}
{% macro validate_merge_clauses(config, base_configuration_fields, errors) -%}
    {%- set clauses = config.get('merge_clauses') -%}
    {%- if clauses is none -%}
        {{ return(none) }}
    {%- elif clauses is not mapping -%}
        {%- do errors.append('merge_clauses must be a dictionary, found: ' ~ clauses) -%}
        {{ return(none) }}
    {%- endif -%}

    {%- if 'when_matched' not in clauses and 'when_not_matched' not in clauses -%}
        {%- do errors.append("merge_clauses must contain at least one of 'when_matched' or 'when_not_matched' keys") -%}
    {%- endif -%}
    {%- for clause_type in ['when_matched', 'when_not_matched'] if clause_type in clauses -%}
        {%- do validate_merge_clause_list(clauses, clause_type, errors) -%}
    {%- endfor -%}

    {%- set idle = [] -%}
    {%- for name, kind in base_configuration_fields.items() if name not in ['merge_on_using_columns', 'merge_returning_columns'] -%}
        {%- set value = config.get(name) -%}
        {%- if value is not none and (kind == 'string' or value | length > 0) -%}
            {%- do idle.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if idle -%}
        {%- do errors.append('When merge_clauses is specified, the following basic merge configurations will be ignored and should be removed: ' ~ idle | join(', ') ~ '. Define your merge behavior within merge_clauses instead.') -%}
    {%- endif -%}
{%- endmacro %}


{# Adds to `errors` what is wrong in one list of merge clauses. #}
{% macro validate_merge_clause_list(merge_clauses, clause_type, errors) -%}
    {%- set clauses = merge_clauses.get(clause_type) -%}
    {%- set name = 'merge_clauses.' ~ clause_type -%}
    {%- if clauses is not sequence or clauses is mapping or clauses is string -%}
        {%- do errors.append(name ~ ' must be a list') -%}
    {%- elif clauses | length == 0 -%}
        {%- do errors.append(name ~ ' must contain at least one element') -%}
    {%- else -%}
        {%- for clause in clauses if clause is not mapping -%}
            {%- do errors.append(name ~ ' elements must be dictionaries, found: ' ~ clause) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{# Adds to `errors` what DuckLake cannot do in a merge. #}
{% macro validate_ducklake_restrictions(config, target_relation, errors) -%}
    {%- if not target_relation or not adapter.is_ducklake(target_relation) -%}
        {{ return(none) }}
    {%- endif -%}

    {%- if config.get('merge_returning_columns') -%}
        {%- do errors.append('DuckLake MERGE restrictions: merge_returning_columns is not supported because DuckLake does not support RETURNING.') -%}
    {%- endif -%}
    {%- set clauses = config.get('merge_clauses') or {} -%}
    {%- set changes = [] -%}
    {%- for clause in clauses.get('when_matched', []) + clauses.get('when_not_matched', []) if clause.get('action') in ['update', 'delete'] -%}
        {%- do changes.append(clause) -%}
    {%- endfor -%}
    {%- if changes | length > 1 -%}
        {%- do errors.append('DuckLake MERGE restrictions: merge_clauses can contain only a single UPDATE or DELETE action across when_matched and when_not_matched. Found ' ~ changes | length ~ ' UPDATE/DELETE actions.') -%}
    {%- endif -%}
{%- endmacro %}
