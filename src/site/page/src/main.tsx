/** Opens the page: reads the data, then draws. */

import './style/base.css';
import './style/frame.css';
import './style/pages.css';
import './style/graph.css';
import { render } from 'preact';
import { App } from './app';
import type { Artifacts } from './artifacts';
import { loadArtifacts } from './load';
import { linkNamesOf } from './markdown';
import { buildProject } from './model';
import { OpenPage } from './views/open';

const root = document.getElementById('app')!;

function show(artifacts: Artifacts): void {
  performance.mark('kiln-read');
  const project = buildProject(artifacts);
  performance.mark('kiln-built');
  linkNamesOf(project);
  root.replaceChildren();
  render(<App project={project} />, root);
  performance.mark('kiln-open');
}

/** Widths of cards are measured, so the fonts, which are in the page, come first. */
const fonts = Promise.all(['500 13px "IBM Plex Sans Variable"', '12px "IBM Plex Mono"'].map((font) => document.fonts?.load(font)));

async function open(): Promise<void> {
  try {
    const [artifacts] = await Promise.all([loadArtifacts(), fonts.catch(() => null)]);
    root.replaceChildren();
    if (artifacts) show(artifacts);
    else render(<OpenPage onOpen={(opened) => { render(null, root); show(opened); }} />, root);
  } catch (error) {
    const message = document.createElement('p');
    message.className = 'boot';
    message.textContent = `The data of this page cannot be read: ${String(error)}`;
    root.replaceChildren(message);
  }
}

void open();
