{# The statements that write column descriptions into the database; a project may override `alter_column_comment`, an adapter `<adapter>__alter_column_comment`. #}
{% macro alter_column_comment(relation, column_dict) -%}
    {{ return(adapter.dispatch('alter_column_comment', 'dbt')(relation, column_dict)) }}
{%- endmacro %}

{# Fallback of `alter_column_comment`: raises, because only an adapter can know the answer. #}
{% macro default__alter_column_comment(relation, column_dict) -%}
    {{ exceptions.raise_not_implemented('alter_column_comment macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# The statement that writes a relation's description into the database; a project may override `alter_relation_comment`, an adapter `<adapter>__alter_relation_comment`. #}
{% macro alter_relation_comment(relation, relation_comment) -%}
    {{ return(adapter.dispatch('alter_relation_comment', 'dbt')(relation, relation_comment)) }}
{%- endmacro %}

{# Fallback of `alter_relation_comment`: raises, because only an adapter can know the answer. #}
{% macro default__alter_relation_comment(relation, relation_comment) -%}
    {{ exceptions.raise_not_implemented('alter_relation_comment macro not implemented for adapter ' ~ adapter.type()) }}
{%- endmacro %}


{# Writes descriptions into the database where `persist_docs` asks for it; a project may override `persist_docs`, an adapter `<adapter>__persist_docs`. #}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
    {{ return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) }}
{%- endmacro %}

{# The documented columns that exist in the database; warns of the others. #}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) -%}
    {% set lower_names = existing_column_names | map('lower') | list %}
    {% set found = {} %}
    {% set missing = [] %}
    {% for name in column_dict %}
        {% set exists = name in existing_column_names if column_dict[name]['quote'] else name | lower in lower_names %}
        {% if exists %}
            {% do found.update({name: column_dict[name]}) %}
        {% else %}
            {% do missing.append(name) %}
        {% endif %}
    {% endfor %}
    {% if missing %}
        {% do exceptions.warn("In relation " ~ relation.render() ~ ": The following columns are specified in the schema but are not present in the database: " ~ missing | join(", ")) %}
    {% endif %}
    {{ return(found) }}
{%- endmacro %}

{# Fallback of `persist_docs`: the relation first, then its columns. #}
{% macro default__persist_docs(relation, model, for_relation, for_columns) -%}
    {% if for_relation and model.description and config.persist_relation_docs() %}
        {% do run_query(alter_relation_comment(relation, model.description)) %}
    {% endif %}
    {% if for_columns and model.columns and config.persist_column_docs() %}
        {% set existing_names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list %}
        {% set comments = alter_column_comment(relation, validate_doc_columns(relation, model.columns, existing_names)) %}
        {% if comments and comments | trim %}
            {% do run_query(comments) %}
        {% endif %}
    {% endif %}
{%- endmacro %}
