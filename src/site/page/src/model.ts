/** The project as the page sees it: items that know their neighbors. Made once from the artifacts. */

import type {
  Artifacts,
  CatalogTable,
  Freshness,
  LineageNode,
  Owner,
  RunResult,
  SourceResult,
  WireColumn,
  WireConstraint,
  WireNode,
} from './artifacts';
import { ColumnGraph } from './columns';

export const GRAPH_KINDS = [
  'source',
  'seed',
  'model',
  'snapshot',
  'function',
  'semantic_model',
  'metric',
  'saved_query',
  'exposure',
  'analysis',
] as const;

export type Kind = (typeof GRAPH_KINDS)[number] | 'test' | 'unit_test' | 'operation' | 'macro' | 'group';

export interface Column {
  name: string;
  type: string;
  description: string;
  comment: string;
  tags: string[];
  meta: Record<string, unknown>;
  constraints: string[];
  tests: Item[];
  /** Documented, but the database does not have it. */
  isMissing: boolean;
}

export interface Item {
  id: string;
  /** Its number among the items of the graph; -1 outside it. */
  ix: number;
  kind: Kind;
  name: string;
  /** How people call it: `shop.orders` for a source, `orders.v2` for a version. */
  label: string;
  pkg: string;
  path: string;
  description: string;
  tags: string[];
  materialized: string;
  /** A database, schema and name, where it has one. */
  relation: string;
  /** Made when they are first asked for: a large project has hundreds of thousands. */
  readonly columns: Column[];
  parents: Item[];
  children: Item[];
  tests: Item[];
  macros: Item[];
  group: Item | null;
  owner: Owner | null;
  result: RunResult | null;
  freshness: SourceResult | null;
  table: CatalogTable | null;
  /** What lineage knows of its columns. */
  lineage: LineageNode | null;
  isHidden: boolean;
  wire: WireNode;
}

/** `warn` counts as healthy enough to run, `fail` does not. */
export type Health = 'pass' | 'warn' | 'fail' | 'skip' | 'none';

export interface Project {
  name: string;
  adapter: string;
  dbtVersion: string;
  generatedAt: string;
  /** When the results were made; empty if there are none. */
  ranAt: string;
  kilnVersion: string;
  overview: string;
  items: Map<string, Item>;
  /** Items of the graph: all but tests, macros and groups. */
  nodes: Item[];
  tests: Item[];
  macros: Item[];
  groups: Item[];
  /** Items by name and by label, for links from text; `null` where a name means several. */
  byName: Map<string, Item | null>;
  columns: ColumnGraph;
  /** Whether lineage of columns was read, or found not to be there. */
  isLineageRead: boolean;
  hasResults: boolean;
  hasCatalog: boolean;
}

/** Runs of these commands compile only; their results say nothing about data. */
const COMPILING = new Set(['generate', 'compile', 'parse', 'list', 'show']);

export function buildProject(artifacts: Artifacts): Project {
  const { manifest } = artifacts;
  const items = new Map<string, Item>();
  const add = (wires: Record<string, WireNode> | undefined, kind?: Kind) => {
    for (const [id, wire] of Object.entries(wires ?? {})) items.set(id, makeItem(id, wire, kind));
  };
  add(manifest.sources, 'source');
  add(manifest.nodes);
  add(manifest.functions, 'function');
  add(manifest.semantic_models, 'semantic_model');
  add(manifest.metrics, 'metric');
  add(manifest.saved_queries, 'saved_query');
  add(manifest.exposures, 'exposure');
  add(manifest.unit_tests, 'unit_test');
  add(manifest.macros, 'macro');
  add(manifest.groups, 'group');

  const all = [...items.values()];
  joinCatalog(items, artifacts);
  link(items, all);
  const hasResults = joinResults(items, artifacts);

  const isInGraph = (item: Item) => (GRAPH_KINDS as readonly string[]).includes(item.kind);
  const nodes = all.filter(isInGraph).sort(byLabel);
  nodes.forEach((item, ix) => (item.ix = ix));
  const metadata = manifest.metadata ?? {};
  const project: Project = {
    name: metadata.project_name || mostCommonPackage(nodes),
    adapter: metadata.adapter_type ?? '',
    dbtVersion: metadata.dbt_version ?? '',
    generatedAt: metadata.generated_at ?? '',
    ranAt: hasResults ? (artifacts.run_results?.metadata?.generated_at ?? '') : '',
    kilnVersion: artifacts.kiln_version ?? '',
    overview: '',
    items,
    nodes,
    tests: all.filter((item) => item.kind === 'test' || item.kind === 'unit_test').sort(byLabel),
    macros: all.filter((item) => item.kind === 'macro').sort(byLabel),
    groups: all.filter((item) => item.kind === 'group').sort(byLabel),
    byName: namesOf([...nodes, ...all.filter((item) => item.kind === 'macro')]),
    columns: new ColumnGraph(items, null),
    isLineageRead: false,
    hasResults,
    hasCatalog: Boolean(artifacts.catalog && Object.keys(artifacts.catalog.nodes ?? {}).length > 0),
  };
  project.overview = overviewOf(artifacts, project.name);
  return project;
}

