{# Runs the body of a `call` block and stores the result under `name`; a project may override it. #}
{% macro statement(name=None, fetch_result=False, auto_begin=True, language='sql') -%}
    {%- if execute -%}
        {%- set code = caller() -%}
        {%- if name == 'main' -%}
            {%- do log('Writing runtime ' ~ language ~ ' for node "' ~ model['unique_id'] ~ '"') -%}
            {%- do write(code) -%}
        {%- endif -%}

        {%- if language == 'sql' -%}
            {%- set response, table = adapter.execute(code, auto_begin=auto_begin, fetch=fetch_result) -%}
        {%- elif language == 'python' -%}
            {%- set response = submit_python_job(model, code) -%}
            {%- set table = none -%}
        {%- else -%}
            {%- do exceptions.raise_compiler_error("statement macro didn't get supported language") -%}
        {%- endif -%}

        {%- if name is not none -%}
            {%- do store_result(name, response=response, agate_table=table) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{# Like `statement`, but sends nothing: only writes and stores, for work that was done otherwise. #}
{% macro noop_statement(name=None, message=None, code=None, rows_affected=None, res=None) -%}
    {%- set sql = caller() -%}
    {%- if name == 'main' -%}
        {%- do log('Writing runtime SQL for node "' ~ model['unique_id'] ~ '"') -%}
        {%- do write(sql) -%}
    {%- endif -%}
    {%- if name is not none -%}
        {%- do store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) -%}
    {%- endif -%}
{%- endmacro %}


{# The table that a query returns. #}
{% macro run_query(sql) -%}
    {% call statement('run_query_statement', fetch_result=true, auto_begin=false) %}
    {{ sql }}
  {% endcall %}
    {{ return(load_result('run_query_statement').table) }}
{%- endmacro %}
