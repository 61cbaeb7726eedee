/** The page of one item, of any kind: what it is, then its parts in one scroll. */

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { ago, bytes, moment, seconds, span } from '../format';
import { Neighborhood } from '../graph/neighborhood';
import {
  type Item, type Project, constraintText, finishedAt, healthOf, plain, promiseOf, testArguments, testTitle,
} from '../model';
import { graphHref, hrefOf, listHref } from '../router';
import { Badge, Copy, Empty, Facts, Glyph, ItemLink, KindIcon, kindName, Markdown, OwnerText, Section, Status, useMore } from '../ui';
import { CodeSection } from './code';
import { ColumnsSection } from './columns-table';
import { TestTable } from './list';

interface Props {
  project: Project;
  item: Item;
  part: string;
  column: string;
}

const WITH_COLUMNS = new Set(['model', 'source', 'seed', 'snapshot']);
const WITH_CODE = new Set(['model', 'snapshot', 'analysis', 'test', 'macro', 'function', 'operation']);

export function ItemPage({ project, item, part, column }: Props) {
  useEffect(() => {
    if (part && !column) document.getElementById(`part-${part}`)?.scrollIntoView();
  }, [part, column]);
  const parts = partsOf(item, project);
  return (
    <article class="page item-page">
      <ItemHead item={item} project={project} />
      <nav class="parts" aria-label="Parts of this page">
        {parts.map(([id, title]) => (
          <a key={id} href={hrefOf(item, id)} onClick={() => document.getElementById(`part-${id}`)?.scrollIntoView()}>{title}</a>
        ))}
      </nav>
      {item.kind === 'macro' && <Arguments item={item} />}
      {item.kind === 'unit_test' && <UnitTest item={item} />}
      {WITH_COLUMNS.has(item.kind) && <ColumnsSection item={item} project={project} opened={part === 'column' ? column : ''} />}
      {item.ix >= 0 && item.parents.length + graphChildren(item).length > 0 && <LineageSection item={item} project={project} />}
      {item.tests.length > 0 && (
        <Section id="tests" title="Tests" count={item.tests.length}><TestTable tests={item.tests} /></Section>
      )}
      {item.kind === 'group' && <Members item={item} />}
      {WITH_CODE.has(item.kind) && <CodeSection item={item} project={project} />}
      <Connections item={item} />
      <Details item={item} />
    </article>
  );
}

const graphChildren = (item: Item) => item.children.filter((child) => child.ix >= 0);

function partsOf(item: Item, project: Project): [string, string][] {
  const has = (is: boolean, id: string, title: string): [string, string][] => (is ? [[id, title]] : []);
  return [
    ...has(WITH_COLUMNS.has(item.kind), 'columns', 'Columns'),
    ...has(item.ix >= 0 && item.parents.length + graphChildren(item).length > 0, 'lineage', 'Lineage'),
    ...has(item.tests.length > 0, 'tests', 'Tests'),
    ...has(WITH_CODE.has(item.kind), 'code', 'Code'),
    ...has(connectionsOf(item).length > 0, 'connections', 'Connections'),
    ...has(detailsOf(item).length > 0 && project.items.size > 0, 'details', 'Details'),
  ];
}

function ItemHead({ item, project }: { item: Item; project: Project }) {
  const folders = item.path.split('/').slice(0, -1).join(' / ');
  return (
    <header class="item-head">
      <p class="eyebrow">
        <a href={listHref(item.kind)}>{kindName(item.kind)}</a>
        {item.pkg !== project.name && item.pkg && <span>{item.pkg}</span>}
        {folders && <span>{folders}</span>}
      </p>
      <h1><KindIcon kind={item.kind} size={26} /><span>{item.kind === 'test' ? testTitle(item) : item.label}</span></h1>
      <Badges item={item} />
      {item.kind === 'test' && <p class="lead">{testLead(item)}</p>}
      {item.description ? <Markdown text={item.description} class="lead" /> : canHaveText(item) && <p class="lead none">No description yet.</p>}
      {item.kind === 'source' && item.wire.source_description && <Markdown text={item.wire.source_description} class="lead small" />}
      <Facts facts={factsOf(item)} />
      {item.result && healthOf(item) === 'fail' && item.result.message && <pre class="failure">{item.result.message}</pre>}
    </header>
  );
}

const canHaveText = (item: Item) => WITH_COLUMNS.has(item.kind) || item.kind === 'exposure' || item.kind === 'macro';

