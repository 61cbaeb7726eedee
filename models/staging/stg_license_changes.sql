-- depends_on: {{ ref('raw_license_changes') }}

with source as (

    select * from {{ source('crm', 'license_changes') }}

),

final as (

    select
        change_id,
        contract_id,
        changed_on,
        license_change,
        reason
    from source

)

select * from final
