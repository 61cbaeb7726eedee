/** The columns of an item: types, meaning, tests, and where each comes from and goes to. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { type ColumnEdge, type ColumnRef, KIND_TEXTS } from '../columns';
import { type Column, type Item, type Project, healthOf, testArguments, testTitle } from '../model';
import { columnHref, graphHref, hrefOf } from '../router';
import { Badge, Empty, Glyph, HealthIcon, Markdown, Section, useMore } from '../ui';

export function ColumnsSection({ item, project, opened }: { item: Item; project: Project; opened: string }) {
  const [filter, setFilter] = useState('');
  const wanted = filter.toLowerCase().trim();
  const found = useMemo(
    () => item.columns.filter((column) => !wanted || `${column.name} ${column.description} ${column.tags.join(' ')}`.toLowerCase().includes(wanted)),
    [item, project.columns, wanted],
  );
  const isDeep = item.columns.findIndex((column) => isNamed(column, opened)) >= 200;
  const [shown, more] = useMore(found, isDeep ? item.columns.length : 200);
  const actions = item.columns.length > 12 && (
    <label class="filter">
      <span class="visually-hidden">Filter columns</span>
      <input type="search" placeholder="Filter columns" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
    </label>
  );
  return (
    <Section id="columns" title="Columns" count={item.columns.length} actions={actions}>
      {item.columns.length === 0 && (
        <Empty title="No columns are known">
          Describe them in a property file, or build the {item.kind} and run <code>kiln docs generate</code> again.
        </Empty>
      )}
      {shown.length > 0 && (
        <div class="columns" role="table" aria-label="Columns">
          <div class="column-head" role="row">
            <span role="columnheader">Name</span>
            <span role="columnheader">Type</span>
            <span role="columnheader">Description</span>
            <span role="columnheader">Tests</span>
          </div>
          {shown.map((column) => <ColumnRow key={column.name} item={item} column={column} project={project} isOpen={isNamed(column, opened)} />)}
        </div>
      )}
      {wanted && found.length === 0 && <Empty title={`No column matches “${filter}”`} />}
      {more}
    </Section>
  );
}

const isNamed = (column: Column, name: string) => Boolean(name) && column.name.toLowerCase() === name.toLowerCase();

function ColumnRow({ item, column, project, isOpen }: { item: Item; column: Column; project: Project; isOpen: boolean }) {
  const ref = { item, name: column.name };
  const inherited = useMemo(() => (column.description ? null : project.columns.inherited(ref)), [column, project.columns]);
  const id = `column-${column.name}`;
  useEffect(() => {
    if (isOpen) document.getElementById(id)?.scrollIntoView({ block: 'center' });
  }, [isOpen]);
  const facts = [...column.constraints, ...(column.isMissing ? ['not in the database'] : [])];
  return (
    <div class={`column-group ${isOpen ? 'is-open' : ''}`} role="rowgroup" id={id}>
      <div class="column-row" role="row">
        <span role="cell" class="column-name">
          <a href={isOpen ? hrefOf(item, 'columns') : columnHref(item, column.name)} aria-expanded={isOpen}>
            <Glyph name="chevron" size={12} />
            <span>{column.name}</span>
          </a>
        </span>
        <span role="cell" class="column-type">{column.type.toLowerCase()}</span>
        <div role="cell" class="column-text">
          {column.description && <Markdown text={column.description} />}
          {!column.description && column.comment && <Markdown text={column.comment} />}
          {inherited && (
            <div class="inherited">
              <Markdown text={inherited.description} />
              <a href={columnHref(inherited.ref.item, inherited.ref.name)}>from {inherited.ref.item.label}.{inherited.ref.name}</a>
            </div>
          )}
          {(facts.length > 0 || column.tags.length > 0) && (
            <p class="badges">
              {facts.map((fact) => <Badge key={fact} tone={fact === 'not in the database' ? 'warn' : ''}>{fact}</Badge>)}
              {column.tags.map((tag) => <Badge key={tag} tone="tag">{tag}</Badge>)}
            </p>
          )}
        </div>
        <span role="cell" class="column-tests">
          {column.tests.map((test) => {
            const same = project.columns.repeatedBy(test);
            const title = [test.name, test.result?.message, same && `says again what ${same.name} says`];
            return (
              <a key={test.id} class={`test-chip ${same ? 'is-repeated' : ''}`} href={hrefOf(test)} title={title.filter(Boolean).join(' · ')}>
                <HealthIcon health={healthOf(test)} size={13} />{testTitle(test)}
              </a>
            );
          })}
        </span>
      </div>
      {isOpen && <ColumnDetail column={column} at={ref} project={project} />}
    </div>
  );
}

function ColumnDetail({ column, at, project }: { column: Column; at: ColumnRef; project: Project }) {
  const notes = project.columns.notesOn(at);
  const meta = Object.entries(column.meta);
  const repeated = column.tests.flatMap((test) => {
    const same = project.columns.repeatedBy(test);
    return same ? [{ test, same }] : [];
  });
  const settings = column.tests.flatMap((test) => testArguments(test).map(([key, value]): [string, string] => [`${testTitle(test)} · ${key}`, value]));
  return (
    <div class="column-detail" role="row">
      <div role="cell">
        {!project.columns.isEmpty && (
          <>
            <div class="two">
              <Ends title="Comes from" edges={project.columns.upstream(at, true)} end={(edge) => edge.from} none="Nothing upstream: it begins here." notes={notes} />
              <Ends title="Goes to" edges={project.columns.downstream(at, true)} end={(edge) => edge.to} none="Nothing reads it." notes={[]} />
            </div>
            <a class="button small" href={graphHref({ focus: at.item.id, column: column.name, up: 99, down: 99 })}>
              <Glyph name="lineage" />Show its lineage
            </a>
          </>
        )}
        {repeated.map(({ test, same }) => (
          <p key={test.id} class="muted">
            <code>{testTitle(test)}</code> need not be repeated: <a href={hrefOf(same)}>{same.name}</a> says it of where the value comes from.
          </p>
        ))}
        {(meta.length > 0 || settings.length > 0) && (
          <dl class="settings">
            {[...settings, ...meta.map(([key, value]): [string, string] => [key, typeof value === 'string' ? value : JSON.stringify(value)])].map(([key, value]) => (
              <div key={key}><dt>{key}</dt><dd>{value}</dd></div>
            ))}
          </dl>
        )}
        {project.columns.isEmpty && meta.length === 0 && settings.length === 0 && <p class="muted">Nothing more is known of this column.</p>}
      </div>
    </div>
  );
}

interface EndsProps {
  title: string;
  edges: ColumnEdge[];
  end: (edge: ColumnEdge) => ColumnRef;
  none: string;
  notes: string[];
}

function Ends({ title, edges, end, none, notes }: EndsProps) {
  const [shown, more] = useMore(merged(edges, end), 12);
  return (
    <div class="ends">
      <h3>{title}</h3>
      {shown.length === 0 && notes.length === 0 && <p class="muted">{none}</p>}
      <ul>
        {shown.map(({ ref, kinds }) => (
          <li key={`${ref.item.id} ${ref.name}`}>
            <a href={ref.name ? columnHref(ref.item, ref.name) : hrefOf(ref.item)}>
              <span class="ends-item">{ref.item.label}</span>
              {ref.name && <span class="ends-column">{ref.name}</span>}
            </a>
            <span class="muted">{kinds.map((kind) => KIND_TEXTS[kind] ?? kind).join(', ')}</span>
          </li>
        ))}
      </ul>
      {more}
      {notes.map((note) => <p key={note} class="muted">Not all is known: {note}.</p>)}
    </div>
  );
}

/** One line for each column, with all the ways in which it is used. */
function merged(edges: ColumnEdge[], end: (edge: ColumnEdge) => ColumnRef): { ref: ColumnRef; kinds: string[] }[] {
  const lines = new Map<string, { ref: ColumnRef; kinds: string[] }>();
  for (const edge of edges) {
    const ref = end(edge);
    const key = `${ref.item.id}\n${ref.name}`;
    const line = lines.get(key) ?? { ref, kinds: [] };
    if (!line.kinds.includes(edge.kind)) line.kinds.push(edge.kind);
    lines.set(key, line);
  }
  return [...lines.values()];
}
