-- The profit shown to investors is what was invoiced less what was spent.
-- Counted from staging, so that no row can get lost on the way.

with invoiced as (

    select sum(amount) as amount
    from {{ ref('stg_invoices') }}
    where not is_void

),

spent as (

    select sum(amount) as amount
    from {{ ref('stg_expenses') }}

),

reported as (

    select sum(profit) as amount
    from {{ ref('investor_profit') }}

)

select
    invoiced.amount as invoiced,
    spent.amount as spent,
    reported.amount as reported
from invoiced
cross join spent
cross join reported
where reported.amount <> invoiced.amount - spent.amount
