{# Runs the hooks that belong inside, or outside, the transaction; an adapter may override it. #}
{% macro run_hooks(hooks, inside_transaction=True) -%}
    {% for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) %}
        {% if loop.first and not inside_transaction %}
            {% call statement(auto_begin=inside_transaction) %}
        commit;
      {% endcall %}
        {% endif %}
        {% set sql = render(hook.get('sql')) | trim %}
        {% if sql %}
            {% call statement(auto_begin=inside_transaction) %}
        {{ sql }}
      {% endcall %}
        {% endif %}
    {% endfor %}
{%- endmacro %}

{# The form in which a hook's SQL and its place reach the node's config. #}
{% macro make_hook_config(sql, inside_transaction) %}
    {{ tojson({"sql": sql, "transaction": inside_transaction}) }}
{% endmacro %}

{# Marks a hook to run before the transaction begins. #}
{% macro before_begin(sql) %}
    {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}

{# Marks a hook to run inside the transaction, as hooks do unless marked. #}
{% macro in_transaction(sql) %}
    {{ make_hook_config(sql, inside_transaction=True) }}
{% endmacro %}

{# Marks a hook to run after the transaction is committed. #}
{% macro after_commit(sql) %}
    {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}
