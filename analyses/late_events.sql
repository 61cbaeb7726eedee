-- How late do product events arrive? Not built, only compiled:
-- `kiln show -s late_events` runs it.

with events as (

    select * from {{ ref('product_events') }}

),

delayed as (

    select
        event_id,
        {{ dbt.datediff('occurred_at', 'received_at', 'day') }} as days_late
    from events

),

final as (

    select
        days_late,
        count(*) as events
    from delayed
    group by days_late

)

select * from final
order by days_late
