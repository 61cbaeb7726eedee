/** dbt's selector syntax over the items of the page: `tag:daily,+orders+ source:shop`. */

import { type Item, type Project, healthOf } from './model';

/** What was selected, and what was asked for that makes no sense. */
export interface Selection {
  items: Set<Item>;
  problem: string;
}

const PATTERN = /^(?<at>@)?(?:(?<up>\d*)\+)?(?:(?<method>[\w.]+):)?(?<value>.*?)(?:\+(?<down>\d*))?$/;

type Matcher = (item: Item, value: string) => boolean;

const METHODS: Record<string, Matcher> = {
  tag: (item, value) => item.tags.some((tag) => matches(tag, value)) || columnTags(item).some((t) => matches(t, value)),
  fqn: byName,
  path: (item, value) => underPath(item.path, value),
  file: (item, value) => matches(item.path.split('/').pop() ?? '', value) || matches(stem(item.path), value),
  package: (item, value) => matches(item.pkg, value),
  resource_type: (item, value) => matches(item.kind, value),
  source: (item, value) => item.kind === 'source' && sourceMatches(item, value),
  exposure: (item, value) => item.kind === 'exposure' && matches(item.name, value),
  metric: (item, value) => item.kind === 'metric' && matches(item.name, value),
  semantic_model: (item, value) => item.kind === 'semantic_model' && matches(item.name, value),
  saved_query: (item, value) => item.kind === 'saved_query' && matches(item.name, value),
  unit_test: (item, value) => item.kind === 'unit_test' && matches(item.name, value),
  group: (item, value) => item.group !== null && matches(item.group.name, value),
  access: (item, value) => item.kind === 'model' && (item.wire.access ?? 'protected') === value,
  version: (item, value) => versionMatches(item, value),
  test_name: (item, value) => item.kind === 'test' && matches(item.wire.test_metadata?.name ?? '', value),
  test_type: (item, value) => testTypeMatches(item, value),
  result: (item, value) => (item.result?.status ?? item.freshness?.status) === value || healthOf(item) === value,
  source_status: (item, value) => item.freshness?.status === value,
  column: (item, value) => item.columns.some((column) => matches(column.name, value)),
  owner: (item, value) => ownerTexts(item).some((text) => matches(text, value)),
};

/** The methods that a reader may use, for the help. */
export const METHOD_NAMES = [...Object.keys(METHODS), 'config.<key>', 'meta.<key>'];

export function select(project: Project, text: string): Selection {
  const universe = [...project.nodes, ...project.tests];
  const [wanted, excluded] = splitExclude(text);
  const selection: Selection = { items: new Set(), problem: '' };
  const union = (words: string[]) => {
    const found = new Set<Item>();
    for (const word of words) for (const item of intersection(universe, word, selection)) found.add(item);
    return found;
  };
  selection.items = wanted.length > 0 ? union(wanted) : new Set(universe);
  for (const item of union(excluded)) selection.items.delete(item);
  return selection;
}

/** Words before and after `--exclude`; `-s` and `--select` may be written and mean nothing more. */
function splitExclude(text: string): [string[], string[]] {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const lists: [string[], string[]] = [[], []];
  let at: 0 | 1 = 0;
  for (const word of words) {
    if (word === '--exclude') at = 1;
    else if (['-s', '-m', '--select', '--models'].includes(word)) at = 0;
    else lists[at].push(word);
  }
  return lists;
}

function intersection(universe: Item[], word: string, selection: Selection): Set<Item> {
  const parts = word.split(',').filter(Boolean).map((part) => expanded(universe, part, selection));
  const [first, ...others] = parts;
  if (!first) return new Set();
  return new Set([...first].filter((item) => others.every((other) => other.has(item))));
}

/** One criterion with its `+`, `2+` or `@`. */
function expanded(universe: Item[], part: string, selection: Selection): Set<Item> {
  const { at, up, method, value = '', down } = PATTERN.exec(part)?.groups ?? {};
  const matcher = matcherOf(method, value);
  if (!matcher) {
    selection.problem ||= `There is no method “${method}:”`;
    return new Set();
  }
  const roots = universe.filter((item) => matcher(item, value));
  if (roots.length === 0) selection.problem ||= `Nothing matches “${part}”`;
  const found = new Set(roots);
  const reach = (hops: string | undefined) => (hops === undefined ? 0 : hops === '' ? Infinity : Number(hops));
  if (at) {
    for (const item of walk(roots, Infinity, children)) found.add(item);
    for (const item of walk([...found], Infinity, parents)) found.add(item);
  }
  for (const item of walk(roots, reach(up), parents)) found.add(item);
  for (const item of walk(roots, reach(down), children)) found.add(item);
  return found;
}

