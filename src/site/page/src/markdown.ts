/** Descriptions are Markdown. HTML in them is shown as text, never run. */

import MarkdownIt from 'markdown-it';
import { hrefOf } from './router';
import type { Project } from './model';

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });
let project: Project | null = null;

/** Lets code such as `orders` link to the node of that name. */
export function linkNamesOf(shown: Project): void {
  project = shown;
}

markdown.renderer.rules.link_open = (tokens, at, options, _env, self) => {
  const token = tokens[at]!;
  const href = token.attrGet('href') ?? '';
  if (!href.startsWith('#')) {
    token.attrSet('target', '_blank');
    token.attrSet('rel', 'noopener noreferrer');
  }
  return self.renderToken(tokens, at, options);
};

markdown.renderer.rules.code_inline = (tokens, at) => {
  const text = tokens[at]!.content;
  const escaped = markdown.utils.escapeHtml(text);
  const item = project?.byName.get(text);
  const isInLink = tokens.slice(0, at).reduce((depth, token) => depth + (token.type === 'link_open' ? 1 : token.type === 'link_close' ? -1 : 0), 0) > 0;
  if (!item || isInLink) return `<code>${escaped}</code>`;
  return `<a class="code-link" href="${markdown.utils.escapeHtml(hrefOf(item))}"><code>${escaped}</code></a>`;
};

// A wide table scrolls by itself, not the page.
markdown.renderer.rules.table_open = () => '<div class="scroll"><table>';
markdown.renderer.rules.table_close = () => '</table></div>';

export function toHtml(text: string): string {
  return markdown.render(text);
}

/** The first sentence or line, as plain text, for lists. */
export function summary(text: string): string {
  const line = text.trim().split(/\n\s*\n/)[0]!.replace(/\s+/g, ' ');
  const plain = line
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`#]{1,3}(\S[^*`]*?)[*_`]{1,3}/g, '$1')
    .replace(/^#+\s*/, '');
  return plain.length > 180 ? `${plain.slice(0, 177).trimEnd()}…` : plain;
}
