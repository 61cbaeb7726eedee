/** Thousands of nodes as dots on a canvas. It needs no WebGL, so it is the same everywhere. */

import { select as d3select } from 'd3-selection';
import { type D3ZoomEvent, zoom, zoomIdentity, type ZoomTransform } from 'd3-zoom';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Item } from '../model';
import { graphHref, hrefOf } from '../router';
import { walk } from '../select';
import { ItemLink, kindName } from '../ui';
import { type Places, placeDots } from './ranks';

interface Props {
  items: Item[];
  /** A picture only: nothing to point at. */
  isStill?: boolean;
}

export function DenseGraph({ items, isStill = false }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [near, setNear] = useState<Item | null>(null);
  const [chosen, choose] = useState<Item | null>(null);
  const [painter, setPainter] = useState<Painter | null>(null);
  useEffect(() => {
    // A picture on a page comes after the page.
    const later = setTimeout(() => setPainter(new Painter(items)), isStill ? 30 : 0);
    return () => clearTimeout(later);
  }, [items, isStill]);
  useEffect(() => painter?.attach(canvas.current!, isStill, setNear, choose), [painter, isStill]);
  useEffect(() => painter?.light(chosen ?? near), [painter, near, chosen]);
  const shown = chosen ?? near;
  return (
    <div class={`dense ${isStill ? 'is-still' : ''}`}>
      <canvas
        ref={canvas}
        tabIndex={isStill ? -1 : 0}
        role={isStill ? undefined : 'application'}
        aria-hidden={isStill}
        aria-label={isStill ? undefined : `Graph of ${items.length} nodes. Arrow keys move between neighbors, Enter opens.`}
        onKeyDown={(event) => !isStill && painter && keyPressed(event, painter, chosen, choose)}
      />
      {!isStill && (
        <div class="dense-card" role="status">
          {shown && painter ? (
            <>
              <ItemLink item={shown} note={kindName(shown.kind).toLowerCase()} />
              <p class="muted">{painter.neighbors(shown, 'parents').length} upstream · {painter.neighbors(shown, 'children').length} downstream</p>
              {chosen && (
                <p class="dense-actions">
                  <a class="button small" href={graphHref({ focus: chosen.id, up: 2, down: 2 })}>Focus</a>
                  <a class="button small" href={hrefOf(chosen)}>Open</a>
                </p>
              )}
            </>
          ) : (
            <p class="muted">{items.length.toLocaleString('en-US')} nodes. Point at one, or select fewer above.</p>
          )}
        </div>
      )}
    </div>
  );
}

/** From one node to a neighbor by keys. */
function keyPressed(event: KeyboardEvent, painter: Painter, chosen: Item | null, choose: (item: Item | null) => void): void {
  const at = chosen ?? painter.items[0];
  if (!at) return;
  const beside = (step: number) => {
    const row = painter.items.filter((item) => painter.sameRank(item, at));
    return row[row.indexOf(at) + step];
  };
  if (event.key === 'ArrowLeft') choose(painter.neighbors(at, 'parents')[0] ?? at);
  else if (event.key === 'ArrowRight') choose(painter.neighbors(at, 'children')[0] ?? at);
  else if (event.key === 'ArrowUp') choose(beside(-1) ?? at);
  else if (event.key === 'ArrowDown') choose(beside(1) ?? at);
  else if (event.key === 'Enter' && chosen) location.hash = hrefOf(chosen);
  else if (event.key === 'f' && chosen) location.hash = graphHref({ focus: chosen.id, up: 2, down: 2 });
  else if (event.key === 'Escape') choose(null);
  else return;
  event.preventDefault();
}

const shortened = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** So near to a dot, in pixels, it is meant. */
const REACH = 14;

class Painter {
  private readonly places: Places;
  private readonly index: Map<Item, number>;
  private readonly edges: Int32Array;
  private readonly kinds: Map<string, number[]>;
  private canvas: HTMLCanvasElement | null = null;
  private transform: ZoomTransform = zoomIdentity;
  private lit: Set<Item> | null = null;
  private center: Item | null = null;
  private frame = 0;
  private isMoving = false;
  private size = { width: 0, height: 0, left: 0, top: 0 };
  /** Pixels between places, across and down, before zooming. */
  private step = { x: 1, y: 1 };

