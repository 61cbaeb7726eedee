with final as (

    {{ days_between(var('first_day'), var('last_day')) }}

)

select * from final
