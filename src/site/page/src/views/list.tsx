/** All items of a kind, with a filter. */

import { useMemo, useState } from 'preact/hooks';
import { span } from '../format';
import { type Item, type Project, healthOf, testTitle, worstHealth } from '../model';
import { columnHref, hrefOf } from '../router';
import { Badge, Empty, HealthIcon, KindIcon, kindName, kindNames, Status, Summary, useMore } from '../ui';

export function ListPage({ project, kind, query }: { project: Project; kind: string; query: string }) {
  const [filter, setFilter] = useState(query);
  const all = useMemo(() => itemsOf(project, kind), [project, kind]);
  const found = useMemo(() => all.filter((item) => holds(item, filter)), [all, filter]);
  const [shown, more] = useMore(found, 200);
  return (
    <div class="page">
      <header class="list-head">
        <h1>{kindNames(kind)} <span class="count">{all.length.toLocaleString('en-US')}</span></h1>
        {all.length > 0 && (
          <label class="filter">
            <span class="visually-hidden">Filter</span>
            <input type="search" placeholder="Filter by name, tag, is:fail" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
          </label>
        )}
      </header>
      {all.length === 0 && <Empty title={`The project has no ${kindNames(kind).toLowerCase()}`} />}
      {all.length > 0 && found.length === 0 && <Empty title={`No ${kindName(kind).toLowerCase()} matches “${filter}”`}>Words must all be in the name, description, tags or path.</Empty>}
      <ul class="rows">{shown.map((item) => <li key={item.id}><Row item={item} project={project} /></li>)}</ul>
      {more}
    </div>
  );
}

function itemsOf(project: Project, kind: string): Item[] {
  if (kind === 'test' || kind === 'unit_test') return project.tests;
  if (kind === 'group') return project.groups;
  if (kind === 'macro') {
    // One's own first: of a project's macros most are dbt's and the adapter's.
    const isOwn = (item: Item) => Number(item.pkg === project.name);
    return [...project.macros].sort((a, b) => isOwn(b) - isOwn(a));
  }
  return project.nodes.filter((item) => item.kind === kind && !item.isHidden);
}

function holds(item: Item, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [item.label, item.description, item.path, item.pkg, ...item.tags, item.materialized, item.group?.name].join(' ').toLowerCase();
  return words.every((word) => (word.startsWith('is:') ? healthOf(item) === word.slice(3) : text.includes(word)));
}

function Row({ item, project }: { item: Item; project: Project }) {
  if (item.kind === 'test' || item.kind === 'unit_test') return <TestRow test={item} />;
  const health = worstHealth(item);
  return (
    <a class="row" href={hrefOf(item)}>
      <KindIcon kind={item.kind} />
      <span class="row-text">
        <span class="row-name">
          {item.label}
          {item.materialized && <Badge>{item.materialized}</Badge>}
          {item.pkg !== project.name && <Badge>{item.pkg}</Badge>}
          {item.tags.map((tag) => <Badge key={tag} tone="tag">{tag}</Badge>)}
        </span>
        <span class="row-note"><Summary text={item.description || item.path} /></span>
      </span>
      <span class="row-end">
        {item.freshness?.max_loaded_at_time_ago_in_s !== undefined && <span class="muted">{span(item.freshness.max_loaded_at_time_ago_in_s)} old</span>}
        {item.kind === 'exposure' || item.kind === 'group' ? <span class="muted">{item.owner?.name ?? ''}</span> : null}
        {health !== 'none' && <HealthIcon health={health} />}
      </span>
    </a>
  );
}

/** A test under the node that it is about. */
function TestRow({ test }: { test: Item }) {
  const about = test.wire.attached_node ? test.parents.find((parent) => parent.id === test.wire.attached_node) : test.parents[0];
  const column = test.wire.column_name ?? '';
  return (
    <a class="row" href={hrefOf(test)}>
      <KindIcon kind={test.kind} />
      <span class="row-text">
        <span class="row-name">{about ? <>{about.label}{column && <span class="hit-column">.{column}</span>}</> : test.name}<Badge>{testTitle(test) === test.name ? 'singular' : testTitle(test)}</Badge></span>
        <span class="row-note">{test.result?.message || (test.description ? <Summary text={test.description} /> : test.name)}</span>
      </span>
      <span class="row-end"><Status item={test} /></span>
    </a>
  );
}

/** Kept here, beside the other rows: the tests of one node. */
export function TestTable({ tests }: { tests: Item[] }) {
  const [shown, more] = useMore(tests, 100);
  return (
    <>
      <ul class="rows">
        {shown.map((test) => {
          const column = test.wire.column_name;
          const about = test.wire.attached_node ? test.parents.find((parent) => parent.id === test.wire.attached_node) : undefined;
          return (
            <li key={test.id} class="row test-row">
              <span class="row-text">
                <span class="row-name">
                  <a href={hrefOf(test)}>{testTitle(test)}</a>
                  {column && (about ? <a class="on-column" href={columnHref(about, column)}>{column}</a> : <span class="on-column">{column}</span>)}
                  {String(test.wire.config?.severity ?? '').toLowerCase() === 'warn' && <Badge>warns only</Badge>}
                </span>
                <span class="row-note">{test.result?.message || <Summary text={test.description} />}</span>
              </span>
              <span class="row-end">
                {test.result?.failures ? <span class="muted">{test.result.failures.toLocaleString('en-US')} rows</span> : null}
                <Status item={test} />
              </span>
            </li>
          );
        })}
      </ul>
      {more}
    </>
  );
}

