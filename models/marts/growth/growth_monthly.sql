with days as (

    select
        *,
        {{ month_of('date_day') }} as month
    from {{ ref('growth_daily') }}

),

last_days as (

    select
        month,
        max(date_day) as last_day
    from days
    group by month

),

month_ends as (

    select
        days.month,
        days.licenses,
        days.accounts,
        days.recurring_revenue,
        lag(days.licenses) over (order by days.month) as licenses_before,
        lag(days.accounts) over (order by days.month) as accounts_before,
        lag(days.recurring_revenue) over (order by days.month) as recurring_revenue_before
    from days
    inner join last_days
        on last_days.last_day = days.date_day

),

final as (

    select
        month,
        licenses,
        {{ growth_percent('licenses', 'licenses_before') }} as licenses_growth_percent,
        accounts,
        {{ growth_percent('accounts', 'accounts_before') }} as accounts_growth_percent,
        recurring_revenue,
        {{ growth_percent('recurring_revenue', 'recurring_revenue_before') }} as recurring_revenue_growth_percent
    from month_ends

)

select * from final
