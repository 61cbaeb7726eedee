with orders as (

    select * from {{ ref('raw_orders') }}

),

final as (

    select
        order_id,
        customer as customer_name,
        ordered_on,
        amount,
        status,
        status = 'paid' as is_paid
    from orders

)

select * from final
