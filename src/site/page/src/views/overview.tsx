/** The first page: what the project says of itself, how it is, and where to start. */

import { useMemo } from 'preact/hooks';
import { ago, count, moment, percent } from '../format';
import { DenseGraph } from '../graph/dense';
import { type Health, type Item, type Project, columnNames, coverage, healthOf } from '../model';
import { hrefOf, listHref } from '../router';
import { Bar, HealthIcon, ItemLink, KindIcon, Markdown, OwnerText, Section, Status, Summary } from '../ui';

export function Overview({ project }: { project: Project }) {
  const troubles = useMemo(() => troublesOf(project), [project]);
  return (
    <div class="page overview">
      {!project.overview && <h1>{project.name}</h1>}
      <div class="overview-columns">
        <div class="overview-main">
          {project.overview ? <Markdown text={project.overview} class="overview-text" /> : <Start project={project} />}
          {troubles.length > 0 && <Troubles troubles={troubles} />}
          <Exposures project={project} />
          {project.overview && <Start project={project} />}
        </div>
        <aside class="overview-side" aria-label="At a glance">
          <MapCard project={project} />
          <Glance project={project} />
        </aside>
      </div>
      <footer class="made">
        Made by kiln{project.kilnVersion && ` ${project.kilnVersion}`}
        {project.generatedAt && <> on {moment(project.generatedAt)}</>}
        {project.adapter && <> · {project.adapter}</>}
        {project.dbtVersion && <> · manifest of dbt {project.dbtVersion}</>}
      </footer>
    </div>
  );
}

/** A look at the whole graph, which leads to it. */
function MapCard({ project }: { project: Project }) {
  const visible = useMemo(() => project.nodes.filter((item) => !item.isHidden), [project]);
  if (visible.length < 2) return null;
  return (
    <a class="card map-card" href="#/graph" aria-label={`Graph of ${count(visible.length, 'node')}`}>
      <DenseGraph items={visible} isStill />
      <span class="map-caption">Graph of {count(visible.length, 'node')}</span>
    </a>
  );
}

function Glance({ project }: { project: Project }) {
  const { nodes, columns } = useMemo(() => coverage(project.nodes), [project]);
  return (
    <>
      <TestCard project={project} />
      <FreshnessCard project={project} />
      <div class="card">
        <h2 class="card-title">Described</h2>
        <Coverage name="Nodes" share={nodes} />
        <Coverage name="Columns" share={columns} />
      </div>
    </>
  );
}

function Coverage({ name, share }: { name: string; share: [number, number] }) {
  const [part, all] = share;
  return (
    <div class="coverage">
      <p><span>{name}</span><b>{percent(share)}</b></p>
      <Bar parts={[['b-ink', part], ['b-none', all - part]]} label={`${part} of ${all}`} />
    </div>
  );
}

const HEALTHS: Health[] = ['pass', 'warn', 'fail', 'skip', 'none'];
const HEALTH_TITLES: Record<Health, string> = { pass: 'passed', warn: 'warned', fail: 'failed', skip: 'skipped', none: 'not run' };

function TestCard({ project }: { project: Project }) {
  if (project.tests.length === 0) return null;
  const sizes = tally(project.tests);
  return (
    <div class="card">
      <h2 class="card-title">Tests<span class="card-note">{project.ranAt && ago(project.ranAt)}</span></h2>
      <Healths sizes={sizes} href={(health) => listHref('test', `is:${health}`)} />
    </div>
  );
}

function FreshnessCard({ project }: { project: Project }) {
  const sources = project.nodes.filter((item) => item.kind === 'source' && item.freshness);
  if (sources.length === 0) return null;
  return (
    <div class="card">
      <h2 class="card-title">Freshness of sources</h2>
      <Healths sizes={tally(sources)} href={(health) => listHref('source', `is:${health}`)} />
    </div>
  );
}

