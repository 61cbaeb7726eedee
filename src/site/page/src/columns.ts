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
  private readonly nodes: LineageNode[];
  private readonly owners: (Item | undefined)[];
  private readonly numbers: Map<Item, number>;
  private readonly kinds: string[];
  /** Edges out of columns, by node and column; made when first asked for. */
  private outOf: Map<string, ColumnEdge[]> | null = null;
  /** Tests by their id, with the test that says the same of where the values come from. */
  private readonly repeats: Map<string, Item>;
  readonly isEmpty: boolean;

  constructor(items: Map<string, Item>, lineage: ColumnLineage | null) {
    const repeats = Object.entries(lineage?.repeated_tests ?? {}).map(([test, of]): [string, Item | undefined] => [test, items.get(of)]);
    this.repeats = new Map(repeats.filter((pair): pair is [string, Item] => pair[1] !== undefined));
    this.nodes = lineage?.nodes ?? [];
    this.kinds = lineage?.kinds ?? [];
    this.owners = this.nodes.map((node) => items.get(node.id));
    this.numbers = new Map(this.owners.flatMap((item, at) => (item ? [[item, at]] : [])));
    for (const [item, at] of this.numbers) item.lineage = this.nodes[at]!;
    this.isEmpty = this.nodes.length === 0;
  }

  /** What the column is made from, and what decides about its rows if that is asked for. */
  upstream(ref: ColumnRef, withRows = false): ColumnEdge[] {
    const node = this.nodeOf(ref.item);
    const to = { item: ref.item, name: ref.name };
    const own = ref.name ? columnIn(node, ref.name)?.from : node?.uses;
    const edges = this.edges(own, to);
    if (!withRows) return edges.filter((edge) => !isIndirect(edge));
    return ref.name ? [...edges, ...this.edges(node?.uses, { item: ref.item, name: '' })] : edges;
  }

  /** What is made from the column, and whose rows it decides about if that is asked for. */
  downstream(ref: ColumnRef, withRows = false): ColumnEdge[] {
    this.outOf ??= this.reversed();
    const all = this.outOf.get(keyOf(ref)) ?? [];
    return withRows ? all : all.filter((edge) => !isIndirect(edge));
  }

  /** Why the lineage of a column, or of a whole item, is not complete. */
  notesOn(ref: ColumnRef): string[] {
    const node = this.nodeOf(ref.item);
    const own = ref.name ? [columnIn(node, ref.name)?.unknown] : [node?.open, ...(node?.unknown ?? [])];
    return own.filter((text) => text !== undefined);
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

  /** The test that says already what this one says. */
  repeatedBy(test: Item): Item | undefined {
    return this.repeats.get(test.id);
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

  private nodeOf(item: Item): LineageNode | undefined {
    const at = this.numbers.get(item);
    return at === undefined ? undefined : this.nodes[at];
  }

  private edges(wires: WireEdge[] | undefined, to: ColumnRef): ColumnEdge[] {
    return (wires ?? []).flatMap(([node, column, kind]) => {
      const item = this.owners[node];
      const name = this.nodes[node]?.columns?.[column]?.name;
      return item && name !== undefined ? [{ from: { item, name }, to, kind: this.kinds[kind] ?? 'derive' }] : [];
    });
  }

  private reversed(): Map<string, ColumnEdge[]> {
    const outOf = new Map<string, ColumnEdge[]>();
    for (const [item, at] of this.numbers) {
      const node = this.nodes[at]!;
      const own = (node.columns ?? []).flatMap((column) => this.edges(column.from, { item, name: column.name }));
      for (const edge of [...own, ...this.edges(node.uses, { item, name: '' })]) {
        const key = keyOf(edge.from);
        const list = outOf.get(key);
        if (list) list.push(edge);
        else outOf.set(key, [edge]);
      }
    }
    return outOf;
  }
}

function columnIn(node: LineageNode | undefined, name: string) {
  const wanted = name.toLowerCase();
  return node?.columns?.find((column) => column.name.toLowerCase() === wanted);
}

export function columnNamed(ref: ColumnRef) {
  const name = ref.name.toLowerCase();
  return ref.item.columns.find((column) => column.name.toLowerCase() === name);
}

export const keyOf = (ref: ColumnRef) => `${ref.item.id}\n${ref.name.toLowerCase()}`;
