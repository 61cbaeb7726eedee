{# The head of the statement that creates a function: in DuckDB a function in SQL is a macro, which has no types of arguments. #}
{% macro duckdb__scalar_function_create_replace_signature_sql(target_relation) %}
    create or replace function {{ target_relation.render() }}({{ formatted_scalar_function_args_sql() }}) as
    {%- do scalar_function_volatility_sql() %}
{% endmacro %}


{# The arguments of a function for DuckDB: names, and values for those that need not be given. #}
{% macro duckdb__formatted_scalar_function_args_sql() %}
    {%- set args = [] -%}
    {%- for arg in model.arguments -%}
        {%- set default = arg.get('default_value', none) -%}
        {%- do args.append(arg.name ~ (' := ' ~ default if default is not none else '')) -%}
    {%- endfor -%}
    {{ args | join(', ') }}
{% endmacro %}


{# The body of a function for DuckDB: an expression or a query, cast to the type that is declared. #}
{% macro duckdb__scalar_function_body_sql() %}
    (cast((
        {{ model.compiled_code }}
    ) as {{ model.returns.data_type }}))
{% endmacro %}


{# DuckDB knows from the body whether a function returns the same; what is configured has no effect. #}
{% macro duckdb__scalar_function_volatility_sql() %}
    {%- set volatility = model.config.get('volatility') -%}
    {%- if volatility is not none -%}
        {%- do unsupported_volatility_warning(volatility) -%}
    {%- endif -%}
{% endmacro %}


{# The statement that creates an aggregate function for DuckDB: a macro may aggregate. #}
{% macro duckdb__aggregate_function_sql(target_relation) %}
    {{ scalar_function_sql(target_relation) }}
{% endmacro %}
