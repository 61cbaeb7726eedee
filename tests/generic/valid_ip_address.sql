{# Fails for every row whose address is not an IPv4 address. Null is no address at all, and passes. #}

{% test valid_ip_address(model, column_name) %}

select {{ column_name }}
from {{ model }}
where not ({{ is_valid_ip_address(column_name) }})

{% endtest %}
