with accounts as (

    select * from {{ ref('stg_accounts') }}

),

contracts as (

    select
        account_id,
        count(*) as active_contracts,
        cast(sum(licenses) as integer) as licenses,
        sum(monthly_price) as recurring_revenue
    from {{ ref('stg_contracts') }}
    where is_active
    group by account_id

),

support_tickets as (

    select
        account_id,
        count(*) as tickets,
        count(case when is_open then ticket_id end) as open_tickets,
        max(hours_to_close) as longest_hours_to_close
    from {{ ref('stg_support_tickets') }}
    group by account_id

),

activity as (

    select
        account_id,
        count(distinct user_id) as active_users,
        max(occurred_on) as last_active_on
    from {{ ref('product_events') }}
    group by account_id

),

final as (

    select
        accounts.account_id,
        accounts.account_name,
        accounts.industry,
        accounts.country,
        coalesce(accounts.owner_email, 'nobody') as owner_email,
        accounts.signed_up_on,
        coalesce(contracts.active_contracts, 0) as active_contracts,
        coalesce(contracts.licenses, 0) as licenses,
        coalesce(contracts.recurring_revenue, 0) as recurring_revenue,
        coalesce(support_tickets.tickets, 0) as tickets,
        coalesce(support_tickets.open_tickets, 0) as open_tickets,
        support_tickets.longest_hours_to_close,
        coalesce(activity.active_users, 0) as active_users,
        activity.last_active_on
    from accounts
    left join contracts
        on contracts.account_id = accounts.account_id
    left join support_tickets
        on support_tickets.account_id = accounts.account_id
    left join activity
        on activity.account_id = accounts.account_id

)

select * from final
