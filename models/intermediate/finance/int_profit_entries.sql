with invoices as (

    select * from {{ ref('stg_invoices') }}

),

contracts as (

    select * from {{ ref('stg_contracts') }}

),

expenses as (

    select * from {{ ref('stg_expenses') }}

),

revenue_entries as (

    select
        {{ month_of('invoices.issued_on') }} as month,
        contracts.unit,
        'revenue' as entry_type,
        'invoices' as category,
        invoices.amount
    from invoices
    inner join contracts
        on contracts.contract_id = invoices.contract_id
    where not invoices.is_void

),

expense_entries as (

    select
        {{ month_of('spent_on') }} as month,
        unit,
        cost_type as entry_type,
        category,
        amount
    from expenses

),

entries as (

    select * from revenue_entries
    union all
    select * from expense_entries

),

final as (

    select
        month,
        unit,
        entry_type,
        category,
        sum(amount) as amount
    from entries
    group by
        month,
        unit,
        entry_type,
        category

)

select * from final
