-- depends_on: {{ ref('raw_product_events') }}

with source as (

    select * from {{ source('product', 'product_events') }}

),

final as (

    select
        event_id,
        account_id,
        user_id,
        unit,
        event_type,
        -- An address that cannot be one is worth less than none.
        case
            when {{ is_valid_ip_address('ip_address') }} then ip_address
        end as ip_address,
        occurred_at,
        cast(occurred_at as date) as occurred_on,
        received_at
    from source

)

select * from final
