{# Takes the place of the general macro: a DuckDB connection begins without a transaction, so none is committed first. #}
{% macro run_hooks(hooks, inside_transaction=True) -%}
    {% for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) %}
        {% set sql = render(hook.get('sql')) | trim %}
        {% if sql %}
            {% call statement(auto_begin=inside_transaction) %}
        {{ sql }}
      {% endcall %}
        {% endif %}
    {% endfor %}
{%- endmacro %}
