-- depends_on: {{ ref('raw_expenses') }}

with source as (

    select * from {{ source('billing', 'expenses') }}

),

categories as (

    select * from {{ ref('expense_categories') }}

),

final as (

    select
        source.expense_id,
        source.spent_on,
        source.unit,
        -- Bookkeeping renamed a category; the old rows keep the old name.
        categories.category,
        categories.cost_type,
        source.amount
    from source
    left join categories
        on categories.recorded_as = source.category

)

select * from final
