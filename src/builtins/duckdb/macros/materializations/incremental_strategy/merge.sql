{# The clause that says which rows a merge takes for the same: by columns in common, by key, or none. #}
{% macro duckdb__merge_join_clause(unique_key, merge_on_using_columns, incremental_predicates) -%}
    {%- set predicates = [] + (incremental_predicates or []) -%}
    {%- set matches = [] -%}
    {%- if not merge_on_using_columns -%}
        {% if not unique_key %}
            {% do matches.append('FALSE') %}
        {% else %}
            {% if unique_key is sequence and unique_key is not mapping and unique_key is not string %}
                {% for key in unique_key %}
                    {% do matches.append('DBT_INTERNAL_SOURCE.' ~ key ~ ' = DBT_INTERNAL_DEST.' ~ key) %}
                {% endfor %}
            {% else %}
                {% do matches.append('DBT_INTERNAL_SOURCE.' ~ unique_key ~ ' = DBT_INTERNAL_DEST.' ~ unique_key) %}
            {% endif %}
        {% endif %}
    {%- endif -%}
    {% if merge_on_using_columns %}
        USING ({{ merge_on_using_columns | join(', ') }})
        {%- if predicates %}
        ON ({{ predicates | join(') AND (') }})
        {%- endif %}
    {% else %}
        ON ({{ (matches + predicates) | join(') AND (') }})
    {% endif %}
{%- endmacro %}


{# `get_incremental_merge_sql` for DuckDB. #}
{% macro duckdb__get_incremental_merge_sql(args_dict) -%}
    {{ return(duckdb__get_merge_sql(
        args_dict['target_relation'], args_dict['temp_relation'], args_dict['unique_key'], args_dict['dest_columns'],
        normalize_incremental_predicates(args_dict.get('incremental_predicates'))
    )) }}
{%- endmacro %}


{# `get_merge_sql` for DuckDB: clauses from `merge_clauses`, or from the simpler merge configs. #}
{% macro duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- set predicates = normalize_incremental_predicates(incremental_predicates) -%}
    {{ validate_merge_config(config, target) }}

    {%- set sql_header = config.get('sql_header', none) -%}
    {%- set returning = config.get('merge_returning_columns', []) -%}
    {%- set included = config.get('merge_update_columns', []) -%}
    {%- set excluded = config.get('merge_exclude_columns', []) -%}
    {%- set expressions = config.get('merge_update_set_expressions', {}) -%}
    {%- set defaults = merge_clause_defaults(
        config.get('merge_update_condition', none), config.get('merge_insert_condition', none),
        included, excluded, expressions
    ) -%}
    {%- set update = defaults.when_matched_update_explicit if included or excluded or expressions else defaults.when_matched_update_by_name -%}
    {%- set clauses = config.get('merge_clauses', {}) -%}

    {{ sql_header if sql_header is not none }}

    MERGE INTO {{ target }} AS DBT_INTERNAL_DEST
        USING {{ source }} AS DBT_INTERNAL_SOURCE
        {{ duckdb__merge_join_clause(unique_key, config.get('merge_on_using_columns', []), predicates) }}

    {%- for clause in clauses.get('when_matched', [update]) %}
        {%- set action = clause.get('action') -%}
        {%- set mode = clause.get('mode') -%}
        {%- set condition = clause.get('condition') %}
    WHEN MATCHED
        {%- if condition %} AND {{ condition if condition is string else '(' ~ condition | join(') AND (') ~ ')' }}{% endif %}
    THEN
        {% if action == 'update' and mode == 'by_name' -%}
            UPDATE BY NAME
        {%- elif action == 'update' and mode == 'by_position' -%}
            UPDATE BY POSITION
        {%- elif action == 'update' and mode == 'star' -%}
            UPDATE SET *
        {%- elif action == 'update' and mode == 'explicit' -%}
            {%- set spec = clause.get('update', {}) -%}
            {%- set assignments = [] -%}
            {%- set set_expressions = spec.get('set_expressions', {}) -%}
            {%- for column, expression in set_expressions.items() -%}
                {%- do assignments.append(column ~ ' = ' ~ expression) -%}
            {%- endfor -%}
            {%- for column in get_merge_update_columns(spec.get('include', []), spec.get('exclude', []), dest_columns)
                if column.replace('"', '').replace("'", '') not in set_expressions -%}
                {%- do assignments.append(column ~ ' = DBT_INTERNAL_SOURCE.' ~ column) -%}
            {%- endfor -%}
            UPDATE SET
                {{ assignments | join(', ') }}
        {%- elif action == 'delete' %}
            DELETE
        {%- elif action == 'do_nothing' %}
            DO NOTHING
        {%- elif action == 'error' -%}
            ERROR{% if clause.get('error_message') %} '{{ clause.get('error_message') | replace("'", "''") }}'{% endif %}
        {%- endif %}
    {%- endfor %}

    {%- for clause in clauses.get('when_not_matched', [defaults.when_not_matched_insert_by_name]) %}
        {%- set action = clause.get('action') -%}
        {%- set mode = clause.get('mode') -%}
        {%- set condition = clause.get('condition') %}
    WHEN NOT MATCHED
        {% if clause.get('by') %}BY {{ clause.get('by') | upper }} {% endif %}
        {%- if condition %} AND {{ condition if condition is string else '(' ~ condition | join(') AND (') ~ ')' }}{% endif %}
    THEN
        {% if action == 'update' -%}
            {%- set assignments = [] -%}
            {%- for column, expression in clause.get('set_expressions', {}).items() -%}
                {%- do assignments.append(column ~ ' = ' ~ expression) -%}
            {%- endfor -%}
            UPDATE SET
            {{ assignments | join(', ') }}
        {%- elif action == 'insert' and mode == 'by_name' -%}
            INSERT BY NAME
        {%- elif action == 'insert' and mode == 'by_position' -%}
            INSERT BY POSITION
        {%- elif action == 'insert' and mode == 'star' -%}
            INSERT *
        {%- elif action == 'insert' and mode == 'explicit' -%}
            {%- set spec = clause.get('insert', {}) -%}
            INSERT
                ({{ spec.get('columns', []) | join(', ') }})
                VALUES ({{ spec.get('values', []) | join(', ') }})
        {%- elif action == 'delete' %}
            DELETE
        {%- elif action == 'do_nothing' %}
            DO NOTHING
        {%- elif action == 'error' -%}
            ERROR{% if clause.get('error_message') %} '{{ clause.get('error_message') | replace("'", "''") }}'{% endif %}
        {%- endif %}
    {%- endfor %}

    {%- if returning %}
    RETURNING {{ returning if returning is string else returning | join(', ') }}
    {%- endif %}
{% endmacro %}
