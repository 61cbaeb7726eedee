{{ config(materialized='table') }}

with orders as (

    select * from {{ ref('stg_orders') }}

),

final as (

    select
        customer_name,
        count(*) as n_orders,
        sum(case when is_paid then amount else 0 end) as paid_amount,
        max(ordered_on) as last_ordered_on
    from orders
    group by customer_name

)

select * from final
