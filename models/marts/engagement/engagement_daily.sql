with events as (

    select * from {{ ref('product_events') }}

),

sessions as (

    select * from {{ ref('int_sessions') }}

),

days as (

    select date_day
    from {{ ref('int_days') }}
    where date_day >= (select min(occurred_on) from events)

),

active_days as (

    select distinct
        user_id,
        occurred_on
    from events

),

active_users as (

    select
        days.date_day,
        count(distinct case
            when active_days.occurred_on = days.date_day
                then active_days.user_id
        end) as daily_active_users,
        count(distinct case
            when active_days.occurred_on > {{ dbt.dateadd('day', -7, 'days.date_day') }}
                then active_days.user_id
        end) as weekly_active_users,
        count(distinct active_days.user_id) as monthly_active_users
    from days
    left join active_days
        on active_days.occurred_on > {{ dbt.dateadd('day', -30, 'days.date_day') }}
        and active_days.occurred_on <= days.date_day
    group by days.date_day

),

activity as (

    select
        started_on,
        count(*) as sessions,
        {{ minutes('sum(activity_seconds)') }} as activity_minutes
    from sessions
    group by started_on

),

final as (

    select
        active_users.date_day,
        active_users.daily_active_users,
        active_users.weekly_active_users,
        active_users.monthly_active_users,
        coalesce(activity.sessions, 0) as sessions,
        coalesce(activity.activity_minutes, 0) as activity_minutes
    from active_users
    left join activity
        on activity.started_on = active_users.date_day

)

select * from final
