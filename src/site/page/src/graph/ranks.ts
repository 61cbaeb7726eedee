/** Places thousands of nodes: left to right by depth, up and down near their neighbors.
 *
 * Layout libraries take minutes for ten thousand nodes (docs/benchmarks.md), so the drawing of dots, which has no
 * labels to keep apart, does with ranks and a few passes of averaging. Cards are placed by dagre.
 */

import type { Item } from '../model';

export interface Places {
  x: Float32Array;
  y: Float32Array;
  width: number;
  height: number;
}

const PASSES = 8;

/** Places in units of one dot's distance to the next. */
export function placeDots(items: Item[]): Places {
  const at = new Map(items.map((item, ix) => [item, ix]));
  const numbers = (list: Item[]) => list.map((item) => at.get(item)).filter((ix) => ix !== undefined);
  const parents = items.map((item) => numbers(item.parents));
  const children = items.map((item) => numbers(item.children));
  const ranks = byRank(ranksOf(parents, children));
  // In folder order at first, so that what belongs together starts together.
  const folder = (ix: number) => `${items[ix]!.path}\n${items[ix]!.label}`;
  const keys = items.map((_, ix) => folder(ix));
  for (const rank of ranks) rank.sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
  order(ranks, parents, children);
  return laidOut(ranks, items.length);
}

/** The longest way from a root; roots then move next to their first child. */
function ranksOf(parents: number[][], children: number[][]): Int32Array {
  const rank = new Int32Array(parents.length);
  const left = parents.map((list) => list.length);
  const ready = left.flatMap((n, ix) => (n === 0 ? [ix] : []));
  for (let next = 0; next < ready.length; next++) {
    const ix = ready[next]!;
    for (const child of children[ix]!) {
      rank[child] = Math.max(rank[child]!, rank[ix]! + 1);
      if (--left[child]! === 0) ready.push(child);
    }
  }
  parents.forEach((list, ix) => {
    if (list.length === 0 && children[ix]!.length > 0) rank[ix] = Math.min(...children[ix]!.map((child) => rank[child]!)) - 1;
  });
  return rank;
}

function byRank(rank: Int32Array): number[][] {
  const ranks: number[][] = [];
  rank.forEach((at, ix) => (ranks[at] ??= []).push(ix));
  return Array.from(ranks, (list) => list ?? []);
}

/** Sorts each rank by the mean place of the neighbors, from the left and from the right in turn. */
function order(ranks: number[][], parents: number[][], children: number[][]): void {
  const place = new Float64Array(parents.length);
  const settle = (rank: number[]) => rank.forEach((ix, at) => (place[ix] = (at + 0.5) / rank.length));
  ranks.forEach(settle);
  for (let pass = 0; pass < PASSES; pass++) {
    const isForward = pass % 2 === 0;
    const neighbors = isForward ? parents : children;
    for (const rank of isForward ? ranks : [...ranks].reverse()) {
      const mean = (ix: number) => {
        const list = neighbors[ix]!;
        if (list.length === 0) return place[ix]!;
        let sum = 0;
        for (const other of list) sum += place[other]!;
        return sum / list.length;
      };
      const wanted = new Map(rank.map((ix) => [ix, mean(ix)]));
      rank.sort((a, b) => wanted.get(a)! - wanted.get(b)!);
      settle(rank);
    }
  }
}

/** Tall ranks become blocks of several columns, so that the whole has the shape of a screen. */
function laidOut(ranks: number[][], n: number): Places {
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  const rows = Math.max(16, Math.ceil(Math.sqrt(n / 1.7)));
  const gap = Math.max(3, rows / 12);
  let left = 0;
  for (const rank of ranks) {
    const across = Math.max(1, Math.ceil(rank.length / rows));
    const down = Math.ceil(rank.length / across);
    // A short rank is spread out a little, to use the height.
    const step = Math.min(3, Math.max(1, (rows * 0.8) / Math.max(1, down)));
    rank.forEach((ix, at) => {
      x[ix] = left + (at % across);
      y[ix] = (Math.floor(at / across) - (down - 1) / 2) * step;
    });
    left += across + gap;
  }
  return { x, y, width: Math.max(1, left - gap), height: rows };
}
