{# Drops the tables whose foreign keys lead to a relation, so that it can be replaced, and returns their backups.

   DuckDB neither renames nor drops a referenced table, nor drops a foreign key by itself. Only tables that this run
   builds anew afterwards are dropped; any other is an error, so that no data is lost. Foreign keys stay within a schema. #}
{% macro drop_foreign_key_dependents(relation) -%}
    {% set database = adapter.escape_sql_string(relation.database) %}
    {% set schema = adapter.escape_sql_string(relation.schema) %}
    {% set identifier = adapter.escape_sql_string(relation.identifier) %}
    {% call statement('get_foreign_key_dependents', fetch_result=True) %}
        with recursive foreign_keys as (
            select table_name, referenced_table
            from duckdb_constraints()
            where constraint_type = 'FOREIGN KEY'
                and lower(database_name) = lower('{{ database }}')
                and lower(schema_name) = lower('{{ schema }}')
                and lower(table_name) <> lower(referenced_table)
        ),

        steps(table_name, depth) as (
            select table_name, 1
            from foreign_keys
            where lower(referenced_table) = lower('{{ identifier }}')
            union
            select foreign_keys.table_name, steps.depth + 1
            from foreign_keys
            join steps on lower(foreign_keys.referenced_table) = lower(steps.table_name)
        ),

        dependents as (
            select table_name, max(depth) as depth
            from steps
            group by table_name
        )

        select dependents.table_name, dependents.depth, foreign_keys.referenced_table
        from dependents
        join foreign_keys on foreign_keys.table_name = dependents.table_name
        order by dependents.depth desc, dependents.table_name, foreign_keys.referenced_table
    {% endcall %}

    {# The farthest come first, which is the order to drop them in. #}
    {% set references = {} %}
    {% for row in load_result('get_foreign_key_dependents').table %}
        {% if row[0] not in references %}
            {% do references.update({row[0]: []}) %}
        {% endif %}
        {% do references[row[0]].append(row[2] | lower) %}
    {% endfor %}
    {% if not references %}
        {{ return([]) }}
    {% endif %}

    {# The models that build these tables. #}
    {% set builders = {} %}
    {% set ids = {relation.identifier | lower: model.unique_id} %}
    {% for node in graph.nodes.values() if node.resource_type == 'model'
        and (node.database or '') | lower == (relation.database or '') | lower
        and node.schema | lower == relation.schema | lower %}
        {% for table in references if table | lower == (node.alias or node.name) | lower %}
            {% do builders.update({table: node}) %}
            {% do ids.update({table | lower: node.unique_id}) %}
        {% endfor %}
    {% endfor %}

    {% set problems = [] %}
    {% for table, referenced_tables in references.items() %}
        {% set node = builders.get(table) %}
        {% set parents = [] %}
        {% for referenced in referenced_tables if node and ids.get(referenced) in node.depends_on.nodes %}
            {% do parents.append(referenced) %}
        {% endfor %}
        {% if node is none %}
            {% do problems.append(table ~ ' (not built by a dbt model in this project)') %}
        {% elif node.unique_id not in selected_resources %}
            {% do problems.append(table ~ ' (model ' ~ node.name ~ ' is not selected in this run)') %}
        {% elif not parents %}
            {% do problems.append(table ~ ' (model ' ~ node.name ~ ' does not ref() the table that its foreign key points at, so it may not be rebuilt afterwards; use `to: ref(...)` in the constraint)') %}
        {% else %}
            {% set full_refresh = flags.FULL_REFRESH if node.config.full_refresh is none else node.config.full_refresh %}
            {% if node.config.materialized != 'table' and not (node.config.materialized == 'incremental' and full_refresh) %}
                {% do problems.append(table ~ ' (model ' ~ node.name ~ ' is materialized as ' ~ node.config.materialized ~ ' and would lose its data; run with --full-refresh)') %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% if problems %}
        {% do exceptions.raise_compiler_error(
            'Cannot replace ' ~ relation ~ ' because DuckDB does not allow replacing a table that a foreign key references, '
            ~ 'and only tables that this run rebuilds can be dropped for it. Problem tables: ' ~ problems | join('; ')
        ) %}
    {% endif %}

    {% set dropped = [] %}
    {% for table in references %}
        {% set dependent = api.Relation.create(database=relation.database, schema=relation.schema, identifier=table, type='table') %}
        {% set backup = dependent.incorporate(path={'identifier': table ~ '__dbt_fk_backup'}, type='table') %}
        {% do adapter.drop_relation(backup) %}
        {% call statement('backup_foreign_key_dependent_' ~ loop.index) %}
            create table {{ backup }} as select * from {{ dependent }}
        {% endcall %}
        {% do log('Dropping ' ~ dependent ~ ' because it references ' ~ relation ~ ' through a foreign key; it is rebuilt later in this run', info=True) %}
        {% do adapter.drop_relation(dependent) %}
        {% do dropped.append({'relation': dependent, 'backup': backup}) %}
    {% endfor %}
    {{ return(dropped) }}
{%- endmacro %}


{# Gives the backups of dropped tables their names back, for readers until their models are rebuilt. #}
{% macro restore_foreign_key_dependents(dropped) -%}
    {% for table in dropped | reverse %}
        {% do log('Restoring data for ' ~ table['relation'] ~ '; its constraints are rebuilt later in this run', info=True) %}
        {% do adapter.rename_relation(table['backup'], table['relation']) %}
    {% endfor %}
{%- endmacro %}


{# The types of the constraints that the model's enforced contract declares. #}
{% macro enforced_constraint_types() -%}
    {% set types = [] %}
    {% set contract = config.get('contract') %}
    {% if contract and contract.enforced %}
        {% for constraint in model.get('constraints', []) %}
            {% do types.append(constraint.type) %}
        {% endfor %}
        {% for column in model.get('columns', {}).values() %}
            {% for constraint in column.get('constraints', []) %}
                {% do types.append(constraint.type) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(types) }}
{%- endmacro %}


{# The types of the key constraints that a table has in the database. #}
{% macro existing_constraint_types(relation) -%}
    {% if relation is none or not relation.is_table %}
        {{ return([]) }}
    {% endif %}
    {{ return(adapter.existing_key_constraint_types(relation)) }}
{%- endmacro %}


{# Whether the table has, or will have, foreign keys. Renaming such a table would leave its old name in the table
   that it references, which then could never be dropped; so it must be created under its final name. #}
{% macro has_foreign_key_constraints(relation=none) -%}
    {% if not adapter.catalog_supports_foreign_keys(this.database) %}
        {{ return(false) }}
    {% endif %}
    {{ return('foreign_key' in enforced_constraint_types() or 'foreign_key' in existing_constraint_types(relation)) }}
{%- endmacro %}


{# Whether foreign keys may point at the table: it has, or will have, a primary key or a unique constraint. #}
{% macro may_be_foreign_key_target(relation=none) -%}
    {% if not adapter.catalog_supports_foreign_keys(this.database) %}
        {{ return(false) }}
    {% endif %}
    {% set types = enforced_constraint_types() + existing_constraint_types(relation) %}
    {{ return('primary_key' in types or 'unique' in types) }}
{%- endmacro %}


{# Drops a relation that is rebuilt under the same name, and returns the backups of its dependents. #}
{% macro drop_relation_for_rebuild(relation) -%}
    {# In a transaction even where transactions are off, so that a failed build brings all of them back. #}
    {% do adapter.ensure_transaction() %}
    {% set dropped = [] %}
    {% if relation.is_table and may_be_foreign_key_target(relation) %}
        {% set dropped = drop_foreign_key_dependents(relation) %}
    {% endif %}
    {% do adapter.drop_relation(relation) %}
    {{ return(dropped) }}
{%- endmacro %}
