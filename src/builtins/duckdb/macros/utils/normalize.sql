{# A config that may be a text or a list of texts, as a list; raises on anything else. #}
{% macro normalize_string_or_list(raw, field_name) -%}
    {%- if raw is none -%}
        {{ return([]) }}
    {%- elif raw is string -%}
        {{ return([raw]) }}
    {%- elif raw is mapping or raw is not sequence -%}
        {{ exceptions.raise_compiler_error(field_name ~ ' must be a list of strings or a string') }}
    {%- endif -%}
    {%- for text in raw if text is not string -%}
        {%- do exceptions.raise_compiler_error(field_name ~ ' list values must be non-empty strings') -%}
    {%- endfor -%}
    {{ return(raw | list) }}
{%- endmacro %}
