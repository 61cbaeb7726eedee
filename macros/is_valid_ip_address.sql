{% macro is_valid_ip_address(address) -%}
    {%- set number_to_255 = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])' -%}
    {{ address }} ~ '^({{ number_to_255 }}[.]){3}{{ number_to_255 }}$'
{%- endmacro %}
