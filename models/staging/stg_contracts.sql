-- depends_on: {{ ref('raw_contracts') }}

with source as (

    select * from {{ source('crm', 'contracts') }}

),

final as (

    select
        contract_id,
        account_id,
        unit,
        plan,
        price_per_license,
        licenses,
        licenses * price_per_license as monthly_price,
        started_on,
        ended_on,
        ended_on is null as is_active,
        updated_at
    from source

)

select * from final
