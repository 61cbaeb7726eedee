{% macro days_between(first_day, last_day) -%}
    select cast(days.date_day as date) as date_day
    from generate_series(
        cast('{{ first_day }}' as timestamp),
        cast('{{ last_day }}' as timestamp),
        interval '1 day'
    ) as days(date_day)
{%- endmacro %}
