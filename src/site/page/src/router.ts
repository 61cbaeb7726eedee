/** Addresses: everything that can be looked at has one, after the `#`. */

import type { Item, Kind, Project } from './model';

export type Route =
  | { page: 'overview' }
  | { page: 'item'; id: string; part: string; column: string }
  | { page: 'list'; kind: string; query: string }
  | { page: 'graph'; params: URLSearchParams };

export function parseRoute(hash: string): Route {
  // dbt's own page writes `#!/model/<id>`; its links lead here too.
  const [path = '', query = ''] = hash.replace(/^#!?\/?/, '').split('?');
  const [first = '', id = '', part = '', column = ''] = path.split('/').map(decoded);
  const params = new URLSearchParams(query);
  if (first === 'graph') return { page: 'graph', params };
  if (first === 'all') return { page: 'list', kind: id || 'model', query: params.get('q') ?? '' };
  if (first && id) return { page: 'item', id, part, column };
  return { page: 'overview' };
}

export function hrefOf(item: Item, part = '', column = ''): string {
  const tail = [part, column].filter(Boolean).map(encodeURIComponent).join('/');
  return `#/${item.kind}/${encodeURIComponent(item.id)}${tail ? `/${tail}` : ''}`;
}

export const columnHref = (item: Item, column: string) => hrefOf(item, 'column', column);

export function listHref(kind: Kind | string, query = ''): string {
  return `#/all/${kind}${query ? `?q=${encodeURIComponent(query)}` : ''}`;
}

export interface GraphState {
  /** A selector; with one, it decides what is shown. */
  select: string;
  /** The node to look around from. */
  focus: string;
  /** A column of it. */
  column: string;
  up: number;
  down: number;
  /** Nodes whose parents or children were asked for beyond the hops. */
  openUp: string[];
  openDown: string[];
}

export const NO_GRAPH: GraphState = { select: '', focus: '', column: '', up: 1, down: 1, openUp: [], openDown: [] };

export function graphState(params: URLSearchParams): GraphState {
  const hops = (name: string) => Math.max(0, Math.min(99, Number(params.get(name) ?? 1) || 0));
  const list = (name: string) => (params.get(name) ?? '').split(' ').filter(Boolean);
  return {
    select: params.get('select') ?? '',
    focus: params.get('focus') ?? '',
    column: params.get('column') ?? '',
    up: hops('up'),
    down: hops('down'),
    openUp: list('openup'),
    openDown: list('opendown'),
  };
}

export function graphHref(state: Partial<GraphState>): string {
  const params = new URLSearchParams();
  if (state.select) params.set('select', state.select);
  if (state.focus) {
    params.set('focus', state.focus);
    if (state.column) params.set('column', state.column);
    params.set('up', String(state.up ?? 1));
    params.set('down', String(state.down ?? 1));
  }
  if (state.openUp?.length) params.set('openup', state.openUp.join(' '));
  if (state.openDown?.length) params.set('opendown', state.openDown.join(' '));
  const text = params.toString();
  return text ? `#/graph?${text}` : '#/graph';
}

export function itemOf(project: Project, id: string): Item | undefined {
  return project.items.get(id) ?? project.byName.get(id) ?? undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