/** The project's own overview; dbt's built-in one is a greeting to newcomers and is left out. */
function overviewOf(artifacts: Artifacts, project: string): string {
  const blocks = Object.values(artifacts.manifest.docs ?? {}).filter(
    (block) => block.package_name !== 'dbt' && (block.name === '__overview__' || block.name === `__${project}__`),
  );
  const own = blocks.find((block) => block.package_name === project) ?? blocks[0];
  return own?.block_contents ?? '';
}

function makeItem(id: string, wire: WireNode, fixed?: Kind): Item {
  const kind = fixed ?? (wire.resource_type as Kind);
  const config = wire.config ?? {};
  let columns: Column[] | null = null;
  let lineage: LineageNode | null = null;
  const docs = wire.docs ?? (config.docs as WireNode['docs']);
  return {
    id,
    ix: -1,
    kind,
    name: wire.name,
    label: labelOf(wire, kind),
    pkg: wire.package_name ?? '',
    path: wire.original_file_path ?? '',
    description: (wire.description ?? '').trim(),
    tags: unique([...(wire.tags ?? []), ...asTexts(config.tags)]),
    materialized: kind === 'model' ? String(config.materialized ?? '') : '',
    relation: relationOf(wire, kind),
    get columns() {
      return (columns ??= columnsOf(this));
    },
    parents: [],
    children: [],
    tests: [],
    macros: [],
    group: null,
    owner: wire.owner ?? ((wire.meta?.owner ?? (config.meta as Record<string, unknown>)?.owner) ? ownerOf(wire) : null),
    result: null,
    freshness: null,
    table: null,
    get lineage() {
      return lineage;
    },
    set lineage(node) {
      lineage = node;
      columns = null;
    },
    isHidden: docs?.show === false,
    wire,
  };
}

function labelOf(wire: WireNode, kind: Kind): string {
  if (kind === 'source') return `${wire.source_name}.${wire.name}`;
  if (kind === 'model' && wire.version != null && wire.version !== '') return `${wire.name}.v${wire.version}`;
  if (kind === 'exposure' || kind === 'metric') return wire.label || wire.name;
  return wire.name;
}

function relationOf(wire: WireNode, kind: Kind): string {
  if (!['model', 'seed', 'snapshot', 'source'].includes(kind) || wire.config?.materialized === 'ephemeral') return '';
  const name = wire.identifier || wire.alias || wire.name;
  return [wire.database, wire.schema, name].filter(Boolean).join('.');
}

/** `meta.owner` is a common place for an owner's name or address. */
function ownerOf(wire: WireNode): Owner {
  const owner = wire.meta?.owner ?? (wire.config?.meta as Record<string, unknown>)?.owner;
  if (typeof owner === 'object' && owner) return owner as Owner;
  const text = String(owner);
  return text.includes('@') && !text.startsWith('@') ? { email: text } : { name: text };
}

