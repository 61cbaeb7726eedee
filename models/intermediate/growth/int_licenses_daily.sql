with days as (

    select * from {{ ref('int_days') }}

),

contracts as (

    select * from {{ ref('stg_contracts') }}

),

license_changes as (

    select * from {{ ref('stg_license_changes') }}

),

licensed_days as (

    select
        days.date_day,
        license_changes.contract_id,
        cast(sum(license_changes.license_change) as integer) as licenses
    from days
    inner join license_changes
        on license_changes.changed_on <= days.date_day
    group by
        days.date_day,
        license_changes.contract_id

),

final as (

    select
        licensed_days.date_day,
        licensed_days.contract_id,
        contracts.account_id,
        contracts.unit,
        licensed_days.licenses,
        licensed_days.licenses * contracts.price_per_license as recurring_revenue
    from licensed_days
    inner join contracts
        on contracts.contract_id = licensed_days.contract_id
    where licensed_days.licenses > 0

)

select * from final
