/** The frame of the page: header, sidebar, what the address asks for, and the keys that work everywhere. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ColumnGraph } from './columns';
import { loadLineage } from './load';
import type { Project } from './model';
import { type Route, itemOf, parseRoute } from './router';
import { Search } from './search';
import { currentTheme, setTheme, type Theme } from './theme';
import { Empty, Glyph } from './ui';
import { GraphPage } from './views/graph-page';
import { Help } from './views/help';
import { ItemPage } from './views/item';
import { ListPage } from './views/list';
import { Overview } from './views/overview';
import { Palette } from './views/palette';
import { Sidebar } from './views/sidebar';

type Overlay = 'search' | 'help' | 'menu' | null;

export function App({ project }: { project: Project }) {
  const route = useRoute();
  const search = useMemo(() => new Search(project), [project]);
  const [overlay, setOverlay] = useState<Overlay>(null);
  const main = useRef<HTMLElement>(null);
  useLater(project, search);
  const close = () => setOverlay(null);
  useKeys(setOverlay);
  // Before the next key is handled, which may open something.
  useLayoutEffect(() => {
    close();
    document.title = titleOf(project, route);
    if (!(route.page === 'item' && route.part) && route.page !== 'graph') main.current?.scrollTo(0, 0);
  }, [route]);
  const item = route.page === 'item' ? itemOf(project, route.id) : undefined;
  return (
    <div class={`app page-${route.page}`}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to content</a>
      <Header project={project} open={setOverlay} />
      <Sidebar project={project} route={route} current={item} isOpen={overlay === 'menu'} close={close} />
      <main id="main" ref={main} tabIndex={-1}>
        {route.page === 'overview' && <Overview project={project} />}
        {route.page === 'list' && <ListPage project={project} kind={route.kind} query={route.query} key={route.kind} />}
        {route.page === 'graph' && <GraphPage project={project} params={route.params} />}
        {item && route.page === 'item' && <ItemPage project={project} item={item} part={route.part} column={route.column} key={item.id} />}
        {route.page === 'item' && !item && (
          <div class="page">
            <Empty title="There is nothing at this address">
              <code>{route.id}</code> is not part of the project, or was renamed. <a href="#/">Go to the overview</a>.
            </Empty>
          </div>
        )}
      </main>
      {overlay === 'search' && <Palette search={search} project={project} close={close} />}
      {overlay === 'help' && <Help close={close} />}
    </div>
  );
}

function Header({ project, open }: { project: Project; open: (overlay: Overlay) => void }) {
  return (
    <header class="top">
      <button type="button" class="icon-button menu-button" aria-label="Contents" onClick={() => open('menu')}>
        <Glyph name="menu" />
      </button>
      <a class="brand" href="#/">
        <Mark />
        <span>{project.name}</span>
      </a>
      <button type="button" class="search-button" onClick={() => open('search')} aria-keyshortcuts="/">
        <Glyph name="search" />
        <span>Search models, columns, tags…</span>
        <kbd>/</kbd>
      </button>
      <nav class="top-actions" aria-label="Tools">
        <a class="icon-button graph-button" href="#/graph" aria-label="Graph" title="Graph (g)"><Glyph name="graph" /></a>
        <ThemeButton />
        <button type="button" class="icon-button help-button" aria-label="Keyboard and help" title="Help (?)" onClick={() => open('help')}>?</button>
      </nav>
    </header>
  );
}

/** An arch with a fire in it. */
export function Mark() {
  return (
    <svg class="mark" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
      <path d="M2.5 20V10a8.5 8.5 0 0117 0v10z" class="mark-arch" />
      <path d="M11 8.200c2.6 2.6 4 4.7 4 7a4 4 0 01-8 0c0-1.3.5-2.4 1.5-3.3.2 1 .7 1.5 1.3 1.6-.3-2 .1-3.7 1.2-5.300z" class="mark-fire" />
    </svg>
  );
}

function ThemeButton() {
  const [theme, choose] = useState<Theme>(currentTheme());
  const next: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' };
  const glyphs = { auto: 'auto', light: 'sun', dark: 'moon' } as const;
  const words = { auto: 'as the system', light: 'light', dark: 'dark' };
  const change = () => {
    setTheme(next[theme]);
    choose(next[theme]);
  };
  const label = `Colors: ${words[theme]}. Change to ${words[next[theme]]}`;
  return (
    <button type="button" class="icon-button theme-button" aria-label={label} title={label} onClick={change}>
      <Glyph name={glyphs[theme]} />
    </button>
  );
}

/** What the first picture does not need is read after it. */
function useLater(project: Project, search: Search): void {
  const [, drawAgain] = useState(0);
  useEffect(() => {
    const later = setTimeout(async () => {
      const lineage = await loadLineage();
      if (lineage) project.columns = new ColumnGraph(project.items, lineage);
      project.isLineageRead = true;
      drawAgain(1);
      (globalThis.requestIdleCallback ?? setTimeout)(() => {
        void search.entries;
        performance.mark('kiln-ready');
      });
    });
    return () => clearTimeout(later);
  }, [project]);
}

function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return useMemo(() => parseRoute(hash), [hash]);
}

function useKeys(open: (overlay: Overlay) => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
      const isCommandK = event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey);
      if (event.key === 'Escape') open(null);
      else if (isCommandK || (event.key === '/' && !isTyping)) open('search');
      else if (event.key === '?' && !isTyping) open('help');
      else if (event.key === 'g' && !isTyping && !event.metaKey && !event.ctrlKey && !event.altKey) location.hash = '#/graph';
      else return;
      if (event.key !== 'Escape') event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

function titleOf(project: Project, route: Route): string {
  if (route.page === 'item') {
    const name = itemOf(project, route.id)?.label ?? route.id;
    return `${route.column ? `${route.column} · ` : ''}${name} · ${project.name}`;
  }
  if (route.page === 'graph') return `Graph · ${project.name}`;
  return `${project.name} · documentation`;
}