/** Order and types as in the database where it was asked, else as described, else as lineage knows. */
function columnsOf(item: Item): Column[] {
  const described = new Map(Object.entries(item.wire.columns ?? {}).map(([name, wire]) => [name.toLowerCase(), columnOf(name, wire)]));
  const columns: Column[] = [];
  const named = (name: string) => {
    const column = described.get(name.toLowerCase()) ?? columnOf(name, {});
    described.delete(name.toLowerCase());
    columns.push(column);
    return Object.assign(column, { name });
  };
  const table = Object.entries(item.table?.columns ?? {}).sort(([, a], [, b]) => (a.index ?? 0) - (b.index ?? 0));
  for (const [name, wire] of table) {
    const column = named(name);
    column.type = wire.type || column.type;
    column.comment = wire.comment ?? '';
  }
  for (const column of described.values()) columns.push(Object.assign(column, { isMissing: table.length > 0 }));
  addFromLineage(item, columns, table.length > 0);
  for (const test of item.tests) {
    const name = unquoted(test.wire.column_name ?? '').toLowerCase();
    columns.find((column) => column.name.toLowerCase() === name)?.tests.push(test);
  }
  return columns;
}

function addFromLineage(item: Item, columns: Column[], isComplete: boolean): void {
  if (!item.lineage || !HAS_COLUMNS.has(item.kind)) return;
  const known = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  for (const { name, type = '' } of item.lineage.columns ?? []) {
    const column = known.get(name.toLowerCase());
    if (column) column.type ||= type.toLowerCase();
    else if (!isComplete) columns.push(columnOf(name, { data_type: type }));
  }
}

const HAS_COLUMNS: ReadonlySet<Kind> = new Set(['model', 'source', 'seed', 'snapshot']);

/** The names alone, for search. */
export function columnNames(item: Item): string[] {
  if (item.lineage) return item.columns.map((column) => column.name);
  return Object.keys(item.table?.columns ?? item.wire.columns ?? {});
}

function columnOf(name: string, wire: WireColumn): Column {
  return {
    name,
    type: wire.data_type ?? '',
    description: (wire.description ?? '').trim(),
    comment: '',
    tags: wire.tags ?? [],
    meta: wire.meta ?? {},
    constraints: (wire.constraints ?? []).map(constraintText),
    tests: [],
    isMissing: false,
  };
}

export function constraintText(constraint: WireConstraint): string {
  const name = String(constraint.type ?? '').replace(/_/g, ' ');
  if (constraint.to) return `${name} → ${constraint.to}`;
  return constraint.expression ? `${name} (${constraint.expression})` : name;
}

function joinCatalog(items: Map<string, Item>, { catalog }: Artifacts): void {
  for (const tables of [catalog?.nodes, catalog?.sources]) {
    for (const [id, table] of Object.entries(tables ?? {})) {
      const item = items.get(id);
      if (item) item.table = table;
    }
  }
}

function link(items: Map<string, Item>, all: Item[]): void {
  const groups = new Map(all.filter((item) => item.kind === 'group').map((item) => [`${item.pkg}.${item.name}`, item]));
  for (const item of all) {
    const dependsOn = item.wire.depends_on ?? {};
    const parents = new Set(dependsOn.nodes ?? []);
    for (const id of parents) {
      const parent = items.get(id);
      if (!parent || parent === item) continue;
      item.parents.push(parent);
      parent.children.push(item);
    }
    for (const id of new Set(dependsOn.macros ?? [])) {
      const used = items.get(id);
      if (!used) continue;
      item.macros.push(used);
      used.children.push(item);
    }
    const name = item.wire.group ?? (item.wire.config?.group as string | undefined);
    const group = name ? groups.get(`${item.pkg}.${name}`) : undefined;
    if (group) {
      item.group = group;
      group.children.push(item);
    }
    if (item.kind === 'test' || item.kind === 'unit_test') attach(item, items);
  }
  for (const item of all) {
    item.parents.sort(byLabel);
    item.children.sort(byLabel);
    item.tests.sort(byLabel);
  }
}

/** Puts a test to the node that it is about. */
function attach(test: Item, items: Map<string, Item>): void {
  const attached = test.wire.attached_node ? items.get(test.wire.attached_node) : undefined;
  const targets = attached ? [attached] : test.parents;
  for (const target of targets) target.tests.push(test);
}

