{# The block around a change to a relation that others read: locks first, then the caller's steps; after a failure
   everything is undone, and tried again in another way or later. `has_views`: whether the change is one for views
   that read the relation. #}
{% macro postgres__publish_block(existing_relation, intermediate_relation, target_relation, later, has_views=True) -%}
do $kiln$
declare
    old_name constant text := {{ postgres__name_literal(existing_relation) }};
    new_name constant text := {{ postgres__name_literal(intermediate_relation) }};
    final_name constant text := '{{ target_relation.identifier | replace("'", "''") }}';
    later constant text[] := array[
        {%- for relation in later %}{{ postgres__name_literal(relation) }}{{ ', ' if not loop.last }}{% endfor -%}
    ]::text[];
    {{ postgres__publish_variables() }}
begin
    perform set_config('search_path', 'pg_catalog', true);
    later_ids := array(select to_regclass(name)::oid from unnest(later) as names (name));
    loop
        culprit := null;
        begin
            perform set_config('lock_timeout', patience, true);
            if keeps_identity then
                {{ postgres__publish_contents() }}
                exit;
            end if;
            {{ postgres__publish_find() if has_views }}
            {{ postgres__publish_lock() }}
            {{ postgres__publish_write() if has_views }}
            {{ caller() }}
            exit;
        exception
            {{ postgres__publish_handle() }}
        end;
    end loop;
    perform set_config('lock_timeout', old_patience, true);
    perform set_config('search_path', old_path, true);
end
$kiln$
{%- endmacro %}


{# What the steps below share. #}
{% macro postgres__publish_variables() -%}
{%- set on_dependent_views = postgres__publish_config('on_dependent_views', 'keep') -%}
{%- if on_dependent_views not in ['keep', 'drop'] -%}
    {%- do exceptions.raise_compiler_error("`on_dependent_views` must be `keep` or `drop`, not `" ~ on_dependent_views ~ "`") -%}
{%- endif -%}
    may_drop constant boolean := {{ on_dependent_views == 'drop' }};
    deadline constant timestamptz := clock_timestamp() + interval '{{ postgres__publish_timeout() }} seconds';
    old_patience constant text := current_setting('lock_timeout');
    old_path constant text := current_setting('search_path');
    old_id constant oid := old_name::regclass;
    new_id constant oid := new_name::regclass;
    kept_name text;                   -- of the old relation, where views stay on it
    kept_names text[];
    later_ids oid[];
    stubborn oid[] := '{}';           -- views that cannot be replaced in place, so are dropped and made anew
    kept oid[] := '{}';               -- views that stay on the old relation
    lost oid[] := '{}';               -- views and tables with foreign keys that the user lets go
    direct oid[];
    direct_now oid[];
    by_depth oid[];
    gone oid[];
    rebuilt oid[] := '{}';
    in_place oid[] := '{}';
    keeps_identity boolean := false;  -- the old relation stays, and takes over what the new one holds
    obstacle text;                    -- why
    left_behind oid[];
    plan_ids oid[];
    plan_names text[];
    plan text[];
    made_id oid;
    foreign_keys_off text[];
    foreign_keys_on text[];
    foreign_key_ids oid[];
    grants text[];
    culprit oid;                      -- what the present statement is about, if it is a dependent
    reason text;
    state text;
    holders text;
    patience text := '200ms';
    pause double precision := 0.05;
    direct_sql constant text := $sql$
        select coalesce(array_agg(distinct w.ev_class order by w.ev_class), '{}')
        from pg_depend d
        join pg_rewrite w on w.oid = d.objid
        join pg_class c on c.oid = w.ev_class
        where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
            and d.refobjid = $1 and w.ev_class <> $1 and c.relkind in ('v', 'm')
    $sql$;
    -- Views, and all that reads them, the farthest first.
    closure_sql constant text := $sql$
        with recursive reading (id, depth) as (
            select id, 0 from unnest($1) as start (id)
            union
            select w.ev_class, reading.depth + 1
            from reading
            join pg_depend d on d.refobjid = reading.id and d.refclassid = 'pg_class'::regclass
                and d.classid = 'pg_rewrite'::regclass
            join pg_rewrite w on w.oid = d.objid and w.ev_class <> reading.id
            where reading.depth < 200
        )
        select coalesce(array_agg(id order by depth desc, id), '{}')
        from (select id, max(depth) as depth from reading group by id) as farthest
    $sql$;
{%- endmacro %}


{# Which views are replaced in place (`in_place`), and which must be dropped and made anew (`rebuilt`, readers first). #}
{% macro postgres__publish_find() -%}
            execute direct_sql into direct using old_id;
            gone := '{}';
            if lost <> '{}' then
                execute closure_sql into gone using lost;
            end if;
            in_place := array(select id from unnest(direct) as d (id) where id <> all (kept) and id <> all (gone));
            by_depth := in_place;
            if cardinality(in_place) > 1 then
                execute closure_sql into by_depth using in_place;
            end if;
            rebuilt := stubborn || array(select oid from pg_class where oid = any (in_place) and relkind = 'm');
            if rebuilt <> '{}' then
                execute closure_sql into rebuilt using rebuilt;
                rebuilt := array(select id from unnest(rebuilt) with ordinality as r (id, n) where id <> all (gone) order by n);
            end if;
            if rebuilt && kept then
                -- What cannot be made anew reads what would have to be: both stay on the old relation.
                select id into culprit from unnest(rebuilt) as r (id) where id <> all (later_ids) limit 1;
                if culprit is not null then
                    raise exception 'it reads other views that would have to be dropped';
                end if;
                kept := kept || array(select id from unnest(rebuilt) as r (id) where id = any (direct) and id <> all (kept));
                stubborn := '{}';
                continue;
            end if;
            in_place := array(
                select id from unnest(by_depth) with ordinality as r (id, n)
                where id = any (in_place) and id <> all (rebuilt) order by n
            );
{%- endmacro %}


{# Brings what the new relation holds into the old one, under which nothing moves then. Of a table all rows are deleted
   and inserted, which readers see at once, at the commit. #}
{% macro postgres__publish_contents() -%}
                if (select relkind from pg_class where oid = old_id) = 'v' then
                    execute (
                        select format('create or replace view %s%s as %s', old_id::regclass, {{ postgres__view_options() }},
                            rtrim(pg_get_viewdef(new_id), ';'))
                        from pg_class c where c.oid = new_id
                    );
                    execute format('drop view %s', new_id::regclass);
                else
                    execute format('lock table %s in share row exclusive mode', old_id::regclass);
                    execute format('delete from %s', old_id::regclass);
                    execute (
                        select format('insert into %s (%s) select %2$s from %s', old_id::regclass,
                            string_agg(quote_ident(attname), ', '), new_id::regclass)
                        from pg_attribute
                        where attrelid = old_id and attnum > 0 and not attisdropped and attgenerated = ''
                    );
                    execute format('drop table %s', new_id::regclass);
                end if;
{%- endmacro %}


{# Whether the old relation can take over what the new one holds, as far as the catalog says. #}
{% macro postgres__publish_can_keep_identity() -%}
(
                    select o.relkind = n.relkind and (o.relkind = 'v' or o.relkind = 'r' and not exists (
                        select from (
                            select attrelid, attname, atttypid, atttypmod, count(*) over (partition by attname, atttypid, atttypmod) as n
                            from pg_attribute
                            where attrelid in (old_id, new_id) and attnum > 0 and not attisdropped
                        ) as columns
                        where columns.n <> 2
                    ))
                    from pg_class o, pg_class n where o.oid = old_id and n.oid = new_id and old_id <> new_id
                )
{%- endmacro %}


{# Takes the locks in the order in which readers take them: from the views down to the table. The statement changes
   nothing: the owner stays the same. #}
{% macro postgres__publish_lock() -%}
            foreach culprit in array rebuilt || in_place loop
                execute format('alter table %s owner to %I', culprit::regclass,
                    (select pg_get_userbyid(relowner) from pg_class where oid = culprit));
            end loop;
            culprit := null;
            execute format('alter table %s owner to %I', old_id::regclass,
                (select pg_get_userbyid(relowner) from pg_class where oid = old_id));
            execute direct_sql into direct_now using old_id;
            if direct is not null and direct_now <> direct then
                raise exception using errcode = 'KN000', message = 'views were changed meanwhile';
            end if;
{%- endmacro %}


{# The options of the view `c`, as its `create` statement has them. #}
{% macro postgres__view_options() -%}
case when c.reloptions is null then '' else format(' with (%s)', (
                        select string_agg(format('%I = %L', option_name, option_value), ', ')
                        from pg_options_to_table(c.reloptions)
                    )) end
{%- endmacro %}


{# Writes the statements that make the dependents what they are now, while the old relation still has its name. #}
{% macro postgres__publish_write() -%}
            select array_agg(id order by n desc), array_agg(id::regclass::text order by n desc),
                array_agg(format('create or replace view %s%s as %s', id::regclass, {{ postgres__view_options() }},
                    rtrim(pg_get_viewdef(id), ';')) order by n desc)
            into plan_ids, plan_names, plan
            from unnest(in_place) with ordinality as u (id, n) join pg_class c on c.oid = id;

            if rebuilt <> '{}' then
                with views as (
                    select
                        c.oid as id, r.n, c.relkind, c.relacl, c.relowner, c.reltablespace, c.relispopulated,
                        c.oid::regclass::text as name,
                        case c.relkind when 'm' then 'materialized view' else 'view' end as kind,
                        {{ postgres__view_options() }} as options
                    from unnest(rebuilt) with ordinality as r (id, n)
                    join pg_class c on c.oid = r.id
                ),
                statements (id, n, place, part, sql) as (
                    select id, n, 1, 0, format('create %s %s%s%s as %s%s',
                        kind, name, options,
                        case when reltablespace <> 0 then format(' tablespace %I', (
                            select spcname from pg_tablespace where oid = reltablespace
                        )) else '' end,
                        rtrim(pg_get_viewdef(id), ';'),
                        case when relkind = 'm' and not relispopulated then ' with no data' else '' end)
                    from views
                    union all
                    select v.id, v.n, 2, i.indexrelid::bigint, pg_get_indexdef(i.indexrelid)
                    from views v join pg_index i on i.indrelid = v.id
                    union all
                    select v.id, v.n, 3, i.indexrelid::bigint, format('alter materialized view %s cluster on %I', v.name, c.relname)
                    from views v join pg_index i on i.indrelid = v.id join pg_class c on c.oid = i.indexrelid
                    where i.indisclustered
                    union all
                    select v.id, v.n, 4, d.adnum, format('alter view %s alter column %I set default %s',
                        v.name, a.attname, pg_get_expr(d.adbin, d.adrelid))
                    from views v join pg_attrdef d on d.adrelid = v.id
                    join pg_attribute a on a.attrelid = v.id and a.attnum = d.adnum
                    union all
                    select v.id, v.n, 5, w.oid::bigint, rtrim(pg_get_ruledef(w.oid), ';')
                    from views v join pg_rewrite w on w.ev_class = v.id and w.rulename <> '_RETURN'
                    union all
                    select v.id, v.n, 6, t.oid::bigint, pg_get_triggerdef(t.oid)
                    from views v join pg_trigger t on t.tgrelid = v.id and not t.tgisinternal
                    union all
                    select v.id, v.n, 7, d.objsubid, case d.objsubid
                        when 0 then format('comment on %s %s is %L', v.kind, v.name, d.description)
                        else format('comment on column %s.%I is %L', v.name, a.attname, d.description) end
                    from views v
                    join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = v.id
                    left join pg_attribute a on a.attrelid = v.id and a.attnum = d.objsubid
                    union all
                    select v.id, v.n, 8, d.objoid::bigint, format('comment on index %s is %L', i.indexrelid::regclass, d.description)
                    from views v join pg_index i on i.indrelid = v.id
                    join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = i.indexrelid
                    union all
                    select v.id, v.n, 9, 0, format('grant %s on %s to %s%s', g.privilege_type, v.name,
                        case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
                        case when g.is_grantable then ' with grant option' else '' end)
                    from views v cross join lateral aclexplode(v.relacl) as g
                    where g.grantee <> v.relowner
                    union all
                    select v.id, v.n, 9, a.attnum, format('grant %s (%I) on %s to %s%s', g.privilege_type, a.attname, v.name,
                        case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
                        case when g.is_grantable then ' with grant option' else '' end)
                    from views v join pg_attribute a on a.attrelid = v.id and a.attnum > 0 and not a.attisdropped
                    cross join lateral aclexplode(a.attacl) as g
                    where g.grantee <> v.relowner
                    union all
                    select id, n, 10, 0, format('alter table %s owner to %I', name, pg_get_userbyid(relowner))
                    from views where pg_get_userbyid(relowner) <> current_user
                )
                select plan_ids || array_agg(s.id order by s.n desc, place, part),
                    plan_names || array_agg(v.name order by s.n desc, place, part),
                    plan || array_agg(sql order by s.n desc, place, part)
                into plan_ids, plan_names, plan
                from statements s join views v on v.id = s.id;
            end if;

            select array_agg(conrelid order by conrelid, conname),
                array_agg(format('alter table %s drop constraint %I', conrelid::regclass, conname) order by conrelid, conname),
                array_agg(format('alter table %s add constraint %I %s', conrelid::regclass, conname,
                    pg_get_constraintdef(oid)) order by conrelid, conname)
            into foreign_key_ids, foreign_keys_off, foreign_keys_on
            from pg_constraint
            where contype = 'f' and confrelid = old_id and conrelid <> old_id and conparentid = 0;

            select array_agg(format('grant %s%s on %s to %s%s', g.privilege_type, g.columns, new_id::regclass,
                case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end,
                case when g.is_grantable then ' with grant option' else '' end))
            into grants
            from (
                select x.privilege_type, x.grantee, x.is_grantable, '' as columns
                from pg_class c cross join lateral aclexplode(c.relacl) as x
                where c.oid = old_id and x.grantee <> c.relowner
                union all
                select x.privilege_type, x.grantee, x.is_grantable, format(' (%I)', a.attname)
                from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
                join pg_attribute b on b.attrelid = new_id and b.attname = a.attname and b.attnum > 0
                cross join lateral aclexplode(a.attacl) as x
                where c.oid = old_id and x.grantee <> c.relowner
            ) as g;

            -- Old relations of earlier builds that the old one reads, the nearest first.
            with recursive reads (id, depth) as (
                select old_id, 0
                union
                select d.refobjid, reads.depth + 1
                from reads
                join pg_rewrite w on w.ev_class = reads.id
                join pg_depend d on d.objid = w.oid and d.classid = 'pg_rewrite'::regclass
                    and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
                join pg_class c on c.oid = d.refobjid and c.relname ~ '__kiln_kept[0-9]*$'
                where reads.depth < 200
            )
            select coalesce(array_agg(id order by depth), '{}') into left_behind
            from (select id, max(depth) as depth from reads where id <> old_id group by id) as farthest;
{%- endmacro %}


{# Takes away what is in the way: dependents that are made anew, and foreign keys. #}
{% macro postgres__publish_unbuild() -%}
            foreach culprit in array rebuilt loop
                execute format('drop %s %s%s',
                    (select case relkind when 'm' then 'materialized view' else 'view' end from pg_class where oid = culprit),
                    culprit::regclass, case when may_drop then ' cascade' else '' end);
            end loop;
            for ix in 1 .. coalesce(array_length(foreign_keys_off, 1), 0) loop
                culprit := foreign_key_ids[ix];
                execute foreign_keys_off[ix];
            end loop;
            culprit := null;
            foreach reason in array array(
                select format('drop %s if exists %s cascade', case relkind when 'm' then 'materialized view' else 'view' end,
                    oid::regclass)
                from pg_class where oid = any (lost) and relkind in ('v', 'm')
            ) loop
                execute reason;
            end loop;
{%- endmacro %}


{# Gives the new relation the name and the grants of the old one, which gets another name. #}
{% macro postgres__publish_move() -%}
            foreach reason in array coalesce(grants, '{}') loop
                execute reason;
            end loop;
            -- A name of at most 63 bytes that is free.
            kept_name := final_name;
            while octet_length(kept_name) > 50 loop
                kept_name := left(kept_name, -1);
            end loop;
            kept_names := array(select kept_name || '__kiln_kept' || coalesce(n::text, '') from unnest(array[null, 2, 3, 4, 5, 6, 7, 8, 9]) as u (n));
            left_behind := left_behind || array(
                select c.oid from pg_class c
                where c.relname = any (kept_names) and c.relkind in ('r', 'v', 'm') and c.oid <> all (left_behind)
                    and c.relnamespace = (select relnamespace from pg_class where oid = old_id)
            );
            select name into kept_name from unnest(kept_names) with ordinality as u (name, n)
            where not exists (
                select from pg_class c
                where c.relname = name and c.relnamespace = (select relnamespace from pg_class where oid = old_id)
            )
            order by n limit 1;
            execute format('alter table %s rename to %I', old_id::regclass, kept_name);
            execute format('alter table %s rename to %I', new_id::regclass, final_name);
{%- endmacro %}


{# Makes the dependents over what has the name now. #}
{% macro postgres__publish_rebuild() -%}
            for ix in 1 .. coalesce(array_length(plan, 1), 0) loop
                culprit := plan_ids[ix];
                execute plan[ix];
                made_id := to_regclass(plan_names[ix]);
                if plan[ix] like 'create %' and culprit = any (rebuilt) then
                    -- Default privileges may have granted what the old view had not.
                    for reason in
                        select distinct format('revoke all on %s from %s', plan_names[ix],
                            case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end)
                        from pg_class c cross join lateral aclexplode(c.relacl) as g
                        where c.oid = made_id and g.grantee <> c.relowner
                    loop
                        execute reason;
                    end loop;
                end if;
            end loop;
            for ix in 1 .. coalesce(array_length(foreign_keys_on, 1), 0) loop
                culprit := foreign_key_ids[ix];
                if culprit <> all (lost) then
                    execute foreign_keys_on[ix];
                end if;
            end loop;
            culprit := null;
{%- endmacro %}


{# Drops the old relation unless a view stays on it, and those of earlier runs that nothing reads any more. #}
{% macro postgres__publish_drop() -%}
            if kept = '{}' then
                execute format('drop %s %s%s',
                    (select case relkind when 'm' then 'materialized view' when 'v' then 'view' else 'table' end
                        from pg_class where oid = old_id),
                    old_id::regclass, case when may_drop then ' cascade' else '' end);
            end if;
            foreach culprit in array left_behind loop
                execute direct_sql into direct_now using culprit;
                if direct_now = '{}' then
                    execute format('drop %s %s',
                        (select case relkind when 'm' then 'materialized view' when 'v' then 'view' else 'table' end
                            from pg_class where oid = culprit), culprit::regclass);
                end if;
            end loop;
            culprit := null;
{%- endmacro %}


{# Decides what to do after a statement failed and everything above was undone. #}
{% macro postgres__publish_handle() -%}
            when lock_not_available or deadlock_detected then
                select string_agg(distinct format('process %s of %s (%s)', l.pid, coalesce(a.usename, 'the server'),
                    coalesce(nullif(a.application_name, ''), 'no application name')), ', ')
                into holders
                from pg_locks l left join pg_stat_activity a on a.pid = l.pid
                where l.relation = any (array[old_id] || rebuilt || in_place) and l.granted and l.pid <> pg_backend_pid();
                if clock_timestamp() > deadline then
                    raise exception using errcode = 'KN002',
                        message = format('%s could not be replaced within {{ postgres__publish_timeout() }} seconds, because others read it: %s',
                            old_name, coalesce(holders, 'they are gone now')),
                        hint = 'end those sessions or run again later; `publish_timeout` sets how many seconds a build waits';
                end if;
                if pause = 0.05 then
                    raise info 'waiting until nobody reads %: %', old_name, holders;
                end if;
                perform pg_sleep(pause * (0.75 + random() / 2));
                pause := least(pause * 1.5, 2);
                -- A vacuum of the server gives way only to those who wait longer than this.
                patience := case when exists (
                    select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                    where l.relation = any (array[old_id] || rebuilt || in_place) and l.granted and a.usesysid is null
                ) then (select setting::integer + 500 from pg_settings where name = 'deadlock_timeout') || 'ms' else '200ms' end;
            when sqlstate 'KN000' then
                -- Something is known now that was not before: from the start, without the locks taken so far.
                null;
            when others then
                get stacked diagnostics reason = message_text, state = returned_sqlstate, holders = pg_exception_detail;
                if keeps_identity then
                    raise exception using errcode = 'KN001', message = obstacle,
                        detail = format('keeping %s and changing what it holds does not work either: %s', old_name, reason),
                        hint = 'drop it first, make your role a member of its owner''s, or let the build drop it with `on_dependent_views: drop`';
                elsif culprit is null then
                    if state <> '2BP01' then
                        raise;
                    end if;
                    raise exception using errcode = 'KN001',
                        message = format('%s cannot be replaced, because something that cannot be made anew depends on it: %s', old_name, holders),
                        hint = 'drop it first, or let the build drop it with `on_dependent_views: drop`';
                elsif not exists (select from pg_class where oid = culprit) then
                    null;
                elsif state = '42P16' and culprit = any (in_place) and culprit <> all (stubborn) then
                    stubborn := stubborn || culprit;
                elsif culprit = any (later_ids) and exists (select from pg_class where oid = culprit and relkind in ('r', 'p')) then
                    lost := lost || culprit;
                elsif culprit = any (later_ids) and culprit <> all (kept) then
                    kept := kept || culprit;
                    stubborn := array_remove(stubborn, culprit);
                elsif state = '42501' and coalesce({{ postgres__publish_can_keep_identity() }}, false) then
                    keeps_identity := true;
                    obstacle := format('replacing %s would break %s: %s', old_name, culprit::regclass, reason);
                elsif may_drop then
                    lost := lost || culprit;
                else
                    raise exception using errcode = 'KN001',
                        message = format('replacing %s would break %s %s: %s', old_name,
                            (select case relkind when 'm' then 'the materialized view' when 'v' then 'the view' else 'a foreign key of' end
                                from pg_class where oid = culprit),
                            culprit::regclass, reason),
                        hint = 'change or drop it first, build it in the same run, or let the build drop it with `on_dependent_views: drop`';
                end if;
{%- endmacro %}
