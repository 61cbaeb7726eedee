-- depends_on: {{ ref('raw_accounts') }}

with source as (

    select * from {{ source('crm', 'accounts') }}

),

final as (

    select
        account_id,
        account_name,
        industry,
        country,
        owner_email,
        onboarding_variant,
        signed_up_on
    from source

)

select * from final