function joinResults(items: Map<string, Item>, { run_results, sources }: Artifacts): boolean {
  const results = COMPILING.has(run_results?.args?.which ?? '') ? [] : (run_results?.results ?? []);
  let hasAny = false;
  for (const result of results) {
    const item = items.get(result.unique_id);
    if (!item) continue;
    item.result = result;
    hasAny = true;
  }
  for (const result of sources?.results ?? []) {
    const item = items.get(result.unique_id);
    if (item) item.freshness = result;
  }
  return hasAny;
}

/** How the last run of an item went, or the last look at a source's freshness. */
export function healthOf(item: Item): Health {
  const status = item.result?.status ?? item.freshness?.status;
  switch (status) {
    case undefined:
      return 'none';
    case 'pass':
    case 'success':
      return 'pass';
    case 'warn':
      return 'warn';
    case 'skipped':
    case 'no-op':
      return 'skip';
    default:
      return 'fail';
  }
}

/** The worst that happened to an item or to a test of it. */
export function worstHealth(item: Item): Health {
  const order: Health[] = ['none', 'skip', 'pass', 'warn', 'fail'];
  const found = [healthOf(item), ...item.tests.map(healthOf)];
  return found.reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a));
}

/** When a result was made. */
export function finishedAt(result: RunResult): string {
  const timing = result.timing ?? [];
  return timing[timing.length - 1]?.completed_at ?? '';
}

/** What a test checks, in the words of the file that asks for it: `accepted_values: a, b`. */
export function testTitle(test: Item): string {
  const facts = test.wire.test_metadata;
  if (!facts?.name) return test.name;
  return facts.namespace ? `${facts.namespace}.${facts.name}` : facts.name;
}

/** The arguments of a generic test but for those that say what it is attached to. */
export function testArguments(test: Item): [string, string][] {
  const kwargs = Object.entries(test.wire.test_metadata?.kwargs ?? {});
  return kwargs
    .filter(([key]) => key !== 'model' && key !== 'column_name')
    .map(([key, value]) => [key, Array.isArray(value) ? value.join(', ') : plain(value)]);
}

export function plain(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/** The freshness that a source promises, as in `warn after 24 hours`. */
export function promiseOf(freshness: Freshness | null | undefined): string {
  const part = (name: string, after: Freshness['warn_after']) =>
    after?.count ? [`${name} after ${after.count} ${after.period}${after.count === 1 ? '' : 's'}`] : [];
  return [...part('warn', freshness?.warn_after), ...part('error', freshness?.error_after)].join(', ');
}

/** How many of the columns and nodes that people read have a description. */
export function coverage(nodes: Item[]): { nodes: [number, number]; columns: [number, number] } {
  const read = nodes.filter((item) => ['model', 'source', 'seed', 'snapshot'].includes(item.kind));
  let [all, described] = [0, 0];
  for (const { wire, table } of read) {
    const texts = Object.values(wire.columns ?? {});
    all += Math.max(texts.length, Object.keys(table?.columns ?? {}).length);
    described += texts.filter((column) => column.description).length;
  }
  return { nodes: [read.filter((item) => item.description).length, read.length], columns: [described, all] };
}

function namesOf(items: Item[]): Map<string, Item | null> {
  const names = new Map<string, Item | null>();
  for (const item of items) {
    // A source's bare name is often an everyday word.
    for (const name of new Set(item.kind === 'source' ? [item.label] : [item.name, item.label])) {
      // A macro does not hide a model of the same name.
      if (item.kind === 'macro' && names.has(name)) continue;
      names.set(name, names.has(name) ? null : item);
    }
  }
  return names;
}

function mostCommonPackage(nodes: Item[]): string {
  const counts = new Map<string, number>();
  for (const item of nodes) counts.set(item.pkg, (counts.get(item.pkg) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'Project';
}

const unquoted = (name: string) => name.replace(/^["`[]|["`\]]$/g, '');
const unique = <T>(list: T[]) => [...new Set(list)];
const asTexts = (value: unknown) => (Array.isArray(value) ? value.map(String) : value ? [String(value)] : []);
export const byLabel = (a: Item, b: Item) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0);
