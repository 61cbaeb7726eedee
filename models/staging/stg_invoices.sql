-- depends_on: {{ ref('raw_invoices') }}

with source as (

    select * from {{ source('billing', 'invoices') }}

),

final as (

    select
        invoice_id,
        contract_id,
        issued_on,
        amount,
        status,
        status = 'void' as is_void,
        paid_on
    from source

)

select * from final
