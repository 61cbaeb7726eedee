/** The parts of dbt's published files that the page reads; everything may be missing. */

/** What the page is made from. kiln's data file and files made by dbt have the same shape. */
export interface Artifacts {
  manifest: Manifest;
  catalog?: Catalog | null;
  run_results?: RunResults | null;
  sources?: SourceResults | null;
  /** Which version of kiln made the data file. */
  kiln_version?: string;
}

/** Raw and compiled code by unique id; kept apart, because most of a project is code. */
export type CodeById = Record<string, [raw: string, compiled?: string]>;

export interface Manifest {
  metadata?: Metadata;
  nodes?: Record<string, WireNode>;
  sources?: Record<string, WireNode>;
  exposures?: Record<string, WireNode>;
  metrics?: Record<string, WireNode>;
  semantic_models?: Record<string, WireNode>;
  saved_queries?: Record<string, WireNode>;
  unit_tests?: Record<string, WireNode>;
  functions?: Record<string, WireNode>;
  macros?: Record<string, WireNode>;
  groups?: Record<string, WireNode>;
  docs?: Record<string, { name: string; package_name: string; block_contents: string }>;
}

export interface Metadata {
  project_name?: string;
  adapter_type?: string;
  dbt_version?: string;
  generated_at?: string;
}

export interface Owner {
  name?: string;
  email?: string | string[];
}

/** A node, source, exposure, macro or group of the manifest. */
export interface WireNode {
  unique_id: string;
  name: string;
  resource_type?: string;
  package_name?: string;
  description?: string;
  label?: string;
  alias?: string;
  database?: string | null;
  schema?: string | null;
  identifier?: string;
  relation_name?: string | null;
  original_file_path?: string;
  fqn?: string[];
  tags?: string[];
  meta?: Record<string, unknown>;
  config?: Record<string, unknown>;
  group?: string | null;
  access?: string;
  version?: string | number | null;
  latest_version?: string | number | null;
  deprecation_date?: string | null;
  language?: string;
  contract?: { enforced?: boolean };
  constraints?: WireConstraint[];
  columns?: Record<string, WireColumn>;
  docs?: { show?: boolean; node_color?: string | null };
  depends_on?: { nodes?: string[]; macros?: string[] };
  raw_code?: string;
  compiled_code?: string | null;
  // Sources.
  source_name?: string;
  source_description?: string;
  loader?: string;
  freshness?: Freshness | null;
  // Tests.
  attached_node?: string | null;
  column_name?: string | null;
  test_metadata?: { name?: string; namespace?: string | null; kwargs?: Record<string, unknown> };
  model?: string;
  given?: unknown[];
  expect?: unknown;
  // Exposures, metrics, groups.
  type?: string;
  maturity?: string | null;
  url?: string | null;
  owner?: Owner;
  // Macros.
  macro_sql?: string;
  arguments?: { name: string; type?: string | null; description?: string }[];
}

export interface WireConstraint {
  type?: string;
  columns?: string[];
  expression?: string | null;
  to?: string | null;
}

export interface WireColumn {
  /** The key says it too. */
  name?: string;
  description?: string;
  data_type?: string | null;
  tags?: string[];
  meta?: Record<string, unknown>;
  constraints?: WireConstraint[];
}

export interface Freshness {
  warn_after?: { count?: number | null; period?: string | null } | null;
  error_after?: { count?: number | null; period?: string | null } | null;
}

export interface Catalog {
  nodes?: Record<string, CatalogTable>;
  sources?: Record<string, CatalogTable>;
}

export interface CatalogTable {
  metadata?: { type?: string; owner?: string | null; comment?: string | null };
  /** kiln's data file has them in order, without numbers, and their names as keys only. */
  columns?: Record<string, { name?: string; type?: string; index?: number; comment?: string | null }>;
  stats?: Record<string, { id: string; label: string; value: unknown; include?: boolean; description?: string }>;
}

export interface RunResults {
  metadata?: { generated_at?: string };
  args?: { which?: string };
  results?: RunResult[];
}

export interface RunResult {
  unique_id: string;
  status: string;
  message?: string | null;
  failures?: number | null;
  execution_time?: number;
  timing?: { name: string; started_at?: string; completed_at?: string }[];
  adapter_response?: { rows_affected?: number };
}

export interface SourceResults {
  results?: SourceResult[];
}

export interface SourceResult {
  unique_id: string;
  status: string;
  error?: string | null;
  max_loaded_at?: string;
  snapshotted_at?: string;
  max_loaded_at_time_ago_in_s?: number;
}

/** kiln's column lineage: numbers stand for nodes, columns and kinds, by their places in the lists. */
export interface ColumnLineage {
  kinds?: string[];
  /** Tests by id, with the test that says the same of where the values come from. */
  repeated_tests?: Record<string, string>;
  nodes?: LineageNode[];
}

export type WireEdge = [node: number, column: number, kind: number];

export interface LineageNode {
  id: string;
  columns?: { name: string; type?: string; from?: WireEdge[]; unknown?: string }[];
  /** What decides about the rows of the whole node. */
  uses?: WireEdge[];
  open?: string;
  unknown?: string[];
}
