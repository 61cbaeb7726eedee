/** Search as you type over names, columns, tags and descriptions.
 *
 * A look through all texts takes a few milliseconds for ten thousand nodes, so there is no index to build
 * before the page can open, and parts of words are found too.
 */

import { columnNames, type Item, type Project } from './model';

export interface Hit {
  item: Item;
  /** The column that was found, if it was one. */
  column: string;
  /** Why it was found, where its name does not tell. */
  excerpt: string;
  score: number;
}

interface Entry {
  item: Item;
  name: string;
  label: string;
  /** In lower case in `lowered`. */
  columns: string[];
  lowered: string[];
  tags: string;
  text: string;
  weight: number;
}

/** What people look for most comes first among equals. */
const WEIGHTS: Partial<Record<Item['kind'], number>> = {
  model: 12, source: 10, exposure: 10, metric: 10, seed: 8, snapshot: 8, macro: 2, group: 4, test: -8, unit_test: -6,
};

export class Search {
  private made: Entry[] | null = null;

  constructor(private readonly project: Project) {}

  /** Made at the first search, or before it when there is time. */
  get entries(): Entry[] {
    const { nodes, groups, macros, tests } = this.project;
    return (this.made ??= [...nodes, ...groups, ...macros, ...tests].map((item) => entryOf(item, this.project)));
  }

  find(query: string, limit: number): Hit[] {
    const words = query.toLowerCase().trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    const hits: Hit[] = [];
    for (const entry of this.entries) {
      const hit = score(entry, words);
      if (hit) hits.push(hit);
    }
    if (hits.length === 0 && words.length === 1 && words[0]!.length > 3) hits.push(...this.similar(words[0]!));
    hits.sort((a, b) => b.score - a.score || a.item.label.length - b.item.label.length || (a.item.label < b.item.label ? -1 : 1));
    return hits.slice(0, limit);
  }

  /** Names that differ by a slip of the finger. */
  private similar(word: string): Hit[] {
    const allowed = word.length > 7 ? 2 : 1;
    const hits: Hit[] = [];
    for (const entry of this.entries) {
      if (entry.item.kind === 'test') continue;
      const parts = [entry.name, ...entry.name.split('_')];
      const nearest = Math.min(...parts.map((part) => distance(part, word, allowed)));
      if (nearest <= allowed) hits.push({ item: entry.item, column: '', excerpt: '', score: entry.weight - nearest });
    }
    return hits;
  }
}

function entryOf(item: Item, project: Project): Entry {
  // Macros of other packages are found, but after everything of one's own.
  const isForeign = item.kind === 'macro' && item.pkg !== project.name;
  const descriptions = Object.values(item.wire.columns ?? {}).flatMap((column) => column.description ?? []);
  const texts = [item.description, ...descriptions, item.wire.source_description ?? '', item.path];
  const columns = columnNames(item);
  return {
    item,
    name: item.name.toLowerCase(),
    label: item.label.toLowerCase(),
    columns,
    lowered: columns.map((name) => name.toLowerCase()),
    tags: [...item.tags, item.group?.name ?? '', item.owner?.name ?? '', item.kind].join(' ').toLowerCase(),
    text: texts.join('\n').toLowerCase(),
    weight: (WEIGHTS[item.kind] ?? 0) - (isForeign ? 20 : 0) - (item.isHidden ? 20 : 0),
  };
}

/** Every word must be found somewhere; the best place of each counts. */
function score(entry: Entry, words: string[]): Hit | null {
  let total = entry.weight;
  let column = '';
  let excerptAt = '';
  let isNamed = false;
  for (const word of words) {
    const inName = Math.max(nameScore(entry.name, word), nameScore(entry.label, word));
    const [inColumn, at] = columnScore(entry.lowered, word);
    if (inName > 0) isNamed = true;
    if (inName >= inColumn && inName > 0) total += inName;
    else if (inColumn > 0) {
      total += inColumn;
      column = entry.columns[at]!;
    } else if (entry.tags.includes(word)) total += 30;
    else if (entry.text.includes(word)) {
      total += 15;
      excerptAt = word;
    } else return null;
  }
  // A column is shown as the hit only where the node's own name was not meant.
  return { item: entry.item, column: isNamed && words.length === 1 ? '' : column, excerpt: excerpt(entry.item, excerptAt), score: total };
}

function nameScore(name: string, word: string): number {
  const at = name.indexOf(word);
  if (at < 0) return 0;
  if (name.length === word.length) return 100;
  if (at === 0) return 80;
  return /[^a-z0-9]/.test(name[at - 1]!) ? 65 : 45;
}

function columnScore(columns: string[], word: string): [number, number] {
  let [best, where] = [0, -1];
  for (let at = 0; at < columns.length; at++) {
    const found = nameScore(columns[at]!, word) * 0.5;
    if (found > best) [best, where] = [found, at];
  }
  return [best, where];
}

/** The words around what was found in a description. */
function excerpt(item: Item, word: string): string {
  if (!word) return '';
  const columns = Object.entries(item.wire.columns ?? {}).map(([name, column]) => `${name}: ${column.description ?? ''}`);
  const texts = [item.description, ...columns];
  for (const text of texts) {
    const at = text.toLowerCase().indexOf(word);
    if (at < 0) continue;
    const from = Math.max(0, text.lastIndexOf(' ', Math.max(0, at - 32)));
    return `${from > 0 ? '… ' : ''}${text.slice(from, at + 72).replace(/\s+/g, ' ').trim()}`;
  }
  return item.path.toLowerCase().includes(word) ? item.path : '';
}

/** Letters to change, add, drop or swap to come from one word to the other; more than `limit` is not counted out. */
export function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    if (Math.min(...row) > limit) return limit + 1;
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
