with entries as (

    select *
    from {{ ref('int_profit_entries') }}
    where unit <> 'shared'

),

totals as (

    select
        month,
        unit,
        sum(case when entry_type = 'revenue' then amount else 0 end) as revenue,
        sum(case when entry_type = 'cost_of_revenue' then amount else 0 end) as cost_of_revenue,
        sum(case when entry_type = 'operating' then amount else 0 end) as operating_expenses
    from entries
    group by
        month,
        unit

),

final as (

    select
        month,
        unit,
        revenue,
        cost_of_revenue,
        revenue - cost_of_revenue as gross_profit,
        operating_expenses,
        revenue - cost_of_revenue - operating_expenses as profit
    from totals

)

select * from final
