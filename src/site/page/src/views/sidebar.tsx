/** The contents: kinds with their numbers, and the project as a tree of folders or of schemas. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { GRAPH_KINDS, type Item, type Project } from '../model';
import { type Route, hrefOf, listHref } from '../router';
import { Glyph, HealthIcon, KindIcon, kindNames, useMore } from '../ui';
import { worstHealth } from '../model';

interface Props {
  project: Project;
  route: Route;
  current: Item | undefined;
  isOpen: boolean;
  close: () => void;
}

type View = 'files' | 'database';

export function Sidebar({ project, route, current, isOpen, close }: Props) {
  const [view, setView] = useState<View>('files');
  const tree = useMemo(() => (view === 'files' ? fileTree(project) : databaseTree(project)), [project, view]);
  return (
    <>
      {isOpen && <div class="scrim" onClick={close} />}
      <aside class={`side ${isOpen ? 'open' : ''}`} aria-label="Contents">
        <nav aria-label="Kinds">
          <ul class="kinds">
            <li><a href="#/" aria-current={route.page === 'overview' ? 'page' : undefined}><Glyph name="home" />Overview</a></li>
            <li><a href="#/graph" aria-current={route.page === 'graph' ? 'page' : undefined}><Glyph name="graph" />Graph</a></li>
            {kindsOf(project).map(([kind, n]) => (
              <li key={kind}>
                <a href={listHref(kind)} aria-current={route.page === 'list' && route.kind === kind ? 'page' : undefined}>
                  <KindIcon kind={kind} />
                  {kindNames(kind)}
                  <span class="count">{n.toLocaleString('en-US')}</span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="tabs small" role="group" aria-label="Tree">
          <button type="button" aria-pressed={view === 'files'} onClick={() => setView('files')}>Files</button>
          <button type="button" aria-pressed={view === 'database'} onClick={() => setView('database')}>Database</button>
        </div>
        <nav aria-label={view === 'files' ? 'Files' : 'Database'} class="tree">
          <Branches branches={tree.branches} items={tree.items} current={current} depth={0} />
        </nav>
      </aside>
    </>
  );
}

/** The kinds that there are, with how many. Tests of both kinds count as one. */
export function kindsOf(project: Project): [Item['kind'], number][] {
  const counts = new Map<Item['kind'], number>();
  for (const item of project.nodes) counts.set(item.kind, (counts.get(item.kind) ?? 0) + 1);
  const graph = GRAPH_KINDS.filter((kind) => counts.has(kind)).map((kind): [Item['kind'], number] => [kind, counts.get(kind)!]);
  const order: Item['kind'][] = ['model', 'source', 'seed', 'snapshot', 'exposure', 'metric'];
  const place = (kind: Item['kind']) => (order.includes(kind) ? order.indexOf(kind) : order.length);
  graph.sort((a, b) => place(a[0]) - place(b[0]));
  const own = project.macros.filter((item) => item.pkg === project.name).length;
  const others: [Item['kind'], number][] = [['test', project.tests.length], ['group', project.groups.length], ['macro', own || project.macros.length]];
  return [...graph, ...others.filter(([, n]) => n > 0)];
}

interface Branch {
  name: string;
  branches: Map<string, Branch>;
  items: Item[];
}

const branch = (name: string): Branch => ({ name, branches: new Map(), items: [] });

function grown(root: Branch, path: string[], item: Item): void {
  let at = root;
  for (const name of path) {
    if (!at.branches.has(name)) at.branches.set(name, branch(name));
    at = at.branches.get(name)!;
  }
  at.items.push(item);
}

function fileTree(project: Project): Branch {
  const root = branch('');
  const shown = project.nodes.filter((item) => !item.isHidden);
  for (const item of shown) {
    const folders = item.path.split('/').slice(0, -1);
    const path = item.pkg === project.name ? folders : ['packages', item.pkg, ...folders];
    grown(root, item.kind === 'source' ? [...path, item.wire.source_name ?? ''] : path, item);
  }
  return root;
}

function databaseTree(project: Project): Branch {
  const root = branch('');
  for (const item of project.nodes) {
    if (item.isHidden || !item.relation) continue;
    grown(root, [item.wire.database ?? '', item.wire.schema ?? ''].filter(Boolean), item);
  }
  return root;
}

interface BranchesProps {
  branches: Map<string, Branch>;
  items: Item[];
  current: Item | undefined;
  depth: number;
}

function Branches({ branches, items, current, depth }: BranchesProps) {
  const sorted = [...branches.values()].sort((a, b) => order(a) - order(b) || byNumber.compare(a.name, b.name));
  const [shown, more] = useMore(items, 100);
  return (
    <ul>
      {sorted.map((one) => <Folder key={one.name} branch={one} current={current} depth={depth} isOnly={sorted.length === 1 && items.length === 0} />)}
      {shown.map((item) => <Leaf key={item.id} item={item} isCurrent={item === current} />)}
      {more && <li>{more}</li>}
    </ul>
  );
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** Packages of others come last. */
const order = (one: Branch) => (one.name === 'packages' ? 1 : 0);

function Folder({ branch: one, current, depth, isOnly }: { branch: Branch; current: Item | undefined; depth: number; isOnly: boolean }) {
  const holds = useMemo(() => (current ? contains(one, current) : false), [one, current]);
  const [isOpen, setOpen] = useState(isOnly || holds || (depth === 0 && one.name === 'models'));
  useEffect(() => {
    if (holds) setOpen(true);
  }, [holds]);
  return (
    <li>
      <button type="button" class="folder" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Glyph name="chevron" size={12} />
        {one.name}
      </button>
      {isOpen && <Branches branches={one.branches} items={one.items} current={current} depth={depth + 1} />}
    </li>
  );
}

function Leaf({ item, isCurrent }: { item: Item; isCurrent: boolean }) {
  const health = worstHealth(item);
  return (
    <li>
      <a class="leaf" href={hrefOf(item)} aria-current={isCurrent ? 'page' : undefined} title={item.label}>
        <KindIcon kind={item.kind} size={14} />
        <span>{item.kind === 'source' ? item.name : item.label}</span>
        {(health === 'fail' || health === 'warn') && <HealthIcon health={health} size={14} />}
      </a>
    </li>
  );
}

function contains(one: Branch, item: Item): boolean {
  return one.items.includes(item) || [...one.branches.values()].some((inner) => contains(inner, item));
}