function Healths({ sizes, href }: { sizes: Map<Health, number>; href: (health: Health) => string }) {
  const shown = HEALTHS.filter((health) => sizes.get(health));
  return (
    <>
      <Bar parts={shown.map((health) => [`b-${health}`, sizes.get(health)!])} label={shown.map((health) => `${sizes.get(health)} ${HEALTH_TITLES[health]}`).join(', ')} />
      <ul class="legend">
        {shown.map((health) => (
          <li key={health}>
            <a href={href(health)}><HealthIcon health={health} size={14} />{sizes.get(health)!.toLocaleString('en-US')} {HEALTH_TITLES[health]}</a>
          </li>
        ))}
      </ul>
    </>
  );
}

function tally(items: Item[]): Map<Health, number> {
  const sizes = new Map<Health, number>();
  for (const item of items) sizes.set(healthOf(item), (sizes.get(healthOf(item)) ?? 0) + 1);
  return sizes;
}

function troublesOf(project: Project): Item[] {
  const looked = [...project.nodes, ...project.tests];
  const bad = looked.filter((item) => ['fail', 'warn'].includes(healthOf(item)));
  return bad.sort((a, b) => Number(healthOf(b) === 'fail') - Number(healthOf(a) === 'fail'));
}

function Troubles({ troubles }: { troubles: Item[] }) {
  return (
    <Section id="troubles" title="Needs attention" count={troubles.length}>
      <ul class="rows">
        {troubles.slice(0, 12).map((item) => (
          <li key={item.id}>
            <a class="row" href={hrefOf(item)}>
              <KindIcon kind={item.kind} />
              <span class="row-text">
                <span class="row-name">{item.label}</span>
                <span class="row-note">{item.result?.message ?? item.freshness?.error ?? ''}</span>
              </span>
              <Status item={item} />
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Exposures({ project }: { project: Project }) {
  const exposures = project.nodes.filter((item) => item.kind === 'exposure' && !item.isHidden);
  if (exposures.length === 0) return null;
  return (
    <Section id="exposures" title="What it is for" count={exposures.length}>
      <ul class="cards">
        {exposures.slice(0, 12).map((item) => (
          <li key={item.id} class="card exposure-card">
            <p class="eyebrow">{item.wire.type ?? 'exposure'}{item.wire.maturity && ` · ${item.wire.maturity} maturity`}</p>
            <h3><a href={hrefOf(item)}>{item.label}</a></h3>
            <p><Summary text={item.description} /></p>
            <p class="card-foot"><OwnerText item={item} /><span>{count(item.parents.length, 'model')}</span></p>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** The models that most others are made from, and those that nothing is made from. */
function Start({ project }: { project: Project }) {
  const models = project.nodes.filter((item) => item.kind === 'model' && !item.isHidden && item.pkg === project.name);
  const used = new Map(models.map((item) => [item, item.children.filter((child) => child.kind === 'model').length]));
  const wide = new Map(models.map((item) => [item, columnNames(item).length]));
  const uses = (item: Item) => used.get(item)!;
  const core = models.filter((item) => uses(item) > 1).sort((a, b) => uses(b) - uses(a)).slice(0, 6);
  const final = models.filter((item) => uses(item) === 0).sort((a, b) => wide.get(b)! - wide.get(a)!).slice(0, 6);
  if (models.length === 0) return null;
  return (
    <div class="start">
      {core.length > 0 && <Starters title="Most used" items={core} note={(item) => `by ${count(uses(item), 'model')}`} />}
      {final.length > 0 && <Starters title="Results" items={final} note={(item) => count(wide.get(item)!, 'column')} />}
    </div>
  );
}

function Starters({ title, items, note }: { title: string; items: Item[]; note: (item: Item) => string }) {
  return (
    <section>
      <h2>{title}</h2>
      <ul class="links">
        {items.map((item) => <li key={item.id}><ItemLink item={item} note={note(item)} /></li>)}
      </ul>
    </section>
  );
}
