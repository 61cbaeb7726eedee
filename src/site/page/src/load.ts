/** Finds the project's data: inside this page, in a file beside it, or in files that a reader opens. */

import type { Artifacts, CodeById, ColumnLineage } from './artifacts';

/** What is read at once, and what is read later: most of a large project. */
type Part = 'data' | 'lineage' | 'code';

declare global {
  // Set by docs_data.js and its kin; base64 of gzip of JSON.
  var kilnDocs: Partial<Record<Part, string>> | undefined;
}

/** The names under which dbt and kiln write what the page reads. */
const FILES = ['manifest', 'catalog', 'run_results', 'sources', 'column_lineage'] as const;

/** Code of artifacts that were read as they are, without kiln's data file. */
let ownCode: CodeById | null = null;
let ownLineage: ColumnLineage | null = null;
let code: Promise<CodeById> | null = null;

/** The data of the page; `null` if there is none within reach. */
export async function loadArtifacts(): Promise<Artifacts | null> {
  const packed = await packedText('data');
  if (packed) return unpack<Artifacts>(packed);
  if (location.protocol === 'file:') return null;
  const [manifest, ...others] = await Promise.all(FILES.map(fetched));
  return manifest ? fromTexts([manifest, ...others]) : null;
}

/** The code of all items, which is read when the first of it is shown. */
export function loadCode(): Promise<CodeById> {
  if (ownCode) return Promise.resolve(ownCode);
  code ??= packedText('code').then((text) => (text ? unpack<CodeById>(text) : {}));
  return code;
}

/** How columns follow from one another; `null` if that is not known. */
export async function loadLineage(): Promise<ColumnLineage | null> {
  if (ownCode) return ownLineage;
  const text = await packedText('lineage');
  return text ? unpack<ColumnLineage | null>(text) : null;
}

/** Reads files that a reader chose or dropped. */
export async function openFiles(files: Iterable<File>): Promise<Artifacts> {
  const texts: (string | null)[] = FILES.map(() => null);
  for (const file of files) {
    const at = FILES.findIndex((name) => file.name.replace(/ ?\(\d+\)(?=\.json$)/, '') === `${name}.json`);
    if (at >= 0) texts[at] = await file.text();
  }
  if (!texts[0]) throw new Error('There is no manifest.json among these files.');
  return fromTexts(texts);
}

function fromTexts(texts: (string | null)[]): Artifacts {
  const artifacts: Record<string, unknown> = {};
  FILES.forEach((name, at) => {
    const text = texts[at];
    artifacts[name] = text ? JSON.parse(text) : null;
  });
  const made = artifacts as unknown as Artifacts;
  ownLineage = (artifacts.column_lineage as ColumnLineage | undefined) ?? null;
  ownCode = {};
  for (const wires of [made.manifest.nodes, made.manifest.macros, made.manifest.functions]) {
    for (const [id, wire] of Object.entries(wires ?? {})) {
      ownCode[id] = [wire.raw_code ?? wire.macro_sql ?? '', wire.compiled_code ?? undefined];
    }
  }
  return made;
}

/** Packed text from an element of a static page, or else from a script beside the page. */
async function packedText(name: Part): Promise<string | null> {
  const inside = document.getElementById(`kiln-${name}`);
  if (inside) return inside.textContent;
  if (!globalThis.kilnDocs?.[name]) await runScript(`docs_${name}.js`);
  const text = globalThis.kilnDocs?.[name] ?? null;
  if (globalThis.kilnDocs) delete globalThis.kilnDocs[name];
  return text;
}

/** Runs a script beside the page: pages from disk may do that, and may not fetch. */
function runScript(name: string): Promise<void> {
  return new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = name;
    script.onload = script.onerror = () => resolve();
    document.head.append(script);
  });
}

async function fetched(name: string): Promise<string | null> {
  try {
    const response = await fetch(`${name}.json`);
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}

async function unpack<T>(base64: string): Promise<T> {
  const binary = atob(base64.trim());
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await new Response(stream).json()) as T;
}
