/** Cards and lines as SVG: crisp, readable aloud, printable. For up to some hundred nodes. */

import { select as d3select } from 'd3-selection';
import { type D3ZoomEvent, zoom, zoomIdentity, type ZoomBehavior } from 'd3-zoom';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { KIND_TEXTS } from '../columns';
import type { Item } from '../model';
import { columnHref, hrefOf } from '../router';
import { kindName, kindPath } from '../ui';
import { type Card, fitted, HEAD, type Line, ROW, type Scene } from './scene';

interface Props {
  scene: Scene;
  label: string;
  /** In a page that scrolls the wheel scrolls it, and one finger too. */
  isEmbedded?: boolean;
  onOpen?: (item: Item, direction: 'up' | 'down') => void;
  onFocus: (item: Item) => void;
  /** With columns: what a click on one does; otherwise it leads to its page. */
  onColumn?: (item: Item, column: string) => void;
  column?: string;
}

export function Cards(props: Props) {
  const { scene, label, isEmbedded = false } = props;
  const svg = useRef<SVGSVGElement>(null);
  const [near, setNear] = useState<string | null>(null);
  const { fit, zoomBy } = useZoom(svg, scene, isEmbedded);
  const lit = useMemo(() => (near ? onTheWay(scene, near) : null), [scene, near]);
  return (
    <div class="cards-graph">
      <svg
        ref={svg}
        class={lit ? 'has-lit' : ''}
        role="group"
        aria-label={label}
        onKeyDown={(event) => keyPressed(event, scene, props, fit, zoomBy)}
      >
        <g class="stage">
          <g class="lines">
            {scene.lines.map((line, at) => (
              <path key={at} d={pathOf(line)} class={`line l-${line.kind} ${lit?.lines.has(line) ? 'lit' : ''}`}>
                {line.kind !== 'node' && <title>{`${line.from.item.label}.${line.fromColumn}: ${KIND_TEXTS[line.kind] ?? line.kind}`}</title>}
              </path>
            ))}
          </g>
          {scene.cards.map((card) => (
            <CardView key={card.item.id} card={card} {...props} lit={lit} setNear={setNear} />
          ))}
        </g>
      </svg>
      <div class="zoom-buttons">
        <button type="button" aria-label="Zoom in" onClick={() => zoomBy(1.4)}>+</button>
        <button type="button" aria-label="Zoom out" onClick={() => zoomBy(1 / 1.4)}>−</button>
        <button type="button" aria-label="Show all" onClick={fit}>⤢</button>
      </div>
    </div>
  );
}

type Lit = { keys: Set<string>; lines: Set<Line> } | null;

