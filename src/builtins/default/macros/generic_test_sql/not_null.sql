{# Fallback of `test_not_null`: the null rows, whole if failures are stored. #}
{% macro default__test_not_null(model, column_name) %}

select {{ '*' if should_store_failures() else column_name }}
from {{ model }}
where {{ column_name }} is null

{% endmacro %}
