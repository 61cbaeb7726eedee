{# What `clone` builds: a cloned table where the database can, else a view on the other relation. #}
{% materialization clone, default -%}
    {% if not defer_relation %}
        {{ log("No relation found in state manifest for " ~ model.unique_id, info=True) }}
        {{ return({'relations': []}) }}
    {% endif %}

    {% set existing_relation = load_cached_relation(this) %}
    {% if existing_relation and not flags.FULL_REFRESH %}
        {{ log("Relation " ~ existing_relation ~ " already exists", info=True) }}
        {{ return({'relations': []}) }}
    {% endif %}

    {% set other_relation = load_cached_relation(defer_relation) %}
    {% set can_clone = can_clone_table() %}

    {% if not (can_clone and other_relation and other_relation.type == 'table') %}
        {% set search_name = 'materialization_view_' ~ adapter.type() %}
        {% if search_name not in context %}
            {% set search_name = 'materialization_view_default' %}
        {% endif %}
        {{ return(context[search_name]()) }}
    {% endif %}

    {% set target_relation = this.incorporate(type='table') %}
    {% if existing_relation is not none and not existing_relation.is_table %}
        {% do log("Dropping relation " ~ existing_relation.render() ~ " because it is of type " ~ existing_relation.type) %}
        {{ drop_relation_if_exists(existing_relation) }}
    {% endif %}

    {% if target_relation.database == defer_relation.database
        and target_relation.schema == defer_relation.schema
        and target_relation.identifier == defer_relation.identifier %}
        {% do log("Target relation and defer relation are the same, skipping clone for relation: " ~ target_relation.render()) %}
    {% else %}
        {% call statement('main') %}
            {{ create_or_replace_clone(target_relation, defer_relation) }}
        {% endcall %}
    {% endif %}

    {% set revoke = should_revoke(existing_relation, full_refresh_mode=True) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
