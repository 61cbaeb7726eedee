{# Fails for every day that is followed by a later day than the next one. #}

{% test no_gap_in_days(model, column_name) %}

with days as (

    select distinct {{ column_name }} as date_day
    from {{ model }}

),

followed as (

    select
        date_day,
        lead(date_day) over (order by date_day) as next_day
    from days

)

select
    date_day,
    next_day
from followed
where {{ dbt.datediff('date_day', 'next_day', 'day') }} > 1

{% endtest %}
