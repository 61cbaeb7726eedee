/** Small pieces that all pages are made of. */

import type { ComponentChildren, JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { summary, toHtml } from './markdown';
import { type Health, type Item, type Kind, healthOf } from './model';
import { hrefOf } from './router';

const KIND_NAMES: Record<Kind, [one: string, many: string]> = {
  source: ['Source', 'Sources'],
  seed: ['Seed', 'Seeds'],
  model: ['Model', 'Models'],
  snapshot: ['Snapshot', 'Snapshots'],
  function: ['Function', 'Functions'],
  semantic_model: ['Semantic model', 'Semantic models'],
  metric: ['Metric', 'Metrics'],
  saved_query: ['Saved query', 'Saved queries'],
  exposure: ['Exposure', 'Exposures'],
  analysis: ['Analysis', 'Analyses'],
  test: ['Test', 'Tests'],
  unit_test: ['Unit test', 'Unit tests'],
  operation: ['Operation', 'Operations'],
  macro: ['Macro', 'Macros'],
  group: ['Group', 'Groups'],
};

export const kindName = (kind: Kind | string) => (KIND_NAMES[kind as Kind] ?? [kind, kind])[0];
export const kindNames = (kind: Kind | string) => (KIND_NAMES[kind as Kind] ?? [kind, kind])[1];

/** One shape for each kind, so that color is never the only sign. 16 × 16. */
const KIND_PATHS: Record<Kind, string> = {
  source: 'M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2',
  seed: 'M2.5 3h11v10h-11zM2.5 6.5h11M2.5 9.8h11M6.5 6.5V13',
  model: 'M8 1.8l5.4 3.1v6.2L8 14.2l-5.4-3.1V4.9zM2.6 4.9L8 8l5.4-3.1M8 8v6.2',
  snapshot: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.8V8l2.3 1.6',
  function: 'M10.5 2.5c-2 0-2.4 1-2.7 3L6.6 11c-.3 1.8-.9 2.5-2.6 2.5M4.5 6.5h6',
  semantic_model: 'M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3',
  metric: 'M2 13.5h12M3 10.5l3.2-3.7 2.6 2L13 3.5',
  saved_query: 'M4 2.2h8v11.6l-4-3-4 3z',
  exposure: 'M2.5 13.5h11M4 13V9M8 13V3M12 13V6.5',
  analysis: 'M7 2.3a4.7 4.7 0 100 9.4 4.7 4.7 0 000-9.4zM10.4 10.4l3.4 3.4',
  test: 'M2.8 8.4l3.4 3.4 7-7.4',
  unit_test: 'M6 2h4M7 2v4.2L3.2 13h9.6L9 6.2V2M5 10h6',
  operation: 'M4 3l8 5-8 5z',
  macro: 'M6.2 2.5c-2 0-2 1-2 2.2 0 1.8-.3 2.8-1.9 3.3 1.6.5 1.9 1.5 1.9 3.3 0 1.2 0 2.2 2 2.200M9.8 2.500c2 0 2 1 2 2.2 0 1.8.300 2.8 1.9 3.3-1.6.500-1.9 1.5-1.9 3.3 0 1.2 0 2.2-2 2.2',
  group: 'M6 7.500a2.4 2.4 0 100-4.8 2.4 2.4 0 000 4.800zM1.8 13c.3-2.6 2-4 4.2-4s3.9 1.4 4.2 4M10.5 3a2.3 2.3 0 010 4.400M12 9.400c1.3.6 2 1.9 2.2 3.6',
};

export const kindPath = (kind: Kind) => KIND_PATHS[kind] ?? KIND_PATHS.model;

export function KindIcon({ kind, size = 16 }: { kind: Kind; size?: number }) {
  return (
    <svg class={`kind k-${kind}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={kindPath(kind)} />
    </svg>
  );
}

const GLYPHS = {
  search: 'M7 2.3a4.7 4.7 0 100 9.4 4.7 4.7 0 000-9.4zM10.4 10.400l3.4 3.4',
  menu: 'M2 4h12M2 8h12M2 12h12',
  close: 'M3.5 3.500l9 9M12.5 3.500l-9 9',
  chevron: 'M6 3.500L10.5 8 6 12.5',
  copy: 'M5.5 5.500h8v8h-8zM3 10.500h-.5v-8h8V3',
  check: 'M2.8 8.400l3.4 3.4 7-7.4',
  graph: 'M2 6h4v4H2zM10 2h4v4h-4zM10 10h4v4h-4zM6 8h2M8 8V4h2M8 8v4h2',
  sun: 'M8 5.200a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.600zM8 1v1.600M8 13.400V15M1 8h1.600M13.4 8H15M3 3l1.2 1.200M11.8 11.800L13 13M13 3l-1.2 1.200M4.2 11.800L3 13',
  moon: 'M13.5 9.600A6 6 0 016.4 2.500a6 6 0 107.1 7.100z',
  auto: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 2v12M8 5h4.500M8 8h6M8 11h4.5',
  external: 'M6.5 3.500h-4v10h10v-4M9 2.500h4.500V7M13.5 2.500L7.5 8.5',
  home: 'M2.5 7.500L8 2.800l5.5 4.700M4 6.500v7h8v-7',
  lineage: 'M2 4h3.500c3 0 2 8 5 8H14M2 12h3.500M11 4h3M11.5 9.800L14 12l-2.5 2.2',
  plus: 'M8 3v10M3 8h10',
  fit: 'M2.5 6V2.500H6M10 2.500h3.500V6M13.5 10v3.500H10M6 13.500H2.500V10',
};

export function Glyph({ name, size = 16 }: { name: keyof typeof GLYPHS; size?: number }) {
  return (
    <svg class="glyph" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={GLYPHS[name]} />
    </svg>
  );
}

export function Badge({ children, tone = '', title, href }: { children: ComponentChildren; tone?: string; title?: string; href?: string }) {
  const shared = { class: `badge ${tone}`, title };
  return href ? <a {...shared} href={href}>{children}</a> : <span {...shared}>{children}</span>;
}

const HEALTH_WORDS: Record<Health, string> = { pass: 'passed', warn: 'warned', fail: 'failed', skip: 'skipped', none: 'not run' };

export const healthWord = (health: Health) => HEALTH_WORDS[health];

const HEALTH_PATHS: Record<Health, string> = {
  pass: 'M4.6 8.300l2.3 2.3 4.5-4.8',
  warn: 'M8 4.300v4.400M8 10.900v.6',
  fail: 'M5.3 5.300l5.4 5.400M10.7 5.300l-5.4 5.4',
  skip: 'M5 8h6',
  none: '',
};

export function HealthIcon({ health, size = 16 }: { health: Health; size?: number }) {
  return (
    <svg class={`health h-${health}`} width={size} height={size} viewBox="0 0 16 16" role="img" aria-label={HEALTH_WORDS[health]}>
      <circle cx="8" cy="8" r="6.5" />
      <path d={HEALTH_PATHS[health]} />
    </svg>
  );
}

/** What a result is called: the words that were printed when it was made. */
export function Status({ item }: { item: Item }) {
  const health = healthOf(item);
  const status = item.result?.status ?? item.freshness?.status ?? 'not run';
  return (
    <span class={`status h-${health}`}>
      <HealthIcon health={health} />
      <span>{status}</span>
    </span>
  );
}

export function ItemLink({ item, note }: { item: Item; note?: ComponentChildren }) {
  return (
    <a class="item-link" href={hrefOf(item)}>
      <KindIcon kind={item.kind} />
      <span class="item-name">{item.label}</span>
      {note && <span class="note">{note}</span>}
    </a>
  );
}

export function Markdown({ text, class: name = '' }: { text: string; class?: string }) {
  const html = useMemo(() => toHtml(text), [text]);
  return <div class={`prose ${name}`} dangerouslySetInnerHTML={{ __html: html }} />;
}

export function Summary({ text }: { text: string }) {
  return <>{summary(text)}</>;
}

export function Copy({ text, label = 'Copy' }: { text: string | (() => string); label?: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    const value = typeof text === 'string' ? text : text();
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      copyBySelection(value);
    }
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class="icon-button copy" onClick={copy} aria-label={isDone ? 'Copied' : label} title={isDone ? 'Copied' : label}>
      <Glyph name={isDone ? 'check' : 'copy'} size={14} />
    </button>
  );
}

/** Pages from disk may not use the clipboard directly. */
function copyBySelection(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Section(props: { id: string; title: string; count?: number; actions?: ComponentChildren; children: ComponentChildren }) {
  const { id, title, count, actions, children } = props;
  return (
    <section class="section" id={`part-${id}`} aria-labelledby={`title-${id}`}>
      <header class="section-head">
        <h2 id={`title-${id}`}>
          {title}
          {count !== undefined && <span class="count">{count.toLocaleString('en-US')}</span>}
        </h2>
        {actions && <div class="section-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  const shown = facts.filter(([, value]) => value !== '' && value !== null && value !== undefined && value !== false);
  if (shown.length === 0) return null;
  return (
    <dl class="facts">
      {shown.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A bar of shares; its text says the same in numbers. */
export function Bar({ parts, label }: { parts: [tone: string, size: number][]; label: string }) {
  const all = parts.reduce((sum, [, size]) => sum + size, 0) || 1;
  return (
    <div class="bar" role="img" aria-label={label}>
      {parts.map(([tone, size]) => size > 0 && <span key={tone} class={tone} style={{ flexGrow: size / all }} />)}
    </div>
  );
}

/** Lists can have thousands of rows: the first are shown, more on request. */
export function useMore<T>(list: T[], step: number): [T[], JSX.Element | null] {
  const [shown, setShown] = useState(step);
  if (list.length <= shown) return [list, null];
  const more = (
    <button type="button" class="more" onClick={() => setShown(shown + step * 4)}>
      Show more ({(list.length - shown).toLocaleString('en-US')} left)
    </button>
  );
  return [list.slice(0, shown), more];
}

export function OwnerText({ item }: { item: Item }) {
  const owner = item.owner ?? item.group?.owner;
  if (!owner) return null;
  const address = [owner.email].flat().filter(Boolean).join(', ');
  const name = owner.name || address;
  return address ? <a href={`mailto:${address}`}>{name}</a> : <>{name}</>;
}
