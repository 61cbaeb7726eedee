/** What can be checked without a browser: selectors, search, colors of code, Markdown, addresses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Artifacts, WireNode } from '../src/artifacts';
import { ColumnGraph } from '../src/columns';
import { tokenize } from '../src/highlight';
import { summary, toHtml } from '../src/markdown';
import { buildProject, type Item } from '../src/model';
import { graphHref, graphState, hrefOf, parseRoute } from '../src/router';
import { distance, Search } from '../src/search';
import { select } from '../src/select';

const model = (name: string, parents: string[], more: Partial<WireNode> = {}): [string, WireNode] => [
  `model.shop.${name}`,
  {
    unique_id: `model.shop.${name}`, name, resource_type: 'model', package_name: 'shop', fqn: ['shop', 'marts', name],
    original_file_path: `models/marts/${name}.sql`, config: { materialized: 'view' }, depends_on: { nodes: parents }, ...more,
  },
];

const artifacts: Artifacts = {
  manifest: {
    metadata: { project_name: 'shop' },
    sources: {
      'source.shop.crm.raw': { unique_id: 'source.shop.crm.raw', name: 'raw', source_name: 'crm', package_name: 'shop', columns: { id: { description: 'The key.' } } },
    },
    nodes: Object.fromEntries([
      model('stg_orders', ['source.shop.crm.raw'], { tags: ['daily'], columns: { id: {} } }),
      model('orders', ['model.shop.stg_orders'], { tags: ['daily', 'core'], description: 'Every order, once.', columns: { total_amount: {} } }),
      model('report', ['model.shop.orders'], { config: { materialized: 'table' } }),
      ['test.shop.not_null_orders', { unique_id: 'test.shop.not_null_orders', name: 'not_null_orders', resource_type: 'test', package_name: 'shop', attached_node: 'model.shop.orders', column_name: 'total_amount', test_metadata: { name: 'not_null' }, depends_on: { nodes: ['model.shop.orders'] } }],
    ]),
  },
  run_results: { args: { which: 'test' }, results: [{ unique_id: 'test.shop.not_null_orders', status: 'fail', failures: 2 }] },
};
const project = buildProject(artifacts);
const names = (items: Iterable<Item>) => [...items].map((item) => item.name).sort().join(' ');

test('selectors select what dbt selects', () => {
  const cases: [string, string][] = [
    ['orders', 'orders'],
    ['+orders', 'orders raw stg_orders'],
    ['1+orders', 'orders stg_orders'],
    ['orders+,resource_type:model', 'orders report'],
    ['tag:daily', 'orders stg_orders'],
    ['tag:daily,tag:core', 'orders'],
    ['source:crm', 'raw'],
    ['source:crm.raw+1', 'raw stg_orders'],
    ['path:models/marts --exclude tag:daily', 'report'],
    ['config.materialized:table', 'report'],
    ['*orders,resource_type:model', 'orders stg_orders'],
    ['marts', 'orders report stg_orders'],
    ['result:fail', 'not_null_orders'],
    ['orders report', 'orders report'],
    ['@stg_orders,resource_type:source', 'raw'],
  ];
  for (const [text, expected] of cases) assert.equal(names(select(project, text).items), expected, text);
  assert.match(select(project, 'nonsense:x').problem, /nonsense/);
  assert.match(select(project, 'nothing').problem, /nothing/);
});

test('tests belong to nodes and columns', () => {
  const orders = project.byName.get('orders')!;
  assert.equal(names(orders.tests), 'not_null_orders');
  assert.equal(names(orders.columns[0]!.tests), 'not_null_orders');
});

test('search finds parts of names, columns and descriptions', () => {
  const search = new Search(project);
  const first = (text: string) => search.find(text, 5).map((hit) => hit.item.name + (hit.column ? `.${hit.column}` : ''))[0];
  assert.equal(first('order'), 'orders');
  assert.equal(first('amount'), 'orders.total_amount');
  assert.equal(first('every once'), 'orders');
  assert.equal(first('oredrs'), 'orders');
  assert.equal(first('crm'), 'raw');
  assert.equal(first('zzzzzz'), undefined);
  assert.equal(distance('orders', 'oredrs', 2), 1);
});

test('code keeps every letter, and knows its references', () => {
  const code = "select 'a''b', 1.5 -- {{ no }}\nfrom {{ ref('shop', \"orders\") }} {# note #} where x = \"y\" {% if true %}{{ source('crm', 'raw') }}{% endif %";
  const tokens = tokenize(code, 'sql');
  assert.equal(tokens.map((token) => token.text).join(''), code);
  const targets = tokens.flatMap((token) => (token.target ? [token.target] : []));
  assert.deepEqual(targets, [{ names: ['shop', 'orders'], isSource: false }, { names: ['crm', 'raw'], isSource: true }]);
  const python = 'def model(dbt, session):\n    return dbt.ref("a") # b\n';
  assert.equal(tokenize(python, 'python').map((token) => token.text).join(''), python);
});

test('descriptions cannot bring HTML or scripts', () => {
  const html = toHtml('<script>x</script> <img src=x onerror=y> [a](javascript:b) ![c](data:text/html,d) `</code><b>`');
  assert.doesNotMatch(html, /<script|<img|href="javascript|<b>/);
  assert.equal(summary('**Bold** and [a link](x), `code`.\n\nMore.'), 'Bold and a link, code.');
});

test('addresses come back as they were made', () => {
  const orders = project.byName.get('orders')!;
  assert.deepEqual(parseRoute(hrefOf(orders, 'column', 'a/b')), { page: 'item', id: orders.id, part: 'column', column: 'a/b' });
  assert.deepEqual(parseRoute('#!/model/model.shop.orders'), { page: 'item', id: 'model.shop.orders', part: '', column: '' });
  const state = { select: '', focus: 'model.shop.orders', column: 'id', up: 2, down: 99, openUp: ['a.b'], openDown: [] };
  assert.deepEqual(graphState(new URLSearchParams(graphHref(state).split('?')[1])), state);
});

test('descriptions are inherited along columns that are passed', () => {
  const kinds = ['pass', 'rename', 'derive', 'aggregate', 'filter'];
  const graph = new ColumnGraph(project.items, {
    kinds,
    nodes: [
      { id: 'source.shop.crm.raw', columns: [{ name: 'id' }] },
      { id: 'model.shop.stg_orders', columns: [{ name: 'ID', from: [[0, 0, 0]] }], uses: [[0, 0, 4]] },
      { id: 'model.shop.orders', columns: [{ name: 'total_amount', from: [[1, 0, 2]] }] },
    ],
  });
  const [stg, orders] = ['stg_orders', 'orders'].map((name) => project.byName.get(name)!) as [Item, Item];
  assert.equal(graph.inherited({ item: stg, name: 'id' })?.description, 'The key.');
  assert.equal(graph.inherited({ item: orders, name: 'total_amount' }), null);
  assert.deepEqual(graph.upstream({ item: stg, name: 'id' }, true).map((edge) => edge.kind), ['pass', 'filter']);
  const around = graph.around({ item: orders, name: 'total_amount' }, 9, 9, false);
  assert.deepEqual(around.map((edge) => edge.from.item.name), ['stg_orders', 'raw']);
});
