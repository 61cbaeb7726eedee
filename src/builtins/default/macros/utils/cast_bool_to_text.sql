{# The SQL of a boolean as text; a project may override `cast_bool_to_text`, an adapter `<adapter>__cast_bool_to_text`. #}
{% macro cast_bool_to_text(field) %}
  {{ adapter.dispatch('cast_bool_to_text', 'dbt')(field) }}
{% endmacro %}

{# Fallback of `cast_bool_to_text`. #}
{% macro default__cast_bool_to_text(field) %}
    cast({{ field }} as {{ api.Column.translate_type('string') }})
{% endmacro %}
