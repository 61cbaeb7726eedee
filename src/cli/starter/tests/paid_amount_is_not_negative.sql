-- A test is a query for rows that should not be there.
select *
from {{ ref('customer_totals') }}
where paid_amount < 0
