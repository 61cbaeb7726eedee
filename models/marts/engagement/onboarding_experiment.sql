with accounts as (

    select * from {{ ref('stg_accounts') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

variants as (

    select
        accounts.onboarding_variant,
        count(distinct accounts.account_id) as accounts,
        count(distinct sessions.account_id) as active_accounts,
        count(distinct sessions.user_id) as active_users,
        count(sessions.session_id) as sessions,
        coalesce(sum(sessions.activity_seconds), 0) as activity_seconds
    from accounts
    left join sessions
        on sessions.account_id = accounts.account_id
    group by accounts.onboarding_variant

),

final as (

    select
        onboarding_variant,
        accounts,
        active_accounts,
        active_users,
        sessions,
        {{ minutes('activity_seconds') }} as activity_minutes,
        {{ minutes('1.0 * activity_seconds / nullif(active_users, 0)') }} as activity_minutes_per_user
    from variants

)

select * from final