function testLead(test: Item): ComponentChildren {
  const about = test.wire.attached_node ? test.parents.find((parent) => parent.id === test.wire.attached_node) : undefined;
  const args = testArguments(test);
  return (
    <>
      {about && <>On <a href={hrefOf(about)}>{about.label}</a>{test.wire.column_name && <>, column <code>{test.wire.column_name}</code></>}. </>}
      {args.map(([key, value]) => <span key={key} class="argument"><b>{key}</b> {value}</span>)}
    </>
  );
}

function Badges({ item }: { item: Item }) {
  const { wire } = item;
  const isOldVersion = wire.version != null && wire.latest_version != null && wire.version !== wire.latest_version;
  const enforced = wire.contract?.enforced ?? (wire.config?.contract as { enforced?: boolean } | undefined)?.enforced;
  return (
    <p class="badges">
      {item.materialized && <Badge>{item.materialized}</Badge>}
      {item.kind === 'model' && wire.access && wire.access !== 'protected' && <Badge title="Who may refer to it">{wire.access}</Badge>}
      {enforced && <Badge tone="good" title="Columns and types are promised and checked">contract</Badge>}
      {wire.version != null && wire.version !== '' && <Badge tone={isOldVersion ? 'warn' : ''}>{isOldVersion ? `version ${wire.version}, latest is ${wire.latest_version}` : `version ${wire.version}`}</Badge>}
      {wire.deprecation_date && <Badge tone="warn">deprecated {moment(wire.deprecation_date)}</Badge>}
      {item.group && <Badge href={hrefOf(item.group)} title="Group">{item.group.name}</Badge>}
      {wire.maturity && <Badge>{wire.maturity} maturity</Badge>}
      {item.kind === 'exposure' && wire.type && <Badge>{wire.type}</Badge>}
      {wire.language === 'python' && <Badge>python</Badge>}
      {item.tags.map((tag) => <Badge key={tag} tone="tag" href={graphHref({ select: `tag:${tag}` })}>{tag}</Badge>)}
    </p>
  );
}

function factsOf(item: Item): [string, ComponentChildren][] {
  const { result, freshness, table, wire } = item;
  const stats = Object.values(table?.stats ?? {}).filter((stat) => stat.include !== false && stat.id !== 'has_stats');
  const lastRun = result && (
    <>
      <Status item={item} /> <span class="muted" title={moment(finishedAt(result))}>{ago(finishedAt(result))}{result.execution_time ? `, took ${seconds(result.execution_time)}` : ''}</span>
    </>
  );
  return [
    ['Relation', item.relation && <span class="relation"><code>{item.relation}</code><Copy text={item.relation} label="Copy the relation's name" /></span>],
    ['Kind of relation', item.kind === 'source' ? (table?.metadata?.type ?? '').toLowerCase() : ''],
    ['Last run', lastRun],
    ['Fresh', freshness && <><Status item={{ ...item, result: null }} /> <span class="muted">{freshness.max_loaded_at_time_ago_in_s !== undefined ? `newest row ${span(freshness.max_loaded_at_time_ago_in_s)} old` : freshness.error}</span></>],
    ['Freshness', item.kind === 'source' ? promiseOf(wire.freshness) : ''],
    ['Owner', item.owner || item.group?.owner ? <OwnerText item={item} /> : ''],
    ['Opens at', wire.url ? <SafeLink url={wire.url} /> : ''],
    ['Loaded by', wire.loader ?? ''],
    ...stats.map((stat): [string, ComponentChildren] => [stat.label, statText(stat.id, stat.value)]),
    ['Owned in the database by', table?.metadata?.owner ?? ''],
    ['File', !WITH_CODE.has(item.kind) && item.path && <code>{item.path}</code>],
  ];
}