  constructor(readonly items: Item[]) {
    this.places = placeDots(items);
    this.index = new Map(items.map((item, ix) => [item, ix]));
    const edges: number[] = [];
    items.forEach((item, to) => {
      for (const parent of item.parents) {
        const from = this.index.get(parent);
        if (from !== undefined) edges.push(from, to);
      }
    });
    this.edges = Int32Array.from(edges);
    this.kinds = new Map();
    items.forEach((item, ix) => {
      const color = item.wire.docs?.node_color ?? item.kind;
      const list = this.kinds.get(color);
      if (list) list.push(ix);
      else this.kinds.set(color, [ix]);
    });
  }

  neighbors(item: Item, side: 'parents' | 'children'): Item[] {
    return item[side].filter((other) => this.index.has(other));
  }

  sameRank(a: Item, b: Item): boolean {
    const { x } = this.places;
    return Math.abs(x[this.index.get(a)!]! - x[this.index.get(b)!]!) < 0.5;
  }

  /** Draws on a canvas, and follows pointer, size and colors. Returns what ends that. */
  attach(canvas: HTMLCanvasElement, isStill: boolean, setNear: (item: Item | null) => void, choose: (item: Item | null) => void): () => void {
    this.canvas = canvas;
    const watcher = new ResizeObserver(() => this.resize());
    watcher.observe(canvas);
    const repaint = () => this.paint();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    addEventListener('kiln-theme', repaint);
    dark.addEventListener('change', repaint);
    const selection = d3select(canvas);
    if (!isStill) {
      const behavior = zoom<HTMLCanvasElement, unknown>()
        .scaleExtent([0.5, 60])
        .on('start', () => (this.isMoving = true))
        .on('zoom', (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
          this.transform = event.transform;
          this.paint();
        })
        .on('end', () => {
          this.isMoving = false;
          this.paint();
        });
      selection.call(behavior);
      canvas.onpointermove = (event) => setNear(this.itemAt(event.offsetX, event.offsetY));
      canvas.onpointerleave = () => setNear(null);
      canvas.onclick = (event) => choose(this.itemAt(event.offsetX, event.offsetY));
    }
    return () => {
      watcher.disconnect();
      removeEventListener('kiln-theme', repaint);
      dark.removeEventListener('change', repaint);
      selection.on('.zoom', null);
      cancelAnimationFrame(this.frame);
    };
  }

  /** Brings out a node with all that leads to it and from it. */
  light(center: Item | null): void {
    this.center = center;
    this.lit = center ? new Set([...walk([center], Infinity, (item) => item.parents), ...walk([center], Infinity, (item) => item.children)]) : null;
    this.paint();
  }

  private resize(): void {
    const canvas = this.canvas!;
    const { clientWidth: width, clientHeight: height } = canvas;
    const density = Math.min(2, devicePixelRatio || 1);
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    const { width: across, height: down } = this.places;
    // Each direction is stretched for itself: depth and order are of different kinds anyway.
    const margin = 0.06 * Math.min(width, height) + 6;
    this.size = { width, height, left: margin, top: height / 2 };
    this.step = { x: (width - 2 * margin) / Math.max(1, across - 1), y: (height - 2 * margin) / Math.max(1, down - 1) };
    this.paint();
  }

  private screen(ix: number): [number, number] {
    const { transform: t, size } = this;
    return [t.applyX(size.left + this.places.x[ix]! * this.step.x), t.applyY(size.top + this.places.y[ix]! * this.step.y)];
  }

  private itemAt(x: number, y: number): Item | null {
    let best = REACH * REACH;
    let found: Item | null = null;
    for (let ix = 0; ix < this.items.length; ix++) {
      const [ax, ay] = this.screen(ix);
      const far = (ax - x) ** 2 + (ay - y) ** 2;
      if (far < best) [best, found] = [far, this.items[ix]!];
    }
    return found;
  }

