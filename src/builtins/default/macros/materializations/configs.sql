{# Sets the SQL that precedes a model's statement; called with a `call` block inside the model. #}
{% macro set_sql_header(config) -%}
    {{ config.set('sql_header', caller()) }}
{%- endmacro %}

{# Whether to rebuild from scratch: the node's `full_refresh`, else the flag. #}
{% macro should_full_refresh() -%}
    {% set configured = config.get('full_refresh') %}
    {{ return(flags.FULL_REFRESH if configured is none else configured) }}
{%- endmacro %}

{# Whether a test keeps its failing rows: its `store_failures`, else the flag. #}
{% macro should_store_failures() -%}
    {% set configured = config.get('store_failures') %}
    {{ return(flags.STORE_FAILURES if configured is none else configured) }}
{%- endmacro %}
