with licensed_days as (

    select * from {{ ref('int_licenses_daily') }}

),

totals as (

    select
        date_day,
        cast(sum(licenses) as integer) as licenses,
        count(distinct account_id) as accounts,
        sum(recurring_revenue) as recurring_revenue
    from licensed_days
    group by date_day

),

final as (

    select
        date_day,
        licenses,
        licenses - lag(licenses) over (order by date_day) as licenses_change,
        accounts,
        accounts - lag(accounts) over (order by date_day) as accounts_change,
        recurring_revenue,
        recurring_revenue - lag(recurring_revenue) over (order by date_day) as recurring_revenue_change
    from totals

)

select * from final