  /** Asks for a picture; at most one is made a frame. */
  private paint(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const canvas = this.canvas;
    const pen = canvas?.getContext('2d');
    if (!canvas || !pen || this.size.width === 0) return;
    const started = performance.now();
    const style = getComputedStyle(canvas);
    const density = canvas.width / this.size.width;
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, this.size.width, this.size.height);
    const points = this.items.map((_, ix) => this.screen(ix));
    this.drawEdges(pen, points, style);
    const radius = this.radius();
    for (const [color, list] of this.kinds) {
      const fill = color.startsWith('#') ? color : style.getPropertyValue(`--k-${color}`) || style.getPropertyValue('--muted');
      this.drawDots(pen, points, list, fill, radius);
    }
    this.drawLabels(pen, points, style, radius);
    // For the benchmark.
    canvas.dataset.drawn = (performance.now() - started).toFixed(1);
  }

  private radius(): number {
    const room = Math.min(this.step.x, this.step.y) * this.transform.k;
    return Math.max(1.1, Math.min(6, room * 0.36));
  }

  private drawEdges(pen: CanvasRenderingContext2D, points: [number, number][], style: CSSStyleDeclaration): void {
    const { edges, lit, items } = this;
    const isMany = edges.length > 8000;
    const trace = (only: Set<Item> | null) => {
      pen.beginPath();
      for (let at = 0; at < edges.length; at += 2) {
        const [a, b] = [edges[at]!, edges[at + 1]!];
        if (only && !(only.has(items[a]!) && only.has(items[b]!))) continue;
        const [x1, y1] = points[a]!;
        const [x2, y2] = points[b]!;
        if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > this.size.width || Math.max(y1, y2) < 0 || Math.min(y1, y2) > this.size.height) continue;
        pen.moveTo(x1, y1);
        const bend = (x2 - x1) / 2;
        // Curves cost more than lines, which shows while a large picture moves.
        if (isMany && this.isMoving) pen.lineTo(x2, y2);
        else pen.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
      }
      pen.stroke();
    };
    pen.lineWidth = isMany ? 0.6 : 1;
    pen.strokeStyle = style.getPropertyValue('--edge');
    pen.globalAlpha = (lit ? 0.35 : 1) * Math.max(0.16, Math.min(0.9, 900 / edges.length + this.transform.k * 0.03));
    trace(null);
    if (lit) {
      pen.globalAlpha = 0.9;
      pen.lineWidth = 1.2;
      pen.strokeStyle = style.getPropertyValue('--accent');
      trace(lit);
    }
    pen.globalAlpha = 1;
  }

  private drawDots(pen: CanvasRenderingContext2D, points: [number, number][], list: number[], fill: string, radius: number): void {
    pen.fillStyle = fill;
    for (const ix of list) {
      const [x, y] = points[ix]!;
      if (x < -9 || y < -9 || x > this.size.width + 9 || y > this.size.height + 9) continue;
      pen.globalAlpha = this.lit && !this.lit.has(this.items[ix]!) ? 0.18 : 1;
      if (radius < 2.2) pen.fillRect(x - radius, y - radius, radius * 2, radius * 2);
      else {
        pen.beginPath();
        pen.arc(x, y, radius, 0, Math.PI * 2);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
  }

  /** Names where there is room; always that of the node that is looked at. */
  private drawLabels(pen: CanvasRenderingContext2D, points: [number, number][], style: CSSStyleDeclaration, radius: number): void {
    const font = (weight: number) => `${weight} 11px "IBM Plex Sans Variable", sans-serif`;
    const room = this.step.y * this.transform.k;
    pen.fillStyle = style.getPropertyValue('--ink');
    pen.textBaseline = 'middle';
    if (room >= 13 && this.step.x * this.transform.k > 60) {
      pen.font = font(400);
      const width = Math.max(60, Math.min(220, this.step.x * this.transform.k - 24));
      points.forEach(([x, y], ix) => {
        if (x < -200 || y < 0 || x > this.size.width || y > this.size.height || this.items[ix] === this.center) return;
        pen.globalAlpha = this.lit && !this.lit.has(this.items[ix]!) ? 0.25 : 0.85;
        pen.fillText(shortened(this.items[ix]!.label, Math.floor(width / 6)), x + radius + 4, y);
      });
      pen.globalAlpha = 1;
    }
    if (!this.center) return;
    const at = points[this.index.get(this.center) ?? -1];
    if (!at) return;
    pen.font = font(600);
    const wide = pen.measureText(this.center.label).width;
    const x = Math.min(at[0] + radius + 6, this.size.width - wide - 10);
    pen.fillStyle = style.getPropertyValue('--surface');
    pen.fillRect(x - 4, at[1] - 10, wide + 8, 20);
    pen.fillStyle = style.getPropertyValue('--ink');
    pen.fillText(this.center.label, x, at[1]);
    pen.strokeStyle = style.getPropertyValue('--accent');
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(at[0], at[1], radius + 3, 0, Math.PI * 2);
    pen.stroke();
  }
}