function CardView({ card, onOpen, onFocus, onColumn, column, lit, setNear }: Props & { card: Card; lit: Lit; setNear: (key: string | null) => void }) {
  const { item, width, height } = card;
  const [left, top] = [card.x - width / 2, card.y - height / 2];
  const key = keyOf(card, '');
  const isColumnScene = card.columns.length > 0;
  const about = `${kindName(item.kind)} ${item.label}${card.note ? `, ${card.note}` : ''}, ${item.parents.length} upstream, ${item.children.length} downstream`;
  const hover = (key: string) => ({ onMouseEnter: () => setNear(key), onMouseLeave: () => setNear(null) });
  return (
    <g
      class={`card-node k-${card.kind} ${card.isFocus ? 'is-focus' : ''} ${lit?.keys.has(key) ? 'lit' : ''}`}
      transform={`translate(${left},${top})`}
      data-id={item.id}
      style={item.wire.docs?.node_color ? { '--kind': item.wire.docs.node_color } : undefined}
    >
      <a
        href={hrefOf(item)}
        class="card-link"
        tabIndex={0}
        aria-label={about}
        aria-current={card.isFocus ? 'true' : undefined}
        onFocus={() => setNear(key)}
        onBlur={() => setNear(null)}
        {...hover(key)}
      >
        <title>{item.label}</title>
        <rect class="card-box" width={width} height={height} rx="7" />
        <path class="card-stripe" d={`M7 0H4a4 4 0 0 0-4 4V${height - 4}a4 4 0 0 0 4 4H7z`} transform="scale(.57 1)" />
        <g transform="translate(14,8)"><path class="card-icon" d={kindPath(card.kind)} transform="scale(.94)" /></g>
        <text class="card-name" x="36" y="20">{fitted(item.label, width - 46)}</text>
        <text class="card-note" x="36" y="36">{card.note}</text>
        {(card.health === 'fail' || card.health === 'warn') && <circle class={`card-health h-${card.health}`} cx={width - 12} cy={33} r="4" />}
      </a>
      {isColumnScene && <line class="card-rule" x1="4" x2={width} y1={HEAD} y2={HEAD} />}
      {card.columns.map((name, at) => {
        const columnKey = keyOf(card, name);
        const isChosen = card.isFocus && name.toLowerCase() === column?.toLowerCase();
        const open = (event: Event) => {
          if (!onColumn) return;
          event.preventDefault();
          onColumn(item, name);
        };
        return (
          <a key={name} href={columnHref(item, name)} class={`card-column ${isChosen ? 'is-chosen' : ''} ${lit?.keys.has(columnKey) ? 'lit' : ''}`} onClick={open} aria-label={`Column ${name} of ${item.label}`} {...hover(columnKey)}>
            <title>{name}</title>
            <rect x="5" y={HEAD + 4 + at * ROW} width={width - 10} height={ROW} rx="4" />
            <text x="16" y={HEAD + 4 + at * ROW + 15}>{fitted(name, width - 30, true)}</text>
          </a>
        );
      })}
      {onOpen && card.hiddenUp > 0 && <Opener x={0} y={HEAD / 2} n={card.hiddenUp} label={`Show ${card.hiddenUp} more upstream of ${item.label}`} open={() => onOpen(item, 'up')} />}
      {onOpen && card.hiddenDown > 0 && <Opener x={width} y={HEAD / 2} n={card.hiddenDown} label={`Show ${card.hiddenDown} more downstream of ${item.label}`} open={() => onOpen(item, 'down')} />}
      {!card.isFocus && !isColumnScene && (
        <g class="card-focus" role="button" tabIndex={-1} aria-label={`Focus on ${item.label}`} transform={`translate(${width - 22},6)`} onClick={() => onFocus(item)}>
          <title>Focus on it (f)</title>
          <rect x="-3" y="-3" width="20" height="20" rx="5" />
          <path d="M7 1v3M7 10v3M1 7h3M10 7h3M7 4.500a2.5 2.5 0 100 5 2.5 2.5 0 000-5z" />
        </g>
      )}
    </g>
  );
}

function Opener({ x, y, n, label, open }: { x: number; y: number; n: number; label: string; open: () => void }) {
  const text = `+${n > 999 ? '…' : n}`;
  const width = 14 + text.length * 6;
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    open();
  };
  return (
    <g class="opener" role="button" tabIndex={0} aria-label={label} transform={`translate(${x},${y})`} onClick={open} onKeyDown={pressed}>
      <title>{label}</title>
      <rect x={-width / 2} y="-10" width={width} height="20" rx="10" />
      <text y="4">{text}</text>
    </g>
  );
}

const keyOf = (card: Card, column: string) => `${card.item.id}\n${column}`;