/** Addresses come from project files: only those of the web become links. */
function SafeLink({ url }: { url: string }) {
  if (!/^https?:\/\//i.test(url)) return <>{url}</>;
  return <a href={url} target="_blank" rel="noopener noreferrer">{url.replace(/^https?:\/\//, '')} <Glyph name="external" size={12} /></a>;
}

function statText(id: string, value: unknown): string {
  if (typeof value !== 'number') return String(value);
  return /bytes|size/.test(id) ? bytes(value) : value.toLocaleString('en-US');
}

function LineageSection({ item, project }: { item: Item; project: Project }) {
  const href = graphHref({ focus: item.id, up: 2, down: 2 });
  return (
    <Section id="lineage" title="Lineage" actions={<a class="button small" href={href}><Glyph name="graph" />Open in the graph</a>}>
      <div class="graph-frame"><Neighborhood project={project} focus={item} /></div>
    </Section>
  );
}

function Members({ item }: { item: Item }) {
  const [shown, more] = useMore(item.children, 200);
  return (
    <Section id="members" title="Members" count={item.children.length}>
      {shown.length === 0 && <Empty title="Nothing is in this group" />}
      <ul class="links wide">{shown.map((member) => <li key={member.id}><ItemLink item={member} /></li>)}</ul>
      {more}
    </Section>
  );
}

/** The same as the drawn graph, as lists: for reading aloud, for printing, and for what is not drawn. */
function connectionsOf(item: Item): [string, Item[]][] {
  const used = item.kind === 'macro' ? item.children : graphChildren(item);
  const lists: [string, Item[]][] = [
    [item.kind === 'test' || item.kind === 'unit_test' ? 'Reads' : 'Depends on', item.parents],
    [item.kind === 'macro' ? 'Called by' : 'Used by', item.kind === 'group' ? [] : used],
    ['Calls macros', item.macros],
  ];
  return lists.filter(([, list]) => list.length > 0);
}

function Connections({ item }: { item: Item }) {
  const lists = connectionsOf(item);
  if (lists.length === 0) return null;
  return (
    <Section id="connections" title="Connections">
      <div class="three">{lists.map(([title, list]) => <ConnectionList key={title} title={title} items={list} />)}</div>
    </Section>
  );
}

function ConnectionList({ title, items }: { title: string; items: Item[] }) {
  const [shown, more] = useMore(items, 20);
  return (
    <div>
      <h3>{title} <span class="count">{items.length.toLocaleString('en-US')}</span></h3>
      <ul class="links">{shown.map((other) => <li key={other.id}><ItemLink item={other} note={other.kind === 'test' ? kindName('test') : ''} /></li>)}</ul>
      {more}
    </div>
  );
}

function Arguments({ item }: { item: Item }) {
  const list = item.wire.arguments ?? [];
  if (list.length === 0) return null;
  return (
    <Section id="arguments" title="Arguments" count={list.length}>
      <dl class="settings">
        {list.map((argument) => (
          <div key={argument.name}>
            <dt><code>{argument.name}</code>{argument.type && <span class="muted"> {argument.type}</span>}</dt>
            <dd>{argument.description ? <Markdown text={argument.description} /> : <span class="muted">Not described.</span>}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function UnitTest({ item }: { item: Item }) {
  const text = useMemo(() => JSON.stringify({ given: item.wire.given, expect: item.wire.expect }, null, 2), [item]);
  return <Section id="given" title="Given and expected"><figure class="code"><pre tabIndex={0}>{text}</pre></figure></Section>;
}

/** Settings that say something, without those that every node has. */
const EVERYDAY = new Set([
  'enabled', 'materialized', 'tags', 'meta', 'docs', 'group', 'access', 'contract', 'alias', 'schema', 'database', 'freshness', 'severity',
  'column_types', 'quoting', 'packages', 'event_time', 'loaded_at_field', 'loaded_at_query', 'static_analysis',
]);
const DEFAULTS: Record<string, unknown> = {
  on_schema_change: 'ignore', on_configuration_change: 'apply', error_if: '!= 0', warn_if: '!= 0', fail_calc: 'count(*)', batch_size: null,
  lookback: 1, concurrent_batches: null,
};

function detailsOf(item: Item): [string, string][] {
  const { wire } = item;
  const config = Object.entries(wire.config ?? {}).filter(
    ([key, value]) => !EVERYDAY.has(key) && !isEmpty(value) && DEFAULTS[key] !== value,
  );
  const meta = Object.entries({ ...(wire.config?.meta as object), ...wire.meta }).filter(([, value]) => !isEmpty(value));
  const constraints = (wire.constraints ?? []).map((constraint): [string, string] => [
    'constraint', [constraintText(constraint), constraint.columns?.join(', ')].filter(Boolean).join(' on '),
  ]);
  return [
    ...meta.map(([key, value]): [string, string] => [`meta.${key}`, plain(value)]),
    ...constraints,
    ...config.map(([key, value]): [string, string] => [key, plain(value)]),
  ];
}

const isEmpty = (value: unknown) => value === null || value === undefined || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);

function Details({ item }: { item: Item }) {
  const details = detailsOf(item);
  if (details.length === 0) return null;
  return (
    <Section id="details" title="Details" count={details.length}>
      <dl class="settings">
        {details.map(([key, value], at) => <div key={at}><dt>{key}</dt><dd>{value}</dd></div>)}
      </dl>
    </Section>
  );
}

