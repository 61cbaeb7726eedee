with unit_profit as (

    select
        month,
        sum(revenue) as revenue,
        sum(gross_profit) as gross_profit,
        sum(profit) as profit
    from {{ ref('unit_profit') }}
    group by month

),

shared_expenses as (

    select
        month,
        sum(amount) as amount
    from {{ ref('int_profit_entries') }}
    where unit = 'shared'
    group by month

),

months as (

    select
        unit_profit.month,
        unit_profit.revenue,
        unit_profit.gross_profit,
        unit_profit.profit as profit_of_units,
        coalesce(shared_expenses.amount, 0) as shared_expenses,
        unit_profit.profit - coalesce(shared_expenses.amount, 0) as profit
    from unit_profit
    left join shared_expenses
        on shared_expenses.month = unit_profit.month

),

final as (

    select
        month,
        revenue,
        gross_profit,
        profit_of_units,
        shared_expenses,
        profit,
        sum(profit) over (order by month) as profit_to_date,
        cast(100 * profit / nullif(revenue, 0) as numeric(9, 1)) as profit_percent
    from months

)

select * from final
