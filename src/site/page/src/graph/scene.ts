/** What a drawing of cards shows: which items and columns, what joins them, and where dagre puts them. */

import dagre from '@dagrejs/dagre';
import type { ColumnEdge } from '../columns';
import { type Item, type Kind, type Project, worstHealth, type Health } from '../model';
import type { GraphState } from '../router';
import { walk } from '../select';
import { kindName } from '../ui';

export interface Card {
  item: Item;
  kind: Kind;
  note: string;
  health: Health;
  columns: string[];
  isFocus: boolean;
  /** Neighbors that are not shown. */
  hiddenUp: number;
  hiddenDown: number;
  /** The middle, and the size. */
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A line between cards, or between columns of cards. */
export interface Line {
  from: Card;
  to: Card;
  fromColumn: string;
  toColumn: string;
  kind: string;
  /** Where it passes between other cards. */
  via: [number, number][];
}

export interface Scene {
  cards: Card[];
  lines: Line[];
  width: number;
  height: number;
}

export const HEAD = 46;
export const ROW = 22;
const LEAST = 132;
const MOST = 300;

/** dagre takes about 0.2 s for so many cards; more are drawn as dots. */
export const MOST_CARDS = 120;

/** Items around a node, by hops, and beyond where a reader opened more. */
export function itemsAround(focus: Item, state: Pick<GraphState, 'up' | 'down' | 'openUp' | 'openDown'>): Set<Item> {
  const inGraph = (next: (item: Item) => Item[]) => (item: Item) => next(item).filter((other) => other.ix >= 0);
  const up = inGraph((item) => item.parents);
  const down = inGraph((item) => item.children);
  const shown = new Set([...walk([focus], state.up, up), ...walk([focus], state.down, down)]);
  // Opening may show what can be opened in turn, so as long as something comes.
  for (let before = -1; before !== shown.size; ) {
    before = shown.size;
    for (const item of [...shown]) {
      if (state.openUp.includes(item.id)) for (const parent of up(item)) shown.add(parent);
      if (state.openDown.includes(item.id)) for (const child of down(item)) shown.add(child);
    }
  }
  return shown;
}

export function sceneOf(items: Set<Item>, focus: Item | null): Scene {
  const cards = new Map([...items].map((item) => [item, cardOf(item, [], item === focus, items)]));
  const lines: Line[] = [];
  for (const [item, to] of cards) {
    for (const parent of item.parents) {
      const from = cards.get(parent);
      if (from) lines.push({ from, to, fromColumn: '', toColumn: '', kind: 'node', via: [] });
    }
  }
  return placed([...cards.values()], lines);
}

/** The way of columns through items, with only the columns that are on it. */
export function columnScene(focus: Item, column: string, edges: ColumnEdge[], project: Project): Scene {
  const named = new Map<Item, Set<string>>([[focus, new Set([nameIn(focus, column)])]]);
  for (const { from, to } of edges) {
    for (const ref of [from, to]) {
      const names = named.get(ref.item) ?? new Set();
      if (ref.name) names.add(nameIn(ref.item, ref.name));
      named.set(ref.item, names);
    }
  }
  const items = new Set(named.keys());
  const cards = new Map([...named].map(([item, names]) => [item, cardOf(item, inOrder(item, names), item === focus, items)]));
  for (const card of cards.values()) card.hiddenUp = card.hiddenDown = 0;
  const lines = edges.flatMap(({ from, to, kind }): Line[] => {
    const [a, b] = [cards.get(from.item), cards.get(to.item)];
    return a && b && a !== b ? [{ from: a, to: b, fromColumn: nameIn(from.item, from.name), toColumn: to.name && nameIn(to.item, to.name), kind, via: [] }] : [];
  });
  return project.columns.isEmpty ? { cards: [], lines: [], width: 0, height: 0 } : placed([...cards.values()], lines);
}

/** A column's name as its item writes it. */
function nameIn(item: Item, name: string): string {
  return item.columns.find((column) => column.name.toLowerCase() === name.toLowerCase())?.name ?? name;
}

function inOrder(item: Item, names: Set<string>): string[] {
  const place = (name: string) => item.columns.findIndex((column) => column.name === name);
  return [...names].sort((a, b) => place(a) - place(b));
}

function cardOf(item: Item, columns: string[], isFocus: boolean, shown: Set<Item>): Card {
  const hidden = (list: Item[]) => list.filter((other) => other.ix >= 0 && !shown.has(other)).length;
  const note = item.materialized || (item.kind === 'source' ? 'source' : kindName(item.kind).toLowerCase());
  const texts = [textWidth(item.label, NAME_FONT) + 52, ...columns.map((column) => textWidth(column, COLUMN_FONT) + 40)];
  return {
    item,
    kind: item.kind,
    note,
    health: worstHealth(item),
    columns,
    isFocus,
    hiddenUp: hidden(item.parents),
    hiddenDown: hidden(item.children),
    x: 0,
    y: 0,
    width: Math.round(Math.min(MOST, Math.max(LEAST, ...texts))),
    height: HEAD + (columns.length > 0 ? columns.length * ROW + 8 : 0),
  };
}

function placed(cards: Card[], lines: Line[]): Scene {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', ranksep: 72, nodesep: 18, marginx: 24, marginy: 24, ranker: 'tight-tree' });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const card of cards) graph.setNode(card.item.id, { width: card.width, height: card.height });
  for (const line of lines) graph.setEdge(line.from.item.id, line.to.item.id);
  dagre.layout(graph);
  for (const card of cards) {
    const at = graph.node(card.item.id) as { x: number; y: number };
    card.x = at.x;
    card.y = at.y;
  }
  for (const line of lines) {
    const points = graph.edge(line.from.item.id, line.to.item.id).points ?? [];
    // Three points are those of neighbors: both ends, and the middle.
    if (points.length > 3) line.via = points.slice(1, -1).map((point: { x: number; y: number }) => [point.x, point.y]);
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { cards, lines, width, height };
}

const NAME_FONT = '500 13px "IBM Plex Sans Variable", sans-serif';
const COLUMN_FONT = '12px "IBM Plex Mono", monospace';
let pen: CanvasRenderingContext2D | null = null;

export function textWidth(text: string, font: string): number {
  pen ??= document.createElement('canvas').getContext('2d');
  if (!pen) return text.length * 7.5;
  pen.font = font;
  return pen.measureText(text).width;
}

/** A text that fits, with an ellipsis in the middle, where names differ least. */
export function fitted(text: string, width: number, isMono = false): string {
  const font = isMono ? COLUMN_FONT : NAME_FONT;
  if (textWidth(text, font) <= width) return text;
  for (let length = text.length - 2; length > 6; length--) {
    const head = Math.ceil(length / 2);
    const cut = `${text.slice(0, head)}…${text.slice(text.length - (length - head))}`;
    if (textWidth(cut, font) <= width) return cut;
  }
  return `${text.slice(0, 6)}…`;
}