function matcherOf(method: string | undefined, value: string): Matcher | null {
  if (method?.startsWith('config.')) return byPath((item) => item.wire.config, method.slice(7));
  if (method?.startsWith('meta.')) return byPath((item) => item.wire.meta ?? item.wire.config?.meta, method.slice(5));
  if (method) return METHODS[method] ?? null;
  // A word with a slash or an ending is a path, as in dbt.
  return /[/\\]|\.(sql|py|csv|yml|yaml)$/.test(value) ? (value.includes('/') ? METHODS.path : METHODS.file)! : byName;
}

/** Items within a number of steps. */
export function walk(roots: Item[], hops: number, next: (item: Item) => Item[]): Set<Item> {
  const seen = new Set(roots);
  let front = roots;
  for (let hop = 0; hop < hops && front.length > 0; hop++) {
    const further: Item[] = [];
    for (const item of front) {
      for (const other of next(item)) {
        if (seen.has(other)) continue;
        seen.add(other);
        further.push(other);
      }
    }
    front = further;
  }
  return seen;
}

export const parents = (item: Item) => item.parents;
export const children = (item: Item) => item.children;

/** A name, a prefix of the fully qualified name, or such a one without the package. */
function byName(item: Item, value: string): boolean {
  if (value === '*') return true;
  if (matches(item.name, value) || matches(item.label, value) || item.id === value) return true;
  const fqn = item.wire.fqn ?? [];
  const wanted = value.split('.');
  const startsAt = (from: number) => wanted.every((part, at) => matches(fqn[from + at] ?? '', part));
  return fqn.length > 0 && (startsAt(0) || startsAt(1));
}

/** Patterns of the shell: `*`, `?`, `[abc]`. */
function matches(text: string, pattern: string): boolean {
  if (!/[*?[]/.test(pattern)) return text === pattern;
  const source = pattern.replace(/[.+^${}()|\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.');
  try {
    return new RegExp(`^${source}$`).test(text);
  } catch {
    return false;
  }
}

function underPath(path: string, value: string): boolean {
  const wanted = value.replace(/^\.\//, '').replace(/\/$/, '');
  return path === wanted || path.startsWith(`${wanted}/`) || matches(path, wanted);
}

function sourceMatches(item: Item, value: string): boolean {
  const parts = value.split('.');
  const own = [item.pkg, item.wire.source_name ?? '', item.name];
  const compared = parts.length === 3 ? own : own.slice(1);
  return parts.every((part, at) => matches(compared[at] ?? '', part));
}

function versionMatches(item: Item, value: string): boolean {
  const { version, latest_version: latest } = item.wire;
  if (version == null) return value === 'none' && item.kind === 'model';
  const [own, newest] = [Number(version), Number(latest)];
  if (value === 'latest') return version === latest;
  if (value === 'prerelease') return own > newest;
  return value === 'old' && own < newest;
}

function testTypeMatches(item: Item, value: string): boolean {
  if (item.kind === 'unit_test') return value === 'unit';
  if (item.kind !== 'test') return false;
  return value === 'data' || (value === 'generic') === Boolean(item.wire.test_metadata);
}

function byPath(root: (item: Item) => unknown, path: string): Matcher {
  const keys = path.split('.');
  return (item, value) => {
    let at = root(item);
    for (const key of keys) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
    const found = Array.isArray(at) ? at : [at];
    return found.some((one) => one !== undefined && matches(String(one), value));
  };
}

const columnTags = (item: Item) => item.columns.flatMap((column) => column.tags);
const stem = (path: string) => (path.split('/').pop() ?? '').replace(/\.[^.]*$/, '');
const ownerTexts = (item: Item) => [item.owner, item.group?.owner].flatMap((o) => [o?.name, o?.email].flat().map(String));
