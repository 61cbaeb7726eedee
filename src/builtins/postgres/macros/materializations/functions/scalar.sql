{# `formatted_scalar_function_args_sql` for Postgres: arguments may have defaults. #}
{% macro postgres__formatted_scalar_function_args_sql() %}
    {%- set args = [] -%}
    {%- for arg in model.arguments -%}
        {%- set default = arg.get('default_value', none) -%}
        {%- do args.append(arg.name ~ ' ' ~ arg.data_type ~ (' DEFAULT ' ~ default if default is not none else '')) -%}
    {%- endfor %}
    {{ args | join(', ') }}
{% endmacro %}
