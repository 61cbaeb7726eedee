with events as (

    select * from {{ ref('product_events') }}

),

with_previous as (

    select
        account_id,
        user_id,
        event_id,
        occurred_at,
        lag(occurred_at) over (
            partition by user_id
            order by occurred_at, event_id
        ) as previous_at
    from events

),

with_session_starts as (

    select
        *,
        case
            when previous_at is null then 1
            when {{ dbt.datediff('previous_at', 'occurred_at', 'second') }} > 60 * {{ var('session_gap_minutes') }} then 1
            else 0
        end as starts_session
    from with_previous

),

with_session_numbers as (

    select
        *,
        sum(starts_session) over (
            partition by user_id
            order by occurred_at, event_id
        ) as session_number
    from with_session_starts

),

sessions as (

    select
        account_id,
        user_id,
        session_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events
    from with_session_numbers
    group by
        account_id,
        user_id,
        session_number

),

final as (

    select
        user_id || '/' || cast(session_number as {{ dbt.type_string() }}) as session_id,
        account_id,
        user_id,
        started_at,
        cast(started_at as date) as started_on,
        ended_at,
        events,
        cast({{ dbt.datediff('started_at', 'ended_at', 'second') }} as integer) as activity_seconds
    from sessions

)

select * from final
