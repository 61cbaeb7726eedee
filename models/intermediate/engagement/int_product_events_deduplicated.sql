{{ config(materialized='ephemeral') }}

with events as (

    select * from {{ ref('stg_product_events') }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by event_id
            order by received_at
        ) as delivery
    from events

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
        received_at
    from numbered
    where delivery = 1

)

select * from final
