{# `datediff` for Postgres: each part counts from the next larger one. #}
{% macro postgres__datediff(first_date, second_date, datepart) %}
    {%- set days = ['(' ~ first_date ~ ')::date', '(' ~ second_date ~ ')::date'] -%}
    {%- set times = ['(' ~ first_date ~ ')::timestamp', '(' ~ second_date ~ ')::timestamp'] %}
    {% if datepart == 'year' %}
        (date_part('year', {{ days[1] }}) - date_part('year', {{ days[0] }}))
    {% elif datepart == 'quarter' %}
        ({{ datediff(first_date, second_date, 'year') }} * 4 + date_part('quarter', {{ days[1] }}) - date_part('quarter', {{ days[0] }}))
    {% elif datepart == 'month' %}
        ({{ datediff(first_date, second_date, 'year') }} * 12 + date_part('month', {{ days[1] }}) - date_part('month', {{ days[0] }}))
    {% elif datepart == 'day' %}
        ({{ days[1] }} - {{ days[0] }})
    {% elif datepart == 'week' %}
        ({{ datediff(first_date, second_date, 'day') }} / 7 + case
            when date_part('dow', {{ times[0] }}) <= date_part('dow', {{ times[1] }}) then
                case when {{ first_date }} <= {{ second_date }} then 0 else -1 end
            else
                case when {{ first_date }} <= {{ second_date }} then 1 else 0 end
        end)
    {% elif datepart == 'hour' %}
        ({{ datediff(first_date, second_date, 'day') }} * 24 + date_part('hour', {{ times[1] }}) - date_part('hour', {{ times[0] }}))
    {% elif datepart == 'minute' %}
        ({{ datediff(first_date, second_date, 'hour') }} * 60 + date_part('minute', {{ times[1] }}) - date_part('minute', {{ times[0] }}))
    {% elif datepart in ['second', 'millisecond', 'microsecond'] %}
        {%- set per_minute = {'second': 60, 'millisecond': 60000, 'microsecond': 60000000}[datepart] %}
        ({{ datediff(first_date, second_date, 'minute') }} * {{ per_minute }} + floor(date_part('{{ datepart }}', {{ times[1] }})) - floor(date_part('{{ datepart }}', {{ times[0] }})))
    {% else %}
        {{ exceptions.raise_compiler_error("Unsupported datepart for macro datediff in postgres: '" ~ datepart ~ "'") }}
    {% endif %}
{% endmacro %}
