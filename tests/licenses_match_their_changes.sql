-- A contract has as many licenses as its changes add up to.

with license_changes as (

    select
        contract_id,
        sum(license_change) as licenses
    from {{ ref('stg_license_changes') }}
    group by contract_id

)

select
    contracts.contract_id,
    contracts.licenses,
    license_changes.licenses as licenses_by_changes
from {{ ref('stg_contracts') }} as contracts
left join license_changes
    on license_changes.contract_id = contracts.contract_id
where contracts.licenses <> coalesce(license_changes.licenses, 0)
