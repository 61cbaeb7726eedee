{# Whether grants survive when a relation is replaced; a project may override `copy_grants`, an adapter `<adapter>__copy_grants`. #}
{% macro copy_grants() -%}
    {{ return(adapter.dispatch('copy_grants', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `copy_grants`: assume they do, at the price of one more query. #}
{% macro default__copy_grants() -%}
    {{ return(True) }}
{%- endmacro %}


{# Whether one statement may name several grantees; a project may override `support_multiple_grantees_per_dcl_statement`, an adapter `<adapter>__support_multiple_grantees_per_dcl_statement`. #}
{% macro support_multiple_grantees_per_dcl_statement() -%}
    {{ return(adapter.dispatch('support_multiple_grantees_per_dcl_statement', 'dbt')()) }}
{%- endmacro %}

{# Fallback of `support_multiple_grantees_per_dcl_statement`: it may. #}
{% macro default__support_multiple_grantees_per_dcl_statement() -%}
    {{ return(True) }}
{%- endmacro %}


{# Whether old grants may still be on the relation after this build; a project may override it. #}
{% macro should_revoke(existing_relation, full_refresh_mode=True) -%}
    {% if not existing_relation %}
        {{ return(False) }}
    {% endif %}
    {{ return(copy_grants() if full_refresh_mode else True) }}
{%- endmacro %}


{# The query that lists the grants of a relation; a project may override `get_show_grant_sql`, an adapter `<adapter>__get_show_grant_sql`. #}
{% macro get_show_grant_sql(relation) -%}
    {{ return(adapter.dispatch('get_show_grant_sql', 'dbt')(relation)) }}
{%- endmacro %}

{# Fallback of `get_show_grant_sql`. #}
{% macro default__get_show_grant_sql(relation) %}
    show grants on {{ relation.render() }}
{% endmacro %}


{# The statement that grants one privilege; a project may override `get_grant_sql`, an adapter `<adapter>__get_grant_sql`. #}
{% macro get_grant_sql(relation, privilege, grantees) -%}
    {{ return(adapter.dispatch('get_grant_sql', 'dbt')(relation, privilege, grantees)) }}
{%- endmacro %}

{# Fallback of `get_grant_sql`; grantees are written as configured. #}
{% macro default__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ privilege }} on {{ relation.render() }} to {{ grantees | join(', ') }}
{%- endmacro %}


{# The statement that takes one privilege away; a project may override `get_revoke_sql`, an adapter `<adapter>__get_revoke_sql`. #}
{% macro get_revoke_sql(relation, privilege, grantees) -%}
    {{ return(adapter.dispatch('get_revoke_sql', 'dbt')(relation, privilege, grantees)) }}
{%- endmacro %}

{# Fallback of `get_revoke_sql`; grantees come from the database and are quoted. #}
{% macro default__get_revoke_sql(relation, privilege, grantees) -%}
    {%- set names = [] -%}
    {%- for grantee in grantees -%}
        {%- do names.append(adapter.quote(grantee)) -%}
    {%- endfor -%}
    revoke {{ privilege }} on {{ relation.render() }} from {{ names | join(', ') }}
{%- endmacro %}


{# The list of grant or revoke statements for a grant config; a project may override `get_dcl_statement_list`, an adapter `<adapter>__get_dcl_statement_list`. #}
{% macro get_dcl_statement_list(relation, grant_config, get_dcl_macro) -%}
    {{ return(adapter.dispatch('get_dcl_statement_list', 'dbt')(relation, grant_config, get_dcl_macro)) }}
{%- endmacro %}

{# Fallback of `get_dcl_statement_list`; `get_dcl_macro` is get_grant_sql or get_revoke_sql. #}
{% macro default__get_dcl_statement_list(relation, grant_config, get_dcl_macro) -%}
    {%- set statements = [] -%}
    {%- for privilege, grantees in grant_config.items() -%}
        {%- if grantees and support_multiple_grantees_per_dcl_statement() -%}
            {%- do statements.append(get_dcl_macro(relation, privilege, grantees)) -%}
        {%- else -%}
            {%- for grantee in grantees -%}
                {%- do statements.append(get_dcl_macro(relation, privilege, [grantee])) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}


{# Runs grant and revoke statements; a project may override `call_dcl_statements`, an adapter `<adapter>__call_dcl_statements`. #}
{% macro call_dcl_statements(dcl_statement_list) -%}
    {{ return(adapter.dispatch('call_dcl_statements', 'dbt')(dcl_statement_list)) }}
{%- endmacro %}

{# Fallback of `call_dcl_statements`: one block, each statement closed by a semicolon. #}
{% macro default__call_dcl_statements(dcl_statement_list) -%}
    {% call statement('grants') %}
        {% for dcl_statement in dcl_statement_list %}
            {{ dcl_statement }};
        {% endfor %}
    {% endcall %}
{%- endmacro %}


{# Makes the grants of a relation equal to its config; a project may override `apply_grants`, an adapter `<adapter>__apply_grants`. #}
{% macro apply_grants(relation, grant_config, should_revoke) -%}
    {{ return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) }}
{%- endmacro %}

{# Fallback of `apply_grants`: compares with the grants in place if they may be old ones. #}
{% macro default__apply_grants(relation, grant_config, should_revoke=True) -%}
    {% if grant_config %}
        {% if should_revoke %}
            {% set in_place = adapter.standardize_grants_dict(run_query(get_show_grant_sql(relation))) %}
            {% set to_grant = diff_of_two_dicts(grant_config, in_place) %}
            {% set to_revoke = diff_of_two_dicts(in_place, grant_config) %}
            {% if not to_grant and not to_revoke %}
                {% do log('On ' ~ relation.render() ~ ': All grants are in place, no revocation or granting needed.') %}
            {% endif %}
        {% else %}
            {% set to_grant = grant_config %}
            {% set to_revoke = {} %}
        {% endif %}

        {% set statements = get_dcl_statement_list(relation, to_revoke, get_revoke_sql)
                          + get_dcl_statement_list(relation, to_grant, get_grant_sql) %}
        {% if statements %}
            {{ call_dcl_statements(statements) }}
        {% endif %}
    {% endif %}
{%- endmacro %}
