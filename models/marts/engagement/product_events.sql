{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='event_id',
        on_schema_change='append_new_columns'
    )
}}

with events as (

    select * from {{ ref('int_product_events_deduplicated') }}

    {% if is_incremental() %}
    -- New is what *arrived* since the last run, whenever it happened: an event
    -- from last week that comes in today is taken in today. The hours before
    -- the last arrival are read again, because arrivals can overtake each
    -- other; `unique_key` keeps the rows that were there already from doubling.
    where received_at > (
        select
            coalesce(
                {{ dbt.dateadd('hour', -var('reread_hours'), 'max(received_at)') }},
                cast('1970-01-01' as timestamp)
            )
        from {{ this }}
    )
    {% endif %}

),

final as (

    select
        event_id,
        account_id,
        user_id,
        unit,
        event_type,
        ip_address,
        occurred_at,
        occurred_on,
        received_at,
        {{ dbt.datediff('occurred_at', 'received_at', 'hour') }} >= 24 as is_late
    from events

)

select * from final
