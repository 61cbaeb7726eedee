{# A relation's name as text inside Python code; a project may override `resolve_model_name`, an adapter `<adapter>__resolve_model_name`. #}
{% macro resolve_model_name(input_model_name) -%}
    {{ return(adapter.dispatch('resolve_model_name', 'dbt')(input_model_name)) }}
{%- endmacro %}

{# Fallback of `resolve_model_name`. #}
{% macro default__resolve_model_name(input_model_name) -%}
    {{ input_model_name | string | replace('"', '\"') }}
{%- endmacro %}


{# Python code: the function `ref`, which reads what the model's refs resolve to. #}
{% macro build_ref_function(model) %}
    {%- set names = {} -%}
    {%- for reference in model.refs -%}
        {%- set args = [reference['name']] -%}
        {%- if reference.get('package') -%}
            {%- do args.insert(0, reference['package']) -%}
        {%- endif -%}
        {%- set relation = ref(*args, v=reference.get('version')) -%}
        {#- Rendered here to leave out limits of sampling; a project's own `ref` may return text. -#}
        {%- if relation.render is defined and relation.render is callable -%}
            {%- set relation = relation.render() -%}
        {%- endif -%}
        {%- if reference.get('version') -%}
            {%- do args.append('v' ~ reference['version']) -%}
        {%- endif -%}
        {%- do names.update({args | join('.'): resolve_model_name(relation)}) -%}
    {%- endfor -%}

def ref(*args, **kwargs):
    refs = {{ names | tojson }}
    key = '.'.join(args)
    version = kwargs.get("v") or kwargs.get("version")
    if version:
        key += f".v{version}"
    dbt_load_df_function = kwargs.get("dbt_load_df_function")
    return dbt_load_df_function(refs[key])

{% endmacro %}


{# Python code: the function `source`, which reads what the model's sources resolve to. #}
{% macro build_source_function(model) %}
    {%- set names = {} -%}
    {%- for args in model.sources -%}
        {%- do names.update({args | join('.'): resolve_model_name(source(*args))}) -%}
    {%- endfor -%}

def source(*args, dbt_load_df_function):
    sources = {{ names | tojson }}
    key = '.'.join(args)
    return dbt_load_df_function(sources[key])

{% endmacro %}


{# Python code: the config values that the model asks for, found when it was parsed. #}
{% macro build_config_dict(model) %}
    {%- set config_dict = {} -%}
    {%- for key, default in zip(model.config.config_keys_used, model.config.config_keys_defaults) | list -%}
        {%- do config_dict.update({key: model.config.get(key, default)}) -%}
    {%- endfor -%}

    {#- Apart from the configs, so that a key of `meta` never hides one of them. -#}
    {%- set meta_dict = {} -%}
    {%- if model.config.meta_keys_used -%}
        {%- set meta = model.config.meta or {} -%}
        {%- for key, default in zip(model.config.meta_keys_used, model.config.meta_keys_defaults) | list -%}
            {%- do meta_dict.update({key: meta[key] if key in meta else default}) -%}
        {%- endfor -%}
    {%- endif -%}
config_dict = {{ config_dict }}
meta_dict = {{ meta_dict }}
{% endmacro %}


{# Python code to add to a Python model: the `dbt` object that its function is given; adapters call it.
   What it says is published as compiled code, so it says the same as dbt's, letter by letter. #}
{% macro py_script_postfix(model) %}
# This part is user provided model code
# you will need to copy the next section to run the code
# COMMAND ----------
# this part is dbt logic for get ref work, do not modify

{{ build_ref_function(model) }}
{{ build_source_function(model) }}
{{ build_config_dict(model) }}

class config:
    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def get(key, default=None):
        return config_dict.get(key, default)

    @staticmethod
    def meta_get(key, default=None):
        return meta_dict.get(key, default)

class this:
    """dbt.this() or dbt.this.identifier"""
    database = "{{ this.database }}"
    schema = "{{ this.schema }}"
    identifier = "{{ this.identifier }}"
    {{ '' }}
    def __repr__(self):
        return '{{ resolve_model_name(this) }}'


class dbtObj:
    def __init__(self, load_df_function) -> None:
        self.source = lambda *args: source(*args, dbt_load_df_function=load_df_function)
        self.ref = lambda *args, **kwargs: ref(*args, **kwargs, dbt_load_df_function=load_df_function)
        self.config = config
        self.this = this()
        self.is_incremental = {{ is_incremental() }}

# COMMAND ----------
{{ py_script_comment() }}

{% endmacro %}


{# Python comment on how to run the code by hand; an adapter may override it. #}
{% macro py_script_comment() -%}
{%- endmacro %}
