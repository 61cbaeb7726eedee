/** Raw and compiled code, with colors, line numbers and links. */

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { loadCode } from '../load';
import { type Language, type Token, tokenize } from '../highlight';
import type { Item, Project } from '../model';
import { hrefOf } from '../router';
import { Copy, Empty, Section } from '../ui';

/** Longer code is shown without colors, so that it shows at once. */
const LONGEST = 300_000;

export function CodeSection({ item, project }: { item: Item; project: Project }) {
  const [code, setCode] = useState<[string, string?] | null>(null);
  const [isCompiled, setCompiled] = useState(false);
  useEffect(() => {
    let isCurrent = true;
    void loadCode().then((all) => isCurrent && setCode(all[item.id] ?? ['']));
    return () => void (isCurrent = false);
  }, [item]);
  useEffect(() => {
    // The page grew below the place that the address names.
    if (code && location.hash.endsWith('/code')) document.getElementById('part-code')?.scrollIntoView();
  }, [code]);
  const [raw, compiled] = code ?? ['', undefined];
  const text = (isCompiled ? compiled : raw) ?? '';
  const tabs = compiled && (
    <div class="tabs small" role="group" aria-label="Code">
      <button type="button" aria-pressed={!isCompiled} onClick={() => setCompiled(false)}>Source</button>
      <button type="button" aria-pressed={isCompiled} onClick={() => setCompiled(true)}>Compiled</button>
    </div>
  );
  return (
    <Section id="code" title="Code" actions={<>{tabs}{text && <Copy text={text} label="Copy the code" />}</>}>
      {code === null && <p class="muted">Reading the code…</p>}
      {code !== null && !text && <Empty title="There is no code to show" />}
      {text && <Code text={text} language={item.wire.language === 'python' ? 'python' : 'sql'} project={project} path={item.path} />}
    </Section>
  );
}

export function Code({ text, language, project, path = '' }: { text: string; language: Language; project: Project; path?: string }) {
  const trimmed = text.replace(/^\n+|\s+$/g, '');
  const lines = useMemo(() => linesOf(trimmed, language), [trimmed, language]);
  return (
    <figure class="code">
      {path && <figcaption>{path}</figcaption>}
      <pre tabIndex={0} aria-label="Code"><code>
        {lines.map((line, at) => <span class="line" key={at}>{line.map((token) => tokenView(token, project))}</span>)}
      </code></pre>
    </figure>
  );
}

/** Tokens cut at line ends. */
function linesOf(text: string, language: Language): Token[][] {
  const tokens: Token[] = text.length > LONGEST ? [{ kind: 'text', text }] : tokenize(text, language);
  const lines: Token[][] = [[]];
  for (const token of tokens) {
    token.text.split('\n').forEach((part, at) => {
      if (at > 0) lines.push([]);
      if (part) lines[lines.length - 1]!.push({ ...token, text: part });
    });
  }
  return lines;
}

function tokenView(token: Token, project: Project): ComponentChildren {
  if (token.kind === 'text') return token.text;
  const item = token.target ? targetOf(token.target, project) : undefined;
  if (item) return <a class="t-ref" href={hrefOf(item)}>{token.text}</a>;
  return <span class={`t-${token.kind}`}>{token.text}</span>;
}

function targetOf({ names, isSource }: NonNullable<Token['target']>, project: Project): Item | undefined {
  const label = isSource ? names.join('.') : (names[names.length - 1] ?? '');
  const found = project.byName.get(label);
  if (found) return found;
  // A version, or one of several packages that have a node of that name.
  const same = project.nodes.filter((item) => item.name === label && ['model', 'seed', 'snapshot'].includes(item.kind));
  return same.find((item) => item.pkg === names[0]) ?? same.find((item) => item.wire.version === item.wire.latest_version) ?? same[0];
}
