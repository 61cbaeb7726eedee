/** Search as you type, over everything. */

import { useMemo, useRef, useState } from 'preact/hooks';
import type { Item, Project } from '../model';
import { columnHref, hrefOf } from '../router';
import type { Hit, Search } from '../search';
import { Glyph, KindIcon, kindName, Summary } from '../ui';
import { Dialog } from './dialog';

const LIMIT = 60;

export function Palette({ search, project, close }: { search: Search; project: Project; close: () => void }) {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const hits = useMemo(() => search.find(query, LIMIT), [search, query]);
  const suggested = useMemo(() => (query.trim() ? [] : mostUsed(project)), [project, query]);
  const rows = query.trim() ? hits : suggested;
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    location.hash = hrefOfHit(hit);
  };
  const move = (step: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, at + step));
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: 'nearest' });
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'PageDown') move(8);
    else if (event.key === 'PageUp') move(-8);
    else if (event.key === 'Enter') go(rows[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Search" close={close} class="palette">
      <div class="palette-field">
        <Glyph name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Search"
          aria-expanded="true"
          aria-controls="hits"
          aria-activedescendant={rows.length > 0 ? `hit-${at}` : undefined}
          placeholder="Names, columns, tags, descriptions"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setAt(0);
            list.current?.scrollTo(0, 0);
          }}
          onKeyDown={pressed}
        />
        <button type="button" class="plain-button" onClick={close}><kbd>Esc</kbd></button>
      </div>
      {!query.trim() && rows.length > 0 && <p class="palette-title">Most used</p>}
      <ul class="hits" id="hits" role="listbox" aria-label="Results" ref={list}>
        {rows.map((hit, index) => (
          <li
            key={`${hit.item.id} ${hit.column}`}
            id={`hit-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseMove={() => index !== at && setAt(index)}
            onClick={() => go(hit)}
          >
            <KindIcon kind={hit.item.kind} />
            <span class="hit-text">
              <span class="hit-name">
                <Marked text={hit.item.label} query={query} />
                {hit.column && <span class="hit-column">.<Marked text={hit.column} query={query} /></span>}
              </span>
              <span class="hit-note">{hit.excerpt ? <Marked text={hit.excerpt} query={query} /> : <Summary text={noteOf(hit)} />}</span>
            </span>
            <span class="hit-kind">{hit.column ? 'Column' : kindName(hit.item.kind)}</span>
          </li>
        ))}
      </ul>
      {query.trim() && rows.length === 0 && <p class="palette-none">Nothing is called or described like “{query}”.</p>}
      <p class="visually-hidden" role="status">{query.trim() ? `${hits.length} results` : ''}</p>
    </Dialog>
  );
}

const hrefOfHit = (hit: Hit) => (hit.column ? columnHref(hit.item, hit.column) : hrefOf(hit.item));

function noteOf(hit: Hit): string {
  const column = hit.column ? hit.item.columns.find((one) => one.name === hit.column) : undefined;
  return column ? column.description || column.type : hit.item.description || hit.item.path;
}

/** Where to begin, before anything is typed. */
function mostUsed(project: Project): Hit[] {
  const uses = (item: Item) => item.children.filter((child) => child.ix >= 0).length;
  const own = project.nodes.filter((item) => item.kind === 'model' && !item.isHidden);
  const sorted = own.sort((a, b) => uses(b) - uses(a)).slice(0, 8);
  return sorted.map((item) => ({ item, column: '', excerpt: '', score: 0 }));
}

function Marked({ text, query }: { text: string; query: string }) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  const found = words.map((word) => [lower.indexOf(word), word.length] as const).filter(([at]) => at >= 0);
  const [first] = found.sort((a, b) => a[0] - b[0]);
  if (!first) return <>{text}</>;
  const [at, length] = first;
  return <>{text.slice(0, at)}<mark>{text.slice(at, at + length)}</mark>{text.slice(at + length)}</>;
}
