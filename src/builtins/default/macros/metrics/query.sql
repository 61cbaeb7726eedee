{# The query that answers a question about metrics; `plan` says which relations are read, step by step. A project may override `get_metrics_sql`. #}
{% macro get_metrics_sql(plan) -%}
    {%- set ctes = [] -%}
    {%- for source in plan.sources -%}
        {%- do ctes.append(source.name ~ ' as (\n' ~ metrics_source(source) ~ '\n)') -%}
    {%- endfor -%}
    {%- for step in plan.steps -%}
        {%- if step.kind == 'aggregate' -%}
            {%- set sql = metrics_aggregate(step) -%}
        {%- elif step.kind == 'fill' -%}
            {%- set sql = metrics_fill(step) -%}
        {%- elif step.kind == 'conversion' -%}
            {%- set sql = metrics_conversion(step) -%}
        {%- elif step.kind == 'period' -%}
            {%- set sql = metrics_period(step) -%}
        {%- else -%}
            {%- set sql = metrics_compute(step) -%}
        {%- endif -%}
        {%- do ctes.append(step.name ~ ' as (\n' ~ sql ~ '\n)') -%}
    {%- endfor -%}
with {{ ctes | join(',\n\n') }}

select
    {%- for dim in plan.answer.dims %}
    {{ dim.column }}{{ ' as ' ~ adapter.quote(dim.name) if dim.name != dim.column }},
    {%- endfor %}
    {{ plan.answer.metrics | join(',\n    ') }}
from {{ plan.answer.from }}
    {%- if plan.answer.order %}
order by {% for item in plan.answer.order %}{{ item.column }}{{ ' desc' if item.is_descending }}{{ ', ' if not loop.last }}{% endfor %}
    {%- endif %}
    {%- if plan.answer.limit is not none %}
limit {{ plan.answer.limit }}
    {%- endif %}
{%- endmacro %}


{# The relation of a model in a plan. #}
{% macro metrics_relation(table) -%}
    {%- if table.version is none -%}
        {{ ref(table.package, table.name) }}
    {%- else -%}
        {{ ref(table.package, table.name, v=table.version) }}
    {%- endif -%}
{%- endmacro %}


{# The elements of a semantic model that a question needs, under their names. #}
{% macro metrics_source(source) %}    select
        {%- for column in source.columns %}
        {{ column.sql }} as {{ adapter.quote(column.name) }}{{ ',' if not loop.last }}
        {%- else %}
        1 as nothing
        {%- endfor %}
    from {{ metrics_relation(source.table) }}
{%- endmacro %}


{# The beginnings of all periods of a calendar, as `moment`. #}
{% macro metrics_calendar(spine, range) -%}
    select distinct {{ metrics_time_at_grain('calendar.' ~ spine.column, spine.grain) }} as moment
            from {{ metrics_relation(spine.table) }} as calendar
            {%- if range is not none %}
            where {{ metrics_in_range('calendar.' ~ spine.column, range, spine.grain) }}
            {%- endif %}
{%- endmacro %}


{# Aggregates measures over the rows that a step describes. #}
{% macro metrics_aggregate(step) -%}
    {%- set rows = step.rows -%}
    {%- set read = metrics_rows(rows, step.measures) -%}
    {%- if rows.non_additive is not none -%}
        {%- set read = metrics_last_rows(read, rows.non_additive) -%}
    {%- endif %}    select
        {%- for dim in rows.dims %}
        {{ dim }},
        {%- endfor %}
        {%- for measure in step.measures %}
        {{ metrics_aggregation(measure) }} as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
{{ read }}
    ) as rows_read
    {%- if rows.dims %}
    group by {{ rows.dims | join(', ') }}
    {%- endif %}
{%- endmacro %}


{# The rows of a step: one semantic model and what is joined to it, with the names that are asked for as columns. #}
{% macro metrics_rows(rows, measures) -%}
    {%- set spine = rows.spine -%}
    {%- set own_time = 'base.' ~ adapter.quote(rows.time) -%}
    {%- set time = own_time if spine is none else 'spine.moment' -%}
    {%- set kept = [] -%}
    {%- for measure in measures -%}
        {%- if measure.column not in kept -%}{%- do kept.append(measure.column) -%}{%- endif -%}
    {%- endfor -%}
    {%- if rows.non_additive is not none -%}
        {%- for name in [rows.non_additive.column] + rows.non_additive.groupings -%}
            {%- if name not in kept -%}{%- do kept.append(name) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif %}        select *
        from (
            select
                {%- for item in rows['items'] %}
                {{ metrics_item(item, time if item.is_metric_time else item.alias ~ '.' ~ adapter.quote(item.column)) }} as {{ item.name }},
                {%- endfor %}
                {%- for name in kept %}
                base.{{ adapter.quote(name) }} as {{ 'own_' ~ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            {%- if spine is none %}
            from {{ rows.source }} as base
            {%- else %}
            from (
            {{ metrics_calendar(spine, rows.range) }}
            ) as spine
            inner join {{ rows.source }} as base
                on {{ metrics_calendar_condition(spine, metrics_time_at_grain(own_time, spine.grain)) }}
            {%- endif %}
            {%- for join in rows.joins %}
            left join {{ join.source }} as {{ join.alias }}
                on {{ join.left }}.{{ adapter.quote(join.entity) }} = {{ join.alias }}.{{ adapter.quote(join.entity) }}
                {%- if join.valid_from is not none %}
                {%- set valid_to = join.alias ~ '.' ~ adapter.quote(join.valid_to) %}
                and {{ join.alias }}.{{ adapter.quote(join.valid_from) }} <= {{ own_time }}
                and ({{ valid_to }} > {{ own_time }} or {{ valid_to }} is null)
                {%- endif %}
            {%- endfor %}
            {%- for item in rows['items'] if item.added is not none %}
            {{ metrics_added_grain(item, time if item.is_metric_time else item.alias ~ '.' ~ adapter.quote(item.column)) }}
            {%- endfor %}
            {%- for item in rows['items'] if item.metric %}
            left join {{ item.metric.step }} as {{ 'of_' ~ item.name }}
                on {{ 'of_' ~ item.name }}.{{ item.metric.key }} = {{ item.alias }}.{{ adapter.quote(item.column) }}
            {%- endfor %}
            {%- if spine is none and rows.range is not none %}
            where {{ metrics_in_range(own_time, rows.range, rows.time_grain) }}
            {%- endif %}
        ) as all_rows
        {%- for condition in rows.where %}
        {{ 'where' if loop.first else 'and' }} ({{ condition }})
        {%- endfor %}
{%- endmacro %}


{# Joins the time spine that adds the grain of an item: its periods are those of the units of time that the item is in. #}
{% macro metrics_added_grain(item, time) -%}
    left join {{ metrics_relation(item.added.table) }} as {{ 'of_' ~ item.name }}
                on {{ 'of_' ~ item.name }}.{{ item.added.time }} = {{ metrics_time_at_grain(time, item.added.unit) }}
{%- endmacro %}


{# An element as a column: a time at a grain, a part of a time, a metric of an entity, or the element as it is. #}
{% macro metrics_item(item, sql) -%}
    {%- if item.part is not none -%}
        {{ metrics_part_of_time(sql, item.part) }}
    {%- elif item.metric -%}
        {{ 'of_' ~ item.name }}.{{ item.metric.column }}
    {%- elif item.added is not none -%}
        {{ 'of_' ~ item.name }}.{{ item.added.column }}
    {%- elif item.grain is not none -%}
        {{ metrics_time_at_grain(sql, item.grain) }}
    {%- else -%}
        {{ sql }}
    {%- endif -%}
{%- endmacro %}


{# Which rows belong to a moment of the calendar. #}
{% macro metrics_calendar_condition(spine, time) -%}
    {%- if spine.how == 'offset' -%}
        {{ time }} = {{ dbt.dateadd(spine.unit, -spine.count, 'spine.moment') | trim }}
    {%- elif spine.how == 'to_grain' -%}
        {{ time }} = {{ metrics_time_at_grain('spine.moment', spine.unit) }}
    {%- elif spine.how == 'window' -%}
        {{ time }} <= spine.moment and {{ time }} > {{ dbt.dateadd(spine.unit, -spine.count, 'spine.moment') | trim }}
    {%- elif spine.how == 'since_start' -%}
        {{ time }} <= spine.moment and {{ time }} >= {{ metrics_time_at_grain('spine.moment', spine.unit) }}
    {%- else -%}
        {{ time }} <= spine.moment
    {%- endif -%}
{%- endmacro %}


{# Keeps the rows of the first or last moment, for measures that cannot be added up over time. #}
{% macro metrics_last_rows(read, non_additive) -%}
    {%- set keys = [] -%}
    {%- for name in non_additive.groupings -%}
        {%- do keys.append('own_' ~ name) -%}
    {%- endfor -%}
    {%- set keys = keys + non_additive.periods -%}
    {%- set moment = 'own_' ~ non_additive.column %}        select every_row.*
        from (
{{ read }}
        ) as every_row
        inner join (
            select
                {%- for key in keys %}
                {{ key }},
                {%- endfor %}
                {{ non_additive.choice }}({{ moment }}) as chosen_moment
            from (
{{ read }}
            ) as counted
            {%- if keys %}
            group by {{ keys | join(', ') }}
            {%- endif %}
        ) as chosen
            on every_row.{{ moment }} = chosen.chosen_moment
            {%- for key in keys %}
            and every_row.{{ key }} = chosen.{{ key }}
            {%- endfor %}
{%- endmacro %}


{# A measure aggregated over rows that have its value as `own_<name>`. #}
{% macro metrics_aggregation(measure) -%}
    {%- set value = 'own_' ~ measure.column -%}
    {%- if measure.agg == 'count_distinct' -%}
        count(distinct {{ value }})
    {%- elif measure.agg == 'average' -%}
        avg({{ value }})
    {%- elif measure.agg == 'sum_boolean' -%}
        sum(case when {{ value }} then 1 else 0 end)
    {%- elif measure.agg == 'count' -%}
        sum(case when {{ value }} is not null then 1 else 0 end)
    {%- elif measure.agg == 'median' -%}
        {{ metrics_percentile(value, 0.5, false, false) }}
    {%- elif measure.agg == 'percentile' -%}
        {{ metrics_percentile(value, measure.percentile, measure.is_discrete, measure.is_approximate) }}
    {%- else -%}
        {{ measure.agg }}({{ value }})
    {%- endif -%}
{%- endmacro %}


{# Aggregates conversions, each with the dimensions of the newest event before it that has the same entity. #}
{% macro metrics_conversion(step) -%}
    {%- set base = [{'column': step.entity}, {'column': step.base.time}] -%}
    {%- set converted = [step.measure, {'column': step.entity}, {'column': step.conversion.time}] -%}
    {%- for property in step.properties -%}
        {%- do base.append({'column': property.base_property}) -%}
        {%- do converted.append({'column': property.conversion_property}) -%}
    {%- endfor -%}
    {%- set event_time = metrics_time_at_grain('events.own_' ~ step.base.time, step.base.time_grain) -%}
    {%- set time = metrics_time_at_grain('numbered.own_' ~ step.conversion.time, step.conversion.time_grain) %}    select
        {%- for dim in step.base.dims %}
        {{ dim }},
        {%- endfor %}
        {{ metrics_aggregation(step.measure) }} as {{ step.measure.name }}
    from (
        select
            {%- for dim in step.base.dims %}
            events.{{ dim }},
            {%- endfor %}
            numbered.own_{{ step.measure.column }},
            row_number() over (partition by numbered.number order by {{ event_time }} desc) as place
        from (
            select
                conversions.*,
                row_number() over (order by own_{{ step.conversion.time }}) as number
            from (
{{ metrics_rows(step.conversion, converted) }}
            ) as conversions
        ) as numbered
        inner join (
{{ metrics_rows(step.base, base) }}
        ) as events
            on events.own_{{ step.entity }} = numbered.own_{{ step.entity }}
            and {{ event_time }} <= {{ time }}
            {%- if step.window is not none %}
            and {{ event_time }} > {{ dbt.dateadd(step.unit, -step.window, time) | trim }}
            {%- endif %}
            {%- for property in step.properties %}
            and events.own_{{ property.base_property }} = numbered.own_{{ property.conversion_property }}
            {%- endfor %}
    ) as paired
    where place = 1
    {%- if step.base.dims %}
    group by {{ step.base.dims | join(', ') }}
    {%- endif %}
{%- endmacro %}


{# Puts all periods of the calendar beside the values of a metric. #}
{% macro metrics_fill(step) -%}
    {%- set spine = {'table': step.spine.table, 'column': step.spine.column} %}    select
        {%- for dim in step.dims %}
        {{ 'periods' if dim in step.times else 'found' }}.{{ dim }} as {{ dim }},
        {%- endfor %}
        found.{{ step.column }} as {{ step.column }}
    from (
        select distinct
            {%- for item in step['items'] %}
            {{ metrics_item(item, 'calendar.' ~ spine.column) }} as {{ item.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ metrics_relation(spine.table) }} as calendar
        {%- for item in step['items'] if item.added is not none %}
            {{ metrics_added_grain(item, 'calendar.' ~ spine.column) }}
        {%- endfor %}
        {%- if step.range is not none %}
        where {{ metrics_in_range('calendar.' ~ spine.column, step.range, 'day') }}
        {%- endif %}
    ) as periods
    left join {{ step.from }} as found
        on {% for time in step.times %}{{ ' and ' if not loop.first }}periods.{{ time }} = found.{{ time }}{% endfor %}
    {%- for condition in step.where %}
    {{ 'where' if loop.first else 'and' }} ({{ condition | replace('metric_time__', 'periods.metric_time__') }})
    {%- endfor %}
{%- endmacro %}


{# One value of a cumulative metric for each period that is longer than the calendar's. #}
{% macro metrics_period(step) -%}
    {%- if step.choice == 'average' %}    select
        {%- for dim in step.dims %}
        {{ dim }},
        {%- endfor %}
        avg({{ step.column }}) as {{ step.column }}
    from {{ step.from }}
    group by {{ step.dims | join(', ') }}
    {%- else %}    select
        {%- for dim in step.dims %}
        {{ dim }},
        {%- endfor %}
        max({{ step.column }}) as {{ step.column }}
    from (
        select
            {%- for dim in step.dims %}
            {{ dim }},
            {%- endfor %}
            {{ step.choice }}_value({{ step.column }}) over (
                partition by {{ step.dims | join(', ') }}
                order by {{ step.within }}
                rows between unbounded preceding and unbounded following
            ) as {{ step.column }}
        from {{ step.from }}
    ) as moments
    group by {{ step.dims | join(', ') }}
    {%- endif %}
{%- endmacro %}


{# Metrics of several steps side by side, and what is computed of them. #}
{% macro metrics_compute(step) %}    select
        {%- for dim in step.dims %}
        {{ dim }},
        {%- endfor %}
        {%- for column in step.columns %}
        {% if column.kind == 'ratio' -%}
            {{ metrics_ratio(column.of, column.by) }}
        {%- elif column.kind == 'expression' -%}
            {{ column.sql }}
        {%- else -%}
            {{ column.of }}
        {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
{{ metrics_side_by_side(step) }}
    ) as inputs
{%- endmacro %}


{# The rows of several steps joined by their dimensions; each step may lack rows that another has. #}
{% macro metrics_side_by_side(step) -%}
    {%- set several = step.inputs | length > 1 %}        select
        {%- for dim in step.dims %}
            {{ metrics_any_of(step.inputs, dim, step.inputs | length) }} as {{ dim }},
        {%- endfor %}
        {%- for input in step.inputs %}
            {%- set last = loop.last -%}
            {%- for column in input.columns %}
            {%- set value = input.step ~ '.' ~ column.from -%}
            {%- if several and step.dims -%}{%- set value = 'max(' ~ value ~ ')' -%}{%- endif %}
            {% if column.fill is not none %}coalesce({{ value }}, {{ column.fill }}){% else %}{{ value }}{% endif %} as {{ column.name }}{{ ',' if not (last and loop.last) }}
            {%- endfor %}
        {%- endfor %}
        from {{ step.inputs[0].step }}
        {%- for input in step.inputs[1:] %}
            {%- if step.dims %}
        full outer join {{ input.step }}
            {%- set count = loop.index %}
            on {% for dim in step.dims %}{{ ' and ' if not loop.first }}{{ metrics_any_of(step.inputs, dim, count) }} = {{ input.step }}.{{ dim }}{% endfor %}
            {%- else %}
        cross join {{ input.step }}
            {%- endif %}
        {%- endfor %}
        {%- if several and step.dims %}
        group by {% for dim in step.dims %}{{ metrics_any_of(step.inputs, dim, step.inputs | length) }}{{ ', ' if not loop.last }}{% endfor %}
        {%- endif %}
{%- endmacro %}


{# A dimension from the first of the given number of steps that has it. #}
{% macro metrics_any_of(inputs, dim, number) -%}
    {%- if number == 1 -%}
        {{ inputs[0].step }}.{{ dim }}
    {%- else -%}
        coalesce({% for input in inputs[:number] %}{{ input.step }}.{{ dim }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}
