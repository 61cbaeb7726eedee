{# The least exponent, from 1, whose power of two reaches a number; a project may override `get_powers_of_two`, an adapter `<adapter>__get_powers_of_two`. #}
{% macro get_powers_of_two(upper_bound) -%}
    {{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}
{%- endmacro %}

{# Fallback of `get_powers_of_two`. #}
{% macro default__get_powers_of_two(upper_bound) -%}
    {% if upper_bound <= 0 %}
        {{ exceptions.raise_compiler_error('upper bound must be positive') }}
    {% endif %}
    {% for exponent in range(1, 100) %}
        {% if 2 ** exponent >= upper_bound %}
            {{ return(exponent) }}
        {% endif %}
    {% endfor %}
{%- endmacro %}


{# A query of the numbers from 1, in column `generated_number`; a project may override `generate_series`, an adapter `<adapter>__generate_series`. #}
{% macro generate_series(upper_bound) -%}
    {{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}
{%- endmacro %}

{# Fallback of `generate_series`: binary digits joined with each other. #}
{% macro default__generate_series(upper_bound) %}

    {% set n_digits = dbt.get_powers_of_two(upper_bound) %}

    with p as (
        select 0 as generated_number union all select 1
    ), unioned as (

    select

    {% for i in range(n_digits) %}
    p{{ i }}.generated_number * power(2, {{ i }})
    {{ ' + ' if not loop.last }}
    {% endfor %}
    + 1
    as generated_number

    from

    {% for i in range(n_digits) %}
    p as p{{ i }}
    {{ ' cross join ' if not loop.last }}
    {% endfor %}

    )

    select *
    from unioned
    where generated_number <= {{ upper_bound }}
    order by generated_number

{% endmacro %}
