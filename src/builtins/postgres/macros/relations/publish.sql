{# How a new relation takes the place of an old one: `swap` keeps what depends on it, `dbt` drops that as dbt does. #}
{% macro postgres__publish_mode() -%}
    {% set mode = postgres__publish_config('publish', 'swap') %}
    {% if mode not in ['swap', 'dbt'] %}
        {% do exceptions.raise_compiler_error("`publish` must be `swap` or `dbt`, not `" ~ mode ~ "`") %}
    {% endif %}
    {{ return(mode) }}
{%- endmacro %}


{# A config of publishing, which may also stand under `meta`, where dbt wants the keys that it does not know. #}
{% macro postgres__publish_config(key, default) -%}
    {% set value = config.get(key) %}
    {% if value is none %}
        {% set value = config.meta_get(key) %}
    {% endif %}
    {# While the project is parsed, configurations are empty text. #}
    {{ return(default if value is none or value == '' else value) }}
{%- endmacro %}


{# `copy_grants` for Postgres: a swap keeps the grants of the old relation. #}
{% macro postgres__copy_grants() -%}
    {{ return(postgres__publish_mode() == 'swap') }}
{%- endmacro %}


{# `swap_in_relation` for Postgres: within the transaction of the build, so that nothing is dropped after the commit. #}
{% macro postgres__swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation) -%}
    {% if existing_relation is none or postgres__publish_mode() == 'dbt' %}
        {{ return(default__swap_in_relation(existing_relation, intermediate_relation, target_relation, backup_relation)) }}
    {% endif %}
    {% do postgres__publish(existing_relation, intermediate_relation, target_relation) %}
    {% do adapter.cache_renamed(intermediate_relation, target_relation) %}
    {{ return(none) }}
{%- endmacro %}


{# Puts a relation in the place of an existing one: quickly if nothing depends on the old one and nobody else may
   read it, else with all that depends on it. #}
{% macro postgres__publish(existing_relation, intermediate_relation, target_relation) -%}
    {% set dependents = adapter.known_dependents(existing_relation) %}
    {% if dependents is none %}
        {% call statement('publish', fetch_result=True) -%}
            {{ postgres__publish_alone_sql(existing_relation, intermediate_relation, target_relation) }}
        {%- endcall %}
        {% set is_done = load_result('publish').table.rows[0][0] == 'done' %}
    {% endif %}
    {% if not is_done %}
        {% call statement('publish') -%}
            {{ postgres__publish_sql(existing_relation, intermediate_relation, target_relation, dependents or []) }}
        {%- endcall %}
    {% endif %}
{%- endmacro %}


{# A relation as catalog functions read it, in a literal; without the database, which is the connection's. #}
{% macro postgres__name_literal(relation) -%}
    {{ return("'" ~ (relation.include(database=False).render() | replace("'", "''")) ~ "'") }}
{%- endmacro %}


{# How many seconds a build waits for those who read what it replaces. #}
{% macro postgres__publish_timeout() -%}
    {% set seconds = postgres__publish_config('publish_timeout', 600) %}
    {% if seconds is not number or seconds < 0 %}
        {% do exceptions.raise_compiler_error('`publish_timeout` must be a number of seconds, not `' ~ seconds ~ '`') %}
    {% endif %}
    {{ return(seconds) }}
{%- endmacro %}


{# Replaces a relation that nothing depends on; returns `done`, or `not alone` and changes nothing.

   A lock is waited for only briefly, since everybody who comes later waits behind it; then again after a pause. #}
{% macro postgres__publish_alone_sql(existing_relation, intermediate_relation, target_relation) -%}
{%- set old_name = postgres__name_literal(existing_relation) -%}
do $kiln$
declare
    deadline constant timestamptz := clock_timestamp() + interval '{{ postgres__publish_timeout() }} seconds';
    old_patience constant text := current_setting('lock_timeout');
    pause double precision := 0.05;
begin
    perform set_config('kiln.published', 'not alone', true);
    loop
        -- The long way keeps grants, clears up after earlier builds, and waits longer.
        exit when pause > 0.1 or not exists (
            select from pg_catalog.pg_class c
            where c.oid = {{ old_name }}::regclass and c.relacl is null and not c.relhassubclass
                and not exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attacl is not null)
                {%- if existing_relation.is_view %}
                and not exists (
                    select from pg_catalog.pg_rewrite w
                    join pg_catalog.pg_depend d on d.objid = w.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
                    join pg_catalog.pg_class k on k.oid = d.refobjid and d.refclassid = 'pg_catalog.pg_class'::regclass
                    where w.ev_class = c.oid and k.relname ~ '__kiln_kept[0-9]*$'
                )
                {%- else %}
                and not exists (
                    select from pg_catalog.pg_class k
                    where k.relnamespace = c.relnamespace and k.relname = left(c.relname, 50) || '__kiln_kept'
                )
                {%- endif %}
        );
        begin
            perform set_config('lock_timeout', '200ms', true);
            drop {{ existing_relation.type | replace('_', ' ') }} {{ existing_relation.include(database=False) }};
            alter table {{ intermediate_relation.include(database=False) }} rename to {{ adapter.quote(target_relation.identifier) }};
            perform set_config('kiln.published', 'done', true);
            exit;
        exception
            when dependent_objects_still_exist or wrong_object_type then exit;
            when lock_not_available or deadlock_detected then
                perform pg_sleep(pause);
                pause := pause * 2;
        end;
    end loop;
    perform set_config('lock_timeout', old_patience, true);
end
$kiln$;
select current_setting('kiln.published')
{%- endmacro %}


{# Replaces a relation and brings over what depends on it: see docs/publishing.md for the order of steps and why.

   `later`: the dependents that this run builds anew; they may stay on the old relation until then. #}
{% macro postgres__publish_sql(existing_relation, intermediate_relation, target_relation, later) -%}
{% call postgres__publish_block(existing_relation, intermediate_relation, target_relation, later) -%}
            {{ postgres__publish_unbuild() }}
            {{ postgres__publish_move() }}
            {{ postgres__publish_rebuild() }}
            {{ postgres__publish_drop() }}
{%- endcall %}
{%- endmacro %}
