-- depends_on: {{ ref('raw_support_tickets') }}

with source as (

    select * from {{ source('helpdesk', 'support_tickets') }}

),

final as (

    select
        ticket_id,
        account_id,
        unit,
        priority,
        subject,
        opened_at,
        closed_at,
        closed_at is null as is_open,
        cast({{ dbt.datediff('opened_at', 'closed_at', 'hour') }} as integer) as hours_to_close
    from source

)

select * from final
