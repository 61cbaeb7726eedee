// Makes dist/index.html, the one file that kiln carries: page, styles and fonts in it.
// With `--test`, bundles the unit tests instead.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const common = { absWorkingDir: root, bundle: true, jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning' };

/** A hash of everything that the page is made from; `tests/it/site.rs` computes the same. */
function sourcesHash() {
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1).replaceAll('\\', '/'))
    .filter((name) => !name.startsWith('node_modules/') && !name.startsWith('dist/') && !name.startsWith('.'))
    .sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\0`).update(readFileSync(join(root, name))).update('\0');
  return hash.digest('hex');
}

async function bundle(entry, options = {}) {
  const built = await build({
    ...common, entryPoints: [entry], minify: true, format: 'iife', target: 'es2022', write: false, outdir: 'dist',
    legalComments: 'eof', loader: { '.woff2': 'dataurl' }, define: { 'process.env.NODE_ENV': '"production"' }, ...options,
  });
  const text = (ending) => built.outputFiles.find((file) => file.path.endsWith(ending))?.text.trim() ?? '';
  return { js: text('.js').replaceAll('</script', '<\\/script'), css: text('.css') };
}

/** The licenses of what is bundled ask to travel with it. */
function notices() {
  const packages = [
    'preact', 'markdown-it', 'mdurl', 'uc.micro', 'linkify-it', 'entities', 'punycode.js', '@dagrejs/dagre', '@dagrejs/graphlib',
    'd3-zoom', 'd3-selection', 'd3-dispatch', 'd3-drag', 'd3-interpolate', 'd3-color', 'd3-ease', 'd3-timer', 'd3-transition',
    '@fontsource-variable/ibm-plex-sans', '@fontsource/ibm-plex-mono',
  ];
  const texts = packages.flatMap((name) => {
    const folder = join(root, 'node_modules', name);
    let file;
    try {
      file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    } catch {
      return [];
    }
    return file ? [`${name}\n${'='.repeat(name.length)}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`] : [];
  });
  return `<!-- This page contains:\n\n${texts.join('\n\n').replaceAll('--', '–')}-->`;
}

const hashOf = (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`;

if (process.argv.includes('--test')) {
  await build({ ...common, entryPoints: ['test/all.test.ts'], platform: 'node', format: 'esm', outfile: 'dist/test.mjs', external: ['node:*'] });
} else {
  const early = await bundle('src/theme-early.ts');
  const main = await bundle('src/main.tsx');
  // Only these two scripts and the data files beside the page may run, whatever a description says.
  const policy = [
    "default-src 'none'", `script-src ${hashOf(early.js)} ${hashOf(main.js)} 'self' file:`, "style-src 'unsafe-inline'",
    "img-src 'self' https: data: file:", 'font-src data:', "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
  ].join('; ');
  const page = readFileSync(join(root, 'src/template.html'), 'utf8')
    .replace('{{sources}}', sourcesHash())
    .replace('{{policy}}', () => policy)
    .replace('{{style}}', () => main.css)
    .replace('{{early}}', () => early.js)
    .replace('{{main}}', () => main.js)
    .replace('{{notices}}', notices);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'dist/index.html'), page);
  console.log(`dist/index.html: ${Math.round(page.length / 1000)} kB`);
}
