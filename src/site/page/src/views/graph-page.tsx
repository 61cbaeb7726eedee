/** The graph by itself: all nodes, a selection, the surroundings of a node, or the way of a column. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { isIndirect } from '../columns';
import { count } from '../format';
import { Cards } from '../graph/cards';
import { DenseGraph } from '../graph/dense';
import { columnScene, itemsAround, MOST_CARDS, type Scene, sceneOf } from '../graph/scene';
import type { Item, Project } from '../model';
import { type GraphState, graphHref, graphState, hrefOf, itemOf } from '../router';
import { select } from '../select';
import { Badge, Empty, Glyph, KindIcon, kindNames } from '../ui';

export function GraphPage({ project, params }: { project: Project; params: URLSearchParams }) {
  const state = useMemo(() => graphState(params), [params]);
  const focus = state.focus ? itemOf(project, state.focus) : undefined;
  const go = (change: Partial<GraphState>) => (location.hash = graphHref({ ...state, ...change }));
  const shown = useMemo(() => itemsOf(project, state, focus), [project, state, focus]);
  const isColumns = Boolean(focus && state.column && !state.select);
  return (
    <div class="graph-page">
      <h1 class="visually-hidden">Graph</h1>
      <div class="graph-bar">
        <SelectField state={state} problem={shown.problem} go={go} />
        {focus && !state.select && <FocusBar focus={focus} state={state} go={go} project={project} />}
        {!isColumns && <span class="graph-count muted" role="status">{count(shown.items.size, 'node')}</span>}
      </div>
      <div class="graph-stage">
        {isColumns && focus ? (
          <ColumnGraphView project={project} focus={focus} state={state} go={go} />
        ) : shown.items.size === 0 ? (
          <Empty title="Nothing is selected">{shown.problem || 'Change the selection above.'}</Empty>
        ) : (
          <NodeGraphView items={shown.items} focus={state.select ? null : (focus ?? null)} go={go} state={state} />
        )}
      </div>
      {!isColumns && <Legend items={shown.items} />}
    </div>
  );
}

function itemsOf(project: Project, state: GraphState, focus: Item | undefined): { items: Set<Item>; problem: string } {
  const visible = (items: Iterable<Item>) => new Set([...items].filter((item) => item.ix >= 0 && !item.isHidden));
  if (state.select) {
    const { items, problem } = select(project, state.select);
    return { items: visible(items), problem };
  }
  if (focus) return { items: itemsAround(focus, state), problem: '' };
  if (state.focus) return { items: new Set(), problem: `There is no node “${state.focus}”` };
  return { items: visible(project.nodes), problem: '' };
}

function SelectField({ state, problem, go }: { state: GraphState; problem: string; go: (change: Partial<GraphState>) => void }) {
  const [text, setText] = useState(state.select);
  useEffect(() => setText(state.select), [state.select]);
  return (
    <form
      class="select-field"
      onSubmit={(event) => {
        event.preventDefault();
        go({ select: text.trim(), focus: '', column: '', openUp: [], openDown: [] });
      }}
    >
      <label>
        <span class="visually-hidden">Select nodes</span>
        <input
          type="text"
          placeholder="Select: tag:daily, +orders+, path:models/marts"
          aria-invalid={Boolean(problem)}
          aria-describedby="select-problem"
          autocapitalize="off"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {(state.select || state.focus) && (
        <a class="icon-button" href="#/graph" aria-label="Show all" title="Show all"><Glyph name="close" size={14} /></a>
      )}
      {problem && <span class="problem" id="select-problem" role="alert">{problem}</span>}
    </form>
  );
}

interface FocusProps {
  focus: Item;
  state: GraphState;
  go: (change: Partial<GraphState>) => void;
  project: Project;
}

function FocusBar({ focus, state, go, project }: FocusProps) {
  return (
    <div class="focus-bar">
      <a class="focus-name" href={hrefOf(focus)}>
        <KindIcon kind={focus.kind} />
        <span>{focus.label}{state.column && <span class="hit-column">.{state.column}</span>}</span>
      </a>
      {state.column && <a class="button small" href={graphHref({ ...state, column: '', up: 1, down: 1 })}>All columns</a>}
      <Stepper label="Upstream" value={state.up} change={(up) => go({ up })} />
      <Stepper label="Downstream" value={state.down} change={(down) => go({ down })} />
      {!state.column && !project.columns.isEmpty && <ColumnChoice focus={focus} go={go} />}
    </div>
  );
}

function ColumnChoice({ focus, go }: { focus: Item; go: (change: Partial<GraphState>) => void }) {
  if (focus.columns.length === 0) return null;
  return (
    <select aria-label="Follow a column" value="" onChange={(event) => go({ column: event.currentTarget.value, up: 99, down: 99 })}>
      <option value="">Follow a column…</option>
      {focus.columns.map((column) => <option key={column.name} value={column.name}>{column.name}</option>)}
    </select>
  );
}

function Stepper({ label, value, change }: { label: string; value: number; change: (value: number) => void }) {
  const isAll = value >= 99;
  return (
    <span class="stepper" role="group" aria-label={`${label} steps`}>
      <span class="stepper-label">{label}</span>
      <button type="button" aria-label={`Fewer ${label.toLowerCase()}`} disabled={value === 0} onClick={() => change(isAll ? 3 : value - 1)}>−</button>
      <output>{isAll ? 'all' : value}</output>
      <button type="button" aria-label={`More ${label.toLowerCase()}`} disabled={isAll} onClick={() => change(value >= 5 ? 99 : value + 1)}>+</button>
    </span>
  );
}

interface NodeProps {
  items: Set<Item>;
  focus: Item | null;
  state: GraphState;
  go: (change: Partial<GraphState>) => void;
}

function NodeGraphView({ items, focus, state, go }: NodeProps) {
  const isDense = items.size > MOST_CARDS;
  const list = useMemo(() => [...items], [items]);
  const scene = useMemo(() => (isDense ? null : sceneOf(items, focus)), [items, focus, isDense]);
  if (!scene) return <DenseGraph items={list} />;
  const open = (item: Item, direction: 'up' | 'down') =>
    go(direction === 'up' ? { openUp: [...state.openUp, item.id] } : { openDown: [...state.openDown, item.id] });
  return (
    <Cards
      scene={scene}
      label={focus ? `Graph around ${focus.label}` : 'Graph'}
      onOpen={focus ? open : undefined}
      onFocus={(item) => go({ focus: item.id, column: '', select: '', up: 1, down: 1, openUp: [], openDown: [] })}
    />
  );
}

const NOTHING: Scene = { cards: [], lines: [], width: 0, height: 0 };

function ColumnGraphView({ project, focus, state, go }: { project: Project; focus: Item; state: GraphState; go: (change: Partial<GraphState>) => void }) {
  const [withRows, setRows] = useState(false);
  const ref = { item: focus, name: state.column };
  const edges = useMemo(() => project.columns.around(ref, state.up, state.down, withRows), [project.columns, focus, state, withRows]);
  const scene = useMemo(() => (edges.length > 600 ? NOTHING : columnScene(focus, state.column, edges, project)), [edges]);
  const notes = project.columns.notesOn(ref);
  const kinds = [...new Set(edges.map((edge) => edge.kind))];
  return (
    <>
      {!project.isLineageRead ? (
        <p class="boot">Reading the lineage of columns…</p>
      ) : project.columns.isEmpty ? (
        <Empty title="There is no lineage of columns here">Run <code>kiln docs generate</code> again with a kiln that makes it.</Empty>
      ) : edges.length > 600 ? (
        <Empty title={`${edges.length.toLocaleString('en-US')} connections are too many to read`}>Show fewer steps upstream or downstream.</Empty>
      ) : (
        <Cards
          scene={scene}
          label={`Lineage of column ${state.column} of ${focus.label}`}
          column={state.column}
          onFocus={(item) => go({ focus: item.id, column: '' })}
          onColumn={(item, column) => go({ focus: item.id, column, up: 99, down: 99 })}
        />
      )}
      <div class="column-legend">
        {kinds.filter((kind) => !isIndirect({ kind } as never)).map((kind) => <span key={kind} class={`legend-line l-${kind}`}>{kind}</span>)}
        <label class="check"><input type="checkbox" checked={withRows} onChange={() => setRows(!withRows)} />filters and joins</label>
        {notes.map((note) => <Badge key={note} tone="warn">{note}</Badge>)}
      </div>
    </>
  );
}

function Legend({ items }: { items: Set<Item> }) {
  const kinds = useMemo(() => [...new Set([...items].map((item) => item.kind))], [items]);
  if (kinds.length < 2) return null;
  return <ul class="graph-legend" aria-label="Kinds">{kinds.map((kind) => <li key={kind}><KindIcon kind={kind} size={13} />{kindNames(kind)}</li>)}</ul>;
}