/** From the right of one card or column to the left of the next, level at both ends. */
function pathOf({ from, to, fromColumn, toColumn, via }: Line): string {
  const start: [number, number] = [from.x + from.width / 2, heightOf(from, fromColumn)];
  const end: [number, number] = [to.x - to.width / 2, heightOf(to, toColumn)];
  let path = `M${start[0]} ${start[1]}`;
  let [x, y] = start;
  for (const [nextX, nextY] of [...via.filter(([at]) => at > start[0] && at < end[0]), end]) {
    const bend = via.length > 0 ? (nextX - x) / 2 : Math.max(28, (nextX - x) / 2);
    path += `C${x + bend} ${y} ${nextX - bend} ${nextY} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
  }
  return path;
}

function heightOf(card: Card, column: string): number {
  const top = card.y - card.height / 2;
  const at = column ? card.columns.indexOf(column) : -1;
  return at < 0 ? top + HEAD / 2 : top + HEAD + 4 + (at + 0.5) * ROW;
}

/** Everything before and after a card or column, and the lines between. */
function onTheWay(scene: Scene, start: string): NonNullable<Lit> {
  const keys = new Set([start]);
  const lines = new Set<Line>();
  const ends = (line: Line) => [keyOf(line.from, line.fromColumn), keyOf(line.to, line.toColumn)] as const;
  for (const side of [0, 1] as const) {
    let front = [start];
    const seen = new Set(front);
    while (front.length > 0) {
      const further: string[] = [];
      for (const line of scene.lines) {
        const both = ends(line);
        if (!front.includes(both[side])) continue;
        lines.add(line);
        const other = both[1 - side]!;
        if (seen.has(other)) continue;
        seen.add(other);
        further.push(other);
      }
      front = further;
    }
    for (const key of seen) keys.add(key);
  }
  return { keys, lines };
}

function useZoom(svg: { current: SVGSVGElement | null }, scene: Scene, isEmbedded: boolean) {
  const behavior = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const fit = () => {
    const at = svg.current;
    if (!at || !behavior.current || scene.width === 0) return;
    const { width, height } = at.getBoundingClientRect();
    const scale = Math.min(1.1, width / scene.width, height / scene.height);
    // Small writing cannot be read: rather show the middle of what matters.
    const focus = scene.cards.find((card) => card.isFocus);
    const legible = focus ? Math.max(scale, 0.62) : scale;
    // Near the focus, but without an empty side.
    const near = (wanted: number, all: number, room: number) =>
      all <= room ? all / 2 : Math.max(room / 2, Math.min(all - room / 2, wanted));
    const x = near(focus?.x ?? 0, scene.width, width / legible);
    const y = near(focus?.y ?? 0, scene.height, height / legible);
    const transform = zoomIdentity.translate(width / 2 - x * legible, height / 2 - y * legible).scale(legible);
    d3select(at).call(behavior.current.transform, transform);
  };
  useLayoutEffect(() => {
    const at = svg.current!;
    const stage = d3select(at).select<SVGGElement>('.stage');
    behavior.current = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.05, 2.5])
      .filter((event: Event) => isWanted(event, isEmbedded))
      .on('zoom', (event: D3ZoomEvent<SVGSVGElement, unknown>) => stage.attr('transform', event.transform.toString()));
    d3select(at).call(behavior.current).on('dblclick.zoom', null);
  }, [isEmbedded]);
  useLayoutEffect(() => {
    fit();
  }, [scene]);
  const zoomBy = (factor: number) => {
    if (svg.current && behavior.current) d3select(svg.current).call(behavior.current.scaleBy, factor);
  };
  return { fit, zoomBy };
}

function isWanted(event: Event, isEmbedded: boolean): boolean {
  if (event instanceof WheelEvent) return !isEmbedded || event.ctrlKey || event.metaKey;
  if (isEmbedded && 'touches' in event) return (event as TouchEvent).touches.length > 1;
  return !(event as MouseEvent).button;
}

/** Arrows go to the nearest card in their direction. */
function keyPressed(event: KeyboardEvent, scene: Scene, { onFocus }: Props, fit: () => void, zoomBy: (by: number) => void): void {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  const id = (document.activeElement?.closest('.card-node') as SVGElement | null)?.dataset.id;
  const card = scene.cards.find((one) => one.item.id === id);
  const steps: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = steps[event.key];
  if (step) focusCard(event.currentTarget as SVGElement, card ? nearest(scene, card, step) : scene.cards.find((one) => one.isFocus) ?? scene.cards[0]);
  else if (event.key === 'f' && card) onFocus(card.item);
  else if (event.key === '0') fit();
  else if (event.key === '+' || event.key === '=') zoomBy(1.4);
  else if (event.key === '-') zoomBy(1 / 1.4);
  else return;
  event.preventDefault();
}

function focusCard(svg: SVGElement, card: Card | undefined): void {
  if (!card) return;
  svg.querySelector<SVGElement>(`[data-id="${CSS.escape(card.item.id)}"] .card-link`)?.focus();
}

function nearest(scene: Scene, from: Card, [dx, dy]: [number, number]): Card | undefined {
  const near = scene.cards.filter((card) => card !== from && (dx ? (card.x - from.x) * dx > 8 : (card.y - from.y) * dy > 4));
  // Across the direction counts double, so that a row or a column is followed.
  const far = (card: Card) => Math.abs(card.x - from.x) * (dx ? 1 : 4) + Math.abs(card.y - from.y) * (dy ? 1 : 2);
  return near.sort((a, b) => far(a) - far(b))[0];
}
