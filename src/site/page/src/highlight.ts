/** Colors for SQL with Jinja in it, and for Python, by splitting into tokens. Calls of ref() and source() are links. */

export type TokenKind = 'text' | 'comment' | 'string' | 'number' | 'keyword' | 'call' | 'jinja' | 'brace' | 'ref';

export interface Token {
  kind: TokenKind;
  text: string;
  /** What a `ref` names: one or two arguments, and whether it is a source. */
  target?: { names: string[]; isSource: boolean };
}

const words = (text: string) => new Set(text.split(' '));

const SQL = words(
  'add all alter and any anti array as asc asof between by case cast collate column commit constraint create cross cube current ' +
    'default delete desc describe distinct drop else end escape except exclude excluding exists explain extract false fetch filter first ' +
    'following for foreign from full function grant group grouping having if ignore ilike in inner insert intersect interval into is join ' +
    'key last lateral left like limit list map materialized merge natural no not null nulls offset on only or order outer over partition ' +
    'pivot preceding primary qualify range recursive references rename replace respect returning revoke right rollback rollup row rows ' +
    'sample schema select semi set sets similar some struct table tablesample temp temporary then to true truncate try_cast unbounded ' +
    'union unique unnest unpivot update using values view when where window with within without',
);
const JINJA = words(
  'and block call do elif else endblock endcall enddocs endfilter endfor endif endmacro endmaterialization endraw endset endsnapshot ' +
    'endtest extends false filter for if import in include is macro materialization none not or raw return self set snapshot test true docs None True False',
);
const PYTHON = words(
  'and as assert async await break class continue def del elif else except False finally for from global if import in is lambda None ' +
    'nonlocal not or pass raise return True try while with yield match case',
);

const SQL_TOKEN =
  /(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'(?:[^']|'')*'?|\$(?<tag>\w*)\$[\s\S]*?(?:\$\k<tag>\$|$))|(?<quoted>"(?:[^"]|"")*"?)|(?<number>\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<word>[A-Za-z_]\w*)/gi;
const PYTHON_TOKEN =
  /(?<comment>#[^\n]*)|(?<string>"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|(?<number>\b\d+(?:\.\d+)?\b)|(?<word>[A-Za-z_]\w*)/g;
const JINJA_TOKEN = /(?<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)|(?<number>\b\d+(?:\.\d+)?\b)|(?<word>[A-Za-z_]\w*)/g;
const REF = /\b(?<fn>ref|source)\s*\(\s*(?<a>'[^']*'|"[^"]*")\s*(?:,\s*(?<b>'[^']*'|"[^"]*"))?/g;

export type Language = 'sql' | 'python';

export function tokenize(code: string, language: Language): Token[] {
  if (language === 'python') return plainTokens(code, PYTHON_TOKEN, PYTHON, false);
  const tokens: Token[] = [];
  let at = 0;
  // Jinja may stand inside of a string or comment of SQL, so it is cut out first.
  for (const block of code.matchAll(/\{#[\s\S]*?(?:#\}|$)|\{\{[\s\S]*?(?:\}\}|$)|\{%[\s\S]*?(?:%\}|$)/g)) {
    tokens.push(...plainTokens(code.slice(at, block.index), SQL_TOKEN, SQL, true));
    tokens.push(...jinjaTokens(block[0]));
    at = block.index + block[0].length;
  }
  tokens.push(...plainTokens(code.slice(at), SQL_TOKEN, SQL, true));
  return tokens;
}

function jinjaTokens(block: string): Token[] {
  if (block.startsWith('{#')) return [{ kind: 'comment', text: block }];
  const open = /^\{[{%][-+]?/.exec(block)![0];
  const close = /[-+]?[}%]\}$/.exec(block.slice(open.length))?.[0] ?? '';
  const inner = block.slice(open.length, block.length - close.length);
  const tokens: Token[] = [{ kind: 'brace', text: open }];
  let at = 0;
  for (const call of inner.matchAll(REF)) {
    const { fn, a, b } = call.groups as { fn: string; a: string; b?: string };
    // The names are the link, not the parentheses.
    const from = call.index + call[0].indexOf(a);
    const to = call.index + call[0].length;
    tokens.push(...plainTokens(inner.slice(at, from), JINJA_TOKEN, JINJA, false, 'jinja'));
    const names = [a, b].filter((name) => name !== undefined).map((name) => name.slice(1, -1));
    tokens.push({ kind: 'ref', text: inner.slice(from, to), target: { names, isSource: fn === 'source' } });
    at = to;
  }
  tokens.push(...plainTokens(inner.slice(at), JINJA_TOKEN, JINJA, false, 'jinja'));
  if (close) tokens.push({ kind: 'brace', text: close });
  return tokens;
}

function plainTokens(text: string, pattern: RegExp, keywords: Set<string>, ignoresCase: boolean, rest: TokenKind = 'text'): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > at) tokens.push({ kind: rest, text: text.slice(at, found.index) });
    at = found.index + found[0].length;
    tokens.push({ kind: kindOf(found, text, at, keywords, ignoresCase, rest), text: found[0] });
  }
  if (at < text.length) tokens.push({ kind: rest, text: text.slice(at) });
  return tokens;
}

function kindOf(found: RegExpExecArray, text: string, end: number, keywords: Set<string>, ignoresCase: boolean, rest: TokenKind): TokenKind {
  const { comment, string, number, word } = found.groups!;
  if (comment !== undefined) return 'comment';
  if (string !== undefined) return 'string';
  if (number !== undefined) return 'number';
  if (word === undefined) return rest;
  if (keywords.has(ignoresCase ? word.toLowerCase() : word)) return 'keyword';
  return text[end] === '(' ? 'call' : rest;
}
