/** Columns and how they follow from one another. */

import type { ColumnLineage, LineageNode, WireEdge } from './artifacts';
import type { Item } from './model';

/** A column of an item; without a name, the item's rows as a whole. */
export interface ColumnRef {
  item: Item;
  name: string;
}

export interface ColumnEdge {
  from: ColumnRef;
  to: ColumnRef;
  /** How the value gets there, or what it decides: `pass`, `rename`, `derive`, `aggregate`, `filter`, … */
  kind: string;
}

/** Kinds that hand on a value as it is, and its meaning with it. */
const FAITHFUL = new Set(['pass', 'rename']);

const VALUES = new Set(['pass', 'rename', 'derive', 'aggregate']);

/** Whether an edge decides about rows and gives no value. */
export const isIndirect = (edge: ColumnEdge) => !VALUES.has(edge.kind);

/** What an edge of a kind does, for people. */
export const KIND_TEXTS: Record<string, string> = {
  pass: 'passed as it is',
  rename: 'renamed',
  derive: 'computed from it',
  aggregate: 'aggregated',
  filter: 'filters rows',
  join: 'joins rows',
  group: 'groups rows',
  order: 'orders rows',
};

export class ColumnGraph {
  private readonly into = new Map<string, ColumnEdge[]>();
  private readonly outOf = new Map<string, ColumnEdge[]>();
  private readonly notes = new Map<string, string[]>();
  readonly isEmpty: boolean;

  constructor(items: Map<string, Item>, lineage: ColumnLineage | null | undefined) {
    const nodes = lineage?.nodes ?? [];
    const owners = nodes.map((node) => items.get(node.id));
    nodes.forEach((node, at) => {
      const item = owners[at];
      if (!item) return;
      this.note(item, '', [node.open, ...(node.unknown ?? [])]);
      const add = (name: string, edges: WireEdge[] | undefined) => {
        for (const edge of edges ?? []) this.add(edge, { item, name }, nodes, owners, lineage?.kinds ?? []);
      };
      for (const column of node.columns ?? []) {
        add(column.name, column.from);
        this.note(item, column.name, [column.unknown]);
        fill(item, column.name, column.type);
      }
      add('', node.uses);
    });
    this.isEmpty = this.into.size === 0;
  }

  /** What the column is made from, and what decides about its rows if that is asked for. */
  upstream(ref: ColumnRef, withRows = false): ColumnEdge[] {
    const own = this.into.get(keyOf(ref)) ?? [];
    if (!withRows) return own.filter((edge) => !isIndirect(edge));
    return ref.name ? [...own, ...(this.into.get(keyOf({ item: ref.item, name: '' })) ?? [])] : own;
  }

  /** What is made from the column, and whose rows it decides about if that is asked for. */
  downstream(ref: ColumnRef, withRows = false): ColumnEdge[] {
    const all = this.outOf.get(keyOf(ref)) ?? [];
    return withRows ? all : all.filter((edge) => !isIndirect(edge));
  }

  /** Why the lineage of a column, or of a whole item, is not complete. */
  notesOn(ref: ColumnRef): string[] {
    return this.notes.get(keyOf(ref)) ?? [];
  }

  /** All edges on the way to a column and from it, as far as `up` and `down` steps. */
  around(ref: ColumnRef, up: number, down: number, withRows: boolean): ColumnEdge[] {
    const found = new Set<ColumnEdge>();
    const walk = (hops: number, next: (ref: ColumnRef) => ColumnEdge[], end: (edge: ColumnEdge) => ColumnRef) => {
      const seen = new Set([keyOf(ref)]);
      let front = [ref];
      for (let hop = 0; hop < hops && front.length > 0; hop++) {
        const further: ColumnRef[] = [];
        for (const edge of front.flatMap(next)) {
          found.add(edge);
          const key = keyOf(end(edge));
          // What only decides about rows is shown, and not followed.
          if (isIndirect(edge) || seen.has(key)) continue;
          seen.add(key);
          further.push(end(edge));
        }
        front = further;
      }
    };
    walk(up, (at) => this.upstream(at, withRows), (edge) => edge.from);
    walk(down, (at) => this.downstream(at, withRows), (edge) => edge.to);
    return [...found];
  }

  /** The nearest described column whose value this one has, if there is just one way to it. */
  inherited(ref: ColumnRef): { ref: ColumnRef; description: string } | null {
    const seen = new Set<string>();
    let at: ColumnRef | null = ref;
    while (at && !seen.has(keyOf(at))) {
      seen.add(keyOf(at));
      const edges: ColumnEdge[] = this.upstream(at);
      const only: ColumnEdge | undefined = edges[0];
      if (!only || edges.length !== 1 || !FAITHFUL.has(only.kind)) return null;
      at = only.from;
      const description = columnNamed(at)?.description;
      if (description) return { ref: at, description };
    }
    return null;
  }

  private add(wire: WireEdge, to: ColumnRef, nodes: LineageNode[], owners: (Item | undefined)[], kinds: string[]): void {
    const [node, column, kind] = wire;
    const item = owners[node];
    const name = nodes[node]?.columns?.[column]?.name;
    if (!item || name === undefined) return;
    const edge = { from: { item, name }, to, kind: kinds[kind] ?? 'derive' };
    push(this.into, keyOf(edge.to), edge);
    push(this.outOf, keyOf(edge.from), edge);
  }

  private note(item: Item, name: string, texts: (string | undefined)[]): void {
    const said = texts.filter((text) => text !== undefined);
    if (said.length > 0) this.notes.set(keyOf({ item, name }), said);
  }
}

/** Adds what lineage knows of a column that neither the manifest nor the catalog has. */
function fill(item: Item, name: string, type = ''): void {
  const column = columnNamed({ item, name });
  if (column) column.type ||= type;
  else if (!item.table && ['model', 'source', 'seed', 'snapshot'].includes(item.kind)) {
    item.columns.push({ name, type, description: '', comment: '', tags: [], meta: {}, constraints: [], tests: [], isMissing: false });
  }
}

export function columnNamed(ref: ColumnRef) {
  const name = ref.name.toLowerCase();
  return ref.item.columns.find((column) => column.name.toLowerCase() === name);
}

export const keyOf = (ref: ColumnRef) => `${ref.item.id}\n${ref.name.toLowerCase()}`;

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
