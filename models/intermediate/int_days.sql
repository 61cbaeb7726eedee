with final as (

    {{ days_between(var('first_day'), var('last_day')) | indent }}

)

select * from final
